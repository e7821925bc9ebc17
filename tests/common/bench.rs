//! Runs single kernels on an executor the way a plan would, with buffers that notice: outputs are
//! poisoned with NaN, and every buffer lies between fences that must still stand when it is read.
//! Each launch runs plain and instrumented from the same contents, must leave the same bits, and
//! must have executed exactly what its closed form says.

use std::collections::BTreeMap;

use crate::computes;

use flopmeter::{
    execute::{Allocation, Bound, Executor},
    kernel::{Resource, ResourceKind},
    library,
    observe::{Call, Counting, Outputs},
    plan::{Dims, KernelName},
    registry::Kernel,
};

const POISON: u32 = 0x7fc0_dead;
const FENCE: u32 = 0xfe0c_e5ed;

/// Tensors by the names that kernels bind them under, on one executor.
pub struct Bench<'a> {
    gpu: &'a mut dyn Executor,
    tensors: BTreeMap<String, Tensor>,
}

#[derive(Clone, Copy)]
struct Tensor {
    buffer: Allocation,
    len: usize,
}

impl<'a> Bench<'a> {
    /// An empty bench. Whatever the executor held is given back.
    pub fn new(gpu: &'a mut dyn Executor) -> Self {
        gpu.clear();
        Self { gpu, tensors: BTreeMap::new() }
    }

    /// A tensor with contents.
    pub fn input<T: bytemuck::NoUninit>(&mut self, name: &str, values: &[T]) {
        self.place(name, bytemuck::cast_slice(values).to_vec());
    }

    /// A tensor of `len` elements that a kernel has yet to write.
    pub fn output(&mut self, name: &str, len: usize) {
        self.place(name, vec![POISON; len]);
    }

    fn place(&mut self, name: &str, words: Vec<u32>) {
        let fence = self.fence();
        let all = [vec![FENCE; fence], words.clone(), vec![FENCE; fence]].concat();
        let buffer = self.gpu.allocate(name, 4 * all.len() as u64).unwrap();
        self.gpu.write(buffer, 0, bytemuck::cast_slice(&all)).unwrap();
        self.tensors.insert(name.to_owned(), Tensor { buffer, len: words.len() });
    }

    /// Words in a fence: what puts the tensor at an offset that can be bound.
    fn fence(&self) -> usize {
        self.gpu.adapter().limits.offset_alignment.max(4) as usize / 4
    }

    /// A tensor's contents, between fences that stand.
    pub fn read<T: bytemuck::AnyBitPattern + bytemuck::NoUninit>(&mut self, name: &str) -> Vec<T> {
        let Tensor { buffer, len } = self.tensors[name];
        let fence = self.fence();
        let bytes = self.gpu.read(buffer, 0, 4 * (len + 2 * fence) as u64).unwrap();
        let words: Vec<u32> = bytemuck::pod_collect_to_vec(&bytes);
        let (before, rest) = words.split_at(fence);
        let (values, after) = rest.split_at(len);
        assert!(before.iter().chain(after).all(|&word| word == FENCE), "{name}: fence broken");
        assert!(!values.contains(&POISON), "{name}: an element was not written");
        bytemuck::cast_slice(values).to_vec()
    }

    /// Runs `kernel` over `grid` workgroups, plain and counted.
    pub fn run(
        &mut self,
        kernel: &str,
        dims: &[(&str, usize)],
        scalars: &[(&str, f32)],
        grid: [u32; 3],
    ) {
        let name: KernelName = kernel.parse().unwrap();
        let dims: Dims =
            dims.iter().map(|&(name, value)| (name.to_owned(), value as u32)).collect();
        let module = library::load(&name, &dims).unwrap();
        let bindings = self.bind(&module.resources, &dims, scalars);
        let before = self.contents(&module.resources);

        let counting = Counting::new(self.gpu, &module).unwrap();
        let counters = counting.counters(self.gpu).unwrap();
        let call = Call { label: kernel, bindings: &bindings, grid };
        let measured = counting.count(self.gpu, &call, counters).unwrap().cost.ops.floating();
        let known = Kernel::try_from(name).unwrap();
        let exact = computes::forms(known, &dims).expect("a closed form").schedule();
        assert_eq!(measured, exact, "{kernel} {dims:?}: measured is not exact");

        let counted = self.contents(&module.resources);
        for (name, bytes) in &before.0 {
            let buffer = self.tensor(name).buffer;
            self.gpu.write(buffer, 0, bytes).unwrap();
        }
        counting.run_plain(self.gpu, &call).unwrap();
        let plain = self.contents(&module.resources);
        assert_eq!(counted.differing(&plain), None, "{kernel}: counting changed a result");
    }

