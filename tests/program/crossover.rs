//! From which length of sequences on attention is half of a step, as `scale` says it.

use std::fs;

use crate::{
    command::{flopmeter, json, text},
    scale::scale,
};
use predicates::str::contains;
use serde_json::Value;

/// What a step costs in closed form: a token, a step, and in all layers together a query and each pair that it is of.
struct Solved {
    token: u128,
    step: u128,
    query: u128,
    pair: u128,
    /// How many layers have which window.
    layers: Vec<(u128, Option<u128>)>,
}

impl Solved {
    /// By what sequences of one token and of two cost, which have one pair and three.
    fn of(model: &[&str], layers: &[(u128, Option<u128>)]) -> Self {
        let report = scale(&[model, &["--axis", "seq=1,2"]]);
        let [one, two] = [0, 1].map(|point| {
            let items = report["points"][point]["exact_items"].as_array().unwrap();
            let sum = |is_attention: bool| -> u128 {
                let its = items.iter().filter(|item| {
                    let name = item["name"].as_str().unwrap();
                    is_attention == (name.ends_with(".core") || name.ends_with(".softmax"))
                });
                its.map(|item| u128::from(item["flops"].as_u64().unwrap())).sum()
            };
            [sum(true), sum(false)]
        });
        let pair = two[0] - 2 * one[0];
        let token = two[1] - one[1];
        Self { token, step: one[1] - token, query: one[0] - pair, pair, layers: layers.to_vec() }
    }

    fn attention(&self, seq: u128) -> u128 {
        let pairs = self.layers.iter().map(|(layers, window)| {
            let met = window.map_or(seq, |window| window.min(seq));
            layers * (met * (met + 1) / 2 + (seq - met) * met)
        });
        let layers: u128 = self.layers.iter().map(|(layers, _)| layers).sum();
        let flops = self.pair * pairs.sum::<u128>();
        assert_eq!(flops % layers, 0, "layers of several windows are alike");
        flops / layers + self.query * seq
    }

    /// The least length of which attention is half of a step.
    fn half_from(&self) -> u128 {
        let is_half = |seq: &u128| self.attention(*seq) >= self.token * seq + self.step;
        let (mut less, mut enough) = (0, 1 << 40);
        assert!(is_half(&enough));
        while enough - less > 1 {
            let middle = (less + enough) / 2;
            if is_half(&middle) { enough = middle } else { less = middle }
        }
        enough
    }
}

/// Windows that end before attention is half of a step, right there, and long behind that.
#[test]
fn the_length_is_that_of_the_closed_form_whatever_windows_there_are() {
    let own = ["olmo-3-7b"];
    let olmo = |window: u32| {
        ["olmo-3-7b".to_owned(), "--set".to_owned(), format!("sliding_window={window}")]
    };
    let told = |model: &[&str], layers: &[(u128, Option<u128>)], from: Option<u64>| {
        let solved = Solved::of(model, layers);
        let seq = solved.half_from();
        let crossover = &scale(&[model, &["--axis", "seq=1024,2048"]])["crossover"];
        assert_eq!(crossover["half_from"].as_u64().map(u128::from), Some(seq), "{model:?}");
        assert!(from.is_none_or(|from| u128::from(from) == seq), "{model:?}: {seq}");
        let grown = solved.attention(2 * seq) as f64 / solved.attention(seq) as f64;
        let power = crossover["power"].as_f64().unwrap();
        assert!((power - grown.log2()).abs() < 1e-12, "{model:?}: {power}");
        assert_eq!(crossover["flops"].as_u64().map(u128::from), Some(solved.attention(2048)));
        power
    };
    told(&own, &[(24, Some(4096)), (8, None)], Some(184_985));
    for window in [40_000, 52_324, 65_536, 20_000_000, 300_000_000, 2_000_000_000_u32] {
        let arguments = olmo(window);
        let arguments = [0, 1, 2].map(|at| &*arguments[at]);
        let from = (window > 52_323).then_some(52_324);
        told(&arguments, &[(24, Some(window.into())), (8, None)], from);
    }
    for (model, layers, from) in [
        (&["llama-3.1-8b"][..], 32, 57_014),
        (&["mixtral-8x7b"], 32, 96_856),
        (&["qwen2.5-0.5b", "--lora-rank", "8"], 24, 15_312),
        (&["qwen2.5-0.5b", "--batch", "2"], 24, 22_788),
        (&["qwen2.5-0.5b", "--batch", "2", "--accumulate", "2"], 24, 22_788),
    ] {
        told(model, &[(layers, None)], Some(from));
    }
    // All layers slide: what is half of a step has grown with the square, and does no longer.
    let window = "sliding_window=40000";
    let model = ["mistral-7b", "--set", window];
    let power = told(&model, &[(32, Some(40_000))], None);
    assert!((1.1..1.5).contains(&power), "{power}");
    let text = format!("on, where they grow with seq^{:.1}\n", power);
    let arguments = [&["scale"], &model[..], &["--axis", "seq=1024,2048"]].concat();
    flopmeter(&arguments).assert().success().stdout(contains(text));
}

