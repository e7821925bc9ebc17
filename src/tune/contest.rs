//! Who wins where several kernels were timed at one operation. Has no clock: times are given.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Specimen, Variant, flops};
use crate::{
    Error,
    choice::{Class, KernelSet},
    observe::{Runs, Spread},
    plan::KernelName,
};

/// Times kernels.
pub trait Timekeeper {
    /// Times variants of a specimen by turns: for each the seconds of its rounds, or why the adapter does not take it.
    ///
    /// # Errors
    /// Where the adapter fails otherwise.
    fn time(
        &mut self,
        specimen: &Specimen,
        variants: &[Variant],
    ) -> Result<Vec<Result<Vec<f64>, String>>, Error>;
}

/// What came of timing the kernels of a class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Contest {
    /// The class.
    pub class: Class,
    /// The set whose kernel won; `None` where the default stays.
    pub winner: Option<KernelSet>,
    /// The kernels that ran, the default first.
    pub contenders: Vec<Contender>,
    /// Those that the adapter did not take.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dropped: Vec<Dropped>,
}

/// A kernel that was timed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Contender {
    /// A set that has it; `auto` where it is the default.
    pub kernels: KernelSet,
    /// The kernel.
    pub kernel: KernelName,
    /// Seconds of a run.
    pub seconds: Spread,
    /// FLOPs of a run, by closed form.
    pub flops: u64,
}

/// A kernel that the adapter did not take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Dropped {
    /// The kernel.
    pub kernel: KernelName,
    /// What the adapter said.
    pub why: String,
}

impl Contest {
    /// Judges the times of a specimen's variants, which are given in their order.
    pub(super) fn new(
        specimen: &Specimen,
        variants: &[Variant],
        times: Vec<Result<Vec<f64>, String>>,
    ) -> Self {
        let (mut contenders, mut rounds, mut dropped) = (Vec::new(), Vec::new(), Vec::new());
        for (variant, timed) in variants.iter().zip(times) {
            let kernel = variant.choice.kernel.name();
            let spread = timed.and_then(|times| {
                let spread = Spread::of(&times).ok_or("it was not timed")?;
                Ok((spread, times))
            });
            match spread {
                Ok((seconds, times)) => {
                    let flops = flops(&specimen.operation, &variant.choice);
                    contenders.push(Contender { kernels: variant.set(), kernel, seconds, flops });
                    rounds.push(times);
                }
                Err(why) => dropped.push(Dropped { kernel, why }),
            }
        }
        // Kernels of cooperative matrices have never run on hardware, so that their time alone does not choose them.
        let known = contenders.iter().zip(rounds);
        let known = known.filter(|(contender, _)| contender.kernels != KernelSet::Matrix);
        let (known, rounds): (Vec<_>, Vec<_>) = known.unzip();
        let winner = winner(&rounds).map(|index| known[index].kernels);
        let winner = winner.filter(|&set| set != KernelSet::Auto);
        Self { class: specimen.class, winner, contenders, dropped }
    }

    /// The kernel that is taken for the class: the winner's, or the default. `None` where the adapter took none.
    pub fn taken(&self) -> Option<&Contender> {
        let set = self.winner.unwrap_or_default();
        self.contenders.iter().find(|contender| contender.kernels == set)
    }
}

/// The position of the winner among those that were timed. The first defends its place: another wins where all of
/// its rounds but the slowest, which a busy machine may have disturbed, are faster than each of the first one's, by
/// more than times that agree may differ. Of several such, the one with the least middle time, and the earliest of
/// those that have the same.
fn winner(rounds: &[Vec<f64>]) -> Option<usize> {
    let (first, others) = rounds.split_first()?;
    let least = first.iter().copied().fold(f64::INFINITY, f64::min);
    let faster = |times: &[f64]| {
        let mut sorted = times.to_vec();
        sorted.sort_by(f64::total_cmp);
        let counts = if sorted.len() > 2 { sorted.len() - 1 } else { sorted.len() };
        let slowest = sorted[..counts].last().copied().unwrap_or(f64::INFINITY);
        (slowest < least * (1.0 - Runs::AGREEMENT)).then(|| sorted[sorted.len() / 2])
    };
    let faster = others.iter().enumerate().filter_map(|(i, times)| Some((i + 1, faster(times)?)));
    let best = faster.reduce(|best, other| if other.1 < best.1 { other } else { best });
    Some(best.map_or(0, |(index, _)| index))
}

#[cfg(test)]
mod tests {
    use super::winner;

    #[test]
    fn the_fastest_wins_and_ties_keep_the_first() {
        assert_eq!(winner(&[]), None);
        assert_eq!(winner(&[vec![3.0; 5]]), Some(0));
        assert_eq!(winner(&[vec![3.0; 5], vec![2.0; 5], vec![1.0; 5]]), Some(2));
        assert_eq!(winner(&[vec![3.0; 5], vec![1.0; 5], vec![1.0; 5]]), Some(1));
        assert_eq!(winner(&[vec![1.0; 5], vec![1.0; 5]]), Some(0));
        assert_eq!(winner(&[vec![1.0; 5], vec![0.985; 5]]), Some(0), "nearer than times agree");
        assert_eq!(winner(&[vec![1.0; 5], vec![0.975; 5]]), Some(1));
    }

    #[test]
    fn who_is_faster_by_less_than_the_spread_does_not_win() {
        let first = vec![1.0, 1.3, 1.1, 1.0, 1.4];
        assert_eq!(winner(&[first.clone(), vec![0.8, 0.9, 1.1, 0.8, 1.2]]), Some(0));
        assert_eq!(winner(&[first.clone(), vec![0.8, 0.9, 0.9, 0.8, 5.0]]), Some(1), "one outlier");
        assert_eq!(winner(&[first, vec![0.5, 9.0]]), Some(0), "of two neither is an outlier");
    }

    #[test]
    fn a_clock_that_tells_no_time_keeps_the_first() {
        assert_eq!(winner(&[vec![0.0; 5], vec![0.0; 5]]), Some(0));
        assert_eq!(winner(&[vec![1.0; 5], vec![f64::NAN; 5]]), Some(0));
        assert_eq!(winner(&[vec![1.0; 5], vec![]]), Some(0));
    }
}
