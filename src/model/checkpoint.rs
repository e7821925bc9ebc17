//! The files of a checkpoint: one, or the shards that an index names. What they should hold is for the
//! caller to say.

use std::{collections::BTreeSet, path::Path};

use crate::{Error, tensors::TensorFile};

use super::json::object_in;

/// A checkpoint in one file.
pub(super) const WHOLE: &str = "model.safetensors";
/// A checkpoint in shards: which tensor lies in which.
pub(super) const INDEX: &str = "model.safetensors.index.json";

/// Opens the file, or every shard of the index, at `path`.
///
/// # Errors
/// [`Error::File`] naming the file that is missing, damaged, or lacks a tensor the index places there.
pub(super) fn files(path: &Path) -> Result<Vec<TensorFile>, Error> {
    if path.extension().is_none_or(|end| end != "json") {
        return Ok(vec![TensorFile::open(path)?]);
    }
    let failed = |problem| Error::File { path: path.to_owned(), problem };
    let index = object_in(path)?;
    let map = index.get("weight_map").and_then(|map| map.as_object());
    let map = map.filter(|map| !map.is_empty());
    let map = map.ok_or_else(|| failed("has no 'weight_map' from tensors to shards".to_owned()))?;
    let shard = |tensor: &str| {
        let name = map[tensor].as_str();
        // A shard lies beside its index.
        name.filter(|name| Path::new(name).file_name().is_some_and(|file| file == *name))
    };
    let mut names = BTreeSet::new();
    for tensor in map.keys() {
        let name = shard(tensor)
            .ok_or_else(|| failed(format!("'{tensor}' lies in {}, no file's name", map[tensor])))?;
        names.insert(name);
    }
    let mut files = Vec::new();
    for name in names {
        let file = TensorFile::open(&path.with_file_name(name)).map_err(|error| match error {
            Error::File { path: shard, problem } => {
                failed(format!("names the shard {}, which {problem}", shard.display()))
            }
            other => other,
        })?;
        let lost = map.keys().find(|t| shard(t) == Some(name) && file.get(t).is_none());
        if let Some(tensor) = lost {
            return Err(failed(format!("places '{tensor}' in {name}, which does not have it")));
        }
        files.push(file);
    }
    Ok(files)
}
