//! Published formulas: known answers, causes that add up to what each is off by, reasons only where they hold, and
//! the public table.

mod answers;

use flopmeter::{
    estimate::Estimate,
    family::{
        Packing,
        decoder::{DecoderConfig, FAMILY, Recipe, Tokens},
    },
    model::{AskedShape, BatchShape, Model, ModelConfig, Optimizer, lower::Training},
    op::Convention,
    published::{self, FormulaCause, FormulaRow, Judged, formulas},
};
use serde_json::{Value, json};

fn decoder(name: &str, changes: &[(&str, Value)]) -> DecoderConfig {
    let mut object = DecoderConfig::resolve::<&str>(name, &[]).unwrap().to_json();
    for (field, value) in changes {
        object.insert((*field).to_owned(), value.clone());
    }
    DecoderConfig::from_json(&object).unwrap()
}

fn judge(config: &DecoderConfig, tokens: &Tokens, training: Recipe) -> Judged {
    published::judge(config, tokens, training, Convention::default())
}

fn of<'a>(judged: &'a Judged, id: &str) -> &'a FormulaRow {
    judged.rows.iter().find(|row| row.id == id).unwrap()
}

/// Every preset, full and with adapters, with and without recomputation in micro-batches, at a short and a long
/// sequence.
fn cases() -> Vec<(String, DecoderConfig, Tokens, Recipe)> {
    let names = FAMILY.presets.iter().map(|(name, _)| *name);
    let mut cases = Vec::new();
    for name in names {
        for changes in [
            vec![],
            vec![("lora_rank", json!(8))],
            vec![("lora_rank", json!(4)), ("lora_targets", json!("all-linear"))],
        ] {
            for (recompute, seq, micro_batches) in
                [(false, 512, 1), (true, 512, 2), (false, 8192, 1)]
            {
                let training = Recipe { recompute, micro_batches, ..Recipe::default() };
                let what = format!("{name} {changes:?} {training:?} seq {seq}");
                cases.push((what, decoder(name, &changes), Tokens::new(2, seq), training));
            }
        }
    }
    cases
}

#[test]
fn causes_add_up_to_the_flop_everywhere() {
    for (what, config, tokens, training) in cases() {
        let judged = judge(&config, &tokens, training);
        assert_eq!(judged.rows.len(), formulas().count());
        for row in &judged.rows {
            let Some((value, exact)) = row.value.zip(row.exact) else {
                assert!(!row.applies && row.why_not.is_some() && row.causes.is_empty(), "{what}");
                continue;
            };
            assert!(row.applies && value > 0 && exact > 0, "{what}: {}", row.id);
            let sum: i128 = row.causes.iter().map(|cause| cause.flops).sum();
            assert_eq!(sum, value - exact, "{what}: {} {:#?}", row.id, row.causes);
            assert!(row.causes.iter().all(|cause| cause.flops != 0 && !cause.text.is_empty()));
        }
    }
}

/// The reasons of a formula on a case.
fn reasons(id: &str, name: &str, changes: &[(&str, Value)]) -> Vec<String> {
    let judged = judge(&decoder(name, changes), &Tokens::new(1, 512), Recipe::default());
    of(&judged, id).causes.iter().map(|cause| cause.text.clone()).collect()
}

