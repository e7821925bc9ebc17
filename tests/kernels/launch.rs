//! One launch of a kernel on the bench, and what the references need: numbers that look random,
//! tolerances, finite differences.

use std::{cell::RefCell, collections::BTreeMap};

use flopmeter::execute::{Backend, Executor};
use proptest::{
    strategy::Strategy,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

use common::bench::{self, Bench};

/// One launch, being put together.
#[derive(Clone)]
pub struct Launch {
    kernel: String,
    dims: Vec<(String, usize)>,
    scalars: Vec<(String, f32)>,
    windows: BTreeMap<String, Window>,
}

/// What a window holds before the launch.
#[derive(Clone)]
enum Window {
    Words(Vec<u32>),
    Unwritten(usize),
}

/// What the windows hold after a launch, by binding.
pub struct Results(BTreeMap<String, Vec<u32>>);

impl Launch {
    pub fn new(kernel: &str, dims: &[(&str, usize)]) -> Self {
        let dims = dims.iter().map(|&(name, value)| (name.to_owned(), value)).collect();
        Self { kernel: kernel.to_owned(), dims, scalars: vec![], windows: BTreeMap::new() }
    }

    pub fn dim(mut self, name: &str, value: usize) -> Self {
        self.dims.push((name.to_owned(), value));
        self
    }

    pub fn scalar(mut self, name: &str, value: f64) -> Self {
        self.scalars.push((name.to_owned(), value as f32));
        self
    }

    /// A window that holds these numbers, as f32.
    pub fn floats(self, name: &str, values: &[f64]) -> Self {
        self.words(name, values.iter().map(|&value| (value as f32).to_bits()).collect())
    }

    /// A window that holds these integers.
    pub fn words(mut self, name: &str, values: Vec<u32>) -> Self {
        self.windows.insert(name.to_owned(), Window::Words(values));
        self
    }

    /// A window that the kernel has yet to write, all of it.
    pub fn output(mut self, name: &str, len: usize) -> Self {
        self.windows.insert(name.to_owned(), Window::Unwritten(len));
        self
    }

    /// Launches enough workgroups for `items` items, `per_group` to a group: over two dimensions
    /// even where one would do, and more than enough where their number is odd.
    pub fn run(self, gpu: &mut dyn Executor, items: usize, per_group: usize) -> Results {
        let groups = items.div_ceil(per_group) as u32;
        self.run_grid(gpu, [groups.div_ceil(2), 2, 1])
    }

    /// Runs an elementwise kernel, and where `extent` is a multiple of four its `_vec4` entry as well: the
    /// results of each.
    pub fn run_by_one_and_four(
        self,
        gpu: &mut dyn Executor,
        items: usize,
        per_group: usize,
        extent: usize,
    ) -> Vec<Results> {
        let mut results = vec![self.clone().run(gpu, items, per_group)];
        if extent.is_multiple_of(4) {
            let kernel = format!("{}_vec4", self.kernel);
            results.push(Self { kernel, ..self }.run(gpu, items / 4, per_group));
        }
        results
    }

    /// Launches one workgroup.
    pub fn run_one_group(self, gpu: &mut dyn Executor) -> Results {
        self.run_grid(gpu, [1, 1, 1])
    }

    /// Launches these workgroups.
    pub fn run_grid(self, gpu: &mut dyn Executor, grid: [u32; 3]) -> Results {
        let mut bench = Bench::new(gpu);
        for (name, window) in &self.windows {
            match window {
                Window::Words(words) => bench.input(name, words),
                Window::Unwritten(len) => bench.output(name, *len),
            }
        }
        let dims: Vec<_> = self.dims.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        let scalars: Vec<_> =
            self.scalars.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        bench.run(&self.kernel, &dims, &scalars, grid);
        Results(self.windows.into_keys().map(|name| (name.clone(), bench.read(&name))).collect())
    }
}

impl Results {
    pub fn words(&self, name: &str) -> Vec<u32> {
        self.0[name].clone()
    }

    pub fn floats(&self, name: &str) -> Vec<f64> {
        self.0[name].iter().map(|&bits| f64::from(f32::from_bits(bits))).collect()
    }

    /// Holds a window against its reference as a whole: within `tolerance` of the larger
    /// of 1 and the reference's norm.
    #[track_caller]
    pub fn assert_near(&self, name: &str, reference: &[f64], tolerance: f64) {
        let found = self.floats(name);
        assert_eq!(found.len(), reference.len(), "{name}");
        let norm =
            |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>().sqrt();
        let error = norm(&mut found.iter().zip(reference).map(|(f, r)| f - r));
        let allowed = tolerance * norm(&mut reference.iter().copied()).max(1.0);
        assert!(error <= allowed, "{name} is {error} away from its reference, more than {allowed}");
    }

    /// Holds a window against its reference: each element within 1e-5 of the larger of 1 and itself.
    #[track_caller]
    pub fn assert_close(&self, name: &str, reference: &[f64]) {
        assert_close(name, &self.floats(name), reference, 1e-5);
    }
}

/// Holds `check` on the given shapes, then on a dozen drawn from `any`, or on a driver, which compiles for each of them,
/// on two: the same ones at every run, so that keeping within a tolerance is never a matter of luck.
pub fn on_shapes<S: Clone + std::fmt::Debug>(
    given: &[S],
    any: impl Strategy<Value = S>,
    check: impl Fn(&mut dyn Executor, S),
) {
    common::on_every_executor(|gpu| {
        for shape in given {
            check(&mut *gpu, shape.clone());
        }
        let cases = if gpu.adapter().backend == Backend::Embedded { 12 } else { 2 };
        let gpu = RefCell::new(gpu);
        let config = Config { cases, failure_persistence: None, ..Config::default() };
        let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
        let drawn = TestRunner::new_with_rng(config, rng).run(&any, |shape| {
            check(&mut **gpu.borrow_mut(), shape);
            Ok(())
        });
        drawn.unwrap_or_else(|failure| panic!("{failure}"));
    });
}

#[track_caller]
pub fn assert_close(name: &str, found: &[f64], reference: &[f64], tolerance: f64) {
    assert_eq!(found.len(), reference.len(), "{name}");
    for (i, (f, r)) in found.iter().zip(reference).enumerate() {
        let close = (f - r).abs() <= tolerance * r.abs().max(1.0);
        assert!(close, "{name}[{i}] is {f}, the reference says {r}");
    }
}

/// Numbers between -1 and 1 that f32 holds exactly, the same for the same seed.
pub fn noise(seed: u64, len: usize) -> Vec<f64> {
    (0..len).map(|i| f64::from(bench::noise(seed, i))).collect()
}

/// Whole numbers below `bound`.
pub fn dice(seed: u64, len: usize, bound: usize) -> Vec<u32> {
    noise(seed, len).iter().map(|v| ((v + 1.0) / 2.0 * bound as f64) as u32).collect()
}

pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The gradient of `loss` at `x`, by central differences.
pub fn gradient(x: &[f64], loss: impl Fn(&[f64]) -> f64) -> Vec<f64> {
    const STEP: f64 = 1e-4;
    let mut x = x.to_vec();
    (0..x.len())
        .map(|i| {
            let here = x[i];
            let [above, below] = [here + STEP, here - STEP].map(|value| {
                x[i] = value;
                loss(&x)
            });
            x[i] = here;
            (above - below) / (2.0 * STEP)
        })
        .collect()
}
