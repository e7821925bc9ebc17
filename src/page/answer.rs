//! What a report that judged something begins and ends with: `PASS` or `FAIL`, and in words what holds or what does not.
//! Knows how many opinions agree; not whose they are.

use super::{Fact, Section, Tone, number::grouped};
use crate::{
    check::Tally,
    result::{Provenance, Watched},
};

/// Puts an answer at both ends of a report, so that a reader need not look for it.
pub(super) fn at_both_ends(answer: Option<Fact>, sections: Vec<Section>) -> Vec<Section> {
    let end = |answer: &Fact| Section::facts("Answer", [answer.clone()]);
    let begin = |answer: &Fact| Section::facts("In short", [answer.clone()]);
    let (first, last) = (answer.as_ref().map(begin), answer.as_ref().map(end));
    first.into_iter().chain(sections).chain(last).collect()
}

/// What a report found that should not be.
#[derive(Default)]
pub(super) struct Problems(Vec<String>);

impl Problems {
    /// Passes whose counts are not what `whose` say.
    pub(super) fn counts(&mut self, tally: Tally, whose: &str) {
        let Tally { r#match, mismatch, not_comparable, extrapolated: _ } = tally;
        let all = grouped(r#match + mismatch + not_comparable);
        self.count(mismatch, |n| format!("{n} of {all} passes differ from {whose}"));
        self.count(not_comparable, |n| format!("{n} of {all} passes have no second opinion"));
    }

    /// Whether the executor's own tally differs from its counters.
    pub(super) fn provenance(&mut self, provenance: &Provenance) {
        if !provenance.holds() {
            self.say("the executor's own tally differs from its counters");
        }
    }

    /// What an executor that looks saw of a kernel.
    pub(super) fn watched(&mut self, watched: &Watched) {
        let races = watched.races.as_ref().map_or(0, Vec::len) as u64;
        self.count(races, |n| format!("{n} races"));
        let outside = watched.accesses_out_of_bounds();
        self.count(outside, |n| format!("{n} accesses out of bounds"));
    }

    /// Something that is wrong `n` times, if it ever is.
    pub(super) fn count(&mut self, n: u64, what: impl FnOnce(String) -> String) {
        if n > 0 {
            self.0.push(what(grouped(n)));
        }
    }

    /// Something that is wrong.
    pub(super) fn say(&mut self, what: impl Into<String>) {
        self.0.push(what.into());
    }

    /// The answer: `holds` where there are no problems.
    pub(super) fn answer(self, holds: impl Into<String>) -> Fact {
        if self.0.is_empty() {
            Fact::new("PASS", holds).toned(Tone::Good)
        } else {
            Fact::new("FAIL", self.0.join("; ")).toned(Tone::Bad)
        }
    }
}
