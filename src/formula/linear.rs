//! Matrix products over contiguous groups of rows. Each of the M rows meets the weights of exactly
//! one group, so the operations are those of one dense product whatever the groups are; how a kernel
//! tiles it is not known here.

use super::dim;
use crate::{
    op::{Op, OpCounts, Scalar},
    plan::Dims,
};

/// From M rows, K inputs and N outputs: M N K multiply-adds for each of the three products, and
/// M N additions where a bias is added or its gradient summed.
pub(super) fn exact(entry: &str, dims: &Dims) -> Option<OpCounts> {
    let outputs = dim(dims, "M")? * dim(dims, "N")?;
    let product = OpCounts::f32(Op::Fma, outputs.checked_mul(dim(dims, "K")?)?);
    let kind = ["_vec4", "_columns"].iter().find_map(|suffix| entry.strip_suffix(suffix));
    match kind.unwrap_or(entry) {
        "forward" => Some(product.with(Scalar::F32, Op::Add, outputs)),
        "forward_plain" | "backward_input" | "backward_weight" => Some(product),
        "backward_bias" => Some(OpCounts::f32(Op::Add, outputs)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::Convention;

    #[test]
    fn a_product_is_two_m_n_k_flops() {
        let dims = Dims::from([("M".into(), 5), ("K".into(), 7), ("N".into(), 11)]);
        let flops = |entry| exact(entry, &dims).map(|counts| counts.flops(Convention::Ieee));
        assert_eq!(flops("forward"), Some(2 * 5 * 7 * 11 + 5 * 11));
        assert_eq!(flops("forward_vec4"), flops("forward"));
        assert_eq!(flops("forward_columns"), flops("forward"));
        assert_eq!(flops("forward_plain"), Some(2 * 5 * 7 * 11));
        assert_eq!(flops("backward_input"), Some(2 * 5 * 7 * 11));
        assert_eq!(flops("backward_weight_vec4"), Some(2 * 5 * 7 * 11));
        assert_eq!(flops("backward_bias"), Some(5 * 11));
        assert_eq!(flops("sideways"), None);
        assert_eq!(exact("forward", &Dims::new()), None);
    }
}
