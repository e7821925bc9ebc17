//! The gate for kernels: what `shader` and `check` hold against files, against each other and against an earlier
//! report, and how a continuous integration is told.

use std::{fs, path::Path};

use assert_cmd::Command;
use predicates::{prelude::*, str::contains};
use serde_json::Value;
use tempfile::TempDir;

use crate::command::{PROGRAM, flopmeter, refused};

const KERNEL: &str = "
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> n: array<u32>;
@compute @workgroup_size(8) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    var sum = 0.5;
    for (var i = 0u; i < 10u; i++) {
        sum = fma(x[id.x], 0.25, sum);
    }
    x[id.x] = sum;
    n[id.x] = id.x * 2u;
}
";

const RUN: [&str; 5] =
    ["kernel.wgsl", "--dispatch=2", "--bind=0.0=iota:16", "--bind=0.1=zeros:16", "-q"];

/// A folder as a repository has it, with a kernel in it.
struct Repository(TempDir);

impl Repository {
    fn with(kernel: &str) -> Self {
        let repository = Self(tempfile::tempdir().unwrap());
        repository.write("kernel.wgsl", kernel.as_bytes());
        repository
    }

    fn write(&self, name: &str, contents: &[u8]) {
        fs::write(self.0.path().join(name), contents).unwrap();
    }

    /// The program, started there.
    fn run(&self, command: &str, more: &[&str]) -> Command {
        let mut program = Command::new(PROGRAM);
        program.current_dir(self.0.path()).arg(command).args(RUN).args(more);
        program
    }

    fn json(&self, command: &str, more: &[&str], code: i32) -> Value {
        let assert = self.run(command, &[more, &["--json=-"]].concat()).assert().code(code);
        serde_json::from_slice(&assert.get_output().stdout).unwrap()
    }
}

fn floats(values: impl Iterator<Item = f32>) -> Vec<u8> {
    values.flat_map(f32::to_le_bytes).collect()
}

/// What the kernel leaves in `x`, each number off by some.
fn wanted(off: f32) -> Vec<u8> {
    floats((0_u8..16).map(|i| 0.5 + 2.5 * f32::from(i) + off))
}

const EMBEDDED: &str = "--adapter=embedded";

#[test]
fn a_buffer_holds_what_is_expected_or_the_run_fails() {
    let repository = Repository::with(KERNEL);
    repository.write("right", &wanted(0.0));
    repository.write("near", &wanted(1e-4));
    let doubled: Vec<u8> = (0_u32..16).flat_map(|i| (2 * i).to_le_bytes()).collect();
    repository.write("n", &doubled);
    let mut off = doubled.clone();
    off[12..16].copy_from_slice(&7_u32.to_le_bytes());
    repository.write("n_off", &off);
    for command in ["shader", "check"] {
        let run = |expect: &str| repository.run(command, &[EMBEDDED, "--expect", expect]).assert();
        run("0.0=right").success().stdout(contains("'x' at 0.0 holds right"));
        run("0.0=near").code(1).stdout(contains("16 of 16 numbers, [0] is 0.5, not 0.5001"));
        run("0.0=near:1e-3").success();
        run("0.0=near:1e-6").code(1);
        run("0.1=n").success();
        run("0.1=n_off").code(1).stdout(
            contains("kernel.wgsl:")
                .not()
                .and(contains("'n' at 0.1 differs from n_off: 1 of 16 numbers, [3] is 6, not 7")),
        );
        run("0.1=n:1").success();
        run("0.1=n_off:10").code(1).stdout(contains("[3] is 6, not 7"));
        run("0.0=nothing").code(2).stderr(contains("nothing: cannot be read"));
        run("0.0=kernel.wgsl").code(2).stderr(contains("kernel.wgsl"));
        run("7.0=right").code(2).stderr(contains("no binding 7.0"));
        run("0.0=right:-1").code(2).stderr(contains("FILE[:TOLERANCE]"));
    }
}

