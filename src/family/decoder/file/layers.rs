//! Each layer of a decoder: how far its attention looks back, whether positions turn its heads, and which MLP
//! follows. Files say it by rules that differ between members.

use serde_json::Value;

use super::{fields::FileFields, unsaid::Unsaid};
use crate::family::decoder::{
    architecture::Architecture,
    config::{Experts, Layer, Mlp},
};

/// Which layers have a window.
enum Sliding {
    None,
    All,
    From(u32),
    EvenBelow(u32),
    /// All but each that ends a group of so many.
    Before(u32),
    /// Those whose heads positions do not turn.
    Unturned(Vec<bool>),
}

/// More layers than any plan could keep; more is a slip of the keyboard.
const MAX_LAYERS: u32 = 1 << 14;

/// Reads every layer.
pub(super) fn read(
    fields: &FileFields<'_>,
    architecture: Architecture,
    intermediate_size: u32,
) -> Result<Vec<Layer>, String> {
    let count = fields.needed("num_hidden_layers")?;
    if count > MAX_LAYERS {
        return Err(format!("num_hidden_layers is {count}, more than {MAX_LAYERS}: lower it"));
    }
    let rotary = rotary(fields, architecture, count)?;
    let windows = windows(fields, architecture, &rotary)?;
    let mlps = mlps(fields, architecture, count, intermediate_size)?;
    let layers = windows.into_iter().zip(rotary).zip(mlps);
    Ok(layers.map(|((window, rotary), mlp)| Layer { window, rotary, mlp }).collect())
}

/// In which layers positions turn heads.
fn rotary(
    fields: &FileFields<'_>,
    architecture: Architecture,
    count: u32,
) -> Result<Vec<bool>, String> {
    if architecture != Architecture::SmolLm3 {
        let turned = architecture.names().positions.is_none();
        return Ok(vec![turned; count as usize]);
    }
    let interval = fields.size("no_rope_layer_interval")?;
    let interval = interval.unwrap_or(Unsaid::NO_ROPE_LAYER_INTERVAL);
    let name = "no_rope_layers";
    let Some(stated) = fields.given(name) else {
        return Ok((1..=count).map(|number| !number.is_multiple_of(interval)).collect());
    };
    let list = stated.as_array().ok_or_else(|| format!("{name} is {stated}, not a list"))?;
    // More than there are layers may be listed.
    if list.len() < count as usize {
        return Err(format!(
            "{name} is a list of length {}, but num_hidden_layers is {count}: list every layer, or remove it, and each one \
             whose number is a multiple of no_rope_layer_interval = {interval} is not turned",
            list.len()
        ));
    }
    let turns = |(layer, value): (usize, &Value)| match value.as_u64() {
        Some(number @ (0 | 1)) => Ok(number == 1),
        _ => Err(format!(
            "{name} has {value} for layer {layer}: state 1 where positions turn its heads, 0 where they do not"
        )),
    };
    list.iter().enumerate().take(count as usize).map(turns).collect()
}

