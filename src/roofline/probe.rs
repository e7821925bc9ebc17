//! One kernel of `shaders/roofline.wgsl`: its buffers made and filled, counted once, timed several times.

use super::{Ceiling, Resource};
use crate::{
    Error,
    execute::{Clock, Executor, Limits, Outcome},
    kernel::{self, ResourceKind},
    library,
    observe::{Runs, Spread, Trial},
    op::{Convention, Cost},
    plan::{Dims, KernelName},
    waking::Waker,
};

/// What is measured by one kernel.
pub(super) struct Probe {
    /// What a report calls it.
    pub(super) name: &'static str,
    /// The entry point.
    entry: &'static str,
    /// What it is bound by; `None` where it does nothing.
    resource: Option<Resource>,
    /// Whether some adapters lack what it takes.
    pub(super) optional: bool,
    grid: Grid,
}

/// How many workgroups run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Grid {
    One,
    /// As many as it takes to time a run.
    Grows,
    /// As many as stream through buffers larger than caches.
    Streams,
}

/// A probe that every adapter can run.
const fn probe(name: &'static str, entry: &'static str, resource: Resource) -> Probe {
    Probe { name, entry, resource: Some(resource), optional: false, grid: Grid::Grows }
}

/// What is measured, in order; the first is measured once more at the end.
pub(super) const PROBES: &[Probe] = &[
    probe("multiply-add f32 vec4", "fma_f32_vec4", Resource::F32),
    probe("multiply-add f32", "fma_f32", Resource::F32),
    Probe { optional: true, ..probe("multiply-add f16 vec4", "fma_f16_vec4", Resource::F16) },
    Probe { optional: true, ..probe("multiply-add f64 vec4", "fma_f64_vec4", Resource::F64) },
    Probe { grid: Grid::Streams, ..probe("storage copy", "copy", Resource::Storage) },
    Probe { grid: Grid::Streams, ..probe("storage triad", "triad", Resource::Storage) },
    probe("workgroup load", "workgroup_load", Resource::Workgroup),
];

/// What a dispatch costs by itself.
pub(super) const NOTHING: Probe = Probe {
    name: "empty dispatch",
    entry: "nothing",
    resource: None,
    optional: false,
    grid: Grid::One,
};

/// Rounds of a kernel's loop.
const ROUNDS: u32 = 128;
/// A run is long enough when it takes this long.
const LONG_ENOUGH: f64 = 0.03;
/// Workgroups of the first run that is timed, and of the longest.
const WORKGROUPS: [u32; 2] = [4, 16384];
/// Bytes of each buffer that is streamed through: more than the last caches of today's devices, and what
/// WebGPU lets every kernel bind.
const STREAM_BYTES: u64 = 128 << 20;

/// What a probe found out.
pub(super) struct Timed {
    cost: Cost,
    buffer_bytes: u64,
    pub(super) seconds: Spread,
    pub(super) waited: Spread,
    pub(super) clock: Clock,
}

impl Timed {
    /// What `probe` says with them of what it is bound by.
    pub(super) fn ceiling(&self, probe: &Probe) -> Option<Ceiling> {
        let resource = probe.resource?;
        let Cost { ops, traffic } = self.cost;
        let work = match resource {
            // A multiply-add is two under every convention, and nearly all that there is.
            Resource::F16 | Resource::F32 | Resource::F64 => ops.flops(Convention::Ieee),
            Resource::Storage => traffic.storage_bytes(),
            Resource::Workgroup => traffic.workgroup_load,
        };
        Some(Ceiling {
            name: probe.name.to_owned(),
            resource,
            kernel: probe.kernel(),
            work,
            buffer_bytes: self.buffer_bytes,
            rate: self.seconds.rates(work),
            seconds: self.seconds,
            clock: self.clock,
        })
    }
}

impl Probe {
    fn kernel(&self) -> KernelName {
        KernelName { file: "roofline".into(), entry: self.entry.into() }
    }

