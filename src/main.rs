//! The `flopmeter` program: arguments in, a report and an exit code out.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    // Mesa's device-select layer complains on standard error where there is no desktop session.
    #[expect(
        unsafe_code,
        reason = "setting a variable is unsound only where another thread reads the environment, and \
                  this is the first statement of the only thread"
    )]
    unsafe {
        std::env::set_var("NODEVICE_SELECT", "1");
    }
    cli::run().into()
}
