//! Kernels with everything bound, over tensors by the names that kernels bind them under.

use std::{borrow::Cow, collections::BTreeMap};

use flopmeter::{
    Error,
    choice::{Choice, KernelSet, choose},
    execute::{Allocation, Bound, Dispatch, Executor, Limits, ProgramId, gpu::Gpu},
    formula::forms,
    kernel::{KernelModule, ResourceKind},
    library,
    op::Convention,
    operation::Operation,
    plan::Dims,
};

/// A compiled kernel with everything bound.
#[derive(Clone)]
pub struct Launch {
    pub label: String,
    program: ProgramId,
    bindings: Vec<Bound>,
    grid: [u32; 3],
}

impl Launch {
    /// What a dispatch says, kept.
    pub fn of(dispatch: &Dispatch<'_>) -> Self {
        let Dispatch { label, program, bindings, grid } = *dispatch;
        Self { label: label.to_owned(), program, bindings: bindings.to_vec(), grid }
    }

    pub fn dispatch(&self) -> Dispatch<'_> {
        let Self { label, program, bindings, grid } = self;
        Dispatch { label, program: *program, bindings, grid: *grid }
    }
}

/// A kernel that may run an operation.
pub struct Variant {
    pub choice: Choice,
    /// Whether it is what is chosen on this device.
    pub is_chosen: bool,
    /// The sets of kernels that have it.
    pub sets: String,
}

/// The kernels that may run an operation on a device, each once.
pub fn variants(operation: &Operation, limits: &Limits) -> Vec<Variant> {
    let mut found: Vec<(Choice, Vec<KernelSet>)> = Vec::new();
    for set in KernelSet::ALL {
        // A set that the device cannot run has nothing to compare.
        let Ok(limits) = set.on(limits) else { continue };
        let choice = choose(operation, &limits);
        match found.iter_mut().find(|(known, _)| *known == choice) {
            Some((_, sets)) => sets.push(set),
            None => found.push((choice, vec![set])),
        }
    }
    let variant = |(choice, sets): (Choice, Vec<KernelSet>)| {
        let is_chosen = sets.contains(&KernelSet::Auto);
        let sets: Vec<&str> = sets.into_iter().map(KernelSet::name).collect();
        Variant { choice, is_chosen, sets: sets.join(" ") }
    };
    found.into_iter().map(variant).collect()
}

/// What an operation costs, in FLOPs of the default convention.
pub fn flops(operation: &Operation, choice: &Choice) -> f64 {
    forms(operation, &choice.schedule).schedule().flops(Convention::Ieee) as f64
}

/// Tensors on a device by name; several names may mean the same one.
#[derive(Default)]
pub struct Tensors(BTreeMap<String, (Allocation, u64)>);

impl Tensors {
    /// Adds a tensor of numbers between 0 and 1 that look random, since what numbers are decides what power a device
    /// takes.
    pub fn add(&mut self, gpu: &mut Gpu, names: &[&str], len: u64) -> Result<(), Error> {
        let noise: Vec<u8> = (0..BLOCK / 4).flat_map(|i| noise(i).to_le_bytes()).collect();
        let blocks = (0..4 * len).step_by(BLOCK as usize);
        self.write(
            gpu,
            names,
            len,
            blocks.map(|at| Cow::Borrowed(&noise[..(4 * len - at).min(BLOCK) as usize])),
        )
    }

    /// Adds a tensor with contents.
    pub fn words(&mut self, gpu: &mut Gpu, name: &str, words: &[u32]) -> Result<(), Error> {
        let bytes = bytemuck::cast_slice(words);
        self.write(gpu, &[name], words.len() as u64, [Cow::Borrowed(bytes)])
    }

    fn write<'a>(
        &mut self,
        gpu: &mut Gpu,
        names: &[&str],
        len: u64,
        blocks: impl IntoIterator<Item = Cow<'a, [u8]>>,
    ) -> Result<(), Error> {
        let buffer = gpu.allocate(names[0], 4 * len)?;
        let mut at = 0;
        for block in blocks {
            gpu.write(buffer, at, &block)?;
            at += block.len() as u64;
        }
        self.0.extend(names.iter().map(|name| ((*name).to_owned(), (buffer, 4 * len))));
        Ok(())
    }

    /// The kernel that was chosen for an operation.
    pub fn launch(
        &self,
        gpu: &mut Gpu,
        operation: &Operation,
        choice: &Choice,
    ) -> Result<Launch, Error> {
        let sizes = operation.dims().into_iter().chain(choice.schedule.dims());
        let dims: Dims = sizes.map(|(name, value)| (name.to_owned(), value)).collect();
        let module = library::load(&choice.kernel.name(), &dims)?;
        self.bind(gpu, &module, &dims, choice.grid)
    }

    /// A kernel over a grid, its whole numbers taken from `dims` and its fractions a half.
    pub fn bind(
        &self,
        gpu: &mut Gpu,
        module: &KernelModule,
        dims: &Dims,
        grid: [u32; 3],
    ) -> Result<Launch, Error> {
        let mut bindings = Vec::new();
        for resource in &module.resources {
            let (buffer, size) = match &resource.kind {
                ResourceKind::Uniform { size, members } => {
                    let mut block = vec![0u32; *size as usize / 4];
                    for member in members {
                        let value =
                            if member.float { 0.5f32.to_bits() } else { dims[&member.name] };
                        block[member.offset as usize / 4] = value;
                    }
                    let buffer = gpu.allocate("uniforms", u64::from(*size))?;
                    gpu.write(buffer, 0, bytemuck::cast_slice(&block))?;
                    (buffer, u64::from(*size))
                }
                ResourceKind::Storage { .. } | ResourceKind::Opaque => {
                    let name = resource.name.trim_end_matches("_vec4");
                    let missing = || Error::Config(format!("{}: no '{name}'", module.name));
                    *self.0.get(name).ok_or_else(missing)?
                }
            };
            let (group, binding) = (resource.group, resource.binding);
            bindings.push(Bound { group, binding, buffer, offset: 0, size });
        }
        let program = gpu.compile(module)?;
        Ok(Launch { label: module.name.clone(), program, bindings, grid })
    }
}

/// Bytes of noise; a longer tensor repeats them.
const BLOCK: u64 = 1 << 22;

/// The i-th of some numbers between 0 and 1.
fn noise(i: u64) -> f32 {
    let mut bits = (i + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    ((bits ^ (bits >> 32)) as u32 >> 8) as f32 / (1u32 << 24) as f32
}
