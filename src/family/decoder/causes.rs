//! What the passes of a decoder and the terms of its estimator are about, and why the two differ.

use crate::{
    component::{ComponentName, Phase},
    explain::{Account, Balance, Facts, Named, Subject},
    op::Op,
    operation::{Function, Operation},
    plan::Pass,
};

/// How causes are told apart beside Qwen's estimator.
pub(super) struct Qwen;

/// How they are beside the products alone.
pub(super) struct Products;

/// Keys and values, which grouped queries share.
const KEYS_AND_VALUES: Named = Named::many("projections to keys and values");

/// The projection of SwiGLU that its estimator leaves out.
const GATE: Named = Named::one("SwiGLU's gate projection");

/// What a pass is about whatever is estimated: all that adapters do.
fn of_adapters(pass: &Pass, op: Op) -> Option<Subject> {
    let adapters = matches!(pass.component.parts()[..], [.., "lora", _, _])
        || matches!(pass.component.parts()[..], ["lm_head", "lora", _]);
    match pass.operation {
        Operation::Linear { result, .. } if adapters && result.is_product(op) => {
            Some(Subject::Adapters)
        }
        Operation::Pointwise { function: Function::Unscale, .. } => None,
        Operation::Pointwise { .. } if adapters => Some(Subject::Adapters),
        _ => None,
    }
}

impl Account for Qwen {
    fn charges_rows(&self) -> bool {
        true
    }

    fn of_pass(&self, pass: &Pass, op: Op) -> Option<Subject> {
        match (pass.operation, &pass.component.parts()[..]) {
            (Operation::Linear { result, .. }, _) if !result.is_product(op) => None,
            (Operation::Linear { .. }, ["attention", "k_proj" | "v_proj"]) => {
                Some(Subject::Named(KEYS_AND_VALUES))
            }
            (Operation::Linear { .. }, ["feed_forward", "gate_proj"]) => Some(Subject::Named(GATE)),
            _ => of_adapters(pass, op),
        }
    }

    fn of_term(&self, path: &[&str], product: ComponentName) -> Option<Subject> {
        Some(match *path {
            ["embedding"] => Subject::Embedding,
            ["lm_head"]
            | ["attention", "q_proj" | "o_proj"]
            | ["feed_forward", "up_proj" | "down_proj"] => Subject::Product(product),
            ["attention", "k_proj" | "v_proj"] => Subject::Named(KEYS_AND_VALUES),
            ["attention", "lora"] => Subject::Adapters,
            ["attention", "scores" | "values"] => Subject::Attention,
            ["attention", "softmax"] => Subject::AttentionSoftmax,
            ["feed_forward", "swiglu"] => Subject::SwiGlu,
            ["norm"] => Subject::RmsNorm,
            ["residual"] => Subject::Residual,
            ["cross_entropy"] => Subject::Loss,
            _ => return None,
        })
    }

    fn aside(&self, subject: &Named, _: Phase, entry: Balance, facts: &Facts) -> &'static str {
        if *subject == KEYS_AND_VALUES && facts.shares_keys {
            ": they are as wide as the kv heads, not as the queries"
        } else if *subject == GATE && entry.estimate == 0 {
            ": SwiGLU has three projections, not two"
        } else {
            ""
        }
    }
}

impl Account for Products {
    fn of_pass(&self, pass: &Pass, op: Op) -> Option<Subject> {
        match (pass.operation, &pass.component.parts()[..]) {
            // The products of an expert are one term.
            (Operation::Linear { result, .. }, ["moe", "experts", _]) if result.is_product(op) => {
                Some(Subject::Product(pass.component.in_any_layer().outer(2)))
            }
            _ => of_adapters(pass, op),
        }
    }

    fn of_term(&self, path: &[&str], product: ComponentName) -> Option<Subject> {
        Some(match *path {
            ["attention", "scores" | "values"] => Subject::Attention,
            [.., "lora"] => Subject::Adapters,
            _ => Subject::Product(product),
        })
    }

    fn aside(&self, _: &Named, _: Phase, _: Balance, _: &Facts) -> &'static str {
        ""
    }
}
