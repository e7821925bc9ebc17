//! Mistakes that users make, and the way out that each message names.

use std::fs;

use tempfile::TempDir;

use crate::command::{flopmeter, json, refused};

const KERNEL: &str = "
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
override SCALE: f32 = 1.0;
@compute @workgroup_size(8) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    x[id.x] = x[id.x] * SCALE;
}
";

/// Options of models are not taken in silence where two saved reports are compared.
#[test]
fn two_reports_have_no_use_for_options_of_models() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (kernel, shader, model) = (path("kernel.wgsl"), path("shader.json"), path("model.json"));
    fs::write(&kernel, KERNEL).unwrap();
    let run = ["--dispatch=1", "--bind=0.0=iota:8", "--adapter=embedded", "--repeat=0", "-q"];
    flopmeter(&[&["shader", &kernel, "--json", &shader], &run[..]].concat()).assert().success();
    flopmeter(&["estimate", "-q", "--json", &model]).assert().success();
    for report in [&shader, &model] {
        for option in [
            &["--measure"][..],
            &["--batch", "2"],
            &["--set", "top_k=2"],
            &["--optimizer", "adamw"],
            &["--repeat", "3"],
            &["--min-time", "1"],
            &["--no-tune"],
            &["--seed", "0"],
        ] {
            let says = [option[0], "is about models, and both are saved reports"];
            refused(&[&["compare", report, report], option].concat(), &says);
        }
        refused(&["compare", report, report, "--set-b", "x=1"], &["--set-b", "saved report"]);
        let taken = ["compare", report, report, "--fail-on", "more:flops", "--json", "-", "-q"];
        flopmeter(&taken).assert().success();
    }
    // One that is no report takes them.
    json(&["compare", &model, "resnet-bk", "--batch", "2", "--json", "-"]);
    // What was not timed has no time.
    let time = ["compare", &shader, &shader, "--fail-on", "more:time"];
    let said = flopmeter(&time).assert().code(1).get_output().stdout.clone();
    let said = String::from_utf8(said).unwrap();
    let untimed = "times cannot be compared: neither A nor B was timed; save reports of shader with --repeat 3";
    assert!(said.contains(untimed), "{said}");
    assert!(!said.contains("estimator"), "{said}");
}

#[test]
fn options_of_kernels_are_told_apart_from_those_of_models_at_once() {
    for option in [
        &["--baseline", "base.json"][..],
        &["--allow", "less"],
        &["--fail-on", "more:flops"],
        &["--bind", "0.0=zeros:4"],
        &["--expect", "0.0=want"],
        &["--entry", "main"],
    ] {
        let says = [option[0], "is about kernels, and 'resnet-bk' is a model"];
        refused(&[&["check", "resnet-bk"], option].concat(), &says);
    }
    let folder = TempDir::new().unwrap();
    let kernel = folder.path().join("kernel.wgsl");
    fs::write(&kernel, KERNEL).unwrap();
    let kernel = kernel.to_str().unwrap();
    for option in [&["--baseline", "base.json"][..], &["--bind", "0.0=zeros:4"]] {
        for command in ["check", "shader"] {
            refused(&[&[command, kernel], option].concat(), &["--dispatch"]);
        }
    }
    let limit = ["--dispatch=1", "--bind=0.0=zeros:8", "--fail-on=more:flops"];
    for command in ["check", "shader"] {
        refused(&[&[command, kernel], &limit[..]].concat(), &["--fail-on is about --baseline"]);
    }
    for option in [["--precision", "f16"], ["--kernels", "subgroup"], ["--optimizer", "sgd"]] {
        let says = [option[0], "is about models, and ", "kernel.wgsl is a shader"];
        refused(&[&["check", kernel, "--dispatch=1"], &option[..]].concat(), &says);
    }
    let missing = ["there is no file 'kernel.wgs'", "--dispatch is about kernels", ".comp"];
    refused(&["check", "kernel.wgs", "--dispatch=1"], &missing);
    let list = folder.path().join("kernels.txt");
    for (line, says) in [
        ("--dispatch 1 --bnd 0.0=iota:8", "'--bnd' found: did you mean '--bind'?"),
        ("--dispatch 1 --fail-on more:flops", "--fail-on in a line is about a --baseline in it"),
    ] {
        fs::write(&list, format!("{kernel} {line}")).unwrap();
        refused(&["check", "--suite", list.to_str().unwrap()], &["kernels.txt:1", says]);
    }
    fs::write(&list, format!("{kernel} --dispatch 1")).unwrap();
    let suite = ["check", "--suite", list.to_str().unwrap()];
    refused(&[&suite[..], &["--fail-on", "more:flops"]].concat(), &["--fail-on", "--baseline"]);
    refused(
        &[&suite[..], &["--bind", "0.0=iota:8"]].concat(),
        &["--bind", "not for a whole suite"],
    );
}

