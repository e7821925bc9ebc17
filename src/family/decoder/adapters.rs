//! Low-rank adapters beside any of a decoder's linear layers, as peft configures and names them:
//! y += scale B (A x), with A (r, in) and B (out, r), the layer beside it frozen.

use std::fmt;

use regex_lite::Regex;
use serde_json::{Map, Value, json};

use super::names::ModuleNames;
use crate::family::fields::{given, probability};

/// Adapters: which linear layers carry one, of which rank, and how their outputs are scaled.
#[derive(Clone, Debug, PartialEq)]
pub struct Adapters {
    /// r, where no pattern says otherwise.
    pub rank: u32,
    /// alpha, where no pattern says otherwise.
    pub alpha: f64,
    /// Whether the scale is alpha / sqrt(r) instead of alpha / r.
    pub rslora: bool,
    /// Which linear layers carry one.
    pub targets: Targets,
    /// Ranks of those whose names end like a key.
    pub rank_pattern: Vec<(String, u32)>,
    /// Alphas of those whose names end like a key.
    pub alpha_pattern: Vec<(String, f64)>,
}

/// Which linear layers carry an adapter.
#[derive(Clone, Debug, PartialEq)]
pub enum Targets {
    /// Those whose names are one of these, or end in a dot and one of these.
    Names(Vec<String>),
    /// Those whose whole name a regular expression matches.
    Pattern(String),
    /// All but the head.
    AllLinear,
}

/// What peft can do beside adapters of this kind, each of which changes what is computed.
const UNSUPPORTED: [&str; 18] = [
    "use_dora",
    "use_qalora",
    "use_bdlora",
    "lora_bias",
    "modules_to_save",
    "layers_to_transform",
    "layers_pattern",
    "layer_replication",
    "exclude_modules",
    "target_parameters",
    "trainable_token_indices",
    "megatron_config",
    "arrow_config",
    "alora_invocation_tokens",
    "kasa_config",
    "monteclora_config",
    "velora_config",
    "ensure_weight_tying",
];

impl Adapters {
    /// The field of a configuration that asks for adapters: r.
    pub const RANK: &'static str = "lora_rank";
    /// The field for alpha; r where it is not given.
    pub const ALPHA: &'static str = "lora_alpha";
    /// The field for the linear layers; queries and values by default, or the module that they are rows of.
    pub const TARGETS: &'static str = "lora_targets";
    /// The field for a scale of alpha / sqrt(r).
    pub const RSLORA: &'static str = "lora_use_rslora";
    /// The field for ranks by name.
    pub const RANK_PATTERN: &'static str = "lora_rank_pattern";
    /// The field for alphas by name.
    pub const ALPHA_PATTERN: &'static str = "lora_alpha_pattern";

    /// Adapters that stand for any where none are asked for, of a decoder whose modules have these names.
    pub fn usual(names: &ModuleNames) -> Self {
        Self {
            rank: 8,
            alpha: 8.0,
            rslora: false,
            targets: Targets::usual(names),
            rank_pattern: Vec::new(),
            alpha_pattern: Vec::new(),
        }
    }

