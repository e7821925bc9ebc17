//! What an estimate says about many steps: budgets, totals beyond 64 bits, and times at a stated peak.

use flopmeter::{
    estimate::Estimate,
    forecast::{Extent, Peak, Question},
};
use serde_json::json;

use crate::estimate::{asked, default_estimate, qwen, shape, steps};

#[test]
fn a_budget_pays_for_whole_steps() {
    let budget = |flops, training| {
        let question = Question { budget: Some(flops), ..Question::default() };
        let estimate = asked(&qwen(shape(1, 512), &[]), training).with_forecast(question).unwrap();
        estimate.forecast().unwrap().budget.unwrap()
    };
    let rich = budget(100_000_000_000_000_000, true);
    assert_eq!(rich.steps, 72_835);
    assert_eq!(rich.steps * 1_372_951_633_920 + rich.left, rich.flops);
    let poor = budget(5, false);
    assert_eq!((poor.steps, poor.left), (0, 5));
}

/// Training runs of today take more FLOPs than 64 bits hold.
#[test]
fn large_totals_and_budgets_are_exact_and_read_back() {
    let question = Question { budget: Some(10_u128.pow(24)), ..steps(1_000_000_000_000) };
    let estimate = default_estimate().with_forecast(question).unwrap();
    assert_eq!(
        estimate.forecast().unwrap().experiment.unwrap().total,
        48_917_969_080_000_000_000_000
    );
    let budget = estimate.forecast().unwrap().budget.unwrap();
    assert_eq!(budget.steps * 48_917_969_080 + budget.left, 10_u128.pow(24));
    let saved = serde_json::to_string(&estimate).unwrap();
    assert_eq!(serde_json::from_str::<Estimate>(&saved).unwrap(), estimate);
}

#[test]
fn tokens_and_a_stated_peak_give_steps_and_a_time() {
    let question = Question {
        extent: Some(Extent::Tokens(1_000_000)),
        budget: Some(100_000_000_000_000_000),
        peak: Some(Peak::new(67e12, 0.4).unwrap()),
    };
    let estimate = qwen(shape(1, 512), &[]).with_forecast(question).unwrap();
    let experiment = estimate.forecast().unwrap().experiment.unwrap();
    assert_eq!((experiment.steps, experiment.tokens), (1_954, 1_000_448));
    // Division and multiplication in another order may round differently.
    let near = |seconds: Option<f64>, flops: f64| {
        let expected = flops / (67e12 * 0.4);
        assert!((seconds.unwrap() / expected - 1.0).abs() < 1e-12, "{seconds:?} {expected}");
    };
    near(estimate.forecast().unwrap().seconds.stated, 1_372_951_633_920.0);
    near(experiment.seconds.stated, experiment.total as f64);
    let budget = estimate.forecast().unwrap().budget.unwrap();
    near(budget.seconds.stated, (budget.flops - budget.left) as f64);
    // Nothing ran: no rate was measured and no device was used.
    assert_eq!(experiment.seconds.measured, None);
    let json = serde_json::to_value(&estimate).unwrap();
    assert_eq!(json["peak"], json!({"flops_per_second": 67e12, "devices": 1, "mfu": 0.4}));
    assert_eq!(json["experiment"]["seconds"]["stated"], json!(experiment.seconds.stated));
}
