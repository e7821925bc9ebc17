//! Matrix products over contiguous groups of rows. Each of the M rows meets the weights of exactly
//! one group, so the operations are those of one dense product whatever the groups are. Tiles that overhang
//! their tensor execute nothing there, and a result that is added to what is there starts its sums from
//! that: a schedule costs nothing here.

use super::form::{Forms, f32s};
use crate::{
    op::{Op, OpCounts, Scalar},
    operation::{LinearResult, Precision},
    schedule::Schedule,
};

/// From M rows, K inputs and N outputs: M N K multiply-adds for each of the three products, and
/// M N additions where a bias is added or its gradient summed. Where several slices share a sum, each begins with
/// its first product and the slices' sums are added up: as many multiplications and as many additions. So it is where
/// operands are narrow, in every kernel: a product is one of theirs, and is widened to be added; not where a subgroup
/// multiplies matrices, which add what they multiply.
pub(super) fn forms(
    result: LinearResult,
    precision: Precision,
    [m, k, n]: [u64; 3],
    schedule: &Schedule,
) -> Forms {
    let (product, sums) = ((Op::Fma, m * n * k), (Op::Add, m * n));
    let narrow = |more: u64| {
        let widened = if schedule.side.is_some() { 0 } else { m * n * k };
        OpCounts::of(Scalar::F16, Op::Mul, m * n * k)
            + f32s([(Op::Convert, widened), (Op::Add, m * n * k + more)])
    };
    Forms::algebra(match result {
        LinearResult::Output if precision == Precision::Half => narrow(m * n),
        LinearResult::PlainOutput | LinearResult::Input | LinearResult::Weight
            if precision == Precision::Half =>
        {
            narrow(0)
        }
        LinearResult::Weight if schedule.team.is_some() => {
            f32s([(Op::Mul, m * n * k), (Op::Add, m * n * k)])
        }
        LinearResult::Output => f32s([product, sums]),
        LinearResult::PlainOutput | LinearResult::Input | LinearResult::Weight => f32s([product]),
        LinearResult::Bias => f32s([sums]),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::Convention;

    #[test]
    fn a_product_is_two_m_n_k_flops() {
        let flops_by = |result, schedule: &Schedule| {
            let of = |precision| forms(result, precision, [5, 7, 11], schedule);
            let forms = of(Precision::Single);
            let flops = |forms: Forms| forms.schedule().flops(Convention::Ieee);
            assert_eq!(flops(of(Precision::Half)), flops(forms.clone()), "{result:?}");
            assert_eq!(forms.algebraic, forms.schedule());
            forms.algebraic.flops(Convention::Ieee)
        };
        let flops = |result| flops_by(result, &Schedule::of_lanes(64));
        assert_eq!(flops(LinearResult::Output), 2 * 5 * 7 * 11 + 5 * 11);
        for product in [LinearResult::PlainOutput, LinearResult::Input, LinearResult::Weight] {
            assert_eq!(flops(product), 2 * 5 * 7 * 11);
        }
        assert_eq!(flops(LinearResult::Bias), 5 * 11);
        let shared = Schedule { team: Some(16), ..Schedule::of_lanes(256) };
        assert_eq!(flops_by(LinearResult::Weight, &shared), 2 * 5 * 7 * 11);
        let matrices = Schedule { side: Some(16), ..Schedule::of_lanes(32) };
        let ops = |result| forms(result, Precision::Half, [16, 32, 48], &matrices).schedule();
        let product = 16 * 32 * 48;
        let plain = OpCounts::of(Scalar::F16, Op::Mul, product).with(Scalar::F32, Op::Add, product);
        assert_eq!(ops(LinearResult::PlainOutput), plain);
        assert_eq!(ops(LinearResult::Output), plain.with(Scalar::F32, Op::Add, 16 * 48));
    }
}
