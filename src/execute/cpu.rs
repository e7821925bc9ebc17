//! The embedded executor: interprets the naga module that the GPU would run, a workgroup at a time,
//! all of its lanes together, workgroups on all threads. It is the living definition of what a kernel
//! means, and a second opinion on every count: each run of instructions is priced here when it is lowered,
//! and how many lanes executed it is counted; nothing of the instrumenter's is read.
//!
//! A kernel is lowered once (`lower`, `inits`, `straighten`, `forward`, `allocate`) to a program of vector
//! instructions (`program`). A `launch` has its workgroups executed: each by a machine (`machine`, `alu`,
//! `memory`) under the control of `flow`; `race` looks for races where that is asked.

mod allocate;
mod alu;
mod flow;
mod forward;
mod inits;
mod launch;
mod limits;
mod lower;
mod machine;
mod memory;
mod narrow;
mod pass;
mod program;
mod race;
mod register;
mod straighten;
mod texel;
#[cfg(feature = "textures")]
mod texture;
mod threads;
mod wide;

use std::{
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::Instant,
};

pub use self::pass::Simplification;
use self::{
    flow::Stopped,
    launch::Grid,
    limits::LIMITS,
    machine::Apart,
    memory::Words,
    program::{Memory, Program},
};
use super::{
    Adapter, Allocation, Backend, Bound, Clock, DeviceType, Dispatch, Executor, Limits, Outcome,
    ProgramId, fits,
};
#[cfg(feature = "textures")]
use super::{Sampler, Texture};
use flopmeter_core::guard::Stage;

use crate::{Error, KernelError, kernel::KernelModule};

/// Lanes in a subgroup, where no other number is asked for.
pub const SUBGROUP_LANES: u32 = 32;

/// Whether subgroups may have so many lanes.
pub(super) const fn may_have(lanes: u32) -> bool {
    lanes.is_power_of_two() && lanes <= 128
}

/// Rounds of its loops that a workgroup may take before a loop is said to be endless.
const MAX_ROUNDS: u64 = 1 << 28;

/// How many bytes of a buffer the embedded executor binds.
pub const BINDING_BYTES: u64 = LIMITS.binding_bytes;

/// The embedded executor.
pub struct Cpu {
    adapter: Adapter,
    subgroup: u32,
    detect_races: bool,
    max_rounds: u64,
    left_out: Vec<Simplification>,
    programs: Vec<Program>,
    buffers: Vec<Box<[AtomicU32]>>,
    /// Those of the buffers that are textures, and samplers.
    #[cfg(feature = "textures")]
    textures: texture::Textures,
}

impl Cpu {
    /// An executor whose subgroups have so many lanes, a power of two up to 128.
    ///
    /// # Errors
    /// Where `subgroup` is no such number.
    pub fn new(subgroup: u32) -> Result<Self, Error> {
        if !may_have(subgroup) {
            return Err(Error::Config(format!(
                "a subgroup of {subgroup} lanes: the embedded executor has subgroups of 1, 2, 4, 8, 16, 32, 64 or 128"
            )));
        }
        let threads = threads::count();
        let adapter = Adapter {
            name: "embedded".into(),
            backend: Backend::Embedded,
            device_type: DeviceType::Embedded,
            driver: format!(
                "flopmeter {}, {threads} threads on {}",
                env!("CARGO_PKG_VERSION"),
                std::env::consts::ARCH
            ),
            limits: Limits { subgroup_lanes: Some(subgroup), ..LIMITS },
        };
        Ok(Self {
            adapter,
            subgroup,
            detect_races: false,
            max_rounds: MAX_ROUNDS,
            left_out: Vec::new(),
            programs: Vec::new(),
            buffers: Vec::new(),
            #[cfg(feature = "textures")]
            textures: texture::Textures::default(),
        })
    }

    /// The same executor, looking for races in what it compiles from now on. It then runs workgroups one
    /// after the other, and slowly.
    #[must_use]
    pub fn detecting_races(mut self) -> Self {
        self.detect_races = true;
        self
    }

