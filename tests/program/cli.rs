//! The program as a user meets it: what it prints where, which files it leaves, and its exit codes.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    path::{Path, PathBuf},
    process::Stdio,
};

use crate::command::{PROGRAM, flopmeter, json, refused};
use assert_cmd::Command;
use flopmeter::{
    model::Model,
    tensors::{self, Entry, TensorFile},
};
use predicates::{prelude::*, str::contains};
use serde_json::Value;

/// A model that runs in no time.
const SMALL: [&str; 12] = [
    "--batch",
    "2",
    "--seq",
    "5",
    "--set",
    "d_model=6",
    "--set",
    "n_layers=1",
    "--set",
    "vocab_size=23",
    "--set",
    "top_k=2",
];

/// Whether there is an adapter; skips loudly where there is none, and fails where there must be.
fn adapter() -> bool {
    let found = flopmeter(&["adapters"]).output().unwrap().status.success();
    if !found {
        common::skipped("ADAPTER", "the program finds none");
    }
    found
}

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn help_names_every_command_and_the_exit_codes() {
    let said = contains("profile").and(contains("check")).and(contains("estimate"));
    let said = said.and(contains("adapters")).and(contains("Exit codes"));
    flopmeter(&["--help"]).assert().success().stdout(said).stderr("");
    flopmeter(&["--version"]).assert().success().stdout(contains(env!("CARGO_PKG_VERSION")));
}

#[test]
fn slips_of_the_keyboard_are_usage_errors() {
    flopmeter(&[]).assert().code(2).stdout("").stderr(contains("Usage: flopmeter"));
    refused(&["profle"], &["profle", "profile"]);
    refused(&["profile", "--optimizer", "adamm"], &["adamm", "adamw, adam, sgd"]);
    refused(&["profile", "--convention", "nvidia"], &["ieee, primitive, ncu"]);
    refused(&["profile", "--batch", "-1"], &["-1"]);
    refused(&["profile", "qwen2.5-0.5b", "--lora-rank", "0"], &["--lora-rank", "0"]);
    refused(&["profile", "--lora-rank", "8"], &["lora_rank"]);
    refused(&["profile", "qwen2.5-0.5b", "--bk-gradient", "exact"], &["--bk-gradient", "BK-Core"]);
    refused(&["estimate", "--ffn-ratio", "4"], &["ratio"]);
    refused(&["estimate", "qwen2.5-0.5b", "--ffn-ratio", "0"], &["intermediate_size"]);
    for budget in ["0.5", "1e39", "much", "inf"] {
        refused(&["estimate", "--budget", budget], &["--budget"]);
    }
    refused(&["profile", "--batch", "4294967296"], &["4294967296"]);
}

#[test]
fn questions_about_many_steps_that_make_no_sense_are_answered_before_anything_runs() {
    for command in ["estimate", "profile"] {
        let refused = |arguments: &[&str], says: &[&str]| {
            refused(&[&[command], arguments].concat(), says);
        };
        refused(&["--steps", "0"], &["steps is 0"]);
        refused(&["--tokens", "0"], &["tokens is 0"]);
        refused(&["--steps", "2", "--tokens", "2"], &["--steps", "--tokens"]);
        refused(&["--steps", "1.5"], &["--steps", "whole number"]);
        refused(&["--tokens", "1e30"], &["--tokens", "whole number"]);
        refused(&["--steps", "1e18"], &["overflow", "lower steps"]);
        refused(&["--mfu", "0.4"], &["--peak"]);
        for (peak, mfu, says) in [
            ("0", "0.4", "peak of 0"),
            ("inf", "0.4", "peak of inf"),
            ("1e12", "40", "(MFU) of 40"),
        ] {
            refused(&["--peak", peak, "--mfu", mfu], &[says]);
        }
        refused(&["--peak", "fast"], &["--peak", "fast"]);
    }
}

