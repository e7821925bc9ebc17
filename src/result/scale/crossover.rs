//! Where the parts of a step that outgrow its sequence come to be half of it. Found by evaluating the closed forms of its
//! algebra at lengths far beyond those of the sweep, and not by going on along the laws that were fitted to it.

use super::report::{Crossover, ScalePoint, ScaleReport};
use crate::{
    family::{ModelConfig, Positions},
    model::exact_items,
    op::Convention,
    result::Bill,
    sweep::{Point, SEQ},
};

/// The longest sequence that is looked at.
const FAR: u32 = 1 << 30;

/// What outgrows the rest of a step along its sequence; `None` where nothing grows faster than the sequence does, where what
/// does is never half of a step, and where there is no exact count.
pub(super) fn found(report: &ScaleReport) -> Option<Crossover> {
    let axis = report.sweep.axes.iter().find(|axis| axis.field == SEQ)?;
    let last = report.first_choice().max_by_key(|point| point.at.get(&axis.key).copied())?;
    // Sequences that are packed are as long as they are.
    if !last.bill.training.packed.is_none() || last.bill.seq > FAR {
        return None;
    }
    let (model_config, longest) = as_given(report, last);
    let bill = Bill { model_config, ..last.bill.clone() };
    let at = |seq: u32| Outgrowing::at(&bill, report.convention, seq);
    let is_half = |seq: u32| at(seq).is_half();
    if !is_half(longest) {
        return None;
    }
    // A token costs no less of these parts in a longer sequence, also behind the end of a window, and no more of the others:
    // once they are half of a step, they stay so.
    let (mut less, mut enough) = (0, longest);
    while enough - less > 1 {
        let middle = less + (enough - less) / 2;
        if is_half(middle) { enough = middle } else { less = middle }
    }
    let there = at(enough);
    let Outgrowing { flops, total, .. } = at(bill.seq);
    Some(Crossover {
        power: (there.at_twice as f64 / there.flops as f64).log2(),
        parts: there.parts,
        at: last.at.clone(),
        flops,
        total,
        half_from: enough,
    })
}

/// The model of a point without the learned positions that its sequences have it take beyond its own, and the longest
/// sequence that it takes: as long as its positions are where those are fixed.
fn as_given(report: &ScaleReport, point: &ScalePoint) -> (ModelConfig, u32) {
    let config = &point.bill.model_config;
    let of = |seq: u32| {
        let mut at = point.at.clone();
        at.insert(SEQ.to_owned(), seq);
        let point = Point { at, options: point.bill.training.options };
        report.sweep.resolve(&point).map(|(model, _)| model.config)
    };
    let positions = config.positions();
    match (of(1), of(FAR)) {
        _ if !positions.learned => (config.clone(), FAR),
        (Ok(given), Ok(longest)) => (given, longest.positions().count.min(FAR)),
        // Presets are everywhere, and a folder's model, which need not be here any more, has the positions that it has.
        _ => (config.clone(), positions.count.min(FAR)),
    }
}

/// The parts of a step that cost more than twice as much with sequences of twice the length.
#[derive(Default)]
struct Outgrowing {
    parts: Vec<String>,
    flops: u128,
    at_twice: u128,
    /// The FLOPs of the whole step.
    total: u128,
}

impl Outgrowing {
    fn at(bill: &Bill, convention: Convention, seq: u32) -> Self {
        let [once, twice] = [seq, 2 * seq].map(|seq| costs(bill, convention, seq));
        let mut its = Self::default();
        for (name, flops) in once {
            its.total += flops;
            let at_twice = twice.iter().find(|(other, _)| *other == name);
            let at_twice = at_twice.map_or(0, |(_, flops)| *flops);
            if at_twice > 2 * flops {
                its.parts.push(name);
                its.flops += flops;
                its.at_twice += at_twice;
            }
        }
        its
    }

    fn is_half(&self) -> bool {
        !self.parts.is_empty() && 2 * self.flops >= self.total
    }
}

/// The exact count of each part of such a step with sequences of another length, in all phases together.
fn costs(bill: &Bill, convention: Convention, seq: u32) -> Vec<(String, u128)> {
    let mut costs: Vec<(String, u128)> = Vec::new();
    let config = reaching(&bill.model_config, seq);
    for item in exact_items(&config, [bill.batch, seq], bill.training, convention) {
        match costs.iter_mut().find(|(name, _)| *name == item.name) {
            Some((_, flops)) => *flops += item.flops,
            None => costs.push((item.name, item.flops)),
        }
    }
    costs
}

/// The model with as many learned positions as sequences of a length take, as a sweep has it.
fn reaching(config: &ModelConfig, seq: u32) -> ModelConfig {
    let Positions { field, count, learned } = config.positions();
    if !learned || seq <= count {
        return config.clone();
    }
    let mut object = config.to_json();
    object.insert(field.to_owned(), seq.into());
    ModelConfig::from_json(&object).unwrap_or_else(|_| config.clone())
}
