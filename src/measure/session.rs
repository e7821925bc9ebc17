//! A plan loaded onto an executor: its buffers are made and filled, each kernel is compiled plain and counting,
//! each pass is bound. Runs passes (`passes`); what their results mean is the parent's business.

mod passes;

use std::collections::BTreeMap;

use super::{
    ChosenKernel,
    uniform::{self, lacks},
};
use crate::{
    Error, Remedy,
    execute::{Adapter, Allocation, Bound, Executor},
    kernel::{Resource, ResourceKind},
    library::{KernelKey, Library},
    observe::{Call, Counting, Ready},
    plan::{ELEMENT_BYTES, Init, Inputs, Plan, Slice},
    waking::Waker,
};

/// Zeros written at once.
const BLOCK: u64 = 1 << 22;

/// A plan loaded onto an executor.
pub struct Session<'a> {
    executor: &'a mut dyn Executor,
    plan: &'a Plan,
    inputs: &'a dyn Inputs,
    buffers: Vec<Allocation>,
    kernels: Vec<Kernel>,
    chosen: Vec<ChosenKernel>,
    launches: Vec<Launch>,
    /// Buffers that some pass writes and that must hold something known before each run.
    restored: Vec<usize>,
    counters: Allocation,
    counter_bytes: u64,
    /// What each pass took when it last ran by itself.
    seconds: Vec<f64>,
    /// Whether each pass must be waited for by itself to be timed.
    apart: bool,
    /// The default one until passes are timed.
    waker: Waker,
}

/// One kernel of the plan, compiled both ways.
struct Kernel {
    resources: Vec<Resource>,
    counting: Counting,
}

/// One pass, bound.
struct Launch {
    kernel: usize,
    bindings: Vec<Bound>,
    counters: Bound,
}

impl<'a> Session<'a> {
    /// Makes the plan's buffers and compiles its kernels. Whatever the executor held is given back.
    ///
    /// # Errors
    /// [`Error::Refused`] before anything is allocated where the executor's memory is known to be too
    /// small, [`Error::Config`] where an input is missing; otherwise what the executor says.
    pub fn open(
        executor: &'a mut dyn Executor,
        plan: &'a Plan,
        inputs: &'a dyn Inputs,
    ) -> Result<Self, Error> {
        executor.clear();
        let (needed, available) = (plan.bytes(), executor.memory());
        if let Some(available) = available.filter(|&available| needed > available) {
            return Err(Error::Refused {
                problem: format!(
                    "the buffers take {needed} bytes, but there are only {available} bytes of memory \
                     to spare for {}",
                    executor.adapter().name
                ),
                remedy: Remedy::SmallerStep,
            });
        }
        let buffers = plan
            .buffers
            .iter()
            .map(|buffer| {
                executor.allocate(&buffer.name, (buffer.len * ELEMENT_BYTES).max(ELEMENT_BYTES))
            })
            .collect::<Result<Vec<_>, _>>()?;
        let (kernels, chosen, kernel_of_pass) = compile(executor, plan)?;
        let (uniforms, uniform_offsets) = uniforms(executor, plan, &kernels, &kernel_of_pass)?;
        let (counters, counter_bytes, counter_offsets) =
            counters(executor, &kernels, &kernel_of_pass)?;

        let mut written = vec![false; buffers.len()];
        let mut launches = Vec::with_capacity(plan.passes.len());
        for (i, pass) in plan.passes.iter().enumerate() {
            let kernel = &kernels[kernel_of_pass[i]];
            let mut offsets = uniform_offsets[i].iter().copied();
            let bindings = kernel.resources.iter().map(|resource| {
                let (buffer, offset, size) = match &resource.kind {
                    ResourceKind::Uniform { size, .. } => {
                        let offset =
                            offsets.next().expect("one offset was laid out per uniform block");
                        (uniforms, offset, u64::from(*size))
                    }
                    ResourceKind::Storage { writable } => {
                        let slice = pass.window(&resource.name).ok_or_else(|| {
                            lacks(pass, format!("nothing is bound to '{}'", resource.name))
                        })?;
                        let index = slice.buffer.0 as usize;
                        written[index] |= *writable;
                        (buffers[index], slice.offset * ELEMENT_BYTES, slice.len * ELEMENT_BYTES)
                    }
                    ResourceKind::Opaque => {
                        return Err(lacks(pass, format!("'{}' is not a buffer", resource.name)));
                    }
                };
                Ok(Bound { group: resource.group, binding: resource.binding, buffer, offset, size })
            });
            launches.push(Launch {
                kernel: kernel_of_pass[i],
                bindings: bindings.collect::<Result<_, _>>()?,
                counters: kernel.counting.counters_at(counters, counter_offsets[i]),
            });
        }

        let restored = (0..buffers.len())
            .filter(|&i| written[i] && plan.buffers[i].init != Init::Scratch)
            .collect();
        let session = Self {
            executor,
            plan,
            inputs,
            buffers,
            kernels,
            chosen,
            launches,
            restored,
            counters,
            counter_bytes,
            seconds: vec![f64::INFINITY; plan.passes.len()],
            apart: false,
            waker: Waker::default(),
        };
        session.filled()
    }

