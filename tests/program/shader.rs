//! `flopmeter shader` as a user meets it: what it counts, what it writes, and how it refuses.

mod arrays;
mod bound;
mod combined;
mod counted;
mod members;
mod preprocessed;
mod refused;
mod seen;
mod textures;
mod wesl;

use std::{fs, path::Path};

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;

use crate::command::flopmeter;

const PRODUCT: &str = "tests/fixtures/scaled_product.wgsl";
const COLLATZ: &str = "tests/fixtures/collatz.wgsl";

/// Buffers for [`PRODUCT`] with N = 16.
const BUFFERS: [&str; 8] = [
    "--bind",
    "0.0=values:0.5,0",
    "--bind",
    "0.1=iota:256",
    "--bind",
    "0.2=random:256:7",
    "--bind",
    "1.0=zeros:256",
];

fn shader(arguments: &[&str]) -> Command {
    flopmeter(&[&["shader"], arguments].concat())
}

/// Asserts exit code 2, nothing on standard output, and one message that says all of `says`.
fn refused(arguments: &[&str], says: &[&str]) {
    let assert = shader(arguments).assert().code(2).stdout("");
    let message = String::from_utf8(assert.get_output().stderr.clone()).unwrap();
    for says in says {
        assert!(message.contains(says), "{arguments:?} says {message:?}, not {says:?}");
    }
}

/// The JSON report of a run.
fn report(arguments: &[&str]) -> Value {
    let arguments = [arguments, &["--json", "-"]].concat();
    let assert = shader(&arguments).assert().success();
    serde_json::from_slice(&assert.get_output().stdout).unwrap()
}

fn floats(path: &Path) -> Vec<f32> {
    bytemuck::pod_collect_to_vec(&fs::read(path).unwrap())
}

fn written(folder: &TempDir, name: &str, source: &str) -> String {
    let path = folder.path().join(name);
    fs::write(&path, source).unwrap();
    path.to_str().unwrap().to_owned()
}
