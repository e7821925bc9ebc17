//! The files of a checkpoint: one, or the shards that an index names; and those that are none, though they look like
//! it. What they should hold is for the caller to say.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

use crate::{Error, tensors::TensorFile};

use super::json::object_in;

/// A checkpoint in one file.
const WHOLE: &str = "model.safetensors";
/// A checkpoint in shards: which tensor lies in which.
const INDEX: &str = "model.safetensors.index.json";

/// The checkpoint in a model's folder, whole or in shards. Shards without their index have one that is missed where they
/// are read: seeded weights in their place would go unnoticed.
pub(super) fn in_folder(folder: &Path) -> Option<PathBuf> {
    let found = [WHOLE, INDEX].into_iter().map(|name| folder.join(name)).find(|it| is_there(it));
    found.or_else(|| shard_in(folder).map(|_| folder.join(INDEX)))
}

/// The first shard in a folder.
fn shard_in(folder: &Path) -> Option<String> {
    let is_shard = |name: &str| {
        let numbers = name.strip_prefix("model-").and_then(|it| it.strip_suffix(".safetensors"));
        numbers.is_some_and(|numbers| numbers.contains("-of-"))
    };
    names_in(folder).into_iter().find(|name| is_shard(name))
}

/// The first file in a folder that seems to hold weights in a format that is not read.
pub(super) fn not_read(folder: &Path) -> Option<PathBuf> {
    let is_other = |name: &String| {
        let is_torch = name.starts_with("pytorch_model") && name.ends_with(".bin");
        (is_torch || name.ends_with(".gguf")) && folder.join(name).is_file()
    };
    names_in(folder).into_iter().find(is_other).map(|name| folder.join(name))
}

/// The names of a folder's files, in order.
fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> =
        entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}

/// Whether there is anything under this name. A link into nowhere and a file we may not look at
/// count: reading them fails and says so, while seeded weights in their place would go unnoticed.
pub(super) fn is_there(path: &Path) -> bool {
    !fs::symlink_metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

/// Opens the file, or every shard of the index, at `path`.
///
/// # Errors
/// [`Error::File`] naming the file that is missing, damaged, or lacks a tensor the index places there.
pub(super) fn files(path: &Path) -> Result<Vec<TensorFile>, Error> {
    if path.extension().is_none_or(|end| end != "json") {
        return Ok(vec![TensorFile::open(path)?]);
    }
    let failed = |problem| Error::File { path: path.to_owned(), problem };
    if let Some(shard) = path.parent().filter(|_| !is_there(path)).and_then(shard_in) {
        return Err(failed(format!(
            "is missing, which says what is in {shard} and the other shards: fetch it, too"
        )));
    }
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