#[test]
fn many_steps_are_priced_and_timed() {
    let ahead = ["--tokens", "1e6", "--budget", "1e9", "--peak", "67e12", "--mfu", "0.4"];
    let table = flopmeter(&[&["estimate"][..], &ahead].concat()).assert().success();
    table.stdout(
        contains("at 67.0 TFLOP/s x 0.4").and(contains("245 training steps (1,003,520 tok")),
    );
    if !adapter() {
        return;
    }
    let report = json(&[&["profile"][..], &SMALL, &ahead, &["--json", "-"]].concat());
    let forecasts = report["forecasts"].as_array().unwrap();
    assert_eq!(forecasts[0]["count"], "measured");
    assert_eq!(forecasts[0]["step"], report["totals"]["measured"]["total"]);
    assert_eq!(forecasts[1]["step"], report["totals"]["estimate"]["total"]);
    for forecast in forecasts {
        assert_eq!(forecast["experiment"]["steps"], 100_000);
        assert!(forecast["experiment"]["seconds"]["measured"].as_f64().unwrap() > 0.0);
        let used = &forecast["utilisation"];
        // Nothing of ResNet-BK is computed again but by the exact gradient.
        assert!(used["mfu"].as_f64().unwrap() > 0.0 && used["mfu"] == used["hfu"], "{used}");
    }
    let untimed = [&["profile"][..], &SMALL, &ahead, &["--repeat", "0"]].concat();
    flopmeter(&untimed).assert().success().stdout(contains("nothing was timed: no MFU, no HFU"));
    assert!(json(&[&["profile"][..], &SMALL, &["--json", "-"]].concat())["forecasts"].is_null());
}

#[test]
fn models_and_shapes_that_make_no_sense_are_named() {
    for command in ["profile", "check", "estimate"] {
        let refused = |arguments: &[&str], says: &[&str]| {
            refused(&[&[command], arguments].concat(), says);
        };
        refused(&["resnet-bq"], &["no model 'resnet-bq'", "resnet-bk"]);
        refused(&["--set", "d_model"], &["KEY=VALUE"]);
        refused(&["--set", "d_modl=3"], &["d_modl", "d_model"]);
        refused(&["--set", "top_k=5"], &["top_k = 5", "num_experts = 4"]);
        refused(&["--set", "d_model=0"], &["d_model"]);
        refused(&["--batch", "0"], &["batch is 0"]);
        refused(&["--seq", "129"], &["seq = 129", "n_seq = 128"]);
        refused(&["--batch", "4294967295"], &["batch"]);
    }
}

/// What the adapter takes and the host's memory does not: a large batch, and a large checkpoint, which is
/// mapped and so no trouble by itself.
#[test]
fn what_exceeds_the_memory_is_refused_in_bytes() {
    let says = ["the buffers take", "bytes of memory to spare", "--batch"];
    let batch = ["profile", "--batch", "2048", "--set", "vocab_size=300000"];
    refused(&[&batch[..], &["--adapter", "embedded"]].concat(), &says);

    // A thousand layers of 64 MiB matrices, all holes.
    let folder = tempfile::tempdir().unwrap();
    let set = [
        "hidden_size=4096",
        "intermediate_size=4096",
        "vocab_size=8",
        "num_hidden_layers=1000",
        "num_attention_heads=32",
        "num_key_value_heads=8",
    ];
    let model = Model::resolve("qwen2.5-0.5b", set).unwrap();
    let config = serde_json::to_string(&model.config).unwrap();
    fs::write(folder.path().join("config.json"), config).unwrap();
    let mut end = 0;
    let tensors = model.config.parameters().into_iter().map(|parameter| {
        let start = end;
        end += 4 * parameter.elements();
        let info = serde_json::json!({"dtype": "F32", "shape": parameter.shape, "data_offsets": [start, end]});
        (parameter.name, info)
    });
    let header = Value::Object(tensors.collect()).to_string();
    let mut file = fs::File::create(folder.path().join("model.safetensors")).unwrap();
    file.write_all(&(header.len() as u64).to_le_bytes()).unwrap();
    file.write_all(header.as_bytes()).unwrap();
    file.set_len(8 + header.len() as u64 + end).unwrap();
    let large = ["profile", text(folder.path()), "--seq", "4", "--phase", "forward"];
    refused(&[&large[..], &["--adapter", "embedded"]].concat(), &says);
}

/// A copy of a golden folder, which a test may spoil.
fn copied(name: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(golden(name)).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
    }
    folder
}

/// Sets fields in a JSON file.
fn set(path: &Path, fields: &Value) {
    let mut object: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let fields = fields.as_object().unwrap().clone();
    object.as_object_mut().unwrap().extend(fields);
    fs::write(path, object.to_string()).unwrap();
}

