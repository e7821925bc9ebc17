//! What the causes and the components of a report add up to is what its totals say, whatever was measured.

use flopmeter::{
    check::Verdict,
    component::Phase,
    execute::Limits,
    family::Family,
    format::table::{self, Terminal},
    model::{
        ModelConfig, Optimizer, ResNetBkConfig,
        lower::{Recompute, Scope, Training},
    },
    op::{Convention, Op, OpCounts},
    page::Paged as _,
    result::{Report, to_json},
};
use proptest::prelude::*;

use crate::{
    beyond,
    case::{Case, LIMITS},
};

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
            let text = table::render(&report.page(false), Terminal::PIPE);
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
