//! Decoders that are the text model of a model of text and images: `gemma3` holds a `gemma3_text` beside a vision
//! tower and the projector between them.

use serde_json::{Map, Value};

use super::{architecture::Architecture, names::last_name};
use crate::family::{
    fields::{MODEL_TYPE, given},
    held::{HeldModel, Holders},
};

/// Models that hold a decoder.
pub(super) static HOLDERS: Holders = Holders { model_types: &[GEMMA3], held };

/// Linear layers that the vision tower alone has, by the last part of their names: adapters on all of a holder's
/// linear layers list them, too.
const OF_TOWER: [&str; 3] = ["fc1", "fc2", "out_proj"];

/// What `model_type` says of the one that there is.
const GEMMA3: &str = "gemma3";

/// The field that holds it.
const TEXT: &str = "text_config";

/// Fields of a holder that are about images alone.
const IMAGES: [&str; 5] = [
    "vision_config",
    "mm_tokens_per_image",
    "boi_token_index",
    "eoi_token_index",
    "image_token_index",
];

/// Whether only what is beside such a decoder has a linear layer whose name ends in this.
pub(super) fn is_beside(architecture: Architecture, name: &str) -> bool {
    architecture == Architecture::Gemma3 && OF_TOWER.contains(&last_name(name))
}

/// The decoder that a holder's `config.json` holds; `None` where it is no holder's.
pub(super) fn held(object: &Map<String, Value>) -> Result<Option<HeldModel>, String> {
    let holder = GEMMA3;
    if object.get(MODEL_TYPE).and_then(Value::as_str) != Some(holder) {
        return Ok(None);
    }
    let text = object.get(TEXT).and_then(Value::as_object).ok_or_else(|| {
        format!("{TEXT} is missing, which says what the text model of {holder} is: add it to config.json")
    })?;
    let own = Architecture::Gemma3.model_type();
    if let Some(other) = text.get(MODEL_TYPE).filter(|kind| *kind != own) {
        return Err(format!("{TEXT}.{MODEL_TYPE} is {other}, but {holder} holds {own}"));
    }
    let mut found = text.clone();
    found.insert(MODEL_TYPE.to_owned(), own.into());
    if let Some(cap) = found.get("final_logit_softcapping").filter(|cap| !cap.is_null()) {
        return Err(format!(
            "{TEXT}.final_logit_softcapping is {cap}, but transformers bounds no logits of {holder}: set it to null"
        ));
    }
    // How the model ends and what its weights are stored in is the holder's to say.
    for name in ["architectures", "tie_word_embeddings"] {
        found.remove(name);
    }
    const TYPES: [&str; 2] = ["dtype", "torch_dtype"];
    if TYPES.iter().any(|name| given(object, name).is_some()) {
        found.retain(|name, _| !TYPES.contains(&name.as_str()));
    }
    for (name, value) in object {
        let passed = name == TEXT
            || name == MODEL_TYPE
            || IMAGES.contains(&name.as_str())
            || name == "architectures" && generates(value);
        // transformers ties nothing by a null, and any other asks for nothing.
        let value = match value {
            Value::Null if name == "tie_word_embeddings" => &Value::Bool(false),
            Value::Null => continue,
            value => value,
        };
        if !passed && given(&found, name).is_none() {
            found.insert(name.clone(), value.clone());
        }
    }
    Ok(Some(HeldModel {
        object: found,
        field: Some(TEXT),
        left_out: &["the vision tower", "its projector"],
    }))
}

/// Whether the classes that a file names end in logits of the next token.
fn generates(classes: &Value) -> bool {
    let ends = |class: &Value| {
        class.as_str().is_some_and(|name| name.ends_with("ForConditionalGeneration"))
    };
    classes.as_array().is_some_and(|classes| classes.iter().all(ends))
}
