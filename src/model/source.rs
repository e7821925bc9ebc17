//! What MODEL on the command line stands for: a preset by name, or a folder as Hugging Face lays
//! one out.

use std::path::{Path, PathBuf};

use super::{
    ModelName, NotRun, Weights, checkpoint, checkpoint::is_there, json::object_in, weights::Stored,
};
use crate::{
    Error,
    blocks::ParameterSpec,
    family::{
        Family, HeldModel, ModelConfig, NO_ADAPTERS, Object, Positions, StoredNames, meant, set,
        setting_of,
    },
    tensors::TensorFile,
};

/// The file in a model's folder that says what it is.
const CONFIG_FILE: &str = "config.json";

/// peft's files in a model's folder: what its adapters are, and their values.
const ADAPTER_CONFIG: &str = "adapter_config.json";
const ADAPTER_WEIGHTS: &str = "adapter_model.safetensors";
/// The values as older versions of peft wrote them.
const OLD_ADAPTER_WEIGHTS: &str = "adapter_model.bin";

/// A named model: its configuration and where its parameters lie.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// What reports call it.
    pub name: ModelName,
    /// What it is, overrides included.
    pub config: ModelConfig,
    /// Its checkpoint, where it has one: a safetensors file, or the index of several.
    pub checkpoint: Option<PathBuf>,
    /// The values of its adapters, where it has them.
    pub adapter: Option<PathBuf>,
    /// A file that seems to hold its weights in a format that is not read, where it has no checkpoint.
    pub not_read: Option<PathBuf>,
    /// What its files hold or ask for that is in no figure.
    pub not_run: NotRun,
}

impl Model {
    /// That its folder has weights which no run takes, and what to do.
    pub fn warning(&self) -> Option<String> {
        let path = self.not_read.as_ref()?.display();
        Some(format!(
            "{path} is not read, so that the weights are random: convert it to model.safetensors for its own"
        ))
    }

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
        let mut found = origin.read()?;
        let saved = origin.adapter()?;
        let own = found.object.clone();
        with_adapters(saved.as_ref(), &mut found.object)?;
        let failed = |assignment: &str, problem: String| {
            Error::Config(format!("setting {assignment}: {problem}"))
        };
        let mut fields: Vec<(&'static str, &str)> = Vec::new();
        for assignment in &overrides {
            let assignment = assignment.as_ref();
            let field = overridden(&mut found.object, assignment);
            let field = field.map_err(|problem| failed(assignment, problem))?;
            let other = fields.iter().find(|(known, other)| {
                *known == field && spelling_in(other) != spelling_in(assignment)
            });
            if let Some((_, other)) = other {
                return Err(Error::Config(format!(
                    "{other} and {assignment} set the same field: leave one of them out"
                )));
            }
            // The last of several values is what the field has.
            fields.retain(|(known, _)| *known != field);
            fields.push((field, assignment));
        }
        let set = fields.iter().map(|(_, assignment)| (*assignment).to_owned()).collect();
        let name = ModelName { as_given: name.to_owned(), set };
        let config = ModelConfig::from_json(&found.object).map_err(|problem| {
            let own = ModelConfig::from_json(&own).err();
            match &origin {
                // What is wrong without any override is said of the file.
                Origin::Folder(folder) if fields.is_empty() || own.as_ref() == Some(&problem) => {
                    // And of the adapters' where they alone are wrong.
                    let (path, problem) = match &saved {
                        Some((path, _)) if own.is_none() => (path.clone(), problem),
                        _ => (folder.join(CONFIG_FILE), found.said(problem)),
                    };
                    Error::File { path, problem }
                }
                Origin::Preset(_) | Origin::Folder(_) => {
                    Error::Config(format!("{name}: {problem}"))
                }
            }
        })?;
        for (field, assignment) in fields {
            let read = (config.family().reads)(&found.object, field);
            read.map_err(|problem| failed(assignment, problem))?;
        }
        if let Some((path, saved)) = &saved {
            config
                .check_adapters(saved)
                .map_err(|problem| Error::File { path: path.clone(), problem })?;
        }
        let folder = match &origin {
            Origin::Preset(_) => None,
            Origin::Folder(folder) => Some(folder),
        };
        let checkpoint = folder.and_then(|folder| checkpoint::in_folder(folder));
        let other = folder.filter(|_| checkpoint.is_none());
        Ok(Self {
            name,
            config,
            checkpoint,
            adapter: folder.filter(|_| saved.is_some()).map(|folder| folder.join(ADAPTER_WEIGHTS)),
            not_read: other.and_then(|folder| checkpoint::not_read(folder)),
            not_run: NotRun::of(&found, saved.as_ref().map(|(_, saved)| saved)),
        })
    }

