//! What else stands in a Qwen2 `config.json`: two ways of writing the rotary base, and features that
//! would change what runs and are not supported. Fields that change nothing here (`torch_dtype`,
//! `use_cache`, token ids and the like) are nobody's business.

use serde_json::{Map, Value};

use crate::family::fields;

/// Hugging Face's own default, where a file does not say.
const ROPE_THETA: f64 = 10_000.0;

/// Refuses, by name, whatever the kernels do not compute.
pub(super) fn refuse_unsupported(object: &Map<String, Value>) -> Result<(), String> {
    let given = |name: &str| object.get(name).filter(|value| !value.is_null());
    let off = |value: &Value| value == &Value::Bool(false);
    if let Some(value) = given("use_sliding_window").filter(|value| !off(value)) {
        return Err(format!(
            "use_sliding_window is {value}: sliding-window attention is not supported"
        ));
    }
    if let Some(types) = given("layer_types") {
        let full = |value: &Value| value == "full_attention";
        if !types.as_array().is_some_and(|types| types.iter().all(full)) {
            return Err(format!("layer_types is {types}: only full_attention is supported"));
        }
    }
    for name in ["rope_scaling", "rope_parameters"] {
        let Some(rope) = given(name) else { continue };
        let rope = rope.as_object().ok_or_else(|| format!("{name} is {rope}, not an object"))?;
        for key in ["rope_type", "type"] {
            if let Some(kind) = rope.get(key).filter(|kind| *kind != "default") {
                return Err(format!("{name}.{key} is {kind}: rope scaling is not supported"));
            }
        }
        let known = ["rope_type", "type", "rope_theta"];
        if let Some((key, value)) = rope.iter().find(|(key, _)| !known.contains(&key.as_str())) {
            return Err(format!("{name}.{key} is {value}: rope scaling is not supported"));
        }
    }
    if let Some(value) = given("partial_rotary_factor").filter(|v| v.as_f64() != Some(1.0)) {
        return Err(format!("partial_rotary_factor is {value}: only whole heads are turned"));
    }
    if let Some(value) = given("hidden_act").filter(|value| *value != "silu") {
        return Err(format!("hidden_act is {value}: only \"silu\" is supported"));
    }
    for name in ["attention_bias", "qkv_bias"] {
        if let Some(value) = given(name) {
            return Err(format!(
                "{name} is {value}: it cannot be chosen; q_proj, k_proj and v_proj have a bias and \
                 o_proj has none, as in every Qwen2"
            ));
        }
    }
    for name in ["mlp_bias", "use_qk_norm", "quantization_config"] {
        if let Some(value) = given(name).filter(|value| !off(value)) {
            return Err(format!("{name} is {value}: that is not supported"));
        }
    }
    Ok(())
}

/// The rotary base, of the newer way of writing it or the older.
pub(super) fn rope_theta(object: &Map<String, Value>) -> Result<f64, String> {
    let newer = object.get("rope_parameters").and_then(Value::as_object);
    let newer = newer.filter(|rope| rope.contains_key("rope_theta"));
    let (inside, older) = (
        newer.map(|rope| fields::real(rope, "rope_theta")).transpose()?,
        object.get("rope_theta").map(|_| fields::real(object, "rope_theta")).transpose()?,
    );
    // The older way goes first: it is what an override writes.
    Ok(older.or(inside).unwrap_or(ROPE_THETA))
}

/// Whether what the file says twice, it says alike.
pub(super) fn agree(object: &Map<String, Value>, head_width: u32) -> Result<(), String> {
    let width = object.get("head_dim").filter(|value| !value.is_null());
    match width.filter(|value| value.as_u64() != Some(head_width.into())) {
        Some(value) => Err(format!(
            "head_dim is {value}, but hidden_size / num_attention_heads is {head_width}: heads of another \
             width are not supported"
        )),
        None => Ok(()),
    }
}
