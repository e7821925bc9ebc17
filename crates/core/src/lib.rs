//! Counts what a GPU kernel executes: rewrites it so that the device counts for itself, and says what the
//! counters mean.
//!
//! ```
//! use flopmeter_core::{device::Limits, instrument::instrument, kernel::KernelModule, op::Convention};
//!
//! let source = "
//!     @group(0) @binding(0) var<storage, read_write> x: array<f32>;
//!
//!     @compute @workgroup_size(64)
//!     fn double(@builtin(global_invocation_id) id: vec3<u32>) {
//!         x[id.x] = 2.0 * x[id.x];
//!     }";
//! let kernel = KernelModule::from_wgsl("double", source, "double", &Default::default())?;
//! let counting = instrument(&kernel, &Limits::WEBGPU)?;
//!
//! // `counting.kernel.module` goes to the device in place of `kernel.module`, with a zeroed storage buffer of
//! // this size bound at `counting.counters`.
//! let buffer = vec![0; counting.table.bytes() as usize];
//!
//! // What the buffer holds after any number of dispatches, which launched so many invocations; here none.
//! let executions = counting.table.decode(&buffer, 0)?;
//! assert_eq!(counting.table.cost(&executions).ops.flops(Convention::Ieee), 0);
//! # Ok::<(), flopmeter_core::Error>(())
//! ```
//!
//! A device counts *block executions*. A metered block is a run of statements of which, once the first
//! executes, all execute; the host multiplies each block's executions by the operations in it. [`op::Op`] is
//! the vocabulary, and a change of [`op::Convention`], the price list that turns operations into FLOPs, never
//! needs another run. An operation without a price is an error, never 0.
//!
//! | module | its one job | what it never knows |
//! |---|---|---|
//! | [`op`] | operations, counts, traffic, conventions | everything else |
//! | [`device`] | plain numbers about a device | who has one |
//! | `ir` | what refers to what in naga's IR | what it means or costs |
//! | `flow` | which few blocks must be counted for the rest to follow | shaders, prices |
//! | `overflow` | where counters are looked at, so that none wraps without a word | IRs, prices |
//! | `keyed` | maps of pairs, small once they are compiled | what the pairs are |
//! | [`guard`] | a panic over a kernel becomes an error; room on the stack | what the work is |
//! | [`source`] | the text of a kernel and where its lines end | what it means |
//! | [`read`] | from WGSL, GLSL or SPIR-V to a module that states what they state | entry points, prices |
//! | [`kernel`] | pick, validate and reflect one kernel | shapes, devices |
//! | [`instrument`] | rewrite a kernel so that it counts | shapes, formulas, executors |
//! | `composition` | what dot products, inverses and the like cost | IRs |
//! | `spirv` | rewrite a SPIR-V module so that it counts, where naga does not read it | Vulkan |
//! | [`table`] | what counters mean: blocks, lines, costs | how the counters got there |
//! | [`recording`] | what a program that ran elsewhere executed, as plain data | who recorded it |

mod composition;
pub mod device;
mod error;
mod flow;
pub mod guard;
pub mod instrument;
mod ir;
pub mod kernel;
#[doc(hidden)]
pub mod keyed;
pub mod op;
mod overflow;
#[cfg(feature = "wgsl-out")]
mod print;
pub mod read;
pub mod recording;
mod rewriting;
pub mod source;
#[cfg(feature = "spirv-rewrite")]
pub mod spirv;
pub mod table;

pub use error::Error;