#[test]
fn the_way_out_of_a_wrong_value_is_named() {
    for name in ["Llama-3.2-1B", "meta-llama/Llama-3.2-1B"] {
        refused(&["estimate", name], &["Did you mean 'llama-3.2-1b'?"]);
    }
    refused(&["estimate", "--lora-rank", "8"], &["lora_rank=8: adapters are not supported"]);
    let half = ["--precision is for Hugging Face's decoders", "resnet-bk has no products in half"];
    refused(&["profile", "--precision", "f16"], &half);
    let both = ["scale", "--axis", "seq=8", "--measure", "--both-precisions"];
    refused(&both, &["--both-precisions is for Hugging Face's decoders", "leave it out"]);
    let peak = ["estimate", "--steps", "3", "--peak"];
    refused(&[&peak[..], &["1e12", "--mfu", "40%"]].concat(), &["--mfu", "40%", "write 0.4"]);
    refused(&[&peak[..], &["1e12", "--mfu", "half"]].concat(), &["--mfu", "as in 0.4"]);
    let tpu = ["one device", "tpu-v4-bf16, tpu-v5e-bf16", "as a number, as 67e12"];
    refused(&[&peak[..], &["tpu"]].concat(), &tpu);
    refused(&["formulas", "--formula", "nosuch"], &["no formula 'nosuch'", "6nt", "palm"]);
    refused(&["formulas", "--formula", "plm"], &["did you mean 'palm'?"]);
    let family = ["no decoder", "flopmeter estimate resnet-bk", "flopmeter formulas qwen2.5-0.5b"];
    refused(&["formulas", "resnet-bk"], &family);
    // An option of another command is told as that, and not taken for one that looks alike.
    for (arguments, tip) in [
        (["check", "--repeat", "3"], "'--repeat' is an option of profile, "),
        (["scale", "--tokens", "1e9"], "'--tokens' is an option of profile, estimate, formulas"),
        (
            ["estimate", "--fail-on", "more:flops"],
            "'--fail-on' is an option of compare, shader, check",
        ),
    ] {
        let said = flopmeter(&arguments).assert().code(2).get_output().stderr.clone();
        let said = String::from_utf8(said).unwrap();
        assert!(said.contains(tip) && !said.contains("similar argument"), "{said}");
    }
    let said =
        flopmeter(&["estimate", "--batsh", "3"]).assert().code(2).get_output().stderr.clone();
    assert!(String::from_utf8(said).unwrap().contains("similar argument exists: '--batch'"));
}

/// Several values behind an option that takes one are told as several options, where each of them is a value.
#[test]
fn an_option_with_one_value_is_repeated_for_others() {
    for (values, tip) in [
        (["--allow", "races,counts"], "--allow races --allow counts"),
        (["--override", "A=1,B=2"], "--override A=1 --override B=2"),
        (["--bind", "0.0=zeros:4,0.1=iota:4"], "--bind 0.0=zeros:4 --bind 0.1=iota:4"),
    ] {
        let mut check = flopmeter(&[&["check", "x.wgsl"], &values[..]].concat());
        let said = check.assert().code(2).get_output().stderr.clone();
        let said = String::from_utf8(said).unwrap();
        let says = format!("'{}' takes one value and is repeated for others: {tip}", values[0]);
        assert!(said.contains(&says) && !said.contains("similar value"), "{said}");
    }
    let [a, b] =
        ["race,counts", "races,nothing"].map(|value| ["check", "x.wgsl", "--allow", value]);
    for mistyped in [a, b] {
        let said = flopmeter(&mistyped).assert().code(2).get_output().stderr.clone();
        assert!(!String::from_utf8(said).unwrap().contains("repeated"), "{mistyped:?}");
    }
}

