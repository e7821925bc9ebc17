//! The report of a profile and of an estimate, as a table and as JSON, sound and spoilt.

use flopmeter::{
    component::Phase,
    estimate::Estimate,
    forecast::{Extent, Question},
    format::table::{self, Terminal},
    model::{
        AskedShape, BatchShape, ModelConfig, Optimizer,
        lower::{Scope, Training},
    },
    op::{Convention, Op, OpCounts},
    page::Paged as _,
    result::to_json,
};
use serde_json::Value;

use crate::case::{Case, LIMITS, SMALL};

#[test]
fn the_table_reads_as_agreed() {
    let report = Case::fixed().report(Convention::Ieee, 3.25);
    insta::assert_snapshot!(table::render(&report.page(false), Terminal::PIPE));
}

#[test]
fn each_layer_stands_by_itself_where_that_is_asked() {
    let report = Case::small().report(Convention::Ncu, 3.25);
    let text = table::render(&report.page(true), Terminal::PIPE);
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
    let text = table::render(&report.page(false), Terminal::PIPE);
    let label = &case.plan.passes[3].label;
    assert!(text.contains(&format!("mismatch: {label}: f32.fma: ")), "{text}");
}

#[test]
fn a_loss_that_is_not_finite_is_said_plainly() {
    for loss in [f32::NAN, f32::INFINITY] {
        let report = Case::small().report(Convention::Ieee, loss);
        assert!(report.holds() && report.loss_is_finite == Some(false));
        let text = table::render(&report.page(false), Terminal::PIPE);
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

#[test]
fn an_estimate_is_a_table_too() {
    let config = ModelConfig::from(SMALL);
    let shape = BatchShape::resolve(AskedShape::default(), &config).unwrap();
    let estimate = Estimate::new(&config, shape, Optimizer::Sgd).unwrap();
    let question = Question { extent: Some(Extent::Steps(1000)), ..Question::default() };
    let estimate = estimate.with_forecast(question).unwrap();
    insta::assert_snapshot!(table::render(&estimate.page(false), Terminal::PIPE));
    let every_layer = table::render(&estimate.page(true), Terminal::PIPE);
    assert!(
        every_layer.contains(" layer_1 ") && !every_layer.contains("layer_0..1"),
        "{every_layer}"
    );
}
