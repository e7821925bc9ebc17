//! The decoder that somebody named: a preset, or a folder as Hugging Face lays one out, with fields of its
//! configuration overridden.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value};

use crate::{
    Error,
    family::{
        Family, ModelConfig,
        decoder::{Adapters, DecoderConfig, Member, PRESETS, preset},
    },
};

/// The files that say what a model and its adapters are.
const CONFIG: &str = "config.json";
const ADAPTER: &str = "adapter_config.json";

impl DecoderConfig {
    /// The decoder that `name` stands for, with `KEY=VALUE` overrides of its fields applied in order. A
    /// preset goes before a folder of the same name.
    ///
    /// # Errors
    /// [`Error::Config`] where there is no such decoder, or an override or its outcome makes no sense;
    /// [`Error::File`] where a file in the folder cannot be read or understood.
    pub fn resolve<S: AsRef<str>>(name: &str, overrides: &[S]) -> Result<Self, Error> {
        let (mut object, path) = origin(name)?;
        for assignment in overrides {
            let assignment = assignment.as_ref();
            let (key, value) = assignment.split_once('=').ok_or_else(|| {
                Error::Config(format!("'{assignment}' is not KEY=VALUE (as in hidden_size=1024)"))
            })?;
            let value =
                serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
            object.insert(key.to_owned(), value);
            // A list of the layers' kinds is for as many layers as there were.
            if key == "num_hidden_layers" {
                object.remove("layer_types");
            }
        }
        Self::from_json(&object).map_err(|problem| match &path {
            Some(path) if overrides.is_empty() => Error::File { path: path.clone(), problem },
            _ => Error::Config(format!("{name}: {problem}")),
        })
    }
}

/// A model as a decoder.
fn decoder(config: &ModelConfig) -> Result<DecoderConfig, Error> {
    if Member::ALL.iter().all(|member| member.model_type() != config.model_type()) {
        return Err(Error::Config(format!(
            "{} is no decoder: the published formulas are about decoders, and its own estimator has no \
             other beside it",
            config.family().name
        )));
    }
    DecoderConfig::from_json(&config.to_json()).map_err(Error::Config)
}

/// The fields of a configuration, and the file that they are from.
fn origin(name: &str) -> Result<(Map<String, Value>, Option<PathBuf>), Error> {
    if let Some(config) = preset(name) {
        return Ok((config.to_json(), None));
    }
    if let Some(config) = ModelConfig::preset(name) {
        return Ok((decoder(&config)?.to_json(), None));
    }
    let folder = Path::new(name);
    if !folder.is_dir() {
        let is_decoder =
            |name: &&str| ModelConfig::preset(name).is_some_and(|config| decoder(&config).is_ok());
        let decoders = Family::presets().map(|(name, _)| name).filter(is_decoder);
        let known = decoders.chain(PRESETS.iter().map(|(name, _)| *name));
        return Err(Error::Config(format!(
            "no decoder '{name}': it is neither a preset ({}) nor a folder with a {CONFIG}",
            known.collect::<Vec<_>>().join(", ")
        )));
    }
    let path = folder.join(CONFIG);
    let mut object = read(&path)?;
    let saved = folder.join(ADAPTER);
    if saved.exists() {
        let adapters = Adapters::from_peft(&read(&saved)?)
            .map_err(|problem| Error::File { path: saved, problem })?;
        adapters.write(&mut |name, value| drop(object.insert(name.to_owned(), value)));
    }
    Ok((object, Some(path)))
}

fn read(path: &Path) -> Result<Map<String, Value>, Error> {
    let failed = |problem| Error::File { path: path.to_owned(), problem };
    let text =
        fs::read_to_string(path).map_err(|error| failed(format!("cannot be read: {error}")))?;
    serde_json::from_str(&text)
        .map_err(|error| failed(format!("is not a JSON object of fields: {error}")))
}
