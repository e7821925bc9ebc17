//! What MODEL on the command line stands for: a preset by name, or a folder as Hugging Face lays
//! one out.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value};

use super::{
    Family, Fields, Lora, ModelConfig, Qwen2Config, ResNetBkConfig, Weights, checkpoint, fields,
    spelling::nearest,
};
use crate::Error;

/// Models that need no folder, by name.
pub static PRESETS: [(&str, ModelConfig); 5] = [
    (
        "resnet-bk",
        // The baseline for which the estimator's numbers were published.
        ModelConfig::ResNetBk(ResNetBkConfig {
            d_model: 64,
            n_layers: 4,
            n_seq: 128,
            vocab_size: 30_000,
            num_experts: 4,
            top_k: 1,
        }),
    ),
    ("qwen2.5-0.5b", qwen([896, 24, 4864, 151_936], [14, 2], true)),
    ("qwen2.5-1.5b", qwen([1536, 28, 8960, 151_936], [12, 2], true)),
    ("qwen2.5-3b", qwen([2048, 36, 11_008, 151_936], [16, 2], true)),
    ("qwen2.5-7b", qwen([3584, 28, 18_944, 152_064], [28, 4], false)),
];

/// Hidden width, layers, intermediate width and vocabulary; query heads and key and value heads;
/// whether the head is the embedding.
const fn qwen(extents: [u32; 4], heads: [u32; 2], tied: bool) -> ModelConfig {
    ModelConfig::Qwen2(Qwen2Config::published(extents, heads, tied))
}

/// The file in a model's folder that says what it is.
const CONFIG_FILE: &str = "config.json";

/// A model that somebody named: its configuration and where its parameters lie.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// As the user named it.
    pub name: String,
    /// What it is, overrides included.
    pub config: ModelConfig,
    /// Its checkpoint, where it has one: a safetensors file, or the index of several.
    pub checkpoint: Option<PathBuf>,
    /// The values of its adapters, where it has them.
    pub adapter: Option<PathBuf>,
}

impl Model {
    /// The model that `name` stands for, with `KEY=VALUE` overrides of its configuration applied in
    /// order. A preset goes before a folder of the same name (`./resnet-bk` is the folder).
    ///
    /// # Errors
    /// [`Error::Config`] where there is no such model or an override or its outcome makes no sense;
    /// [`Error::File`] where the folder's `config.json` cannot be read or understood.
    pub fn resolve<S: AsRef<str>>(
        name: &str,
        overrides: impl IntoIterator<Item = S>,
    ) -> Result<Self, Error> {
        let overrides: Vec<S> = overrides.into_iter().collect();
        let origin = Origin::of(name)?;
        let mut object = origin.read()?;
        let saved = origin.adapter()?;
        if let Some(lora) = &saved {
            lora.ask(&mut object);
        }
        for assignment in &overrides {
            let assignment = assignment.as_ref();
            Family::of(&object)
                .and_then(|family| fields::set(&mut object, family.fields(), assignment))
                .map_err(|problem| Error::Config(format!("setting {assignment}: {problem}")))?;
        }
        let config = ModelConfig::from_json(&object).map_err(|problem| match &origin {
            Origin::Folder(folder) if overrides.is_empty() => {
                Error::File { path: folder.join(CONFIG_FILE), problem }
            }
            Origin::Preset(_) | Origin::Folder(_) => {
                let set: Vec<&str> = overrides.iter().map(S::as_ref).collect();
                let with = if set.is_empty() { "" } else { " with " };
                Error::Config(format!("{name}{with}{}: {problem}", set.join(", ")))
            }
        })?;
        let (checkpoint, adapter) = match (&origin, &saved) {
            (Origin::Preset(_), _) => (None, None),
            (Origin::Folder(folder), None) => (checkpoint_of(folder), None),
            (Origin::Folder(folder), Some(saved)) => {
                belongs(saved, &config)
                    .map_err(|problem| Error::File { path: Lora::config_file(folder), problem })?;
                (checkpoint_of(folder), Some(Lora::weights_file(folder)))
            }
        };
        Ok(Self { name: name.to_owned(), config, checkpoint, adapter })
    }

    /// The fields that the configuration of the model `name` may set.
    ///
    /// # Errors
    /// As [`Self::resolve`], where there is no such model.
    pub fn fields(name: &str) -> Result<Fields, Error> {
        Family::of(&Origin::of(name)?.read()?).map(Family::fields).map_err(Error::Config)
    }

