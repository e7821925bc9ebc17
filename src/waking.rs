//! Work that raises a device's clock before something is timed. A GPU lowers its clock while it idles, and it idles while
//! the host fills buffers and compiles: an NVIDIA H200 ran repeated training steps of 8 ms at a quarter of its speed,
//! since it idled between them. Knows nothing of the work that is timed.

use std::time::Instant;

use crate::{Error, execute::Executor};

#[cfg(feature = "gpu")]
pub use gpu::Waker;

/// Raises no clock: without wgpu no executor is a GPU.
#[cfg(not(feature = "gpu"))]
#[derive(Default)]
pub struct Waker {}

#[cfg(not(feature = "gpu"))]
impl Waker {
    /// Returns the waker of any device.
    pub fn of(_: &mut dyn Executor, _: Option<Instant>) -> Result<Self, Error> {
        Ok(Self {})
    }

    /// Does nothing.
    pub fn wake(&mut self, _: &mut dyn Executor) -> Result<(), Error> {
        Ok(())
    }
}

#[cfg(feature = "gpu")]
mod gpu {
    use std::time::Duration;

    use super::{Error, Executor, Instant};
    use crate::{
        execute::{Bound, Dispatch, ProgramId},
        kernel::ResourceKind,
        library,
        plan::{Dims, KernelName},
    };

    /// Seconds of work before each of the runs that are timed, about.
    const MOMENT: f64 = 0.02;
    /// Seconds of work at the least before the first of them, and at the most.
    const WAKING: [f64; 2] = [0.5, 2.0];
    /// A clock has settled where the same work takes so nearly the same time twice in a row.
    const SETTLED: f64 = 0.01;

    /// How long a device keeps its clock up that has nothing to do: an NVIDIA H200 did so for three seconds.
    const ATTENTION: Duration = Duration::from_secs(1);

    const LANES: u32 = 256;
    /// Enough for the largest devices: workgroups of 256 invocations with 2^18 operations each.
    const WORKGROUPS: u32 = 1024;
    const ROUNDS: u32 = 512;

    /// What keeps a device's clock up. The default is that of a device which does not lower its clock: it does nothing.
    #[derive(Default)]
    pub struct Waker {
        work: Option<Work>,
        worked_at: Option<Instant>,
    }

    /// The work of no interest.
    struct Work {
        program: ProgramId,
        bindings: Vec<Bound>,
    }

    impl Waker {
        /// Returns the waker of a device: only a GPU lowers its clock. One that replaces another, whose buffers were
        /// given back, may be told when the device last worked.
        ///
        /// # Errors
        /// Where the executor fails.
        pub fn of(executor: &mut dyn Executor, worked_at: Option<Instant>) -> Result<Self, Error> {
            if !executor.adapter().limits.parallel {
                return Ok(Self::default());
            }
            let name = KernelName { file: "roofline".into(), entry: "fma_f32_vec4".into() };
            let dims = Dims::from([("LANES".into(), LANES), ("ROUNDS".into(), ROUNDS)]);
            let kernel = library::load(&name, &dims)?;
            let program = executor.compile(&kernel)?;
            let mut bindings = Vec::new();
            for resource in &kernel.resources {
                // Multiply-adds of these stay among the normal numbers.
                let given: [f32; 4] = [0.999, 0.001, 0.5, 0.0];
                let is_uniform = matches!(resource.kind, ResourceKind::Uniform { .. });
                let size = if is_uniform { 16 } else { u64::from(4 * LANES * WORKGROUPS) };
                let buffer = executor.allocate(&resource.name, size)?;
                if is_uniform {
                    executor.write(buffer, 0, bytemuck::cast_slice(&given))?;
                }
                let (group, binding) = (resource.group, resource.binding);
                bindings.push(Bound { group, binding, buffer, offset: 0, size });
            }
            Ok(Self { work: Some(Work { program, bindings }), worked_at })
        }

