//! Two reports of a suite side by side: what `compare` says of each kernel, and the gate that it can be.

use predicates::{prelude::*, str::contains};
use serde_json::Value;

use crate::suite::{LIST, Repository, SUM};

const BOTH: &str = "
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@compute @workgroup_size(8) fn much(@builtin(global_invocation_id) id: vec3<u32>) {
    x[id.x] = x[id.x] * 0.5 + x[id.x] * 0.25;
}
@compute @workgroup_size(8) fn little(@builtin(global_invocation_id) id: vec3<u32>) {
    x[id.x] = x[id.x] * 2.0;
}
";

/// A kernel does more, one is new, and of the first everything is as it was.
#[test]
fn two_reports_of_a_suite_are_compared_kernel_by_kernel() {
    let repository = Repository::new();
    repository.check(&["--json=before.json"]).success();
    repository.write("sum.wgsl", &SUM.replace("10u", "12u"));
    let one_more = format!("{LIST}sum.wgsl --dispatch 1 --bind 0.0=iota:8\n");
    repository.write("kernels.txt", &one_more);
    repository.check(&["--json=after.json"]).success();

    let compare = ["compare", "before.json", "after.json"];
    let change = repository.run(&[&compare[..], &["--json=-"]].concat()).success();
    let change: Value = serde_json::from_slice(&change.get_output().stdout).unwrap();
    let flops = |pair: &Value| ["a", "b"].map(|side| pair[side]["flops"].as_u64());
    let kernels = change["kernels"].as_array().unwrap().iter();
    let kernels: Vec<_> = kernels.map(|its| (its["name"].as_str().unwrap(), flops(its))).collect();
    let wanted = [
        ("scale.wgsl", [Some(16); 2]),
        ("sum.wgsl", [Some(160), Some(192)]),
        ("scale.wgsl #2", [Some(32); 2]),
        ("sum.wgsl #2", [None, Some(96)]),
    ];
    assert_eq!(kernels, wanted);
    assert_eq!(flops(&change["total"]), [Some(208), Some(336)]);
    let added = change["ops"].as_array().unwrap().iter().find(|its| its["name"] == "f32.add");
    assert_eq!(added.map(|its| (&its["a"], &its["b"])), Some((&160.into(), &288.into())));
    // Lines of the kernel that both have, those of its loop, each in its file.
    let lines = change["lines"].as_array().unwrap();
    let moved = lines.iter().find(|its| its["text"].as_str().unwrap().contains("sum +=")).unwrap();
    assert_eq!((&moved["b"]["file"], &moved["b"]["line"]), (&"sum.wgsl".into(), &6.into()));
    let sides = |its: &Value| [its["a"].clone(), its["b"].clone()];
    let mut sides = lines.iter().flat_map(sides).filter(|side| !side.is_null());
    assert!(sides.all(|side| side["file"] == "sum.wgsl"), "{lines:?}");

    let gate = [&compare[..], &["--fail-on=more:flops", "--github=-"]].concat();
    let gated = repository.run(&gate).code(1);
    let place = contains("file=sum.wgsl,line=6");
    gated.stdout(
        place
            .and(contains("sum.wgsl: flops went from 160 to 192"))
            .and(contains("A has no counts of B's sum.wgsl #2"))
            .and(contains("'sum.wgsl #2' in B alone")),
    );
    // By other prices, whatever they were saved under.
    let priced = [&compare[..], &["--convention=primitive", "--json=-"]].concat();
    let priced = repository.run(&priced).success();
    let priced: Value = serde_json::from_slice(&priced.get_output().stdout).unwrap();
    assert_eq!(priced["a"]["saved_under"], "ieee");

    // Less of a suite that did not run whole is not less.
    repository.write("sum.wgsl", "no shader");
    repository.check(&["--json=broken.json"]).code(2);
    let gate = ["compare", "before.json", "broken.json", "--fail-on=more:flops"];
    let gated = repository.run(&gate).code(1);
    gated.stdout(contains("not all of B was counted: sum.wgsl did not run"));
}

