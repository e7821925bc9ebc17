//! Products of a decoder's training step against integers that others counted: PyTorch's FlopCounterMode on
//! Hugging Face's models, full and with peft's adapters, and the forms of mixtures of experts.

use std::collections::BTreeSet;

use flopmeter::{
    estimate::Estimate,
    family::decoder::{
        Architecture, DecoderConfig, Exact, FAMILY, Part, Recipe, Tokens, Work, WorkPass,
    },
    model::{AskedShape, BatchShape, ModelConfig, Optimizer},
    op::Convention,
};
use serde_json::{Value, json};

/// A preset of the program's with fields changed.
fn decoder(name: &str, changes: &[(&str, Value)]) -> DecoderConfig {
    let mut object = DecoderConfig::resolve::<&str>(name, &[]).unwrap().to_json();
    for (field, value) in changes {
        object.insert((*field).to_owned(), value.clone());
    }
    DecoderConfig::from_json(&object).unwrap()
}

fn exact(config: &DecoderConfig, batch: u32, seq: u32, training: Recipe) -> Exact {
    Exact::of(&config.step(&Tokens::new(batch, seq), training), Convention::Ieee)
}

#[test]
fn forward_products_are_those_of_flop_counter_mode() {
    let counted = [
        ("llama-3.2-1b", 1_299_764_477_952),
        ("llama-3.1-8b", 7_822_209_187_840),
        ("mistral-7b", 7_418_482_262_016),
        ("qwen3-0.6b", 670_417_551_360),
        ("qwen3-8b", 7_904_350_437_376),
        ("gemma-2-2b", 2_732_672_942_080),
        ("gemma-3-270m", 293_802_606_592),
        ("gemma-3-1b", 1_051_663_007_744),
        ("gemma-3-4b", 4_046_026_964_992),
        ("phi-3-mini", 3_914_795_581_440),
        ("phi-4-mini", 4_030_961_025_024),
        ("phi-4", 14_699_525_570_560),
        ("smollm3-3b", 3_226_057_310_208),
        ("gemma-2b", 2_604_897_665_024),
        ("gemma-7b", 8_862_665_015_296),
        ("olmo-2-1b", 1_344_324_763_648),
        ("olmo-2-7b", 7_189_775_253_504),
        ("granite-3.3-2b", 2_680_074_272_768),
        ("granite-3.3-8b", 8_538_424_344_576),
        ("olmo-3-7b", 7_189_464_875_008),
        ("olmo-3-32b", 32_823_899_586_560),
        ("starcoder2-3b", 3_198_676_893_696),
        ("starcoder2-7b", 7_499_012_898_816),
        ("starcoder2-15b", 16_286_515_986_432),
        ("gpt2", 136_160_477_184),
        ("gpt2-medium", 387_705_733_120),
        ("gpt2-large", 838_966_968_320),
        ("gpt2-xl", 1_672_821_145_600),
        ("opt-125m", 136_172_273_664),
        ("opt-1.3b", 1_393_918_214_144),
        ("opt-2.7b", 2_794_664_755_200),
        ("opt-6.7b", 6_945_364_770_816),
        ("opt-13b", 13_363_220_316_160),
        ("opt-30b", 31_035_064_582_144),
        ("opt-66b", 67_888_232_792_064),
        ("stablelm-3b-4e1t", 2_816_223_477_760),
        ("stablelm-2-1.6b", 1_524_713_390_080),
        ("pythia-70m", 48_922_361_856),
        ("pythia-160m", 136_197_439_488),
        ("pythia-410m", 387_755_016_192),
        ("pythia-1b", 964_488_593_408),
        ("pythia-1.4b", 1_393_985_323_008),
        ("pythia-2.8b", 2_794_748_641_280),
        ("pythia-6.9b", 6_946_035_859_456),
        ("pythia-12b", 12_055_436_328_960),
        ("gpt-neox-20b", 21_010_443_141_120),
        ("phi-1", 1_395_864_371_200),
        ("phi-2", 2_797_097_451_520),
        ("qwen2.5-0.5b", 528_364_863_488),
        ("qwen2.5-7b", 7_345_199_382_528),
    ];
    for (name, products) in counted {
        let step = exact(&decoder(name, &[]), 1, 512, Recipe::default()).products;
        assert_eq!(step.forward, products, "{name}");
        assert_eq!(step.backward, 2 * products, "{name}: the backward pass");
        assert_eq!(step.optimizer, 0);
    }
}