    /// The same executor, whose workgroups may take so many rounds of their loops.
    #[must_use]
    pub fn with_max_rounds(mut self, rounds: u64) -> Self {
        self.max_rounds = rounds;
        self
    }

    /// The same executor, which leaves passes out of what it compiles from now on. It computes and counts the same.
    #[must_use]
    pub fn without(mut self, passes: &[Simplification]) -> Self {
        self.left_out.extend(passes);
        self
    }

    fn error(&self, during: &str, problem: impl ToString) -> Error {
        Error::Device {
            adapter: self.adapter.name.clone(),
            during: during.to_owned(),
            problem: problem.to_string(),
        }
    }

    fn window(
        &self,
        buffer: Allocation,
        offset: u64,
        size: u64,
        during: &str,
    ) -> Result<Words<'_>, Error> {
        let words = &self.buffers[buffer.0];
        let range = offset as usize / 4..(offset + size) as usize / 4;
        let aligned = offset.is_multiple_of(4) && size.is_multiple_of(4);
        words.get(range).filter(|_| aligned).ok_or_else(|| {
            self.error(
                during,
                format!("bytes {offset} to {} of a buffer of {}", offset + size, 4 * words.len()),
            )
        })
    }

    /// The windows that a program's memories are bound to; workgroup memory is left empty.
    fn bind<'a>(
        &'a self,
        program: &'a Program,
        dispatch: &Dispatch<'_>,
    ) -> Result<Vec<Words<'a>>, Error> {
        let window = |memory: &Memory| match memory {
            Memory::WorkGroup => Ok(&[][..]),
            Memory::Immediate => Ok(&program.immediates[..]),
            Memory::Buffer { group, binding } => {
                let mut bound = dispatch.bindings.iter();
                let bound = bound.find(|b| (b.group, b.binding) == (*group, *binding));
                let Bound { buffer, offset, size, .. } = bound.ok_or_else(|| {
                    let problem =
                        format!("nothing is bound to @group({group}) @binding({binding})");
                    self.error(dispatch.label, problem)
                })?;
                #[cfg(feature = "textures")]
                if self.textures.contains_key(&buffer.0) {
                    return Ok(&self.buffers[buffer.0][..]);
                }
                self.window(*buffer, *offset, *size, dispatch.label)
            }
        };
        program.memories.iter().map(window).collect()
    }
}

impl Executor for Cpu {
    fn adapter(&self) -> &Adapter {
        &self.adapter
    }

    fn compile(&mut self, kernel: &KernelModule) -> Result<ProgramId, Error> {
        fits::kernel(&self.adapter, kernel)?;
        let lowered = || lower::lower(kernel, self.subgroup, self.detect_races, &self.left_out);
        let program = kernel.guarded(Stage::Compiling, lowered)?;
        self.programs.push(program);
        Ok(ProgramId(self.programs.len() - 1))
    }

    fn allocate(&mut self, label: &str, bytes: u64) -> Result<Allocation, Error> {
        let refused = |problem: &str| {
            let during = format!("allocating '{label}' ({bytes} bytes)");
            self.error(
                &during,
                format!("{problem}: choose smaller buffers, or a smaller batch or seq"),
            )
        };
        if bytes > LIMITS.buffer_bytes {
            return Err(refused("more than a buffer holds"));
        }
        let words = (bytes / 4) as usize;
        let mut buffer = Vec::new();
        buffer.try_reserve_exact(words).map_err(|_| refused("out of memory"))?;
        buffer.resize_with(words, AtomicU32::default);
        self.buffers.push(buffer.into_boxed_slice());
        Ok(Allocation(self.buffers.len() - 1))
    }

    #[cfg(feature = "textures")]
    fn texture(&mut self, label: &str, texture: &Texture) -> Result<Allocation, Error> {
        let bytes = texture::bytes(texture);
        if bytes > LIMITS.buffer_bytes {
            let during = format!("allocating '{label}', a texture of {}", texture.format);
            let most = LIMITS.buffer_bytes / u64::from(texel::TEXEL_BYTES);
            let what =
                format!("more than the {most} texels of a texture here: choose a smaller one");
            return Err(self.error(&during, what));
        }
        let made = self.allocate(label, bytes)?;
        texture::begin(texture, &self.buffers[made.0]);
        self.textures.insert(made.0, Some(*texture));
        Ok(made)
    }

