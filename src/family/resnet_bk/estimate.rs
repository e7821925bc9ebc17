//! The estimator published with ResNet-BK (its FLOPs counter's `count_*_flops`), term by term. What
//! it leaves out altogether (`v_proj`, every bias, the residual and bk_scale mix, top-k, the gates,
//! the loss) is left out here too.
//!
//! Two things are ours. The publication adds up backward and optimizer for the whole model only;
//! here each component has its share. And its scaling table for N of 256 and more does not follow
//! from its own formulas, which is why flopmeter prints what the formulas give. P counts every
//! learned position, whatever N is.

use std::collections::BTreeMap;

use super::config::ResNetBkConfig;
use crate::{
    Error,
    component::{
        ComponentName,
        Phase::{self, Backward, Forward},
    },
    family::shape::BatchShape,
    operation::Optimizer,
    term::{Line, Priced, Term},
};

/// Every term, component by component in the order of the model.
pub(super) fn terms(
    config: &ResNetBkConfig,
    shape: BatchShape,
    optimizer: Optimizer,
) -> Result<Vec<Term>, Error> {
    let [b, n, t] = [shape.batch(), shape.seq(), shape.tokens()].map(u64::from);
    let ResNetBkConfig { d_model, vocab_size, num_experts, top_k, .. } = *config;
    let [d, v, e, k] = [d_model, vocab_size, num_experts, top_k].map(u64::from);

    let of = Priced::all_of;
    let layer_norm = || -> [Line; 2] {
        [
            (of(&["layer_norm"]), Forward, "5 T D", vec![5, t, d]),
            (of(&["layer_norm"]), Backward, "5 T D", vec![5, t, d]),
        ]
    };
    let embedding: Vec<Line> = vec![
        (of(&["embedding"]), Forward, "T D", vec![t, d]),
        (of(&["embedding"]), Backward, "T D", vec![t, d]),
    ];
    let mut layer: Vec<Line> = vec![
        // Per token: the router's product, a softmax over all E, and in each of K experts two
        // products of 4 D^2 and a ReLU of 2 D. Backward is twice forward, softmax and ReLU too.
        (of(&["moe", "router"]), Forward, "2 T D E", vec![2, t, d, e]),
        (of(&["moe", "softmax"]), Forward, "3 T E", vec![3, t, e]),
        (of(&["moe", "experts"]), Forward, "8 T K D^2", vec![8, t, k, d, d]),
        (of(&["moe", "relu"]), Forward, "2 T K D", vec![2, t, k, d]),
        (of(&["moe", "router"]), Backward, "4 T D E", vec![4, t, d, e]),
        (of(&["moe", "softmax"]), Backward, "6 T E", vec![6, t, e]),
        (of(&["moe", "experts"]), Backward, "16 T K D^2", vec![16, t, k, d, d]),
        (of(&["moe", "relu"]), Backward, "4 T K D", vec![4, t, k, d]),
        // A complex product is 6, a complex sum 2: a step of a recursion is two products and one
        // sum, the division is priced as a product, and so is G^2. The gradient is 2 x 10.
        (of(&["bk_core", "theta"]), Forward, "14 B N", vec![14, b, n]),
        (of(&["bk_core", "phi"]), Forward, "14 B N", vec![14, b, n]),
        (of(&["bk_core", "resolvent"]), Forward, "6 B N", vec![6, b, n]),
        (of(&["bk_core", "square"]), Backward, "6 B N", vec![6, b, n]),
        (of(&["bk_core", "gradient"]), Backward, "20 B N", vec![20, b, n]),
        (of(&["output_proj"]), Forward, "4 T D", vec![4, t, d]),
        (of(&["output_proj"]), Backward, "8 T D", vec![8, t, d]),
    ];
    layer.splice(0..0, layer_norm());
    let lm_head: Vec<Line> = vec![
        (of(&["lm_head"]), Forward, "2 T D V", vec![2, t, d, v]),
        (of(&["lm_head"]), Backward, "4 T D V", vec![4, t, d, v]),
    ];

    let mut sheet = Sheet { terms: Vec::new(), parameters: parameters(config), optimizer };
    sheet.component(&ComponentName::new(&["embedding"]), &embedding)?;
    for index in 0..config.n_layers {
        sheet.component(&ComponentName::of_layer(index, &[]), &layer)?;
    }
    sheet.component(&ComponentName::new(&["final_layernorm"]), &layer_norm())?;
    sheet.component(&ComponentName::new(&["lm_head"]), &lm_head)?;
    Ok(sheet.terms)
}

/// P, the number of parameters, of each component.
fn parameters(config: &ResNetBkConfig) -> BTreeMap<ComponentName, u64> {
    let mut counts = BTreeMap::new();
    for parameter in config.parameters() {
        let elements = parameter.elements();
        *counts.entry(parameter.component).or_default() += elements;
    }
    counts
}

/// Terms under construction.
struct Sheet {
    terms: Vec<Term>,
    parameters: BTreeMap<ComponentName, u64>,
    optimizer: Optimizer,
}

impl Sheet {
    /// Adds the lines of a component, and the optimizer's step over its parameters.
    fn component(&mut self, component: &ComponentName, lines: &[Line]) -> Result<(), Error> {
        for line in lines {
            self.terms.push(Term::new(component, line)?);
        }
        let p = self.parameters.get(component).copied().unwrap_or_default();
        let priced = Priced::all_of(&["optimizer"]);
        let line = match self.optimizer {
            Optimizer::Adam | Optimizer::AdamW => (priced, Phase::Optimizer, "15 P", vec![15, p]),
            Optimizer::Sgd => (priced, Phase::Optimizer, "2 P", vec![2, p]),
        };
        self.terms.push(Term::new(component, &line)?);
        Ok(())
    }
}
