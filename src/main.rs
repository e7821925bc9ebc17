//! The `flopmeter` program: arguments in, a report and an exit code out.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = match cli::parse() {
        Ok(arguments) => arguments,
        Err(outcome) => return outcome.into(),
    };
    // Mesa's device-select layer complains on standard error where there is no desktop session. A program that is
    // run for the user has the environment that the user gave it.
    if !arguments.run_a_program() {
        #[expect(
            unsafe_code,
            reason = "setting a variable is unsound only where another thread reads the environment, and \
                      there is no other thread yet"
        )]
        unsafe {
            std::env::set_var("NODEVICE_SELECT", "1");
        }
    }
    cli::run(arguments).into()
}
