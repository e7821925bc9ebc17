//! How a step trains, as a user asks for it: in micro-batches, with layers that run again, on packed sequences, with
//! adapters anywhere. What runs is what the closed forms say, in every command.

use predicates::{prelude::*, str::contains};

use crate::command::{flopmeter, json, refused, text};

const DECODER: [&str; 17] = [
    "qwen2.5-0.5b",
    "--set",
    "hidden_size=16",
    "--set",
    "intermediate_size=20",
    "--set",
    "vocab_size=30",
    "--set",
    "num_hidden_layers=3",
    "--set",
    "num_attention_heads=4",
    "--set",
    "num_key_value_heads=2",
    "--batch",
    "1",
    "--json",
    "-",
];

const RUN: [&str; 4] = ["--adapter", "embedded", "--repeat", "0"];

fn asked<'a>(command: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let run: &[&str] = if command == "profile" { &RUN } else { &[] };
    [&[command][..], &DECODER, run, more].concat()
}

/// The exact count of a command, and what a run executes beyond the mathematics of it.
#[test]
fn every_command_prices_the_step_that_runs() {
    for how in [
        &["--accumulate", "3", "--seq", "7"][..],
        &["--recompute", "layers", "--seq", "7"],
        &["--pack", "4,2,3"],
        &["--accumulate", "2", "--recompute", "layers", "--pack", "4,4,1", "--lora-rank", "2"],
        &["--lora-rank", "2", "--lora-targets", "up_proj,k_proj", "--seq", "5"],
        &["--convention", "ncu", "--recompute", "layers", "--seq", "5"],
        &["--convention", "primitive", "--lora-rank", "2", "--seq", "5"],
    ] {
        let report = json(&asked("profile", how));
        assert_eq!(report["verdict"]["mismatch"], 0, "{how:?}");
        let estimate = json(&asked("estimate", how));
        let formulas = json(&asked("formulas", how));
        let exact = &estimate["exact"];
        assert_eq!(exact, &formulas["exact"], "{how:?}");
        for priced in [&estimate, &formulas] {
            assert_eq!(priced["convention"], report["convention"], "{how:?}");
        }
        for phase in ["forward", "backward", "optimizer"] {
            assert_eq!(exact["algebraic"][phase], report["totals"]["algebraic"][phase], "{how:?}");
            assert_eq!(exact["schedule"][phase], report["totals"]["exact"][phase], "{how:?}");
        }
        let compared = [&["compare", "qwen2.5-0.5b"][..], &DECODER, how].concat();
        let compared = json(&compared);
        assert_eq!(&compared["b"]["exact"], exact, "{how:?}");
        assert_eq!(compared["convention"], report["convention"], "{how:?}");
        // What runs again is the kernels' schedule, the mathematics of it is no more than that.
        let again = report["totals"]["recomputed"].as_u64().unwrap_or(0);
        let recomputed = exact["recomputed"].as_u64().unwrap();
        assert_eq!(again > 0, how.contains(&"layers"));
        assert!(recomputed <= again && (recomputed > 0) == (again > 0), "{recomputed} of {again}");
    }
}

/// The exact count of a sweep, and of an estimate that was saved, is by the convention that is asked for.
#[test]
fn closed_forms_are_priced_by_any_convention() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("estimate.json");
    let ncu = ["--convention", "ncu"];
    let exact = |convention: &[&str]| {
        json(&asked("estimate", &[&["--seq", "5"], convention].concat()))["exact"].clone()
    };
    let [by_ieee, by_ncu] = [exact(&[]), exact(&ncu)];
    assert_eq!(by_ieee["products"], by_ncu["products"]);
    // A softmax has exponentials and maxima, which are no FLOPs there.
    let [ieee, less] = [&by_ieee, &by_ncu].map(|exact| exact["algebraic"]["total"].as_u64());
    assert!(less < ieee, "{less:?}, {ieee:?}");
    let scale = json(&asked("scale", &[&["--axis", "seq=5,6"], &ncu[..]].concat()));
    assert_eq!((&scale["convention"], &scale["points"][0]["exact"]), (&"ncu".into(), &by_ncu));

    let saved = asked("estimate", &[&["--seq", "5"], &ncu[..]].concat());
    let saved: Vec<&str> =
        saved.iter().map(|&word| if word == "-" { text(&file) } else { word }).collect();
    flopmeter(&saved).assert().success();
    let beside = |convention: &[&str]| {
        let sides = [&["compare", text(&file), "qwen2.5-0.5b"][..], &DECODER[1..]].concat();
        json(&[&sides[..], &["--seq", "5"], convention].concat())
    };
    for (convention, asked, exact) in
        [("ncu", &[][..], &by_ncu), ("ieee", &["--convention", "ieee"], &by_ieee)]
    {
        let both = beside(asked);
        assert_eq!(both["convention"], convention);
        assert_eq!((&both["a"]["exact"], &both["b"]["exact"]), (exact, exact), "{convention}");
        let told = (convention != "ncu").then_some("ncu");
        assert_eq!(both["a"]["saved_under"].as_str(), told);
    }
}

