//! flopmeter as WebAssembly: a kernel's WGSL goes in, WGSL that counts comes out, and counters are turned into
//! counts. Requests and replies are JSON; counts in them are decimal strings, because JavaScript's numbers are
//! exact to 2^53 only. Knows nothing of WebGPU: `npm/` does.

mod abi;
mod counts;
mod decode;
#[cfg(feature = "interpreter")]
mod interpret;
mod meter;

use std::cell::RefCell;

use flopmeter_core::table::BlockTable;

thread_local! {
    /// The tables of all kernels rewritten so far, by the number that [`meter::Reply::table`] names.
    static TABLES: RefCell<Vec<BlockTable>> = const { RefCell::new(Vec::new()) };
}