#[test]
fn what_is_wrong_with_a_qwen_is_one_message() {
    let config = "config.json";
    let adapter = "adapter_config.json";
    for (file, fields, says) in [
        (config, serde_json::json!({"hidden_size": 50}), "hidden_size = 50 is not divisible"),
        (
            config,
            serde_json::json!({"num_key_value_heads": 4}),
            "not divisible by num_key_value_heads = 4",
        ),
        (config, serde_json::json!({"num_attention_heads": 16, "head_dim": 3}), "must be even"),
        (config, serde_json::json!({"hidden_act": "gelu"}), "hidden_act is \"gelu\""),
        (config, serde_json::json!({"intermediate_size": 97}), "model.safetensors: tensor"),
        (adapter, serde_json::json!({"r": 0}), "r is 0"),
        (adapter, serde_json::json!({"r": 3}), "adapter_model.safetensors: tensor"),
        (adapter, serde_json::json!({"target_modules": ["q_proj", "z_proj"]}), "'z_proj'"),
    ] {
        let folder = copied("qwen2_lora");
        set(&folder.path().join(file), &fields);
        let asked = ["profile", text(folder.path()), "--seq", "4", "--adapter", "embedded"];
        refused(&asked, &[text(folder.path()), says]);
    }
    type Spoil<'a> = &'a dyn Fn(&Path);
    let bytes = |path: &Path| fs::read(path).unwrap();
    let index = "model.safetensors.index.json";
    let spoilt: [(&str, Spoil<'_>, &str); 4] = [
        (
            "model.safetensors",
            &|path| fs::write(path, &bytes(path)[..bytes(path).len() / 2]).unwrap(),
            "cut short",
        ),
        (
            "model.safetensors",
            &|path| {
                fs::write(path, [&[60, 0, 0, 0, 0, 0, 0, 0], &[b'x'; 90][..]].concat()).unwrap()
            },
            "not a safetensors file",
        ),
        (
            index,
            &|path| {
                fs::remove_file(path.with_file_name("model.safetensors")).unwrap();
                let map = serde_json::json!({"weight_map": {"model.norm.weight": "model-00001-of-00001.safetensors"}});
                fs::write(path, map.to_string()).unwrap();
            },
            "model-00001-of-00001.safetensors",
        ),
        ("adapter_model.safetensors", &|path| fs::remove_file(path).unwrap(), "cannot be read"),
    ];
    for (file, spoil, says) in spoilt {
        let folder = copied("qwen2_lora");
        spoil(&folder.path().join(file));
        let asked = ["profile", text(folder.path()), "--seq", "4", "--adapter", "embedded"];
        refused(&asked, &[file, says]);
    }
}

#[test]
fn a_sequence_longer_than_trained_for_is_a_warning() {
    let folder = copied("qwen2_lora");
    set(&folder.path().join("config.json"), &serde_json::json!({"max_position_embeddings": 4}));
    let asked = ["profile", text(folder.path()), "--seq", "5", "--repeat", "0"];
    let mut command = flopmeter(&[&asked[..], &["--adapter", "embedded"]].concat());
    let warning = contains("warning: seq = 5").and(contains("max_position_embeddings = 4"));
    command.assert().success().stderr(warning);
}

#[test]
fn what_is_scaled_up_keeps_no_tensors() {
    let asked = ["profile", "qwen2.5-0.5b", "--extrapolate", "--save-tensors", "-"];
    refused(&asked, &["--extrapolate", "--save-tensors"]);
    refused(&["profile", "--extrapolate", "--adapter", "embedded"], &["--extrapolate", "experts"]);
}

#[test]
fn a_folder_that_is_no_model_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.json");
    refused(&["estimate", text(folder.path())], &["config.json", "cannot be read"]);
    fs::write(&config, r#"{"model_type": "resnet_bk", "d_model": 8}"#).unwrap();
    refused(&["estimate", text(folder.path())], &["config.json", "'n_layers' is missing"]);
    fs::write(&config, r#"{"model_type": "gpt"}"#).unwrap();
    refused(&["estimate", text(folder.path())], &["gpt", "resnet_bk"]);
}

#[test]
fn an_estimate_is_the_published_one() {
    let estimate = json(&["estimate", "--steps", "1000", "--json", "-"]);
    assert_eq!(estimate["schema"], "flopmeter.estimate/1");
    let total = &estimate["total_flops"];
    assert_eq!(total["forward"], 16_287_760_384_u64);
    assert_eq!(total["backward"], 32_568_016_896_u64);
    assert_eq!(total["optimizer"], 62_191_800_u64);
    assert_eq!(total["total"], 48_917_969_080_u64);
    assert_eq!(estimate["component_breakdown"]["layer_3"]["forward"], 139_386_880_u64);
    assert_eq!(estimate["optimizer"], "adamw");
    assert_eq!(estimate["experiment"]["total"], 48_917_969_080_000_u64);

    let forward = json(&["estimate", "--steps", "10", "--phase", "forward", "--json", "-"]);
    assert_eq!(forward["experiment"]["total"], 162_877_603_840_u64);
    assert_eq!(json(&["estimate", "--json", "-"])["experiment"], Value::Null);
    refused(&["estimate", "--steps", "0"], &["steps is 0"]);

    let table = contains("16,287,760,384").and(contains("48,917,969,080"));
    without_drivers(&mut flopmeter(&["estimate"])).assert().success().stdout(table).stderr("");
}

#[test]
fn qwens_estimate_is_the_published_one_function_by_function() {
    let arguments = ["estimate", "qwen2.5-0.5b", "--batch", "4", "--lora-rank", "8"];
    let estimate = json(&[&arguments[..], &["--steps", "1000", "--json", "-"]].concat());
    assert_eq!(estimate["per_function"]["model"], 1_832_011_464_704_u64);
    assert_eq!(estimate["total_flops"]["total"], 3 * 1_832_011_464_704_u64);
    assert_eq!(estimate["experiment"]["total"], 5_496_034_394_112_000_u64);
    assert_eq!(estimate["model_config"]["lora_rank"], 8);
    let more = ["--steps", "2", "--inference", "--budget", "1e17", "--json", "-"];
    let estimate = json(&[&arguments[..], &more].concat());
    assert_eq!(estimate["experiment"]["total"], 2 * 1_832_011_464_704_u64);
    assert_eq!(estimate["budget"]["steps"], 54_584);
    // The published ratio is that of the 0.5B's own width.
    let ratio = format!("{}", 4864.0 / 896.0);
    let again = json(&[&arguments[..], &["--ffn-ratio", &ratio, "--json", "-"]].concat());
    assert_eq!(again["per_function"], estimate["per_function"]);
}

#[test]
fn an_estimate_is_written_to_a_file_beside_its_table() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("estimate.json");
    flopmeter(&["estimate", "--json", text(&path)]).assert().success().stdout(contains("lm_head"));
    let written: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(written["schema"], "flopmeter.estimate/1");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    refused(&["estimate", "--json", "/nonexistent/e.json"], &["/nonexistent/e.json"]);
}

#[test]
fn results_that_cannot_be_written_are_found_before_the_run() {
    for option in ["--json", "--save-tensors"] {
        // The model is wrong too: had the run been begun, the message would be about that.
        refused(
            &["profile", "nothing", option, "/nonexistent/out"],
            &["/nonexistent/out", "written"],
        );
    }
    refused(&["profile", "--json", "-", "--save-tensors", "-"], &["--json", "--save-tensors"]);
}

#[test]
fn inputs_that_are_no_batch_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("input.txt");
    let refused = |says: &[&str]| {
        refused(&[&["profile", "--input", text(&input)][..], &SMALL].concat(), says);
    };
    refused(&["input.txt", "cannot be read"]);
    fs::write(&input, "").unwrap();
    refused(&["input.txt", "is empty", "needs 11"]);
    fs::write(&input, "too short").unwrap();
    refused(&["holds 9 bytes", "needs 11"]);
}

