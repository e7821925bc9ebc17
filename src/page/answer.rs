//! The verdict that a report begins and ends with: `PASS` or `FAIL`, and in words what holds or what does not.
//! Knows how many executors agree, but not which; does not decide whether the verdict stands first or last.

use super::{
    Fact, Section, Shown, Tone,
    number::{grouped, several},
};
use crate::{
    check::Tally,
    result::{Provenance, Watched},
};

/// The most problems that are named in one line where each is listed elsewhere.
const MOST_NAMED: usize = 5;

/// The most characters that these take together, but for the first.
const MOST_TOLD: usize = 200;

/// Where those are that are not named.
const ONE_BY_ONE: &str = "told one by one";

/// Whether everything holds.
pub(super) struct Answer {
    /// All that holds, or what does not, the first of it by name.
    whole: Fact,
    /// The same in one line.
    line: Fact,
}

impl Answer {
    /// Puts the answer at both ends of a report, so that a reader need not look for it; other facts stand before it at
    /// the beginning.
    pub(super) fn around(self, others: Vec<Fact>, sections: Vec<Section>) -> Vec<Section> {
        let facts: Vec<Fact> = others.into_iter().chain([self.whole]).collect();
        let first = Section { shown: Shown::Answer, ..Section::facts("In short", facts) };
        let last = Section { shown: Shown::Again, ..Section::facts("Answer", [self.line]) };
        [first].into_iter().chain(sections).chain([last]).collect()
    }
}

/// Puts an answer at both ends of a report where something was judged.
pub(super) fn at_both_ends(answer: Option<Answer>, sections: Vec<Section>) -> Vec<Section> {
    match answer {
        Some(answer) => answer.around(Vec::new(), sections),
        None => sections,
    }
}

/// What a report found that should not be.
#[derive(Default)]
pub(super) struct Problems {
    said: Vec<String>,
    /// Whether the report tells each by itself, too.
    listed: bool,
}

impl Problems {
    /// Problems each of which the report tells by itself, too.
    pub(super) fn listed(said: Vec<String>) -> Self {
        Self { said, listed: true }
    }

    /// Passes whose counts are not what `whose` say.
    pub(super) fn counts(&mut self, tally: Tally, whose: &str) {
        let Tally { r#match, mismatch, not_comparable, extrapolated: _ } = tally;
        let all = grouped(r#match + mismatch + not_comparable);
        let differ = if mismatch == 1 { "differs" } else { "differ" };
        self.count(mismatch, |n| format!("{n} of {all} passes {differ} from {whose}"));
        let have = if not_comparable == 1 { "has" } else { "have" };
        self.count(not_comparable, |n| format!("{n} of {all} passes {have} no second opinion"));
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
        self.count(races, |_| several(races, "race", "races"));
        let outside = watched.accesses_out_of_bounds();
        self.count(outside, |_| several(outside, "access out of bounds", "accesses out of bounds"));
    }

    /// Something that is wrong `n` times, if it ever is.
    pub(super) fn count(&mut self, n: u64, what: impl FnOnce(String) -> String) {
        if n > 0 {
            self.said.push(what(grouped(n)));
        }
    }

    /// Something that is wrong.
    pub(super) fn say(&mut self, what: impl Into<String>) {
        self.said.push(what.into());
    }

    /// How many are named in one line: all that stand nowhere else, or as many as can be read there.
    fn named(&self) -> usize {
        if !self.listed {
            return self.said.len();
        }
        let ends = self.said.iter().scan(0, |end, text| {
            *end += text.chars().count();
            Some(*end)
        });
        ends.take(MOST_NAMED).take_while(|end| *end <= MOST_TOLD).count().max(1)
    }

    /// The answer: `holds` where there are no problems.
    pub(super) fn answer(self, holds: impl Into<String>) -> Answer {
        let fails = |text: String| Fact::new("FAIL", text).toned(Tone::Bad);
        match &self.said[..] {
            [] => {
                let whole = Fact::new("PASS", holds).toned(Tone::Good);
                Answer { line: whole.clone(), whole }
            }
            [one] => Answer { whole: fails(one.clone()), line: fails(one.clone()) },
            [first, more @ ..] => {
                let and_more = |named: &str, more: usize, place: &str| {
                    fails(format!("{named}; and {} more, {place}", grouped(more as u64)))
                };
                let (named, rest) = self.said.split_at(self.named());
                let all = named.join("; ");
                match rest.len() {
                    0 => Answer {
                        whole: fails(all),
                        line: and_more(first, more.len(), "at the beginning"),
                    },
                    some => Answer {
                        whole: and_more(&all, some, ONE_BY_ONE),
                        line: and_more(first, more.len(), ONE_BY_ONE),
                    },
                }
            }
        }
    }
}