#[test]
fn reasons_are_given_where_they_hold_and_nowhere_else() {
    let says = |id: &str, name: &str, changes: &[(&str, Value)], part: &str| {
        reasons(id, name, changes).iter().any(|text| text.contains(part))
    };
    // The head is lost where it is tied, and only there.
    assert!(says("hf-trainer", "qwen2.5-0.5b", &[], "is lost"));
    assert!(!says("hf-trainer", "qwen2.5-7b", &[], "head"));
    // Whole numbers: two kinds of heads to seven vanish, one to one do not.
    assert!(says("megatron-deepspeed", "qwen2.5-0.5b", &[], "forgotten"));
    let equal = [("num_key_value_heads", json!(14))];
    assert!(!says("megatron-deepspeed", "qwen2.5-0.5b", &equal, "forgotten"));
    assert!(says("nemo-rl-qwen2", "qwen2.5-0.5b", &[], "grouped queries are ignored"));
    assert!(says("verl", "qwen2.5-0.5b", &[], "look-up"));
    assert!(says("gpt-neox", "qwen2.5-0.5b", &[], "4.5"));
    assert!(says("kaplan-literal", "qwen2.5-0.5b", &[], "two matrices"));
    assert!(says("palm", "qwen2.5-0.5b", &[], "whole square"));
    assert!(says("palm", "qwen2.5-0.5b", &[], "biases are charged as if"));
    assert!(!says("palm", "llama-3.1-8b", &[], "biases"));
    assert!(says("palm", "qwen2.5-0.5b", &[], "not charged: the optimizer"));
    assert!(says("megatron-2021", "qwen2.5-0.5b", &[], "no layer is recomputed"));
    assert!(says("megatron-lm", "mixtral-8x7b", &[], "router"));
    let adapters = [("lora_rank", json!(8))];
    assert!(says("megatron-lm", "qwen2.5-0.5b", &adapters, "frozen weights"));
    assert!(!says("veomni", "qwen2.5-0.5b", &adapters, "frozen weights"));
    assert!(says("veomni", "qwen2.5-0.5b", &adapters, "in front of the first adapter"));
    assert!(!says("megatron-lm", "qwen2.5-0.5b", &[], "frozen weights"));
}

/// Where windows are half as long as the sequence, a charge by windows and one by half of the square are one number.
#[test]
fn attention_is_told_by_which_keys_and_which_heads_were_charged() {
    let causes = |name: &str, changes: &[(&str, Value)], id: &str, seq| {
        let judged = judge(&decoder(name, changes), &Tokens::new(1, seq), Recipe::default());
        of(&judged, id).causes.clone()
    };
    let flops = |causes: &[FormulaCause], part: &str| -> Option<i128> {
        causes.iter().find(|its| its.text.contains(part)).map(|its| its.flops)
    };
    let sliding = [("sliding_window", json!(4096))];
    let [window, s] = [4096, 8192_i128];
    // Pairs of a query and a key, of which a step charges 12 n d FLOPs each.
    let (causal, held) = (s * (s + 1) / 2, window * (window + 1) / 2 + (s - window) * window);
    for (name, changes, each) in [
        ("starcoder2-3b", &[][..], 12 * 30 * 24 * 128),
        ("mistral-7b", &sliding[..], 12 * 32 * 32 * 128),
    ] {
        let by_window = causes(name, changes, "nanochat", 8192);
        let charged = each * s * window;
        assert_eq!(flops(&by_window, "keys as a window holds"), Some(charged - each * held));
        assert_eq!(flops(&by_window, "S^2"), None);
        assert_eq!(flops(&by_window, "windows are ignored"), None);
        for (id, pairs, about) in
            [("maxtext", s * s / 2, "half of S^2"), ("palm", s * s, "whole square")]
        {
            let by_square = causes(name, changes, id, 8192);
            assert_eq!(flops(&by_square, about), Some(each * (pairs - causal)), "{name} {id}");
            let outside = Some(each * (causal - held));
            assert_eq!(flops(&by_square, "windows are ignored"), outside, "{name} {id}");
            assert_eq!(flops(&causes(name, changes, id, 4096), "windows"), None, "{name} {id}");
        }
    }
    // Heads of 2048 together, charged as 1024: half of them, and not of S^2.
    let narrow = causes("qwen3-0.6b", &[], "llm-foundry", 512);
    assert_eq!(flops(&narrow, "half of S^2"), None);
    let less = 12 * 28 * (1024 - 2048) * 512 * 512;
    assert_eq!(flops(&narrow, "as wide as the hidden state"), Some(less));
    // Two matrices of 4 H where it has three of them.
    let two = causes("gemma-2-2b", &[], "korthikanti", 512);
    assert!(flops(&two, "two matrices: it has three").is_some());
    // Three matrices of 4 H where it has three of 6 H.
    let mlp = causes("gemma-3-1b", &[], "cookbook-default", 512);
    assert_eq!(flops(&mlp, "it has three"), None);
    // As many positions as half of the sequence has.
    let few = [("max_position_embeddings", json!(256))];
    let few = causes("llama-3.1-8b", &few, "picotron", 512);
    assert_eq!(flops(&few, "half of S^2"), None);
    assert!(flops(&few, "max_position_embeddings").is_some());
}

