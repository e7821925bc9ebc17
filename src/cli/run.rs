//! `flopmeter run`: any program that uses Vulkan, counted.

use std::process::ExitStatus;

use flopmeter::{
    result::{Ending, RunReport},
    run::{self, Purpose, Ran},
};

use super::{
    Outcome,
    args::{Common, Run},
    export::{Formats, Places},
    output,
    signals::program,
};

pub fn run(asked: &Run, common: &Common) -> super::Result {
    let mut places = Places::default();
    let formats = Formats::claim(&mut places, &asked.exports)?.of_another_command();
    let ran = run_program(asked, Purpose::Count)?;
    let words = asked.program.iter().map(|word| word.to_string_lossy().into_owned());
    let ending = ending(ran.status);
    let mut report = RunReport::new(
        words.collect(),
        ending,
        &ran.recordings,
        ran.unseen.as_deref(),
        asked.convention,
    );
    if asked.time && ending.code == Some(0) {
        let again = run_program(asked, Purpose::Time)?;
        let failed = "the second run, for times, did not end as the first: nothing was timed";
        output::warn((!again.status.success()).then(|| failed.to_owned()), common);
        if again.status.success() {
            report.time(&again.recordings);
        }
    }
    formats.write_beside(&report, common)?;
    Ok(match (ending.code, ending.signal) {
        (Some(0), _) if asked.strict => Outcome::of(report.is_whole()),
        (Some(code), _) => Outcome::OfProgram(u8::try_from(code).unwrap_or(u8::MAX)),
        // As shells have it.
        (None, signal) => Outcome::OfProgram(128 | u8::try_from(signal.unwrap_or(0)).unwrap_or(0)),
    })
}

/// Runs the program, which is sent what signals this process is.
fn run_program(asked: &Run, purpose: Purpose) -> super::Result<Ran> {
    let ran = run::run(&asked.program, purpose, &program::started);
    program::ended();
    Ok(ran?)
}

/// How a program ended.
fn ending(status: ExitStatus) -> Ending {
    #[cfg(unix)]
    let signal = std::os::unix::process::ExitStatusExt::signal(&status);
    #[cfg(not(unix))]
    let signal = None;
    Ending { code: status.code(), signal }
}