    #[cfg(feature = "textures")]
    fn sampler(&mut self, label: &str, sampler: Sampler) -> Result<Allocation, Error> {
        let made = self.allocate(label, texel::HEADER_BYTES.into())?;
        texture::sampler(sampler, &self.buffers[made.0]);
        self.textures.insert(made.0, None);
        Ok(made)
    }

    fn write(&mut self, buffer: Allocation, offset: u64, data: &[u8]) -> Result<(), Error> {
        #[cfg(feature = "textures")]
        if let Some(Some(texture)) = self.textures.get(&buffer.0) {
            let written = texture::write(texture, &self.buffers[buffer.0], offset, data);
            return written.ok_or_else(|| self.error("writing a texture", "no whole texels of it"));
        }
        let words = self.window(buffer, offset, data.len() as u64, "writing a buffer")?;
        for (word, bytes) in words.iter().zip(data.chunks_exact(4)) {
            word.store(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]), Relaxed);
        }
        Ok(())
    }

    fn read(&mut self, buffer: Allocation, offset: u64, size: u64) -> Result<Vec<u8>, Error> {
        #[cfg(feature = "textures")]
        if let Some(Some(texture)) = self.textures.get(&buffer.0) {
            let read = texture::read(texture, &self.buffers[buffer.0], offset, size);
            return read.ok_or_else(|| self.error("reading a texture", "no whole texels of it"));
        }
        let words = self.window(buffer, offset, size, "reading a buffer")?;
        Ok(words.iter().flat_map(|word| word.load(Relaxed).to_le_bytes()).collect())
    }

    fn dispatch(&mut self, dispatch: &Dispatch<'_>) -> Result<Outcome, Error> {
        let program = &self.programs[dispatch.program.0];
        let memories = self.bind(program, dispatch)?;
        // WebAssembly has no clock of its own; its caller has one.
        let start = (!cfg!(target_family = "wasm")).then(Instant::now);
        let max_rounds = self.max_rounds;
        let launch = Grid { program, memories, grid: dispatch.grid, max_rounds };
        let ran = launch.run();
        let seconds = start.map_or(0.0, |start| start.elapsed().as_secs_f64());
        let ran = ran.map_err(|fault| {
            let (problem, line) = match fault {
                Stopped::Endless { line, .. } => {
                    let problem =
                        format!("the embedded executor gave up a loop without an end: {max_rounds} rounds in one workgroup");
                    (problem, line)
                }
                Stopped::Divergent(line) => {
                    ("a barrier that not all invocations of the workgroup reach".into(), line)
                }
                Stopped::Apart(Apart::Parted, line) => (
                    "a cooperative matrix of a subgroup of which not all invocations are there".into(),
                    line,
                ),
                Stopped::Apart(Apart::Differing, line) => (
                    "a cooperative matrix for which invocations of a subgroup name different places or numbers".into(),
                    line,
                ),
                Stopped::Unwatched => (
                    "looking for races takes more than 4 GiB here: choose smaller buffers, or a smaller batch or seq"
                        .into(),
                    None,
                ),
                Stopped::Elsewhere => ("it was stopped".into(), None),
            };
            let line = line.map_or_else(String::new, |line| format!(" ({line})"));
            // A kernel that is run by itself goes by its own name.
            let label = Some(dispatch.label).filter(|label| *label != program.name);
            let label = label.map_or_else(String::new, |label| format!("{label}: "));
            let problem = format!("{label}{problem}{line}");
            KernelError::Kernel { kernel: program.name.clone(), problem }
        })?;
        let witness = Some(ran.witness(program));
        Ok(Outcome { seconds, clock: Clock::Wall, waited_seconds: seconds, witness })
    }

    fn clear(&mut self) {
        self.programs.clear();
        self.buffers.clear();
        #[cfg(feature = "textures")]
        self.textures.clear();
    }

    fn looks(&self) -> bool {
        true
    }
}
