//! How a run came about, in a line each: the kernels that were chosen, the adapter that was asked first, and the
//! executor's own tally.

use super::number::grouped;
use super::{Fact, NAMED, Tone};
use crate::{measure::ChosenKernel, observe::Moved, result::OwnTally};

/// The kernels that the crate chose, each with its tile.
pub(super) fn kernels(chosen: &[ChosenKernel]) -> Option<Fact> {
    let one = |ChosenKernel { kernel, tile, passes: _ }: &ChosenKernel| {
        let tile: Vec<String> = tile.iter().map(|(name, n)| format!("{name} {n}")).collect();
        format!("{kernel} ({})", tile.join(", "))
    };
    let all: Vec<String> = chosen.iter().map(one).collect();
    let said = format!("{} chosen for this adapter", grouped(all.len() as u64));
    let more = format!(": {}", all.join("; "));
    (!all.is_empty()).then(|| Fact { more, prose: true, ..Fact::new("kernels", said) })
}

/// Why another adapter ran what this one was asked first.
pub(super) fn moved(Moved { adapter, why }: &Moved) -> Fact {
    let said = format!("on the embedded executor, since {adapter} could not: {why}");
    Fact { prose: true, ..Fact::new("ran again", said).toned(Tone::Doubtful) }
}

/// How the executor's own tally compares with its counters; `whose` stands before it.
pub(super) fn tally(whose: &str, OwnTally { verdict, differences }: &OwnTally) -> Fact {
    let (same, other) = (grouped(verdict.r#match), grouped(verdict.mismatch));
    let said = match (verdict.r#match, verdict.mismatch) {
        (1, 0) => "the embedded executor's own count equals the counters".to_owned(),
        (_, 0) => format!("the embedded executor's own count equals the counters, {same} times"),
        _ => format!(
            "the executor's own tally differs from its counters {other} times, and not {same} times"
        ),
    };
    let details = differences.iter().take(NAMED).map(|one| format!("{}: {}", one.label, one.why));
    let tone = if verdict.mismatch == 0 { Tone::Good } else { Tone::Bad };
    Fact { details: details.collect(), ..Fact::new("tally", format!("{whose}{said}")).toned(tone) }
}
