//! Reports on fixed data, without a device: a lowered plan whose measurement is made up from its
//! closed forms, and then spoilt. Causes must add up whatever was measured, and every kind of
//! disagreement must be seen.
#![allow(clippy::unwrap_used, reason = "a test that cannot set itself up should fail")]

mod beyond;
mod browser;
mod case;
mod causes;
mod formats;
mod saved;
mod sweep;

use flopmeter::{
    check::Verdict,
    estimate::Estimate,
    execute::{Access, Between, LaneUse, Limits, OutOfBounds, Race, Witness},
    family::Family,
    forecast::{Extent, Peak, Question},
    format::table,
    model::{
        AskedShape, BatchShape, Model, ModelConfig, Optimizer, ResNetBkConfig,
        lower::{Recompute, Scope, Training},
    },
    observe::Observed,
    op::{Convention, Cost, Op, OpCounts, Scalar},
    page::Paged as _,
    plan::Phase,
    profile::Run,
    result::{Agreement, Candidate, CompareReport, Report, Totals, to_json},
};
use proptest::prelude::*;
use serde_json::Value;

use case::{Case, LIMITS, SMALL, run};

/// What the causes and the components of a report add up to is what its totals say.
fn assert_adds_up(report: &Report) {
    let totals = &report.totals;
    for phase in Phase::ALL {
        let of_phase = || report.causes.iter().filter(move |cause| cause.phase == phase);
        let (measured, estimate) = (totals.measured.get(phase), totals.estimate.get(phase));
        let mut passes = report.passes.iter().filter(|pass| pass.phase == phase);
        if passes.any(|pass| matches!(pass.verdict, Verdict::Mismatch { .. })) {
            // A wrong number has no cause but that it is wrong.
            assert_eq!(of_phase().count(), 0);
        } else {
            assert_eq!(of_phase().map(|cause| cause.measured).sum::<u64>(), measured);
            assert_eq!(of_phase().map(|cause| cause.estimate).sum::<u64>(), estimate);
            assert_eq!(
                of_phase().map(|cause| cause.difference).sum::<i128>(),
                i128::from(measured) - i128::from(estimate)
            );
        }

        let rows = || report.components.iter().filter(move |row| row.phase == phase);
        assert_eq!(rows().map(|row| row.measured).sum::<u64>(), measured);
        assert_eq!(rows().map(|row| row.estimate).sum::<u64>(), estimate);
        let exact = totals.exact.unwrap().get(phase);
        assert_eq!(rows().map(|row| row.exact.unwrap()).sum::<u64>(), exact);
    }
    beyond::assert_adds_up(report);
}

fn some_training() -> impl Strategy<Value = Training> {
    let scope = prop_oneof![Just(Scope::Step), Just(Scope::Forward)];
    let gradient = prop_oneof![Just("hybrid"), Just("exact")];
    let optimizer = prop::sample::select(&Optimizer::ALL[..]);
    (scope, optimizer, gradient, 1_u32..4, any::<bool>()).prop_map(
        |(scope, optimizer, gradient, accumulate, again)| {
            let options = Family::choose("bk_gradient", gradient).unwrap();
            let again = again && scope == Scope::Step;
            let recompute = if again { Recompute::Layers } else { Recompute::None };
            Training { scope, options, accumulate, recompute, ..optimizer.into() }
        },
    )
}

/// Any small model and a sequence that it takes.
fn some_model() -> impl Strategy<Value = (ModelConfig, u32)> {
    prop_oneof![some_resnet_bk(), some_decoder()]
}

fn some_resnet_bk() -> impl Strategy<Value = (ModelConfig, u32)> {
    (1_u32..20, 1_u32..4, 1_u32..20, 1_u32..70, 1_u32..5, 0_u32..5).prop_map(
        |(d_model, n_layers, n_seq, vocab_size, num_experts, less)| {
            let top_k = num_experts.saturating_sub(less).max(1);
            let config =
                ResNetBkConfig { d_model, n_layers, n_seq, vocab_size, num_experts, top_k };
            (ModelConfig::from(config), n_seq)
        },
    )
}

