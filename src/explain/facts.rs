//! What the passes of a plan and the terms of an estimator have in common or not: the facts on which the
//! sentences of a cause depend. Each is read off operations and their sizes, so that a sentence is printed
//! only where it is true of this model, this batch and this plan.

use std::collections::BTreeSet;

use crate::{
    component::{ComponentName, Phase},
    operation::{
        AttentionStep, EmbeddingStep, Function, LinearResult, MixtureStep, NormStep, Operation,
        Transfer,
    },
    plan::Pass,
};

/// The component of the product with the vocabulary.
pub(super) const HEAD: &str = "lm_head";

/// What was seen in all passes of a plan.
#[derive(Debug, Default)]
pub struct Facts {
    /// Components whose weight got a gradient, in any layer; the others' are frozen.
    trained: BTreeSet<ComponentName>,
    /// V of the model.
    vocabulary: Option<u64>,
    /// V for which the estimator charges the head's product, where it charges it by its rule.
    charged_vocabulary: Option<u64>,
    /// Whether a token's softmax is over fewer experts than there are.
    pub(super) chooses_experts: bool,
    /// Whether groups of queries share keys and values.
    pub shares_keys: bool,
    /// Whether a query of some sequence does not meet all of its keys.
    pub(super) masks_keys: bool,
    /// Whether one does not even meet all keys up to itself.
    pub(super) has_windows: bool,
    /// Whether a row holds several sequences, of which none attends to another.
    packs: bool,
    charges_rows: bool,
    /// Passes of attention's forward pass.
    attention_outputs: usize,
    /// Passes of attention's backward pass: by the output, by queries, by keys and values.
    attention_gradients: [usize; 3],
    /// Products of the forward pass and gradients by their inputs, beside adapters.
    products: [usize; 2],
    /// Whether the tables of tokens and of positions have gradients.
    pub(super) both_tables: bool,
    tables: [bool; 2],
    /// Whether rows of an embedding are copied.
    pub(super) copies_rows: bool,
    /// Whether h + f + scale s is computed.
    pub mixes: bool,
    /// Whether a norm's gradient is added to what is there.
    pub(super) norms_accumulate: bool,
}

impl Facts {
    /// Nothing seen yet of a step whose rows hold several sequences, or one each, beside an estimator that charges attention
    /// for whole rows, or for sequences.
    pub(super) fn of_rows(packs: bool, charges_rows: bool) -> Self {
        Self { packs, charges_rows, ..Self::default() }
    }

    /// Takes note of a pass.
    pub(super) fn learn(&mut self, pass: &Pass) {
        match pass.operation {
            Operation::Linear { result, .. } => self.learn_product(pass, result),
            Operation::Attention { step, s, heads, kv_heads, window, .. } => {
                self.shares_keys |= kv_heads < heads;
                self.masks_keys |= s > 1;
                self.has_windows |= window < s;
                match step {
                    AttentionStep::Output => self.attention_outputs += 1,
                    AttentionStep::Delta => self.attention_gradients[0] += 1,
                    AttentionStep::Query => self.attention_gradients[1] += 1,
                    AttentionStep::KeyValue => self.attention_gradients[2] += 1,
                }
            }
            Operation::Norm { step: NormStep::Input, accumulate, .. } => {
                self.norms_accumulate |= accumulate;
            }
            Operation::Pointwise { function, .. } => self.mixes |= function == Function::ScaledSum,
            Operation::Loss { v, .. } => self.vocabulary = Some(v.into()),
            Operation::Embedding { step, .. } => {
                self.tables[0] |= step == EmbeddingStep::Tokens;
                self.tables[1] |= step == EmbeddingStep::Positions;
                self.both_tables = self.tables == [true; 2];
            }
            Operation::Mixture { step, e, k, .. } => {
                let over_chosen = matches!(step, MixtureStep::Route | MixtureStep::RouteGradient);
                self.chooses_experts |= over_chosen && k < e;
            }
            Operation::Rows { transfer, .. } => self.copies_rows |= transfer == Transfer::Take,
            Operation::Norm { step: NormStep::Output | NormStep::Parameters, .. }
            | Operation::Rope { .. }
            | Operation::DotProduct { .. }
            | Operation::TokenSums { .. }
            | Operation::SharedExpert { .. }
            | Operation::Resolvent { .. }
            | Operation::Sort { .. }
            | Operation::Columns { .. }
            | Operation::Update { .. } => {}
        }
    }

    fn learn_product(&mut self, pass: &Pass, result: LinearResult) {
        if result == LinearResult::Weight {
            self.trained.insert(pass.component.in_any_layer());
        }
        let path = pass.component.parts();
        let attention = path.first() == Some(&"attention") && !is_adapter(&pass.component);
        if attention && pass.phase == Phase::Forward {
            self.products[0] += 1;
        } else if attention && result == LinearResult::Input {
            self.products[1] += 1;
        }
    }