/// Where a line is gone or moved, kernels are those that are run alike, as `check` has it.
#[test]
fn kernels_are_found_by_what_is_run() {
    let repository = Repository::new();
    repository.write("both.wgsl", BOTH);
    let line = |entry: &str| format!("both.wgsl --entry {entry} --dispatch 1 --bind 0.0=iota:8\n");
    repository.write("kernels.txt", &[line("much"), line("little")].concat());
    repository.check(&["--json=two.json"]).success();
    repository.write("both.wgsl", &BOTH.replace("x[id.x] * 2.0", "x[id.x] * 2.0 * 3.0"));
    repository.write("kernels.txt", &line("little"));
    repository.check(&["--json=one.json"]).success();
    let gate = ["compare", "two.json", "one.json", "--fail-on=more:flops"];
    let grown = contains("both.wgsl: flops went from 8 to 16").and(contains("both.wgsl of A"));
    let told =
        contains("'both.wgsl #2' is 'both.wgsl'").and(contains("'both.wgsl of A' in A alone"));
    repository.run(&gate).code(1).stdout(grown.and(told));
    // What suites do not have is said once.
    let timed = ["compare", "two.json", "one.json", "--fail-on=more:time", "--github=-"];
    let timed = repository.run(&timed).code(1);
    let error = "::error title=flopmeter::times cannot be compared: neither A nor B was timed; check times nothing";
    timed.stdout(contains(error).count(1));
    repository.write("kernels.txt", &[line("little"), line("much")].concat());
    repository.check(&["--json=turned.json"]).success();
    let turned = ["compare", "turned.json", "one.json", "--fail-on=more:flops"];
    repository.run(&turned).success().stdout(contains("were not run alike").not());
}

/// One entry point is not another one of its file: what it costs says nothing of that.
#[test]
fn another_entry_point_is_another_kernel() {
    let repository = Repository::new();
    repository.write("both.wgsl", BOTH);
    let line = |entry: &str, grid: u32| {
        format!("both.wgsl --entry {entry} --dispatch {grid} --bind 0.0=iota:{}\n", 8 * grid)
    };
    let saved = |listed: &[String], file: &str| {
        repository.write("kernels.txt", &listed.concat());
        repository.check(&[file]).success();
    };
    saved(&[line("much", 1)], "--json=much.json");
    saved(&[line("little", 1)], "--json=little.json");
    let gate = ["compare", "much.json", "little.json", "--fail-on=more:flops"];
    let alone = contains("'both.wgsl of A' in A alone").and(contains("both.wgsl' in B alone"));
    repository.run(&gate).code(1).stdout(alone);
    let held = repository.check(&["--baseline=much.json"]).code(1);
    held.stdout(contains("much.json has no counts of it"));
    // Another grid of the same one is held against it, and told.
    saved(&[line("much", 1), line("little", 2)], "--json=wide.json");
    let gate = ["compare", "little.json", "wide.json", "--fail-on=more:flops"];
    let told =
        contains("both.wgsl #2: flops went from 8 to 16").and(contains("were not run alike"));
    repository.run(&gate).code(1).stdout(told);
}

/// The entry point that a line does not name is the one that ran, and what is run by options of another version is known by
/// what it ran.
#[test]
fn an_entry_point_that_no_line_names_is_the_one_that_ran() {
    let repository = Repository::new();
    let line = |entry: &str| format!("both.wgsl {entry} --dispatch 1 --bind 0.0=iota:8\n");
    let little = BOTH.find("@compute @workgroup_size(8) fn much").unwrap();
    let behind = BOTH.rfind("@compute").unwrap();
    let alone = format!("{}{}", &BOTH[..little], &BOTH[behind..]);
    repository.write("both.wgsl", BOTH);
    repository.write("kernels.txt", &line("--entry much"));
    repository.check(&["--json=much.json"]).success();
    repository.write("both.wgsl", &alone);
    repository.write("kernels.txt", &line(""));
    repository.check(&["--json=little.json"]).success();
    let compare = |before: &str, after: &str| {
        repository.run(&["compare", before, after, "--fail-on=more:flops"])
    };
    compare("much.json", "little.json").code(1).stdout(contains("in B alone"));
    repository.write("kernels.txt", &line("--entry little"));
    repository.check(&["--json=named.json"]).success();
    compare("little.json", "named.json").success().stdout(contains("alone").not());
    compare("named.json", "little.json").success().stdout(contains("alone").not());

    for (report, is_it) in [("much.json", false), ("little.json", true)] {
        let older = repository.read(report).replace("\"--dispatch\"", "\"--old\", \"--dispatch\"");
        repository.write("older.json", &older);
        let compared = compare("older.json", "named.json");
        if is_it {
            compared.success().stdout(contains("alone").not());
        } else {
            compared.code(1).stdout(contains("in B alone"));
        }
    }
}