#[test]
fn counts_and_traffic_are_those_of_the_baseline_or_less_where_that_is_allowed() {
    let repository = Repository::with(KERNEL);
    repository.run("shader", &[EMBEDDED, "--json=base.json"]).assert().success();
    let gate = |more: &[&str]| {
        repository.run("check", &[&[EMBEDDED, "--baseline=base.json"], more].concat()).assert()
    };
    gate(&[]).success().stdout(contains("counts and traffic are those of base.json"));

    // One more multiplication in each round of the loop, in line 7.
    repository
        .write("kernel.wgsl", KERNEL.replace("x[id.x], 0.25", "x[id.x] * 1.0, 0.25").as_bytes());
    let moved = "kernel.wgsl:7: ";
    gate(&[])
        .code(1)
        .stdout(contains(moved).and(contains("moved from base.json: f32.mul 0 to 160")))
        .stdout(contains("FAIL"));
    gate(&["--allow=less"]).code(1).stdout(contains("f32.mul 0 to 160"));
    repository
        .run("shader", &[EMBEDDED, "--baseline=base.json"])
        .assert()
        .code(1)
        .stdout(contains("moved from base.json: f32.mul 0 to 160"));

    repository.write("kernel.wgsl", KERNEL.replace("i < 10u", "i < 9u").as_bytes());
    gate(&[]).code(1).stdout(contains("f32.fma 160 to 144 (-10.00 %)"));
    gate(&["--allow=less"]).success().stdout(contains("at most those of base.json"));
    // Limits are on sums: a product more in each round is 50 % more, whatever it is made of.
    repository
        .write("kernel.wgsl", KERNEL.replace("x[id.x], 0.25", "x[id.x] * 1.0, 0.25").as_bytes());
    gate(&["--fail-on=more:flops:50", "--fail-on=more:bytes"])
        .success()
        .stdout(contains("base.json: no more flops than before (up to 50 % more is allowed)"));
    gate(&["--fail-on=more:flops:49"])
        .code(1)
        .stdout(contains(moved).and(contains("base.json: flops went from 320 to 480, +50.00 %")));
    gate(&["--fail-on=more:time"]).code(2).stderr(contains("compare judges the times"));
    gate(&["--fail-on=more:flops", "--allow=less"])
        .code(2)
        .stderr(contains("leave one of them out"));
    repository
        .run("check", &["--fail-on=more:flops"])
        .assert()
        .code(2)
        .stderr(contains("--baseline"));

    // The same counts of another input are no news; another grid is said.
    repository.write("kernel.wgsl", KERNEL.as_bytes());
    gate(&["--dispatch=2"])
        .code(1)
        .stdout(contains("not run alike: the number of dispatches was 1, and is 2"));
    let otherwise = |more: &[&str]| {
        let mut program = Command::new(PROGRAM);
        let input = ["--bind=0.0=random:16", "--bind=0.1=zeros:16", "--baseline=base.json"];
        program.current_dir(repository.0.path()).args(["check", "kernel.wgsl", "--dispatch=2"]);
        program.args(input).args([EMBEDDED, "-q"]).args(more).assert()
    };
    otherwise(&[]).success();
    otherwise(&["--allow=less"]).success();

    // What check saves is a baseline as well.
    repository.run("check", &[EMBEDDED, "--json=base.json"]).assert().success();
    gate(&[]).success();
    repository.write("base.json", b"{\"schema\": \"flopmeter.profile/1\"}");
    gate(&[]).code(2).stderr(contains("base.json: is no report of shader"));
    repository
        .run("check", &[EMBEDDED, "--allow=less"])
        .assert()
        .code(2)
        .stderr(contains("--baseline"));
}

