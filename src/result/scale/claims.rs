//! What was published about how these models' costs grow and are made up, and whether the points of a
//! sweep bear it out: by the published formulas, and by what ran. A claim that the points cannot judge
//! is said to need what is missing.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Figures, Law, Quantity, ScalePoint, ScaleReport};
use crate::{
    fit::Exponent,
    model::{
        ModelConfig, Optimizer, PRESETS, ResNetBkConfig,
        lower::{BkGradient, Scope},
    },
    plan::Phase,
};

/// Something that was published.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Claim {
    /// What is claimed.
    pub claim: String,
    /// Who claims it.
    pub source: String,
    /// Whether it is so, by each kind of figures that is at hand.
    pub judged: Vec<Judgement>,
}

/// Whether a claim is borne out by one kind of figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Judgement {
    /// Which figures it is judged by.
    pub by: Quantity,
    /// How it came out.
    pub ruling: Ruling,
    /// By which numbers, or what is needed to judge it.
    pub why: String,
    /// The numbers.
    pub numbers: BTreeMap<String, f64>,
}

/// How a claim came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ruling {
    /// It is as claimed.
    Holds,
    /// It is not.
    DoesNotHold,
    /// These points cannot tell.
    NotJudged,
}

/// How far an exponent may lie off the one that is claimed: what grows with N^1.05 costs 3.5 percent
/// more than twice as much at twice the length.
const EXPONENT: f64 = 0.05;

/// What "about twice" leaves room for: a twentieth.
const ABOUT: f64 = 0.05;

/// The share of a step below which its optimizer was called negligible.
const NEGLIGIBLE: f64 = 0.002;

/// The LM head's share of the forward pass as it was published, in percent with one decimal.
const LM_HEAD_PERCENT: f64 = 96.6;

/// The published scaling table: N and the GFLOPs of a step, with three decimals.
const TABLE: [(u32, f64); 5] =
    [(128, 48.918), (256, 97.779), (512, 202.014), (1024, 410.218), (2048, 826.626)];

/// The batch of that table.
const TABLE_BATCH: u32 = 32;

/// Every claim about the model's family.
pub(super) fn judged(report: &ScaleReport) -> Vec<Claim> {
    let Some(first) = report.points.first() else { return Vec::new() };
    let claim = |claim: &str, source: &str, judge: &dyn Fn(Quantity) -> Judgement| {
        let by: &[Quantity] = match report.is_measured() {
            true => &[Quantity::Estimate, Quantity::Measured],
            false => &[Quantity::Estimate],
        };
        let judged = by.iter().map(|&by| judge(by)).collect();
        Claim { claim: claim.to_owned(), source: source.to_owned(), judged }
    };
    let grows = |component: Option<&'static str>, claimed: Growth| {
        move |by| growth(report, component, claimed, by)
    };
    match first.bill.model_config {
        ModelConfig::ResNetBk(_) => vec![
            claim(
                "a step costs O(N) in the sequence",
                RESNET_BK,
                &grows(None, Growth::AtMost(1.0)),
            ),
            claim(
                "BK-Core costs O(N) in the sequence",
                RESNET_BK,
                &grows(Some("layer_*.bk_core"), Growth::AtMost(1.0)),
            ),
            claim(&table_in_words(), RESNET_BK, &|by| table(report, by)),
            claim("the LM head dominates the forward pass", RESNET_BK, &|by| lm_head(report, by)),
            claim(
                "the LM head is 96.6 % of the forward pass (d_model 64, 4 layers, vocabulary 30,000)",
                RESNET_BK,
                &|by| lm_head_share(report, by),
            ),
            claim("backward costs about 2 x forward", RESNET_BK, &|by| backward(report, by)),
            Claim {
                claim: "the hybrid BK-Core gradient costs less than the exact one".to_owned(),
                source: RESNET_BK.to_owned(),
                // The estimator has one gradient only.
                judged: vec![gradients(report)],
            },
            claim("the optimizer is negligible, < 0.2 % of a step", RESNET_BK, &|by| {
                optimizer(report, by)
            }),
        ],
        ModelConfig::Qwen2(_) => vec![
            claim(
                "attention grows with N^2",
                RESNET_BK,
                &grows(Some("layer_*.attention.core"), Growth::AtLeast(2.0)),
            ),
            claim(
                "a Transformer's step grows with N^2",
                RESNET_BK,
                &grows(None, Growth::AtLeast(2.0)),
            ),
            claim("backward costs 2 x forward", QWEN, &|by| backward(report, by)),
            claim("the optimizer is negligible, < 0.2 % of a step", RESNET_BK, &|by| {
                optimizer(report, by)
            }),
        ],
    }
}

/// Where the claims come from.
const RESNET_BK: &str = "ResNet-BK's counter";
const QWEN: &str = "Qwen's estimator";

