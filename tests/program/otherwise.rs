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

/// What an option means is compared, not how it is written: names or numbers of overrides, numbers, members of immediate
/// data, and files by what they hold.
#[test]
fn options_that_are_spelled_otherwise_are_no_other_run() {
    const TERM: &str = "x[1] += im.k * 0.5;";
    let source = format!(
        "@id(3) override DEG: u32 = 2u;
struct Immediates {{ k: f32, n: vec2<u32> }}
var<immediate> im: Immediates;
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@compute @workgroup_size(1) fn main() {{
    for (var i = 0u; i < DEG * im.n.x; i++) {{ x[0] *= 3.0; {TERM} }}
}}"
    );
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (kernel, base, now, old) =
        (path("kernel.wgsl"), path("base.json"), path("now.json"), path("old.json"));
    let (one, other) = (path("one"), path("other"));
    for file in [&one, &other] {
        fs::write(file, [1.0_f32, 2.0].map(f32::to_le_bytes).concat()).unwrap();
    }
    let ran = |run: [&str; 4], more: &[&str]| {
        let [set, k, n, bind] = run;
        let asked =
            [format!("--override={set}"), format!("--immediate={k}"), format!("--immediate={n}")];
        let asked: Vec<&str> = asked.iter().map(String::as_str).collect();
        let bind = format!("--bind=0.0={bind}");
        let run = ["shader", &kernel, "--dispatch=1", "--adapter=embedded", "-q", &bind];
        flopmeter(&[&run[..], &asked, more].concat()).assert()
    };
    let as_before = ["DEG=6", "im.k=0.5", "im.n=1,2", "values:1,2"];
    let otherwise = ["3=6.0", "k=0.50", "n=01, 2", "values:1.0, 2"];
    fs::write(&kernel, &source).unwrap();
    ran(as_before, &["--json", &base]).success();
    // Older reports have overrides as the user called them.
    let mut older: serde_json::Value = serde_json::from_slice(&fs::read(&base).unwrap()).unwrap();
    assert_eq!(older["override_numbers"]["DEG"], 3);
    older.as_object_mut().unwrap().remove("override_numbers");
    older["overrides"] = serde_json::json!({ "3": 6.0 });
    fs::write(&old, older.to_string()).unwrap();
    fs::write(&kernel, source.replace(TERM, "")).unwrap();
    let less = ["--allow=less", "--baseline"];
    for base in [&base, &old] {
        ran(otherwise, &[&less[..], &[base, "--json", &now]].concat()).success();
        let alike = contains("not run alike").not();
        flopmeter(&["compare", base, &now]).assert().success().stdout(alike);
    }
    let says = "it was not run alike: override DEG was 6, and is 5; run it as it was, or save ";
    ran(["3=5", "k=0.5", "n=1,2", "values:1,2"], &[&less[..], &[&old]].concat())
        .code(1)
        .stdout(contains(says));

    let of_file = |file: &str| format!("file:{file}");
    fs::write(&kernel, &source).unwrap();
    ran(["3=6", "k=1", "n=1,2", &of_file(&one)], &["--json", &base]).success();
    fs::write(&kernel, source.replace(TERM, "")).unwrap();
    let copied = ["3=6", "k=1", "n=1,2", &of_file(&other)];
    ran(copied, &[&less[..], &[&base]].concat()).success();
    fs::write(&other, [1.0_f32, 3.0].map(f32::to_le_bytes).concat()).unwrap();
    let says = contains("the contents of 'x' at 0.0 are others (hash ");
    ran(copied, &[&less[..], &[&base]].concat()).code(1).stdout(says);
}

