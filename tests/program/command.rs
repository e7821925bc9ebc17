//! The program as a user starts it, for tests of what it prints, writes and refuses.

use assert_cmd::Command;
use serde_json::Value;

/// Where the program is.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_flopmeter");

/// The program with these arguments.
pub fn flopmeter(arguments: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(arguments);
    command
}

/// Asserts that a command cannot run: exit code 2, nothing on standard output, and one message.
pub fn refused(arguments: &[&str], says: &[&str]) {
    let assert = flopmeter(arguments).assert().code(2).stdout("");
    let message = String::from_utf8(assert.get_output().stderr.clone()).unwrap();
    for says in says {
        assert!(message.contains(says), "{arguments:?} says {message:?}, not {says:?}");
    }
    assert_eq!(message.matches("error:").count(), 1, "{message}");
}

/// The standard output of a command that must succeed, as JSON.
pub fn json(arguments: &[&str]) -> Value {
    let output = flopmeter(arguments).assert().success().get_output().stdout.clone();
    serde_json::from_slice(&output).unwrap()
}
