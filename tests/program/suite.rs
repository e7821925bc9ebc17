//! Suites: kernels that a file lists, judged as `check` judges one, and held against one report of all of them.

use std::{fs, path::Path};

use assert_cmd::Command;
use predicates::{prelude::*, str::contains};
use serde_json::Value;
use tempfile::TempDir;

use crate::command::PROGRAM;

const SCALE: &str = "
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@compute @workgroup_size(8) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    x[id.x] = x[id.x] * 0.5;
}
";

pub const SUM: &str = "
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@compute @workgroup_size(8) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    var sum = 0.0;
    for (var i = 0u; i < 10u; i++) {
        sum += x[id.x];
    }
    x[id.x] = sum;
}
";

/// Two kernels, one of them on two grids.
pub const LIST: &str = "# What is gated.
scale.wgsl --dispatch 2 --bind 0.0=iota:16
sum.wgsl --dispatch 2 \\
    --bind '0.0=iota:16'   # as many as there are invocations

scale.wgsl --dispatch 4 --bind 0.0=iota:32
";

/// A folder as a repository has it.
pub struct Repository(TempDir);

impl Repository {
    pub fn new() -> Self {
        let repository = Self(tempfile::tempdir().unwrap());
        repository.write("scale.wgsl", SCALE);
        repository.write("sum.wgsl", SUM);
        repository.write("kernels.txt", LIST);
        repository
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.path().join(name), text).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).unwrap()
    }

    /// flopmeter, in this folder.
    pub fn run(&self, arguments: &[&str]) -> assert_cmd::assert::Assert {
        Command::new(PROGRAM).current_dir(self.path()).args(arguments).assert()
    }

    /// The suite, checked on the embedded executor.
    pub fn check(&self, more: &[&str]) -> assert_cmd::assert::Assert {
        let suite = ["check", "--suite=kernels.txt", "-q", "--adapter=embedded"];
        self.run(&[&suite[..], more].concat())
    }
}

#[test]
fn every_kernel_of_a_suite_is_checked_and_told_by_its_name() {
    let repository = Repository::new();
    let assert = repository.check(&["--json=-"]).success();
    let suite: Value = serde_json::from_slice(&assert.get_output().stdout).unwrap();
    assert_eq!(
        (&suite["schema"], &suite["pass"]),
        (&"flopmeter.check-suite/1".into(), &true.into())
    );
    let kernels = suite["kernels"].as_array().unwrap().iter().map(|kernel| {
        let flops = kernel["outcome"]["checked"]["report"]["flops"].as_u64().unwrap();
        (kernel["name"].as_str().unwrap(), kernel["line"].as_u64().unwrap(), flops)
    });
    assert_eq!(
        kernels.collect::<Vec<_>>(),
        [("scale.wgsl", 2, 16), ("sum.wgsl", 3, 160), ("scale.wgsl #2", 6, 32)]
    );
    repository.check(&[]).success().stdout(contains("3 of 3 kernels").and(contains("PASS")));
    repository.check(&["-v"]).code(2); // -q and -v contradict each other.
    // A suite of tests for each kernel, with what is said of it alone.
    let junit = repository.check(&["--junit=-"]).success().get_output().stdout.clone();
    let junit = String::from_utf8(junit).unwrap();
    let suites: Vec<&str> = junit.split("<testsuite ").skip(1).collect();
    assert_eq!(suites.len(), 3, "{junit}");
    for (suite, name) in suites.iter().zip(["scale.wgsl", "sum.wgsl", "scale.wgsl #2"]) {
        let begin = format!("name=\"{name}\" tests=\"3\" failures=\"0\"");
        assert!(suite.starts_with(&begin), "{suite}");
        let test = format!("classname=\"{name}\" name=\"embedded: no race\"></testcase>");
        assert!(suite.contains(&test), "{suite}");
    }
    let all = "<testsuites tests=\"9\" failures=\"0\" errors=\"0\">";
    assert!(junit.contains(all), "{junit}");
}

