//! What the program writes beside its table, as a user asks for it: each format where it was asked for,
//! whole, and none that could overwrite another; completions and manual pages made from the arguments.

use std::{fs, path::Path};

use flopmeter::{
    estimate::Estimate,
    format,
    page::Paged,
    result::{
        self, AdapterList, Agreement, CompareReport, Document, FormulasReport, KernelCheck, Origin,
        Report, ScaleReport, ShaderListing, ShaderReport, Tool, to_signed_json,
    },
};
use predicates::{prelude::*, str::contains};
use serde_json::Value;

use crate::command::{SMALL, flopmeter};

/// The executor that is everywhere.
const EMBEDDED: [&str; 2] = ["--adapter", "embedded"];
const KERNEL: [&str; 10] = [
    "shader",
    "tests/fixtures/collatz.wgsl",
    "--dispatch",
    "1",
    "--bind",
    "0.0=iota:64",
    "--adapter",
    "embedded",
    "--repeat",
    "1",
];

/// Runs a command with every format asked for: each is there and is what it should be, and the report reads
/// back as what wrote it.
fn exports<D: Document + Paged>(arguments: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let mut command = flopmeter(arguments);
    for format in ["json", "csv", "markdown", "html"] {
        command.arg(format!("--{format}")).arg(path(format));
    }
    command.assert().success();
    let read = |name: &str| fs::read_to_string(path(name)).unwrap();

    let report: D = result::load(&path("json")).unwrap();
    let origin: Origin = serde_json::from_str(&read("json")).unwrap();
    assert_eq!(to_signed_json(&report, &origin), read("json"), "{arguments:?}");
    assert_eq!(origin.tool, Tool::FLOPMETER);
    assert_eq!(origin.command[1..][..arguments.len()], *arguments);
    assert!(read("markdown").contains(&origin.date) && read("html").contains(&origin.date));
    let csv = read("csv");
    assert_eq!(csv, format::csv::render(&report.page(true)), "{arguments:?}");
    let mut reader = ::csv::Reader::from_reader(csv.as_bytes());
    assert!(reader.records().map(Result::unwrap).count() > 0, "{arguments:?}");
    let title = report.page(false).title;
    assert!(read("markdown").starts_with("# "), "{arguments:?}");
    assert!(read("html").starts_with("<!DOCTYPE html>") && read("html").contains(&title));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 4);
}

#[test]
fn every_command_writes_every_format() {
    exports::<Report>(&[&["profile", "--repeat", "1"], &EMBEDDED[..], &SMALL].concat());
    exports::<Agreement>(&[&["check"], &EMBEDDED[..], &SMALL].concat());
    exports::<Estimate>(&["estimate", "--steps", "10"]);
    exports::<Estimate>(&["estimate", "qwen2.5-0.5b", "--lora-rank", "8"]);
    exports::<FormulasReport>(&["formulas", "mixtral-8x7b"]);
    exports::<FormulasReport>(&["formulas", "--lora-rank", "8", "--pack", "100,28"]);
    exports::<ShaderReport>(&KERNEL);
    exports::<KernelCheck>(&[&["check"], &KERNEL[1..8]].concat());
    exports::<ShaderListing>(&["shader", "tests/fixtures/scaled_product.wgsl"]);
    exports::<AdapterList>(&["adapters"]);
    exports::<ScaleReport>(&["scale", "--axis", "seq=16,32,64"]);
    exports::<CompareReport>(&["compare", "resnet-bk", "qwen2.5-0.5b"]);
}

#[test]
fn a_format_on_standard_output_is_all_there_is() {
    let table = contains("\n phase").or(contains("----"));
    let csv = flopmeter(&["estimate", "--csv", "-"]).assert().success();
    csv.stdout(predicate::str::starts_with("component,forward,backward,optimizer,total\n"));
    let markdown = flopmeter(&["estimate", "--markdown", "-"]).assert().success();
    markdown.stdout(predicate::str::starts_with("# ").and(table.not()));
}