    /// What the configuration of a decoder whose modules have these names asks for; `given` finds its fields.
    pub(super) fn from_config<'a>(
        given: impl Fn(&str) -> Option<&'a Value>,
        modules: &ModuleNames,
    ) -> Result<Option<Self>, String> {
        let names =
            [Self::ALPHA, Self::TARGETS, Self::RSLORA, Self::RANK_PATTERN, Self::ALPHA_PATTERN];
        let [alpha, targets, rslora, ranks, alphas] = names.map(&given);
        let Some(value) = given(Self::RANK) else {
            let orphan = names.into_iter().find(|name| given(name).is_some());
            return orphan.map_or(Ok(None), |name| {
                Err(format!("{name} is given, but no adapters: set {} too", Self::RANK))
            });
        };
        let r = rank(Self::RANK, value)?;
        Ok(Some(Self {
            rank: r,
            alpha: alpha.map_or(Ok(f64::from(r)), |value| number(Self::ALPHA, value))?,
            rslora: rslora.map_or(Ok(false), |value| flag(Self::RSLORA, value))?,
            targets: targets.map_or_else(|| Ok(Targets::usual(modules)), Targets::from_config)?,
            rank_pattern: ranks.map_or(Ok(Vec::new()), |v| pattern(Self::RANK_PATTERN, v, rank))?,
            alpha_pattern: alphas
                .map_or(Ok(Vec::new()), |v| pattern(Self::ALPHA_PATTERN, v, number))?,
        }))
    }

    /// Reads the contents of peft's `adapter_config.json`.
    ///
    /// # Errors
    /// Which field is missing, makes no sense, or asks for what is not supported.
    pub fn from_peft(object: &Map<String, Value>) -> Result<Self, String> {
        let given = |name: &str| given(object, name);
        if let Some(kind) = given("peft_type").filter(|kind| *kind != "LORA") {
            return Err(format!("peft_type is {kind}: only \"LORA\" is supported"));
        }
        let off = |value: &Value| match value {
            Value::Null | Value::Bool(false) => true,
            Value::Object(map) => map.is_empty(),
            Value::Array(list) => list.is_empty(),
            Value::String(_) | Value::Bool(true) | Value::Number(_) => false,
        };
        for name in UNSUPPORTED {
            if let Some(value) = given(name).filter(|value| !off(value)) {
                return Err(format!("{name} is {value}: that is not supported"));
            }
        }
        if let Some(bias) = given("bias").filter(|bias| *bias != "none") {
            return Err(format!("bias is {bias}: only \"none\" is supported"));
        }
        // How the weights beside adapters lie, which the model says.
        given("fan_in_fan_out").map(|value| flag("fan_in_fan_out", value)).transpose()?;
        given("lora_dropout").map(|value| probability("lora_dropout", value)).transpose()?;
        let needed = |name: &str| given(name).ok_or_else(|| format!("field '{name}' is missing"));
        let names = ["rank_pattern", "alpha_pattern"];
        Ok(Self {
            rank: rank("r", needed("r")?)?,
            alpha: number("lora_alpha", needed("lora_alpha")?)?,
            rslora: given("use_rslora").map_or(Ok(false), |value| flag("use_rslora", value))?,
            targets: Targets::from_peft(needed("target_modules")?)?,
            rank_pattern: given(names[0])
                .map_or(Ok(Vec::new()), |value| pattern(names[0], value, rank))?,
            alpha_pattern: given(names[1])
                .map_or(Ok(Vec::new()), |value| pattern(names[1], value, number))?,
        })
    }

    /// Writes the fields that ask for these adapters into a configuration.
    pub fn write(&self, set: &mut impl FnMut(&str, Value)) {
        set(Self::RANK, json!(self.rank));
        set(Self::ALPHA, json!(self.alpha));
        set(Self::TARGETS, self.targets.written());
        if self.rslora {
            set(Self::RSLORA, json!(true));
        }
        if !self.rank_pattern.is_empty() {
            let map = self.rank_pattern.iter().map(|(key, rank)| (key.clone(), json!(rank)));
            set(Self::RANK_PATTERN, Value::Object(map.collect()));
        }
        if !self.alpha_pattern.is_empty() {
            let map = self.alpha_pattern.iter().map(|(key, alpha)| (key.clone(), json!(alpha)));
            set(Self::ALPHA_PATTERN, Value::Object(map.collect()));
        }
    }
}

impl fmt::Display for Adapters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rank {} on {}", self.rank, self.targets)
    }
}

impl Targets {
    /// What peft calls every linear layer but the head.
    pub(super) const ALL_LINEAR: &'static str = "all-linear";

    /// Those of a decoder where nobody says which.
    fn usual(names: &ModuleNames) -> Self {
        Self::Names(names.adapted().into_iter().map(str::to_owned).collect())
    }

    /// A list; names with commas; `all-linear`; or else a regular expression.
    fn from_config(value: &Value) -> Result<Self, String> {
        match value.as_str().and_then(names_in) {
            Some(names) => Ok(Self::Names(names)),
            None => Self::from_peft(value),
        }
    }