/// What is charged for a matrix stands where the matrix runs, so that measurement and estimate can be held against each
/// other.
#[test]
fn each_matrix_of_a_layer_is_estimated_by_itself() {
    for (name, _) in FAMILY.presets {
        let config = decoder(name, &[]);
        if config.architecture == Architecture::Qwen2 {
            // Its estimator is another's.
            continue;
        }
        let shape = AskedShape { batch: Some(1), seq: Some(8), ..AskedShape::default() };
        let config = ModelConfig::from(config);
        let shape = BatchShape::resolve(shape, &config).unwrap();
        let estimate = Estimate::new(&config, shape, Optimizer::AdamW).unwrap();
        let of_layer = estimate.terms().iter().map(|term| {
            let place = (term.component.to_string(), term.term.to_string(), term.phase.name());
            (place, term.formula == "2 T K in out" || term.formula == "4 T K in out")
        });
        let mut seen = BTreeSet::new();
        for (place, is_of_experts) in of_layer {
            let is_new = seen.insert(place.clone());
            assert!(is_new || is_of_experts, "{name}: {place:?} twice");
        }
        let has = |part: &str| seen.iter().any(|(_, term, _)| term.ends_with(part));
        assert!(has("down_proj") && has("up_proj") || has("experts"), "{name}");
    }
}

/// Configurations drawn at random, and what transformers 5.24 and FlopCounterMode of PyTorch 2.15 make of each:
/// `decoders.py` writes them.
const DRAWN: &str = include_str!("decoders.jsonl");

#[test]
fn configurations_that_leave_much_unsaid_are_what_transformers_makes_of_them() {
    for line in DRAWN.lines() {
        let drawn: Value = serde_json::from_str(line).unwrap();
        let config = DecoderConfig::from_json(drawn["config"].as_object().unwrap()).unwrap();
        let windows: Vec<_> = config.layers.iter().map(|layer| layer.window).collect();
        let products = exact(&config, 1, 8, Recipe::default()).products;
        let found = json!({
            "config": drawn["config"],
            "parameters": config.base_parameters() as u64,
            "windows": windows,
            "forward": products.forward as u64,
            "backward": products.backward as u64,
        });
        assert_eq!(found, drawn);
    }
    assert_eq!(DRAWN.lines().count(), 252);
}

const SHAPES: [(&str, u32, u32); 4] = [
    ("qwen2.5-0.5b", 1, 512),
    ("qwen2.5-0.5b", 4, 2048),
    ("qwen2.5-7b", 1, 512),
    ("qwen2.5-7b", 4, 2048),
];

/// Forward, backward, and backward with gradients by the embedding's output: peft, rank 8 on q_proj and
/// v_proj, eager attention.
const PEFT: [[u128; 3]; 4] = [
    [528_918_511_616, 550_479_331_328, 552_020_738_048],
    [9_545_027_944_448, 10_949_784_240_128, 10_996_995_325_952],
    [7_347_783_073_792, 7_436_744_261_632, 7_455_593_463_808],
    [122_615_410_720_768, 128_999_476_953_088, 129_391_258_501_120],
];