        /// Has the device work for a moment; where it has had nothing to do for a while, until its clock has settled.
        ///
        /// # Errors
        /// Where the executor fails.
        pub fn wake(&mut self, executor: &mut dyn Executor) -> Result<(), Error> {
            let Some(Work { program, bindings }) = &self.work else { return Ok(()) };
            let (label, program) = ("waking the device", *program);
            let work = Dispatch { label, program, bindings, grid: [WORKGROUPS, 1, 1] };
            let is_awake = self.worked_at.is_some_and(|at| at.elapsed() < ATTENTION);
            let (mut worked, mut last) = (0.0, f64::INFINITY);
            loop {
                let seconds = executor.dispatch(&work)?.seconds;
                worked += seconds;
                let has_settled = (seconds - last).abs() <= SETTLED * seconds;
                last = seconds;
                let enough = if is_awake { MOMENT } else { WAKING[0] };
                if worked >= enough && (is_awake || has_settled) || worked >= WAKING[1] {
                    self.worked_at = Some(Instant::now());
                    return Ok(());
                }
            }
        }
    }
}

#[cfg(all(test, feature = "embedded", feature = "gpu"))]
mod tests {
    use super::*;
    use crate::{
        execute::{
            Adapter, Allocation, Clock, Dispatch, Outcome, ProgramId, Sampler, Texture, cpu::Cpu,
        },
        kernel::KernelModule,
    };

    /// An executor that takes its time: what a launch takes, in seconds, one after the other.
    struct Slow {
        adapter: Adapter,
        times: Vec<f64>,
        launched: usize,
    }

    impl Slow {
        fn new(parallel: bool, times: Vec<f64>) -> Self {
            let mut adapter = Cpu::new(32).expect("an embedded executor").adapter().clone();
            adapter.limits.parallel = parallel;
            Self { adapter, times, launched: 0 }
        }
    }

    impl Executor for Slow {
        fn adapter(&self) -> &Adapter {
            &self.adapter
        }

        fn compile(&mut self, _: &KernelModule) -> Result<ProgramId, Error> {
            Ok(ProgramId(0))
        }

        fn allocate(&mut self, _: &str, _: u64) -> Result<Allocation, Error> {
            Ok(Allocation(0))
        }

        fn texture(&mut self, _: &str, _: &Texture) -> Result<Allocation, Error> {
            Ok(Allocation(0))
        }

        fn sampler(&mut self, _: &str, _: Sampler) -> Result<Allocation, Error> {
            Ok(Allocation(0))
        }

        fn write(&mut self, _: Allocation, _: u64, _: &[u8]) -> Result<(), Error> {
            Ok(())
        }

        fn read(&mut self, _: Allocation, _: u64, _: u64) -> Result<Vec<u8>, Error> {
            Ok(Vec::new())
        }

        fn dispatch(&mut self, _: &Dispatch<'_>) -> Result<Outcome, Error> {
            let seconds = self.times[self.launched.min(self.times.len() - 1)];
            self.launched += 1;
            let clock = Clock::Timestamps;
            Ok(Outcome { seconds, clock, waited_seconds: seconds, witness: None })
        }

        fn clear(&mut self) {}
    }

    #[test]
    fn a_device_works_until_its_clock_has_settled_and_then_for_a_moment() {
        // Steady and slow for longer than it takes to wake, were it not for the least; then faster, then steady.
        let times = [vec![0.04; 12], vec![0.03, 0.02], vec![0.01; 100]].concat();
        let mut slow = Slow::new(true, times);
        let mut waker = Waker::of(&mut slow, None).unwrap();
        waker.wake(&mut slow).unwrap();
        assert_eq!(slow.launched, 16, "0.48 s, 0.05 s, and two launches that agree");
        waker.wake(&mut slow).unwrap();
        assert_eq!(slow.launched, 18, "0.02 s");
    }

    #[test]
    fn a_clock_that_never_settles_is_not_waited_for_for_ever() {
        let mut slow = Slow::new(true, [0.1, 0.2].repeat(100));
        let mut waker = Waker::of(&mut slow, None).unwrap();
        waker.wake(&mut slow).unwrap();
        assert_eq!(slow.launched, 14, "2 s and no more");
    }

    #[test]
    fn a_processor_is_awake() {
        let mut slow = Slow::new(false, vec![0.1]);
        Waker::of(&mut slow, None).unwrap().wake(&mut slow).unwrap();
        assert_eq!(slow.launched, 0);
    }
}