fn windows(
    fields: &FileFields<'_>,
    architecture: Architecture,
    rotary: &[bool],
) -> Result<Vec<Option<u32>>, String> {
    let count = rotary.len() as u32;
    if matches!(
        architecture,
        Architecture::Gpt2
            | Architecture::Opt
            | Architecture::StableLm
            | Architecture::GptNeoX
            | Architecture::Phi
    ) {
        return Ok(vec![None; count as usize]);
    }
    let may_be_off = matches!(
        architecture,
        Architecture::Qwen2
            | Architecture::Qwen2Moe
            | Architecture::Qwen3
            | Architecture::Qwen3Moe
            | Architecture::SmolLm3
    );
    // transformers writes 0 of a Qwen2-MoE that does not slide.
    let is_off = may_be_off
        && fields.flag("use_sliding_window")? != Some(true)
        && fields.given("sliding_window").and_then(Value::as_u64) == Some(0);
    let stated = if is_off { Ok(None) } else { fields.size("sliding_window") };
    let window = stated.map_err(|problem| {
        let way = match architecture {
            Architecture::Gemma3 => "set sliding_window_pattern to 1",
            Architecture::Olmo3 => "list full_attention alone in layer_types",
            Architecture::Llama
            | Architecture::Gemma
            | Architecture::Olmo2
            | Architecture::Granite => "leave it out",
            Architecture::Mistral
            | Architecture::Qwen2
            | Architecture::Qwen3
            | Architecture::Mixtral
            | Architecture::Qwen2Moe
            | Architecture::Qwen3Moe
            | Architecture::Gemma2
            | Architecture::Phi3
            | Architecture::SmolLm3
            | Architecture::StableLm
            | Architecture::Starcoder2
            | Architecture::Gpt2
            | Architecture::Opt
            | Architecture::GptNeoX
            | Architecture::Phi => "set it to null",
        };
        format!("{problem}; {way} for attention to everything before")
    })?;
    let window = match window {
        None if !fields.is_there("sliding_window") => Unsaid::of(architecture).sliding_window,
        stated => stated,
    };
    let sliding = Sliding::read(fields, architecture, rotary)?;
    let way = match architecture {
        Architecture::Llama => Some("set model_type to mistral, or remove it"),
        Architecture::Gemma => Some("set model_type to gemma2, or remove it"),
        Architecture::Olmo2 | Architecture::Granite => Some("remove it"),
        _ => None,
    };
    if let (Some(way), Some(window)) = (way, window) {
        return Err(format!(
            "sliding_window is {window}, but {} has none: {way}",
            architecture.model_type()
        ));
    }
    let slides = match fields.given("layer_types") {
        Some(types) => layer_types(types, count)?,
        None => (0..count).map(|layer| sliding.of(layer)).collect(),
    };
    let other_way = match architecture {
        Architecture::Gemma3 => Some("set sliding_window_pattern to 1, or "),
        Architecture::Olmo3 => Some(""),
        _ => None,
    };
    if let Some(other_way) = other_way.filter(|_| window.is_none() && slides.contains(&true)) {
        return Err(format!(
            "sliding_window is null, but layers slide: state how many tokens they look back on, or {other_way}list \
             full_attention alone in layer_types, for none that slides"
        ));
    }
    let may_slide = !matches!(sliding, Sliding::None) && window.is_some();
    if slides.contains(&true) && !may_slide && fields.given("layer_types").is_some() {
        let way = match (way, &sliding, window) {
            (Some(way), ..) => format!("{} slides in no layer: {way}", architecture.model_type()),
            (None, Sliding::None, Some(_)) => {
                "no window is in use: set use_sliding_window to true".to_owned()
            }
            (None, Sliding::None, None) => {
                "no window is in use: set use_sliding_window to true, and sliding_window".to_owned()
            }
            (None, ..) => "no window is in use: set sliding_window".to_owned(),
        };
        return Err(format!("layer_types has sliding_attention, but {way}"));
    }
    if may_slide
        && matches!(sliding, Sliding::All)
        && let Some(layer) = slides.iter().position(|slides| !slides)
    {
        return Err(format!(
            "layer_types has full_attention for layer {layer}, but every layer of {} slides over \
             sliding_window: remove layer_types, or set sliding_window to null",
            architecture.model_type()
        ));
    }
    Ok(slides.into_iter().map(|slides| window.filter(|_| slides && may_slide)).collect())
}

impl Sliding {
    /// The rule of a member of the family, for where a file lists no layers: that of transformers 5.24.
    fn read(
        fields: &FileFields<'_>,
        architecture: Architecture,
        rotary: &[bool],
    ) -> Result<Self, String> {
        let asked = fields.flag("use_sliding_window")? == Some(true);
        let end = match fields.given("max_window_layers") {
            Some(value) => {
                value.as_u64().and_then(|end| u32::try_from(end).ok()).ok_or_else(|| {
                    format!("max_window_layers is {value}; it must be a whole number")
                })?
            }
            None => 28,
        };
        Ok(match architecture {
            Architecture::Llama
            | Architecture::Gemma
            | Architecture::Olmo2
            | Architecture::Granite
            | Architecture::Gpt2
            | Architecture::Opt
            | Architecture::StableLm
            | Architecture::GptNeoX
            | Architecture::Phi => Self::None,
            Architecture::Mistral
            | Architecture::Mixtral
            | Architecture::Phi3
            | Architecture::Starcoder2 => Self::All,
            Architecture::Gemma2 => Self::EvenBelow(rotary.len() as u32),
            Architecture::Gemma3 => {
                let pattern = fields.size("sliding_window_pattern")?;
                Self::Before(pattern.unwrap_or(Unsaid::SLIDING_WINDOW_PATTERN))
            }
            Architecture::Olmo3 => Self::Before(Unsaid::FULL_LAYER_INTERVAL),
            Architecture::Qwen2
            | Architecture::Qwen3
            | Architecture::Qwen2Moe
            | Architecture::Qwen3Moe
            | Architecture::SmolLm3
                if !asked =>
            {
                Self::None
            }
            Architecture::Qwen2 | Architecture::Qwen3 => Self::From(end),
            Architecture::Qwen2Moe => Self::EvenBelow(end),
            Architecture::Qwen3Moe => Self::All,
            Architecture::SmolLm3 => Self::Unturned(rotary.to_vec()),
        })
    }

