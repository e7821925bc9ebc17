//! What was published about how these models' costs grow and are made up, and whether the points of a
//! sweep bear it out: by the published formulas, and by what ran. A claim that the points cannot judge
//! is said to need what is missing.

use std::collections::BTreeMap;

use super::report::{Claim, Judgement, Law, Ruling, ScalePoint, ScaleReport};
use crate::{
    claim::{Claimed, MULTIPLY_ADD, Power, PrintedTable, PublishedModel, Says},
    component::Phase,
    family::Scope,
    fit::Exponent,
    op::Op,
    operation::Optimizer,
    result::Quantity,
};

/// How far an exponent may lie off the one that is claimed: what grows with N^1.05 costs 3.5 percent
/// more than twice as much at twice the length.
const EXPONENT: f64 = 0.05;

/// What "about twice" leaves room for: a twentieth.
const ABOUT: f64 = 0.05;

/// Every claim about the model's family.
pub(super) fn judged(report: &ScaleReport) -> Vec<Claim> {
    let Some(first) = report.points.first() else { return Vec::new() };
    let claims = first.bill.model_config.claims().into_iter();
    let judged = claims.map(|Claimed { text, source, says }| {
        // Closed forms and an estimator have one cost for all values of an option.
        let is_of_options = matches!(says, Says::Cheaper { .. });
        let by = Quantity::ALL.into_iter().filter(|by| match by {
            Quantity::Exact => !is_of_options && first.bill.exact.is_some(),
            Quantity::Estimate => !is_of_options,
            Quantity::Measured => is_of_options || report.is_measured(),
            Quantity::Bytes | Quantity::Seconds => false,
        });
        let judged = by.map(|by| judge(report, &says, by)).collect();
        Claim { claim: text.into_owned(), source: source.to_owned(), judged }
    });
    judged.collect()
}

fn judge(report: &ScaleReport, says: &Says, by: Quantity) -> Judgement {
    let is_priced = matches!(by, Quantity::Exact | Quantity::Measured);
    if is_priced && report.convention.price(Op::Fma) != MULTIPLY_ADD {
        return needs(
            by,
            "a convention by which a multiply-add costs 2, as it does in what was published",
        );
    }
    match says {
        Says::Growth { component, power } => growth(report, *component, *power, by),
        Says::Table(printed) => table(report, printed, by),
        Says::Dominates { component } => dominates(report, component, by),
        Says::Share { component, percent, of } => share(report, (component, *percent), of, by),
        Says::BackwardIsTwice => backward(report, by),
        Says::OptimizerBelow(most) => optimizer(report, *most, by),
        Says::Cheaper { option, values, component, phase, needs: lacking } => {
            cheaper(report, (option, *values), (component, *phase), lacking)
        }
    }
}

/// Whether an exponent is as claimed, give or take [`EXPONENT`].
fn allows(claimed: Power, exponent: f64) -> bool {
    match claimed {
        Power::AtMost(claimed) => exponent <= claimed + EXPONENT,
        Power::AtLeast(claimed) => exponent >= claimed - EXPONENT,
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
    claimed: Power,
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
        holds &= allows(claimed, value);
    }
    ruled(by, holds, format!("it grows with {}", words.join(", ")), numbers)
}

/// A printed table, at the points that are in it.
fn table(report: &ScaleReport, printed: &PrintedTable, by: Quantity) -> Judgement {
    let mut words = Vec::new();
    let mut numbers = Vec::new();
    let mut holds = true;
    for point in report.first_choice().filter(|point| is_of(point, printed.of)) {
        let bill = &point.bill;
        let step = bill.training.scope == Scope::Step && bill.training.optimizer != Optimizer::Sgd;
        let Some(&(seq, published)) = printed.rows.iter().find(|(seq, _)| *seq == bill.seq) else {
            continue;
        };
        let Some(flops) =
            bill.value(None, None, by).filter(|_| step && bill.batch == printed.batch)
        else {
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
        return needs(by, &format!("points of that table: {}", printed.points));
    }
    let judged = ruled(by, holds, words.join("; "), numbers);
    // A row that is not as printed is enough to tell; one that is as printed says nothing of the others.
    if holds && words.len() < printed.rows.len() {
        let why = format!("as printed where it was run: {}; needs the other rows, too", judged.why);
        return Judgement { ruling: Ruling::NotJudged, why, ..judged };
    }
    judged
}

/// Whether a point's model is the published one.
fn is_of(point: &ScalePoint, published: PublishedModel) -> bool {
    let fields = point.bill.model_config.fields();
    let is = |&(name, value): &(&str, u64)| fields.get(name).is_some_and(|found| *found == value);
    published.iter().all(is)
}

/// What has a cost: a component or all, in a phase or in all.
type Costed<'a> = (Option<&'a str>, Option<Phase>);

