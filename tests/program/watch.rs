//! `flopmeter shader --watch`: what is shown when a source changes, is broken, goes and comes back, until ctrl-C.
#![cfg(unix)]

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    process::{Command, Stdio},
};

use crate::command::{PROGRAM, refused, text};

/// A kernel in two files, whose second adds so often.
fn source(additions: usize) -> String {
    let body = "y += 1.0;\n".repeat(additions);
    format!("fn work(x: f32) -> f32 {{\nvar y = x;\n{body}return y;\n}}\n")
}

const MAIN: &str = "#include \"work.wgsl\"
@group(0) @binding(0) var<storage, read_write> x: array<f32, 8>;
@compute @workgroup_size(8)
fn main(@builtin(local_invocation_index) i: u32) { x[i] = work(x[i]); }
";

#[test]
fn a_source_is_run_again_whenever_it_changes() {
    let folder = tempfile::tempdir().unwrap();
    let [main, work] = ["main.wgsl", "work.wgsl"].map(|name| folder.path().join(name));
    fs::write(&main, MAIN).unwrap();
    fs::write(&work, source(1)).unwrap();
    let mut child = Command::new(PROGRAM)
        .args(["shader", text(&main), "--dispatch=1", "--repeat=0", "--adapter=embedded"])
        .arg("--watch")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
    // What is said until the program waits for the next change.
    let mut said = || {
        let lines = log.by_ref().map(Result::unwrap);
        lines.take_while(|line| !line.starts_with("watching ")).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(said(), "");
    fs::write(&work, source(3)).unwrap();
    assert_eq!(said(), "");
    fs::write(&work, "fn work(x: f32) -> f32 { return z; }").unwrap();
    let broken = said();
    assert!(broken.starts_with("error: ") && broken.contains("work.wgsl"), "{broken}");
    fs::remove_file(&main).unwrap();
    let gone = said();
    assert!(gone.starts_with("error: ") && gone.contains("cannot be read"), "{gone}");
    fs::write(&work, source(2)).unwrap();
    fs::write(&main, MAIN).unwrap();
    assert_eq!(said(), "");

    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    // Watching ends so, and what ran last holds.
    assert_eq!(said(), "");
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let mut shown = String::new();
    child.stdout.take().unwrap().read_to_string(&mut shown).unwrap();
    let moved: Vec<&str> = shown.lines().filter(|line| line.contains("f32.add")).collect();
    // The first report, then from 8 additions to 24, and from those to 16.
    assert_eq!(moved.len(), 3, "{shown}");
    let has = |line: &str, counts: [&str; 2]| counts.iter().all(|count| line.contains(count));
    assert!(has(moved[1], [" 8 ", " 24 "]) && has(moved[2], [" 24 ", " 16 "]), "{shown}");
}

#[test]
fn what_cannot_be_watched_is_named() {
    let shader = ["shader", "tests/fixtures/collatz.wgsl", "--watch"];
    refused(&shader, &["--dispatch"]);
    let run = [&shader[..], &["--dispatch=1", "--json=-"]].concat();
    refused(&run, &["--watch", "standard output"]);
    refused(&["shader", "-", "--watch", "--dispatch=1"], &["--watch", "standard input"]);
}