    fn filled(mut self) -> Result<Self, Error> {
        self.fill(&(0..self.buffers.len()).collect::<Vec<_>>())?;
        Ok(self)
    }

    /// The adapter that runs this session.
    pub fn adapter(&self) -> &Adapter {
        self.executor.adapter()
    }

    /// The kernels that its passes run.
    pub(super) fn chosen(&self) -> &[ChosenKernel] {
        &self.chosen
    }

    /// Whether the adapter looks at what it runs.
    pub(super) fn looks(&self) -> bool {
        self.executor.looks()
    }

    /// The executor that runs this session. What a caller compiles there may run in the place of a pass, on what that
    /// pass binds; [`Executor::clear`] takes the session's own buffers and kernels away.
    pub fn executor(&mut self) -> &mut dyn Executor {
        self.executor
    }

    /// The kernel of a pass, by its position in the plan, and what it is called on. `None` where there is no such pass.
    pub fn ready(&self, pass: usize) -> Option<Ready<'_>> {
        let Launch { kernel, bindings, counters } = self.launches.get(pass)?;
        let planned = &self.plan.passes[pass];
        Some(Ready {
            counting: &self.kernels[*kernel].counting,
            counters: *counters,
            call: Call { label: &planned.label, bindings, grid: planned.grid },
        })
    }

    /// What windows of buffers hold now, one after the other.
    ///
    /// # Errors
    /// Where the executor fails.
    pub fn read(&mut self, windows: &[Slice]) -> Result<Vec<f32>, Error> {
        let mut values = Vec::with_capacity(windows.iter().map(|window| window.len as usize).sum());
        for Slice { buffer, offset, len } in windows {
            let buffer = self.buffers[buffer.0 as usize];
            let bytes = self.executor.read(buffer, offset * ELEMENT_BYTES, len * ELEMENT_BYTES)?;
            values.append(&mut bytemuck::pod_collect_to_vec(&bytes));
        }
        Ok(values)
    }

    /// Gives buffers, by ascending positions in the plan, the contents that every run starts from.
    fn fill(&mut self, wanted: &[usize]) -> Result<(), Error> {
        let plan = self.plan;
        for &index in wanted {
            let (buffer, id) = (&plan.buffers[index], self.buffers[index]);
            match &buffer.init {
                Init::Scratch | Init::Input => {}
                Init::Zeros => {
                    let bytes = buffer.len * ELEMENT_BYTES;
                    let zeros = vec![0; bytes.min(BLOCK) as usize];
                    for at in (0..bytes).step_by(BLOCK as usize) {
                        let some = &zeros[..(bytes - at).min(BLOCK) as usize];
                        self.executor.write(id, at, some)?;
                    }
                }
                Init::Values(values) => {
                    self.executor.write(id, 0, bytemuck::cast_slice(values))?;
                }
                Init::Angles(table) => {
                    self.executor.write(id, 0, bytemuck::cast_slice(&table.values()))?;
                }
            }
        }
        for (name, slices) in plan.inputs() {
            let is_wanted =
                |slice: &Slice| wanted.binary_search(&(slice.buffer.0 as usize)).is_ok();
            if slices.iter().any(is_wanted) {
                self.fill_tensor(name, &slices)?;
            }
        }
        Ok(())
    }

    /// Pours a tensor's blocks into the windows where it lies.
    fn fill_tensor(&mut self, name: &str, slices: &[Slice]) -> Result<(), Error> {
        let len: u64 = slices.iter().map(|slice| slice.len).sum();
        let other = || Error::Config(format!("no input of {len} elements for '{name}'"));
        let mut left = slices.iter().copied().filter(|slice| slice.len > 0);
        let mut place = left.next();
        for block in self.inputs.blocks(name).ok_or_else(other)? {
            let mut block = &block[..];
            while !block.is_empty() {
                let fits =
                    place.map_or(0, |slice| slice.len.min(block.len() as u64 / ELEMENT_BYTES));
                let slice = place.filter(|_| fits > 0).ok_or_else(other)?;
                let (piece, more) = block.split_at((fits * ELEMENT_BYTES) as usize);
                let buffer = self.buffers[slice.buffer.0 as usize];
                self.executor.write(buffer, slice.offset * ELEMENT_BYTES, piece)?;
                block = more;
                place = match slice.part(fits, slice.len - fits) {
                    Slice { len: 0, .. } => left.next(),
                    rest => Some(rest),
                };
            }
        }
        if place.is_some() { Err(other()) } else { Ok(()) }
    }
}

