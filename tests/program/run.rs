//! `flopmeter run` as a user meets it: whose output, whose exit code, and what is said where there is nothing to count.

use std::{collections::BTreeSet, fs};

use flopmeter::{
    format::csv,
    page::Paged,
    result::{self, Origin, RunReport, to_signed_json},
};
use predicates::{prelude::*, str::contains};

use crate::command::{PROGRAM, flopmeter};

#[test]
fn the_programs_output_and_exit_code_are_its_own() {
    let run = flopmeter(&["run", "--", "sh", "-c", "echo out; echo err >&2; exit 7"]);
    let mut run = run;
    let said = contains("err\n").and(contains("with exit code 7")).and(contains("used no Vulkan"));
    run.assert().code(7).stdout("out\n").stderr(said);
    // As shells say that a signal ended it.
    let mut killed = flopmeter(&["run", "--", "sh", "-c", "kill -TERM $$"]);
    killed.assert().code(128 + 15).stderr(contains("by signal 15"));
    // Why it failed is why nothing was seen; what kept Vulkan from being seen of others is not guessed at.
    let ended = "it ended with exit code 1, and used no Vulkan that was seen until then";
    let failed = flopmeter(&["run", "--strict", "--", "false"]).assert().code(1);
    let said = String::from_utf8(failed.get_output().stderr.clone()).unwrap();
    assert!(said.contains(ended) && !said.contains("env -i"), "{said}");
    let whole = flopmeter(&["run", "--strict", "--", "true"]).assert().code(1);
    let said = String::from_utf8(whole.get_output().stderr.clone()).unwrap();
    assert_eq!(
        said.matches("env -i").count(),
        2,
        "once as what is not counted, once in the answer: {said}"
    );
    flopmeter(&["run", "--", "true"]).assert().code(0);
    // It is the progress and the log that are not wanted.
    let said = contains("with exit code 0").and(contains("used no Vulkan"));
    flopmeter(&["run", "--quiet", "--", "true"]).assert().code(0).stdout("").stderr(said);
}

/// What asks this program to end asks the program that it runs, which ends as it likes; that is reported then.
#[cfg(unix)]
#[test]
fn a_request_to_end_is_the_programs() {
    use std::{
        io::{BufRead as _, BufReader},
        process::{Command, Stdio},
    };

    let script = "trap 'echo asked; exit 7' TERM; echo ready; while :; do sleep 0.05; done";
    let mut running = Command::new(PROGRAM)
        .args(["run", "--", "sh", "-c", script])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(running.stdout.take().unwrap()).lines();
    assert_eq!(said.next().unwrap().unwrap(), "ready");
    let pid = running.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert_eq!(said.next().unwrap().unwrap(), "asked");
    let output = running.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(7));
    assert!(String::from_utf8(output.stderr).unwrap().contains("used no Vulkan"));

    // A signal that is ignored where the run was started is one that the program ignores.
    let script = format!(
        "trap '' TERM; exec {PROGRAM} run -q -- sh -c 'trap - TERM; kill -TERM $$; echo alive'"
    );
    let ignored = Command::new("sh").args(["-c", &script]).output().unwrap();
    assert_eq!((ignored.status.code(), &*ignored.stdout), (Some(0), &b"alive\n"[..]));
}

#[test]
fn the_program_has_the_environment_that_the_user_has() {
    let shown = |command: &mut assert_cmd::Command| {
        let output = command.env_remove("NODEVICE_SELECT").output().unwrap();
        let names = String::from_utf8(output.stdout).unwrap();
        let names = names.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name);
        names.filter(|name| *name != "_").map(str::to_owned).collect::<BTreeSet<_>>()
    };
    let mut plain = shown(&mut assert_cmd::Command::new("env"));
    let with_layer = shown(&mut flopmeter(&["run", "--quiet", "--", "env"]));
    plain.extend(
        [
            "FLOPMETER_RECORDINGS",
            "GGML_VK_DEBUG_MARKERS",
            "VK_ADD_LAYER_PATH",
            "VK_INSTANCE_LAYERS",
            // Set by the test itself.
            "MESA_SHADER_CACHE_DIR",
            "XDG_CACHE_HOME",
        ]
        .map(str::to_owned),
    );
    assert_eq!(with_layer, plain);
}