/// A claim about an exponent.
#[derive(Clone, Copy)]
enum Growth {
    AtMost(f64),
    AtLeast(f64),
}

impl Growth {
    fn allows(self, exponent: f64) -> bool {
        match self {
            Self::AtMost(claimed) => exponent <= claimed + EXPONENT,
            Self::AtLeast(claimed) => exponent >= claimed - EXPONENT,
        }
    }
}

/// A judgement by numbers.
fn ruled(by: Quantity, holds: bool, why: String, numbers: Vec<(String, f64)>) -> Judgement {
    let ruling = if holds { Ruling::Holds } else { Ruling::DoesNotHold };
    Judgement { by, ruling, why, numbers: numbers.into_iter().collect() }
}

/// No judgement, for want of something.
fn needs(by: Quantity, what: &str) -> Judgement {
    let why = format!("needs {what}");
    Judgement { by, ruling: Ruling::NotJudged, why, numbers: BTreeMap::new() }
}

/// How an item, in each phase that it has, or the whole step grows with the sequence.
fn growth(
    report: &ScaleReport,
    component: Option<&str>,
    claimed: Growth,
    by: Quantity,
) -> Judgement {
    let Some(axis) = report.sweep.axes.iter().find(|axis| axis.field == "seq") else {
        return needs(by, "an axis along the sequence");
    };
    let laws: Vec<&Law> = match component {
        None => report.law(None, None, by).into_iter().collect(),
        Some(_) => Phase::ALL
            .into_iter()
            .filter_map(|phase| report.law(component, Some(phase), by))
            .collect(),
    };
    if laws.is_empty() {
        return needs(by, "two points or more that differ along the sequence");
    }
    let mut words = Vec::new();
    let mut numbers = Vec::new();
    let mut holds = true;
    for law in laws {
        let Exponent { value, standard_error } = law.exponents[&axis.key];
        let phase = law.phase.map_or("", Phase::name);
        let error = standard_error.map_or_else(String::new, |error| format!(" +- {error:.3}"));
        words.push(format!("N^{value:.3}{error} {phase}").trim_end().to_owned());
        let name = |what: &str| format!("{phase} {what}").trim_start().to_owned();
        numbers.push((name("exponent"), value));
        numbers.push((name("residual"), law.residual));
        holds &= claimed.allows(value);
    }
    ruled(by, holds, format!("it grows with {}", words.join(", ")), numbers)
}

fn table_in_words() -> String {
    let [(first, least), .., (last, most)] = TABLE;
    format!(
        "scaling table: a step of batch {TABLE_BATCH} is {least} GFLOPs at N = {first}, {most} at {last}"
    )
}

/// The published scaling table, at the points that are in it.
fn table(report: &ScaleReport, by: Quantity) -> Judgement {
    let mut words = Vec::new();
    let mut numbers = Vec::new();
    let mut holds = true;
    for point in report.first_gradient().filter(|point| is_published(point)) {
        let bill = &point.bill;
        let step = bill.training.scope == Scope::Step && bill.training.optimizer != Optimizer::Sgd;
        let Some((seq, published)) = TABLE.into_iter().find(|(seq, _)| *seq == bill.seq) else {
            continue;
        };
        let Some(flops) = point.total.get(by).filter(|_| step && bill.batch == TABLE_BATCH) else {
            continue;
        };
        // As it was printed: a number that rounds to the same three decimals is the same.
        let gflops = flops * 1e-9;
        let same = format!("{gflops:.3}") == format!("{published:.3}");
        words.push(match same {
            true => format!("{gflops:.3} at {seq}"),
            false => format!("{gflops:.3}, not {published:.3}, at {seq}"),
        });
        numbers.push((format!("gflops at {seq}"), gflops));
        holds &= same;
    }
    if words.is_empty() {
        return needs(
            by,
            "points of that table: resnet-bk at batch 32 and seq 128, 256, 512, 1024 or 2048",
        );
    }
    ruled(by, holds, words.join("; "), numbers)
}

/// Whether a point's model is the published one, but for how many positions it has learned.
fn is_published(point: &ScalePoint) -> bool {
    let (_, ModelConfig::ResNetBk(published)) = &PRESETS[0] else { return false };
    let ModelConfig::ResNetBk(config) = point.bill.model_config else { return false };
    ResNetBkConfig { n_seq: published.n_seq, ..config } == *published
}

/// A part of a whole at each point, where both are known.
fn shares<'a>(
    points: impl Iterator<Item = &'a ScalePoint>,
    by: Quantity,
    part: impl Fn(&ScalePoint) -> Option<Figures>,
    whole: impl Fn(&ScalePoint) -> Option<Figures>,
) -> Vec<f64> {
    let share = |point: &ScalePoint| {
        let whole = whole(point)?.get(by).filter(|whole| *whole > 0.0)?;
        Some(part(point)?.get(by)? / whole)
    };
    points.filter_map(share).collect()
}

