//! Matrix products over contiguous groups of rows. Each of the M rows meets the weights of exactly
//! one group, so the operations are those of one dense product whatever the groups are. Tiles that overhang
//! their tensor execute nothing there, and a result that is added to what is there starts its sums from
//! that: a schedule costs nothing here.

use super::form::{Forms, f32s};
use crate::{op::Op, operation::LinearResult, schedule::Schedule};

/// From M rows, K inputs and N outputs: M N K multiply-adds for each of the three products, and
/// M N additions where a bias is added or its gradient summed. Where several slices share a sum, each begins with
/// its first product and the slices' sums are added up: as many multiplications and as many additions.
pub(super) fn forms(result: LinearResult, [m, k, n]: [u64; 3], schedule: &Schedule) -> Forms {
    let (product, sums) = ((Op::Fma, m * n * k), (Op::Add, m * n));
    Forms::algebra(match result {
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
            let forms = forms(result, [5, 7, 11], schedule);
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
    }
}
