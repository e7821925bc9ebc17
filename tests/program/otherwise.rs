//! Gates over a kernel that was run otherwise than its baseline: less of something else is not less.

use std::fs;

use predicates::{prelude::PredicateBooleanExt as _, str::contains};
use tempfile::TempDir;

use crate::command::flopmeter;

const KERNEL: &str = "
struct Immediates { n: u32 }
var<immediate> im: Immediates;
@group(0) @binding(0) var<storage, read_write> x: array<u32>;
@compute @workgroup_size(1) fn main() {
    for (var i = 0u; i < im.n * N * x[0]; i++) { x[1] *= 3u; }
}
";

#[test]
fn less_of_other_immediate_data_macros_or_contents_is_not_less() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (kernel, input, base) = (path("kernel.wgsl"), path("input"), path("base.json"));
    fs::write(&kernel, KERNEL).unwrap();
    let ran = |n: u32, rounds: u32, first: u32, more: &[&str]| {
        fs::write(&input, [first, 1].map(u32::to_le_bytes).concat()).unwrap();
        let (immediate, define) = (format!("--immediate=n={n}"), format!("-DN={rounds}"));
        let bind = format!("--bind=0.0=file:{input}");
        let run = ["check", &kernel, "--dispatch=1", "--adapter=embedded", "-q"];
        let run = [&run[..], &[&immediate, &define, &bind], more].concat();
        flopmeter(&run).assert()
    };
    ran(4, 4, 4, &["--json", &base]).success();
    for held in ["--allow=less", "--fail-on=more:bytes"] {
        let baseline = ["--baseline", &base, held];
        ran(4, 4, 4, &baseline).success();
        for ([n, rounds, first], says) in [
            ([3, 4, 4], "the immediate data im.n was 4, and is 3"),
            ([4, 3, 4], "the macro N was 4, and is 3"),
            ([4, 4, 3], "the contents of 'x' at 0.0 are others"),
        ] {
            let says = format!("it was not run alike: {says}");
            ran(n, rounds, first, &baseline).code(1).stdout(contains(says));
        }
    }
}

/// A binding is known by its numbers, and may be called something else.
#[test]
fn a_buffer_that_has_another_name_is_the_same_buffer() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (kernel, base) = (path("kernel.wgsl"), path("base.json"));
    let ran = |name: &str, operations: &str, more: &[&str]| {
        let declared =
            format!("@group(0) @binding(0) var<storage, read_write> {name}: array<f32>;");
        let body = format!("@compute @workgroup_size(1) fn main() {{ {name}[0] = {operations}; }}");
        fs::write(&kernel, format!("{declared} {body}").replace('?', name)).unwrap();
        let run =
            ["check", &kernel, "--dispatch=1", "--bind=0.0=iota:8", "--adapter=embedded", "-q"];
        flopmeter(&[&run[..], more].concat()).assert()
    };
    ran("x", "?[1] * 2.0 + ?[2] / 4.0", &["--json", &base]).success();
    for held in ["--allow=less", "--fail-on=more:flops"] {
        ran("y", "?[1] * 2.0", &["--baseline", &base, held]).success();
        ran("y", "?[1] * 2.0 + ?[2] / 4.0 - 1.0", &["--baseline", &base, held]).code(1);
    }
}

/// Counts of such a loop are those of who runs it; the embedded executor's are the same each time, and they are what a
/// report has.
#[test]
fn a_loop_of_compare_exchanges_can_be_gated() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (kernel, base, again) = (path("kernel.wgsl"), path("base.json"), path("again.json"));
    let source = "@group(0) @binding(0) var<storage, read_write> sum: atomic<u32>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    var old = atomicLoad(&sum);
    loop {
        let next = bitcast<u32>(bitcast<f32>(old) + f32(id.x) * 0.5);
        let did = atomicCompareExchangeWeak(&sum, old, next);
        if did.exchanged { break; }
        old = did.old_value;
    }
}";
    fs::write(&kernel, source).unwrap();
    let check = |more: &[&str]| {
        let run = ["check", &kernel, "--dispatch=16", "--bind=0.0=zeros:1", "--allow=counts", "-q"];
        flopmeter(&[&run[..], &["--allow=values"], more].concat()).assert()
    };
    let run = ["shader", &kernel, "--dispatch=16", "--bind=0.0=zeros:1", "--adapter=embedded"];
    flopmeter(&[&run[..], &["--json", &base]].concat()).assert().success();
    // What it saves is a baseline as well.
    check(&["--baseline", &base, "--json", &again]).success();
    for baseline in [&base, &again, &again] {
        check(&["--baseline", baseline]).success();
    }
    let another = source.replace("* 0.5", "* 0.25 + 1.0");
    fs::write(&kernel, another).unwrap();
    check(&["--baseline", &base]).code(1).stdout(contains("it was counted on").not());
    // Where it was counted on something else, that may be all that moved its counts.
    let mut elsewhere: serde_json::Value =
        serde_json::from_slice(&fs::read(&base).unwrap()).unwrap();
    elsewhere["adapter"]["name"] = "Some GPU".into();
    fs::write(&base, elsewhere.to_string()).unwrap();
    let says = "it was counted on 'Some GPU', and now on 'embedded'";
    check(&["--baseline", &base]).code(1).stdout(contains(says));
    fs::write(&kernel, source).unwrap();
    check(&["--baseline", &base]).success();
}

/// What a kernel would include is left alone where it cannot be read; a word of it that is a report's name is no file.
#[test]
fn a_report_that_a_broken_kernel_may_include_is_not_written_and_that_is_said() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (kernel, report) = (path("kernel.wgsl"), path("out"));
    for (text, is_written) in
        [("fn f() { var out = ; }", true), ("#include \"out\"\nfn f() { ; ", false)]
    {
        fs::write(&kernel, text).unwrap();
        fs::write(&report, "").unwrap();
        let run = ["check", &kernel, "--dispatch=1", "--adapter=embedded", "--junit", &report];
        let assert = flopmeter(&run).assert().code(2);
        assert_eq!(fs::read(&report).unwrap().is_empty(), !is_written);
        assert.stderr(contains("--junit out is not written").count(usize::from(!is_written)));
    }
}