#[test]
fn a_suite_is_held_against_one_report_of_all_its_kernels() {
    let repository = Repository::new();
    repository.check(&["--json=base.json"]).success();
    let gate = |more: &[&str]| repository.check(&[&["--baseline=base.json"], more].concat());
    gate(&[]).success().stdout(contains("PASS"));

    // One more round of the loop: nine additions in ten are what they were.
    repository.write("sum.wgsl", &SUM.replace("i < 10u", "i < 11u"));
    let moved = "moved from base.json: f32.add 160 to 176 (+10.00 %)";
    gate(&[]).code(1).stdout(contains(moved).and(contains("2 of 3 kernels")));
    gate(&["--github=-"])
        .code(1)
        .stdout(contains("::error file=sum.wgsl,line=").and(contains(moved)));
    repository.write("sum.wgsl", &SUM.replace("i < 10u", "i < 9u"));
    gate(&[]).code(1);
    gate(&["--allow=less"]).success().stdout(contains("allowed").not());

    // A kernel that the report does not have is not passed in silence.
    repository.write("sum.wgsl", SUM);
    repository.write("kernels.txt", &format!("{LIST}sum.wgsl --dispatch 1 --bind 0.0=iota:8"));
    gate(&[])
        .code(1)
        .stdout(contains("sum.wgsl #2: ").and(contains("base.json has no counts of it")));
    // A line may name a report of its own.
    repository.write("kernels.txt", "sum.wgsl --dispatch 2 --bind 0.0=iota:16 --baseline one.json");
    repository.check(&[]).code(2).stdout(contains("one.json: there is no such file"));
    let mut one = Command::new(PROGRAM);
    one.current_dir(repository.path()).args([
        "check",
        "sum.wgsl",
        "--dispatch=2",
        "--adapter=embedded",
    ]);
    one.args(["--bind=0.0=iota:16", "--json=one.json", "-q"]).assert().success();
    gate(&["--junit=-"]).success().stdout(contains("those of one.json"));
}

#[test]
fn a_kernel_that_cannot_run_keeps_none_of_the_others_from_it() {
    let repository = Repository::new();
    repository.write("scale.wgsl", &SCALE.replace("* 0.5", "* half"));
    let assert = repository.check(&["--github=log", "--json=suite.json"]).code(2);
    assert.stdout(contains("NOT RUN").and(contains("1 of 3 kernels")).and(contains("FAIL")));
    assert!(repository.read("log").contains("::error file=scale.wgsl,line=4,"));
    let suite: Value = serde_json::from_str(&repository.read("suite.json")).unwrap();
    assert_eq!(suite["kernels"][0]["outcome"]["not_run"]["findings"][0]["kind"], "notrun");
    assert_eq!(suite["kernels"][1]["outcome"]["checked"]["pass"], true);
}

#[test]
fn what_a_suite_may_not_say_is_said_before_anything_runs() {
    let repository = Repository::new();
    let refused = |list: &str, why: &str| {
        repository.write("kernels.txt", list);
        repository.check(&["--json=suite.json"]).code(2).stderr(contains(why));
        assert!(!repository.path().join("suite.json").exists(), "{list}");
    };
    refused("", "kernels.txt: lists no kernel");
    refused("# nothing\n", "kernels.txt: lists no kernel");
    refused("sum.wgsl --dispatch 1\nscale.wgsl --dispatch 0", "kernels.txt:2: invalid value '0'");
    refused("sum.wgsl --dispach 1", "kernels.txt:1: unexpected argument '--dispach'");
    refused(
        "sum.wgsl --json x.json",
        "kernels.txt:1: --json is not for one kernel: say it behind --suite",
    );
    for own in ["-q", "--quiet", "--color=never"] {
        let option = own.split('=').next().unwrap_or_default();
        let why = format!("kernels.txt:1: {option} is not for one kernel: say it behind --suite");
        refused(&format!("sum.wgsl {own}"), &why);
    }
    refused(
        "sum.wgsl --batch 3",
        "kernels.txt:1: --batch is about models, and a line is about a shader",
    );
    refused("sum.wgsl --dispatch 1 --allow bounds,races", "others: --allow bounds --allow races");
    refused("sum.wgsl --bind '0.0=iota:8", "kernels.txt:1: a quotation has no end");
    repository.check(&["--github=-"]).code(2).stdout(contains("::error file=kernels.txt,line=1,"));
    refused("- --dispatch 1", "kernels.txt:1: a kernel of a suite is a file");
    repository.write("kernels.txt", "sum.wgsl --bind 0.0=iota:8");
    repository.check(&[]).code(2).stderr(contains("kernels.txt:1: ").and(contains("--dispatch")));

    repository.write("kernels.txt", LIST);
    repository.check(&["--batch=2"]).code(2).stderr(contains("--batch is about models"));
    repository.check(&["--json=sum.wgsl"]).code(2).stderr(contains("the same place"));
    assert_eq!(repository.read("sum.wgsl"), SUM);
    repository.check(&["-D", "N=2"]).code(2).stderr(contains("-D is not for a whole suite"));
    repository.check(&["--dispatch=2"]).code(2).stderr(contains("not for a whole suite"));
    repository.check(&["sum.wgsl"]).code(2).stderr(contains("--suite"));
    repository.check(&["--baseline=kernels.txt"]).code(2).stderr(contains("is no report"));
    repository.check(&["--allow=less"]).success();
    repository.check(&["--json=kernels.txt"]).code(2).stderr(contains("the same place"));
}