/// One reason in the same words, whether layers run again or sequences are packed, and none of windows where there is none.
#[test]
fn attention_is_told_in_the_same_words_however_a_step_is_trained() {
    let texts = |tokens: &Tokens, recompute: bool| {
        let training = Recipe { recompute, ..Recipe::default() };
        let rows = judge(&decoder("opt-125m", &[]), tokens, training).rows.into_iter();
        let texts = rows.flat_map(|row| row.causes).map(|cause| cause.text);
        texts.filter(|text| text.contains("square") || text.contains("S^2")).collect::<Vec<_>>()
    };
    for recompute in [false, true] {
        let mut texts = texts(&Tokens::new(1, 512), recompute);
        texts.sort();
        texts.dedup();
        let [whole, half] =
            ["charged over the whole square: a query", "half of S^2 is charged: a query"];
        for words in [whole, half] {
            assert!(texts.iter().any(|text| text.contains(words)), "{texts:#?}");
        }
        let another = ["attention over the whole square; a", "half of S^2 is charged; a"];
        assert!(!texts.iter().any(|text| another.iter().any(|other| text.contains(other))));
    }
}

/// S of packed sequences is each one's length, in every formula, in the estimate and beside it.
#[test]
fn every_formula_takes_packed_sequences_one_by_one() {
    let training = Training { packed: Packing::new(vec![300, 212]), ..Training::default() };
    for (model, window) in [("qwen3-0.6b", None), ("mistral-7b", Some(250)), ("opt-125m", None)] {
        let changes: Vec<_> =
            window.map(|window| ("sliding_window", json!(window))).into_iter().collect();
        let config = decoder(model, &changes);
        let tokens = Tokens::of([2, 512], training);
        let heads = config.num_hidden_layers() * config.num_attention_heads * config.head_dim;
        let square = i128::try_from(tokens.square()).unwrap();
        let judged = judge(&config, &tokens, Recipe::default());
        let value = |id: &str| of(&judged, id).value.unwrap();
        // A formula says of packed sequences what it says of each in a row of its own.
        let alone =
            [300, 212].map(|length| judge(&config, &Tokens::new(2, length), Recipe::default()));
        for row in &judged.rows {
            let Some(packed) = row.value else { continue };
            let alone: i128 = alone.iter().map(|judged| of(judged, &row.id).value.unwrap()).sum();
            assert_eq!(packed, alone, "{model}: {}", row.id);
        }
        let whole = ModelConfig::from(config);
        let asked = AskedShape { batch: Some(2), seq: Some(512), ..AskedShape::default() };
        let shape = BatchShape::resolve(asked, &whole).unwrap();
        let estimate = Estimate::new(&whole, shape, training).unwrap();
        let total = i128::from(estimate.total_flops().total());
        assert_eq!(total, value("flop-counter-mode"), "{model}");
        let rule = estimate.field().iter().find(|rule| rule.is_palms()).unwrap();
        assert!(rule.formula.contains("sum S^2"), "{}", rule.formula);
        let rule = i128::from(rule.flops);
        assert_eq!(rule, value("6nt") + 12 * i128::from(heads) * square, "{model}");
    }
}

#[test]
fn names_are_unique_and_the_farthest_off_come_first() {
    let mut ids: Vec<&str> = formulas().map(|formula| formula.id).collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count);
    let judged = judge(&decoder("llama-3.1-8b", &[]), &Tokens::new(1, 4096), Recipe::default());
    let errors: Vec<f64> =
        judged.rows.iter().filter_map(|row| Some(row.ratio?.ln().abs())).collect();
    assert!(errors.is_sorted_by(|a, b| a >= b), "{errors:?}");
}

