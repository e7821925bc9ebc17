//! Where the parts of a step that grow fastest with the sequence come to be half of it. Found by evaluating closed forms at
//! lengths far beyond those of the sweep, and not by going on along the laws that were fitted to it.

use super::report::{Crossover, ScalePoint, ScaleReport};
use crate::{
    component::Phase,
    result::{Bill, Quantity},
    sweep::{Point, SEQ, Sweep},
};

/// A part of a bill: what it is called, and in which phase.
type Part = (String, Phase);

/// What outgrows the rest of a sweep along sequences; `None` where nothing does, or where the whole grows as that
/// already.
pub(super) fn found(report: &ScaleReport) -> Option<Crossover> {
    /// So much less than a whole power is that power: what a length has beside it fades.
    const NEAR: f64 = 0.1;
    let axis = report.sweep.axes.iter().find(|axis| axis.field == SEQ)?;
    let last = report.first_choice().max_by_key(|point| point.at.get(&axis.key).copied())?;
    let of = if last.bill.exact.is_some() { Quantity::Exact } else { Quantity::Estimate };
    let along = Along { sweep: &report.sweep, key: &axis.key, last, of };
    let seq = *last.at.get(&axis.key)?;
    let [nearer, far] = along.farthest(seq)?;
    let [before, after] = [along.bill(nearer)?, along.bill(far)?];
    let doubled = |(name, phase): &Part| {
        let flops = |bill: &Bill| bill.value(Some(name), Some(*phase), of);
        Some((flops(&after)? / flops(&before)?).log2())
    };
    let parts = Phase::ALL.into_iter().flat_map(|phase| {
        let names = report.names(phase, of).into_iter();
        names.map(move |name| (name.to_owned(), phase))
    });
    let powers = parts.filter_map(|part| Some((doubled(&part)?, part)));
    let powers: Vec<(f64, Part)> = powers.collect();
    let power = powers.iter().map(|(power, _)| *power).fold(0.0, f64::max).round();
    let whole = report.law(None, None, of)?.exponents.get(&axis.key)?.value;
    if whole > power - NEAR {
        return None;
    }
    let leading = powers.into_iter().filter(|(its, _)| *its > power - NEAR);
    let leading: Vec<Part> = leading.map(|(_, part)| part).collect();
    let mut names: Vec<String> = Vec::new();
    for (name, _) in &leading {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    let [flops, total] = along.shares(&leading, &last.bill)?;
    Some(Crossover {
        of,
        parts: names,
        power: power as u32,
        seq,
        flops: flops as u64,
        total: total as u64,
        half_from: along.half_from(&leading, far),
    })
}

/// A point of a sweep, with its sequence as long as one likes.
struct Along<'a> {
    sweep: &'a Sweep,
    key: &'a str,
    last: &'a ScalePoint,
    of: Quantity,
}

impl Along<'_> {
    /// What a step costs there; `None` where that cannot be computed.
    fn bill(&self, seq: u32) -> Option<Bill> {
        let mut at = self.last.at.clone();
        at.insert(self.key.to_owned(), seq);
        let point = Point { at, options: self.last.bill.training.options };
        Some(ScalePoint::estimated(self.sweep, &point).ok()?.bill)
    }

    /// The longest sequence that can be computed of those that are some power of two as long as this one, and half of it.
    fn farthest(&self, seq: u32) -> Option<[u32; 2]> {
        let doubled = std::iter::successors(Some(seq), |seq| seq.checked_mul(2));
        let far = doubled.take_while(|&seq| self.bill(seq).is_some()).last()?;
        (far > seq).then_some([far / 2, far])
    }

    /// What these parts cost of a bill, and what all parts cost.
    fn shares(&self, parts: &[Part], bill: &Bill) -> Option<[f64; 2]> {
        let its = |(name, phase): &Part| bill.value(Some(name), Some(*phase), self.of);
        let flops = parts.iter().filter_map(its).sum();
        Some([flops, bill.value(None, None, self.of)?])
    }

    /// The shortest sequence up to this one of which these parts are half.
    fn half_from(&self, parts: &[Part], far: u32) -> Option<u32> {
        let is_half = |seq: u32| {
            let shares = self.bill(seq).and_then(|bill| self.shares(parts, &bill));
            shares.is_some_and(|[flops, total]| 2.0 * flops >= total)
        };
        if !is_half(far) {
            return None;
        }
        // Half of it is between the two all the time.
        let (mut less, mut enough) = (0, far);
        while enough - less > 1 {
            let middle = less + (enough - less) / 2;
            if is_half(middle) { enough = middle } else { less = middle }
        }
        Some(enough)
    }
}
