//! Where the adapters of Hugging Face's decoders stand, and which are refused.

use flopmeter::{
    family::decoder::{Adapted, Adapters, DecoderConfig},
    model::Model,
};
use serde_json::{Value, json};

use crate::decoder_config::{golden, object, refusal};

/// The modules that adapters of this configuration stand beside, with their ranks and scales.
fn adapted(folder: &str, changes: &[(&str, Value)]) -> Result<Vec<(String, u32, f64)>, String> {
    let mut object = object(golden(folder, "config.json")).unwrap();
    object.insert(Adapters::RANK.to_owned(), json!(4));
    for (name, value) in changes {
        object.insert((*name).to_owned(), value.clone());
    }
    let config = DecoderConfig::from_json(&object)?;
    let adapted = config.adapted().into_iter();
    let each = |Adapted { module, rank, scale, .. }| (module, rank, scale);
    Ok(adapted.map(each).collect())
}

#[test]
fn adapters_stand_where_peft_puts_them() {
    let count = |folder: &str, targets: Value| {
        adapted(folder, &[(Adapters::TARGETS, targets)]).unwrap().len()
    };
    assert_eq!(count("llama", json!("q_proj,v_proj")), 4);
    assert_eq!(count("llama", json!("all-linear")), 14);
    assert_eq!(count("llama", json!(["layers.1.self_attn.q_proj"])), 1);
    assert_eq!(count("llama", json!(r".*\.(0|1)\.mlp\.(up|down)_proj")), 4);
    // No ending: the whole name must match.
    assert!(adapted("llama", &[(Adapters::TARGETS, json!(r"(q|v)_proj"))]).is_err());
    // Experts are fused, and the dense layer alone has an MLP that may carry adapters.
    assert_eq!(count("mixtral", json!("all-linear")), 8);
    assert_eq!(count("qwen3_moe", json!("all-linear")), 15);
    assert_eq!(count("llama", json!(["q_proj", "lm_head"])), 3);
}

#[test]
fn patterns_change_ranks_and_scales() {
    let changes = [
        (Adapters::TARGETS, json!("q_proj,v_proj")),
        (Adapters::ALPHA, json!(8)),
        (Adapters::RSLORA, json!(true)),
        (Adapters::RANK_PATTERN, json!({"layers.1.self_attn.q_proj": 16})),
        (Adapters::ALPHA_PATTERN, json!({r".*0.*v_proj": 2})),
    ];
    let adapted = adapted("llama", &changes).unwrap();
    let of = |name: &str| {
        let found = adapted.iter().find(|(module, _, _)| module.ends_with(name)).unwrap();
        (found.1, found.2)
    };
    assert_eq!(of("0.self_attn.q_proj"), (4, 4.0));
    assert_eq!(of("1.self_attn.q_proj"), (16, 2.0));
    assert_eq!(of("0.self_attn.v_proj"), (4, 1.0));
}

#[test]
fn adapters_that_match_nothing_are_refused() {
    let problem = |changes: &[(&str, Value)]| adapted("mixtral", changes).unwrap_err();
    let text = problem(&[(Adapters::TARGETS, json!("w1"))]);
    assert!(text.contains("'w1'") && text.contains("q_proj") && text.contains("experts"), "{text}");
    let text = problem(&[(Adapters::TARGETS, json!(r"layers\.9\..*"))]);
    assert!(text.contains("layers"), "{text}");
    let text = problem(&[(Adapters::RANK_PATTERN, json!({"k_proj": 2}))]);
    assert!(text.contains("'k_proj'") && text.contains("rank_pattern"), "{text}");
    let text = problem(&[(Adapters::TARGETS, json!("(?=q)"))]);
    assert!(text.contains("look-around"), "{text}");
    let text = problem(&[(Adapters::RANK, json!(0))]);
    assert!(text.contains("lora_rank is 0"), "{text}");
    let orphan = refusal("llama", &[(Adapters::ALPHA, json!(8))]);
    assert!(orphan.contains("lora_alpha") && orphan.contains("lora_rank"), "{orphan}");
    let peft = json!({"peft_type": "LORA", "r": 4, "lora_alpha": 8, "target_modules": ["q_proj"], "use_dora": true});
    let text = Adapters::from_peft(peft.as_object().unwrap()).unwrap_err();
    assert!(text.contains("use_dora"), "{text}");
}

