//! The executor that runs kernels through wgpu, on a GPU or a software adapter. These are the only
//! files that say wgpu. Modules go to the device as naga IR; every error that the device reports,
//! out-of-memory and loss included, comes back as an [`Error`] naming what was being done.

mod adapters;
mod bind;
mod fault;
mod module;
mod pipeline;
mod probe;
#[cfg(feature = "spirv")]
mod spirv;
mod submit;
#[cfg(test)]
mod tests;
mod texture;
mod timer;
mod transfer;

use std::sync::{Arc, Mutex};

use flopmeter_core::guard::Stage;
#[cfg(feature = "spirv")]
use flopmeter_core::guard::guarded;
use wgpu::{BufferUsages, Features};

use self::{
    bind::BindGroups,
    fault::{DeviceFault, explain, locked},
    pipeline::Pipelines,
    texture::Held,
    timer::Timer,
};
use super::{
    Adapter, Allocation, Backend, Clock, Dispatch, Executor, Outcome, ProgramId, Sampler, Texture,
    TextureDimension, fits,
};
#[cfg(feature = "spirv")]
use super::{SpirvAbilities, SpirvProgram};
use crate::{Error, KernelError, kernel::KernelModule};

/// What a kernel may use beyond the core of WebGPU, requested wherever the adapter has it.
const KERNEL_FEATURES: Features = Features::SHADER_F16
    .union(Features::SHADER_F64)
    .union(Features::SHADER_I16)
    .union(Features::SHADER_INT64)
    .union(Features::SHADER_INT64_ATOMIC_MIN_MAX)
    .union(Features::SHADER_INT64_ATOMIC_ALL_OPS)
    .union(Features::SHADER_FLOAT32_ATOMIC)
    .union(Features::PASSTHROUGH_SHADERS)
    .union(Features::IMMEDIATES)
    .union(Features::SUBGROUP)
    .union(Features::SUBGROUP_BARRIER)
    .union(Features::FLOAT32_FILTERABLE)
    .union(Features::EXPERIMENTAL_COOPERATIVE_MATRIX)
    .union(Features::TEXTURE_ADAPTER_SPECIFIC_FORMAT_FEATURES);

/// Every adapter that [`Gpu::open`] can open, best first.
pub fn adapters() -> Vec<Adapter> {
    adapters::enumerate().into_iter().map(|(_, description)| description).collect()
}

/// A wgpu device as an executor.
pub struct Gpu {
    adapter: Adapter,
    /// What `adapter` describes.
    own: wgpu::Adapter,
    device: wgpu::Device,
    queue: wgpu::Queue,
    timer: Option<Timer>,
    fault: Arc<Mutex<DeviceFault>>,
    programs: Vec<Pipelines>,
    buffers: Vec<Held>,
    bound: BindGroups,
    /// Bytes written since anything was last waited for in [`Executor::write`].
    staged: u64,
    /// Whether it is wrong of how many rounds some loops are.
    foresees_wrong: bool,
}

impl Gpu {
    /// Opens `auto`, `gpu`, `software` or the first adapter whose name contains `choice`, with all
    /// the limits it has.
    ///
    /// # Errors
    /// Where there is no such adapter, or it cannot be opened.
    pub fn open(choice: &str) -> Result<Self, Error> {
        let (adapter, description) = adapters::choose(choice)?;
        Self::on(&adapter, description)
    }

    /// Opens every adapter, best first.
    ///
    /// # Errors
    /// Where one of them cannot be opened.
    pub fn open_all() -> Result<Vec<Self>, Error> {
        let adapters = adapters::enumerate().into_iter();
        adapters.map(|(adapter, description)| Self::on(&adapter, description)).collect()
    }