/// The length at which attention is half of a step is the first at which its own rows are, those of what is computed again
/// among them.
#[test]
fn what_outgrows_a_step_is_told_and_from_where_on_it_is_half() {
    let swept =
        |model: &[&str], seq: u64| scale(&[model, &["--axis", &format!("seq={},{seq}", seq - 1)]]);
    let parts = ["layer_*.attention.core", "layer_*.attention.softmax"];
    let qwen = ["qwen2.5-0.5b", "--recompute", "layers"];
    // Sequences of GPT-2 take as many positions.
    for (model, told) in [(&qwen[..1], 22_790), (&qwen, 21_186), (&["gpt2"], 13_316)] {
        let crossover = &swept(model, 256)["crossover"];
        assert_eq!(crossover["parts"], serde_json::json!(parts));
        assert_eq!((&crossover["at"]["seq"], &crossover["half_from"]), (&256.into(), &told.into()));
        let report = swept(model, told);
        let is_half = report["points"].as_array().unwrap().iter().map(|point| {
            let items = point["exact_items"].as_array().unwrap().iter();
            let costs = items.map(|item| (&item["name"], item["flops"].as_u64().unwrap()));
            let costs: Vec<_> = costs.collect();
            let leading = costs.iter().filter(|(name, _)| parts.iter().any(|part| *name == part));
            let leading: u64 = leading.map(|(_, flops)| flops).sum();
            2 * leading >= costs.iter().map(|(_, flops)| flops).sum()
        });
        assert_eq!(is_half.collect::<Vec<bool>>(), [false, true]);
    }
    // Whatever was swept, the table is as long as it has to be at the length itself; one that cannot be is not promised.
    for swept in ["seq=13316,1000000", "seq=5000000"] {
        let report = scale(&[&["gpt2", "--axis", swept]]);
        assert_eq!(report["crossover"]["half_from"], 13_316, "{swept}");
    }
    let small = ["gpt2", "--set", "n_embd=24", "--set", "vocab_size=11"];
    for seq in ["seq=247", "seq=200,247,100000"] {
        let report = scale(&[&small, &["--axis", seq]]);
        assert_eq!(report["crossover"]["half_from"], 247, "{seq}");
    }
    let fixed = scale(&[&["gpt2", "--set", "n_positions=1024", "--axis", "seq=512,1024"]]);
    assert_eq!(fixed["crossover"], Value::Null);
    let fixed = scale(&[&small, &["--set", "n_positions=1024", "--axis", "seq=9"]]);
    assert_eq!(fixed["crossover"]["half_from"], 247);
    // Attention within a window that is too short for it, and none.
    for linear in [&["mistral-7b"][..], &["resnet-bk"]] {
        assert_eq!(swept(linear, 256)["crossover"], Value::Null, "{linear:?}");
    }
    let told = "at batch = 4, seq = 256, and will be half of it from seq = 22,";
    flopmeter(&["scale", "qwen2.5-0.5b", "--axis", "seq=255,256", "--axis", "batch=2,4"])
        .assert()
        .success()
        .stdout(contains(told));
}

/// Points may be where their model is no more: what it takes it took there.
#[test]
fn positions_that_are_fixed_promise_no_length_where_the_model_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let [model, points] = ["model", "points"].map(|name| folder.path().join(name));
    fs::create_dir(&model).unwrap();
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/gpt2/config.json");
    fs::copy(golden, model.join("config.json")).unwrap();
    let [model, points] = [&model, &points].map(|path| text(path));
    let swept = ["scale", model, "--axis", "seq=4,8", "--measure", "--out", points];
    let swept = [&swept[..], &["--adapter", "embedded", "--repeat", "1", "-q"]].concat();
    flopmeter(&swept).assert().success();
    let crossover = || json(&["merge", points, "--json", "-"])["crossover"].clone();
    assert_eq!(crossover(), Value::Null);
    fs::remove_dir_all(model).unwrap();
    assert_eq!(crossover(), Value::Null);
}
