//! Reports on Qwen2. A few layers in the place of many: what is scaled up must be what the whole model
//! costs, to the last operation and byte, and must say that it did not run. And what training costs,
//! all parameters or adapters.

use std::ops::ControlFlow;

use flopmeter::{
    Error,
    choice::KernelSet,
    component::Phase,
    estimate::Estimate,
    execute::Executor,
    format::table::{self, Terminal},
    model::{
        AskedShape, Batch, Model,
        lower::{Scope, Training},
    },
    op::Convention,
    page::Paged as _,
    profile::{Keep, Request, profile},
    result::{Report, to_json},
};
use serde_json::Value;

const LAYERS: u64 = 5;

const SMALL: [&str; 6] = [
    "hidden_size=24",
    "intermediate_size=20",
    "vocab_size=30",
    "num_hidden_layers=5",
    "num_attention_heads=6",
    "num_key_value_heads=2",
];

/// A report on a small model, whole or scaled up.
fn report(
    executor: &mut dyn Executor,
    (name, set): (&str, &[&str]),
    scope: Scope,
    extrapolate: bool,
) -> Result<Report, Error> {
    let model = Model::resolve(name, set)?;
    let asked = AskedShape { batch: Some(2), seq: Some(7), ..AskedShape::default() };
    let batch = Batch::load(None, asked, &model.config, 0)?;
    let training = Training { scope, ..Training::default() };
    let estimate = Estimate::new(&model.config, batch.shape, training)?;
    let request = Request {
        model: &model,
        weights: &model.weights(0)?,
        batch: &batch,
        data: "weights and tokens from seed 0",
        estimate: &estimate,
        convention: Convention::Ieee,
        runs: 0.into(),
        extrapolate,
        kernels: KernelSet::Auto,
        winners: None,
    };
    let ran = profile(executor, request, Keep::Nothing, &mut |_| ControlFlow::Continue(()));
    ran.map(|(report, _)| report)
}