/// A judgement on a share that is the same kind of number at every point.
fn every(
    by: Quantity,
    shares: &[f64],
    lacking: &str,
    holds: impl Fn(f64) -> bool,
    words: impl Fn(&str) -> String,
    format: impl Fn(f64) -> String,
) -> Judgement {
    let least = shares.iter().copied().fold(f64::INFINITY, f64::min);
    let most = shares.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if shares.is_empty() {
        return needs(by, lacking);
    }
    let (low, high) = (format(least), format(most));
    let range = if low == high { low } else { format!("{low} to {high}") };
    let numbers = vec![("least".to_owned(), least), ("most".to_owned(), most)];
    ruled(by, shares.iter().all(|&share| holds(share)), words(&range), numbers)
}

fn percent(share: f64) -> String {
    match 100.0 * share {
        share if share < 1.0 => format!("{share:.3} %"),
        share => format!("{share:.1} %"),
    }
}

/// The LM head's share of the forward pass.
fn of_forward<'a>(points: impl Iterator<Item = &'a ScalePoint>, by: Quantity) -> Vec<f64> {
    let part = |point: &ScalePoint| point.bill.of("lm_head", Some(Phase::Forward));
    shares(points, by, part, |point| point.bill.total(Some(Phase::Forward)))
}

fn lm_head(report: &ScaleReport, by: Quantity) -> Judgement {
    let shares = of_forward(report.first_gradient(), by);
    let words = |range: &str| format!("its share is {range}, more than half would dominate");
    every(by, &shares, "a point that was measured", |share| share > 0.5, words, percent)
}

fn lm_head_share(report: &ScaleReport, by: Quantity) -> Judgement {
    let shares = of_forward(report.first_gradient().filter(|point| is_published(point)), by);
    let same = |share: f64| percent(share) == format!("{LM_HEAD_PERCENT:.1} %");
    let words = |range: &str| format!("its share is {range}");
    every(by, &shares, "a point of that model", same, words, percent)
}

fn backward(report: &ScaleReport, by: Quantity) -> Judgement {
    let part = |point: &ScalePoint| point.bill.total(Some(Phase::Backward));
    let whole = |point: &ScalePoint| point.bill.total(Some(Phase::Forward));
    let ratios = shares(report.first_gradient(), by, part, whole);
    let words = |range: &str| format!("it costs {range} x forward");
    let twice = |ratio: f64| (ratio / 2.0 - 1.0).abs() <= ABOUT;
    every(by, &ratios, "whole steps", twice, words, |ratio| format!("{ratio:.3}"))
}

fn optimizer(report: &ScaleReport, by: Quantity) -> Judgement {
    let part = |point: &ScalePoint| point.bill.total(Some(Phase::Optimizer));
    let charged = |figures: &Figures| by != Quantity::Estimate || figures.estimate > 0;
    let shares = shares(
        report.first_gradient(),
        by,
        |point| part(point).filter(charged),
        |point| Some(point.total),
    );
    let lacking = match by {
        Quantity::Estimate => "an estimator that charges it, and whole steps",
        _ => "whole steps",
    };
    let words = |range: &str| format!("its share is {range}");
    every(by, &shares, lacking, |share| share < NEGLIGIBLE, words, percent)
}

/// The two gradients of BK-Core at the points that were measured with both.
fn gradients(report: &ScaleReport) -> Judgement {
    let by = Quantity::Measured;
    let cost = |point: &ScalePoint| point.bill.of("layer_*.bk_core", Some(Phase::Backward));
    let with = |gradient: BkGradient| {
        report.points.iter().filter(move |point| point.bill.training.gradient() == gradient)
    };
    let mut words = Vec::new();
    let mut numbers = Vec::new();
    let mut holds = true;
    for hybrid in with(BkGradient::Hybrid) {
        let exact = with(BkGradient::Exact).find(|exact| exact.at == hybrid.at);
        let costs = cost(hybrid).zip(exact.and_then(cost));
        let Some((cheap, dear)) = costs.and_then(|(a, b)| a.measured.zip(b.measured)) else {
            continue;
        };
        let at: Vec<String> =
            hybrid.at.iter().map(|(key, value)| format!("{key} {value}")).collect();
        let at = at.join(", ");
        let ratio = cheap as f64 / dear as f64;
        words.push(format!("{ratio:.3} x at {at}"));
        numbers.push((format!("hybrid at {at}"), cheap as f64));
        numbers.push((format!("exact at {at}"), dear as f64));
        holds &= cheap < dear;
    }
    if words.is_empty() {
        return needs(by, "runs of whole steps with both gradients");
    }
    ruled(by, holds, format!("hybrid over exact FLOPs: {}", words.join("; ")), numbers)
}