/// Where attention stays within sequences, that is what is said of it, and not that it takes half of the square.
#[test]
fn attention_of_packed_sequences_is_told_as_such() {
    let [half, own] = ["half of the square", "a query in its own sequence"];
    for (how, packs) in [
        (&["--seq", "9"][..], false),
        (&["--pack", "4,2,3"], true),
        (&["--pack", "1,1"], true),
        (&["--pack", "4,3", "--lora-rank", "2"], true),
    ] {
        let report = json(&asked("profile", how));
        let causes = report["causes"].as_array().unwrap().iter();
        let texts = causes.filter_map(|cause| cause["text"].as_str());
        let texts: String = texts.map(|text| format!("{text}\n")).collect();
        assert_eq!(texts.contains(own), packs, "{how:?}: {texts}");
        assert_eq!(texts.contains(half), !packs, "{how:?}: {texts}");
        // Qwen2.5's estimator charges the row, the one by products each sequence.
        assert_eq!(texts.contains("and not in the row"), packs, "{how:?}: {texts}");
        let estimate = asked("estimate", how);
        let estimate: Vec<&str> =
            estimate.into_iter().filter(|word| !["--json", "-"].contains(word)).collect();
        let told = contains("its S is the row");
        let told = if packs { told.boxed() } else { told.not().boxed() };
        flopmeter(&estimate).assert().success().stdout(told);
    }
}

/// A row is as long as what is packed into it, in a sweep as in one step.
#[test]
fn a_sweep_packs_rows_of_their_own_length() {
    let report = json(&asked("scale", &["--pack", "5,4", "--axis", "head_dim=4,8"]));
    assert_eq!(report["points"].as_array().unwrap().len(), 2);
    assert_eq!(report["points"][0]["seq"], 9);
}

/// 6 P T of adapters, each in the row in which it runs.
#[test]
fn adapters_are_charged_where_they_run() {
    let how = ["--seq", "5", "--lora-rank", "2", "--lora-targets", "q_proj,up_proj,lm_head"];
    let asked = [&["profile", "llama-3.2-1b"][..], &DECODER[1..], &RUN, &how].concat();
    let report = json(&asked);
    let components = report["components"].as_array().unwrap().iter();
    let adapters: Vec<_> = components
        .filter(|row| row["name"].as_str().unwrap().ends_with(".lora"))
        .filter(|row| row["phase"] != "optimizer")
        .collect();
    // Two parts of each of three layers, and the head's, forward and backward.
    assert_eq!(adapters.len(), 2 * (2 * 3 + 1));
    let charged = |phase: &str| -> u64 {
        let of_phase = adapters.iter().filter(|row| row["phase"] == phase);
        of_phase.map(|row| row["estimate"].as_u64().unwrap()).sum()
    };
    assert!(adapters.iter().all(|row| row["measured"].as_u64() > Some(0)), "{adapters:?}");
    let numbers = 2 * (3 * ((16 + 16) + (16 + 20)) + (16 + 30));
    assert_eq!((charged("forward"), charged("backward")), (2 * numbers * 5, 4 * numbers * 5));
}

