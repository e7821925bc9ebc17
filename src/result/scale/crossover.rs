//! Where the parts of a step that grow fastest with the sequence come to be half of it. Found by evaluating the closed forms
//! of its algebra at lengths far beyond those of the sweep, and not by going on along the laws that were fitted to it.

use super::report::{Crossover, ScaleReport};
use crate::{
    result::{Bill, Quantity, bill::exact_items},
    sweep::SEQ,
};

/// So much less than a whole power is that power: what a length has beside it fades.
const NEAR: f64 = 0.1;

/// A length at which nothing else is left of how a part grows, and the longest that is looked at.
const FAR: u32 = 1 << 30;

/// What outgrows the rest of a step along its sequence; `None` where nothing grows with a higher power than the first, where
/// the whole grows as that already, and where there is no exact count.
pub(super) fn found(report: &ScaleReport) -> Option<Crossover> {
    let axis = report.sweep.axes.iter().find(|axis| axis.field == SEQ)?;
    let last = report.first_choice().max_by_key(|point| point.at.get(&axis.key).copied())?;
    // Sequences that are packed are as long as they are.
    if !last.bill.training.packed.is_none() {
        return None;
    }
    let [nearer, far] = [FAR / 2, FAR].map(|seq| costs(&last.bill, seq));
    let powers = far.iter().filter_map(|(name, flops)| {
        let (_, before) = nearer.iter().find(|(its, _)| its == name)?;
        Some(((*flops as f64 / *before as f64).log2(), name.as_str()))
    });
    let powers: Vec<(f64, &str)> = powers.collect();
    let top = powers.iter().map(|(power, _)| *power).fold(0.0, f64::max);
    let whole = report.law(None, None, Quantity::Exact)?.exponents.get(&axis.key)?.value;
    if top < 2.0 - NEAR || (top - top.round()).abs() > NEAR || whole > top - NEAR {
        return None;
    }
    let leading = powers.iter().filter(|(power, _)| *power > top - NEAR);
    let leading: Vec<&str> = leading.map(|(_, name)| *name).collect();
    let shares = |seq: u32| {
        let costs = costs(&last.bill, seq);
        let its = costs.iter().filter(|(name, _)| leading.contains(&name.as_str()));
        let flops: u128 = its.map(|(_, flops)| flops).sum();
        (flops, costs.iter().map(|(_, flops)| flops).sum::<u128>())
    };
    let is_half = |seq: u32| {
        let (flops, total) = shares(seq);
        2 * flops >= total
    };
    if !is_half(FAR) {
        return None;
    }
    // It is half between the two, wherever these are.
    let (mut less, mut enough) = (0, FAR);
    while enough - less > 1 {
        let middle = less + (enough - less) / 2;
        if is_half(middle) { enough = middle } else { less = middle }
    }
    let (flops, total) = shares(last.bill.seq);
    Some(Crossover {
        parts: leading.iter().map(|name| (*name).to_owned()).collect(),
        power: top.round() as u32,
        at: last.at.clone(),
        flops,
        total,
        half_from: enough,
    })
}

/// The exact count of each part of such a step with sequences of another length, in all phases together.
fn costs(bill: &Bill, seq: u32) -> Vec<(String, u128)> {
    let mut costs: Vec<(String, u128)> = Vec::new();
    for item in exact_items(&bill.model_config, [bill.batch, seq], bill.training) {
        match costs.iter_mut().find(|(name, _)| *name == item.name) {
            Some((_, flops)) => *flops += item.flops,
            None => costs.push((item.name, item.flops)),
        }
    }
    costs
}
