//! How many floating-point operations does a GPU kernel really execute, and is the formula that
//! is quoted for it true? flopmeter runs kernels of WGSL, WESL, GLSL and SPIR-V, rewritten so that the device
//! counts for itself, and compares the counts with closed forms and published estimators.
//!
//! ```
//! # #[cfg(feature = "embedded")] {
//! use flopmeter::{execute::{self, Executor}, kernel::KernelModule, observe::Trial, op::Convention};
//!
//! let source = "
//!     @group(0) @binding(0) var<storage, read_write> x: array<f32>;
//!
//!     @compute @workgroup_size(64)
//!     fn double(@builtin(global_invocation_id) id: vec3<u32>) {
//!         x[id.x] = 2.0 * x[id.x];
//!     }";
//! let kernel = KernelModule::from_wgsl("double", source, "double", &Default::default())?;
//! let mut cpu = execute::cpu::Cpu::new(32)?;
//! let trial = Trial::new(&mut cpu, &kernel, vec![vec![0; 4 * 128]])?;
//! let (observed, _) = trial.observe(&mut cpu, [2, 1, 1], 0)?;
//! assert_eq!(observed.cost.ops.flops(Convention::Ieee), 128);
//! # }
//! # Ok::<(), flopmeter::Error>(())
//! ```
//!
//! A model is named, estimated and run in the same way; [`profile`](mod@profile) has the whole of it.
//!
//! ```
//! use flopmeter::{estimate::Estimate, family::BatchShape, model::Model, operation::Optimizer};
//!
//! let model = Model::resolve("resnet-bk", ["n_layers=2"])?;
//! let shape = BatchShape::resolve(Default::default(), &model.config)?;
//! let estimate = Estimate::new(&model.config, shape, Optimizer::AdamW)?;
//! assert_eq!((shape.batch(), shape.seq()), (32, 128));
//! assert!(estimate.total_flops().backward > estimate.total_flops().forward);
//! # Ok::<(), flopmeter::Error>(())
//! ```
//!
//! # What is measured
//!
//! *Executed operations*: every arithmetic operation, load and store that an active invocation
//! executes, as the kernel's naga IR states it, after constant evaluation and after pipeline
//! overrides are resolved, and before anything a back end adds or removes (bounds checks, loop guards,
//! contraction, instruction selection); of SPIR-V that goes to a driver of Vulkan, as the module states it. It is
//! neither a static estimate nor a hardware instruction count.
//!
//! The device counts *block executions*. A metered block is a run of statements of which, once the
//! first executes, all execute; the host multiplies each block's executions by the static table of
//! operations in it ([`instrument`]). A change of [`op::Convention`], the price list that turns
//! operations into FLOPs, never needs another run. [`op::Op`] is the vocabulary; an operation
//! without a price is an error, never 0.
//!
//! # How data flows
//!
//! One direction, two arms that meet only in [`check`]:
//!
//! ```text
//! ModelConfig -> Plan ----------> Executor -> block executions -> Measurement --+
//!  (shapes)      (passes, data)      ^         (+ tensors, time)   (per pass)   |
//!                  | names kernels   |                                          +-> Verdict -> result -> page -> format
//!                  +-> KernelModule -> instrument -> Instrumented + BlockTable  |
//!                  +---------------> formula   (exact closed forms) ------------+
//!                  +---------------> estimate  (published estimators) ----------+
//! ```
//!
//! | module | its one job | what it never knows |
//! |---|---|---|
//! | [`op`] | operations, counts, traffic, conventions | everything else |
//! | [`model`] | what a name stands for; weights, batches, the plan on an adapter | what a family computes |
//! | [`operation`] | what a pass computes, with its sizes, as a type | kernels, devices, models |
//! | [`choice`] | which kernel runs an operation on a device, in which tiles and lanes | models |
//! | [`tune`] | which kernels are fastest on an adapter, by timing them; what was found, kept in a file | models |
//! | [`registry`], [`schedule`] | the crate's own kernels as values; how one goes about its operation | what is chosen |
//! | [`family`] | model families, each whole in its folder: configuration, parameters, passes, estimator, causes, claims | devices, reports, other families |
//! | [`blocks`] | what families are built of | families |
//! | [`plan`] | passes and buffers as plain data | naga, wgpu |
//! | [`kernel`], [`instrument`] | `flopmeter-core`: read one kernel; rewrite it so that it counts | shapes, formulas |
//! | [`library`] | the crate's own kernels, by name; what a shader file is continued in | shapes, devices |
//! | [`execute`] | run a kernel; only `execute::gpu` says wgpu | plans, formulas |
//! | [`observe`] | run a kernel plain and counted, compare, decode: the one way to count | plans, formulas |
//! | [`measure`] | run a plan, pass by pass | formulas |
//! | [`formula`] | an operation's algebra, and with a schedule exactly what its kernel executes | naga, WGSL, executors |
//! | [`term`], [`claim`], [`exact`] | what a family states of its cost: an estimator's terms, what was published, closed forms | plans, reports |
//! | [`estimate`] | a published estimator, evaluated for a shape | plans |
//! | [`published`] | every published formula: value, ratio to the exact count, causes | plans, kernels |
//! | [`check`] | measurement against formula and other executors | printing |
//! | [`explain`] | why a measurement and an estimate differ, cause by cause | running, printing |
//! | [`forecast`] | many steps: FLOPs, time, budgets, MFU and HFU | executors, printing |
//! | [`sweep`] | many shapes of one model: axes, points, shards | running, printing |
//! | [`fit`] | exponents of power laws | what grows |
//! | [`shader`] | a user's own kernels: file, buffers, dispatches | arguments, printing |
//! | `run` (a feature) | counts a program of the user's, with the Vulkan layer in it | reports, printing |
//! | [`profile`](mod@profile) | one training step: estimated, run, checked and explained, as one request | arguments, printing |
//! | [`tensors`] | the values of a model's tensors in a safetensors file | devices, reports |
//! | [`files`] | writing a file whole or not at all | what is in it |
//! | [`Error`], [`Remedy`] | what went wrong, and what to ask for instead | the program's options |
//! | [`roofline`] | an adapter's ceilings, and where a kernel stands under them | models, printing |
//! | [`result`] | what was found out, serialisable, read back from its file | how it is said |
//! | [`page`] | what a result says, cell by cell | how it looks |
//! | [`format`](mod@format) | how a page looks: table, CSV, Markdown, HTML, JSON, trace | what it is about |
//!
//! Counts are exact and compare with `==`: the arm that knows the algebra never sees a kernel, and the
//! arm that counts never sees a shape. Instrumented and plain kernels leave the same bits. Times come
//! from the plain kernels, counts from the instrumented ones.
//!
//! # Features
//!
//! All are on by default. A program that only instruments takes none of them, and naga is the largest crate that
//! comes along: [`instrument`] for one kernel or a set of them, [`kernel`] to load one, [`op`] to price what
//! was counted.
//!
//! | feature | what it adds |
//! |---|---|
//! | `gpu` | `execute::gpu`, with wgpu |
//! | `embedded` | `execute::cpu`, the executor without a driver; with `gpu` also `execute::open`, which chooses |
//! | `textures` | textures and samplers beside buffers; comes with `gpu` |
//! | `wesl`, `glsl`, `spirv` | shader files other than WGSL |
//! | `run` | programs that use Vulkan, by the layer of `flopmeter-layer` |
//! | `cli` | the program, `format::table`, `csv`, `html` and `svg`; the program takes all features |
//!
//! # Shape letters
//!
//! [`operation::LETTERS`] says what each dimension counts, in Rust, in WGSL, in formulas and in reports: B sequences
//! of N tokens (S in a decoder's kernels), D wide (H in a decoder), V tokens in the vocabulary, T = B N; and in
//! the matrix products of [`formula`] and `shaders/linear.wgsl` M rows, K inputs and N outputs, as everywhere in
//! that literature.

pub mod blocks;
pub mod check;
pub mod choice;
pub mod claim;
mod continued;
mod error;
pub mod estimate;
pub mod exact;
pub mod execute;
pub mod explain;
pub mod family;
pub mod files;
pub mod fit;
pub mod forecast;
pub mod format;
pub mod formula;
pub mod library;
pub mod measure;
pub mod model;
pub mod observe;
pub mod operation;
pub mod page;
pub mod plan;
pub mod profile;
pub mod published;
pub mod registry;
pub mod result;
pub mod roofline;
#[cfg(feature = "run")]
pub mod run;
pub mod schedule;
pub mod shader;
pub mod sweep;
pub mod tensors;
pub mod term;
pub mod tune;
mod waking;

pub use error::{Error, Remedy};
pub use flopmeter_core::{Error as KernelError, instrument, kernel, op};