/// A part of a whole at each point, where both are known.
fn shares<'a>(
    points: impl Iterator<Item = &'a ScalePoint>,
    by: Quantity,
    part: Costed<'_>,
    whole: Costed<'_>,
) -> Vec<f64> {
    let share = |point: &ScalePoint| {
        let cost = |(component, phase): Costed<'_>| point.bill.value(component, phase, by);
        Some(cost(part)? / cost(whole).filter(|whole| *whole > 0.0)?)
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

/// A component's share of the forward pass.
fn of_forward<'a>(
    points: impl Iterator<Item = &'a ScalePoint>,
    component: &str,
    by: Quantity,
) -> Vec<f64> {
    let forward = Some(Phase::Forward);
    shares(points, by, (Some(component), forward), (None, forward))
}

fn dominates(report: &ScaleReport, component: &str, by: Quantity) -> Judgement {
    let shares = of_forward(report.first_choice(), component, by);
    let words = |range: &str| format!("its share is {range}, more than half would dominate");
    every(by, &shares, "a point that was measured", |share| share > 0.5, words, percent)
}

fn share(
    report: &ScaleReport,
    (component, claimed): (&str, f64),
    of: PublishedModel,
    by: Quantity,
) -> Judgement {
    let shares = of_forward(report.first_choice().filter(|point| is_of(point, of)), component, by);
    let same = |share: f64| percent(share) == format!("{claimed:.1} %");
    let words = |range: &str| format!("its share is {range}");
    every(by, &shares, "a point of that model", same, words, percent)
}

fn backward(report: &ScaleReport, by: Quantity) -> Judgement {
    let [part, whole] = [Phase::Backward, Phase::Forward].map(|phase| (None, Some(phase)));
    let ratios = shares(report.first_choice(), by, part, whole);
    let words = |range: &str| format!("it costs {range} x forward");
    let twice = |ratio: f64| (ratio / 2.0 - 1.0).abs() <= ABOUT;
    every(by, &ratios, "whole steps", twice, words, |ratio| format!("{ratio:.3}"))
}

fn optimizer(report: &ScaleReport, most: f64, by: Quantity) -> Judgement {
    let optimizer = (None, Some(Phase::Optimizer));
    let mut shares = shares(report.first_choice(), by, optimizer, (None, None));
    if by == Quantity::Estimate {
        shares.retain(|share| *share > 0.0);
    }
    let lacking = match by {
        Quantity::Estimate => "an estimator that charges it, and whole steps",
        _ => "whole steps",
    };
    let words = |range: &str| format!("its share is {range}");
    every(by, &shares, lacking, |share| share < most, words, percent)
}

/// Two values of an option at the points that were measured with both.
fn cheaper(
    report: &ScaleReport,
    (option, values): (&str, [&'static str; 2]),
    (component, phase): (&str, Phase),
    lacking: &str,
) -> Judgement {
    let by = Quantity::Measured;
    let cost = |point: &ScalePoint| point.bill.of(component, Some(phase));
    let with = |value: &'static str| {
        let chosen = |point: &&ScalePoint| point.bill.training.options.value(option) == Some(value);
        report.points.iter().filter(chosen)
    };
    let [less, more] = values;
    let mut words = Vec::new();
    let mut numbers = Vec::new();
    let mut holds = true;
    for one in with(less) {
        let other = with(more).find(|other| other.at == one.at);
        let costs = cost(one).zip(other.and_then(cost));
        let Some((cheap, dear)) = costs.and_then(|(a, b)| a.measured.zip(b.measured)) else {
            continue;
        };
        let at: Vec<String> = one.at.iter().map(|(key, value)| format!("{key} {value}")).collect();
        let at = at.join(", ");
        let ratio = cheap as f64 / dear as f64;
        words.push(format!("{ratio:.3} x at {at}"));
        numbers.push((format!("{less} at {at}"), cheap as f64));
        numbers.push((format!("{more} at {at}"), dear as f64));
        holds &= cheap < dear;
    }
    if words.is_empty() {
        return needs(by, lacking);
    }
    ruled(by, holds, format!("{less} over {more} FLOPs: {}", words.join("; ")), numbers)
}
