//! A Vulkan layer: it stands between a program and its driver, and has each compute pipeline that the program
//! creates count what it executes. The program is not changed, and does not notice.
//!
//! The kernels are rewritten by [`flopmeter_core::spirv`]. Their counters lie in memory of the layer, whose device
//! address is a constant of the rewritten module, so that descriptors, push constants, pipeline layouts and command
//! buffers of the program stay what they are. What cannot be counted passes through as it is and is listed with the
//! reason. When a device is destroyed, when the process ends, and from time to time in between, the layer writes a
//! [`Recording`](flopmeter_core::recording::Recording) into the folder that [`FOLDER`] names. Without that variable
//! it counts nothing.
//!
//! | module | its one job | what it never knows |
//! |---|---|---|
//! | `abi` | which of the program's calls come by here | what is done there |
//! | `link` | the structures by which loader and layers find each other | devices |
//! | `instance`, `device` | what is known of each, from its creation to its end | pipelines |
//! | `features` | what counting needs of a device, asked for in the program's name | who counts |
//! | `extensions` | which extensions a program is not told of | devices |
//! | `chain` | structures that hang one on another | what they say |
//! | `hooks` | the calls themselves: what the program asks for, to the tally; then on to the driver | prices |
//! | `memory`, `arena` | counters in memory of the device, a window for each kernel | what they mean |
//! | `fixed` | memory that lies at the same address in every run | devices |
//! | `kernel` | a module that counts, for one pipeline | Vulkan |
//! | `watch` | where each dispatch is looked at by itself: what is put around it and what it says | recordings |
//! | `ledger` | the order of dispatches, and when what one left may be read | Vulkan |
//! | `queries`, `copies` | timestamps around a dispatch, copies of counters around a dispatch | whose dispatch it is |
//! | `tally` | which pipelines there are, and how often each was dispatched | Vulkan |
//! | `decode` | what the raw counters of one pipeline say | files |
//! | `snapshot`, `each` | counters and tally as a recording, kernel by kernel and dispatch by dispatch | files |
//! | `saver` | when and where recordings are written | what is in them |
//! | `claim` | what tells others, when the process is gone, that its last recording is whole | recordings |
//! | `unbothered` | a file that may not be written is not the program's end | everything else |
//! | `guard`, `room` | a panic of the layer is not the program's, and its need of stack neither | everything else |

mod abi;
mod arena;
mod chain;
mod claim;
mod constants;
mod copies;
mod decode;
mod device;
mod each;
mod extensions;
mod features;
mod fixed;
mod guard;
mod hooks;
mod instance;
mod kernel;
mod ledger;
mod link;
mod memory;
mod queries;
mod room;
mod saver;
mod snapshot;
mod tally;
mod unbothered;
mod watch;

pub use abi::vkNegotiateLoaderLayerInterfaceVersion;

/// The layer's name, by which a loader is asked for it.
pub const NAME: &str = "VK_LAYER_FLOPMETER_count";

/// The environment variable with the folder into which recordings are written.
pub const FOLDER: &str = "FLOPMETER_RECORDINGS";

/// How an empty file in that folder ends that stands for a recording that could not be written.
pub const LOST: &str = "lost";

/// How a recording's file ends that is about to take the place of the one before, which ends in `json`. It is the last
/// one where the process ended then.
pub const WHOLE: &str = "whole";

/// A folder in that folder, of memory, where there is to be one. A file of a recording's name in it begins with 1 while that
/// recording has all that its process has submitted; behind that stands where the process has its number.
pub const CLAIMS: &str = "claims";

/// The environment variable that has kernels timed, as they are, where it is 1. They are not counted then.
pub const TIMES: &str = "FLOPMETER_TIMES";

/// The environment variable that has dispatches told one by one, where it is 1.
pub const EACH: &str = "FLOPMETER_PER_DISPATCH";
