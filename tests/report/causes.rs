//! Each sentence of a cause is printed where it is true of the model, the batch and the plan, and nowhere
//! else.

use flopmeter::{
    choice::KernelSet,
    model::{
        Model,
        lower::{Scope, Training},
    },
    op::Convention,
};

use crate::case::{Case, LIMITS};

/// What is said of a step of a preset with these settings, at batch 2.
fn said(preset: &str, set: &[&str], seq: u32, training: Training) -> String {
    let small: &[&str] = match preset {
        "resnet-bk" => &["d_model=8", "n_layers=2", "vocab_size=20", "num_experts=3"],
        _ => &[
            "hidden_size=24",
            "intermediate_size=20",
            "num_hidden_layers=2",
            "num_attention_heads=6",
            "num_key_value_heads=2",
            "vocab_size=20",
        ],
    };
    let model = Model::resolve(preset, small.iter().chain(set)).unwrap();
    let report =
        Case::new(model.config, 2, Some(seq), training, &LIMITS).report(Convention::Ieee, 1.0);
    report.causes.iter().map(|cause| format!("{}\n", cause.text)).collect()
}

/// A sentence, a step of which it is true, and one of which it is not.
#[test]
fn a_sentence_is_printed_where_it_is_true() {
    const DECODER: &str = "qwen2.5-0.5b";
    const RESNET: &str = "resnet-bk";
    const WINDOWS: &str = "gemma-2-2b";
    type Step = (&'static str, &'static [&'static str], u32);
    let cases: [(&str, Step, Step); 13] = [
        ("for another vocabulary", (DECODER, &[], 7), (DECODER, &["vocab_size=151936"], 7)),
        ("as wide as the kv heads", (DECODER, &[], 7), (DECODER, &["num_key_value_heads=6"], 7)),
        ("half of the square", (DECODER, &[], 7), (DECODER, &[], 1)),
        ("a window those in it", (WINDOWS, &["sliding_window=3"], 7), (WINDOWS, &[], 7)),
        (
            "in four products",
            (DECODER, &[], 7),
            (DECODER, &["lora_rank=2", "lora_targets=q_proj"], 7),
        ),
        ("nothing flows below", (DECODER, &["lora_rank=2"], 7), (DECODER, &[], 7)),
        (
            "over half of the square, and nothing flows below the lowest adapter",
            (DECODER, &["lora_rank=2", "lora_targets=o_proj"], 7),
            (DECODER, &["lora_rank=2"], 7),
        ),
        (
            "up_proj product costs 0.51x its charge: nothing flows below",
            (DECODER, &["lora_rank=2", "lora_targets=down_proj"], 7),
            (DECODER, &["lora_rank=2"], 7),
        ),
        ("adapters alone are trained", (DECODER, &["lora_rank=2"], 7), (DECODER, &[], 7)),
        ("a token's row is copied", (DECODER, &[], 7), (RESNET, &[], 7)),
        ("over all E experts there", (RESNET, &["top_k=2"], 7), (RESNET, &["top_k=3"], 7)),
        ("one for the token's row", (RESNET, &[], 7), (DECODER, &[], 7)),
        ("(2b - 1) a c charged", (DECODER, &[], 7), (RESNET, &[], 7)),
    ];
    for (sentence, true_of, false_of) in cases {
        for ((preset, set, seq), expected) in [(true_of, true), (false_of, false)] {
            let said = said(preset, set, seq, Training::default());
            assert_eq!(said.contains(sentence), expected, "{sentence}: {set:?} {seq}\n{said}");
        }
    }
}

/// The three products of an expert are one term, charged as they ran where each token is sent to as many.
#[test]
fn products_of_experts_are_as_charged() {
    let set = ["num_local_experts=3", "num_experts_per_tok=2"];
    let said = said("mixtral-8x7b", &set, 7, Training::default());
    assert!(said.contains("moe.experts product: as charged"), "{said}");
    for sentence in ["frozen", "over all E experts", "_proj product is not charged"] {
        assert!(!said.contains(sentence), "{sentence}: {said}");
    }
}

#[test]
fn a_forward_pass_says_nothing_of_gradients() {
    let forward = Training { scope: Scope::Forward, ..Training::default() };
    let said = said("qwen2.5-0.5b", &["lora_rank=2"], 7, forward);
    for sentence in ["recomputing", "adapters alone", "nothing flows below", "gradient"] {
        assert!(!said.contains(sentence), "{sentence}: {said}");
    }
}

/// Kernels whose invocations share a sum multiply and add in two operations where others fuse them, and a cause is not
/// another for that.
#[test]
fn causes_are_the_same_for_any_set_of_kernels() {
    let models: [(&str, &[&str]); 3] = [
        ("resnet-bk", &["d_model=8", "n_layers=2", "vocab_size=201", "num_experts=3"]),
        ("qwen2.5-0.5b", &["num_hidden_layers=1", "vocab_size=20"]),
        ("qwen2.5-0.5b", &["num_hidden_layers=1", "vocab_size=20", "lora_rank=2"]),
    ];
    for (preset, set) in models {
        let [portable, workgroup] = [KernelSet::Portable, KernelSet::Workgroup].map(|kernels| {
            let config = Model::resolve(preset, set).unwrap().config;
            let limits = kernels.on(&LIMITS).unwrap();
            let case = Case::new(config, 8, Some(64), Training::default(), &limits);
            let shares =
                case.plan.passes.iter().any(|pass| pass.kernel.parts().0 == "linear_shares");
            assert_eq!(
                shares,
                kernels == KernelSet::Workgroup,
                "{preset}: kernels that share sums"
            );
            case.report(Convention::Ieee, 1.0).causes
        });
        assert!(!portable.is_empty());
        assert_eq!(portable, workgroup, "{preset} {set:?}");
    }
}
