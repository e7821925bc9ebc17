//! Points of a sweep whose model, data or adapter changed under the same names: they are not mixed, neither where they are
//! joined nor where a sweep goes on.

use std::{fs, path::Path};

use crate::command::{flopmeter, golden, refused, text};
use serde_json::Value;
use tempfile::TempDir;

/// A model and a text of one's own.
struct Own(TempDir);

impl Own {
    fn new() -> Self {
        let own = Self(tempfile::tempdir().unwrap());
        for name in ["config.json", "model.safetensors"] {
            own.write(name, &fs::read(golden("qwen2_full").join(name)).unwrap());
        }
        own.write("book.txt", b"It was the best of times, it was the worst of times");
        own
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.0.path().join(name)).unwrap()
    }

    fn write(&self, name: &str, contents: &[u8]) {
        fs::write(self.0.path().join(name), contents).unwrap();
    }

    /// Changes a text in a file.
    fn edit(&self, name: &str, from: &str, to: &str) {
        let before = String::from_utf8(self.read(name)).unwrap();
        assert!(before.contains(from), "{before}");
        self.write(name, before.replace(from, to).as_bytes());
    }

    /// The arguments of a sweep over two points, kept in a folder.
    fn sweep(&self, folder: &Path, more: &[&str]) -> Vec<String> {
        let input = self.0.path().join("book.txt");
        let fixed =
            ["--batch=1", "--axis=seq=2,3", "--measure", "--adapter=embedded", "--repeat=0"];
        let own =
            ["scale", text(self.0.path()), "--input", text(&input), "--out", text(folder), "-q"];
        let all = own.iter().chain(&fixed).chain(more);
        all.map(|argument| (*argument).to_owned()).collect()
    }

    fn run(&self, folder: &Path, more: &[&str]) {
        let arguments = self.sweep(folder, more);
        flopmeter(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).assert().success();
    }
}

/// Whether the second of two points, measured after a change, is refused beside the first, and where the sweep goes on.
fn is_refused(
    change: impl FnOnce(&Own),
    [before, after]: [&[&str]; 2],
    [joins, goes_on]: [&str; 2],
) {
    let own = Own::new();
    let [one, other] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    own.run(one.path(), &[&["--shard=0/2"], before].concat());
    change(&own);
    own.run(other.path(), &[&["--shard=1/2"], after].concat());
    let [one, other] = [one.path(), other.path()];
    let joined = ["merge", text(one), text(other)];
    refused(&joined, &["seq-3.json: was measured otherwise than", joins, "join them apart"]);
    let on = own.sweep(one, after);
    let on: Vec<&str> = on.iter().map(String::as_str).collect();
    refused(&on, &["seq-2.json: was measured otherwise", goes_on, "give another folder"]);
}

#[test]
fn an_edited_configuration_is_another_model() {
    let change = |own: &Own| own.edit("config.json", "1e-06", "1e-05");
    let says = ["rms_norm_eps 0.00001, not 1e-6)", "rms_norm_eps 1e-6, not 0.00001)"];
    is_refused(change, [&[]; 2], says);
}

#[test]
fn other_weights_are_another_model() {
    let change = |own: &Own| {
        let mut weights = own.read("model.safetensors");
        *weights.last_mut().unwrap() ^= 1;
        own.write("model.safetensors", &weights);
    };
    is_refused(change, [&[]; 2], ["contents of weights: "; 2]);
}

#[test]
fn another_text_under_the_same_name_is_told() {
    let change = |own: &Own| own.edit("book.txt", "best", "rest");
    is_refused(change, [&[]; 2], ["contents of tokens: "; 2]);
}

#[test]
fn another_size_of_subgroups_is_another_adapter() {
    let sizes = [&["--subgroup-size=8"][..], &["--subgroup-size=4"]];
    is_refused(|_| (), sizes, ["subgroup_lanes 4, not 8)", "subgroup_lanes 8, not 4)"]);
}

/// What no figure depends on is no difference, and neither is what a report does not tell.
#[test]
fn points_that_are_alike_are_joined_and_gone_on_with() {
    let own = Own::new();
    let folder = tempfile::tempdir().unwrap();
    own.run(folder.path(), &["--shard=0/2"]);
    own.edit("config.json", "\"5.23.0\"", "\"5.24.0\", \"torch_dtype\": \"float32\"");
    own.run(folder.path(), &[]);
    let merge = || flopmeter(&["merge", text(folder.path())]);
    merge().assert().success();

    let point = folder.path().join("seq-3.json");
    let report: Value = serde_json::from_slice(&fs::read(&point).unwrap()).unwrap();
    assert_eq!(report["sources"]["config"]["hidden_size"], 32);
    let hash = report["sources"]["contents"]["weights"].as_str().unwrap();
    assert!(hash.len() == 16 && hash != report["sources"]["contents"]["tokens"], "{report}");
    let mut older = report.clone();
    older.as_object_mut().unwrap().remove("sources").unwrap();
    fs::write(&point, older.to_string()).unwrap();
    merge().assert().success();
    own.run(folder.path(), &[]);
}