#[test]
fn tokens_outside_the_vocabulary_are_named() {
    let batch = golden("resnet_bk_top1/batch.safetensors");
    let set = ["--set", "vocab_size=2", "--set", "n_seq=4096"];
    refused(
        &[&["profile", "--input", text(&batch)][..], &set].concat(),
        &["outside the vocabulary"],
    );
}

/// Hides every adapter from a command.
fn without_drivers(command: &mut Command) -> &mut Command {
    command
        .env("VK_DRIVER_FILES", "/nonexistent")
        .env("VK_ICD_FILENAMES", "/nonexistent")
        .env("WGPU_BACKEND", "vulkan")
}

#[test]
fn a_machine_without_a_driver_runs_on_the_embedded_executor() {
    let model = golden("resnet_bk_top1");
    for arguments in [&["profile", text(&model)][..], &["check", text(&model)], &["adapters"]] {
        without_drivers(&mut flopmeter(arguments)).assert().success().stdout(
            contains("embedded").and(contains("mismatch").not().or(contains(" 0 mismatch"))),
        );
    }
}

#[test]
fn who_asks_for_a_driver_that_is_not_here_is_told_what_to_install() {
    for adapter in ["gpu", "software"] {
        without_drivers(&mut flopmeter(&["profile", "--adapter", adapter]))
            .assert()
            .code(2)
            .stdout("")
            .stderr(contains("no adapter").and(contains("mesa-vulkan-drivers")));
    }
}