#[test]
#[ignore = "slow: runs every layer of a model"]
fn what_is_scaled_up_is_what_the_whole_costs() {
    common::on_every_executor(|executor| {
        for (set, layers) in [
            (&[][..], 1),
            (&["tie_word_embeddings=false"], 1),
            (&["lora_rank=2"], 2),
            (&["lora_rank=2", "lora_targets=o_proj"], 2),
        ] {
            for scope in [Scope::Step, Scope::Forward] {
                let set = [&SMALL[..], set].concat();
                let mut run = |extrapolate| {
                    report(executor, ("qwen2.5-0.5b", &set), scope, extrapolate).unwrap()
                };
                let (whole, scaled) = (run(false), run(true));
                assert!(whole.extrapolation.is_none() && whole.totals.extrapolated.is_none());
                assert_eq!(whole.passes.len(), scaled.passes.len());
                for (ran, taken) in whole.passes.iter().zip(&scaled.passes) {
                    assert_eq!(ran.label, taken.label);
                    assert_eq!((ran.ops, ran.traffic), (taken.ops, taken.traffic), "{}", ran.label);
                }
                assert_eq!(whole.totals.measured, scaled.totals.measured);

                // Every layer but those that ran is marked, and none of it counts as a match.
                let extrapolation = scaled.extrapolation.as_ref().unwrap();
                let ran = extrapolation.measured_layers;
                assert_eq!((u64::from(extrapolation.layers), ran), (LAYERS, layers));
                let above = |name: &str| {
                    let layer = name.split('.').next().unwrap().strip_prefix("layer_");
                    layer.is_some_and(|layer| layer.parse::<u32>().unwrap() >= ran)
                };
                let json: Value = serde_json::from_str(&to_json(&scaled)).unwrap();
                for pass in json["passes"].as_array().unwrap() {
                    let marked = pass["verdict"] == "extrapolated";
                    assert_eq!(marked, above(pass["component"].as_str().unwrap()), "{pass}");
                    assert!(marked || pass["verdict"] == "match", "{pass}");
                }
                for row in json["components"].as_array().unwrap() {
                    let marked = row["extrapolated"] == true;
                    // What is charged and never runs is a row too.
                    let ran = row["traffic"].as_object().is_some_and(|bytes| !bytes.is_empty());
                    assert_eq!(marked, ran && above(row["name"].as_str().unwrap()), "{row}");
                }
                let verdict = scaled.verdict;
                assert_eq!(verdict.r#match + verdict.extrapolated, whole.verdict.r#match);
                let layer = |phase| {
                    let rows = whole.components.iter().filter(move |row| row.phase == phase);
                    let rows = rows.filter(|row| row.name.layer == Some(4));
                    rows.map(|row| row.measured).sum::<u64>()
                };
                for phase in Phase::ALL {
                    let taken = scaled.totals.extrapolated.unwrap().get(phase);
                    assert_eq!(taken, layer(phase) * (LAYERS - u64::from(ran)), "{phase}");
                }
                assert_eq!((scaled.loss, scaled.loss_is_finite), (None, None));
                let text = table::render(&scaled.page(false), Terminal::PIPE);
                assert!(text.contains("extrapolated") && text.contains(" ~"), "{text}");
                assert!(text.contains("not known: it takes every layer"), "{text}");
                assert!(!table::render(&whole.page(false), Terminal::PIPE).contains('~'));
            }
        }
    });
}

/// Layers that alternate stand each for their own kind, and a layer of experts for the others whichever experts
/// those would choose.
#[test]
fn every_kind_of_layer_stands_for_its_own() {
    let own: [(&str, &[&str], &[u32]); 8] = [
        ("gemma-2-2b", &["head_dim=4", "sliding_window=3"], &[0, 1, 0, 1, 0]),
        ("gemma-2-2b", &["head_dim=4", "sliding_window=3", "lora_rank=2"], &[0, 1, 2, 1, 2]),
        (
            "gemma-3-270m",
            &["head_dim=4", "sliding_window=3", "sliding_window_pattern=2"],
            &[0, 1, 0, 1, 0],
        ),
        ("mixtral-8x7b", &["num_local_experts=4"], &[0; 5]),
        ("phi-3-mini", &["head_dim=4", "lora_rank=2"], &[0, 1, 1, 1, 1]),
        (
            "smollm3-3b",
            &["head_dim=4", "no_rope_layer_interval=2", "rope_theta=100"],
            &[0, 1, 0, 1, 0],
        ),
        (
            "qwen3-30b-a3b",
            &[
                "num_experts=6",
                "num_experts_per_tok=2",
                "moe_intermediate_size=8",
                "decoder_sparse_step=2",
                "head_dim=4",
            ],
            &[0, 1, 0, 1, 0],
        ),
        (
            "llama-3.2-1b",
            &["head_dim=4", "lora_rank=2", "lora_targets=.*1.*q_proj"],
            &[0, 1, 2, 2, 2],
        ),
    ];
    for (name, set, stand_ins) in own {
        let set = [&SMALL[..], set].concat();
        let config = Model::resolve(name, &set).unwrap().config;
        assert_eq!(config.shortened().unwrap().stand_ins, stand_ins, "{name}");
        let run = |extrapolate| {
            let mut executor = common::embedded();
            report(&mut executor, (name, &set), Scope::Step, extrapolate).unwrap()
        };
        let (whole, scaled) = (run(false), run(true));
        assert_eq!(whole.totals.measured, scaled.totals.measured, "{name}");
        for (ran, taken) in whole.passes.iter().zip(&scaled.passes) {
            assert_eq!((&ran.label, ran.flops), (&taken.label, taken.flops), "{name}");
        }
        let of = scaled.extrapolation.unwrap();
        assert_eq!(of.measured_layers, stand_ins.iter().max().unwrap() + 1);
        let experts = config.model_type().contains("moe") || config.model_type() == "mixtral";
        assert_eq!(of.definition.contains("Experts"), experts);
    }
}

#[test]
fn nothing_is_scaled_up_where_every_layer_runs() {
    let one = [&SMALL[..], &["num_hidden_layers=1"]].concat();
    let model = ("qwen2.5-0.5b", &one[..]);
    let report = report(&mut common::embedded(), model, Scope::Step, true).unwrap();
    assert!(report.extrapolation.is_none() && report.loss.is_some());
    assert_eq!(report.verdict.extrapolated, 0);
}

#[test]
fn layers_that_route_by_values_are_not_scaled_up() {
    let set = ["d_model=4", "n_seq=7", "vocab_size=9"];
    let error = report(&mut common::embedded(), ("resnet-bk", &set), Scope::Step, true);
    let text = error.unwrap_err().to_string();
    assert!(text.contains("measure every layer") && text.contains("experts"), "{text}");
}

#[test]
fn either_way_to_train_is_told_beside_the_other() {
    let ways = |set: &[&str], scope| {
        let set = [&SMALL[..], set].concat();
        let model = ("qwen2.5-0.5b", &set[..]);
        let report = report(&mut common::embedded(), model, scope, false).unwrap();
        let json: Value = serde_json::from_str(&to_json(&report)).unwrap();
        assert!(json.get("bk_gradient").is_none() && json["scope"].is_string(), "{json}");
        (report, json["ways_to_train"].as_array().cloned())
    };
    let (full, told) = ways(&[], Scope::Step);
    let (adapted, told_adapted) = ways(&["lora_rank=8"], Scope::Step);
    assert_eq!(told, told_adapted);
    // Each way is what a run of it measures.
    for (way, report) in told.unwrap().iter().zip([&full, &adapted]) {
        let measured = report.totals.measured;
        assert_eq!(way["forward"].as_u64(), Some(measured.forward), "{way}");
        assert_eq!(way["backward"].as_u64(), Some(measured.backward), "{way}");
        let ratio = measured.backward as f64 / measured.forward as f64;
        assert_eq!(way["ratio"].as_f64(), Some(ratio), "{way}");
    }
    let text = table::render(&full.page(false), Terminal::PIPE);
    let line = text.lines().find(|line| line.contains("by closed forms")).unwrap();
    for trained in ["x training all parameters", "x training adapters of rank 8 on q_proj,v_proj"] {
        assert!(line.contains(trained), "{line}");
    }
    assert_eq!(ways(&[], Scope::Forward).1, None);
}
