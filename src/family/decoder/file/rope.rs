//! Rotary positions as files state them: the base, and how far wavelengths are stretched. Older files
//! say `rope_theta` and `rope_scaling`, newer ones `rope_parameters` with both. Where layers that slide have wavelengths
//! of their own, older files of a Gemma 3 say `rope_local_base_freq`, and `rope_parameters` holds one object for each kind
//! of layer.

use serde_json::{Map, Value, json};

use super::{
    fields::{FileFields, positive, size},
    unsaid::Unsaid,
};
use crate::family::{
    decoder::{
        architecture::Architecture,
        config::Layer,
        rope::{Rope, Scaling},
    },
    fields::given,
};

/// Where a file may state one kind of layer's rotary positions.
struct Stated<'a> {
    /// The field of the base, where the objects are not all that states it.
    theta: Option<&'static str>,
    /// The newer object, and what it is called.
    newer: Option<(String, &'a Map<String, Value>)>,
    /// The older one.
    older: Option<&'a Map<String, Value>>,
    /// For which length the model was trained first; `None` of architectures that `longrope` does not stretch.
    original: Option<u32>,
    /// The longest sequence that the model takes, which it was trained for first where an object does not say.
    longest: u32,
    /// Whether an object may say how much of a head is turned.
    in_part: bool,
}

/// Reads the rotary positions of all layers, and those of layers that slide where they have their own.
pub(super) fn read(
    fields: &FileFields<'_>,
    architecture: Architecture,
) -> Result<(Rope, Option<Rope>), String> {
    let unsaid = Unsaid::of(architecture);
    if architecture.names().positions.is_some() {
        return Ok((Rope { theta: unsaid.rope_theta, scaling: Scaling::Default }, None));
    }
    let original = match unsaid.original_max_position_embeddings {
        Some(unsaid) => Some(fields.size(ORIGINAL)?.unwrap_or(unsaid)),
        None => None,
    };
    let in_part = architecture.may_turn_in_part();
    let longest = fields.size(LONGEST)?.unwrap_or(unsaid.max_position_embeddings);
    let newer = object(NEWER, fields.given(NEWER))?;
    let older = object(OLDER, fields.given(OLDER))?;
    let Some(local) = unsaid.sliding_theta else {
        let newer = newer.map(|newer| (NEWER.to_owned(), newer));
        let stated = Stated { theta: Some(THETA), newer, older, original, longest, in_part };
        return Ok((stated.read(fields, unsaid.rope_theta)?, None));
    };
    let kinds = [Layer::FULL, Layer::SLIDING];
    let other = newer.and_then(|newer| newer.keys().find(|key| !kinds.contains(&key.as_str())));
    if let Some(other) = other {
        return Err(format!(
            "{NEWER}.{other} belongs to a kind of layer: state it within {NEWER}.{} or {NEWER}.{}",
            Layer::FULL,
            Layer::SLIDING
        ));
    }
    let of = |kind: &str| -> Result<_, String> {
        let name = format!("{NEWER}.{kind}");
        let value = newer.and_then(|newer| newer.get(kind)).filter(|value| !value.is_null());
        Ok(object(&name, value)?.map(|found| (name, found)))
    };
    let full =
        Stated { theta: Some(THETA), newer: of(Layer::FULL)?, older, original, longest, in_part };
    let newer = of(Layer::SLIDING)?;
    let theta = (architecture == Architecture::Gemma3).then_some("rope_local_base_freq");
    let sliding = Stated { theta, newer, older: None, original, longest, in_part };
    let both = [full.read(fields, unsaid.rope_theta)?, sliding.read(fields, local)?];
    if both.iter().any(|rope| matches!(rope.scaling, Scaling::Yarn { truncate: false, .. })) {
        return Err(format!(
            "truncate of yarn is false or null, which transformers passes over in {}: remove it",
            architecture.model_type()
        ));
    }
    let [full, sliding] = both;
    Ok((full, Some(sliding)))
}

