//! Forecasts of many steps: what a model needs, told from what its hardware does again.

use flopmeter::{
    forecast::{Extent, Peak, PeakName, Question},
    format::table::{self, Terminal},
    model::{
        Model, ModelConfig,
        lower::{Recompute, Scope, Training},
    },
    op::Convention,
    page::Paged as _,
    result::{Totals, to_json},
};
use serde_json::Value;

use crate::case::{Case, LIMITS, SMALL};

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
    let text = table::render(&report.page(false), Terminal::PIPE);
    assert!(text.contains("6 training steps = 120 tokens; 1.50 s at the rate"), "{text}");
    let json: Value = serde_json::from_str(&to_json(&report)).unwrap();
    assert_eq!(json["forecasts"][0]["experiment"]["total"], 6 * measured.total());

    let forward = Training { scope: Scope::Forward, ..Training::default() };
    let case = Case::new(ModelConfig::from(SMALL), 2, None, forward, &LIMITS);
    let report = case.report(Convention::Ieee, 1.0).with_forecast(question).unwrap();
    assert!(report.forecasts.iter().all(|f| !f.experiment.unwrap().training && f.recomputed == 0));
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
    let peak = Some(Peak::new(1e12, 0.9).unwrap());
    let asked = Question { peak, ..Question::default() };
    let training = Training { recompute: Recompute::Layers, ..Training::default() };
    let case = Case::new(ModelConfig::from(SMALL), 2, None, training, &LIMITS);
    let report = case.report(Convention::Ieee, 1.0).with_forecast(asked).unwrap();
    let text = table::render(&report.page(false), Terminal::PIPE);
    let words: Vec<&str> = text.split_whitespace().collect();
    let words = words.join(" ");
    let said = "at an HFU of 1, with what is computed again; an MFU of 0.9 would be an HFU of";
    assert!(words.contains(said), "{words}");
}

/// What was asked has its answer on a terminal of 80 columns, and a peak by name can be checked from the report.
#[test]
fn a_budget_has_its_answer_where_there_is_little_room() {
    let peak = Peak::together(16, PeakName::of("a100-bf16"), 312e12, 1.0).unwrap();
    let question = Question {
        extent: Some(Extent::Tokens(1_000_000_000)),
        budget: Some(10_u128.pow(24)),
        peak: Some(peak),
    };
    let case = Case::new(ModelConfig::from(SMALL), 2, None, Training::default(), &LIMITS);
    let report = case.report(Convention::Ieee, 1.0).with_forecast(question).unwrap();
    let narrow = Terminal { width: Some(80), ..Terminal::PIPE };
    let text = table::render(&report.page(false), narrow);
    for said in ["budget pays for", "its time, at the least", "their time, at the least", "HFU"] {
        assert!(text.contains(said), "{said}: {text}");
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    let words = words.join(" ");
    assert!(words.contains("16 a100-bf16 of 312.0 TFLOP/s, 5.0 PFLOP/s together"), "{words}");
    assert!(words.contains("times are the least possible, at an HFU of 1"), "{words}");
    let json = to_json(&report);
    let read: flopmeter::result::Report = serde_json::from_str(&json).unwrap();
    assert_eq!(read.forecasts[0].peak, Some(peak));
}
