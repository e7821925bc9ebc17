//! Kernels that are chosen by timing them, as a user asks for it: what is kept in the cache, and what becomes of a cache
//! that is of no use. The embedded executor is timed, which is everywhere.

use std::{fs, path::Path};

use assert_cmd::Command;
use serde_json::Value;

use crate::command::{flopmeter, refused, text};

const EMBEDDED: [&str; 2] = ["--adapter", "embedded"];

/// A step whose products are odd and fill tiles, as those that are timed do.
const STEP: [&str; 11] = [
    "resnet-bk",
    "--batch",
    "2",
    "--seq",
    "40",
    "--set",
    "d_model=65",
    "--set",
    "n_layers=1",
    "--set",
    "vocab_size=67",
];

/// The program with a cache.
fn with_cache(cache: &Path, arguments: &[&str]) -> Command {
    let mut command = flopmeter(arguments);
    command.env("XDG_CACHE_HOME", cache);
    command
}

/// A step on the embedded executor: its report, and what was said beside it.
fn profiled(cache: &Path, more: &[&str]) -> (Value, String) {
    let arguments =
        [&["profile", "--repeat", "0", "--json", "-"], &STEP[..], &EMBEDDED, more].concat();
    let output = with_cache(cache, &arguments).assert().success().get_output().clone();
    (serde_json::from_slice(&output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
}

/// The files of kernels that a report names.
fn files(report: &Value) -> Vec<String> {
    let chosen = report["kernels_chosen"].as_array().unwrap().iter();
    let file = |one: &Value| one["kernel"].as_str()?.split('.').next().map(str::to_owned);
    chosen.filter_map(file).collect()
}

#[test]
fn what_was_timed_is_kept_and_taken_until_it_is_stale() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path();
    let (untimed, said) = profiled(cache, &[]);
    assert_eq!(said, "", "a processor is not timed unasked");
    assert_eq!(fs::read_dir(cache).unwrap().count(), 0);

    let list = [&["adapters", "--tune", "--json", "-"], &EMBEDDED[..]].concat();
    let list = with_cache(cache, &list).assert().success().get_output().stdout.clone();
    let list: Value = serde_json::from_slice(&list).unwrap();
    let tuned = &list["tuned"][0];
    assert_eq!(tuned["adapter"], "embedded");
    let classes = tuned["classes"].as_array().unwrap();
    assert!(classes.len() > 5, "{classes:?}");
    for class in classes {
        let timed = class["timed"].as_array().unwrap().iter();
        let taken = timed.filter(|timed| timed["kernels"] == class["taken"]).count();
        assert_eq!(taken, 1, "{class}");
    }
    with_cache(cache, &["adapters", "-v"])
        .assert()
        .success()
        .stdout(predicates::str::contains(classes[0]["class"].as_str().unwrap()))
        .stdout(predicates::str::contains("its invocations run"));

    // Whoever won in truth, kernels of workgroups did by the file.
    let file = fs::read_dir(cache.join("flopmeter")).unwrap().next().unwrap().unwrap().path();
    let mut kept: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    for contest in kept["contests"].as_array_mut().unwrap() {
        contest["winner"] = "workgroup".into();
    }
    let whole = serde_json::to_string_pretty(&kept).unwrap();
    fs::write(&file, &whole).unwrap();
    let shared = |report: &Value| files(report).iter().any(|file| file == "linear_odd");
    let (report, said) = profiled(cache, &[]);
    assert!(shared(&report) && !shared(&untimed), "{:?}", files(&report));
    assert_eq!(report["totals"]["measured"], untimed["totals"]["measured"], "FLOPs are the same");
    assert_eq!(said, "");
    let left = |name: &str, more: &[&str]| {
        let path = cache.join(name);
        profiled(cache, &[&["--save-tensors", text(&path)], more].concat());
        fs::read(path).unwrap()
    };
    assert!(left("one", &[]) == left("two", &[]), "one choice, the same bits");
    assert!(!shared(&profiled(cache, &["--no-tune"]).0));
    assert!(!shared(&profiled(cache, &["--kernels", "portable"]).0), "pinned");

    let stale = whole.replace(env!("CARGO_PKG_VERSION"), "0.0.1");
    for (broken, why) in [(stale.as_str(), "version 0.0.1"), ("{", "cannot be read")] {
        fs::write(&file, broken).unwrap();
        let (report, said) = profiled(cache, &[]);
        assert!(!shared(&report));
        assert!(said.contains("warning: ") && said.contains(why), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        let list = with_cache(cache, &["adapters", "-v"]).assert().success().get_output().clone();
        let said = String::from_utf8(list.stderr).unwrap();
        assert!(
            said.contains("what is kept of embedded is passed over") && said.contains(why),
            "{said}"
        );
    }
}

#[test]
fn a_cache_that_cannot_be_written_is_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("file");
    fs::write(&cache, "").unwrap();
    let (_, said) = profiled(&cache, &["--tune"]);
    assert!(said.contains("warning: what was timed is not kept: "), "{said}");
    assert!(said.contains(text(&cache)), "{said}");
    // The list shows what was timed all the same.
    let list = [&["adapters", "--tune", "--json", "-"], &EMBEDDED[..]].concat();
    let output = with_cache(&cache, &list).assert().success().get_output().clone();
    let list: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(list["tuned"][0]["classes"].as_array().unwrap().len() > 5, "{list}");
    assert!(String::from_utf8(output.stderr).unwrap().contains("is not kept: "));
}

#[test]
fn a_set_that_is_pinned_leaves_nothing_to_find() {
    let tune = ["profile", "--tune", "--kernels"];
    refused(&[&tune[..], &["workgroup"]].concat(), &["--tune", "--kernels workgroup"]);
    refused(&["profile", "--tune", "--no-tune"], &["--no-tune"]);
    refused(&["adapters", "--adapter", "embedded"], &["--tune"]);
}