    /// Takes note of what the head's product is charged, and of what it would be at the model's own sizes.
    pub(super) fn learn_head(&mut self, estimate: u64, by_rule: u64) {
        let Some(vocabulary) = self.vocabulary.filter(|_| by_rule > 0) else { return };
        let scaled = u128::from(estimate) * u128::from(vocabulary);
        if scaled.is_multiple_of(by_rule.into()) {
            self.charged_vocabulary = u64::try_from(scaled / u128::from(by_rule)).ok();
        }
    }

    /// Whether the estimator charges a vocabulary that is not the model's.
    pub(super) fn charges_another_vocabulary(&self) -> bool {
        self.charged_vocabulary.is_some_and(|charged| Some(charged) != self.vocabulary)
    }

    /// What is said of attention where queries do not meet all keys: that, where they meet all up to themselves.
    pub(super) const fn masked(&self, causal: &'static str) -> &'static str {
        match (self.packs, self.masks_keys, self.has_windows) {
            (false, false, _) => "",
            (false, true, false) => causal,
            (false, true, true) => {
                ": over the keys up to a query, in layers with a window those in it"
            }
            (true, _, false) if self.charges_rows => {
                ": over the keys up to a query in its own sequence, and not in the row"
            }
            (true, _, true) if self.charges_rows => {
                ": over the keys up to a query in its own sequence, and not in the row, in layers with a window those \
                 in it"
            }
            (true, _, false) => ": over the keys up to a query in its own sequence",
            (true, _, true) => {
                ": over the keys up to a query in its own sequence, in layers with a window those in it"
            }
        }
    }

    /// The same of a backward pass that stops at the lowest adapter.
    pub(super) const fn masked_above_adapters(&self) -> &'static str {
        match (self.packs, self.masks_keys, self.has_windows) {
            (false, false, _) => ": nothing flows below the lowest adapter",
            (false, true, false) => {
                ": over half of the square, and nothing flows below the lowest adapter"
            }
            (true, _, false) => {
                ": over the keys up to a query in its own sequence, and nothing flows below the lowest adapter"
            }
            (true, _, true) => {
                ": over the keys up to a query in its own sequence, in layers with a window those in it, and nothing \
                 flows below the lowest adapter"
            }
            (false, true, true) => {
                ": over the keys up to a query, in layers with a window those in it, and nothing flows below the \
                 lowest adapter"
            }
        }
    }

    /// Whether the weight of a component got a gradient, or that of a part of it that is no adapter.
    pub(super) fn trains(&self, component: &ComponentName) -> bool {
        let is_part = |its: &ComponentName| its.outer(component.path.len()) == *component;
        self.trained.iter().any(|its| its == component || (is_part(its) && !is_adapter(its)))
    }

    /// Whether adapters are trained and nothing else.
    pub(super) fn trains_adapters_alone(&self) -> bool {
        !self.trained.is_empty() && self.trained.iter().all(is_adapter)
    }

    /// Whether adapters are trained, and some projections of attention have no gradient by their input.
    pub(super) fn stops_below_adapters(&self) -> bool {
        self.trains_adapters_alone() && self.products[1] < self.products[0]
    }

    /// Whether adapters are trained, and attention's backward pass lacks a part somewhere.
    pub(super) fn attention_stops_below_adapters(&self) -> bool {
        let lacks = self.attention_gradients.iter().any(|&passes| passes < self.attention_outputs);
        self.trains_adapters_alone() && lacks
    }

    /// Whether attention's backward pass has all of its parts wherever it has one.
    pub(super) fn attention_is_whole(&self) -> bool {
        let [delta, query, key_value] = self.attention_gradients;
        delta > 0 && query == delta && key_value == delta
    }
}

fn is_adapter(component: &ComponentName) -> bool {
    component.parts().contains(&"lora")
}

/// The multiply-adds a b c of a product of (a,b) and (b,c), and what the rule of a published estimator charges
/// for it, (2b - 1) a c; nothing of what is no product.
pub(super) fn product(operation: &Operation) -> [u64; 2] {
    match *operation {
        Operation::Linear { result: LinearResult::Bias, .. } => [0; 2],
        Operation::Linear { m, k, n, .. } => {
            let [m, k, n] = [m, k, n].map(u64::from);
            [m * k * n, (2 * k - 1) * m * n]
        }
        Operation::Attention { .. }
        | Operation::Norm { .. }
        | Operation::Rope { .. }
        | Operation::Pointwise { .. }
        | Operation::DotProduct { .. }
        | Operation::Loss { .. }
        | Operation::Embedding { .. }
        | Operation::TokenSums { .. }
        | Operation::Mixture { .. }
        | Operation::SharedExpert { .. }
        | Operation::Resolvent { .. }
        | Operation::Sort { .. }
        | Operation::Rows { .. }
        | Operation::Columns { .. }
        | Operation::Update { .. } => [0; 2],
    }
}