    /// [`Self::resolve`] for sequences of so many tokens: a preset that would have to have learned more positions
    /// than it has gets as many, unless the overrides say how many there are. A folder's own file says what its model is.
    ///
    /// # Errors
    /// As [`Self::resolve`].
    pub fn resolve_for(
        name: &str,
        mut overrides: Vec<String>,
        seq: Option<u32>,
    ) -> Result<Self, Error> {
        let model = Self::resolve(name, &overrides)?;
        let Positions { field, count, learned } = model.config.positions();
        let is_set = setting_of(&overrides, field).is_some();
        match seq.filter(|&seq| seq > count) {
            Some(seq) if learned && !is_set && ModelConfig::preset(name).is_some() => {
                overrides.push(format!("{field}={seq}"));
                Self::resolve(name, &overrides)
            }
            _ => Ok(model),
        }
    }

    /// The family of the model `name`.
    ///
    /// # Errors
    /// As [`Self::resolve`], where there is no such model.
    pub fn family(name: &str) -> Result<&'static Family, Error> {
        Family::of(&Origin::of(name)?.read()?.object).map_err(Error::Config)
    }

    /// The model's parameters: from its checkpoint and its adapters' file, or seeded where there is
    /// none.
    ///
    /// # Errors
    /// [`Error::File`] where a file is not this model's.
    pub fn weights(&self, seed: u64) -> Result<Weights, Error> {
        let (adapters, base): (Vec<_>, Vec<_>) =
            self.config.parameters().into_iter().partition(|p| self.config.is_adapter(&p.name));
        let mut weights = Weights::default();
        match &self.checkpoint {
            Some(path) => {
                let files = checkpoint::files(path)?;
                let names = self.names_in(&files, &base);
                let stored: Vec<_> = base
                    .iter()
                    .map(|one| Stored::needed(names.of(&one.name), one))
                    .map(|one| one.otherwise(self.config.stored_names()))
                    .collect();
                let redundant = self.config.redundant().iter().map(|name| names.of(name));
                let redundant: Vec<String> = redundant.collect();
                let passed = |name: &str| {
                    names.is_beside(name) || redundant.iter().any(|known| known == name)
                };
                weights.read(files, &stored, passed)?;
            }
            None => weights.seed(seed, &base),
        }
        match &self.adapter {
            Some(path) => {
                let files = checkpoint::files(path)?;
                let names = self.names_in(&files, &adapters);
                let restated = base.iter().flat_map(|parameter| {
                    let beside = self.config.names_beside_adapters(&parameter.name).into_iter();
                    beside.map(move |name| Stored::optional(names.of(&name), parameter))
                });
                let needed = adapters.iter().map(|one| Stored::needed(names.of(&one.name), one));
                let stored: Vec<_> = needed.chain(restated).collect();
                weights.read(files, &stored, |name| names.is_beside(name))?;
            }
            None => weights.seed(seed, &adapters),
        }
        Ok(weights)
    }

    /// How these files name the model's tensors: in the way by which they have the most of them, and as the model itself where
    /// they have the first of them in no way.
    fn names_in(&self, files: &[TensorFile], parameters: &[ParameterSpec]) -> &'static StoredNames {
        let first = parameters.first().map(|parameter| parameter.name.as_str());
        let has = |name: &str| files.iter().any(|file| file.get(name).is_some());
        let holds = |names: &&StoredNames| first.is_some_and(|first| has(&names.of(first)));
        let most = |names: &&StoredNames| {
            parameters.iter().filter(|its| has(&names.of(&its.name))).count()
        };
        // The first of several that have as many.
        let ways = self.config.stored_names().iter().rev().filter(holds);
        ways.max_by_key(most).unwrap_or(&StoredNames::ALONE)
    }
}

