//! Sweeps in shards: what comes together is what one machine would have found, and what does not belong
//! together is refused.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::command::{flopmeter, json, refused, text};
use predicates::str::contains;
use serde_json::Value;
use tempfile::TempDir;

/// Four points that the embedded executor runs in no time, one of them beyond a limit.
const SWEEP: [&str; 18] = [
    "scale",
    "--axis",
    "seq=4,8,32",
    "--axis",
    "d_model=4,6",
    "--measure",
    "--set",
    "n_seq=16",
    "--set",
    "n_layers=1",
    "--set",
    "vocab_size=23",
    "--batch",
    "2",
    "--adapter",
    "embedded",
    "--repeat",
    "1",
];

fn shard(folder: &Path, shard: &str, more: &[&str]) {
    let arguments = [&SWEEP[..], &["--out", text(folder), "--shard", shard, "-q"], more].concat();
    flopmeter(&arguments).assert().success();
}

/// A folder with all points of the sweep, of two shards.
fn whole() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    shard(folder.path(), "0/2", &[]);
    shard(folder.path(), "1/2", &[]);
    folder
}

fn merge(paths: &[&Path]) -> Value {
    let paths: Vec<&str> = paths.iter().map(|path| text(path)).collect();
    without_origin(json(&[&["merge"], &paths[..], &["--json", "-"]].concat()))
}

/// A report without who made it, and when.
fn without_origin(mut report: Value) -> Value {
    for field in ["tool", "command", "date"] {
        report.as_object_mut().unwrap().remove(field).unwrap();
    }
    report
}

fn merge_refused(paths: &[&Path], says: &[&str]) {
    let paths: Vec<&str> = paths.iter().map(|path| text(path)).collect();
    refused(&[&["merge"], &paths[..]].concat(), says);
}

/// A report without what differs from run to run: times, and what is fitted to them.
fn without_times(mut report: Value) -> Value {
    let timed = |law: &Value| law["of"] == "seconds";
    report["laws"].as_array_mut().unwrap().retain(|law| !timed(law));
    for point in report["points"].as_array_mut().unwrap() {
        point.as_object_mut().unwrap().remove("timing");
        point["total"].as_object_mut().unwrap().remove("seconds");
        for item in point["items"].as_array_mut().unwrap() {
            item.as_object_mut().unwrap().remove("seconds");
        }
    }
    report
}

/// A point is a report like others.
#[test]
fn points_say_who_made_them() {
    let folder = whole();
    let files = std::fs::read_dir(folder.path()).unwrap();
    for file in files.map(Result::unwrap) {
        let point: Value = serde_json::from_slice(&std::fs::read(file.path()).unwrap()).unwrap();
        let made = (&point["tool"]["name"], &point["command"][1], point["date"].is_string());
        assert_eq!(made, (&"flopmeter".into(), &"scale".into(), true), "{point}");
    }
}

#[test]
fn shards_joined_are_the_whole_sweep_to_the_bit() {
    let alone = tempfile::tempdir().unwrap();
    let unsharded = [&SWEEP[..], &["--out", text(alone.path()), "-q", "--json", "-"]].concat();
    let unsharded = without_origin(json(&unsharded));
    // The same run read back: nothing at all differs, times included.
    assert_eq!(merge(&[alone.path()]), unsharded);
    assert_eq!(unsharded["points"].as_array().unwrap().len(), 4);
    assert_eq!(unsharded["skipped"].as_array().unwrap().len(), 2);
    assert!(unsharded["points"][0]["total"]["seconds"].as_f64().unwrap() > 0.0);

    let [one, other] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    for index in 0..3 {
        let folder = if index == 0 { &one } else { &other };
        shard(folder.path(), &format!("{index}/3"), &[]);
    }
    let sharded = merge(&[one.path(), other.path()]);
    assert_eq!(without_times(sharded.clone()), without_times(unsharded));
    // Nor does it matter in which order, or whether files or folders are named.
    let mut files: Vec<PathBuf> = [&one, &other]
        .iter()
        .flat_map(|folder| fs::read_dir(folder.path()).unwrap())
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort_by(|a, b| b.cmp(a));
    assert_eq!(merge(&files.iter().map(PathBuf::as_path).collect::<Vec<_>>()), sharded);
}

