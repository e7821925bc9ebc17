//! A wgpu program of your own that counts what its kernels execute: its own device, buffers, pipelines and
//! pass, and one bind group more for each kernel that counts.
//!
//! Two kernels run in one compute pass: a matrix product, whose operations follow from its shape, and the
//! Collatz steps of each number up to a thousand, which depend on the data. Run it with
//! `cargo run --release --example own_program`.

use std::{borrow::Cow, collections::BTreeMap};

use flopmeter::{
    execute::Limits,
    instrument::{Instrumented, Line, instrument},
    kernel::KernelModule,
    op::{Convention, OpCounts},
};
use wgpu::{BufferUsages, util::DeviceExt as _};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const PRODUCT: &str = "
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

const COLLATZ: &str = "
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
    for counts in run()? {
        print(&counts);
    }
    Ok(())
}

/// What one kernel executed.
pub struct Counts {
    /// Its name.
    pub kernel: String,
    /// Its WGSL.
    pub source: &'static str,
    /// Operations by kind.
    pub ops: OpCounts,
    /// The same by line of the source, from 1.
    pub lines: BTreeMap<u32, Line>,
}

/// Runs both kernels; the tests call this too.
pub fn run() -> Result<Vec<Counts>> {
    // Your device.
    let mut instance = wgpu::InstanceDescriptor::new_without_display_handle_from_env();
    instance.backends = wgpu::Backends::PRIMARY;
    let instance = wgpu::Instance::new(instance);
    let adapter = pollster::block_on(instance.request_adapter(&Default::default()))?;
    let (device, queue) = pollster::block_on(adapter.request_device(&Default::default()))?;

    // Your kernels, made to count.
    let limits = limits(&device.limits());
    let overrides = BTreeMap::from([("N".to_owned(), f64::from(N))]);
    let product = KernelModule::from_wgsl("product", PRODUCT, "product", &overrides)?;
    let collatz = KernelModule::from_wgsl("collatz", COLLATZ, "collatz", &BTreeMap::new())?;
    let product = Counting::new(&device, instrument(&product, &limits)?);
    let collatz = Counting::new(&device, instrument(&collatz, &limits)?);

    // Your buffers, bound as ever.
    let matrix: Vec<f32> = (0..N * N).map(|i| (i % 7) as f32).collect();
    let numbers: Vec<f32> = (0..NUMBERS).map(|n| n as f32).collect();
    let [a, b, c] = [&matrix; 3].map(|values| storage(&device, values));
    let n = storage(&device, &numbers);
    let product_inputs = bind(&device, &product.pipeline, 0, &[(0, &a), (1, &b), (2, &c)]);
    let collatz_inputs = bind(&device, &collatz.pipeline, 0, &[(0, &n)]);

    // Your pass. Counts add up over dispatches, passes and submissions until you zero the buffer.
    let mut encoder = device.create_command_encoder(&Default::default());
    let mut pass = encoder.begin_compute_pass(&Default::default());
    pass.set_pipeline(&product.pipeline);
    pass.set_bind_group(0, &product_inputs, &[]);
    pass.set_bind_group(product.instrumented.counters.group, &product.counts, &[]);
    pass.dispatch_workgroups(N.div_ceil(8), N.div_ceil(8), 1);
    pass.set_pipeline(&collatz.pipeline);
    pass.set_bind_group(0, &collatz_inputs, &[]);
    pass.set_bind_group(collatz.instrumented.counters.group, &collatz.counts, &[]);
    pass.dispatch_workgroups(NUMBERS.div_ceil(64), 1, 1);
    drop(pass);
    queue.submit([encoder.finish()]);

    let mut counts = Vec::new();
    for (counting, source) in [(&product, PRODUCT), (&collatz, COLLATZ)] {
        let Instrumented { kernel, table, .. } = &counting.instrumented;
        let executions = table.decode(&read(&device, &queue, &counting.counters)?)?;
        counts.push(Counts {
            kernel: kernel.name.clone(),
            source,
            ops: table.cost(&executions).ops,
            lines: table.lines(&executions),
        });
    }
    Ok(counts)
}

/// A kernel that counts, with its pipeline and where it counts.
struct Counting {
    instrumented: Instrumented,
    pipeline: wgpu::ComputePipeline,
    counters: wgpu::Buffer,
    counts: wgpu::BindGroup,
}

impl Counting {
    fn new(device: &wgpu::Device, instrumented: Instrumented) -> Self {
        let kernel = &instrumented.kernel;
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
        // A new buffer is zero, which is what counting starts from.
        let counters = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("counters"),
            size: instrumented.table.bytes(),
            usage: BufferUsages::STORAGE | BufferUsages::COPY_SRC | BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let at = instrumented.counters;
        let counts = bind(device, &pipeline, at.group, &[(at.binding, &counters)]);
        Self { instrumented, pipeline, counters, counts }
    }
}

/// What the instrumenter has to know of a device.
fn limits(limits: &wgpu::Limits) -> Limits {
    Limits {
        binding_bytes: limits.max_storage_buffer_binding_size,
        buffer_bytes: limits.max_buffer_size,
        offset_alignment: u64::from(limits.min_storage_buffer_offset_alignment),
        workgroups: limits.max_compute_workgroups_per_dimension,
        invocations: limits.max_compute_invocations_per_workgroup,
        workgroup_bytes: limits.max_compute_workgroup_storage_size,
        storage_bindings: limits.max_storage_buffers_per_shader_stage,
        bind_groups: limits.max_bind_groups,
        bindings_per_group: limits.max_bindings_per_bind_group,
        // This device was opened without the feature.
        subgroup_lanes: None,
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

#[expect(clippy::print_stdout, reason = "this is what the program is for")]
fn print(counts: &Counts) {
    let flops = |ops: OpCounts| ops.flops(Convention::Ieee);
    println!("{}: {} FLOPs", counts.kernel, flops(counts.ops));
    for (scalar, op, count) in counts.ops.floating().iter() {
        println!("  {count:>9}  {}.{}", scalar.name(), op.name());
    }
    for (number, text) in (1..).zip(counts.source.lines()) {
        match counts.lines.get(&number).map(|line| flops(line.cost.ops)) {
            Some(flops) if flops > 0 => println!("  {flops:>9}  {text}"),
            _ => println!("  {:>9}  {text}", ""),
        }
    }
    println!();
}