/// Asks for the adapters that a file says there are.
fn with_adapters(saved: Option<&(PathBuf, Object)>, object: &mut Object) -> Result<(), Error> {
    let Some((path, saved)) = saved else { return Ok(()) };
    let family = Family::of(object).map_err(Error::Config)?;
    family
        .read_adapters
        .ok_or_else(|| NO_ADAPTERS.to_owned())
        .and_then(|read| read(saved, object))
        .map_err(|problem| Error::File { path: path.clone(), problem })
}

/// Sets a field from `KEY=VALUE`, and takes out what no longer holds. Returns the field.
fn overridden(object: &mut Object, assignment: &str) -> Result<&'static str, String> {
    let family = Family::of(object)?;
    let field =
        set(object, family.fields, assignment).map_err(|why| match family.read_adapters {
            None if assignment.starts_with("lora_") => format!("{NO_ADAPTERS}: leave it out"),
            _ => why,
        })?;
    (family.overridden)(object, field);
    Ok(field)
}

/// What `KEY=VALUE` calls its field.
fn spelling_in(assignment: &str) -> &str {
    assignment.split('=').next().unwrap_or(assignment)
}

/// Where a configuration is read from.
enum Origin {
    Preset(ModelConfig),
    Folder(PathBuf),
}

impl Origin {
    fn of(name: &str) -> Result<Self, Error> {
        if let Some(config) = ModelConfig::preset(name) {
            return Ok(Self::Preset(config));
        }
        let path = Path::new(name);
        if path.is_dir() && !path.join(CONFIG_FILE).exists() {
            let problem = format!(
                "has no {CONFIG_FILE}: name the folder of a model, as transformers saves it"
            );
            return Err(Error::File { path: path.to_owned(), problem });
        }
        if path.is_dir() {
            return Ok(Self::Folder(path.to_owned()));
        }
        if path.is_file() && path.file_name().is_some_and(|name| name == CONFIG_FILE) {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            return Ok(Self::Folder(folder.unwrap_or(Path::new(".")).to_owned()));
        }
        if path.is_file() {
            let problem = format!("is a file; a model is the folder that holds its {CONFIG_FILE}");
            return Err(Error::File { path: path.to_owned(), problem });
        }
        let presets: Vec<&str> = Family::presets().map(|(preset, _)| preset).collect();
        // The names of Hugging Face's hub have an owner, and capitals.
        let own = name.rsplit('/').next().unwrap_or(name).to_lowercase();
        let guess = meant(&own, presets.iter().copied())
            .map_or_else(String::new, |guess| format!(". Did you mean '{guess}'?"));
        Err(Error::Config(format!(
            "no model '{name}': it is neither a preset ({}) nor a folder with a {CONFIG_FILE}{guess}",
            presets.join(", ")
        )))
    }

    /// What the adapters are that a folder holds, and the file that says so.
    fn adapter(&self) -> Result<Option<(PathBuf, Object)>, Error> {
        let Self::Folder(folder) = self else { return Ok(None) };
        let path = folder.join(ADAPTER_CONFIG);
        if !is_there(&path) {
            let values = [ADAPTER_WEIGHTS, OLD_ADAPTER_WEIGHTS];
            return match values.into_iter().find(|values| is_there(&folder.join(values))) {
                Some(values) => Err(Error::File {
                    path,
                    problem: format!(
                        "is missing, which says what the adapters in {values} are: fetch it, too, or leave {values} out"
                    ),
                }),
                None => Ok(None),
            };
        }
        let [weights, old] = [ADAPTER_WEIGHTS, OLD_ADAPTER_WEIGHTS].map(|name| folder.join(name));
        if !is_there(&weights) && is_there(&old) {
            let problem = format!(
                "is in a format that is not read: convert it to {ADAPTER_WEIGHTS}, as peft saves adapters now"
            );
            return Err(Error::File { path: old, problem });
        }
        let object = object_in(&path)?;
        Ok(Some((path, object)))
    }

    /// The model's fields, and what its file holds beside it.
    fn read(&self) -> Result<HeldModel, Error> {
        let folder = match self {
            Self::Preset(config) => return Ok(HeldModel::alone(config.to_json())),
            Self::Folder(folder) => folder,
        };
        let path = folder.join(CONFIG_FILE);
        let object = object_in(&path)?;
        let held = Family::of(&object).map_or(Ok(None), |family| (family.holders.held)(&object));
        match held {
            Ok(held) => Ok(held.unwrap_or_else(|| HeldModel::alone(object))),
            Err(problem) => Err(Error::File { path, problem }),
        }
    }
}