/// The field of the base.
const THETA: &str = "rope_theta";

/// The field of newer files, and that of older ones.
const NEWER: &str = "rope_parameters";
const OLDER: &str = "rope_scaling";

/// How much of a head is turned, stated beside either of these or in it.
const PARTIAL: &str = "partial_rotary_factor";

/// The longest sequence.
const LONGEST: &str = "max_position_embeddings";

/// For which length a model was trained before its wavelengths were stretched.
const ORIGINAL: &str = "original_max_position_embeddings";

/// How much of a head rotary positions turn.
pub(super) fn partial(fields: &FileFields<'_>, architecture: Architecture) -> Result<f64, String> {
    if architecture.names().positions.is_some() {
        return Ok(1.0);
    }
    let mut stated: Vec<(String, f64)> = Vec::new();
    if let Some(factor) = fields.positive(PARTIAL)? {
        stated.push((PARTIAL.to_owned(), factor));
    }
    let objects: &[&str] = if architecture.may_turn_in_part() { &[NEWER, OLDER] } else { &[] };
    for &name in objects {
        let rope = object(name, fields.given(name))?;
        if let Some(value) = rope.and_then(|rope| rope.get(PARTIAL)).filter(|it| !it.is_null()) {
            let name = format!("{name}.{PARTIAL}");
            let factor = positive(&name, value)?;
            stated.push((name, factor));
        }
    }
    let Some((name, factor)) = stated.first() else {
        return Ok(Unsaid::of(architecture).partial_rotary_factor);
    };
    if let Some((other, another)) = stated.iter().find(|(_, another)| another != factor) {
        return Err(format!("{name} is {factor}, but {other} is {another}: remove one of them"));
    }
    if *factor > 1.0 {
        return Err(format!("{name} is {factor}: no more than all of a head can be turned"));
    }
    if !architecture.may_turn_in_part() && *factor != 1.0 {
        return Err(format!(
            "{name} is {factor}: of {} only heads that are turned whole are supported",
            architecture.model_type()
        ));
    }
    Ok(*factor)
}

fn object<'a>(
    name: &str,
    value: Option<&'a Value>,
) -> Result<Option<&'a Map<String, Value>>, String> {
    let Some(value) = value else { return Ok(None) };
    let object = value.as_object();
    object.map(Some).ok_or_else(|| format!("{name} is {value}, not an object"))
}

impl Stated<'_> {
    /// Reads both spellings; what both say, they must say alike.
    fn read(self, fields: &FileFields<'_>, default_theta: f64) -> Result<Rope, String> {
        let Self { theta, newer, older, original, longest, in_part } = self;
        let newer = newer.as_ref().map(|(name, rope)| (name.as_str(), *rope));
        let older = older.map(|rope| (OLDER, rope));
        let beside = match theta {
            Some(field) => fields.positive(field)?.map(|base| (field.to_owned(), base)),
            None => None,
        };
        let mut base = beside;
        for (name, rope) in [newer, older].into_iter().flatten() {
            let name = format!("{name}.{THETA}");
            let Some(value) = rope.get(THETA).filter(|value| !value.is_null()) else {
                continue;
            };
            let inner = positive(&name, value)?;
            match &base {
                Some((other, outer)) if *outer != inner => {
                    return Err(format!(
                        "{other} is {outer}, but {name} is {inner}: remove one of them"
                    ));
                }
                _ => base = Some((name, inner)),
            }
        }
        let scaling =
            |(name, rope): (&str, _)| Scaling::read((name, rope), original, longest, in_part);
        let older = older.map(scaling).transpose()?;
        let read = newer.map(scaling).transpose()?;
        if let (Some(read), Some(older), Some((name, _))) = (&read, &older, newer)
            && read != older
        {
            return Err(format!("{name} and {OLDER} contradict each other: remove one of them"));
        }
        let scaling = read.or(older).unwrap_or(Scaling::Default);
        let (name, theta) = base.unwrap_or_else(|| (THETA.to_owned(), default_theta));
        if theta == 1.0 && matches!(scaling, Scaling::Yarn { .. }) {
            return Err(format!(
                "{name} is 1; yarn divides by its logarithm: state another base, or another rope_type"
            ));
        }
        Ok(Rope { theta, scaling })
    }
}

