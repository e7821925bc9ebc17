//! How long launches take: run without a break until their times settle, and then timed, those that are compared by
//! turns. Knows no kernel.

use std::time::Instant;

use flopmeter::{
    Error,
    execute::{Dispatch, Executor, gpu::Gpu},
};

use crate::{Device, launch::Launch};

/// Consecutive times have settled where they differ by this share at most.
const SETTLED: f64 = 0.01;

/// How long and how often something runs.
struct Effort {
    /// Seconds of what is submitted at a time, about.
    batch: f64,
    /// Seconds that it runs untimed at the least, and at the most.
    warm: [f64; 2],
    /// Runs in a batch at the most.
    runs: usize,
    /// Timed batches.
    rounds: usize,
}

impl Effort {
    fn on(device: &Device) -> Self {
        if device.is_software {
            Self { batch: 0.01, warm: [0.0, 0.1], runs: 16, rounds: 3 }
        } else {
            Self { batch: 0.01, warm: [0.03, 0.3], runs: 256, rounds: 5 }
        }
    }
}

/// How long something took.
#[derive(Clone, Copy, Debug)]
pub struct Time {
    /// Seconds, the middle one of the timed batches' medians, by the device's clock where it has one.
    pub seconds: f64,
    /// The least of them.
    pub least: f64,
    /// The first untimed run over [`Self::seconds`]: what the warming up has changed.
    pub first: f64,
    /// Seconds from one run to the next as the host sees them.
    pub host_seconds: f64,
}

/// What was run at once.
struct Batch {
    /// Seconds of each run.
    runs: Vec<f64>,
    /// The host's seconds for all of them.
    host_seconds: f64,
}

/// Times rows of launches; the launches of a row run one after the other and are timed as one.
pub fn compare(device: &mut Device, rows: &[Vec<Launch>]) -> Result<Vec<Time>, Error> {
    let effort = Effort::on(device);
    let gpu = &mut device.gpu;
    let mut warm = Vec::new();
    for row in rows {
        // Some drivers compile at the first dispatch.
        batch(gpu, row, 1)?;
        let first = median(batch(gpu, row, 1)?.runs);
        let runs = ((effort.batch / first.max(1e-9)) as usize).clamp(1, effort.runs);
        let (mut last, mut waited) = (first, first);
        loop {
            let Batch { runs, host_seconds } = batch(gpu, row, runs)?;
            waited += host_seconds;
            let now = median(runs);
            let settled = (now - last).abs() <= SETTLED * now;
            last = now;
            if settled && waited >= effort.warm[0] || waited >= effort.warm[1] {
                break;
            }
        }
        let runs = ((effort.batch / last.max(1e-9)) as usize).clamp(1, effort.runs);
        warm.push((first, runs));
    }
    let mut times = vec![Vec::new(); rows.len()];
    let mut host = vec![f64::MAX; rows.len()];
    for _ in 0..effort.rounds {
        for (index, row) in rows.iter().enumerate() {
            let runs = warm[index].1;
            let timed = batch(gpu, row, runs)?;
            host[index] = host[index].min(timed.host_seconds / runs as f64);
            times[index].push(median(timed.runs));
        }
    }
    let all = times.into_iter().zip(warm).zip(host);
    let all = all.map(|((times, (first, _)), host_seconds)| {
        let least = times.iter().copied().fold(f64::MAX, f64::min);
        let seconds = median(times);
        Time { seconds, least, first: first / seconds, host_seconds }
    });
    Ok(all.collect())
}

/// Runs a row so many times without a break.
fn batch(gpu: &mut Gpu, row: &[Launch], runs: usize) -> Result<Batch, Error> {
    let dispatches: Vec<Dispatch<'_>> = row.iter().map(Launch::dispatch).collect();
    let all: Vec<Dispatch<'_>> =
        std::iter::repeat_n(&dispatches, runs).flatten().copied().collect();
    let mut seconds = Vec::with_capacity(all.len());
    let start = Instant::now();
    for some in all.chunks(gpu.most_at_once()) {
        match gpu.dispatch_all(some)? {
            Some(outcomes) => seconds.extend(outcomes.iter().map(|outcome| outcome.seconds)),
            None => {
                for dispatch in some {
                    seconds.push(gpu.dispatch(dispatch)?.seconds);
                }
            }
        }
    }
    let host_seconds = start.elapsed().as_secs_f64();
    let runs = seconds.chunks(row.len()).map(|run| run.iter().sum()).collect();
    Ok(Batch { runs, host_seconds })
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