/// A report is not written over what the kernel is made of, which is known once it was read.
#[test]
fn what_a_kernel_includes_is_not_written_over() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let scale = "const SCALE = 0.5;\n";
    fs::write(path("scale.wgsl"), scale).unwrap();
    let kernel = KERNEL.replace("override SCALE: f32 = 1.0;", "#include \"scale.wgsl\"");
    fs::write(path("kernel.wgsl"), kernel).unwrap();
    fs::write(path("list"), format!("{} --dispatch 1 --bind 0.0=iota:8", path("kernel.wgsl")))
        .unwrap();
    let (kernel, part, list) = (path("kernel.wgsl"), path("scale.wgsl"), path("list"));
    let run = ["--dispatch=1", "--bind=0.0=iota:8", "--adapter=embedded"];
    let says = ["--json names scale.wgsl", "includes or imports"];
    let to = ["--json", &part];
    refused(&[&["shader", &kernel], &to[..]].concat(), &says);
    for command in ["shader", "check"] {
        refused(&[&[command, &kernel], &run[..], &to].concat(), &says);
    }
    refused(&[&["check", "--suite", &list, "--adapter=embedded"], &to[..]].concat(), &says);
    // Nor is why nothing was checked.
    let to = ["--markdown", &part];
    let says = ["--markdown names scale.wgsl"];
    refused(&[&["check", &kernel], &run[..], &to].concat(), &says);
    refused(&[&["check", "--suite", &list, "--adapter=embedded"], &to[..]].concat(), &says);
    let broken = fs::read_to_string(&kernel).unwrap() + "fn wrong( {}";
    let broken_kernel = path("broken.wgsl");
    fs::write(&broken_kernel, broken).unwrap();
    flopmeter(&[&["check", &broken_kernel], &run[..], &to].concat()).assert().code(2);
    let dump = format!("--dump=0.0={part}");
    let dumped = [&["shader", &kernel, &dump], &run[..]].concat();
    refused(&dumped, &["--dump names scale.wgsl"]);
    assert_eq!(fs::read_to_string(&part).unwrap(), scale);
}

/// What was given otherwise than for the baseline is named, each by itself.
#[test]
fn a_baseline_of_another_run_names_the_input_that_differs() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (kernel, base) = (path("kernel.wgsl"), path("base.json"));
    fs::write(&kernel, KERNEL).unwrap();
    let check = |more: &[&str]| {
        let run = ["check", &kernel, "--adapter=embedded", "-q"];
        flopmeter(&[&run[..], more].concat()).assert()
    };
    let (grid, fill) = ("--dispatch=2", "--bind=0.0=iota:16");
    check(&[grid, fill, "--override=SCALE=2", "--json", &base]).success();
    for (more, says) in [
        (["--dispatch=1", fill, "--override=SCALE=2"], "the grid was 2 x 1 x 1, and is 1 x 1 x 1"),
        (
            ["--dispatch=1", "--bind=0.0=iota:12", "--override=SCALE=2"],
            "the binding 'x' at 0.0 was iota:16, and is iota:12",
        ),
    ] {
        let baseline = ["--baseline", &base, "--allow=bounds"];
        let said = check(&[&more[..], &baseline].concat()).code(1).get_output().stdout.clone();
        let said = String::from_utf8(said).unwrap();
        assert!(said.contains(says), "{said}");
        assert!(!said.contains("SCALE was"), "{said}");
    }
    let both = ["--dispatch=1", fill, "--baseline", &base];
    let said = check(&both).code(1).get_output().stdout.clone();
    assert!(String::from_utf8(said).unwrap().contains("override SCALE was 2, and is 1"));
}
