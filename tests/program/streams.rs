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