/// A golden folder's configuration beside adapters whose `target_modules` are these, with fields changed.
fn saved(name: &str, targets: &Value, changes: &[(&str, Value)]) -> Result<Vec<String>, String> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(golden(name, "config.json"), folder.path().join("config.json")).unwrap();
    let mut adapters =
        json!({ "peft_type": "LORA", "r": 3, "lora_alpha": 6, "target_modules": targets });
    for (field, value) in changes {
        adapters[*field] = value.clone();
    }
    std::fs::write(folder.path().join("adapter_config.json"), adapters.to_string()).unwrap();
    let model = Model::resolve::<&str>(folder.path().to_str().unwrap(), []);
    let model = model.map_err(|error| error.to_string())?;
    let adapted = model.decoder().unwrap().adapted().into_iter();
    Ok(adapted.map(|adapted| adapted.module).collect())
}

/// As peft has it, text is an expression that matches whole names of modules, and a name is none of those by itself.
#[test]
fn text_of_peft_is_an_expression_over_whole_names() {
    for (name, text, list, expression) in [
        ("gpt2", "c_attn", r#"["c_attn"]"#, ".*[.]c_attn"),
        ("llama", "q_proj", r#"["q_proj"]"#, ".*[.]q_proj"),
        ("llama", "q_proj,v_proj", r#"["q_proj","v_proj"]"#, ".*[.](q_proj|v_proj)"),
        ("llama", "q_proj|v_proj", "write", ".*[.](q_proj|v_proj)"),
    ] {
        let problem = saved(name, &json!(text), &[]).unwrap_err();
        let said = format!("the regular expression '{text}' of the adapters' targets");
        for part in ["adapter_config.json: ", &said, "whole names, such as", list, expression] {
            assert!(problem.contains(part), "{problem}\nlacks: {part}");
        }
        let meant =
            if list == "write" { json!(["q_proj", "v_proj"]) } else { list.parse().unwrap() };
        let found = saved(name, &json!(expression), &[]).unwrap();
        assert_eq!(saved(name, &meant, &[]), Ok(found));
    }
    // No way out is told where there is none.
    let problem = saved("gpt2", &json!("q_proj"), &[]).unwrap_err();
    assert!(problem.contains("whole names") && !problem.contains("list the names"), "{problem}");
    let whole = "transformer.h.0.attn.c_attn";
    assert_eq!(saved("gpt2", &json!(whole), &[]), Ok(vec![whole.to_owned()]));
    assert_eq!(saved("gpt2", &json!("All-Linear"), &[]).unwrap().len(), 8);
    // The file's expression is the one that is asked for.
    let config = object(golden("gpt2", "config.json")).unwrap();
    let asked = json!({ "r": 3, "lora_alpha": 3, "target_modules": whole });
    let adapters = Adapters::from_peft(asked.as_object().unwrap()).unwrap();
    let config =
        DecoderConfig { adapters: Some(adapters), ..DecoderConfig::from_json(&config).unwrap() };
    assert_eq!(DecoderConfig::from_json(&config.to_json()), Ok(config));
}

#[test]
fn how_weights_lie_beside_adapters_is_true_or_false() {
    let targets = json!(["c_attn"]);
    for value in [json!(true), json!(false), Value::Null] {
        assert_eq!(saved("gpt2", &targets, &[("fan_in_fan_out", value)]).unwrap().len(), 2);
    }
    let problem = saved("gpt2", &targets, &[("fan_in_fan_out", json!("x"))]).unwrap_err();
    assert!(problem.contains("fan_in_fan_out is \"x\"; it must be true or false"), "{problem}");
}

#[test]
fn adapters_drop_a_part_between_nothing_and_all() {
    let targets = json!(["c_attn"]);
    for part in [json!(0), json!(0.5), json!(1)] {
        assert!(saved("gpt2", &targets, &[("lora_dropout", part)]).is_ok());
    }
    for part in [json!(2), json!(-0.1), json!("some")] {
        let problem = saved("gpt2", &targets, &[("lora_dropout", part.clone())]).unwrap_err();
        assert!(problem.contains(&format!("lora_dropout is {part}")), "{problem}");
    }
}
