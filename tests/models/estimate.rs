//! The published estimator against the numbers published with it, and every way a shape can be wrong.

use flopmeter::{
    Error,
    component::Phase,
    estimate::{Estimate, PhaseFlops},
    execute::Limits,
    family::decoder::DecoderConfig,
    forecast::{Extent, Question},
    model::{
        AskedShape, Batch, BatchShape, Model, ModelConfig, Optimizer,
        lower::{Scope, Training, lower},
    },
};
use proptest::prelude::*;
use serde_json::{Value, json};

const UNASKED: AskedShape = AskedShape { batch: None, seq: None, accumulate: None, longest: None };

fn estimate(
    overrides: &[&str],
    asked: AskedShape,
    optimizer: Optimizer,
) -> Result<Estimate, Error> {
    let model = Model::resolve("resnet-bk", overrides)?;
    let shape = BatchShape::resolve(asked, &model.config)?;
    Estimate::new(&model.config, shape, optimizer)
}

pub fn default_estimate() -> Estimate {
    estimate(&[], UNASKED, Optimizer::AdamW).unwrap()
}

/// The estimate of the same step, or of its forward pass.
pub fn asked(estimate: &Estimate, training: bool) -> Estimate {
    let scope = if training { Scope::Step } else { Scope::Forward };
    let training = Training { scope, ..estimate.training() };
    Estimate::new(estimate.config(), estimate.shape(), training).unwrap()
}

/// What so many steps cost.
pub fn steps(steps: u64) -> Question {
    Question { extent: Some(Extent::Steps(steps)), ..Question::default() }
}

fn total(estimate: &Estimate, question: Question, training: bool) -> u128 {
    let estimate = asked(estimate, training).with_forecast(question).unwrap();
    estimate.forecast().unwrap().experiment.unwrap().total
}

#[test]
fn the_default_model_gives_the_published_numbers() {
    let estimate = default_estimate();
    let total = estimate.total_flops();
    let published =
        PhaseFlops { forward: 16_287_760_384, backward: 32_568_016_896, optimizer: 62_191_800 };
    assert_eq!(total, published);
    assert_eq!(total.total(), 48_917_969_080);

    let breakdown = estimate.component_breakdown().into_iter();
    let forward: Vec<(String, u64)> =
        breakdown.map(|(component, flops)| (component.to_string(), flops.forward)).collect();
    let published = [
        ("embedding", 262_144),
        ("layer_0", 139_386_880),
        ("layer_1", 139_386_880),
        ("layer_2", 139_386_880),
        ("layer_3", 139_386_880),
        ("final_layernorm", 1_310_720),
        ("lm_head", 15_728_640_000),
    ];
    assert_eq!(forward, published.map(|(name, flops)| (name.to_owned(), flops)));
}

#[test]
fn the_scaling_table_is_what_the_formulas_give() {
    let table = [(256, "97.774"), (512, "195.486"), (1024, "390.909"), (2048, "781.756")];
    for (seq, gflops) in table {
        let estimate = estimate(&[&format!("n_seq={seq}")], UNASKED, Optimizer::AdamW).unwrap();
        let total = estimate.total_flops().total();
        assert_eq!(format!("{:.3}", total as f64 / 1e9), gflops, "N = {seq}");
    }
}

#[test]
fn an_optimizer_costs_its_price_per_parameter() {
    const PARAMETERS: u64 = 4_146_120;
    for (optimizer, price) in [(Optimizer::AdamW, 15), (Optimizer::Adam, 15), (Optimizer::Sgd, 2)] {
        let estimate = estimate(&[], UNASKED, optimizer).unwrap();
        assert_eq!(estimate.total_flops().optimizer, price * PARAMETERS, "{optimizer}");
    }
    let model = Model::resolve("resnet-bk", [""; 0]).unwrap();
    let elements: u64 = model.config.parameters().iter().map(|p| p.elements()).sum();
    assert_eq!(elements, PARAMETERS);
}

