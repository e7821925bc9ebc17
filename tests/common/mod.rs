//! What every test on a device needs: an executor, or a reason why there is none.

#![allow(dead_code, reason = "each test file uses its own part of this")]

use flopmeter::execute::gpu::Gpu;

/// An executor on whatever adapter is here. Without one the test is skipped, loudly, and fails where
/// `FLOPMETER_REQUIRE_ADAPTER` is 1.
pub fn executor() -> Option<Gpu> {
    match Gpu::open("auto") {
        Ok(gpu) => Some(gpu),
        Err(error) if std::env::var_os("FLOPMETER_REQUIRE_ADAPTER").is_some_and(|v| v == "1") => {
            panic!("an adapter is required: {error}")
        }
        #[expect(
            clippy::print_stdout,
            reason = "whoever reads the log must see what was not tested"
        )]
        Err(_) => {
            println!("SKIPPED: no adapter");
            None
        }
    }
}