impl Rope {
    /// As newer files write it.
    pub(super) fn write(&self) -> Value {
        let mut rope = self.scaling.write();
        rope[THETA] = json!(self.theta);
        rope
    }
}

impl Scaling {
    /// As older files write it, which state the base elsewhere.
    pub(super) fn write(&self) -> Value {
        match self {
            Self::Default => json!({ "rope_type": "default" }),
            Self::Linear { factor } => json!({ "rope_type": "linear", "factor": factor }),
            Self::Llama3 { factor, low, high, original } => json!({
                "rope_type": "llama3",
                "factor": factor,
                "low_freq_factor": low,
                "high_freq_factor": high,
                "original_max_position_embeddings": original,
            }),
            Self::Yarn { factor, original, turns, truncate, attention_factor, mscale } => {
                let [fast, slow] = turns;
                let mut rope = json!({
                    "rope_type": "yarn",
                    "factor": factor,
                    "original_max_position_embeddings": original,
                    "beta_fast": fast,
                    "beta_slow": slow,
                    "truncate": truncate,
                });
                if let Some(stated) = attention_factor {
                    rope["attention_factor"] = json!(stated);
                }
                if let Some([mscale, all]) = mscale {
                    rope["mscale"] = json!(mscale);
                    rope["mscale_all_dim"] = json!(all);
                }
                rope
            }
            Self::LongRope { short, long, original: _, factor, attention_factor } => {
                let mut rope =
                    json!({ "rope_type": "longrope", "short_factor": short, "long_factor": long });
                for (key, stated) in [("factor", factor), ("attention_factor", attention_factor)] {
                    if let Some(stated) = stated {
                        rope[key] = json!(stated);
                    }
                }
                rope
            }
        }
    }

    /// The rest as in [`Stated`]: an architecture has `longrope`, or the others.
    fn read(
        (name, rope): (&str, &Map<String, Value>),
        original: Option<u32>,
        longest: u32,
        in_part: bool,
    ) -> Result<Self, String> {
        // As transformers has it.
        let longest = json!(longest);
        let missing = |key: &str| format!("{name}.{key} is missing");
        let number = |key: &str| {
            let value = rope.get(key).ok_or_else(|| missing(key))?;
            positive(&format!("{name}.{key}"), value)
        };
        let kind = rope.get("rope_type").or_else(|| rope.get("type"));
        let kind = match kind {
            None => "default",
            Some(kind) => kind.as_str().unwrap_or_default(),
        };
        let (scaling, keys): (_, &[&str]) = match (kind, original) {
            ("default", None) => (Self::Default, &[]),
            // A file may go on to say what `longrope` was trained for.
            ("default", Some(_)) => (Self::Default, &[ORIGINAL]),
            ("longrope" | "su", Some(original)) => {
                (Self::read_longrope(name, rope, original)?, &LONGROPE)
            }
            ("linear", None) => (Self::Linear { factor: number("factor")? }, &["factor"]),
            ("yarn", None) => (Self::read_yarn(name, rope, &longest)?, &YARN),
            ("llama3", None) => {
                let key = ORIGINAL;
                let original = rope.get(key).unwrap_or(&longest);
                let scaling = Self::Llama3 {
                    factor: number("factor")?,
                    low: number("low_freq_factor")?,
                    high: number("high_freq_factor")?,
                    original: size(&format!("{name}.{key}"), original)?,
                };
                (scaling, &["factor", "low_freq_factor", "high_freq_factor", key])
            }
            _ => {
                let kind =
                    rope.get("rope_type").or_else(|| rope.get("type")).unwrap_or(&Value::Null);
                let built =
                    original.map_or("default, linear, llama3, yarn", |_| "default, longrope");
                return Err(format!("{name}.rope_type {kind} is not supported: one of {built}"));
            }
        };
        if let Self::Llama3 { low, high, .. } = scaling
            && low >= high
        {
            return Err(format!(
                "{name}: low_freq_factor = {low} is not below high_freq_factor = {high}"
            ));
        }
        let known = |key: &str| {
            ["rope_type", "type", THETA].contains(&key)
                || keys.contains(&key)
                || in_part && key == PARTIAL
        };
        match rope.iter().find(|(key, value)| !known(key) && !value.is_null()) {
            Some((key, value)) => Err(format!(
                "{name}.{key} is {value}, which rope_type \"{kind}\" does not have: remove it"
            )),
            None => Ok(scaling),
        }
    }

