//! A wgpu program of your own that counts what its kernels execute: its own device, buffers, pipelines and
//! pass, one bind group more for each kernel that counts, and one buffer for the counters of all.
//!
//! Two kernels run in one compute pass: a matrix product, whose operations follow from its shape, and the
//! Collatz steps of each number up to a thousand, which depend on the data. The counters are read, and a
//! second submission adds to them. Run it with `cargo run --release --example own_program`.

use std::{borrow::Cow, collections::BTreeMap, num::NonZeroU64};

use flopmeter::{
    execute::Limits,
    instrument::{CounterSet, CountingKernel, KernelCounts},
    kernel::KernelModule,
    op::{Convention, OpCounts},
};
use wgpu::{BufferUsages, util::DeviceExt as _};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// A matrix product.
pub const PRODUCT: &str = "
@group(0) @binding(0) var<storage> a: array<f32>; // (N, N)
@group(0) @binding(1) var<storage> b: array<f32>; // (N, N)
@group(0) @binding(2) var<storage, read_write> c: array<f32>; // (N, N)
override N: u32;

@compute @workgroup_size(8, 8)
fn product(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x >= N || id.y >= N) { return; }
    var sum = 0.0;
    for (var k = 0u; k < N; k++) {
        sum = fma(a[id.y * N + k], b[k * N + id.x], sum);
    }
    c[id.y * N + id.x] = sum;
}";

/// Collatz steps of each number.
pub const COLLATZ: &str = "
@group(0) @binding(0) var<storage, read_write> n: array<f32>;

@compute @workgroup_size(64)
fn collatz(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x >= arrayLength(&n)) { return; }
    var x = n[id.x];
    var steps = 0.0;
    while (x > 1.0) {
        let half = x * 0.5;
        if (floor(half) == half) {
            x = half;
        } else {
            x = fma(3.0, x, 1.0);
        }
        steps += 1.0;
    }
    n[id.x] = steps;
}";

/// Rows and columns of the product.
const N: u32 = 100;
/// Numbers whose Collatz steps are counted.
const NUMBERS: u32 = 1000;

fn main() -> Result<()> {
    let [first, both] = run()?;
    for (counted, source) in first.iter().zip([PRODUCT, COLLATZ]) {
        print(counted, source);
    }
    for counted in both {
        let flops = counted.cost.ops.flops(Convention::Ieee);
        print_line(&format!("{} after the second submission: {flops} FLOPs", counted.kernel));
    }
    Ok(())
}

/// Runs both kernels, then the product once more; what was counted after each submission. The tests call
/// this too.
///
/// # Errors
/// Where there is no adapter, or it does not run the kernels.
pub fn run() -> Result<[Vec<KernelCounts>; 2]> {
    // Your device.
    let mut instance = wgpu::InstanceDescriptor::new_without_display_handle_from_env();
    instance.backends = wgpu::Backends::PRIMARY;
    let instance = wgpu::Instance::new(instance);
    let adapter = pollster::block_on(instance.request_adapter(&Default::default()))?;
    let (device, queue) = pollster::block_on(adapter.request_device(&Default::default()))?;

    // Your kernels, made to count.
    let limits = Limits::from(&device.limits());
    let overrides = BTreeMap::from([("N".to_owned(), f64::from(N))]);
    let product = KernelModule::from_wgsl("product", PRODUCT, "product", &overrides)?;
    let collatz = KernelModule::from_wgsl("collatz", COLLATZ, "collatz", &BTreeMap::new())?;
    let mut counters = CounterSet::new(limits);
    let product = counters.instrument(&product)?;
    let collatz = counters.instrument(&collatz)?;

    // A new buffer is zero, which is what counting starts from.
    let buffer = device.create_buffer(&wgpu::BufferDescriptor {
        label: Some("counters"),
        size: counters.bytes(),
        usage: BufferUsages::STORAGE | BufferUsages::COPY_SRC | BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    let product = Counting::new(&device, product, &buffer);
    let collatz = Counting::new(&device, collatz, &buffer);

    // Your buffers, bound as ever.
    let matrix: Vec<f32> = (0..N * N).map(|i| (i % 7) as f32).collect();
    let numbers: Vec<f32> = (0..NUMBERS).map(|n| n as f32).collect();
    let [a, b, c] = [&matrix; 3].map(|values| storage(&device, values));
    let n = storage(&device, &numbers);
    let product_inputs = bind(&device, &product.pipeline, 0, &[(0, &a), (1, &b), (2, &c)]);
    let collatz_inputs = bind(&device, &collatz.pipeline, 0, &[(0, &n)]);

    // Your pass, your submission.
    let mut encoder = device.create_command_encoder(&Default::default());
    let mut pass = encoder.begin_compute_pass(&Default::default());
    product.dispatch(&mut pass, &product_inputs, [N.div_ceil(8), N.div_ceil(8)]);
    collatz.dispatch(&mut pass, &collatz_inputs, [NUMBERS.div_ceil(64), 1]);
    drop(pass);
    queue.submit([encoder.finish()]);
    let [of_product, of_collatz] = [u64::from(N.div_ceil(8)).pow(2), NUMBERS.div_ceil(64).into()];
    let dispatched = [Some(of_product), Some(of_collatz)];
    let first = counters.read(&read(&device, &queue, &buffer)?, &dispatched)?;

    // Counts add up over dispatches, passes and submissions until you zero the buffer.
    let mut encoder = device.create_command_encoder(&Default::default());
    let mut pass = encoder.begin_compute_pass(&Default::default());
    product.dispatch(&mut pass, &product_inputs, [N.div_ceil(8), N.div_ceil(8)]);
    drop(pass);
    queue.submit([encoder.finish()]);
    let dispatched = [Some(2 * of_product), Some(of_collatz)];
    let both = counters.read(&read(&device, &queue, &buffer)?, &dispatched)?;
    Ok([first, both])
}

/// A pipeline that counts, and the bind group of its counters.
struct Counting {
    pipeline: wgpu::ComputePipeline,
    group: u32,
    counts: wgpu::BindGroup,
}

impl Counting {
    fn new(device: &wgpu::Device, counting: CountingKernel, counters: &wgpu::Buffer) -> Self {
        let CountingKernel { kernel, group, binding, offset, size } = counting;
        let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some(&kernel.name),
            source: wgpu::ShaderSource::Naga(Cow::Owned(kernel.module.clone())),
        });
        let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(&kernel.name),
            layout: None,
            module: &module,
            entry_point: Some(&kernel.entry_point().name),
            compilation_options: Default::default(),
            cache: None,
        });
        let window = wgpu::BufferBinding { buffer: counters, offset, size: NonZeroU64::new(size) };
        let resource = wgpu::BindingResource::Buffer(window);
        let counts = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("counters"),
            layout: &pipeline.get_bind_group_layout(group),
            entries: &[wgpu::BindGroupEntry { binding, resource }],
        });
        Self { pipeline, group, counts }
    }

    fn dispatch(
        &self,
        pass: &mut wgpu::ComputePass<'_>,
        inputs: &wgpu::BindGroup,
        [x, y]: [u32; 2],
    ) {
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, inputs, &[]);
        pass.set_bind_group(self.group, &self.counts, &[]);
        pass.dispatch_workgroups(x, y, 1);
    }
}

