//! How a model and the options of its training step are written down and read back, whatever family they are
//! of: the field `model_type` says which family reads the others, and each option is a field of its own.

use std::{borrow::Cow, fmt, marker::PhantomData};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error as _, IgnoredAny, MapAccess, Visitor},
};
use serde_json::{Value, json};

use super::{
    FAMILIES,
    fields::MODEL_TYPE,
    member::{Family, ModelConfig, Object},
    training::{Choices, Chosen, StepOption},
};

impl Family {
    /// The family that the contents of a `config.json` are for.
    ///
    /// # Errors
    /// Which families there are, where it is none of them.
    pub fn of(object: &Object) -> Result<&'static Self, String> {
        let types = || {
            FAMILIES
                .iter()
                .flat_map(|family| family.model_types.iter().chain(family.holders.model_types))
        };
        let known = || types().copied().collect::<Vec<_>>().join(", ");
        let name = object
            .get(MODEL_TYPE)
            .ok_or_else(|| format!("field '{MODEL_TYPE}' is missing (one of: {})", known()))?;
        let is_its = |family: &&&Self| {
            family.model_types.iter().chain(family.holders.model_types).any(|known| name == known)
        };
        let family = FAMILIES.iter().find(is_its).copied();
        family.ok_or_else(|| format!("{MODEL_TYPE} {name} is not supported (one of: {})", known()))
    }

    /// Every preset of every family: its name and its `config.json`.
    pub fn presets() -> impl Iterator<Item = (&'static str, &'static str)> {
        FAMILIES.iter().flat_map(|family| family.presets).copied()
    }

    /// The choice of a value for the option of this name.
    ///
    /// # Errors
    /// What there is, where no family has such an option or it has no such value.
    pub fn choose(key: &str, value: &str) -> Result<Chosen, String> {
        let found = Self::all_options().find(|(_, option)| option.key == key);
        let (_, option) = found.ok_or_else(|| {
            let known = Self::all_options().map(|(_, option)| option.key);
            format!("no option '{key}' (one of: {})", known.collect::<Vec<_>>().join(", "))
        })?;
        option.choose(value)
    }

    /// Every option of every family, with the family.
    pub fn all_options() -> impl Iterator<Item = (&'static Self, &'static StepOption)> {
        FAMILIES.iter().flat_map(|family| family.options.iter().map(|option| (*family, option)))
    }
}

impl ModelConfig {
    /// Reads the contents of a `config.json`.
    ///
    /// # Errors
    /// What is missing, misspelt or makes no sense, in words.
    pub fn from_json(object: &Object) -> Result<Self, String> {
        (Family::of(object)?.read)(object)
    }

    /// The preset of this name.
    pub fn preset(name: &str) -> Option<Self> {
        let (_, text) = Family::presets().find(|(known, _)| *known == name)?;
        let object = serde_json::from_str(text).expect("a preset is a JSON object");
        Some(Self::from_json(&object).expect("a preset is a model of its family"))
    }

    /// The contents of its `config.json`.
    pub fn to_json(&self) -> Object {
        let family = (MODEL_TYPE.to_owned(), Value::from(self.model_type()));
        [family].into_iter().chain(self.fields()).collect()
    }
}

impl Serialize for ModelConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ModelConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_json(&Object::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl JsonSchema for ModelConfig {
    fn schema_name() -> Cow<'static, str> {
        "ModelConfig".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let of = |family: &&Family| {
            let mut schema = (family.schema)(generator);
            let types = json!({ "type": "string", "enum": family.model_types });
            let object = schema.ensure_object();
            let properties = object.entry("properties").or_insert_with(|| json!({}));
            if let Some(properties) = properties.as_object_mut() {
                properties.insert(MODEL_TYPE.to_owned(), types);
            }
            let required = object.entry("required").or_insert_with(|| json!([]));
            if let Some(required) = required.as_array_mut() {
                required.insert(0, MODEL_TYPE.into());
            }
            schema
        };
        let families: Vec<Schema> = FAMILIES.iter().map(of).collect();
        json_schema!({
            "description": "The configuration of one model of any family, as its `config.json` has it.",
            "anyOf": families,
        })
    }
}

/// Each option is a field.
impl Serialize for Chosen {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter().map(|(option, value)| (option.key, value)))
    }
}

/// Other fields beside the options are no error: a report has its own.
impl<'de> Deserialize<'de> for Chosen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let key = |option: &StepOption| option.key;
        let found: Vec<(_, Option<String>)> = deserializer.deserialize_map(Options::named(key))?;
        found.into_iter().try_fold(Self::default(), |all, (option, name)| match name {
            Some(name) => option.choose(&name).map(|one| all.and(one)).map_err(D::Error::custom),
            None => Ok(all),
        })
    }
}

impl JsonSchema for Chosen {
    fn schema_name() -> Cow<'static, str> {
        "Chosen".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        fields(|option| (option.key, json!({ "description": option.about, "enum": option.values })))
    }
}

/// Each option has a list of its values.
impl Serialize for Choices {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut lists: Vec<(&str, Vec<&str>)> = Vec::new();
        for (option, value) in self.0.iter().flat_map(Chosen::iter) {
            match lists.iter_mut().find(|(plural, _)| *plural == option.plural) {
                Some((_, list)) if list.contains(&value) => {}
                Some((_, list)) => list.push(value),
                None => lists.push((option.plural, vec![value])),
            }
        }
        serializer.collect_map(lists)
    }
}

impl<'de> Deserialize<'de> for Choices {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let plural = |option: &StepOption| option.plural;
        let found: Vec<(_, Vec<String>)> = deserializer.deserialize_map(Options::named(plural))?;
        let mut choices = vec![Chosen::default()];
        for (option, names) in found {
            let mut next = Vec::new();
            for one in &choices {
                for name in &names {
                    next.push(one.and(option.choose(name).map_err(D::Error::custom)?));
                }
            }
            choices = next;
        }
        Ok(Self(choices))
    }
}

impl JsonSchema for Choices {
    fn schema_name() -> Cow<'static, str> {
        "Choices".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        fields(|option| {
            let items = json!({ "enum": option.values });
            let list = json!({ "description": option.about, "type": "array", "items": items });
            (option.plural, list)
        })
    }
}

/// An object with a field for every option of every family.
fn fields(field: impl Fn(&StepOption) -> (&'static str, Value)) -> Schema {
    let properties = Family::all_options().map(|(_, option)| field(option));
    let properties: Object = properties.map(|(key, schema)| (key.to_owned(), schema)).collect();
    json_schema!({ "type": "object", "properties": properties })
}

/// Picks the fields of a map that are options' by a name of theirs.
struct Options<N, T>(N, PhantomData<T>);

impl<N: Fn(&StepOption) -> &'static str, T> Options<N, T> {
    fn named(name: N) -> Self {
        Self(name, PhantomData)
    }
}

impl<'de, N, T> Visitor<'de> for Options<N, T>
where
    N: Fn(&StepOption) -> &'static str,
    T: Deserialize<'de>,
{
    type Value = Vec<(&'static StepOption, T)>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the options of a training step")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            match Family::all_options().find(|(_, option)| self.0(option) == key) {
                Some((_, option)) => found.push((option, map.next_value()?)),
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(found)
    }
}