    fn on(adapter: &wgpu::Adapter, description: Adapter) -> Result<Self, Error> {
        let features = adapter.features() & (KERNEL_FEATURES | timer::FEATURES);
        let request = adapter.request_device(&wgpu::DeviceDescriptor {
            label: Some("flopmeter"),
            required_features: features,
            required_limits: adapter.limits(),
            experimental_features: adapters::experimental(features),
            ..Default::default()
        });
        let (device, queue) = pollster::block_on(request).map_err(|error| Error::Device {
            adapter: description.name.clone(),
            during: "opening the device".into(),
            problem: error.to_string(),
        })?;

        // One scope around everything: the first error is kept until the call that caused it asks.
        let fault = Arc::new(Mutex::new(DeviceFault::default()));
        let (on_error, on_loss) = (Arc::clone(&fault), Arc::clone(&fault));
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            locked(&on_error).error.get_or_insert_with(|| explain(&error));
        }));
        device.set_device_lost_callback(move |_, message| {
            let way_out =
                "another adapter may run it, as may the embedded executor, which has no driver";
            locked(&on_loss).loss = Some(format!("the device was lost: {message}; {way_out}"));
        });

        let timer = Timer::of(&device, &queue);
        let mut gpu = Self {
            adapter: description,
            own: adapter.clone(),
            device,
            queue,
            timer,
            fault,
            programs: Vec::new(),
            buffers: Vec::new(),
            bound: BindGroups::default(),
            staged: 0,
            foresees_wrong: false,
        };
        gpu.foresees_wrong = probe::foresees_wrong(&mut gpu)?;
        gpu.adapter.limits.loop_rounds = probe::loop_rounds(&mut gpu)?;
        Ok(gpu)
    }

    fn error(&self, during: &str, problem: impl ToString) -> Error {
        Error::Device {
            adapter: self.adapter.name.clone(),
            during: during.to_owned(),
            problem: problem.to_string(),
        }
    }

    /// The first error that the device reported since the last call, as what `during` ran into.
    fn checked(&self, during: &str) -> Result<(), Error> {
        let mut fault = locked(&self.fault);
        let problem = fault.loss.clone().or_else(|| fault.error.take());
        problem.map_or(Ok(()), |problem| Err(self.error(during, problem)))
    }

    fn wait(&self, during: &str) -> Result<(), Error> {
        let polled = self.device.poll(wgpu::PollType::wait_indefinitely());
        self.checked(during)?;
        polled.map(|_| ()).map_err(|error| self.error(during, error))
    }

    /// Waits for the queue and returns the bytes of a mappable buffer.
    fn map(&self, buffer: &wgpu::Buffer, during: &str) -> Result<Vec<u8>, Error> {
        let (send, receive) = std::sync::mpsc::channel();
        buffer.map_async(wgpu::MapMode::Read, .., move |result| {
            // The receiver outlives the wait below; if it is gone, the answer is not needed.
            let _ = send.send(result);
        });
        self.wait(during)?;
        receive
            .recv()
            .map_err(|error| self.error(during, error))?
            .map_err(|error| self.error(during, error))?;
        let view = buffer.get_mapped_range(..).map(|view| view.to_vec());
        buffer.unmap();
        view.map_err(|error| self.error(during, error))
    }

    fn hold(&mut self, held: Held) -> Allocation {
        self.buffers.push(held);
        Allocation(self.buffers.len() - 1)
    }

    /// Keeps a kernel that was compiled just now, where the device has nothing against it.
    fn keep(&mut self, kernel: &str, compiled: Pipelines) -> Result<ProgramId, Error> {
        let refusal = locked(&self.fault).error.take();
        self.checked(&format!("compiling kernel '{kernel}'"))?;
        if let Some(problem) = refusal {
            let (kernel, adapter) = (kernel.to_owned(), self.adapter.name.clone());
            return Err(KernelError::BackEnd { kernel, adapter, problem }.into());
        }
        self.programs.push(compiled);
        Ok(ProgramId(self.programs.len() - 1))
    }
}

impl Executor for Gpu {
    fn adapter(&self) -> &Adapter {
        &self.adapter
    }

    fn compile(&mut self, kernel: &KernelModule) -> Result<ProgramId, Error> {
        fits::matrices(&self.adapter, kernel, &adapters::products(&self.own))?;
        fits::kernel(&self.adapter, kernel)?;
        let device = &self.device;
        module::formats(device.features(), kernel).map_err(|problem| KernelError::BackEnd {
            kernel: kernel.name.clone(),
            adapter: self.adapter.name.clone(),
            problem,
        })?;
        let compiled = kernel.guarded(Stage::Compiling, || -> Result<_, Error> {
            let module = module::of(device, &self.adapter.limits, self.foresees_wrong, kernel);
            Ok(Pipelines::of(device, &module, kernel))
        })?;
        self.keep(&kernel.name, compiled)
    }

