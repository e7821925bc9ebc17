//! Standard output that is closed or full.

use std::{fs, process::Stdio};

use crate::command::PROGRAM;

#[test]
fn a_reader_who_leaves_early_is_no_error() {
    let mut child = std::process::Command::new(PROGRAM)
        .args(["estimate", "--set", "n_layers=2000", "--json", "-"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_standard_output_that_is_full_is_an_error() {
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = std::process::Command::new(PROGRAM);
    let output = command.arg("estimate").stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("error: standard output"));
}

#[cfg(target_os = "linux")]
#[test]
fn help_and_a_report_beside_a_program_that_cannot_be_written_are_errors() {
    let full = || fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let help = std::process::Command::new(PROGRAM).arg("--help").stdout(full()).output().unwrap();
    assert_eq!(help.status.code(), Some(2));
    assert!(String::from_utf8(help.stderr).unwrap().contains("error: standard output"));
    let mut run = std::process::Command::new(PROGRAM);
    let status = run.args(["run", "--", "true"]).stderr(full()).status().unwrap();
    assert_eq!(status.code(), Some(2));
}

/// A pipe that was opened to see whether it can be written would have ended for whoever reads it.
#[cfg(unix)]
#[test]
fn a_named_pipe_has_the_report_and_waits_for_its_reader_no_longer_than_the_user() {
    use std::{
        process::Command,
        thread,
        time::{Duration, Instant},
    };

    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let started = || {
        let mut command = Command::new(PROGRAM);
        command.args(["estimate", "--json"]).arg(&pipe).stdout(Stdio::null());
        command.stderr(Stdio::piped()).spawn().unwrap()
    };
    let reader = thread::spawn({
        let pipe = pipe.clone();
        move || fs::read(pipe).unwrap()
    });
    assert!(started().wait().unwrap().success());
    let report: serde_json::Value = serde_json::from_slice(&reader.join().unwrap()).unwrap();
    assert_eq!(report["tool"]["name"], "flopmeter");

    let waiting = started();
    thread::sleep(Duration::from_millis(500));
    let since = Instant::now();
    let id = waiting.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    let output = waiting.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(since.elapsed() < Duration::from_secs(20), "it waited for a reader");
}
