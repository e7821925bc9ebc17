//! Why a formula's value is not the exact count: the differences of what it charges and what is computed,
//! part by part, each with a reason whose condition is checked on the numbers. They add up to the whole
//! difference.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    bill::{Charges, What},
    case::{Case, Keys},
    formula::{Covers, Formula, HALF, TWO_MATRICES, WHOLE},
};
use crate::family::decoder::{Part, Place, WorkPass};

/// One reason for a difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FormulaCause {
    /// The reason.
    pub text: String,
    /// What the formula charges for it beyond the exact count; negative where it charges less.
    pub flops: i128,
}

/// FLOPs by part and pass.
pub(super) type Counts = BTreeMap<(What, WorkPass), i128>;

/// The exact counts that a formula is held against.
pub(super) struct Reference {
    /// Of what is computed.
    pub(super) exact: Counts,
    /// The same with gradients down to the embedding's output.
    pub(super) fed: Counts,
    /// The same again without windows: every query meets the keys up to itself.
    pub(super) windowless: Counts,
}

/// The reasons, the largest first.
pub(super) fn causes(
    formula: &Formula,
    case: &Case<'_>,
    bill: &Charges<'_>,
    reference: &Reference,
) -> Vec<FormulaCause> {
    let charged = bill.charges();
    let mut parts: Vec<What> =
        charged.keys().chain(reference.exact.keys()).map(|key| key.0).collect();
    parts.sort_unstable();
    parts.dedup();
    let (mut frozen, mut again, mut front, mut windows) = (0, 0, 0, 0);
    let mut wider = 0;
    let mut found = Vec::new();
    for what in parts {
        let mut side = Side::default();
        for pass in [
            WorkPass::Forward,
            WorkPass::Again,
            WorkPass::Input,
            WorkPass::Weight,
            WorkPass::Update,
        ] {
            let of = |counts: &Counts| counts.get(&(what, pass)).copied().unwrap_or_default();
            let (charged, exact) = (of(charged), of(&reference.exact));
            if charged != 0 && bill.keys() != Keys::Window {
                let outside = of(&reference.windowless) - of(&reference.fed);
                windows += outside;
                side.exact += outside;
            }
            match pass {
                WorkPass::Weight if exact == 0 && case.has_adapters() => frozen += charged,
                WorkPass::Again if exact == 0 => again += charged,
                WorkPass::Input if charged != 0 => {
                    let fed = of(&reference.fed);
                    front += fed - exact;
                    side.add(charged, fed);
                }
                WorkPass::Forward
                | WorkPass::Again
                | WorkPass::Input
                | WorkPass::Weight
                | WorkPass::Update => {
                    side.add(charged, exact);
                }
            }
        }
        if what == What::Part(Part::Square) {
            let charged = side.charged * case.n * case.d / bill.heads();
            wider = side.charged - charged;
            side.charged = charged;
        }
        if side.charged != side.exact {
            let text = reason(formula, bill, what, side);
            let flops = side.charged - side.exact;
            // Several parts may differ for one reason.
            match found.iter_mut().find(|cause: &&mut FormulaCause| cause.text == text) {
                Some(cause) => cause.flops += flops,
                None => found.push(FormulaCause { text, flops }),
            }
        }
    }
    let text = "gradients of frozen weights are charged: adapters alone are trained";
    found.push(FormulaCause { text: text.to_owned(), flops: frozen });
    let text =
        "gradients by inputs in front of the first adapter are charged, where nothing is trained";
    found.push(FormulaCause { text: text.to_owned(), flops: front });
    let text = "a second forward pass is charged, and no layer is recomputed";
    found.push(FormulaCause { text: text.to_owned(), flops: again });
    let text = "windows are ignored: a query meets no more keys than its window holds";
    found.push(FormulaCause { text: text.to_owned(), flops: windows });
    let text =
        "attention's heads are charged as wide as the hidden state: together they are n d wide";
    found.push(FormulaCause { text: text.to_owned(), flops: wider });
    found.retain(|cause| cause.flops != 0);
    found.sort_by_key(|cause| std::cmp::Reverse(cause.flops.abs()));
    found
}

/// What is charged for a part, and what it costs.
#[derive(Clone, Copy, Default)]
struct Side {
    charged: i128,
    exact: i128,
}

impl Side {
    fn add(&mut self, charged: i128, exact: i128) {
        self.charged += charged;
        self.exact += exact;
    }

    fn is(self, numerator: i128, denominator: i128) -> bool {
        self.charged * denominator == self.exact * numerator
    }
}

fn reason(formula: &Formula, bill: &Charges<'_>, what: What, side: Side) -> String {
    let given = formula.because.iter().find(|(part, _)| *part == what).map(|(_, text)| *text);
    // Matrices of another width may cost what another number of them would: who gives a reason for the MLP knows which,
    // unless the width is the one that those formulas have.
    let case = bill.case();
    let is_mlp = what == What::Part(Part::Linear(Place::Mlp));
    let is_usual = case.i == 4 * case.h;
    let known =
        known(bill, formula.covers, what, side).filter(|_| !is_mlp || given.is_none() || is_usual);
    if let Some(text) = known {
        return text.to_owned();
    }
    let name = name(what);
    match given {
        Some(text) => text.to_owned(),
        None if side.charged == 0 => format!("not charged: {name}"),
        None if side.exact == 0 => format!("charged, but costs no FLOPs: {name}"),
        None => {
            let times = side.charged as f64 / side.exact as f64;
            format!("charged at {times:.4} of what it costs: {name}")
        }
    }
}