#[test]
fn what_the_embedded_executor_sees_fails_unless_it_is_allowed() {
    let far = KERNEL.replace("x[id.x] = sum", "x[id.x + 2u] = sum");
    let repository = Repository::with(&far);
    let alone = ["--adapter=embedded"];
    let bounds = contains("2 accesses out of bounds");
    repository.run("shader", &alone).assert().code(1).stdout(contains("FAIL").and(bounds.clone()));
    let allowed = [&alone[..], &["--allow=bounds"]].concat();
    repository.run("shader", &allowed).assert().success().stdout(contains("(1 allowed)"));
    // Each invocation of a workgroup stores what one of another reads, and check looks for that by itself.
    let check = repository.json("check", &alone, 1);
    let kinds: Vec<&str> = check["checks"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|check| check["findings"].as_array().unwrap())
        .map(|finding| finding["kind"].as_str().unwrap())
        .collect();
    assert!(kinds.contains(&"bounds") && kinds.contains(&"race"), "{kinds:?}");
    assert_eq!(check["pass"], false);
    repository.json("check", &allowed, 1);
    let check = repository.json("check", &[&allowed[..], &["--allow=races"]].concat(), 0);
    assert_eq!(check["pass"], true);
    let findings = check["checks"][0]["findings"].as_array().unwrap();
    assert_eq!((&findings[0]["line"], &findings[0]["allowed"]), (&9.into(), &true.into()));
    repository.run("shader", &["--allow=everything"]).assert().code(2).stderr(contains("bounds"));
}

#[test]
fn every_executor_runs_a_kernel_and_they_agree() {
    let repository = Repository::with(KERNEL);
    let check = repository.json("check", &[], 0);
    assert_eq!(check["schema"], "flopmeter.check-kernel/1");
    let executors = check["executors"].as_array().unwrap();
    let embedded = executors.last().unwrap().as_str().unwrap();
    assert!(embedded.contains("embedded"), "{embedded}");
    let named = |says: &str| {
        let checks = check["checks"].as_array().unwrap().iter();
        checks.filter(|check| check["what"].as_str().unwrap().contains(says)).count()
    };
    assert_eq!(named("counts what"), executors.len() - 1);
    assert_eq!(named("the buffers after the run are equal"), executors.len() - 1);
    assert_eq!((named("no race"), named("no access out of bounds"), named("own count")), (1, 1, 1));
    assert_eq!(common::gpu().is_some(), executors.len() > 1);
    repository.run("check", &[]).assert().success().stdout(contains("PASS"));
}

/// What depends on who runs first is not the same everywhere, and that is said.
#[test]
fn executors_that_disagree_fail() {
    if common::gpu().is_none() {
        return;
    }
    // Lanes of the embedded executor's subgroups are as many as it is told, and as the adapter's happen to be.
    let lanes = "
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> n: array<u32>;
@compute @workgroup_size(8) fn main(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(subgroup_size) lanes: u32,
) {
    for (var i = 0u; i < lanes; i++) {
        x[id.x] = x[id.x] + 1.0;
    }
    n[id.x] = lanes;
}
";
    let repository = Repository::with(lanes);
    let check = repository.json("check", &["--subgroup-size=64"], 1);
    let failing = |kind: &str| {
        let checks = check["checks"].as_array().unwrap().iter();
        let findings = checks.flat_map(|check| check["findings"].as_array().unwrap());
        findings.filter(|finding| finding["kind"] == kind).count()
    };
    assert!(failing("counts") > 0 && failing("values") > 0, "{check}");
    repository.json("check", &["--subgroup-size=64", "--allow=values"], 1);
    repository.json("check", &["--subgroup-size=64", "--allow=values", "--allow=counts"], 0);
}

