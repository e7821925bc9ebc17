//! What is typed where something else is meant: options of other tools, programs and kernels that are taken for each
//! other, a baseline that was never saved. Each message names what is meant.

use std::fs;

use predicates::{prelude::*, str::contains};

use crate::command::{KernelFolder, PROGRAM, flopmeter, refused};

/// What a command says that is not understood.
fn said(arguments: &[&str]) -> String {
    let output = flopmeter(arguments).assert().code(2).stdout("").get_output().stderr.clone();
    String::from_utf8(output).unwrap()
}

#[test]
fn an_option_of_another_tool_is_told_by_its_name_here() {
    for (arguments, tip) in [
        (&["shader", "k.wgsl", "--push-constant", "n=2"][..], "--immediate NAME=VALUE"),
        (&["check", "k.wgsl", "--push-constants=n=2"], "--immediate NAME=VALUE"),
        (&["shader", "k.wgsl", "--workgroups", "8"], "--dispatch X[,Y[,Z]]"),
        (&["check", "k.wgsl", "--tolerance", "1e-5"], "--expect 0.0=want.npy:1e-5"),
        (&["check", "k.wgsl", "--max-flops", "100"], "--baseline kept.json --fail-on more:flops"),
        (&["formulas", "--list"], "without '--formula', all formulas are listed"),
        (&["run", "./host", "7"], "flopmeter run -- ./host"),
        (&["run", "--count-only", "host"], "flopmeter run -- host"),
        (&["kernel", "k.wgsl"], "tip: shader: Any compute kernel"),
        (&["kernels"], "tip: check: The gate for CI"),
    ] {
        let said = said(arguments);
        assert!(said.contains(tip), "{said}");
        assert!(!said.contains("as a value") && !said.contains("similar"), "{said}");
    }
    // A word that no command knows is no value either.
    for arguments in [&["profile", "--zzz"][..], &["estimate", "--push-constant", "n=2"]] {
        let said = said(arguments);
        assert!(!said.contains("tip:"), "{said}");
    }
}

#[test]
fn a_value_that_is_none_is_told_by_what_is_meant() {
    for (grid, meant) in [("8x8", "say 8,8"), ("4X2x1", "say 4,2,1")] {
        refused(&["shader", "k.wgsl", "--dispatch", grid], &["have commas between them", meant]);
    }
    let said = said(&["profile", "--precision", "bf16"]);
    let says = ["[possible values: f32, f16]", "'bf16' is a type of numbers that is not among"];
    assert!(says.iter().all(|says| said.contains(says)) && !said.contains("similar"), "{said}");
    // A slip of the keyboard is none of a type.
    let slip = self::said(&["profile", "--precision", "fp16"]);
    assert!(slip.contains("a similar value exists: 'f16'"), "{slip}");
    let heads = ["estimate", "qwen2.5-0.5b", "--set", "heads=128"];
    refused(&heads, &["did you mean 'num_attention_heads'?", "n_heads for num_attention_heads"]);
    let parts = ["formulas", "--formula", "6nt-layers"];
    refused(&parts, &["did you mean", "'kaplan-6nt'", "'chinchilla-layers'"]);
    let all = self::said(&["formulas", "--formula", "nosuch"]);
    let (_, all) = all.trim_end().split_once("there are ").expect("a list");
    assert!(all.split(", ").is_sorted(), "{all}");
}

#[test]
fn a_program_is_no_shader_and_a_shader_no_program() {
    let folder = KernelFolder::new();
    let (kernel, script) = (folder.path("kernel.wgsl"), folder.path("host"));
    fs::write(&script, "#!/bin/sh\n").unwrap();
    for program in [PROGRAM, &script] {
        let way = format!("'flopmeter run -- {program}' counts what its kernels execute");
        for arguments in [&["check", program][..], &["shader", program]] {
            refused(arguments, &["is a program, and a shader is wanted", &way]);
        }
    }
    let way = format!("'flopmeter shader {kernel}' lists what it takes");
    for (wanted, arguments) in [
        ("a program", &["run", "--", &kernel][..]),
        ("a model", &["estimate", &kernel]),
        ("a model", &["profile", &kernel]),
        ("a model", &["formulas", &kernel]),
        ("a model", &["scale", &kernel, "--axis", "seq=8"]),
        ("a saved report or a model", &["compare", &kernel, "resnet-bk"]),
        ("--json FILE.json saves", &["compare", "resnet-bk", &kernel]),
    ] {
        refused(arguments, &["kernel.wgsl: is a shader", wanted, &way]);
    }
}

#[test]
fn a_first_baseline_is_told_how_it_is_saved() {
    let folder = KernelFolder::new();
    let (kernel, base) = (folder.path("kernel.wgsl"), folder.path("base.json"));
    let run = ["--dispatch=1", "--bind=0.0=zeros:8", "--adapter=embedded"];
    let way = format!("what --json {base} saves of the same run without --baseline");
    for command in ["shader", "check"] {
        refused(&[&[command, &kernel, "--baseline", &base], &run[..]].concat(), &[&way]);
    }
    let list = folder.path("list");
    fs::write(&list, format!("{kernel} --dispatch 1 --bind 0.0=zeros:8")).unwrap();
    refused(&["check", "--suite", &list, "--baseline", &base, "--adapter=embedded"], &[&way]);

    flopmeter(&["shader", &kernel, "-q", "--json", &base]).assert().success();
    let listing = ["is a listing of what a shader takes", "save it again with --dispatch"];
    refused(&[&["check", &kernel, "--baseline", &base], &run[..]].concat(), &listing);
    refused(&["compare", &base, &base], &listing);
}

/// The help of `run` says what becomes of its table.
#[test]
fn a_report_in_a_file_is_in_place_of_the_table_of_a_run() {
    let said = contains("a PATH of any format is in place of the table on standard error");
    let words = |text: &[u8]| {
        String::from_utf8_lossy(text).split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let help = |command| words(&flopmeter(&[command, "--help"]).output().unwrap().stdout);
    assert!(said.eval(&help("run")), "{}", help("run"));
    assert!(said.not().eval(&help("shader")));
}

/// What a tolerance is written as is told where one lets all numbers pass, and which that is.
#[test]
fn a_tolerance_is_told_where_it_is_roundings_that_differ() {
    let folder = KernelFolder::new();
    let run = |numbers: [f32; 8], tolerance: &str| {
        let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        fs::write(folder.path("want"), bytes).unwrap();
        let mut program = assert_cmd::Command::new(PROGRAM);
        program.current_dir(folder.path("")).args(["check", "kernel.wgsl", "--adapter=embedded"]);
        program.args(["-q", "--dispatch=1", "--bind=0.0=iota:8"]);
        program.arg(format!("--expect=0.0=want{tolerance}")).assert()
    };
    let exact: [f32; 8] = std::array::from_fn(|i| i as f32 * 0.5 + 0.1);
    let off = |by: f32| exact.map(|number| number + by);
    run(exact, "").success();
    let way = "; all are within 1e-4, and want:1e-4 lets that pass";
    run(off(5e-5), "")
        .code(1)
        .stdout(contains("'x' at 0.0 differs from want: ").and(contains(way)));
    run(off(5e-5), ":1e-4").success();
    let beyond = contains("'x' at 0.0 differs from want by more than 1e-5: ").and(contains(way));
    run(off(5e-5), ":1e-5").code(1).stdout(beyond);
    // What is far off is told in plain digits, and no rounding.
    let far = contains("is furthest off, by 1\n").or(contains(", off by 1\n"));
    run(off(1.0), "").code(1).stdout(far.and(contains("lets that pass").not()));
}