/// A reason that the numbers prove.
fn known(bill: &Charges<'_>, covers: Covers, what: What, side: Side) -> Option<&'static str> {
    let case = bill.case();
    let gate = case.config.architecture.names().gate;
    match what {
        What::Table => Some("the embedding is charged as a matrix product: it is a look-up"),
        What::Positions => {
            Some("the table of positions is charged as a matrix product: it is a look-up")
        }
        What::Part(Part::Square) => square(bill, side),
        What::Part(Part::Linear(Place::Key | Place::Value)) if side.charged == 0 => {
            Some("keys and values are forgotten")
        }
        What::Part(Part::Linear(Place::Key | Place::Value)) if side.is(case.n, case.k) => {
            Some("keys and values are charged as wide as queries: grouped queries are ignored")
        }
        What::Part(Part::Linear(Place::Mlp)) if side.is(2, 3) && gate.is_some() => {
            Some(TWO_MATRICES.1)
        }
        What::Part(Part::Linear(Place::Mlp)) if side.is(3, 2) && gate.is_none() => {
            Some("the MLP is charged as three matrices: it has two")
        }
        What::Part(Part::Linear(Place::Head)) if side.is(3, 4) => {
            Some("the head is charged at 4.5 FLOPs a weight and token instead of 6")
        }
        What::Part(Part::Linear(Place::Head)) if side.is(1, 3) => {
            Some("the head is charged for the forward pass alone")
        }
        What::Part(Part::Linear(_)) if covers == Covers::ForwardProducts && side.is(1, 2) => {
            Some("a multiply-add is counted as one")
        }
        What::Part(Part::Norm) if is_product(side.charged, case.norms * case.t) => {
            Some("norms are charged as if their parameters were matrix products")
        }
        What::Part(Part::Bias) if is_product(side.charged, case.biases * case.t) => {
            Some("biases are charged as if they were matrix products")
        }
        What::Part(Part::Adapter) if side.charged == 6 * case.adapters * case.t => {
            Some("the scale of adapters is not charged")
        }
        What::Part(_) => None,
    }
}

/// 2 a parameter and token, in one to four passes.
fn is_product(charged: i128, each: i128) -> bool {
    (1..=4).any(|passes| charged == 2 * passes * each)
}

/// Attention's products by how often n d is charged for a pair of a query and a key, in the passes that are held
/// against each other.
fn square(bill: &Charges<'_>, side: Side) -> Option<&'static str> {
    let Case { n, d, .. } = **bill;
    let pairs = bill.pairs(bill.keys());
    let times = |count: i128| side.charged == count * n * d * pairs;
    let charges_again = bill.charges().contains_key(&(What::Part(Part::Square), WorkPass::Again));
    let again = bill.training.recompute && charges_again;
    let is_whole = if again { times(16) } else { times(12) || times(4) };
    let is_half = if again { times(8) } else { times(6) || times(2) };
    // No window is shorter than the sequence, or the model has as many positions as it.
    let is_square = pairs == bill.pairs(Keys::Sequence);
    if side.charged == 0 {
        Some("attention's two products are not charged")
    } else if is_square && is_whole {
        Some(WHOLE.1)
    } else if is_square && is_half && !side.is(1, 2) {
        Some(HALF.1)
    } else if bill.keys() != Keys::Window || !is_whole {
        None
    } else {
        Some(
            "attention is charged for as many keys as a window holds, S at most: a query meets those up to itself",
        )
    }
}

fn name(what: What) -> &'static str {
    let part = match what {
        What::Table => return "the embedding's table",
        What::Positions => return "the table of positions",
        What::Part(part) => part,
    };
    match part {
        Part::Embedding => "sums of embeddings and of their gradients",
        Part::Linear(Place::Query) => "the projection to queries",
        Part::Linear(Place::Key) => "the projection to keys",
        Part::Linear(Place::Value) => "the projection to values",
        Part::Linear(Place::Output) => "the projection of attention's output",
        Part::Linear(Place::Mlp) => "the MLP's matrices",
        Part::Linear(Place::Router) => "the experts' router",
        Part::Linear(Place::Shared) => "the expert that every token passes",
        Part::Linear(Place::SharedGate) => "the gate of that expert",
        Part::Linear(Place::Head) => "the head",
        Part::Adapter => "adapters",
        Part::Bias => "biases",
        Part::Square => "attention's two products",
        Part::Softmax => "softmax of attention",
        Part::Norm => "norms",
        Part::Rope => "rotary positions",
        Part::Activation => "the activation",
        Part::Residual => "residual sums",
        Part::Routing => "weights and sums of experts",
        Part::Loss => "the loss",
        Part::Accumulation => "sums over micro-batches",
        Part::Optimizer => "the optimizer",
    }
}