    #[cfg(feature = "spirv")]
    fn spirv(&self) -> Option<SpirvAbilities> {
        let features = self.device.features();
        let passes = features.contains(Features::PASSTHROUGH_SHADERS);
        (passes && self.adapter.backend == Backend::Vulkan).then(|| SpirvAbilities {
            wide_atomics: features
                .contains(Features::SHADER_INT64 | Features::SHADER_INT64_ATOMIC_ALL_OPS),
            subgroups: features.contains(Features::SUBGROUP),
        })
    }

    #[cfg(feature = "spirv")]
    fn compile_spirv(&mut self, program: &SpirvProgram<'_>) -> Result<ProgramId, Error> {
        let name = &program.module.name;
        let pipelines = guarded(name, Stage::Compiling, || {
            spirv::pipelines(&self.device, &self.adapter, program)
        })?;
        self.keep(name, pipelines)
    }

    fn allocate(&mut self, label: &str, bytes: u64) -> Result<Allocation, Error> {
        let buffer = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some(label),
            size: bytes,
            usage: BufferUsages::STORAGE
                | BufferUsages::UNIFORM
                | BufferUsages::COPY_SRC
                | BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        self.checked(&format!("allocating '{label}' ({bytes} bytes)"))?;
        Ok(self.hold(Held::Buffer(buffer)))
    }

    fn texture(&mut self, label: &str, texture: &Texture) -> Result<Allocation, Error> {
        let during = format!("allocating '{label}', a texture of {}", texture.format);
        if self.adapter.backend == Backend::Gl && texture.dimension == TextureDimension::D1 {
            let why = "GL reads nothing from a texture of one dimension: give it a height of 1 in \
                       the shader, or take another adapter";
            return Err(self.error(&during, why.to_owned()));
        }
        if let Some(why) = texture::too_large(&self.device, texture) {
            return Err(self.error(&during, why));
        }
        let made = texture::texture(&self.device, &self.own, label, texture);
        self.checked(&during)?;
        Ok(self.hold(made))
    }

    fn sampler(&mut self, label: &str, sampler: Sampler) -> Result<Allocation, Error> {
        let made = texture::sampler(&self.device, label, sampler);
        self.checked(&format!("making '{label}', a sampler"))?;
        Ok(self.hold(made))
    }

    fn write(&mut self, buffer: Allocation, offset: u64, data: &[u8]) -> Result<(), Error> {
        match &self.buffers[buffer.0] {
            Held::Buffer(held) => {
                let held = held.clone();
                self.write_buffer(&held, offset, data)
            }
            Held::Texture(held, _, texture) => self.write_texture(held, texture, data),
            Held::Sampler(..) => Ok(()),
        }
    }

    fn read(&mut self, buffer: Allocation, offset: u64, size: u64) -> Result<Vec<u8>, Error> {
        match &self.buffers[buffer.0] {
            Held::Buffer(held) => self.read_buffer(held, offset, size),
            Held::Texture(held, _, texture) => self.read_texture(held, texture),
            Held::Sampler(..) => Ok(Vec::new()),
        }
    }

    fn dispatch(&mut self, dispatch: &Dispatch<'_>) -> Result<Outcome, Error> {
        let (waited_seconds, seconds) = self.submit(std::slice::from_ref(dispatch))?;
        let (seconds, clock) = match seconds.as_deref() {
            Some(&[seconds]) => (seconds, Clock::Timestamps),
            _ => (waited_seconds, Clock::Wall),
        };
        Ok(Outcome { seconds, clock, waited_seconds, witness: None })
    }

    fn dispatch_all(&mut self, dispatches: &[Dispatch<'_>]) -> Result<Option<Vec<Outcome>>, Error> {
        let (waited_seconds, seconds) = self.submit(dispatches)?;
        let clock = Clock::Timestamps;
        let outcome = |seconds| Outcome { seconds, clock, waited_seconds, witness: None };
        Ok(seconds.map(|all| all.into_iter().map(outcome).collect()))
    }

    fn most_at_once(&self) -> usize {
        if self.timer.is_some() { timer::DISPATCHES } else { 1 }
    }

    fn clear(&mut self) {
        self.programs.clear();
        self.bound.clear();
        // Destroying gives the memory back now; dropping would wait for the device's next poll.
        self.buffers.drain(..).for_each(|held| held.destroy());
    }
}