#[test]
fn an_adapter_that_is_not_here_is_answered_with_those_that_are() {
    if adapter() {
        refused(&["profile", "--adapter", "Voodoo 2"], &["Voodoo 2", "there is '"]);
        refused(&["check", "--adapter", "Voodoo 2"], &["Voodoo 2", "there is '"]);
    }
}

#[test]
fn a_profile_holds_and_says_so_to_people_and_programs() {
    if !adapter() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (report, tensors) = (folder.path().join("r.json"), folder.path().join("t.safetensors"));
    let outputs = ["--json", text(&report), "--save-tensors", text(&tensors)];
    let arguments = [&["profile"][..], &SMALL, &outputs, &["--repeat", "1"]].concat();
    let said = contains("why measured and estimate differ")
        .and(contains("Executed operations"))
        .and(contains("convention ieee"))
        .and(contains("passes match, 0 mismatch, 0 not comparable"));
    flopmeter(&arguments).assert().success().stdout(said).stderr("");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);

    let report: Value = serde_json::from_slice(&fs::read(&report).unwrap()).unwrap();
    assert_eq!(report["schema"], "flopmeter.profile/1");
    assert_eq!((&report["batch"], &report["seq"]), (&2.into(), &5.into()));
    assert_eq!(report["model_config"]["model_type"], "resnet_bk");
    assert_eq!(report["convention"], "ieee");
    assert_eq!(report["data"], "weights and tokens from seed 0");
    for field in ["name", "backend", "device_type", "driver"] {
        assert!(report["adapter"][field].is_string(), "{field}");
    }
    assert_eq!(report["totals"]["measured"], report["totals"]["exact"]);
    let passes = report["passes"].as_array().unwrap();
    assert_eq!(report["verdict"]["match"], passes.len());
    let sum = |rows: &[Value], field: &str| -> u64 {
        rows.iter().map(|row| row[field].as_u64().unwrap()).sum()
    };
    let measured = report["totals"]["measured"]["total"].as_u64().unwrap();
    assert_eq!(sum(passes, "flops"), measured);
    let components = report["components"].as_array().unwrap();
    assert_eq!(sum(components, "measured"), measured);
    assert_eq!(
        sum(components, "estimate"),
        report["totals"]["estimate"]["total"].as_u64().unwrap()
    );
    for pass in passes {
        for field in ["label", "kernel", "component", "phase", "dims", "grid", "exact_ops"] {
            assert!(!pass[field].is_null(), "{field} of {pass}");
        }
        assert_eq!(pass["verdict"], "match");
        assert!(pass["seconds"].as_f64().unwrap() > 0.0);
        assert!(pass["ops"].as_object().unwrap().values().all(|count| *count != 0));
    }
    assert_eq!(report["timing"]["repeats"], 1);
    assert!(["timestamps", "wall"].contains(&report["timing"]["source"].as_str().unwrap()));

    let tensors = TensorFile::open(&tensors).unwrap();
    assert_eq!(tensors.get("logits").unwrap().shape, [2, 5, 23]);
    let loss = tensors.get("loss").unwrap();
    assert!(loss.shape.is_empty());
    let loss = f32::from_le_bytes(loss.bytes.try_into().unwrap());
    assert_eq!(report["loss"].as_f64().unwrap() as f32, loss);
    for kind in ["grad", "after"] {
        assert_eq!(tensors.get(&format!("{kind}/lm_head.weight")).unwrap().shape, [23, 6]);
    }
}

#[test]
fn json_on_standard_output_is_all_there_is() {
    if !adapter() {
        return;
    }
    let arguments = ["--json", "-", "--repeat", "0", "--phase", "forward", "--convention", "ncu"];
    let report = json(&[&["profile"][..], &SMALL, &arguments].concat());
    assert_eq!(report["totals"]["measured"]["backward"], 0);
    assert_eq!(report["totals"]["estimate"]["backward"], 0);
    assert_eq!(report["convention"], "ncu");
    assert_eq!(report["timing"]["source"], "none");
    assert!(report["passes"][0]["seconds"].is_null());
}