    fn of(&self, layer: u32) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            &Self::From(first) => layer >= first,
            &Self::Before(last) => !(layer + 1).is_multiple_of(last),
            &Self::EvenBelow(end) => layer < end && layer.is_multiple_of(2),
            Self::Unturned(rotary) => !rotary[layer as usize],
        }
    }
}

/// Which layers slide, as a file lists it.
fn layer_types(types: &Value, count: u32) -> Result<Vec<bool>, String> {
    let list = types.as_array().ok_or_else(|| format!("layer_types is {types}, not a list"))?;
    if list.len() != count as usize {
        return Err(format!(
            "layer_types is a list of length {}, but num_hidden_layers is {count}: they must agree",
            list.len()
        ));
    }
    let slides = |kind: &Value| match kind.as_str() {
        Some(Layer::FULL) => Ok(false),
        Some(Layer::SLIDING) => Ok(true),
        _ => Err(format!(
            "layer_types has {kind}: only full_attention and sliding_attention are supported"
        )),
    };
    list.iter().map(slides).collect()
}

fn mlps(
    fields: &FileFields<'_>,
    architecture: Architecture,
    count: u32,
    dense: u32,
) -> Result<Vec<Mlp>, String> {
    if !architecture.has_experts() {
        return Ok(vec![Mlp::Dense { width: dense }; count as usize]);
    }
    let [local, plain] = [fields.size("num_local_experts")?, fields.size("num_experts")?];
    if let (Some(local), Some(plain)) = (local, plain)
        && local != plain
    {
        return Err(format!(
            "num_local_experts is {local}, but num_experts is {plain}: remove one of them"
        ));
    }
    let name =
        if architecture == Architecture::Mixtral { "num_local_experts" } else { "num_experts" };
    let experts = local.or(plain);
    let experts =
        experts.ok_or_else(|| format!("field '{name}' is missing: add it to config.json"))?;
    let chosen = fields.needed("num_experts_per_tok")?;
    if chosen > experts {
        return Err(format!(
            "num_experts_per_tok is {chosen}, more than {name} = {experts}: a token cannot pass more \
             experts than there are"
        ));
    }
    if let Some(noise) = fields.given("router_jitter_noise").filter(|v| v.as_f64() != Some(0.0)) {
        return Err(format!(
            "router_jitter_noise is {noise}: noise on the router's input is not supported; set it to 0"
        ));
    }
    let mixture = |width, shared, rescaled| {
        Mlp::Experts(Experts { count: experts, chosen, width, shared, rescaled })
    };
    if architecture == Architecture::Mixtral {
        return Ok(vec![mixture(dense, None, true); count as usize]);
    }
    let width = fields.needed("moe_intermediate_size")?;
    let shared = match architecture {
        Architecture::Qwen2Moe => Some(fields.needed("shared_expert_intermediate_size")?),
        _ => None,
    };
    let rescaled = fields.flag("norm_topk_prob")?.unwrap_or(false);
    let every = fields.size("decoder_sparse_step")?.unwrap_or(1);
    let only = fields.given("mlp_only_layers");
    let only: Vec<u64> = match only {
        None => Vec::new(),
        Some(list) => {
            let numbers = list.as_array().map(|list| list.iter().map(Value::as_u64).collect());
            numbers.flatten().ok_or_else(|| {
                format!("mlp_only_layers is {list}; it must be a list of layers' numbers")
            })?
        }
    };
    if let Some(layer) = only.iter().find(|&&layer| layer >= u64::from(count)) {
        return Err(format!(
            "mlp_only_layers names layer {layer}, but num_hidden_layers is {count}"
        ));
    }
    let mlp = |layer: u32| {
        if only.contains(&layer.into()) || !(layer + 1).is_multiple_of(every) {
            Mlp::Dense { width: dense }
        } else {
            mixture(width, shared, rescaled)
        }
    };
    Ok((0..count).map(mlp).collect())
}