/// Which modules an expression is about is said, since it may be others than were thought of.
#[test]
fn modules_that_carry_adapters_are_named() {
    let trains = |targets| {
        let lora = ["--lora-rank=2", "--lora-targets", targets, "--json=-", "-q"];
        let report = json(&[&["formulas", "phi-3-mini"], &lora[..]].concat());
        report["training"]["trains"].as_str().unwrap().to_owned()
    };
    assert_eq!(trains("qkv_proj,o_proj"), "adapters of rank 2 on qkv_proj,o_proj");
    let one = "adapters of rank 2 on .*(q_proj|o_proj) (o_proj: 32 linear layers)";
    assert_eq!(trains(".*(q_proj|o_proj)"), one);
    let all = "adapters of rank 2 on all-linear (qkv_proj, o_proj, gate_up_proj, down_proj: 128 linear layers)";
    assert_eq!(trains("all-linear"), all);
}

#[test]
fn a_report_says_how_it_trained() {
    let how = ["--accumulate", "2", "--recompute", "layers", "--pack", "5,2"];
    let report = json(&asked("profile", &[&how[..], &["--peak", "1e12"]].concat()));
    assert_eq!((&report["batch"], &report["seq"]), (&2.into(), &7.into()));
    assert_eq!((&report["accumulate"], &report["recompute"]), (&2.into(), &"layers".into()));
    assert_eq!(report["packed"], serde_json::json!([5, 2]));
    let passes = report["passes"].as_array().unwrap();
    let again: Vec<_> = passes.iter().filter(|pass| pass["recomputed"] == true).collect();
    assert!(!again.is_empty());
    for pass in again {
        assert_eq!(pass["phase"], "backward");
        assert!(pass["component"].as_str().unwrap().contains(".recomputed."), "{pass}");
    }
    let measured = &report["forecasts"][0];
    assert!(measured["recomputed"].as_u64() >= report["totals"]["recomputed"].as_u64());
    let axis = ["--axis", "num_hidden_layers=1,2", "--seq", "7"];
    let scaled = [&["scale"][..], &DECODER[..7], &DECODER[9..], &axis, &how[..4]].concat();
    let scaled = json(&scaled);
    assert_eq!(scaled["sweep"]["accumulate"], 2);
    let again = |point: usize| scaled["points"][point]["exact"]["recomputed"].as_u64().unwrap();
    assert_eq!(again(1), 2 * again(0));
}

#[test]
fn what_makes_no_step_is_refused() {
    let sums = ["14 tokens together", "seq is 15"];
    for command in ["profile", "estimate"] {
        refused(&asked(command, &["--pack", "5,9", "--seq", "15"]), &sums);
    }
    refused(&asked("formulas", &["--pack", "5,9", "--seq", "15"]), &["14", "15"]);
    refused(&["estimate", "resnet-bk", "--pack", "5,9"], &["ResNet-BK", "keep them apart"]);
    let forward = ["--recompute", "layers", "--phase", "forward"];
    refused(&asked("profile", &forward), &["backward pass", "forward pass alone"]);
    let targets = ["--lora-rank", "2", "--lora-targets", "q_proj,up_prj"];
    for command in ["profile", "estimate", "formulas"] {
        refused(&asked(command, &targets), &["up_prj", "did you mean 'up_proj'?"]);
    }
    refused(&asked("estimate", &targets[2..]), &["lora_targets", "lora_rank"]);
    let layer = ["--lora-rank", "2", "--lora-targets", "layers.7.self_attn.q_proj"];
    refused(&asked("estimate", &layer), &["layers.7.self_attn.q_proj", "no linear layer"]);
}

/// A forward pass has no backward pass in which layers could run again, whoever prices it.
#[test]
fn layers_do_not_run_again_without_a_backward_pass() {
    for command in ["profile", "check", "estimate"] {
        let forward = ["--phase", "forward", "--recompute", "layers"];
        refused(&[&[command, "qwen2.5-0.5b"], &forward[..]].concat(), &["a forward pass alone"]);
    }
}

