//! What the passes of ResNet-BK and the terms of its estimator are about, and why the two differ.

use crate::{
    component::{ComponentName, Phase},
    explain::{Account, Balance, Facts, Named, Subject},
    op::Op,
    operation::{Function, Operation},
    plan::Pass,
};

/// How its causes are told apart.
pub(super) struct ResNetBkAccount;

/// The projection to the matrix's diagonal.
const V_PROJ: Named = Named::one("v_proj");

/// The sum at the end of a layer.
const MIX: Named = Named::many("residual and bk_scale mix");

impl Account for ResNetBkAccount {
    fn of_pass(&self, pass: &Pass, op: Op) -> Option<Subject> {
        match pass.operation {
            Operation::Linear { result, .. } => match pass.component.parts()[..] {
                ["v_proj"] => Some(Subject::Named(V_PROJ)),
                ["moe", "experts", ..] if result.is_product(op) => {
                    Some(Subject::Product(ComponentName::new(&["moe", "experts"])))
                }
                _ => None,
            },
            Operation::Pointwise {
                function: Function::Sum | Function::ScaledSum | Function::ScaledSumGradient,
                ..
            }
            | Operation::DotProduct { .. } => Some(Subject::Named(MIX)),
            _ => None,
        }
    }

    fn of_term(&self, path: &[&str], product: ComponentName) -> Option<Subject> {
        Some(match *path {
            ["embedding"] => Subject::Embedding,
            ["layer_norm"] => Subject::LayerNorm,
            ["moe", "router" | "experts"] | ["output_proj" | "lm_head"] => {
                Subject::Product(product)
            }
            ["moe", "softmax"] => Subject::GateSoftmax,
            ["moe", "relu"] => Subject::Relu,
            ["optimizer"] => Subject::Optimizer,
            ["bk_core", ..] => Subject::Resolvent,
            _ => return None,
        })
    }

    fn aside(&self, subject: &Named, phase: Phase, entry: Balance, facts: &Facts) -> &'static str {
        if *subject == V_PROJ && entry.estimate == 0 {
            ", neither product nor bias"
        } else if *subject == MIX && phase == Phase::Forward && facts.mixes {
            ": h + f + bk_scale s"
        } else {
            ""
        }
    }
}