    /// Counts it once and times it, at least once.
    pub(super) fn run(&self, executor: &mut dyn Executor, asked: Runs) -> Result<Timed, Error> {
        let limits = executor.adapter().limits;
        let lanes = limits.invocations.min(256);
        let dims = Dims::from([("LANES".into(), lanes), ("ROUNDS".into(), ROUNDS)]);
        let kernel = library::load(&self.kernel(), &dims)?;
        let streamed = stream_bytes(&limits, lanes);
        let contents = kernel.resources.iter().map(|r| contents(r, streamed, lanes)).collect();
        let trial = Trial::new(executor, &kernel, contents)?;
        // Some drivers compile at the first dispatch, which is not the kernel's time.
        trial.plain(executor, [1; 3])?;
        let [few, most] = WORKGROUPS;
        let mut workgroups = match self.grid {
            Grid::One => 1,
            Grid::Streams => (streamed / (16 * u64::from(lanes))) as u32,
            Grid::Grows => few,
        };
        if self.grid == Grid::Grows {
            // Twice: where a few workgroups do not fill a device, they say little of how long many take.
            for _ in 0..2 {
                let seconds = trial.plain(executor, [workgroups, 1, 1])?.seconds;
                let long_enough = f64::from(workgroups) * LONG_ENOUGH / seconds;
                workgroups = long_enough.clamp(few.into(), most.into()) as u32;
            }
        }
        let grid = [workgroups, 1, 1];
        let cost = trial.count(executor, grid)?.cost;
        let mut waker = Waker::of(executor, None)?;
        let mut timed = |executor: &mut dyn Executor| {
            waker.wake(executor)?;
            trial.plain(executor, grid)
        };
        let (mut warm, mut waited) = (Vec::new(), 0.0);
        while !asked.are_warm(&warm, waited) {
            let run = timed(executor)?;
            waited += run.waited_seconds;
            warm.push(run.seconds);
        }
        let mut runs: Vec<Outcome> = Vec::new();
        let (mut times, mut waited) = (Vec::new(), 0.0);
        while runs.is_empty() || !asked.are_enough(&times, waited) {
            let run = timed(executor)?;
            waited += run.waited_seconds;
            times.push(run.seconds);
            runs.push(run);
        }

        let spread = |of: fn(&Outcome) -> f64| {
            Spread::of(&runs.iter().map(of).collect::<Vec<_>>()).expect("there was a run")
        };
        let on_device = runs.iter().all(|run| run.clock == Clock::Timestamps);
        Ok(Timed {
            cost,
            buffer_bytes: trial.buffers().bytes(),
            seconds: spread(|run| run.seconds),
            waited: spread(|run| run.waited_seconds),
            clock: if on_device { Clock::Timestamps } else { Clock::Wall },
        })
    }
}

/// Bytes of a buffer that is streamed through: what whole workgroups of `lanes` vectors take, in a grid that
/// the adapter launches.
fn stream_bytes(limits: &Limits, lanes: u32) -> u64 {
    let workgroup = 16 * u64::from(lanes);
    let workgroups = STREAM_BYTES.min(limits.binding_bytes) / workgroup;
    workgroups.min(limits.workgroups.into()) * workgroup
}

/// What a buffer of a kernel holds. None is left as the system allocated it: pages that were never written may
/// all be one page, which fits any cache.
fn contents(resource: &kernel::Resource, streamed: u64, lanes: u32) -> Vec<u8> {
    let data: Vec<f32> = match (&resource.kind, resource.name.as_str()) {
        // Padded to what a uniform takes.
        (ResourceKind::Uniform { .. }, _) => vec![0.999, 0.001, 0.5, 0.0],
        (_, "sums") => vec![-1.0; (WORKGROUPS[1] * lanes) as usize],
        _ => (0..streamed / 4).map(|i| (i % 1021) as f32).collect(),
    };
    bytemuck::cast_slice(&data).to_vec()
}
