//! Closed forms: the exact floating-point operations of an operation from its sizes, as two numbers.
//! *Algebraic* is what the mathematics asks for; *schedule* is what a kernel must execute that goes about
//! it as its [`Schedule`] says, and what a measurement is held against. Their difference is the price of
//! the kernel, reason by reason. This arm of the crate never sees a shader or an executor; where it agrees
//! with a measurement, it is because the kernel does what is stated here.

mod attention;
mod bk_core;
mod cross_entropy;
mod embedding;
mod form;
mod linear;
mod moe;
mod norm;
mod optimizer;
mod pointwise;
mod rope;

pub use form::{Forms, Overhead};

use crate::{
    op::{Op, OpCounts},
    operation::{DotStage, Operation},
    schedule::Schedule,
};
use form::{joins, products, wide};

/// What an operation costs, and what a kernel with this schedule makes of it.
pub fn forms(operation: &Operation, schedule: &Schedule) -> Forms {
    match *operation {
        Operation::Linear { result, m, k, n, precision, .. } => {
            linear::forms(result, precision, [m, k, n].map(wide), schedule)
        }
        Operation::Attention { step, b, s, heads, kv_heads: _, width, window, capped, wanted } => {
            let [b, s, heads, width, window] = [b, s, heads, width, window].map(wide);
            let shape = attention::Shape { s, heads: b * heads, width, window, capped };
            attention::forms(step, &shape, wanted, schedule)
        }
        Operation::Norm { norm, step, m, d, accumulate } => {
            norm::forms(norm, step, [m, d].map(wide), accumulate, schedule)
        }
        Operation::Rope { b, s, heads, rotary, .. } => rope::forms([b, s, heads, rotary].map(wide)),
        Operation::Pointwise { function, p } => pointwise::forms(function, wide(p)),
        // Every share is added to one lane's sum, and every lane's but the first to the total: lanes whose sums begin
        // at zero.
        Operation::DotProduct { stage: DotStage::Shares, p } => {
            let team = schedule.team.map(|team| team * schedule.partials.unwrap_or(1));
            Forms::algebra(products(1, wide(p), team))
        }
        Operation::DotProduct { stage: DotStage::Total, .. } => {
            let shares = wide(schedule.partials.unwrap_or_default());
            let zeros = schedule.lanes_per_column.or(Some(schedule.lanes));
            let joined = OpCounts::f32(Op::Add, shares + joins(zeros));
            Forms::default().and(Overhead::PartialSums, joined)
        }
        Operation::Loss { step, m, v } => cross_entropy::forms(step, [m, v].map(wide), schedule),
        Operation::Embedding { b, n, d, .. } => embedding::sums(wide(b) * wide(n) * wide(d)),
        Operation::TokenSums { t, d } => embedding::sums(wide(t) * wide(d)),
        Operation::Mixture { step, t, e, k, d } => {
            moe::forms(step, [t, e, k, d].map(wide), schedule)
        }
        Operation::SharedExpert { step, t, d } => moe::shared(step, [t, d].map(wide)),
        Operation::Resolvent { step, b, n } => bk_core::forms(step, wide(b), wide(n), schedule),
        // Integers are sorted and elements are moved, at any size without a floating-point operation.
        Operation::Sort { .. } | Operation::Rows { .. } | Operation::Columns { .. } => {
            Forms::default()
        }
        Operation::Update { rule, p } => optimizer::forms(rule, wide(p)),
    }
}