#[test]
fn components_and_terms_add_up_to_the_whole() {
    let asked = AskedShape { batch: Some(3), seq: Some(7), ..AskedShape::default() };
    let overrides = ["d_model=5", "n_layers=11", "vocab_size=13", "num_experts=3", "top_k=2"];
    let estimate = estimate(&overrides, asked, Optimizer::Adam).unwrap();
    let total = estimate.total_flops();
    let breakdown = estimate.component_breakdown();
    assert_eq!(breakdown.len(), 11 + 3);
    for phase in Phase::ALL {
        let terms = estimate.terms().iter().filter(|term| term.phase == phase);
        assert_eq!(terms.map(|term| term.flops).sum::<u64>(), total.get(phase), "{phase}");
        let components = breakdown.iter().map(|(_, flops)| flops.get(phase));
        assert_eq!(components.sum::<u64>(), total.get(phase), "{phase}");
    }

    // The terms of one layer against the table by hand: T = 21, D = 5, E = 3, K = 2.
    let value = |name: &str, phase: Phase| {
        let mut found = estimate
            .terms()
            .iter()
            .filter(|t| t.component == "layer_10" && t.term == name && t.phase == phase);
        let flops = found.next().unwrap_or_else(|| panic!("{name} {phase}")).flops;
        assert!(found.next().is_none(), "{name} {phase} comes once");
        flops
    };
    let by_hand = [
        ("layer_norm", 525, 525),
        ("moe.router", 630, 1_260),
        ("moe.softmax", 189, 378),
        ("moe.experts", 8_400, 16_800),
        ("moe.relu", 420, 840),
        ("output_proj", 420, 840),
    ];
    for (name, forward, backward) in by_hand {
        assert_eq!(value(name, Phase::Forward), forward, "{name}");
        assert_eq!(value(name, Phase::Backward), backward, "{name}");
    }
    assert_eq!(value("bk_core.theta", Phase::Forward), 14 * 21);
    assert_eq!(value("bk_core.phi", Phase::Forward), 14 * 21);
    assert_eq!(value("bk_core.resolvent", Phase::Forward), 6 * 21);
    assert_eq!(value("bk_core.square", Phase::Backward), 6 * 21);
    assert_eq!(value("bk_core.gradient", Phase::Backward), 20 * 21);
}

#[test]
fn the_json_keeps_the_published_export_readable() {
    let estimate = default_estimate().with_forecast(steps(1_000)).unwrap();
    let json = serde_json::to_value(&estimate).unwrap();
    let keys: Vec<&String> = json.as_object().unwrap().keys().collect();
    let expected = [
        "schema",
        "source",
        "model_config",
        "total_flops",
        "component_breakdown",
        "optimizer",
        "experiment",
        "forecasts",
        "terms",
    ];
    assert_eq!(keys, expected);
    assert_eq!(json["schema"], "flopmeter.estimate/1");
    assert_eq!(
        json["model_config"],
        json!({
            "model_type": "resnet_bk", "d_model": 64, "n_layers": 4, "n_seq": 128,
            "vocab_size": 30_000, "num_experts": 4, "top_k": 1, "seq_len": 128, "batch_size": 32,
        })
    );
    assert_eq!(
        json["total_flops"],
        json!({
            "forward": 16_287_760_384_u64, "backward": 32_568_016_896_u64,
            "optimizer": 62_191_800, "total": 48_917_969_080_u64,
        })
    );
    let breakdown = json["component_breakdown"].as_object().unwrap();
    assert_eq!(breakdown["embedding"]["optimizer"], 15 * (30_000 + 128) * 64);
    assert_eq!(breakdown["lm_head"]["backward"], 31_457_280_000_u64);
    assert_eq!(breakdown.keys().next_back().unwrap(), "lm_head");
    assert_eq!(json["optimizer"], "adamw");
    assert_eq!(
        json["experiment"],
        json!({"steps": 1_000, "tokens": 4_096_000, "training": true, "total": 48_917_969_080_000_u64})
    );
    assert_eq!(
        json["terms"][0],
        json!({"component": "embedding", "term": "embedding", "phase": "forward",
               "flops": 262_144, "formula": "T D"})
    );
    let without = serde_json::to_value(default_estimate()).unwrap();
    assert_eq!(without.get("experiment"), None::<&Value>);
}

#[test]
fn steps_multiply_and_overflow_by_name() {
    assert_eq!(total(&default_estimate(), steps(10), false), 162_877_603_840);
    for (count, said) in [(0, "steps is 0"), (u64::MAX, "overflow 64 bits")] {
        let message = default_estimate().with_forecast(steps(count)).unwrap_err().to_string();
        assert!(message.contains(said) && message.contains("steps"), "{message}");
    }
}

