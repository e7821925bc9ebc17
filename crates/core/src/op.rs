//! The vocabulary: what an operation is, how many were executed, what memory was touched, and what operations
//! cost under a named convention. Everything else in the crate speaks in these types; knows nothing of the rest.

mod convention;
mod counts;
mod kind;
mod price;
mod traffic;

pub use convention::Convention;
pub use counts::OpCounts;
pub use kind::{Op, Scalar};
pub use price::Price;
pub use traffic::{Cost, Traffic, is_zero};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conventions_price_as_documented() {
        let one_of_each: OpCounts = Op::ALL.into_iter().map(|op| OpCounts::f32(op, 1)).sum();
        assert_eq!(one_of_each.flops(Convention::Ieee), 11 + 2);
        assert_eq!(one_of_each.flops(Convention::Primitive), 6 + 2 + 70);
        assert_eq!(one_of_each.flops(Convention::Ncu), 2 + 2);
        let ints = OpCounts::of(Scalar::Int, Op::Add, 7);
        assert_eq!(ints.flops(Convention::Ieee), 0);
        assert!(ints.floating().is_zero());
    }

    #[test]
    fn counts_survive_json_without_their_zeros() {
        let counts = OpCounts::f32(Op::Fma, 3).with(Scalar::Int, Op::Bit, 5);
        let json = serde_json::to_string(&counts).unwrap();
        assert_eq!(json, r#"{"f32.fma":3,"int.bit":5}"#);
        assert_eq!(serde_json::from_str::<OpCounts>(&json).unwrap(), counts);
        assert!(serde_json::from_str::<OpCounts>(r#"{"f32.fmla":3}"#).is_err());
    }

    #[test]
    #[should_panic(expected = "fits in u64")]
    fn an_overflow_is_never_silent() {
        let _ = OpCounts::f32(Op::Add, u64::MAX).times(2);
    }
}