fn some_decoder() -> impl Strategy<Value = (ModelConfig, u32)> {
    any::<u64>().prop_map(common::decoder::decoder)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn causes_and_components_add_up_whatever_was_measured(
        (config, seq) in some_model(),
        batch in 1_u32..4,
        training in some_training(),
        convention in prop::sample::select(&Convention::ALL[..]),
        subgroup_lanes in prop::sample::select(&[None, Some(8)][..]),
        spoilt in prop::collection::vec((any::<usize>(), prop::sample::select(&Op::ALL[..]), 1_u64..1 << 40), 0..4),
    ) {
        let limits = Limits { subgroup_lanes, ..LIMITS };
        let mut case = Case::new(config, batch, Some(seq), training, &limits);
        let honest = case.report(convention, 1.0);
        assert_adds_up(&honest);
        let read: Report = serde_json::from_str(&to_json(&honest)).unwrap();
        prop_assert_eq!(&read, &honest);
        prop_assert_eq!(honest.totals.exact, Some(honest.totals.measured));
        // What ResNet-BK's estimator prices as products is what ran as products, and nothing else is
        // charged for without having run than what this convention does not price.
        for cause in &honest.causes {
            prop_assert!(!cause.text.contains("NaN") && !cause.text.contains("inf"), "{:?}", cause);
            if case.config.model_type() != "resnet_bk" {
                continue;
            }
            let product = cause.subject.ends_with(" product");
            prop_assert!(!product || cause.difference == 0, "{:?}", cause);
            prop_assert!(cause.measured > 0 || ["ReLU", "BK-Core"].contains(&&*cause.subject), "{:?}", cause);
        }

        for (pass, op, more) in spoilt {
            case.spoil(pass % case.plan.passes.len(), OpCounts::f32(op, more));
        }
        let spoilt = case.report(convention, 1.0);
        assert_adds_up(&spoilt);
        for report in [&honest, &spoilt] {
            let text = table::render(&report.page(false), false);
            let last = text.lines().last().unwrap_or_default();
            let answer = if report.holds() { "PASS " } else { "FAIL " };
            prop_assert!(last.starts_with(answer), "{last}");
        }
    }
}

/// Worked out by hand for B=32 N=128 D=64 L=4 E=4 K=1 V=30000.
#[test]
fn the_causes_of_the_published_baseline_are_what_algebra_says() {
    let baseline = ResNetBkConfig {
        d_model: 64,
        n_layers: 4,
        n_seq: 128,
        vocab_size: 30_000,
        num_experts: 4,
        top_k: 1,
    };
    let report = Case::new(ModelConfig::from(baseline), 32, None, Training::default(), &LIMITS)
        .report(Convention::Ieee, 1.0);
    let [t, d, l, e, v] = [32 * 128, 64, 4, 4, 30_000_i128];
    let expected = [
        (Phase::Forward, "v_proj", l * t * (2 * d + 1)),
        (Phase::Forward, "biases", l * t * (e + 2 * d + d + d) + t * v),
        (Phase::Backward, "biases", l * t * (e + 2 * d + d + d) + t * v),
        (Phase::Forward, "ReLU", -l * t * 2 * d),
        (Phase::Backward, "embedding", t * d),
        (Phase::Forward, "residual and bk_scale mix", l * t * d * 3),
        (Phase::Forward, "gates on the experts' outputs", l * t * d * 2),
        (Phase::Forward, "softmax of the gates", l * t * (4 - 3 * e)),
        (Phase::Optimizer, "optimizer", -4_146_120),
        (Phase::Forward, "lm_head product", 0),
        (Phase::Backward, "moe.experts product", 0),
    ];
    for (phase, subject, difference) in expected {
        let cause = report.causes.iter().find(|c| c.phase == phase && c.subject == subject);
        assert_eq!(cause.unwrap().difference, difference, "{phase} {subject}");
    }
    let total = report.totals.measured.total();
    let explained: i128 = report.causes.iter().map(|cause| cause.difference).sum();
    assert_eq!(i128::from(total), 48_917_969_080 + explained);
}