#[test]
fn impossible_shapes_are_refused_by_name() {
    let shape = |batch, seq| AskedShape { batch, seq, ..AskedShape::default() };
    let cases: &[(&[&str], AskedShape, &[&str])] = &[
        (&[], shape(Some(0), None), &["batch is 0"]),
        (&[], shape(None, Some(0)), &["seq is 0"]),
        (&[], shape(None, Some(129)), &["seq = 129", "n_seq = 128", "n_seq=129"]),
        (&[], shape(Some(u32::MAX), None), &["batch = 4294967295", "tokens", "lower batch"]),
        (&["d_model=0"], UNASKED, &["d_model", "from 1"]),
        (&["n_layers=0"], UNASKED, &["n_layers", "from 1"]),
        (&["top_k=5"], UNASKED, &["top_k = 5", "num_experts = 4"]),
        (&["vocab_size=4294967296"], UNASKED, &["vocab_size", "4294967295"]),
        (&["n_layers=4294967295"], UNASKED, &["n_layers = 4294967295", "tensors"]),
        (&["d_model=4000000000"], UNASKED, &["d_model = 4000000000", "lower it"]),
        (&["d_model=2000000000"], UNASKED, &["d_model = 2000000000", "parameters", "overflow"]),
        (
            &["vocab_size=4294967295", "d_model=1"],
            shape(Some(1 << 24), None),
            &["lm_head", "overflow"],
        ),
        (
            &["d_model=40000000", "n_layers=1", "vocab_size=8", "num_experts=1"],
            shape(Some(1 << 20), None),
            &["moe.experts", "overflows 64 bits", "lower batch"],
        ),
    ];
    for (overrides, asked, said) in cases {
        let error = estimate(overrides, *asked, Optimizer::AdamW)
            .expect_err(&format!("{overrides:?} {asked:?} is refused"));
        assert!(matches!(error, Error::Config(_)), "{error:?}");
        for words in *said {
            assert!(error.to_string().contains(words), "{words:?} is not in: {error}");
        }
    }
}

/// Kernels index elements with 32 bits, which does not concern closed forms.
#[test]
fn what_no_kernel_can_index_is_priced_and_not_run() {
    let large = |batch| AskedShape { batch: Some(batch), ..AskedShape::default() };
    let cases: [(&str, &[&str], AskedShape, &[&str]); 2] = [
        (
            "resnet-bk",
            &["num_experts=64", "top_k=64"],
            large(1 << 24),
            &["top_k = 64", "lower batch"],
        ),
        ("llama-3.1-8b", &[], shape(512, 8192), &["a hidden state", "micro-batches"]),
    ];
    for (model, set, asked, said) in cases {
        let model = Model::resolve(model, set).unwrap();
        let shape = BatchShape::resolve(asked, &model.config).unwrap();
        let estimate = Estimate::new(&model.config, shape, Optimizer::AdamW).unwrap();
        assert_eq!(estimate.exact().and_then(|exact| exact.schedule), None);
        let training = Optimizer::AdamW.into();
        let refused = [
            Batch::load(None, asked, &model.config, 0).unwrap_err(),
            lower(&model.config, shape, training, Limits::WEBGPU).unwrap_err(),
        ];
        for (error, word) in
            refused.iter().flat_map(|error| said.iter().map(move |word| (error, word)))
        {
            assert!(error.to_string().contains(word), "{word:?} is not in: {error}");
        }
    }
}

/// Extents as people have them, and as they mistype them.
pub fn qwen(asked: AskedShape, set: &[&str]) -> Estimate {
    let model = Model::resolve("qwen2.5-0.5b", set).unwrap();
    let shape = BatchShape::resolve(asked, &model.config).unwrap();
    Estimate::new(&model.config, shape, Optimizer::AdamW).unwrap()
}

pub fn shape(batch: u32, seq: u32) -> AskedShape {
    AskedShape { batch: Some(batch), seq: Some(seq), ..AskedShape::default() }
}

