//! The estimator published for Qwen2.5 with LoRA, term by term and function by function. A product of
//! an (a,b) and a (b,c) matrix is a (2b - 1) c there, other functions by the `primitive` price list. What
//! a measurement finds wrong with it stays as it is: two projections in SwiGLU, keys and values as wide
//! as queries, half of an adapter's products, the whole square of attention, a vocabulary that is always
//! 151936, and a backward pass of twice the forward pass whatever is frozen.
//!
//! One thing is ours: a matrix's backward pass is split into its gradient by the input and by the
//! weight, one forward pass each, so that a measurement can be held against either.

use super::config::DecoderConfig;
use crate::{
    Error,
    component::{
        ComponentName,
        Phase::{self, Backward, Forward},
    },
    family::shape::BatchShape,
    term::{Line, PerFunction, Priced, Term, overflow},
};

/// The vocabulary of the published estimator.
pub(super) const VOCABULARY: u64 = 151_936;

/// The parts of a layer that were published as functions.
const ATTENTION: &str = "attention";
const FEED_FORWARD: &str = "feed_forward";
const NORM: &str = "norm";

/// Every term, component by component in the order of the model.
pub(super) fn terms(config: &DecoderConfig, shape: BatchShape) -> Result<Vec<Term>, Error> {
    let [b, s] = [shape.batch(), shape.seq()].map(u64::from);
    let [h, n, d, i] =
        [config.hidden_size, config.num_attention_heads, config.head_dim, config.intermediate_size]
            .map(u64::from);
    let across = |width: u64| 2 * width - 1;

    let across_h = across(h);
    let projection = |path| Kind::Product(path, "B S H (2H-1)", vec![b, s, h, across_h]);
    let mut layer = vec![
        projection(&[ATTENTION, "q_proj"]),
        projection(&[ATTENTION, "k_proj"]),
        projection(&[ATTENTION, "v_proj"]),
    ];
    if let Some(adapters) = &config.adapters {
        let factors = vec![4, b, s, h, u64::from(adapters.rank)];
        layer.push(Kind::Other(&[ATTENTION, "lora"], "4 B S H r", factors));
    }
    layer.extend([
        Kind::Other(&[ATTENTION, "scores"], "B n S^2 (2d-1)", vec![b, n, s, s, across(d)]),
        Kind::Other(&[ATTENTION, "softmax"], "12 B n S^2", vec![12, b, n, s, s]),
        Kind::Other(&[ATTENTION, "values"], "B n S d (2S-1)", vec![b, n, s, d, across(s)]),
        projection(&[ATTENTION, "o_proj"]),
        Kind::Product(&[FEED_FORWARD, "up_proj"], "B S (2H-1) I", vec![b, s, across_h, i]),
        Kind::Other(&[FEED_FORWARD, "swiglu"], "14 B S I", vec![14, b, s, i]),
        Kind::Product(&[FEED_FORWARD, "down_proj"], "B S (2I-1) H", vec![b, s, across(i), h]),
        Kind::Other(&[NORM], "2 B S (4H+11)", vec![2, b, s, 4 * h + 11]),
        Kind::Other(&["residual"], "2 B S H", vec![2, b, s, h]),
    ]);
    let embedding = [Kind::Other(&["embedding"], "B S H", vec![b, s, h])];
    let factors = vec![b, s, across_h, VOCABULARY];
    let head = [Kind::Product(&["lm_head"], "B S (2H-1) 151936", factors)];
    let loss = [Kind::Other(&["cross_entropy"], "11 B S 151936", vec![11, b, s, VOCABULARY])];

    let mut terms = Vec::new();
    let mut add = |component: &ComponentName, kinds: &[Kind]| {
        for line in kinds.iter().flat_map(Kind::lines) {
            terms.push(Term::new(component, &line)?);
        }
        Ok::<_, Error>(())
    };
    add(&ComponentName::new(&["embedding"]), &embedding)?;
    for index in 0..config.num_hidden_layers() {
        add(&ComponentName::of_layer(index, &[]), &layer)?;
    }
    add(&ComponentName::new(&["lm_head"]), &head)?;
    add(&ComponentName::new(&["cross_entropy"]), &loss)?;
    Ok(terms)
}

/// How the backward pass of a forward term is charged: twice the term, in one line or in two. Each is a
/// part of its component, with its formula and factors.
enum Kind {
    Product(&'static [&'static str], &'static str, Vec<u64>),
    Other(&'static [&'static str], &'static str, Vec<u64>),
}

impl Kind {
    fn lines(&self) -> Vec<Line> {
        match self {
            Self::Product(path, formula, factors) => {
                let priced = Priced::all_of(path);
                vec![
                    (priced.clone(), Forward, formula, factors.clone()),
                    (priced.clone(), Backward, formula, factors.clone()),
                    (priced.by_weight(), Backward, formula, factors.clone()),
                ]
            }
            Self::Other(path, formula, factors) => {
                let priced = Priced::all_of(path);
                vec![
                    (priced.clone(), Forward, formula, factors.clone()),
                    (priced, Backward, formula, [&[2], &factors[..]].concat()),
                ]
            }
        }
    }
}

/// The functions' values from the terms that they are made of.
pub(super) fn per_function(terms: &[Term]) -> Result<PerFunction, Error> {
    let sum = |wanted: &dyn Fn(&Term) -> bool| {
        terms
            .iter()
            .filter(|term| term.phase == Phase::Forward && wanted(term))
            .try_fold(0, |sum: u64, term| sum.checked_add(term.flops))
            .ok_or_else(|| overflow("the sum of all terms"))
    };
    let layer = |term: &Term| term.component.layer == Some(0);
    let function = |term: &Term, name| layer(term) && term.term.parts().first() == Some(&name);
    Ok(PerFunction {
        attention: sum(&|term| function(term, ATTENTION))?,
        feed_forward: sum(&|term| function(term, FEED_FORWARD))?,
        norm: sum(&|term| function(term, NORM))? / 2,
        block: sum(&layer)?,
        model: sum(&|_| true)?,
    })
}