/// A step of attention: B=2 S=10 and two heads of width 4 over one layer, worked out by hand. Its
/// backward pass makes the probabilities of 2 x 2 x 55 pairs twice, and their gradients once more.
#[test]
fn a_forecast_tells_what_the_model_needs_from_what_the_hardware_repeats() {
    let set = [
        "hidden_size=8",
        "num_attention_heads=2",
        "num_key_value_heads=1",
        "num_hidden_layers=1",
        "intermediate_size=16",
        "vocab_size=24",
    ];
    let config = Model::resolve("qwen2.5-0.5b", set).unwrap().config;
    let case = Case::new(config, 2, Some(10), Training::default(), &LIMITS);
    let again = 2 * (2 * 55) * (2 * (2 * 4 + 3) + (2 * 4 + 3));
    let question = Question {
        extent: Some(Extent::Tokens(101)),
        budget: Some(10_000_000),
        peak: Some(Peak::new(1e6, 0.5).unwrap()),
    };
    let report = case.report(Convention::Ieee, 1.0).with_forecast(question).unwrap();
    let counts: Vec<&str> = report.forecasts.iter().map(|f| f.count.as_str()).collect();
    assert_eq!(counts, ["measured", "estimate", "6 N T with attention"]);
    let Totals { measured, estimate, .. } = report.totals;
    let model = [measured.total() - again, estimate.total(), report.forecasts[2].step];
    for (forecast, model) in report.forecasts.iter().zip(model) {
        assert_eq!(forecast.recomputed, again, "{}", forecast.count);
        // The step took a quarter of a second; rounding is all that may differ.
        let near = |is: f64, flops: u64| (is / (flops as f64 / 0.25e6) - 1.0).abs() < 1e-12;
        let used = forecast.utilisation.unwrap();
        assert!(near(used.mfu, model) && near(used.hfu, model + again), "{forecast:?}");
        let experiment = forecast.experiment.unwrap();
        assert_eq!((experiment.steps, experiment.tokens), (6, 120));
        assert_eq!(experiment.total, u128::from(6 * forecast.step));
        assert_eq!(experiment.seconds.measured, Some(1.5));
        assert_eq!(forecast.budget.unwrap().steps, u128::from(10_000_000 / forecast.step));
    }
    let text = table::render(&report.page(false), false);
    assert!(text.contains("6 training steps = 120 tokens; 1.50 s at the rate"), "{text}");
    let json: Value = serde_json::from_str(&to_json(&report)).unwrap();
    assert_eq!(json["forecasts"][0]["experiment"]["total"], 6 * measured.total());

    let forward = Training { scope: Scope::Forward, ..Training::default() };
    let case = Case::new(ModelConfig::from(SMALL), 2, None, forward, &LIMITS);
    let report = case.report(Convention::Ieee, 1.0).with_forecast(question).unwrap();
    assert!(report.forecasts.iter().all(|f| !f.experiment.unwrap().training && f.recomputed == 0));
}

#[test]
fn the_table_reads_as_agreed() {
    let report = Case::fixed().report(Convention::Ieee, 3.25);
    insta::assert_snapshot!(table::render(&report.page(false), false));
}

#[test]
fn each_layer_stands_by_itself_where_that_is_asked() {
    let report = Case::small().report(Convention::Ncu, 3.25);
    let text = table::render(&report.page(true), false);
    assert!(text.contains("layer_0.moe.experts") && text.contains("layer_1.moe.experts"), "{text}");
    assert!(!text.contains("layer_0..1"), "{text}");
    assert!(text.contains("convention ncu: add mul = 1"), "{text}");
}