fn storage(device: &wgpu::Device, values: &[f32]) -> wgpu::Buffer {
    device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
        label: None,
        contents: bytemuck::cast_slice(values),
        usage: BufferUsages::STORAGE,
    })
}

fn bind(
    device: &wgpu::Device,
    pipeline: &wgpu::ComputePipeline,
    group: u32,
    buffers: &[(u32, &wgpu::Buffer)],
) -> wgpu::BindGroup {
    let entries: Vec<_> = buffers
        .iter()
        .map(|&(binding, buffer)| wgpu::BindGroupEntry {
            binding,
            resource: buffer.as_entire_binding(),
        })
        .collect();
    device.create_bind_group(&wgpu::BindGroupDescriptor {
        label: None,
        layout: &pipeline.get_bind_group_layout(group),
        entries: &entries,
    })
}

/// Copies a buffer to the host.
fn read(device: &wgpu::Device, queue: &wgpu::Queue, buffer: &wgpu::Buffer) -> Result<Vec<u8>> {
    let readable = device.create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size: buffer.size(),
        usage: BufferUsages::MAP_READ | BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    let mut encoder = device.create_command_encoder(&Default::default());
    encoder.copy_buffer_to_buffer(buffer, 0, &readable, 0, buffer.size());
    queue.submit([encoder.finish()]);
    let (send, receive) = std::sync::mpsc::channel();
    readable.map_async(wgpu::MapMode::Read, .., move |result| {
        let _ = send.send(result);
    });
    device.poll(wgpu::PollType::wait_indefinitely())?;
    receive.recv()??;
    Ok(readable.get_mapped_range(..)?.to_vec())
}

fn print(counted: &KernelCounts, source: &str) {
    let flops = |ops: OpCounts| ops.flops(Convention::Ieee);
    print_line(&format!("{}: {} FLOPs", counted.kernel, flops(counted.cost.ops)));
    for (scalar, op, count) in counted.cost.ops.floating().iter() {
        print_line(&format!("  {count:>9}  {}.{}", scalar.name(), op.name()));
    }
    for (number, text) in (1..).zip(source.lines()) {
        match counted.lines.get(&number).map(|line| flops(line.cost.ops)) {
            Some(flops) if flops > 0 => print_line(&format!("  {flops:>9}  {text}")),
            _ => print_line(&format!("  {:>9}  {text}", "")),
        }
    }
}

#[expect(clippy::print_stdout, reason = "this is what the program is for")]
fn print_line(text: &str) {
    println!("{text}");
}
