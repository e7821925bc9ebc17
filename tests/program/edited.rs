//! Saved reports that somebody edited: one that contradicts itself is refused, whoever takes it.

use std::fs;

use predicates::{prelude::PredicateBooleanExt as _, str::contains};
use tempfile::TempDir;

use crate::command::flopmeter;

const KERNEL: &str = "@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@compute @workgroup_size(8) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    x[id.x] = x[id.x] * 3.0 + 1.0;
}
";

#[test]
fn a_report_that_contradicts_itself_is_refused() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (kernel, base, edited) = (path("kernel.wgsl"), path("base.json"), path("edited.json"));
    fs::write(&kernel, KERNEL).unwrap();
    let run = ["--dispatch=1", "--dispatch=1", "--bind=0.0=iota:8", "--adapter=embedded", "-q"];
    let run = |more: &[&str]| flopmeter(&[&["check", &*kernel], &run[..], more].concat()).assert();
    let list = path("list.txt");
    fs::write(&list, format!("{kernel} --dispatch 1 --bind 0.0=iota:8\n")).unwrap();
    let suite = |more: &[&str]| {
        let suite = ["check", "--suite", &list, "--adapter=embedded", "-q"];
        flopmeter(&[&suite[..], more].concat()).assert()
    };

    run(&["--json", &base]).success();
    run(&["--baseline", &base]).success();
    let saved = fs::read_to_string(&base).unwrap();
    let flops = "\"flops\": 32,";
    let product = "\"f32.mul\": 16";
    for (from, to, says) in [
        (flops, "\"flops\": 31,", ["'flops' is 31", "are 32 FLOPs under 'ieee'"]),
        // What was edited last counts, in the sum or in its parts.
        (product, "\"f32.mul\": 15", ["'flops' is 32", "are 31 FLOPs under 'ieee'"]),
        ("\"flops\": 16,", "\"flops\": 17,", ["].flops' is 17", "are 16 FLOPs"]),
        (
            "\"storage.load_bytes\": 64",
            "\"storage.load_bytes\": 60",
            ["60 of 'storage.load_bytes'", "come to 64"],
        ),
        (
            "\"storage.load_bytes\": 32",
            "\"storage.load_bytes\": 18446744073709551615",
            ["64 of 'storage.load_bytes'", "come to 18446744073709551647"],
        ),
        (product, "\"f32.mul\": 99, \"f32.mul\": 16", ["'f32.mul' stands twice", "line "]),
        ("\"pass\": true", "\"pass\": true, \"pass\": true", ["'pass' stands twice", "line "]),
    ] {
        assert!(saved.contains(from), "{from} is not in {saved}");
        fs::write(&edited, saved.replacen(from, to, 1)).unwrap();
        let refused = |assert: assert_cmd::assert::Assert| {
            let says = contains("edited.json").and(contains(says[0])).and(contains(says[1]));
            assert.code(2).stdout("").stderr(says.and(contains("save the report again")));
        };
        refused(run(&["--baseline", &edited]));
        refused(flopmeter(&["compare", &base, &edited]).assert());
    }

    suite(&["--json", &base]).success();
    suite(&["--baseline", &base]).success();
    let saved = fs::read_to_string(&base).unwrap();
    let flops = "\"flops\": 16,";
    assert!(saved.contains(flops), "{saved}");
    fs::write(&edited, saved.replacen(flops, "\"flops\": 15,", 1)).unwrap();
    let says = contains("edited.json").and(contains("kernel.wgsl")).and(contains("is 15"));
    suite(&["--baseline", &edited]).code(2).stderr(says);
}