#[test]
fn what_cannot_be_run_is_refused() {
    crate::command::refused(
        &["run", "--", "no-such-program"],
        &["no-such-program", "cannot be started", "No such file"],
    );
    crate::command::refused(&["run", "--", "tests/program/main.rs"], &["Permission denied"]);
    crate::command::refused(&["run"], &["PROGRAM"]);
    let both = ["run", "--count-only", "--time-only", "--", "true"];
    crate::command::refused(&both, &["--time-only", "cannot be used with"]);
    crate::command::refused(&["run", "--time-only", "--strict", "--", "true"], &["--strict"]);
    crate::command::refused(&["run", "--count-only", "--peak", "1", "--", "true"], &["--peak"]);
    crate::command::refused(&["run", "--peak", "fast", "--", "true"], &["h100-bf16"]);
    crate::command::refused(&["run", "--peak=-1", "--", "true"], &["a peak of -1 FLOP/s is none"]);
    crate::command::refused(&["run", "--json", "/nonexistent/r", "--", "true"], &["/nonexistent"]);
}

#[test]
fn a_run_is_written_in_every_format() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = flopmeter(&["run"]);
    for format in ["json", "csv", "markdown", "html"] {
        command.arg(format!("--{format}")).arg(folder.path().join(format));
    }
    command.args(["--", "echo", "own"]).assert().success().stdout("own\n").stderr("");
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    let report: RunReport = result::load(&folder.path().join("json")).unwrap();
    let mut origin: Origin = serde_json::from_str(&read("json")).unwrap();
    // The command of this report is the program's.
    assert_eq!(std::mem::take(&mut origin.command), report.command);
    assert_eq!(to_signed_json(&report, &origin), read("json"));
    assert_eq!(csv::render(&report.page(true)), read("csv"));
    assert!(read("markdown").starts_with("# echo: a program, measured"));
    assert!(read("html").contains("it used no Vulkan"));
}

/// What `--strict` judged is in each format, and a program that fails by itself has failed whether or not it is judged.
#[test]
fn what_was_judged_is_answered_everywhere() {
    let folder = tempfile::tempdir().unwrap();
    let run = |options: &[&str], program: &str| {
        let [junit, github] = ["junit", "github"].map(|name| folder.path().join(name));
        let mut command = flopmeter(&["run"]);
        command.args(options).arg("--junit").arg(&junit).arg("--github").arg(&github);
        command.args(["--", program]).output().unwrap();
        let shown = flopmeter(&["run"]).args(options).args(["--", program]).output().unwrap();
        let shown = String::from_utf8(shown.stderr).unwrap();
        [fs::read_to_string(junit).unwrap(), fs::read_to_string(github).unwrap(), shown]
    };
    let [junit, github, shown] = run(&["--strict"], "true");
    assert!(junit.contains("tests=\"2\" failures=\"1\"") && junit.contains("used no Vulkan"));
    assert!(github.contains("::error title=flopmeter::the program: it used no Vulkan"), "{github}");
    assert!(shown.contains("FAIL      the program: it used no Vulkan"), "{shown}");

    let [junit, github, shown] = run(&["--strict"], "false");
    assert!(junit.contains("tests=\"2\" failures=\"2\""), "{junit}");
    assert!(github.contains("::error title=flopmeter::the program ended with exit code 1\n"));
    assert!(shown.contains("FAIL") && shown.contains("the program ended with exit code 1; "));

    let [junit, github, shown] = run(&[], "true");
    assert!(junit.contains("tests=\"1\" failures=\"0\"") && !github.contains("::error"));
    assert!(!shown.contains("FAIL") && !shown.contains("PASS"), "{shown}");
    let [junit, github, shown] = run(&[], "false");
    assert!(junit.contains("tests=\"1\" failures=\"1\"") && github.contains("::error"));
    assert!(!shown.contains("FAIL") && !shown.contains("PASS"), "{shown}");
}

/// A program may have run for hours.
#[cfg(unix)]
#[test]
fn a_report_that_cannot_be_written_is_told_and_the_programs_failure_stays_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let [gone, csv] = ["gone", "run.csv"].map(|name| folder.path().join(name));
    let json = gone.join("run.json");
    for (own, code) in [("exit 5", 5), ("kill -TERM $$", 128 + 15), ("exit 0", 2)] {
        fs::create_dir(&gone).unwrap();
        let mut command = flopmeter(&["run", "--count-only", "--json"]);
        command.arg(&json).arg("--csv").arg(&csv).args(["--", "sh", "-c"]);
        command.arg(format!("rmdir {}; {own}", gone.display()));
        let lost = contains("used no Vulkan").and(contains("error: ")).and(contains("run.json"));
        command.assert().code(code).stdout("").stderr(lost);
        // The others are written all the same.
        assert!(fs::read_to_string(&csv).unwrap().contains("flops"), "{own}");
        fs::remove_file(&csv).unwrap();
    }
}
