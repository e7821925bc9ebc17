//! One launch of a kernel: outputs poisoned, every window fenced with sentinels, results read back.
//! And what the references need: numbers that look random, tolerances, finite differences.

use std::collections::BTreeMap;

use flopmeter::{
    execute::{Bound, Dispatch, Executor, gpu::Gpu},
    kernel::{KernelModule, Resource, ResourceKind},
    plan::Dims,
};

/// A quiet NaN that no arithmetic makes: an element that still holds it was never written.
const POISON: u32 = 0x7fc0_dead;
/// What stands before and after each window.
const SENTINEL: u32 = 0xfe4c_e5ed;

/// One launch, being put together.
pub struct Launch {
    kernel: String,
    dims: Dims,
    scalars: BTreeMap<String, f32>,
    windows: BTreeMap<String, Vec<u32>>,
}

/// What the windows hold after a launch, by binding.
pub struct Results(BTreeMap<String, Vec<u32>>);

impl Launch {
    pub fn new(kernel: &str, dims: &[(&str, usize)]) -> Self {
        let dims = dims.iter().map(|&(name, value)| (name.to_owned(), value as u32)).collect();
        let (scalars, windows) = (BTreeMap::new(), BTreeMap::new());
        Self { kernel: kernel.to_owned(), dims, scalars, windows }
    }

    pub fn scalar(mut self, name: &str, value: f64) -> Self {
        self.scalars.insert(name.to_owned(), value as f32);
        self
    }

    /// A window that holds these numbers, as f32.
    pub fn floats(self, name: &str, values: &[f64]) -> Self {
        self.words(name, values.iter().map(|&value| (value as f32).to_bits()).collect())
    }

    /// A window that holds these integers.
    pub fn words(mut self, name: &str, values: Vec<u32>) -> Self {
        self.windows.insert(name.to_owned(), values);
        self
    }

    /// A window of poison.
    pub fn output(self, name: &str, len: usize) -> Self {
        self.words(name, vec![POISON; len])
    }

    /// Launches enough workgroups for `items` items, `per_group` to a group: over two dimensions
    /// even where one would do, and more than enough where their number is odd.
    pub fn run(self, gpu: &mut Gpu, items: usize, per_group: usize) -> Results {
        let groups = items.div_ceil(per_group) as u32;
        self.run_grid(gpu, [groups.div_ceil(2), 2, 1])
    }

    /// Launches one workgroup.
    pub fn run_one_group(self, gpu: &mut Gpu) -> Results {
        self.run_grid(gpu, [1, 1, 1])
    }

    fn run_grid(self, gpu: &mut Gpu, grid: [u32; 3]) -> Results {
        let name = self.kernel.parse().unwrap();
        let module = KernelModule::load(&name, &self.dims).unwrap_or_else(|e| panic!("{e}"));
        let program = gpu.compile(&module).unwrap();
        let fence = gpu.adapter().limits.offset_alignment as usize / 4;
        let mut bindings = Vec::new();
        for resource in &module.resources {
            let window = match &resource.kind {
                ResourceKind::Uniform { .. } => self.uniform(resource),
                ResourceKind::Storage { .. } => self.windows[&resource.name].clone(),
                ResourceKind::Opaque => panic!("{}: not a buffer", resource.name),
            };
            let size = 4 * window.len() as u64;
            let mut contents = vec![SENTINEL; fence];
            contents.extend(&window);
            contents.extend(vec![SENTINEL; fence]);
            let buffer = gpu.allocate(&resource.name, 4 * contents.len() as u64).unwrap();
            gpu.write(buffer, 0, bytemuck::cast_slice(&contents)).unwrap();
            let Resource { group, binding, .. } = *resource;
            bindings.push(Bound { group, binding, buffer, offset: 4 * fence as u64, size });
        }
        gpu.dispatch(&Dispatch { label: &self.kernel, program, bindings: &bindings, grid })
            .unwrap();

        let mut results = BTreeMap::new();
        for (resource, bound) in module.resources.iter().zip(&bindings) {
            let size = bound.size + 2 * bound.offset;
            let bytes = gpu.read(bound.buffer, 0, size).unwrap();
            let mut words: Vec<u32> = bytemuck::pod_collect_to_vec(&bytes);
            let behind = words.split_off(words.len() - fence);
            let window = words.split_off(fence);
            let fences = words.iter().chain(&behind);
            assert!(fences.copied().all(|word| word == SENTINEL), "{} fence", resource.name);
            results.insert(resource.name.clone(), window);
        }
        Results(results)
    }

    fn uniform(&self, resource: &Resource) -> Vec<u32> {
        let ResourceKind::Uniform { size, members } = &resource.kind else { unreachable!() };
        let mut words = vec![0; *size as usize / 4];
        for member in members {
            let scalar = || self.scalars.get(&member.name).map(|value| value.to_bits());
            let value = if member.float { scalar() } else { self.dims.get(&member.name).copied() };
            words[member.offset as usize / 4] =
                value.unwrap_or_else(|| panic!("{}: no value for {}", self.kernel, member.name));
        }
        words
    }
}

impl Results {
    pub fn words(&self, name: &str) -> Vec<u32> {
        self.0[name].clone()
    }

    pub fn floats(&self, name: &str) -> Vec<f64> {
        self.0[name].iter().map(|&bits| f64::from(f32::from_bits(bits))).collect()
    }

    /// Holds a window against its reference: each element within 1e-5 of the larger of 1 and itself.
    #[track_caller]
    pub fn assert_close(&self, name: &str, reference: &[f64]) {
        assert_close(name, &self.floats(name), reference, 1e-5);
    }
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
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(1);
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / f64::from(1 << 23) - 1.0
    };
    next();
    (0..len).map(|_| next()).collect()
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
            let mut at = |value| {
                x[i] = value;
                loss(&x)
            };
            let slope = (at(here + STEP) - at(here - STEP)) / (2.0 * STEP);
            at(here);
            slope
        })
        .collect()
}