/// Counts are compared, and FLOPs are the price of counts: a report under another convention is a baseline as well.
#[test]
fn a_baseline_under_another_convention_is_compared() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (kernel, base) = (path("kernel.wgsl"), path("base.json"));
    let source = "@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@compute @workgroup_size(1) fn main() { x[0] = tanh(x[1]) * x[2]; }";
    fs::write(&kernel, source).unwrap();
    let run = [&*kernel, "--dispatch=1", "--bind=0.0=iota:8", "--adapter=embedded", "-q"];
    let save = ["--convention=primitive", "--json", &base, "--repeat=0"];
    flopmeter(&[&["shader"], &run[..], &save].concat()).assert().success();
    let check = |more: &[&str]| {
        flopmeter(&[&["check"], &run[..], &["--baseline", &base], more].concat()).assert()
    };
    for held in [&[][..], &["--allow=less"], &["--fail-on=more:flops"]] {
        check(held).success();
    }
    fs::write(&kernel, source.replace("* x[2]", "* x[2] - 1.0")).unwrap();
    check(&[]).code(1).stdout(contains("f32.add 0 to 1"));
    check(&["--fail-on=more:flops"]).code(1).stdout(contains("flops went from 2 to 3, +50.00 %"));
}

/// Files hold texels as bytes, and how many of them are a row is said by the size.
#[test]
fn a_texture_of_another_size_is_another_run_whatever_its_texels_are() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (kernel, texels, base, now) =
        (path("kernel.wgsl"), path("texels"), path("base.json"), path("now.json"));
    let source = "@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var t: texture_2d<f32>;
@compute @workgroup_size(1) fn main() {
    for (var i = 0u; i < textureDimensions(t).x; i++) { x[0] += textureLoad(t, vec2(i, 0u), 0).x; }
}";
    fs::write(&kernel, source).unwrap();
    fs::write(&texels, [1_u8; 64]).unwrap();
    let ran = |size: &str, more: &[&str]| {
        let texture = format!("--bind=0.1=texture:{size}:file:{texels}");
        let run = ["shader", &kernel, "--dispatch=1", "--bind=0.0=zeros:1", &texture];
        let run = [&run[..], &["--adapter=embedded", "-q"], more].concat();
        flopmeter(&run).assert()
    };
    ran("8x2:r32float", &["--json", &base]).success();
    let less = ["--allow=less", "--baseline", &base, "--json", &now];
    ran("8x2:r32float", &less).success();
    for other in ["4x4:r32float", "4x4:rgba8unorm"] {
        let says = contains("'t' at 0.1 was texture:8x2:r32float:contents ")
            .and(contains(format!("and is texture:{other}:contents ")));
        ran(other, &less).code(1).stdout(says);
        let says = contains("not run alike").and(contains("'t' of 64 bytes: texture:8x2:r32float"));
        flopmeter(&["compare", &base, &now]).assert().success().stdout(says);
    }
}

/// What is set to its default, or bound to the zeros that it holds anyway, is not set or bound to anything else.
#[test]
fn what_is_set_to_what_it_is_anyway_is_no_other_run() {
    const TERM: &str = "x[1] *= SCALE;";
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (kernel, base, now) = (path("kernel.wgsl"), path("base.json"), path("now.json"));
    let source = format!(
        "@id(7) override SCALE: f32 = 0.1;
override ON: bool = true;
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<vec3<f32>, 2>;
@compute @workgroup_size(1) fn main() {{ if ON {{ x[0] *= SCALE + y[0].x; {TERM} }} }}"
    );
    let ran = |more: &[&str]| {
        let run = ["shader", &kernel, "--dispatch=1", "--bind=0.0=iota:2", "--adapter=embedded"];
        flopmeter(&[&run[..], &["-q"], more].concat()).assert()
    };
    let set = ["--override=7=0.10", "--override=ON=1", "--bind=0.1=zeros:6"];
    for [before, after] in [[&[][..], &set], [&set, &[]]] {
        fs::write(&kernel, &source).unwrap();
        ran(&[before, &["--json", &base]].concat()).success();
        fs::write(&kernel, source.replace(TERM, "")).unwrap();
        let less = ["--allow=less", "--baseline", &base, "--json", &now];
        ran(&[after, &less].concat()).success();
        let alike = contains("not run alike").not();
        flopmeter(&["compare", &base, &now]).assert().success().stdout(alike);
        let [scale, other] = ["--override=SCALE=0.5", "--bind=0.1=values:0,0,0,0,0,1"];
        let says = "override SCALE was 0.1, and is 0.5; the binding 'y' at 0.1 was ";
        ran(&[scale, other, less[0], less[1], less[2]]).code(1).stdout(contains(says));
    }
}