#[test]
fn an_annotation_is_on_the_line_that_moved() {
    let repository = Repository::with(KERNEL);
    repository.run("shader", &[EMBEDDED, "--json=base.json"]).assert().success();
    let gate = [
        "--baseline=base.json",
        EMBEDDED,
        "--github=-",
        "--junit=junit.xml",
        "--markdown=summary.md",
    ];
    let says = |code: i32| {
        let assert = repository.run("check", &gate).assert().code(code);
        String::from_utf8(assert.get_output().stdout.clone()).unwrap()
    };
    let passing = says(0);
    assert!(passing.contains("\n::notice title=flopmeter::"), "{passing}");
    assert!(!passing.contains("::error"), "{passing}");
    let read = |name: &str| fs::read_to_string(repository.0.path().join(name)).unwrap();
    assert!(read("junit.xml").contains("failures=\"0\""));

    repository.write("kernel.wgsl", KERNEL.replace("sum = fma", "sum = 0.5 * fma").as_bytes());
    let failing = says(1);
    let errors: Vec<&str> = failing.lines().filter(|line| line.starts_with("::error")).collect();
    let [error] = errors[..] else { panic!("{failing}") };
    assert!(error.starts_with("::error file=kernel.wgsl,line=7,title=flopmeter::"), "{error}");
    assert!(error.contains("f32.mul 0 to 160"), "{error}");
    // Beside what moved in sum, which line it is on.
    assert!(failing.contains("line 7: sum = 0.5 * fma"), "{failing}");
    assert!(failing.starts_with("::group::") && failing.contains("\n::endgroup::\n"), "{failing}");
    let junit = read("junit.xml");
    assert!(junit.contains("failures=\"1\"") && junit.matches("<failure ").count() == 1, "{junit}");
    assert!(junit.contains(">kernel.wgsl:7: "), "{junit}");
    assert_eq!(junit.matches("<testcase ").count(), junit.matches("</testcase>").count());
    assert!(read("summary.md").contains("**FAIL**"));
}

#[test]
fn nothing_that_a_user_named_is_a_command_of_the_log_or_a_tag() {
    let repository = Repository::with(KERNEL);
    let name = "::error::<b>&\"%0A,.wgsl";
    let source = KERNEL
        .replace("    var sum", "    /*\n::warning file=a::b\n##[error]c\n    */\n    var sum");
    repository.write(name, source.as_bytes());
    let mut command = Command::new(PROGRAM);
    let formats = ["--github=log", "--junit=junit.xml", "--markdown=summary.md", "--allow=bounds"];
    let run =
        ["shader", name, "--dispatch=3", "--bind=0.0=iota:16", "--bind=0.1=zeros:16", EMBEDDED];
    command.current_dir(repository.0.path()).args(run).args(formats).assert().success();
    let read = |name: &str| fs::read_to_string(repository.0.path().join(name)).unwrap();
    let log = read("log");
    let commands: Vec<&str> = log
        .lines()
        .map(str::trim_start)
        .filter(|line| line.starts_with("::") || line.starts_with("##["))
        .collect();
    assert!(commands[0].starts_with("::group::") && commands[1] == "::endgroup::", "{commands:?}");
    let [warnings @ .., notice] = &commands[2..] else { panic!("{log}") };
    assert!(warnings.iter().all(|one| one.starts_with("::warning file=%3A%3Aerror")), "{log}");
    assert!(!warnings.is_empty(), "accesses out of bounds are said: {log}");
    assert!(notice.starts_with("::notice title=flopmeter::"), "{log}");
    let junit = read("junit.xml");
    assert!(!junit.contains("<b>") && junit.contains("&lt;b&gt;&amp;&quot;"), "{junit}");
    let summary = read("summary.md");
    assert!(summary.contains("```text\n") && summary.contains("\n```\n"), "{summary}");
}

#[test]
fn options_of_models_and_of_kernels_do_not_mix() {
    let kernel = "tests/fixtures/collatz.wgsl";
    refused(&["check", kernel], &["--dispatch"]);
    refused(&["check", kernel, "--dispatch=1", "--batch=2"], &["--batch is about models"]);
    refused(&["check", "resnet-bk", "--dispatch=1"], &["--dispatch is about kernels", "resnet-bk"]);
    refused(&["check", "nowhere.wgsl", "--dispatch=1"], &["nowhere.wgsl", "cannot be read"]);
    refused(&["check", kernel, "--dispatch=1", EMBEDDED], &["no fixed size", "--bind 0.0"]);
    assert!(Path::new(kernel).is_file());
    flopmeter(&["check", kernel, "--dispatch=1", "--bind=0.0=iota:32", EMBEDDED])
        .assert()
        .success();
}