/// Lines of one file are told apart by how they run it, not by where they stand.
#[test]
fn kernels_of_one_file_are_held_against_those_that_were_run_alike() {
    let repository = Repository::new();
    repository.check(&["--json=base.json"]).success();
    let list: Vec<&str> = LIST.lines().collect();
    let other_order = [list[5], list[1]].join("\n");
    repository.write("kernels.txt", &other_order);
    repository.check(&["--baseline=base.json"]).success().stdout(contains("2 of 2 kernels"));
    // One that is new takes no other's counts.
    let new = list[1].replace("--dispatch 2", "--dispatch 1");
    repository.write("kernels.txt", &[list[5], &new, list[1]].join("\n"));
    let says = contains("base.json has no counts of it").and(contains("moved from").not());
    repository.check(&["--baseline=base.json"]).code(1).stdout(says);
}

/// How a line is spelled tells no kernels apart.
#[test]
fn lines_that_mean_the_same_are_held_against_each_other() {
    let repository = Repository::new();
    let kernel = SUM.replace("10u", "N").replace("@group", "@id(7) override N: u32;\n@group");
    repository.write("sum.wgsl", &kernel);
    let line = |file: &str, run: &str| format!("{file} --dispatch 1 --bind 0.0={run}");
    let list = [
        line("sum.wgsl", "iota:8 --override N=4"),
        line("sum.wgsl", "iota:8 --override N=8 --entry main"),
        line("sum.wgsl", "values:1,2,3,4,5,6,7,8 --override N=4"),
    ];
    repository.write("kernels.txt", &list.join("\n"));
    repository.check(&["--json=base.json"]).success();
    let otherwise = [
        line("./sum.wgsl", "'values:1.0, 2,3,4,5,6,7,8' --override 7=4"),
        line("a/../sum.wgsl", "iota:8 --override 7=8.0"),
        line("sum.wgsl", "iota:8 --override 7=4 --entry=main"),
    ];
    fs::create_dir(repository.path().join("a")).unwrap();
    repository.write("kernels.txt", &otherwise.join("\n"));
    let held = repository.check(&["--baseline=base.json", "--allow=less"]).success();
    held.stdout(contains("3 of 3 kernels").and(contains("not run alike").not()));
}

#[test]
fn a_report_of_a_suite_is_called_that_where_it_is_not_wanted() {
    let repository = Repository::new();
    repository.check(&["--json=base.json"]).success();
    let run = |arguments: &[&str]| repository.run(arguments).code(2);
    let kernel = ["check", "sum.wgsl", "--dispatch=2", "--bind=0.0=iota:16", "--adapter=embedded"];
    run(&[&kernel[..], &["--baseline=base.json"]].concat())
        .stderr(contains("base.json: is a report of a suite"));
    // The other way round, too.
    let save = ["--json=one.json", "-q"];
    let mut one = Command::new(PROGRAM);
    one.current_dir(repository.path()).args([&kernel[..], &save].concat()).assert().success();
    let says = "one.json: is no report of a suite: save one with --suite kernels.txt --json FILE, or say \
                --baseline one.json in the line of the kernel";
    repository.check(&["--baseline=one.json"]).code(2).stderr(contains(says));
    run(&["compare", "base.json", "one.json"])
        .stderr(contains("one is a report of a suite").and(contains("the other of a shader")));
}