    /// The model's parameters: from its checkpoint and its adapters' file, or seeded where there is
    /// none.
    ///
    /// # Errors
    /// [`Error::File`] where a file is not this model's.
    pub fn weights(&self, seed: u64) -> Result<Weights, Error> {
        let (adapters, base): (Vec<_>, Vec<_>) =
            self.config.parameters().into_iter().partition(|p| Lora::is_part(&p.name));
        let mut weights = Weights::default();
        for (parameters, path) in [(base, &self.checkpoint), (adapters, &self.adapter)] {
            match path {
                Some(path) => {
                    let files = checkpoint::files(path)?;
                    weights.read(files, &parameters, self.config.redundant())?;
                }
                None => weights.seed(seed, &parameters),
            }
        }
        Ok(weights)
    }
}

/// The checkpoint in a model's folder, whole or in shards.
fn checkpoint_of(folder: &Path) -> Option<PathBuf> {
    [checkpoint::WHOLE, checkpoint::INDEX]
        .into_iter()
        .map(|name| folder.join(name))
        .find(|path| is_there(path))
}

/// Whether a configuration still asks for the adapters that its folder holds.
fn belongs(saved: &Lora, config: &ModelConfig) -> Result<(), String> {
    let ModelConfig::Qwen2(Qwen2Config { lora: Some(asked), .. }) = config else {
        return Err("adapters are not supported for this family of models".to_owned());
    };
    if (asked.rank, asked.targets) != (saved.rank, saved.targets) {
        return Err(format!(
            "holds adapters of {saved}, but {asked} is asked for: leave that option out, or take a folder \
             without adapters"
        ));
    }
    Ok(())
}

/// Whether there is anything under this name. A link into nowhere and a file we may not look at
/// count: reading them fails and says so, while seeded weights in their place would go unnoticed.
fn is_there(path: &Path) -> bool {
    !fs::symlink_metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

/// Where a configuration is read from.
enum Origin {
    Preset(&'static ModelConfig),
    Folder(PathBuf),
}

impl Origin {
    fn of(name: &str) -> Result<Self, Error> {
        if let Some((_, config)) = PRESETS.iter().find(|(preset, _)| *preset == name) {
            return Ok(Self::Preset(config));
        }
        let path = Path::new(name);
        if path.is_dir() {
            return Ok(Self::Folder(path.to_owned()));
        }
        if path.is_file() {
            let problem = format!("is a file; a model is the folder that holds its {CONFIG_FILE}");
            return Err(Error::File { path: path.to_owned(), problem });
        }
        let presets: Vec<&str> = PRESETS.iter().map(|&(preset, _)| preset).collect();
        let guess = nearest(name, presets.iter().copied())
            .map_or_else(String::new, |guess| format!(". Did you mean '{guess}'?"));
        Err(Error::Config(format!(
            "no model '{name}': it is neither a preset ({}) nor a folder with a {CONFIG_FILE}{guess}",
            presets.join(", ")
        )))
    }

    /// The adapters that a folder holds.
    fn adapter(&self) -> Result<Option<Lora>, Error> {
        let Self::Folder(folder) = self else { return Ok(None) };
        let path = Lora::config_file(folder);
        if !is_there(&path) {
            return Ok(None);
        }
        let object = object_in(&path)?;
        Lora::from_peft(&object).map(Some).map_err(|problem| Error::File { path, problem })
    }

    fn read(&self) -> Result<Map<String, Value>, Error> {
        let folder = match self {
            Self::Preset(config) => {
                let value = serde_json::to_value(config).expect("a configuration is plain data");
                return Ok(value.as_object().cloned().expect("a configuration is an object"));
            }
            Self::Folder(folder) => folder,
        };
        object_in(&folder.join(CONFIG_FILE))
    }
}

/// The fields in a JSON file.
pub(super) fn object_in(path: &Path) -> Result<Map<String, Value>, Error> {
    let failed = |problem| Error::File { path: path.to_owned(), problem };
    let text =
        fs::read_to_string(path).map_err(|error| failed(format!("cannot be read: {error}")))?;
    serde_json::from_str(&text)
        .map_err(|error| failed(format!("is not a JSON object of fields: {error}")))
}