/// Every command has the same exact count of a step, recomputation included, and says how much of it is recomputed.
#[test]
fn the_exact_count_has_what_is_recomputed_everywhere() {
    let how = ["--recompute", "layers", "--seq", "8"];
    let exact = &json(&asked("estimate", &how))["exact"];
    let flops = |count: &serde_json::Value, phase: &str| count[phase].as_u64().unwrap();
    let again = exact["recomputed"].as_u64().unwrap();
    let all = flops(&exact["algebraic"], "total") + again;
    let backward = flops(&exact["algebraic"], "backward") + again;
    let model = &DECODER[..15];
    for arguments in [
        [&["estimate"], model, &how].concat(),
        [&["formulas"], model, &how].concat(),
        [&["compare", "qwen2.5-0.5b"], model, &how].concat(),
        [&["scale"], model, &how[..2], &["--axis", "seq=8,16"]].concat(),
    ] {
        let printed = flopmeter(&arguments).assert().success().get_output().stdout.clone();
        let printed = String::from_utf8(printed).unwrap().replace(',', "");
        for flops in [all, backward, again] {
            assert!(printed.contains(&flops.to_string()), "{arguments:?} lacks {flops}: {printed}");
        }
        assert!(printed.contains("of it recomputed"), "{printed}");
        let is_sweep = arguments[0] == "scale";
        assert_eq!(printed.lines().any(|line| line.starts_with("   recomputed ")), is_sweep);
    }
}

/// A family that has no exact count by closed forms has no figure with what is recomputed before it runs.
#[test]
fn figures_without_what_is_recomputed_are_said_to_be() {
    for arguments in [&["estimate"][..], &["scale", "--axis", "seq=8,16"]] {
        let (command, axis) = arguments.split_first().unwrap();
        for (how, times) in [(&["--recompute", "layers"][..], 1), (&[], 0)] {
            let said = "recompute layers that run again are in none of these figures";
            let printed = flopmeter(&[&[command, "resnet-bk"], axis, how].concat()).assert();
            let printed = printed.success().get_output().stdout.clone();
            let printed = String::from_utf8(printed).unwrap();
            let words = printed.split_whitespace().collect::<Vec<_>>().join(" ");
            assert_eq!(words.matches(said).count(), times, "{printed}");
        }
    }
}

/// A preset with other fields is another model, and each report says so.
#[test]
fn every_report_names_what_was_set() {
    let set = DECODER.iter().filter(|word| word.contains('='));
    let set: Vec<&str> = set.copied().collect();
    let line = format!("qwen2.5-0.5b with {}", set.join(", "));
    let seq = ["--seq", "5"];
    let other = ["--set-b", "num_hidden_layers=2"];
    let embedded = ["--adapter", "embedded"];
    let axis = ["--axis", "seq=5,6"];
    let cases: [(&str, &[&str], &str); 6] = [
        ("profile", &seq, ""),
        ("estimate", &seq, ""),
        ("formulas", &seq, ""),
        ("compare", &[&seq[..], &["qwen2.5-0.5b"], &other].concat(), "/a"),
        ("check", &[&seq[..], &embedded].concat(), ""),
        ("scale", &axis, "/points/0"),
    ];
    for (command, how, subject) in cases {
        let report = json(&asked(command, how));
        let subject = report.pointer(subject).unwrap();
        assert_eq!(subject["model"], "qwen2.5-0.5b", "{command}");
        assert_eq!(subject["set"], serde_json::json!(set), "{command}");
        let arguments = asked(command, how);
        let text: Vec<&str> =
            arguments.into_iter().filter(|word| !["--json", "-"].contains(word)).collect();
        let text = flopmeter(&text).assert().success().get_output().stdout.clone();
        let text = String::from_utf8(text).unwrap().replace("\n         ", "");
        assert!(text.contains(&line), "{command}: {text}");
    }
    // The last of two values of a field is what the model has.
    let twice = json(&asked("compare", &[&seq[..], &["qwen2.5-0.5b"], &other].concat()));
    let layers = |set: &serde_json::Value| -> Vec<_> {
        let set = set.as_array().unwrap().iter().filter_map(|set| set.as_str());
        set.filter(|set| set.starts_with("num_hidden_layers")).map(str::to_owned).collect()
    };
    assert_eq!(layers(&twice["b"]["set"]), ["num_hidden_layers=2"]);
    // Positions that a preset was given for a sequence are told, too.
    let report = json(&["estimate", "gpt2", "--seq", "1100", "--json", "-", "-q"]);
    assert_eq!(report["set"], serde_json::json!(["max_position_embeddings=1100"]));
}