/// No tolerance makes a number of an infinite one, and nothing is judged where nothing is held against anything.
#[test]
fn what_cannot_hold_does_not_pass() {
    let repository = Repository::with(KERNEL);
    repository.write("endless", &floats([f32::INFINITY; 16].into_iter()));
    for command in ["shader", "check"] {
        let expected = [EMBEDDED, "--expect", "0.0=endless:1"];
        repository.run(command, &expected).assert().code(1).stdout(contains("16 of 16"));
    }
    let base = ["--json", "base.json"];
    repository.run("check", &[&[EMBEDDED][..], &base].concat()).assert().success();
    let less = ["--baseline", "base.json", "--allow", "less"];
    repository.run("check", &[&[EMBEDDED][..], &less].concat()).assert().success();
    let mut other = Command::new(PROGRAM);
    let smaller =
        RUN.map(|argument| if argument == "--dispatch=2" { "--dispatch=1" } else { argument });
    other.current_dir(repository.0.path()).arg("check").args(smaller).arg(EMBEDDED).args(less);
    other.assert().code(1).stdout(contains("it was not run alike: "));
    if let Some(gpu) = common::gpu() {
        use flopmeter::execute::Executor as _;
        let adapter = format!("--adapter={}", gpu.adapter().name);
        let alone = repository.run("check", &[&adapter]).assert().code(2);
        alone.stderr(contains("nothing was judged").and(contains("--baseline")));
    }
}

/// A continuous integration hears of a kernel that cannot be judged, and nothing else is written.
#[test]
fn a_kernel_that_does_not_compile_is_an_error_on_its_line() {
    let repository = Repository::with(&KERNEL.replace("sum = fma(", "sum = fmax("));
    let formats = ["--github=-", "--junit=kernels.xml", "--markdown=sum.md", "--json=out.json"];
    let assert = repository.run("check", &formats).assert().code(2);
    assert.stdout(contains("::error file=kernel.wgsl,line=7,col=15,title=flopmeter::"));
    let read = |name| fs::read_to_string(repository.0.path().join(name));
    let list = read("kernels.xml").unwrap();
    assert!(list.contains("errors=\"1\"") && list.contains("<error message=\""), "{list}");
    assert!(read("sum.md").unwrap().contains("FAIL"));
    assert!(read("out.json").is_err());
    let repository = Repository::with(&KERNEL.replace("i < 10u; i++", "i < 10u;"));
    let endless = repository.run("check", &["--github=-", "--timeout=1"]).assert().code(2);
    endless.stdout(contains("::error file=kernel.wgsl"));
}

/// A report that is written over the baseline would be one that holds, whatever it says.
#[test]
fn what_is_read_is_not_written_over() {
    let repository = Repository::with(KERNEL);
    repository.run("check", &["--json=base.json"]).assert().success();
    repository.write("right", &wanted(0.0));
    let same = |ran: &mut Command, what: &str| {
        ran.assert().code(2).stderr(contains(format!("{what} name the same place")));
    };
    for command in ["check", "shader"] {
        for (options, what) in [
            (["--baseline=base.json", "--json=base.json"], "--json and --baseline"),
            (["--baseline=base.json", "--json=./base.json"], "--json and --baseline"),
            (["--expect=0.0=right", "--csv=right"], "--csv and --expect"),
            (["--timeout=60", "--json=kernel.wgsl"], "--json and the kernel"),
        ] {
            same(&mut repository.run(command, &options), what);
        }
    }
    let program = |arguments: &[&str], what: &str| {
        let mut program = Command::new(PROGRAM);
        same(program.current_dir(repository.0.path()).args(arguments), what);
    };
    program(&["shader", "kernel.wgsl", "--json=kernel.wgsl"], "--json and the kernel");
    program(&["compare", "base.json", "base.json", "--json=base.json"], "--json and A");
    assert_eq!(fs::read_to_string(repository.0.path().join("kernel.wgsl")).unwrap(), KERNEL);
}