    /// A list; `all-linear`, however it is written; or else a regular expression, even where that is a name.
    fn from_peft(value: &Value) -> Result<Self, String> {
        match value {
            Value::String(text) if is_all_linear(text) => Ok(Self::AllLinear),
            Value::String(pattern) if !pattern.is_empty() => {
                whole(pattern)?;
                let grouped = pattern.strip_prefix("(?:").and_then(|rest| rest.strip_suffix(')'));
                let plain = grouped.filter(|inner| names_in(inner).is_some());
                Ok(Self::Pattern(plain.unwrap_or(pattern).to_owned()))
            }
            Value::Array(list) if !list.is_empty() => {
                let names: Option<Vec<String>> =
                    list.iter().map(|name| name.as_str().map(str::to_owned)).collect();
                // peft writes a set: its order says nothing.
                let mut names = names.ok_or_else(|| {
                    format!("the adapters' targets are {value}; a list must hold names")
                })?;
                names.sort();
                Ok(Self::Names(names))
            }
            _ => Err(format!(
                "the adapters' targets are {value}; name linear layers, give a regular expression, or \
                 \"all-linear\""
            )),
        }
    }

    /// What [`Self::from_config`] reads as these. An expression that looks like names stands in a group there.
    fn written(&self) -> Value {
        match self {
            Self::Names(names) => json!(names),
            Self::Pattern(pattern) if names_in(pattern).is_some() => {
                json!(format!("(?:{pattern})"))
            }
            Self::Pattern(pattern) => json!(pattern),
            Self::AllLinear => json!(Self::ALL_LINEAR),
        }
    }

    /// Whether the linear layer of this name carries an adapter. An expression that does not parse, which
    /// reading refuses, matches nothing.
    pub(super) fn has(&self, module: &str) -> bool {
        match self {
            Self::Names(names) => names.iter().any(|name| ends_in(module, name)),
            Self::Pattern(pattern) => whole(pattern).is_ok_and(|regex| regex.is_match(module)),
            Self::AllLinear => module != "lm_head",
        }
    }
}

impl fmt::Display for Targets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Names(names) => f.write_str(&names.join(",")),
            Self::Pattern(pattern) => f.write_str(pattern),
            Self::AllLinear => f.write_str(Self::ALL_LINEAR),
        }
    }
}

fn is_all_linear(text: &str) -> bool {
    text.eq_ignore_ascii_case(Targets::ALL_LINEAR)
}

/// The names in a text of names with commas; `None` of any other text.
pub(super) fn names_in(text: &str) -> Option<Vec<String>> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || "_.,- ".contains(c);
    let are_names = !is_all_linear(text) && !text.is_empty() && text.chars().all(is_name);
    are_names.then(|| text.split(',').map(|name| name.trim().to_owned()).collect())
}

/// Whether a module is called `name`, or is called so in whatever holds it.
pub(super) fn ends_in(module: &str, name: &str) -> bool {
    module == name || module.strip_suffix(name).is_some_and(|rest| rest.ends_with('.'))
}

/// An expression that matches whole names, as Python's `re.fullmatch`.
pub(super) fn whole(pattern: &str) -> Result<Regex, String> {
    regex(pattern, &format!("^(?:{pattern})$"))
}

/// An expression that matches the end of a name, as peft reads the keys of its patterns.
pub(super) fn ending(key: &str) -> Result<Regex, String> {
    regex(key, &format!(r"^(?:.*\.)?(?:{key})$"))
}

fn regex(written: &str, whole: &str) -> Result<Regex, String> {
    Regex::new(whole).map_err(|_| {
        format!(
            "'{written}' is not a regular expression that is understood (no look-around, no references): \
             list the names instead"
        )
    })
}

fn rank(name: &str, value: &Value) -> Result<u32, String> {
    let rank = value.as_u64().and_then(|rank| u32::try_from(rank).ok()).filter(|&rank| rank > 0);
    rank.ok_or_else(|| format!("{name} is {value}; it must be a whole number of at least 1"))
}

fn number(name: &str, value: &Value) -> Result<f64, String> {
    value
        .as_f64()
        .filter(|number| number.is_finite())
        .ok_or_else(|| format!("{name} is {value}; it must be a number"))
}

fn flag(name: &str, value: &Value) -> Result<bool, String> {
    value.as_bool().ok_or_else(|| format!("{name} is {value}; it must be true or false"))
}

/// The entries of a pattern.
fn pattern<T>(
    name: &str,
    value: &Value,
    read: impl Fn(&str, &Value) -> Result<T, String>,
) -> Result<Vec<(String, T)>, String> {
    let map = value.as_object().ok_or_else(|| format!("{name} is {value}, not an object"))?;
    let entry = |(key, value): (&String, &Value)| {
        ending(key)?;
        Ok((key.clone(), read(&format!("{name}['{key}']"), value)?))
    };
    map.iter().map(entry).collect()
}
