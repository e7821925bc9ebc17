//! `flopmeter run`: any program that uses Vulkan, counted and timed.

use std::{path::Path, process::ExitStatus};

use flopmeter::{
    execute::{self, Embedded},
    forecast::Peak,
    result::{Ending, RunReport},
    roofline::REPEATS,
    run::{self, ProgramRequest, Purpose, Ran},
};

use super::{
    Outcome,
    args::{Common, Run},
    export::{Formats, Places},
    mistaken, output,
    progress::Bar,
    roofline,
    signals::program,
};

/// The Vulkan layer, as `build.rs` says where cargo leaves it. It is empty in a program that was only checked and not
/// built, and in one that was built outside of its workspace, for which the layer is a file beside it.
const LAYER: &[u8] = include_bytes!(env!("FLOPMETER_LAYER"));

pub fn run(asked: &Run, common: &Common) -> super::Result {
    let mut places = Places::default();
    let formats = Formats::claim(&mut places, &asked.exports)?.of_another_command();
    let peak = asked.peak.map(|peak| Peak::new(peak, 1.0)).transpose()?;
    let purpose = if asked.time_only { Purpose::Time } else { Purpose::Count };
    let ran = run_program(asked, purpose, false)?;
    let words = asked.program.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let ending = ending(ran.status);
    let unseen = ran.unseen.as_deref();
    let mut report = RunReport::new(words, ending, &ran.recordings, unseen, asked.convention);
    report.options = options(asked);
    report.strict = asked.strict;
    if purpose == Purpose::Time {
        report = report.timed_alone();
    }
    // What was asked to end, or ran nothing, is not run again.
    let runs_again = !asked.count_only
        && purpose == Purpose::Count
        && ending.code == Some(0)
        && report.totals.dispatches > 0
        && !program::was_signalled();
    if runs_again {
        let again = run_program(asked, Purpose::Time, true)?;
        let failed = (!again.status.success()).then(|| "it did not end as the first".to_owned());
        match failed.or(again.unseen) {
            None => report.time(&again.recordings),
            Some(why) => {
                let untimed = format!("nothing was timed in the second run, for times: {why}");
                output::warn(Some(untimed), common);
            }
        }
    }
    if let Some(peak) = peak {
        report.under_peak(peak);
    }
    if asked.roofline {
        place(&mut report, common);
    }
    let written = formats.write_beside(&report, common);
    let outcome = match (ending.code, ending.signal) {
        (Some(0), _) if asked.strict => Outcome::of(report.is_whole()),
        (Some(code), _) => Outcome::OfProgram(u8::try_from(code).unwrap_or(u8::MAX)),
        // As shells have it.
        (None, signal) => Outcome::OfProgram(128 | u8::try_from(signal.unwrap_or(0)).unwrap_or(0)),
    };
    match written {
        // How the program failed is not to be told by how its report did.
        Err(error) if ending.code != Some(0) => {
            output::complain(&error);
            Ok(outcome)
        }
        written => written.map(|()| outcome),
    }
}

/// What this program was asked, as it was typed: all but the command, before the program's own words.
fn options(asked: &Run) -> Vec<String> {
    let typed: Vec<String> =
        std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
    let own = &typed[1..typed.len() - asked.program.len()];
    let own = own.strip_suffix(&["--".to_owned()]).unwrap_or(own);
    let command = own.iter().position(|word| word == "run");
    let others = own.iter().enumerate().filter(|&(at, _)| Some(at) != command);
    others.map(|(_, word)| word.clone()).collect()
}

/// Runs the program, which is sent what signals this process is.
fn run_program(asked: &Run, purpose: Purpose, unseen: bool) -> super::Result<Ran> {
    let (command, each) = (&asked.program[..], asked.per_dispatch);
    let request = ProgramRequest { command, purpose, each, unseen, layer: LAYER };
    let ran = run::run(&request, &program::started);
    program::ended();
    ran.map_err(|error| mistaken::for_program(Path::new(&command[0]), error))
}

/// Places kernels under the measured ceilings of their devices. The program has run by now, so what cannot be measured
/// is no reason to lose its report.
fn place(report: &mut RunReport, common: &Common) {
    let timed = |device: &usize| {
        report.kernels.iter().any(|row| row.device == *device && row.seconds.is_some())
    };
    let devices: Vec<usize> = (0..report.devices.len()).filter(timed).collect();
    for device in devices {
        let name = &report.devices[device].name;
        let measured = execute::open(name, Embedded::default()).map_err(anyhow::Error::from);
        let measured = measured.and_then(|mut executor| {
            roofline::measure(executor.as_mut(), REPEATS, &Bar::new(common, 0))
        });
        match measured {
            Ok(ceilings) => report.place(device, ceilings),
            Err(error) => {
                let doubt = format!("the ceilings of {name} were not measured: {error:#}");
                output::warn(Some(doubt), common);
            }
        }
    }
}

/// How a program ended.
fn ending(status: ExitStatus) -> Ending {
    #[cfg(unix)]
    let signal = std::os::unix::process::ExitStatusExt::signal(&status);
    #[cfg(not(unix))]
    let signal = None;
    Ending { code: status.code(), signal }
}