#[test]
fn a_suite_of_which_nothing_ran_says_so() {
    let repository = Repository::new();
    repository.write("bad.wgsl", "fn");
    repository.write("kernels.txt", "bad.wgsl --dispatch 1");
    let ran = predicate::str::is_match(r"ran on +no executor").unwrap();
    repository.check(&[]).code(2).stdout(ran);
}

/// A compiler's drawing is in the report, and not in the answer or the annotation, which have the place.
#[test]
fn a_kernel_that_does_not_compile_is_said_in_one_line() {
    let repository = Repository::new();
    repository.write("bad.wgsl", "@compute @workgroup_size(1)\nfn main() { let x = y; }\n");
    let mut program = Command::new(PROGRAM);
    let run = ["check", "bad.wgsl", "--dispatch=1", "--adapter=embedded", "-q", "--github=log"];
    program.current_dir(repository.path()).args(run).assert().code(2);
    let log = repository.read("log");
    let said = "no definition in scope for identifier: `y`";
    let errors: Vec<&str> = log.lines().filter(|line| line.starts_with("::error")).collect();
    let place = "file=bad.wgsl,line=2,col=21,title=flopmeter";
    assert_eq!(errors, [format!("::error {place}::{said}")]);
    assert!(log.contains(&format!("\nFAIL      bad.wgsl:2: {said}\n")), "{log}");
    assert!(log.contains("unknown identifier"), "{log}");
}

/// Every annotation has a file, and a line of it where it has lines: what the baseline lacks, what counts less, and what
/// does not end.
#[test]
fn annotations_have_a_file_and_a_line() {
    let repository = Repository::new();
    repository.check(&["--json=base.json"]).success();
    let endless = SUM.replace("i < 10u; i++", "x[0] > -1.0; i++");
    repository.write("endless.wgsl", &endless);
    repository.write("sum.wgsl", &SUM.replace("i < 10u", "i < 9u"));
    let run = "--dispatch 1 --bind 0.0=iota:8";
    let list = format!("{LIST}new.wgsl {run}\nendless.wgsl {run} --timeout 1");
    repository.write("kernels.txt", &list);
    repository.write("new.wgsl", SCALE);
    let log = repository.check(&["--baseline=base.json", "--github=-"]).code(2);
    let log = String::from_utf8(log.get_output().stdout.clone()).unwrap();
    let errors: Vec<&str> = log.lines().filter(|line| line.starts_with("::error")).collect();
    for (file, says) in [
        ("sum.wgsl,line=5", "moved from base.json"),
        ("new.wgsl,line=1", "has no counts of it"),
        ("endless.wgsl,line=3", "did not end within 1 s"),
    ] {
        let wanted = format!("::error file={file},title=flopmeter::");
        let is_it = |error: &&&str| error.starts_with(&wanted) && error.contains(says);
        assert_eq!(errors.iter().filter(is_it).count(), 1, "{wanted} {says}: {errors:?}");
    }
    assert_eq!(errors.len(), 3, "{errors:?}");
}

/// Kernels of one file are told apart by how they are run, and not by how that is spelled.
#[test]
fn a_kernel_is_held_against_the_one_that_was_run_as_it_is() {
    const ROUNDS: &str = "
override ROUNDS: u32 = 2;
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32, 4>;
@compute @workgroup_size(1) fn main() {
    for (var i = 0u; i < ROUNDS; i++) { x[0] = x[0] * 0.5 + y[1]; }
}
";
    let repository = Repository::new();
    repository.write("rounds.wgsl", ROUNDS);
    let list = |[one, other]: [&str; 2]| {
        let line = "rounds.wgsl --dispatch 1 --bind 0.0=iota:8 ";
        repository.write("kernels.txt", &format!("{line}{one}\n{line}{other}\n"));
    };
    let [default, unset] = ["--override ROUNDS=2", "--bind 0.1=zeros:4"];
    for [before, now] in [[default, unset], [unset, default]] {
        list([before, "--override ROUNDS=5"]);
        repository.check(&["--json=base.json"]).success();
        list(["--override ROUNDS=6", now]);
        let says = contains("override ROUNDS was 5, and is 6").and(contains("1 of 2 kernels"));
        repository.check(&["--baseline=base.json"]).code(1).stdout(says);
    }
}
