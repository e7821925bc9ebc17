//! The two numbers of every closed form: what the mathematics asks for and what the kernels execute.

use flopmeter::{
    component::Phase,
    format::table::{self, Terminal},
    formula::Overhead,
    model::{Model, ModelConfig, lower::Training},
    op::Convention,
    page::Paged as _,
    plan::Plan,
    result::{Report, Totals},
};

use crate::case::{Case, LIMITS, SMALL};

/// Every pass has an operation, and every operation a closed form; so a kernel without one is no kernel.
#[test]
fn a_plan_with_a_kernel_that_does_not_exist_is_refused() {
    let case = Case::small();
    let plan = serde_json::to_string(&case.plan).unwrap();
    assert!(serde_json::from_str::<Plan>(&plan).unwrap() == case.plan);
    let kernel = format!("\"kernel\":\"{}\"", case.plan.passes[2].kernel);
    let other = plan.replacen(&kernel, "\"kernel\":\"mystery.forward\"", 1);
    let text = match serde_json::from_str::<Plan>(&other) {
        Ok(_) => "it was read".to_owned(),
        Err(error) => error.to_string(),
    };
    assert!(text.contains("there is no kernel 'mystery.forward'"), "{text}");
}

/// What the kernels execute beyond the mathematics is explained to the last FLOP.
pub fn assert_adds_up(report: &Report) {
    let Totals { exact, algebraic, .. } = &report.totals;
    for phase in Phase::ALL {
        let costs = report.schedule_costs.iter().filter(|cost| cost.phase == phase);
        let (exact, algebraic) = (exact.unwrap().get(phase), algebraic.unwrap().get(phase));
        assert_eq!(algebraic + costs.map(|cost| cost.flops).sum::<u64>(), exact, "{phase}");
        let rows = report.components.iter().filter(|row| row.phase == phase);
        assert_eq!(rows.map(|row| row.algebraic.unwrap()).sum::<u64>(), algebraic);
    }
}

#[test]
fn both_numbers_are_told_and_their_difference_is_explained() {
    let decoder = Model::resolve("qwen2.5-0.5b", ["num_hidden_layers=1", "vocab_size=20"]).unwrap();
    for (config, seq, reasons) in [
        (ModelConfig::from(SMALL), None, &[Overhead::PartialSums, Overhead::Rescaling][..]),
        (
            decoder.config,
            Some(70),
            &[Overhead::PartialSums, Overhead::Recomputation, Overhead::RunningMaximum],
        ),
    ] {
        let case = Case::new(config, 2, seq, Training::default(), &LIMITS);
        let report = case.report(Convention::Ieee, 1.0);
        assert_adds_up(&report);
        let text = table::render(&report.page(false), Terminal::PIPE);
        assert!(text.contains("what the mathematics asks for"), "{text}");
        for reason in reasons {
            assert!(text.contains(reason.sentence()), "{reason}: {text}");
        }
        let told = report.schedule_costs.iter().map(|cost| cost.reason);
        assert!(told.clone().all(|reason| reasons.contains(&reason)));
        assert!(reasons.iter().all(|reason| told.clone().any(|told| told == *reason)));
    }
}