/// What nanoGPT's `transformer_sizing.ipynb` (0bb96d3fff31) prints of GPT-2, and PyTorch 2.15 counts of transformers' own,
/// at 1 x 1024. The notebook's model has no biases, 102,144 numbers less.
#[test]
fn formulas_of_gpt2_give_on_gpt2_what_their_authors_printed() {
    let judged = judge(&decoder("gpt2", &[]), &Tokens::new(1, 1024), Recipe::default());
    let value = |id: &str| of(&judged, id).value.unwrap();
    assert_eq!(value("flop-counter-mode-forward"), 291_648_307_200);
    for id in ["flop-counter-mode", "w-whole", "korthikanti", "nanochat", "megatron-deepspeed"] {
        assert_eq!(value(id), 874_944_921_600, "{id}");
    }
    let each = 6 * 1024;
    let palm = 879_894_724_608 + each * (124_439_808 - 124_337_664);
    assert_eq!(value("palm"), palm);
    assert_eq!(value("nanogpt"), palm - each * 1024 * 768);
    assert_eq!(value("6nt"), each * 124_439_808);
    // `num_parameters(exclude_embeddings=True)`, of tokens and of positions.
    assert_eq!(value("hf-trainer"), each * 85_056_000);

    let says =
        |id: &str, part: &str| of(&judged, id).causes.iter().any(|it| it.text.contains(part));
    for (id, about) in [("kaplan-literal", "MLP"), ("chinchilla", "MLP"), ("megatron-2021", "MLP")]
    {
        assert!(!says(id, about), "{id} is right about it");
    }
    for id in ["scaling-book", "nanotron", "slime", "open-instruct", "chinchilla-gqa"] {
        assert!(says(id, "three matrices: it has two"), "{id}");
    }
    // As many matrices as there are, of another width: 2/3 of it, and 3/2.
    for inner in [4608, 2048] {
        let other = judge(
            &decoder("gpt2", &[("n_inner", json!(inner))]),
            &Tokens::new(1, 1024),
            Recipe::default(),
        );
        let says =
            |id: &str, part: &str| of(&other, id).causes.iter().any(|it| it.text.contains(part));
        assert!(says("korthikanti", "width 4 H"));
        // Three of 4 H cost as much as two of 6 H.
        assert_eq!(says("open-instruct", "4 H wide where the function finds no"), inner == 2048);
    }
    for id in ["levanter", "megatron-lm", "maxtext"] {
        assert!(!says(id, "three matrices"), "{id} asks whether there is a gate");
    }
    assert!(says("palm", "table of positions"));
    assert!(!says("nanogpt", "table of positions"));
    for id in ["llama-factory", "accelerate", "prime-rl", "xtuner"] {
        assert!(of(&judged, id).why_not.as_ref().unwrap().contains("num_key_value_heads"), "{id}");
    }
}

/// `docs/formulas.md` is what the program makes of its formulas; with `UPDATE_DOCS` set it is written anew.
#[test]
fn the_public_table_is_the_programs() {
    let made = flopmeter::format::markdown::render(&flopmeter::page::trial::page().unwrap());
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/formulas.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::create_dir_all(concat!(env!("CARGO_MANIFEST_DIR"), "/docs")).unwrap();
        std::fs::write(path, &made).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap();
    let different = made.lines().zip(kept.lines()).find(|(made, kept)| made != kept);
    assert!(
        different.is_none() && made.lines().count() == kept.lines().count(),
        "docs/formulas.md is out of date; run this test with UPDATE_DOCS=1: {different:?}"
    );
}

/// The rules that an estimate carries are those that are published, where experts share a layer's tokens too.
#[test]
fn an_estimate_and_the_published_formulas_have_the_same_rules() {
    for (name, _) in FAMILY.presets.iter() {
        let model = Model::resolve(name, [""; 0]).unwrap();
        let asked = AskedShape { batch: Some(2), seq: Some(512), accumulate: None, longest: None };
        let shape = BatchShape::resolve(asked, &model.config).unwrap();
        let estimate = Estimate::new(&model.config, shape, Optimizer::AdamW).unwrap();
        let judged = judge(&decoder(name, &[]), &Tokens::new(2, 512), Recipe::default());
        for (rule, id) in [("6 N T", "6nt"), ("6 N T with attention", "palm")] {
            let rule = estimate.field().iter().find(|its| its.name == rule).unwrap();
            assert_eq!(Some(i128::from(rule.flops)), of(&judged, id).value, "{name} {id}");
        }
    }
}
