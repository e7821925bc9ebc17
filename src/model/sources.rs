//! What a run is made of as far as files hold it, so that two runs can be told apart whose files have the same names.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    hash::Hasher as _,
    io::{self, Read as _},
    path::Path,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Model, checkpoint};
use crate::Error;

/// Bytes that are read at once.
const BLOCK: usize = 1 << 20;

/// What files say of a model and its data.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Sources {
    /// The model's configuration before anything of it was set or changed along an axis.
    pub config: Map<String, Value>,
    /// The 64-bit FNV-1a hash, in hexadecimal, of the files that hold `weights`, `adapters` and `tokens`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub contents: BTreeMap<String, String>,
}

impl Sources {
    /// Reads the files of a model, and the file of its input.
    ///
    /// # Errors
    /// [`Error::File`] where one cannot be read, [`Error::Config`] where the model's name stands for none any more.
    pub fn of(model: &Model, input: Option<&Path>) -> Result<Self, Error> {
        let mut contents = BTreeMap::new();
        let stored = [("weights", &model.checkpoint), ("adapters", &model.adapter)];
        for (what, path) in stored {
            if let Some(path) = path {
                let files = checkpoint::files(path)?;
                contents.insert(what.to_owned(), hash(files.iter().map(|file| file.path()))?);
            }
        }
        if let Some(path) = input {
            contents.insert("tokens".to_owned(), hash([path])?);
        }
        let written = Model::resolve::<&str>(&model.name.as_given, [])?;
        Ok(Self { config: written.config.to_json(), contents })
    }

    /// The first thing in which files were otherwise for `other`, in words. What either does not know is no difference.
    pub(crate) fn difference(&self, other: &Self) -> Option<String> {
        let fields: BTreeSet<&String> = self.config.keys().chain(other.config.keys()).collect();
        let config = fields.into_iter().find_map(|field| {
            let [own, its] = [self, other].map(|of| of.config.get(field).unwrap_or(&Value::Null));
            (own != its).then(|| format!("configuration: {field} {its}, not {own}"))
        });
        config.or_else(|| {
            self.contents.iter().find_map(|(what, own)| {
                let its = other.contents.get(what).filter(|its| *its != own)?;
                Some(format!("contents of {what}: hash {its}, not {own}"))
            })
        })
    }
}

/// The hash of files' bytes, one file after the other.
fn hash<'a>(paths: impl IntoIterator<Item = &'a Path>) -> Result<String, Error> {
    let mut hasher = fnv::FnvHasher::default();
    let mut block = vec![0; BLOCK];
    for path in paths {
        let failed = |error: io::Error| Error::File {
            path: path.to_owned(),
            problem: format!("cannot be read: {error}"),
        };
        let mut file = File::open(path).map_err(failed)?;
        loop {
            match file.read(&mut block).map_err(failed)? {
                0 => break,
                count => hasher.write(&block[..count]),
            }
        }
    }
    Ok(format!("{:016x}", hasher.finish()))
}