    fn read_yarn(name: &str, rope: &Map<String, Value>, longest: &Value) -> Result<Self, String> {
        let given = |key: &str| given(rope, key);
        let number = |key: &str| {
            given(key).map(|value| positive(&format!("{name}.{key}"), value)).transpose()
        };
        if !rope.contains_key("factor") {
            return Err(format!("{name}.factor is missing"));
        }
        let truncate = match rope.get("truncate") {
            None => Ok(true),
            // As transformers takes it.
            Some(Value::Null) => Ok(false),
            Some(value) => value
                .as_bool()
                .ok_or_else(|| format!("{name}.truncate is {value}; it must be true or false")),
        };
        let original = rope.get(ORIGINAL).unwrap_or(longest);
        Ok(Self::Yarn {
            factor: number("factor")?,
            original: size(&format!("{name}.{ORIGINAL}"), original)?,
            turns: [number("beta_fast")?.unwrap_or(32.0), number("beta_slow")?.unwrap_or(1.0)],
            truncate: truncate?,
            attention_factor: number("attention_factor")?,
            // One alone changes nothing.
            mscale: number("mscale")?.zip(number("mscale_all_dim")?).map(|(m, all)| [m, all]),
        })
    }

    fn read_longrope(name: &str, rope: &Map<String, Value>, original: u32) -> Result<Self, String> {
        let factors = |key: &str| -> Result<Vec<f64>, String> {
            let value = rope.get(key).ok_or_else(|| format!("{name}.{key} is missing"))?;
            let list =
                value.as_array().ok_or_else(|| format!("{name}.{key} is {value}, not a list"))?;
            let factors = list.iter().enumerate();
            factors.map(|(at, value)| positive(&format!("{name}.{key}[{at}]"), value)).collect()
        };
        let given = |key: &str| given(rope, key);
        let number = |key: &str| {
            given(key).map(|value| positive(&format!("{name}.{key}"), value)).transpose()
        };
        let inner = given(ORIGINAL).map(|value| size(&format!("{name}.{ORIGINAL}"), value));
        if let Some(inner) = inner.transpose()?.filter(|inner| *inner != original) {
            return Err(format!(
                "{name}.{ORIGINAL} is {inner}, but {ORIGINAL} beside it, which goes before it, is {original} (stated \
                 or by default): state it there"
            ));
        }
        if original < 2 {
            return Err(format!(
                "{ORIGINAL} is {original}; longrope divides by its logarithm: state at least 2"
            ));
        }
        Ok(Self::LongRope {
            short: factors("short_factor")?,
            long: factors("long_factor")?,
            original,
            factor: number("factor")?,
            attention_factor: number("attention_factor")?,
        })
    }
}

/// What an object of `yarn` may hold.
const YARN: [&str; 8] = [
    "factor",
    ORIGINAL,
    "beta_fast",
    "beta_slow",
    "truncate",
    "attention_factor",
    "mscale",
    "mscale_all_dim",
];

/// What an object of `longrope` may hold.
const LONGROPE: [&str; 5] = ["short_factor", "long_factor", "factor", "attention_factor", ORIGINAL];
