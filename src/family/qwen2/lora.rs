//! Low-rank adapters beside frozen projections, as peft trains and saves them: y += (alpha / r) B (A x),
//! with A (r, in) and B (out, r).

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer, ser::SerializeMap as _};
use serde_json::{Map, Value, json};

use crate::family::fields;

/// A projection of attention that may carry an adapter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Module {
    /// Queries.
    Q,
    /// Keys.
    K,
    /// Values.
    V,
    /// The heads' outputs.
    O,
}

impl Module {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Q, Self::K, Self::V, Self::O];

    /// Its name in checkpoints.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Q => "q_proj",
            Self::K => "k_proj",
            Self::V => "v_proj",
            Self::O => "o_proj",
        }
    }
}

/// A set of projections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Targets([bool; 4]);

impl Targets {
    /// Queries and values, which the method was published with.
    pub const QV: Self = Self([true, false, true, false]);

    /// Whether a projection is one of them.
    pub const fn has(self, module: Module) -> bool {
        self.0[module as usize]
    }

    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = Module> {
        Module::ALL.into_iter().filter(move |module| self.has(*module))
    }
}

impl fmt::Display for Targets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.iter().map(Module::name).collect::<Vec<_>>().join(","))
    }
}

/// Adapters of one rank on the same projections of every layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lora {
    /// r.
    pub rank: u32,
    /// What the adapters' outputs are scaled by, times r.
    pub alpha: f64,
    /// Which projections carry one.
    pub targets: Targets,
}

impl Lora {
    /// Adapters that stand for any where none are asked for.
    pub const USUAL: Self = Self { rank: 8, alpha: 8.0, targets: Targets::QV };

    /// The field that asks for adapters.
    pub const RANK: &'static str = "lora_rank";
    /// The field for alpha; r where it is not given.
    pub const ALPHA: &'static str = "lora_alpha";
    /// The field for the projections, a list or names with commas; queries and values by default.
    pub const TARGETS: &'static str = "lora_targets";

    /// alpha / r.
    pub fn scale(&self) -> f32 {
        (self.alpha / f64::from(self.rank)) as f32
    }

    /// What a model's configuration asks for.
    pub(super) fn from_json(object: &Map<String, Value>) -> Result<Option<Self>, String> {
        let Some(_) = object.get(Self::RANK) else {
            let orphan = [Self::ALPHA, Self::TARGETS].into_iter().find(|f| object.contains_key(*f));
            return orphan.map_or(Ok(None), |field| {
                Err(format!("{field} is given, but no adapters: set {} too", Self::RANK))
            });
        };
        let rank = fields::positive(object, Self::RANK)?;
        let alpha =
            fields::or(object, Self::ALPHA, |name| fields::real(object, name), f64::from(rank))?;
        if !alpha.is_finite() {
            return Err(format!("{} is {alpha}; it must be a finite number", Self::ALPHA));
        }
        let targets = object.get(Self::TARGETS).map_or(Ok(Targets::QV), targets)?;
        Ok(Some(Self { rank, alpha, targets }))
    }

    /// Reads the contents of peft's `adapter_config.json`.
    pub(super) fn from_peft(object: &Map<String, Value>) -> Result<Self, String> {
        let kind = object.get("peft_type").filter(|kind| *kind != "LORA");
        if let Some(kind) = kind {
            return Err(format!("peft_type is {kind}: only \"LORA\" is supported"));
        }
        let inert = |value: &Value| match value {
            Value::Null | Value::Bool(false) => true,
            Value::Object(map) => map.is_empty(),
            Value::Array(list) => list.is_empty(),
            Value::String(text) => text == "none",
            Value::Bool(true) | Value::Number(_) => false,
        };
        for name in UNSUPPORTED {
            if let Some(value) = object.get(name).filter(|value| !inert(value)) {
                return Err(format!("{name} is {value}: that is not supported"));
            }
        }
        let rank = fields::positive(object, "r")?;
        let alpha = fields::real(object, "lora_alpha")?;
        let modules = object.get("target_modules");
        let modules = modules.ok_or_else(|| "field 'target_modules' is missing".to_owned())?;
        Ok(Self { rank, alpha, targets: targets(modules)? })
    }

    /// The names of one adapter's A and B in a checkpoint.
    pub(super) fn names(layer: u32, module: Module) -> [String; 2] {
        let module = module.name();
        ["A", "B"].map(|part| {
            format!("base_model.model.model.layers.{layer}.self_attn.{module}.lora_{part}.weight")
        })
    }

    /// Whether a parameter of this name is part of an adapter.
    pub(super) fn is_part(name: &str) -> bool {
        name.starts_with("base_model.")
    }

    /// Writes the fields that ask for these adapters into a configuration.
    pub(super) fn ask(&self, object: &mut Map<String, Value>) {
        let names: Vec<&str> = self.targets.iter().map(Module::name).collect();
        object.insert(Self::RANK.to_owned(), json!(self.rank));
        object.insert(Self::ALPHA.to_owned(), json!(self.alpha));
        object.insert(Self::TARGETS.to_owned(), json!(names));
    }
}

impl fmt::Display for Lora {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rank {} on {}", self.rank, self.targets)
    }
}

/// What peft can do beside plain adapters and these kernels cannot.
const UNSUPPORTED: [&str; 17] = [
    "use_dora",
    "use_rslora",
    "use_qalora",
    "use_bdlora",
    "bias",
    "lora_bias",
    "rank_pattern",
    "alpha_pattern",
    "modules_to_save",
    "layers_to_transform",
    "layers_pattern",
    "layer_replication",
    "exclude_modules",
    "target_parameters",
    "trainable_token_indices",
    "fan_in_fan_out",
    "megatron_config",
];

/// The projections that a list, or names with commas, stand for.
fn targets(value: &Value) -> Result<Targets, String> {
    let known = Module::ALL.map(Module::name).join(", ");
    let names: Vec<&str> = match value {
        Value::String(names) => names.split(',').map(str::trim).collect(),
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let mut targets = Targets([false; 4]);
    for name in &names {
        let module = Module::ALL.into_iter().find(|module| module.name() == *name);
        let module = module
            .ok_or_else(|| format!("adapters on '{name}' are not supported (only on: {known})"))?;
        targets.0[module as usize] = true;
    }
    if names.is_empty() || value.as_array().is_some_and(|list| list.len() != names.len()) {
        return Err(format!("the adapters' targets are {value}; name some of {known}"));
    }
    Ok(targets)
}

/// The fields that ask for these adapters.
impl Serialize for Lora {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = Map::new();
        self.ask(&mut object);
        let mut map = serializer.serialize_map(Some(object.len()))?;
        for (name, value) in &object {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl JsonSchema for Lora {
    fn schema_name() -> Cow<'static, str> {
        "Lora".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Adapters of one rank on the same projections of every layer.",
            "type": "object",
            "properties": {
                (Self::RANK): { "type": "integer", "minimum": 1 },
                (Self::ALPHA): { "type": "number" },
                (Self::TARGETS): {
                    "type": "array",
                    "items": { "enum": Module::ALL.map(Module::name) },
                },
            },
            "required": [Self::RANK, Self::ALPHA, Self::TARGETS],
        })
    }
}