/// The kernels of a plan, what was chosen of each, and for each pass which of them it runs.
type Compiled = (Vec<Kernel>, Vec<ChosenKernel>, Vec<usize>);

/// Compiles each kernel of the plan once.
fn compile(executor: &mut dyn Executor, plan: &Plan) -> Result<Compiled, Error> {
    let mut library = Library::default();
    let mut known: BTreeMap<KernelKey, usize> = BTreeMap::new();
    let mut kernels = Vec::new();
    let mut chosen: Vec<ChosenKernel> = Vec::new();
    let mut of_pass = Vec::with_capacity(plan.passes.len());
    for pass in &plan.passes {
        let key = library.key(&pass.kernel.name(), &pass.dims())?;
        let index = match known.get(&key) {
            Some(index) => *index,
            None => {
                let (key, module) = library.load(&pass.kernel.name(), &pass.dims())?;
                let counting =
                    Counting::new(executor, &module).map_err(|error| error.of_pass(&pass.label))?;
                kernels.push(Kernel { resources: module.resources, counting });
                let (kernel, tile) = key.clone();
                chosen.push(ChosenKernel { kernel, tile: tile.into_iter().collect(), passes: 0 });
                known.insert(key, kernels.len() - 1);
                kernels.len() - 1
            }
        };
        chosen[index].passes += 1;
        of_pass.push(index);
    }
    Ok((kernels, chosen, of_pass))
}

/// Packs the uniform blocks of all passes into one buffer; for each pass, where its blocks begin.
fn uniforms(
    executor: &mut dyn Executor,
    plan: &Plan,
    kernels: &[Kernel],
    kernel_of_pass: &[usize],
) -> Result<(Allocation, Vec<Vec<u64>>), Error> {
    let alignment = executor.adapter().limits.offset_alignment as usize;
    let mut bytes: Vec<u8> = Vec::new();
    let mut offsets = Vec::with_capacity(plan.passes.len());
    for (pass, &kernel) in plan.passes.iter().zip(kernel_of_pass) {
        let mut of_pass = Vec::new();
        for resource in &kernels[kernel].resources {
            if let ResourceKind::Uniform { size, members } = &resource.kind {
                bytes.resize(bytes.len().next_multiple_of(alignment), 0);
                of_pass.push(bytes.len() as u64);
                bytes.extend(uniform::block(pass, *size, members)?);
            }
        }
        offsets.push(of_pass);
    }
    bytes.resize(bytes.len().max(1).next_multiple_of(alignment), 0);
    let buffer = executor.allocate("uniforms", bytes.len() as u64)?;
    executor.write(buffer, 0, &bytes)?;
    Ok((buffer, offsets))
}

/// Makes one buffer for the counters of all passes; its size, and where each pass's counters begin.
fn counters(
    executor: &mut dyn Executor,
    kernels: &[Kernel],
    kernel_of_pass: &[usize],
) -> Result<(Allocation, u64, Vec<u64>), Error> {
    let alignment = executor.adapter().limits.offset_alignment;
    let mut size = 0;
    let offsets = kernel_of_pass
        .iter()
        .map(|&kernel| {
            let offset = size;
            size = (offset + kernels[kernel].counting.table().bytes()).next_multiple_of(alignment);
            offset
        })
        .collect();
    let size = size.max(alignment);
    Ok((executor.allocate("counters", size)?, size, offsets))
}
