//! What MODEL on the command line stands for: a preset by name, or a folder as Hugging Face lays
//! one out.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value};

use super::{Family, ModelConfig, ResNetBkConfig, Weights, fields, spelling::nearest};
use crate::Error;

/// Models that need no folder, by name.
pub static PRESETS: [(&str, ModelConfig); 1] = [(
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
)];

/// The file in a model's folder that says what it is.
const CONFIG_FILE: &str = "config.json";
/// The file in a model's folder that holds its parameters.
const WEIGHTS_FILE: &str = "model.safetensors";

/// A model that somebody named: its configuration and where its parameters lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    /// As the user named it.
    pub name: String,
    /// What it is, overrides included.
    pub config: ModelConfig,
    /// Its checkpoint, where it has one.
    pub checkpoint: Option<PathBuf>,
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
        for assignment in &overrides {
            let assignment = assignment.as_ref();
            Family::of(&object)
                .and_then(|family| fields::set(&mut object, family.fields(), assignment))
                .map_err(|problem| Error::Config(format!("--set {assignment}: {problem}")))?;
        }
        let config = ModelConfig::from_json(&object).map_err(|problem| match &origin {
            Origin::Folder(folder) if overrides.is_empty() => {
                Error::File { path: folder.join(CONFIG_FILE), problem }
            }
            Origin::Preset(_) | Origin::Folder(_) => {
                let set = overrides.iter().map(|o| format!(" --set {}", o.as_ref()));
                Error::Config(format!("{name}{}: {problem}", set.collect::<String>()))
            }
        })?;
        let checkpoint = match origin {
            Origin::Preset(_) => None,
            Origin::Folder(folder) => Some(folder.join(WEIGHTS_FILE)).filter(|path| is_there(path)),
        };
        Ok(Self { name: name.to_owned(), config, checkpoint })
    }

    /// The model's parameters: from its checkpoint, or seeded where it has none.
    ///
    /// # Errors
    /// [`Error::File`] where the checkpoint is not this model's.
    pub fn weights(&self, seed: u64) -> Result<Weights, Error> {
        let parameters = self.config.parameters();
        match &self.checkpoint {
            Some(path) => Weights::open(path, &parameters),
            None => Ok(Weights::seeded(seed, &parameters)),
        }
    }
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

    fn read(&self) -> Result<Map<String, Value>, Error> {
        let folder = match self {
            Self::Preset(config) => {
                let value = serde_json::to_value(config).expect("a configuration is plain data");
                return Ok(value.as_object().cloned().expect("a configuration is an object"));
            }
            Self::Folder(folder) => folder,
        };
        let path = folder.join(CONFIG_FILE);
        let failed = |problem| Error::File { path: path.clone(), problem };
        let text = fs::read_to_string(&path)
            .map_err(|error| failed(format!("cannot be read: {error}")))?;
        serde_json::from_str(&text)
            .map_err(|error| failed(format!("is not a JSON object of fields: {error}")))
    }
}