    /// Every byte, fences too, of the tensors that a kernel may write.
    fn contents(&mut self, resources: &[Resource]) -> Outputs {
        let fence = self.fence();
        let outputs = resources
            .iter()
            .filter(|resource| resource.kind == ResourceKind::Storage { writable: true })
            .map(|resource| {
                let Tensor { buffer, len } = self.tensor(&resource.name);
                let bytes = self.gpu.read(buffer, 0, 4 * (len + 2 * fence) as u64).unwrap();
                (resource.name.clone(), bytes)
            });
        Outputs(outputs.collect())
    }

    /// A tensor by the name of a binding; a `_vec4` view is bound to the tensor that it views.
    fn tensor(&self, name: &str) -> Tensor {
        let tensor = self.tensors.get(name.trim_end_matches("_vec4"));
        *tensor.unwrap_or_else(|| panic!("no tensor for the binding '{name}'"))
    }

    fn bind(&mut self, resources: &[Resource], dims: &Dims, scalars: &[(&str, f32)]) -> Vec<Bound> {
        let offset = 4 * self.fence() as u64;
        resources
            .iter()
            .map(|resource| {
                let (buffer, offset, size) = match &resource.kind {
                    ResourceKind::Uniform { size, members } => {
                        let mut block = vec![0; *size as usize];
                        for member in members {
                            let value = if member.float {
                                let scalar = scalars.iter().find(|(name, _)| *name == member.name);
                                scalar.expect("a scalar for every member").1.to_bits()
                            } else {
                                dims[&member.name]
                            };
                            let at = member.offset as usize;
                            block[at..at + 4].copy_from_slice(&value.to_le_bytes());
                        }
                        let buffer = self.gpu.allocate("uniform", u64::from(*size)).unwrap();
                        self.gpu.write(buffer, 0, &block).unwrap();
                        (buffer, 0, u64::from(*size))
                    }
                    ResourceKind::Storage { .. } => {
                        let tensor = self.tensor(&resource.name);
                        (tensor.buffer, offset, 4 * tensor.len as u64)
                    }
                    ResourceKind::Opaque => panic!("'{}' is not a buffer", resource.name),
                };
                Bound { group: resource.group, binding: resource.binding, buffer, offset, size }
            })
            .collect()
    }
}

/// The grid of `workgroups` workgroups in two dimensions, as a plan makes it.
pub fn grid(workgroups: usize) -> [u32; 3] {
    let workgroups = workgroups as u32;
    [workgroups.min(65535), workgroups.div_ceil(65535), 1]
}

/// Uniform in [-1, 1), the same at every run.
pub fn noise(seed: u64, i: usize) -> f32 {
    let mut x = (seed << 32 | i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    (x >> 40) as f32 / (1u64 << 23) as f32 - 1.0
}

/// |x - y| / |y| over whole tensors.
pub fn relative_error(x: &[f32], y: &[f64]) -> f64 {
    assert_eq!(x.len(), y.len());
    let difference: f64 = x.iter().zip(y).map(|(&x, y)| (f64::from(x) - y).powi(2)).sum();
    let norm: f64 = y.iter().map(|y| y * y).sum();
    (difference / norm).sqrt()
}
