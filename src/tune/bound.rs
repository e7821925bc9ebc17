//! Kernels with everything bound, over tensors by the names that kernels bind them under. Takes no time of them.

use std::{borrow::Cow, collections::BTreeMap};

use crate::{
    Error,
    choice::Choice,
    execute::{Allocation, Bound, Dispatch, Executor, ProgramId},
    kernel::{KernelModule, ResourceKind},
    library,
    operation::Operation,
    plan::Dims,
};

/// Bytes of noise; a longer tensor repeats them.
const BLOCK: u64 = 1 << 22;

/// A compiled kernel with everything bound.
#[derive(Clone, Debug)]
pub struct BoundKernel {
    /// Named in every error.
    pub label: String,
    program: ProgramId,
    bindings: Vec<Bound>,
    grid: [u32; 3],
}

impl BoundKernel {
    /// What a dispatch says, kept.
    pub fn of(dispatch: &Dispatch<'_>) -> Self {
        let Dispatch { label, program, bindings, grid } = *dispatch;
        Self { label: label.to_owned(), program, bindings: bindings.to_vec(), grid }
    }

    /// The launch, to be run.
    pub fn dispatch(&self) -> Dispatch<'_> {
        let Self { label, program, bindings, grid } = self;
        Dispatch { label, program: *program, bindings, grid: *grid }
    }
}

/// Tensors on an executor by name; several names may mean the same one.
#[derive(Clone, Debug, Default)]
pub struct Tensors(BTreeMap<String, (Allocation, u64)>);

impl Tensors {
    /// Adds a tensor of `len` numbers between 0 and 1 that look random, since what numbers are decides what power a
    /// device takes.
    ///
    /// # Errors
    /// Where the executor has no such room.
    pub fn add(
        &mut self,
        executor: &mut dyn Executor,
        names: &[&str],
        len: u64,
    ) -> Result<(), Error> {
        let noise: Vec<u8> = (0..len.min(BLOCK / 4)).flat_map(|i| noise(i).to_le_bytes()).collect();
        let blocks = (0..4 * len).step_by(BLOCK as usize);
        let block = |at: u64| Cow::Borrowed(&noise[..(4 * len - at).min(BLOCK) as usize]);
        self.write(executor, names, len, blocks.map(block))
    }

    /// The same of numbers in half precision.
    ///
    /// # Errors
    /// Where the executor has no such room.
    pub fn halves(
        &mut self,
        executor: &mut dyn Executor,
        names: &[&str],
        len: u64,
    ) -> Result<(), Error> {
        let noise: Vec<u8> = (0..len.next_multiple_of(2).min(BLOCK / 2))
            .flat_map(|i| half::f16::from_f32(noise(i)).to_le_bytes())
            .collect();
        let words = len.div_ceil(2);
        let blocks = (0..4 * words).step_by(BLOCK as usize);
        let block = |at: u64| Cow::Borrowed(&noise[..(4 * words - at).min(BLOCK) as usize]);
        self.write(executor, names, words, blocks.map(block))
    }

    /// Adds a tensor of whole numbers.
    ///
    /// # Errors
    /// Where the executor has no such room.
    pub fn words(
        &mut self,
        executor: &mut dyn Executor,
        name: &str,
        words: &[u32],
    ) -> Result<(), Error> {
        let bytes = bytemuck::cast_slice(words);
        self.write(executor, &[name], words.len() as u64, [Cow::Borrowed(bytes)])
    }

    fn write<'a>(
        &mut self,
        executor: &mut dyn Executor,
        names: &[&str],
        len: u64,
        blocks: impl IntoIterator<Item = Cow<'a, [u8]>>,
    ) -> Result<(), Error> {
        let label = names.first().copied().unwrap_or_default();
        let buffer = executor.allocate(label, 4 * len)?;
        let mut at = 0;
        for block in blocks {
            executor.write(buffer, at, &block)?;
            at += block.len() as u64;
        }
        self.0.extend(names.iter().map(|name| ((*name).to_owned(), (buffer, 4 * len))));
        Ok(())
    }

    /// The kernel that was chosen for an operation.
    ///
    /// # Errors
    /// Where the executor does not take the kernel, or a tensor is missing.
    pub fn launch(
        &self,
        executor: &mut dyn Executor,
        operation: &Operation,
        choice: &Choice,
    ) -> Result<BoundKernel, Error> {
        let sizes = operation.dims().into_iter().chain(choice.schedule.dims());
        let dims: Dims = sizes.map(|(name, value)| (name.to_owned(), value)).collect();
        let module = library::load(&choice.kernel.name(), &dims)?;
        self.bind(executor, &module, &dims, choice.grid)
    }

    /// A kernel over a grid, its whole numbers taken from `dims` and its fractions a half.
    ///
    /// # Errors
    /// Where the executor does not take the kernel, or a tensor or a number is missing.
    pub fn bind(
        &self,
        executor: &mut dyn Executor,
        module: &KernelModule,
        dims: &Dims,
        grid: [u32; 3],
    ) -> Result<BoundKernel, Error> {
        let missing = |name: &str| Error::Config(format!("{}: no '{name}'", module.name));
        let program = executor.compile(module)?;
        let mut bindings = Vec::new();
        for resource in &module.resources {
            let (buffer, size) = match &resource.kind {
                ResourceKind::Uniform { size, members } => {
                    let mut block = vec![0u32; *size as usize / 4];
                    for member in members {
                        let value = if member.float {
                            0.5f32.to_bits()
                        } else {
                            *dims.get(&member.name).ok_or_else(|| missing(&member.name))?
                        };
                        block[member.offset as usize / 4] = value;
                    }
                    let buffer = executor.allocate("uniforms", u64::from(*size))?;
                    executor.write(buffer, 0, bytemuck::cast_slice(&block))?;
                    (buffer, u64::from(*size))
                }
                ResourceKind::Storage { .. } | ResourceKind::Opaque => {
                    let name = resource.name.trim_end_matches("_vec4");
                    *self.0.get(name).ok_or_else(|| missing(name))?
                }
            };
            let (group, binding) = (resource.group, resource.binding);
            bindings.push(Bound { group, binding, buffer, offset: 0, size });
        }
        Ok(BoundKernel { label: module.name.clone(), program, bindings, grid })
    }
}

/// The i-th of some numbers between 0 and 1.
fn noise(i: u64) -> f32 {
    let mut bits = (i + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    ((bits ^ (bits >> 32)) as u32 >> 8) as f32 / (1u32 << 24) as f32
}