#[test]
fn products_with_adapters_are_those_of_peft() {
    for ((name, batch, seq), [forward, backward, with_input]) in SHAPES.into_iter().zip(PEFT) {
        let config = decoder(name, &[("lora_rank", json!(8))]);
        let plain = exact(&config, batch, seq, Recipe::default());
        assert_eq!(
            [plain.products.forward, plain.products.backward],
            [forward, backward],
            "{name}"
        );
        let training = Recipe { input_gradients: true, ..Recipe::default() };
        let fed = exact(&config, batch, seq, training);
        assert_eq!([fed.products.forward, fed.products.backward], [forward, with_input], "{name}");
        // Recomputation makes the embedding's output require a gradient, as peft has it.
        let again = exact(&config, batch, seq, Recipe { recompute: true, ..Recipe::default() });
        assert_eq!(again.products, fed.products);
        let head = 2 * u128::from(config.hidden_size) * u128::from(config.vocab_size);
        let head = head * u128::from(batch) * u128::from(seq);
        assert_eq!(again.recomputed_products, forward - head, "{name}: layers alone run again");
    }
}

#[test]
fn experts_products_are_those_of_the_experts_that_tokens_pass() {
    let every = |config: &DecoderConfig| exact(config, 1, 4096, Recipe::default()).products.total;
    assert_eq!(every(&decoder("mixtral-8x7b", &[])), 339_697_553_375_232);
    let qwen = json!({
        "model_type": "qwen2_moe", "hidden_size": 2048, "num_hidden_layers": 24,
        "num_attention_heads": 16, "num_key_value_heads": 16, "intermediate_size": 5632,
        "moe_intermediate_size": 1408, "shared_expert_intermediate_size": 5632, "num_experts": 60,
        "num_experts_per_tok": 4, "vocab_size": 151936
    });
    let qwen = DecoderConfig::from_json(qwen.as_object().unwrap()).unwrap();
    assert_eq!(every(&qwen), 68_331_453_284_352);
}

/// Units of work of a part and pass, pairs of attention among them.
fn units(work: &[Work], part: Part, pass: WorkPass) -> u128 {
    work.iter().filter(|w| (w.part, w.pass) == (part, pass)).map(|w| w.times).sum()
}

#[test]
fn a_query_meets_its_windows_keys_and_no_more() {
    let seq = 20_u32;
    let count = |window: Option<u32>| {
        let keys = |query: u32| window.map_or(query + 1, |w| w.min(query + 1));
        u128::from((0..seq).map(keys).sum::<u32>())
    };
    let tokens = Tokens::new(1, seq);
    for window in [None, Some(1), Some(7), Some(19), Some(20), Some(500)] {
        assert_eq!(tokens.pairs(window), count(window), "{window:?}");
        let window = json!(window);
        let config = decoder("mistral-7b", &[("sliding_window", window)]);
        let heads = u128::from(config.num_attention_heads * config.num_hidden_layers());
        let work = config.step(&tokens, Recipe::default());
        let pairs = units(&work, Part::Square, WorkPass::Forward);
        assert_eq!(pairs, heads * tokens.pairs(config.layers[0].window));
    }
    // Packed sequences attend within themselves.
    let packed = Tokens { batch: 2, lengths: vec![5, 9, 6] };
    assert_eq!(packed.count(), 40);
    assert_eq!(packed.pairs(None), 2 * (15 + 45 + 21));
    assert_eq!(packed.square(), 2 * (25 + 81 + 36));
}

#[test]
fn what_no_adapter_needs_is_not_computed() {
    // An adapter on the upper layer alone: the lower one has no backward pass at all.
    let one = [("lora_rank", json!(2)), ("lora_targets", json!(["layers.15.mlp.up_proj"]))];
    let work = decoder("llama-3.2-1b", &one).step(&Tokens::new(1, 8), Recipe::default());
    assert_eq!(units(&work, Part::Square, WorkPass::Input), 0);
    assert_eq!(units(&work, Part::Bias, WorkPass::Weight), 0);
    let config = decoder("llama-3.2-1b", &one);
    let step = Exact::of(&work, Convention::Ieee).products;
    let [t, h, i, v] = [8, 2048, 8192, 128_256_u128];
    // Head and down by their inputs, both gradients by A and B, and B's by its input.
    assert_eq!(step.backward, 2 * t * (h * v + i * h + 2 * (h + i) + 2 * i));
    assert_eq!(config.adapter_parameters(), 2 * (h + i));
}
