//! How long launches take: run without a break until their times settle, and then timed, those that are compared by
//! turns, on a device whose clock is raised. Knows no kernel.

use std::time::Instant;

use super::BoundKernel;
use crate::{
    Error,
    execute::{Adapter, Dispatch, Executor},
    observe::{Runs, median},
    waking::Waker,
};

/// How long and how often something runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Effort {
    /// Seconds of what is submitted at a time, about.
    pub batch: f64,
    /// Seconds that it runs untimed at the least, and at the most.
    pub warm: [f64; 2],
    /// Runs in a batch at the most.
    pub runs: usize,
    /// Timed batches.
    pub rounds: usize,
}

impl Effort {
    /// What tells a few per cent apart on an adapter. A GPU runs many launches at a time.
    pub const fn thorough(adapter: &Adapter) -> Self {
        if adapter.limits.parallel {
            Self { batch: 0.01, warm: [0.03, 0.3], runs: 256, rounds: 5 }
        } else {
            Self { batch: 0.01, warm: [0.0, 0.1], runs: 16, rounds: 3 }
        }
    }

    /// What tells on an adapter which of two kernels is clearly the faster, in a fraction of a second for both.
    pub const fn brief(adapter: &Adapter) -> Self {
        let rounds = 5;
        if adapter.limits.parallel {
            Self { batch: 0.004, warm: [0.01, 0.05], runs: 64, rounds }
        } else {
            Self { batch: 0.004, warm: [0.0, 0.01], runs: 4, rounds }
        }
    }
}

/// How long something took.
#[derive(Clone, Debug, PartialEq)]
pub struct Time {
    /// Seconds of a run in each of the timed batches, the median of the batch, by the adapter's clock where it has one.
    pub rounds: Vec<f64>,
    /// Seconds of the first untimed run.
    pub first: f64,
    /// Seconds from one run to the next as the host sees them, the least of all batches.
    pub host_seconds: f64,
}

impl Time {
    /// The middle one of the rounds.
    pub fn seconds(&self) -> f64 {
        median(self.rounds.clone()).unwrap_or(f64::NAN)
    }

    /// The least of the rounds.
    pub fn least(&self) -> f64 {
        self.rounds.iter().copied().fold(f64::INFINITY, f64::min)
    }
}

/// What was run at once.
struct Batch {
    /// Seconds of each run.
    runs: Vec<f64>,
    /// The host's seconds for all of them.
    host_seconds: f64,
}

impl Batch {
    fn middle(self) -> f64 {
        median(self.runs).unwrap_or(f64::NAN)
    }
}

/// Times rows of launches; the launches of a row run one after the other and are timed as one. A GPU whose
/// clock is up, since it `worked` shortly before, is kept so; another is woken first.
///
/// # Errors
/// Where the executor fails.
pub fn compare(
    executor: &mut dyn Executor,
    effort: Effort,
    rows: &[Vec<BoundKernel>],
    worked: &mut Option<Instant>,
) -> Result<Vec<Time>, Error> {
    let mut waker = Waker::of(executor, *worked)?;
    let at_once =
        |seconds: f64| ((effort.batch / seconds.max(1e-9)) as usize).clamp(1, effort.runs);
    let mut warm = Vec::new();
    for row in rows {
        // Some drivers compile at the first dispatch.
        batch(executor, row, 1)?;
        waker.wake(executor)?;
        let first = batch(executor, row, 1)?.middle();
        let runs = at_once(first);
        let (mut last, mut waited) = (first, first);
        loop {
            let ran = batch(executor, row, runs)?;
            waited += ran.host_seconds;
            let now = ran.middle();
            let settled = (now - last).abs() <= Runs::AGREEMENT / 2.0 * now;
            last = now;
            if settled && waited >= effort.warm[0] || waited >= effort.warm[1] {
                break;
            }
        }
        warm.push((first, at_once(last)));
    }
    let mut times: Vec<Time> = warm
        .iter()
        .map(|&(first, _)| Time { rounds: Vec::new(), first, host_seconds: f64::INFINITY })
        .collect();
    for _ in 0..effort.rounds {
        waker.wake(executor)?;
        for ((row, time), &(_, runs)) in rows.iter().zip(&mut times).zip(&warm) {
            let timed = batch(executor, row, runs)?;
            time.host_seconds = time.host_seconds.min(timed.host_seconds / runs as f64);
            time.rounds.push(timed.middle());
        }
    }
    *worked = Some(Instant::now());
    Ok(times)
}

/// Runs a row so many times without a break.
fn batch(executor: &mut dyn Executor, row: &[BoundKernel], runs: usize) -> Result<Batch, Error> {
    let dispatches: Vec<Dispatch<'_>> = row.iter().map(BoundKernel::dispatch).collect();
    let all: Vec<Dispatch<'_>> =
        std::iter::repeat_n(&dispatches, runs).flatten().copied().collect();
    let mut seconds = Vec::with_capacity(all.len());
    let start = Instant::now();
    for some in all.chunks(executor.most_at_once()) {
        match executor.dispatch_all(some)? {
            Some(outcomes) => seconds.extend(outcomes.iter().map(|outcome| outcome.seconds)),
            None => {
                for dispatch in some {
                    seconds.push(executor.dispatch(dispatch)?.seconds);
                }
            }
        }
    }
    let host_seconds = start.elapsed().as_secs_f64();
    let runs = seconds.chunks(row.len()).map(|run| run.iter().sum()).collect();
    Ok(Batch { runs, host_seconds })
}
