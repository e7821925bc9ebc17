//! `flopmeter profile` and `flopmeter check` on small models: what holds, what is said of it, and what is kept.

use std::fs;

use crate::command::{SMALL, adapter, flopmeter, golden, json, refused, text};
use flopmeter::tensors::{self, Entry, TensorFile};
use predicates::{prelude::*, str::contains};
use serde_json::Value;

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

/// Gradients and updated weights lie as the weights do in the checkpoint, which holds some by columns.
#[test]
fn what_is_kept_of_a_gpt2_lies_as_in_its_checkpoint() {
    what_is_kept_lies_as_in_the_checkpoint("gpt2");
}

/// The same of one that holds some head by head, and has another name for the head of the model.
#[test]
fn what_is_kept_of_a_gpt_neox_lies_as_in_its_checkpoint() {
    what_is_kept_lies_as_in_the_checkpoint("gpt_neox");
}

fn what_is_kept_lies_as_in_the_checkpoint(model: &str) {
    let folder = tempfile::tempdir().unwrap();
    let (kept, model) = (folder.path().join("t.safetensors"), golden(model));
    let arguments = ["--adapter", "embedded", "--repeat", "0", "--seq", "4", "--optimizer", "sgd"];
    let outputs = ["profile", text(&model), "--save-tensors", text(&kept)];
    flopmeter(&[&outputs[..], &arguments].concat()).assert().success();
    let checkpoint = TensorFile::open(&model.join("model.safetensors")).unwrap();
    let kept = TensorFile::open(&kept).unwrap();
    let read = |file: &TensorFile, name: &str| {
        let tensor = file.get(name).unwrap();
        let values: Vec<f32> =
            tensor.bytes.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
        (tensor.shape.to_vec(), values)
    };
    for name in checkpoint.names() {
        let (shape, before) = read(&checkpoint, &name);
        let [(of_grad, grad), (of_after, after)] = ["grad", "after"].map(|kind| {
            let name = name.replacen("embed_out.", "lm_head.", 1);
            read(&kept, &format!("{kind}/{name}"))
        });
        assert_eq!([&of_grad, &of_after], [&shape; 2], "{name}");
        // A step of 1e-2 against the gradient, rounded.
        for ((before, grad), after) in before.iter().zip(grad).zip(after) {
            let expected = before - 1e-2 * grad;
            assert!((after - expected).abs() <= 1e-6 * expected.abs().max(1.0), "{name}");
        }
    }
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
fn many_steps_are_priced_and_timed() {
    let ahead = ["--tokens", "1e6", "--budget", "1e9", "--peak", "67e12", "--mfu", "0.4"];
    let table = flopmeter(&[&["estimate"][..], &ahead].concat()).assert().success();
    table.stdout(
        contains("67.0 TFLOP/s; times are at an MFU of 0.4")
            .and(contains("245 training steps = 1,003,520 tok")),
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
    flopmeter(&untimed).assert().success().stdout(contains("nothing was timed here"));
    assert!(json(&[&["profile"][..], &SMALL, &["--json", "-"]].concat())["forecasts"].is_null());
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
    let has = |kernels: &[String], file: &str| kernels.iter().any(|k| k.starts_with(file));
    let shares = |kernels: &[String]| has(kernels, "linear_subgroup.");
    let eight = ["--subgroup-size", "8"];
    assert!(shares(&chosen(&eight)));
    assert!(shares(&chosen(&[&eight[..], &["--kernels", "subgroup"]].concat())));
    assert!(!shares(&chosen(&[&eight[..], &["--kernels", "portable"]].concat())));
    assert!(has(&chosen(&["--subgroup-size", "4"]), "linear_subgroup_4."));
    assert!(!shares(&chosen(&[])), "32 lanes were not timed against others");
    assert!(shares(&chosen(&["--kernels", "subgroup"])));
    refused(
        &[&asked[..], &["--kernels", "subgroup", "--subgroup-size", "2"]].concat(),
        &["subgroups of 4 to 64", "subgroups of 2", "--subgroup-size 8"],
    );
    refused(
        &["scale", "--axis", "seq=4,8", "--kernels", "portable"],
        &["--kernels", "leave it out"],
    );
}