#[test]
fn the_json_reads_as_agreed() {
    let mut report = Case::fixed().report(Convention::Ieee, 3.25);
    assert_eq!(report.passes.len() as u64, report.verdict.r#match);
    // One of each says what all look like.
    report.passes.truncate(1);
    report.components.retain(|row| row.name == "layer_1.v_proj");
    report.causes.truncate(1);
    insta::assert_snapshot!(to_json(&report));
}

#[test]
fn one_operation_more_is_a_mismatch_that_the_report_names() {
    let mut case = Case::small();
    assert!(case.report(Convention::Ieee, 1.0).holds());
    case.spoil(3, OpCounts::f32(Op::Fma, 1));
    let report = case.report(Convention::Ieee, 1.0);
    assert!(!report.holds());
    assert_eq!((report.verdict.mismatch, report.verdict.not_comparable), (1, 0));
    let json: Value = serde_json::from_str(&to_json(&report)).unwrap();
    assert_eq!(json["passes"][3]["verdict"], "mismatch");
    assert!(json["passes"][3]["why"].as_str().unwrap().starts_with("f32.fma: "));
    let text = table::render(&report.page(false), false);
    let label = &case.plan.passes[3].label;
    assert!(text.contains(&format!("mismatch: {label}: f32.fma: ")), "{text}");
}

#[test]
fn a_loss_that_is_not_finite_is_said_plainly() {
    for loss in [f32::NAN, f32::INFINITY] {
        let report = Case::small().report(Convention::Ieee, loss);
        assert!(report.holds() && report.loss_is_finite == Some(false));
        let text = table::render(&report.page(false), false);
        assert!(text.contains("not finite"), "{text}");
        let json: Value = serde_json::from_str(&to_json(&report)).unwrap();
        assert!(json["loss"].is_null());
        assert_eq!(json["loss_is_finite"], false);
    }
}

#[test]
fn a_forward_pass_is_held_against_the_forward_estimate() {
    let training = Training { scope: Scope::Forward, ..Training::default() };
    let report = Case::new(ModelConfig::from(SMALL), 2, None, training, &LIMITS)
        .report(Convention::Ieee, 1.0);
    assert!(report.totals.estimate.forward > 0);
    assert_eq!((report.totals.estimate.backward, report.totals.estimate.optimizer), (0, 0));
    assert!(report.causes.iter().all(|cause| cause.phase == Phase::Forward));
}

/// The verdict on two runs, the second spoilt.
fn agreement(spoil: impl FnOnce(&mut Run)) -> (bool, String) {
    let plan = Case::fixed().plan;
    let mut runs = [run("One"), run("Two")];
    spoil(&mut runs[1]);
    let agreement = Agreement::new(&plan, &runs);
    (agreement.holds(), table::render(&agreement.page(false), false))
}

#[test]
fn executors_that_agree_hold() {
    let (holds, text) = agreement(|_| {});
    assert!(holds, "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn executors_that_differ_in_one_count_byte_or_value_do_not_hold() {
    let cost = |run: &mut Run| run.measurement.passes[0].cost;
    type Spoil<'a> = &'a dyn Fn(&mut Run);
    let spoilt: [(&str, Spoil<'_>); 5] = [
        ("f32.add: formula says", &|run| {
            run.measurement.passes[0].cost.ops = cost(run).ops + OpCounts::f32(Op::Add, 1);
        }),
        ("int.add: One says 100, Two says 101", &|run| {
            run.measurement.passes[0].cost.ops =
                cost(run).ops + OpCounts::of(Scalar::Int, Op::Add, 1);
        }),
        ("traffic: One says", &|run| run.measurement.passes[0].cost.traffic.storage_load += 4),
        ("grad/w: One and Two are", &|run| run.tensors[0].data[0] = 0.501),
        ("loss: One says 2, Two says NaN", &|run| run.loss = Some(f32::NAN)),
    ];
    for (says, spoil) in spoilt {
        let (holds, text) = agreement(spoil);
        assert!(!holds && text.contains(says), "{says}:\n{text}");
    }
}

/// A tally that is one addition or one byte off is said wherever a run is reported, and fails there.
#[test]
fn a_tally_that_is_not_what_the_counters_say_fails_every_report() {
    type Spoil = fn(&mut Cost);
    let more: [(&str, Spoil); 2] = [
        ("f32.add: counters says", |tally| tally.ops = tally.ops + OpCounts::f32(Op::Add, 1)),
        ("traffic: counters says", |tally| tally.traffic.workgroup_load += 1),
    ];
    for (says, spoil) in more {
        let mut case = Case::fixed();
        for pass in &mut case.measurement.passes {
            pass.witness = Some(witness(pass, 0));
        }
        let honest = case.report(Convention::Ieee, 1.0);
        assert!(honest.holds() && honest.provenance.tally.as_ref().unwrap().holds());
        let text = table::render(&honest.page(false), false);
        assert!(text.contains("own tally is what its counters say"), "{text}");

        spoil(&mut case.measurement.passes[3].witness.as_mut().unwrap().tally);
        let report = case.report(Convention::Ieee, 1.0);
        assert!(!report.holds() && report.verdict.holds());
        let tally = report.provenance.tally.clone().unwrap();
        assert_eq!((tally.verdict.mismatch, tally.differences.len()), (1, 1));
        assert_eq!(tally.differences[0].label, report.passes[3].label);
        let text = table::render(&report.page(false), false);
        assert!(text.contains(says) && text.contains("own tally differs"), "{text}");
        let json: Value = serde_json::from_str(&to_json(&report)).unwrap();
        assert_eq!(json["tally"]["mismatch"], 1);

        let [one, other] = [&honest, &report].map(Candidate::measured);
        assert!(CompareReport::new(one.clone(), one.clone()).unwrap().holds());
        let compared = CompareReport::new(one, other).unwrap();
        assert!(!compared.holds());
        let text = table::render(&compared.page(false), false);
        assert!(text.contains(says), "{text}");

        let mut scale = sweep::scale();
        assert!(scale.holds());
        let point = scale.points[0].provenance.as_mut().unwrap();
        point.tally = report.provenance.tally.clone();
        assert!(!scale.holds());
        let text = table::render(&scale.page(false), false);
        assert!(text.contains(says), "{text}");
        assert!(text.lines().last().unwrap().starts_with("FAIL "), "{text}");

        let run = Run { measurement: case.measurement, loss: None, tensors: Vec::new() };
        let agreement = Agreement::new(&case.plan, &[run]);
        assert!(!agreement.holds() && !agreement.pass);
        let text = table::render(&agreement.page(false), false);
        assert!(text.lines().last().unwrap().starts_with("FAIL "), "{text}");
    }
}

/// What an executor that looks saw of a pass: its counts, a lane in four at work, and so many accesses
/// out of bounds.
fn witness(pass: &Observed, accesses: u64) -> Witness {
    let kernel = "mix.forward".to_owned();
    let out_of_bounds = OutOfBounds { kernel, file: None, line: Some(12), accesses };
    Witness {
        tally: pass.cost,
        lanes: LaneUse { active: 1, issued: 4 },
        out_of_bounds: if accesses > 0 { vec![out_of_bounds] } else { Vec::new() },
        races: None,
    }
}

#[test]
fn what_an_executor_sees_beside_the_counts_is_said_and_judged() {
    let mut case = Case::fixed();
    let report = case.report(Convention::Ieee, 1.0);
    let json: Value = serde_json::from_str(&to_json(&report)).unwrap();
    assert!(json.get("lane_use").is_none() && json["passes"][0].get("lane_use").is_none());

    for pass in &mut case.measurement.passes {
        pass.witness = Some(witness(pass, 0));
    }
    let report = case.report(Convention::Ieee, 1.0);
    assert!(report.holds());
    let json: Value = serde_json::from_str(&to_json(&report)).unwrap();
    assert_eq!((&json["lane_use"], &json["passes"][0]["lane_use"]), (&0.25.into(), &0.25.into()));
    assert_eq!(json["out_of_bounds"], serde_json::json!([]));
    let text = table::render(&report.page(false), false);
    assert!(
        text.contains("lanes     25.0 %") && text.contains("no access out of bounds"),
        "{text}"
    );

    for pass in &mut case.measurement.passes[..2] {
        pass.witness = Some(witness(pass, 3));
    }
    let report = case.report(Convention::Ieee, 1.0);
    assert!(!report.holds());
    let json: Value = serde_json::from_str(&to_json(&report)).unwrap();
    let row = serde_json::json!({"kernel": "mix.forward", "line": 12, "accesses": 6});
    assert_eq!(json["out_of_bounds"], serde_json::json!([row]));
    let text = table::render(&report.page(false), false);
    assert!(text.contains("6 accesses out of bounds\n  mix.forward, line 12: 6"), "{text}");
}

#[test]
fn an_access_out_of_bounds_fails_a_check() {
    for (accesses, holds) in [(0, true), (1, false)] {
        let (held, text) = agreement(|run| {
            for pass in &mut run.measurement.passes {
                pass.witness = Some(witness(pass, 0));
            }
            let pass = &mut run.measurement.passes[0];
            pass.witness = Some(witness(pass, accesses));
        });
        assert_eq!(held, holds, "{text}");
        assert_eq!(text.contains("bounds    Two: 1 access out of bounds"), !holds, "{text}");
    }
}

#[test]
fn a_race_fails_a_check_and_names_its_lines() {
    let race = Race {
        kernel: "mix.forward".into(),
        lines: [Some(4), Some(7)],
        files: [None, None],
        accesses: [Access::Store, Access::Load],
        between: Between::Lanes,
        count: 3,
        variable: "tile".into(),
        byte: 8,
    };
    for (found, holds, says) in
        [(vec![], true, "no races"), (vec![race], false, "1 pair of lines races")]
    {
        let (held, text) = agreement(|run| {
            for pass in &mut run.measurement.passes {
                let races = Some(found.clone());
                pass.witness = Some(Witness { races, ..witness(pass, 0) });
            }
        });
        assert_eq!(held, holds, "{text}");
        assert!(text.contains(&format!("races     Two: {says}\n")), "{text}");
        let row = "  mix.forward: line 4 stores what line 7 loads, no barrier between: ";
        // Every pass has it once; together they are one row.
        let times = format!("{row}{} times, such as byte 8 of 'tile'\n", 3 * 13);
        assert_eq!(text.contains(&times), !holds, "{text}");
    }
}

#[test]
fn an_estimate_is_a_table_too() {
    let config = ModelConfig::from(SMALL);
    let shape = BatchShape::resolve(AskedShape::default(), &config).unwrap();
    let estimate = Estimate::new(&config, shape, Optimizer::Sgd).unwrap();
    let question = Question { extent: Some(Extent::Steps(1000)), ..Question::default() };
    let estimate = estimate.with_forecast(question, true).unwrap();
    insta::assert_snapshot!(table::render(&estimate.page(false), false));
}

/// What runs again is the hardware's and not the model's, whatever was kept.
#[test]
fn layers_that_run_again_part_what_is_needed_from_what_ran() {
    let report = |recompute| {
        let training = Training { recompute, ..Training::default() };
        let case = Case::new(ModelConfig::from(SMALL), 2, None, training, &LIMITS);
        let peak = Some(Peak::new(1e12, 0.4).unwrap());
        let report = case.report(Convention::Ieee, 1.0);
        report.with_forecast(Question { peak, ..Question::default() }).unwrap()
    };
    let (kept, again) = (report(Recompute::None), report(Recompute::Layers));
    assert_eq!((kept.totals.recomputed, kept.totals.algebraic), (0, again.totals.algebraic));
    let more = again.totals.measured.backward - kept.totals.measured.backward;
    assert_eq!(again.totals.recomputed, more);
    assert_eq!(again.totals.measured.forward, kept.totals.measured.forward);
    assert!(more > 0 && more < again.totals.measured.forward, "not the embedding, not the head");
    let passes = again.passes.iter().filter(|pass| pass.recomputed);
    assert_eq!(passes.map(|pass| pass.flops).sum::<u64>(), more);
    let [kept, again] = [kept, again].map(|report| report.forecasts[0].clone());
    assert_eq!((again.count.as_str(), again.recomputed), ("measured", more));
    let [kept, again] = [kept, again].map(|forecast| forecast.seconds.stated.unwrap());
    assert_eq!(kept, again, "a model's FLOPs take as long at the same utilisation");
}