#[test]
fn two_results_never_share_a_place() {
    for arguments in [
        &["estimate", "--csv", "-", "--json", "-"][..],
        &["profile", "--trace", "same", "--html", "same"],
        &["estimate", "--json", "no-such-file", "--csv", "./no-such-file"],
    ] {
        let refused = flopmeter(arguments).assert().code(2).stdout("");
        refused.stderr(contains("name the same place"));
    }
    for format in ["--csv", "--markdown", "--html"] {
        let refused =
            flopmeter(&["estimate", format, "/nonexistent/out"]).assert().code(2).stdout("");
        refused.stderr(contains("/nonexistent/out").and(contains("written")));
    }
    assert!(!Path::new("same").exists());
}

#[test]
fn a_trace_is_of_what_was_timed() {
    let run = |repeat: &str| {
        let arguments = ["profile", "--trace", "-", "--repeat", repeat];
        flopmeter(&[&arguments[..], &EMBEDDED, &SMALL].concat()).assert()
    };
    let output = run("2").success().get_output().stdout.clone();
    let trace: Value = serde_json::from_slice(&output).unwrap();
    assert!(trace["traceEvents"].as_array().unwrap().len() > 20);
    run("0").code(2).stdout("").stderr(contains("--repeat 0"));
}

/// The commands that help names.
fn commands() -> Vec<String> {
    let help = flopmeter(&["--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let (_, after) = help.split_once("Commands:\n").unwrap();
    let lines = after.lines().take_while(|line| !line.is_empty());
    // A command's name stands two columns in; what goes on from the line before, further.
    let names =
        lines.filter_map(|line| line.strip_prefix("  ").filter(|rest| !rest.starts_with(' ')));
    names.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

#[test]
fn completions_and_the_manual_name_every_command() {
    let commands = commands();
    assert!(commands.len() > 6, "{commands:?}");
    let said = |arguments: &[&str]| {
        let output = flopmeter(arguments).assert().success().stderr("").get_output().stdout.clone();
        String::from_utf8(output).unwrap()
    };
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = said(&["completions", shell]);
        let missing: Vec<_> =
            commands.iter().filter(|name| !script.contains(name.as_str())).collect();
        assert!(missing.is_empty(), "{shell}: {missing:?}");
    }
    let manual = said(&["man"]);
    assert!(manual.starts_with(".ie") && manual.contains(".TH flopmeter 1"), "{manual}");
    for name in &commands {
        assert!(manual.contains(&format!("flopmeter\\-{name}(1)")), "{name}");
    }
    for section in ["SYNOPSIS", "EXIT STATUS", "FILES", "EXAMPLES", "SEE ALSO"] {
        assert!(manual.contains(section), "{section}: {manual}");
    }
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("man1");
    flopmeter(&["man", "--all", pages.to_str().unwrap()]).assert().success().stdout("").stderr("");
    for name in &commands {
        let page = fs::read_to_string(pages.join(format!("flopmeter-{name}.1"))).unwrap();
        assert!(page.contains(&format!(".TH flopmeter-{name} 1")), "{page}");
        let sections = [".SH SYNOPSIS", ".SH \"EXIT STATUS\"", ".SH EXAMPLES"];
        for section in sections.into_iter().filter(|s| name != "help" || *s != ".SH EXAMPLES") {
            assert!(page.contains(section), "{name}, {section}: {page}");
        }
    }
    assert_eq!(fs::read_to_string(pages.join("flopmeter.1")).unwrap(), manual);
    let profile = said(&["man", "profile"]);
    assert!(profile.contains("[OPTIONS] [MODEL]") && profile.contains("check(1)"), "{profile}");
    assert!(profile.contains("\\-\\-convention") && profile.contains("\\-\\-trace"), "{profile}");
    flopmeter(&["man", "profle"])
        .assert()
        .code(2)
        .stdout("")
        .stderr(contains("profle").and(contains("check")));
    flopmeter(&["completions", "csh"]).assert().code(2).stdout("").stderr(contains("bash"));
}