#[test]
fn real_input_gives_the_reference_loss() {
    if !adapter() {
        return;
    }
    let model = golden("resnet_bk_top1");
    let batch = model.join("batch.safetensors");
    let arguments =
        ["profile", text(&model), "--input", text(&batch), "--repeat", "0", "--json", "-"];
    let report = json(&arguments);
    let expected = TensorFile::open(&model.join("expected.safetensors")).unwrap();
    let expected = expected.get("loss").unwrap();
    let expected = f64::from(f32::from_le_bytes(expected.bytes.try_into().unwrap()));
    let loss = report["loss"].as_f64().unwrap();
    assert!((loss - expected).abs() < 1e-4 * expected, "{loss} for {expected}");
}

#[test]
fn weights_that_are_not_numbers_are_counted_all_the_same() {
    if !adapter() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let model = golden("resnet_bk_top1");
    fs::copy(model.join("config.json"), folder.path().join("config.json")).unwrap();
    let sound = TensorFile::open(&model.join("model.safetensors")).unwrap();
    let spoilt: Vec<(String, Vec<usize>, Vec<f32>)> = sound
        .names()
        .into_iter()
        .map(|name| {
            let tensor = sound.get(&name).unwrap();
            let len = tensor.bytes.len() / 4;
            let value = if name == "lm_head.bias" { f32::NAN } else { 0.5 };
            (name, tensor.shape.to_vec(), vec![value; len])
        })
        .collect();
    let entries: Vec<Entry<'_>> =
        spoilt.iter().map(|(name, shape, data)| Entry { name, shape, data }).collect();
    tensors::write_tensors(&folder.path().join("model.safetensors"), &entries).unwrap();
    flopmeter(&["profile", text(folder.path()), "--batch", "2", "--repeat", "0"])
        .assert()
        .success()
        .stdout(contains("NaN: not finite").and(contains(" 0 mismatch")));
}

#[test]
fn check_holds_on_every_adapter_present() {
    if adapter() {
        flopmeter(&[&["check"][..], &SMALL].concat())
            .assert()
            .success()
            .stdout(contains("= formula").and(contains(" 0 mismatch, 0 not comparable")))
            .stderr("");
    }
}

#[test]
fn a_reader_who_leaves_early_is_no_error() {
    let mut child = std::process::Command::new(PROGRAM)
        .args(["estimate", "--set", "n_layers=2000", "--json", "-"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_standard_output_that_is_full_is_an_error() {
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = std::process::Command::new(PROGRAM);
    let output = command.arg("estimate").stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("error: standard output"));
}

#[cfg(unix)]
#[test]
fn ctrl_c_stops_a_run_and_leaves_nothing() {
    if !adapter() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.json");
    let outputs = ["--repeat", "1000000", "-v", "--json", text(&report)];
    let mut child = std::process::Command::new(PROGRAM)
        .args([&["profile"][..], &SMALL, &outputs].concat())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    log.read_line(&mut line).unwrap();
    assert!(line.contains("running on"), "{line}");
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    log.read_to_string(&mut line).unwrap();
    assert_eq!(output.status.code(), Some(2), "{line}");
    assert!(line.contains("error: interrupted"), "{line}");
    assert!(output.stdout.is_empty());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_pinned_set_of_kernels_runs_and_no_other() {
    let small =
        ["--set", "d_model=8", "--set", "n_layers=1", "--set", "n_seq=4", "--set", "vocab_size=8"];
    let asked =
        ["profile", "--batch", "1", "--repeat", "0", "--adapter", "embedded", "--json", "-"];
    let chosen = |more: &[&str]| -> Vec<String> {
        let assert = flopmeter(&[&asked[..], &small, more].concat()).assert().success();
        let report: serde_json::Value =
            serde_json::from_slice(&assert.get_output().stdout).unwrap();
        let kernels = report["kernels_chosen"].as_array().unwrap().iter();
        kernels.map(|chosen| chosen["kernel"].as_str().unwrap().to_owned()).collect()
    };
    let shares = |kernels: &[String]| kernels.iter().any(|k| k.starts_with("linear_subgroup."));
    let eight = ["--subgroup-size", "8"];
    assert!(shares(&chosen(&eight)));
    assert!(shares(&chosen(&[&eight[..], &["--kernels", "subgroup"]].concat())));
    assert!(!shares(&chosen(&[&eight[..], &["--kernels", "portable"]].concat())));
    refused(
        &[&asked[..], &["--kernels", "subgroup"]].concat(),
        &["subgroups of 8", "subgroups of 32"],
    );
    refused(
        &["scale", "--axis", "seq=4,8", "--kernels", "portable"],
        &["--kernels", "leave it out"],
    );
}