#[test]
fn a_shard_that_was_broken_off_goes_on_where_it_was() {
    let folder = whole();
    let lost = folder.path().join("seq-8_d_model-4.json");
    fs::remove_file(&lost).unwrap();
    merge_refused(&[folder.path()], &["1 of 6 points are missing: seq-8_d_model-4", "--partial"]);
    let partial = json(&["merge", text(folder.path()), "--partial", "--json", "-"]);
    let missing: Vec<&Value> = partial["skipped"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|skipped| skipped["reason"] == "missing")
        .collect();
    assert_eq!(missing.len(), 1);
    assert_eq!((&missing[0]["at"]["seq"], &missing[0]["at"]["d_model"]), (&8.into(), &4.into()));

    shard(folder.path(), "0/2", &[]);
    assert!(lost.exists());
    assert_eq!(merge(&[folder.path()])["points"].as_array().unwrap().len(), 4);
}

#[test]
fn more_shards_than_points_leave_some_with_nothing_to_do() {
    let folder = tempfile::tempdir().unwrap();
    shard(folder.path(), "9/10", &[]);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    merge_refused(&[folder.path()], &["no .json file"]);
}

#[test]
fn points_that_overlap_are_named() {
    let (one, other) = (whole(), tempfile::tempdir().unwrap());
    shard(other.path(), "0/6", &[]);
    let [here, there] =
        [one.path(), other.path()].map(|folder| folder.join("seq-4_d_model-4.json"));
    merge_refused(&[one.path(), other.path()], &[text(&here), text(&there), "the same point"]);
    merge_refused(&[&here, &here], &["the same point"]);
}

#[test]
fn points_that_were_measured_otherwise_are_not_mixed() {
    let one = whole();
    let foreign: [(&[&str], &str); 4] = [
        (&["--convention", "ncu"], "convention ncu, not ieee"),
        (&["--seed", "7"], "seed 7, not"),
        (&["--optimizer", "sgd"], "optimizer"),
        (&["--set", "num_experts=2"], "num_experts=2"),
    ];
    for (more, says) in foreign {
        let other = tempfile::tempdir().unwrap();
        shard(other.path(), "0/6", more);
        fs::rename(other.path().join("seq-4_d_model-4.json"), other.path().join("zz.json"))
            .unwrap();
        let stray = other.path().join("zz.json");
        merge_refused(&[one.path(), &stray], &[text(&stray), says, "join them apart"]);
    }
    // Another adapter's times mean something else.
    let stray = one.path().join("seq-4_d_model-4.json");
    let mut report: Value = serde_json::from_slice(&fs::read(&stray).unwrap()).unwrap();
    report["adapter"]["name"] = "Voodoo 2".into();
    fs::write(&stray, report.to_string()).unwrap();
    merge_refused(&[one.path()], &["adapter", "Voodoo 2"]);
}

#[test]
fn files_that_are_no_points_are_named() {
    let folder = whole();
    let file = folder.path().join("seq-4_d_model-4.json");
    let sound = fs::read(&file).unwrap();
    let spoilt = |contents: &[u8], says: &[&str]| {
        fs::write(&file, contents).unwrap();
        merge_refused(&[folder.path()], &[&["seq-4_d_model-4.json"], says].concat());
    };
    spoilt(&sound[..sound.len() / 2], &["cut short"]);
    spoilt(b"", &["is empty"]);
    spoilt(b"{\"total\": 3}", &["no report of flopmeter"]);
    spoilt(b"Wed Nov 22", &["no report of flopmeter"]);
    spoilt(b"{\"schema\": \"other/3\"}", &["other/3"]);
    let mut report: Value = serde_json::from_slice(&sound).unwrap();
    report["schema"] = "flopmeter.profile/9".into();
    spoilt(report.to_string().as_bytes(), &["flopmeter.profile/9", "flopmeter.profile/1"]);
    report["schema"] = "flopmeter.profile/1".into();
    report["sweep"]["at"]["seq"] = 5.into();
    spoilt(report.to_string().as_bytes(), &["no point of its own sweep"]);
    report.as_object_mut().unwrap().remove("sweep");
    spoilt(report.to_string().as_bytes(), &["not a point of a sweep"]);

    refused(&["merge"], &["FILE"]);
    refused(&["merge", "/nonexistent/point.json"], &["/nonexistent/point.json", "cannot be read"]);
    let scale = folder.path().join("scale.json");
    fs::write(&file, &sound).unwrap();
    flopmeter(&["merge", text(folder.path()), "--json", text(&scale)])
        .assert()
        .success()
        .stdout(contains("claim"));
    merge_refused(&[&scale], &["scale.json", "flopmeter.scale/1"]);
}
