//! Every formula on one decoder: its value, its ratio to the exact count of what it speaks of, and why.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    bill::{Charges, What},
    case::Case,
    cause::{Counts, FormulaCause, Reference, causes},
    formula::{Covers, Formula},
    registry::formulas,
};
use crate::{
    family::decoder::{DecoderConfig, Exact, Layer, Part, Recipe, Tokens, Work, WorkPass},
    op::Convention,
};

/// What a formula says of a decoder, and how far that is from the exact count.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FormulaRow {
    /// The formula's name on a command line.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// Who published it: paper or repository, commit, place.
    pub source: String,
    /// How the value was established: executed, read or cited.
    pub checked: String,
    /// For what the source states a value.
    pub per: String,
    /// In symbols.
    pub formula: String,
    /// What it speaks of.
    pub covers: String,
    /// Whether it can be applied.
    pub applies: bool,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why_not: Option<String>,
    /// Its value for the step, or the forward pass where it speaks of that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<i128>,
    /// The exact count of what it speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exact: Option<i128>,
    /// `value` / `exact`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ratio: Option<f64>,
    /// `value` over the matrix products of the same passes, attention's whole square, as FlopCounterMode
    /// counts them with every parameter trained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ratio_to_products: Option<f64>,
    /// Why they differ; adds up to `value` - `exact`.
    pub causes: Vec<FormulaCause>,
}

/// Every formula on one decoder.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// What the step costs by closed forms.
    pub exact: Exact,
    /// The formulas that apply, the farthest off first, then those that do not.
    pub rows: Vec<FormulaRow>,
}

/// Evaluates every formula, beside the exact count by a convention.
pub fn judge(
    config: &DecoderConfig,
    tokens: &Tokens,
    training: Recipe,
    convention: Convention,
) -> Judged {
    let case = Case::new(config, tokens, training);
    let step = config.step(tokens, training);
    let to_embedding = Recipe { input_gradients: true, ..training };
    let fed = config.step(tokens, to_embedding);
    let layers = config.layers.iter().map(|layer| Layer { window: None, ..*layer });
    let windowless = DecoderConfig { layers: layers.collect(), ..config.clone() };
    let windowless = windowless.step(tokens, to_embedding);
    let full = DecoderConfig { adapters: None, ..config.clone() };
    let full = Exact::of(&full.step(tokens, training), convention);
    let mut rows: Vec<FormulaRow> = formulas()
        .map(|formula| row(formula, &case, [&step, &fed, &windowless], &full, convention))
        .collect();
    let error = |row: &FormulaRow| row.ratio.map_or(-1.0, |ratio| ratio.ln().abs());
    rows.sort_by(|a, b| error(b).total_cmp(&error(a)));
    Judged { exact: Exact::of(&step, convention), rows }
}

fn row(
    formula: &Formula,
    case: &Case<'_>,
    [step, fed, windowless]: [&[Work]; 3],
    full: &Exact,
    convention: Convention,
) -> FormulaRow {
    let source = &formula.source;
    let parts = [source.name, source.commit, source.place];
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    let mut row = FormulaRow {
        id: formula.id.to_owned(),
        name: formula.name.to_owned(),
        source: parts.join(", "),
        checked: source.checked.name().to_owned(),
        per: formula.per.to_owned(),
        formula: formula.formula.to_owned(),
        covers: formula.covers.words().to_owned(),
        applies: true,
        why_not: (formula.why_not)(case).map(str::to_owned),
        value: None,
        exact: None,
        ratio: None,
        ratio_to_products: None,
        causes: Vec::new(),
    };
    if row.why_not.is_some() {
        row.applies = false;
        return row;
    }
    let mut bill = Charges::new(case);
    (formula.charge)(&mut bill);
    let recomputes = bill.charges().keys().any(|(_, pass)| *pass == WorkPass::Again);
    let counts = |work: &[Work]| counts(work, formula.covers, recomputes, convention);
    let reference =
        Reference { exact: counts(step), fed: counts(fed), windowless: counts(windowless) };
    let (value, exact) = (bill.value(), reference.exact.values().sum::<i128>());
    let products = match formula.covers {
        Covers::Step | Covers::Products => Some(full.products.total),
        Covers::Forward | Covers::ForwardProducts => Some(full.products.forward),
        Covers::Attention => None,
    };
    row.value = Some(value);
    row.exact = Some(exact);
    row.ratio = Some(value as f64 / exact as f64);
    row.ratio_to_products = products.map(|products| value as f64 / products as f64);
    row.causes = causes(formula, case, &bill, &reference);
    row
}

/// What a formula speaks of, part by part. What is computed again belongs to formulas that charge it.
fn counts(work: &[Work], covers: Covers, recomputes: bool, convention: Convention) -> Counts {
    let mut counts = Counts::new();
    for work in work {
        let has = match covers {
            Covers::Step | Covers::Products => work.pass != WorkPass::Again || recomputes,
            Covers::Forward | Covers::ForwardProducts => work.pass == WorkPass::Forward,
            Covers::Attention => work.part == Part::Square && work.pass != WorkPass::Again,
        };
        let flops = match covers {
            Covers::Products | Covers::ForwardProducts => work.product,
            Covers::Step | Covers::Forward | Covers::Attention => work.flops(convention),
        };
        if has && flops > 0 {
            let flops = i128::try_from(flops).unwrap_or(i128::MAX);
            *counts.entry((What::Part(work.part), work.pass)).or_default() += flops;
        }
    }
    counts
}