#[test]
fn qwens_functions_give_the_published_numbers() {
    let estimate = qwen(shape(1, 512), &[]);
    let functions = estimate.per_function().unwrap();
    assert_eq!(functions.model, 457_650_544_640);
    assert_eq!(functions.attention, 4_265_934_848);
    assert_eq!(functions.feed_forward, 8_957_394_944);
    assert_eq!(functions.norm, 1_840_640);
    assert_eq!(estimate.total_flops().total(), 3 * functions.model);

    let estimate = qwen(shape(4, 512), &["lora_rank=8"]);
    assert_eq!(estimate.per_function().unwrap().model, 1_832_011_464_704);
    assert_eq!(total(&estimate, steps(1000), true), 5_496_034_394_112_000);
    assert_eq!(total(&estimate, steps(1000), false), 1_832_011_464_704_000);
}

#[test]
fn what_the_field_quotes_is_beside_it() {
    let estimate = qwen(shape(1, 512), &[]);
    let flops: Vec<(&str, u64)> =
        estimate.field().iter().map(|rule| (&*rule.name, rule.flops)).collect();
    let parameters = 494_032_768;
    let expected = [
        ("6 N T", 6 * parameters * 512),
        ("6 N T with attention", 6 * parameters * 512 + 12 * 24 * 896 * 512 * 512),
        ("matrix products", 528_364_863_488),
    ];
    assert_eq!(flops, expected);
    assert!(default_estimate().field().is_empty());
}

#[test]
fn a_feed_forward_ratio_is_rounded_down() {
    let model = Model::resolve(
        "qwen2.5-0.5b",
        ["hidden_size=14", "num_attention_heads=7", "num_key_value_heads=1"],
    )
    .unwrap();
    let wide = model.config.widened(2.6).unwrap();
    assert_eq!(wide.get::<DecoderConfig>().unwrap().intermediate_size, 36);
    for ratio in [0.0, -1.0, 0.07, f64::NAN, f64::INFINITY, 1e12] {
        assert!(model.config.widened(ratio).is_err(), "{ratio}");
    }
}

fn extent() -> impl Strategy<Value = u32> {
    prop_oneof![8 => 1_u32..40, 1 => 1_u32..100_000, 1 => any::<u32>()]
}

proptest! {
    #[test]
    fn any_numbers_give_an_estimate_or_a_reason(
        d_model in extent(), n_layers in prop_oneof![8 => 1_u32..20, 1 => any::<u32>()],
        n_seq in extent(),
        vocab_size in extent(), num_experts in prop_oneof![8 => 4_u32..9, 1 => any::<u32>()],
        top_k in 0_u32..6, batch in extent(), seq in prop::option::weighted(0.2, extent()),
    ) {
        let object = json!({
            "model_type": "resnet_bk", "d_model": d_model, "n_layers": n_layers, "n_seq": n_seq,
            "vocab_size": vocab_size, "num_experts": num_experts, "top_k": top_k,
        });
        let outcome = ModelConfig::from_json(object.as_object().unwrap())
            .map_err(Error::Config)
            .and_then(|config| {
                let asked = AskedShape { batch: Some(batch), seq, ..AskedShape::default() };
                let shape = BatchShape::resolve(asked, &config)?;
                Estimate::new(&config, shape, Optimizer::AdamW)
            });
        match outcome {
            Ok(estimate) => {
                // In f64, where nothing overflows, the published sums come out the same.
                let [b, n, d, l] = [batch, seq.unwrap_or(n_seq), d_model, n_layers].map(f64::from);
                let [e, k, v, t] = [num_experts.into(), top_k.into(), vocab_size.into(), b * n];
                let moe = 2.0 * t * d * e + 3.0 * t * e + t * k * (8.0 * d * d + 2.0 * d);
                let forward = t * d
                    + l * (5.0 * t * d + moe + 34.0 * b * n + 4.0 * t * d)
                    + 5.0 * t * d
                    + 2.0 * t * d * v;
                let backward = t * d
                    + l * (5.0 * t * d + 2.0 * moe + 26.0 * b * n + 8.0 * t * d)
                    + 5.0 * t * d
                    + 4.0 * t * d * v;
                let total = estimate.total_flops();
                for (ours, theirs) in [(total.forward, forward), (total.backward, backward)] {
                    prop_assert!((ours as f64 / theirs - 1.0).abs() < 1e-12, "{ours} {theirs}");
                }
            }
            Err(Error::Config(reason)) => prop_assert!(!reason.is_empty()),
            Err(other) => prop_assert!(false, "{other:?}"),
        }
    }
}
