//! The bytes of a buffer as a file has them. Knows its layout, and not what else may fill a buffer.

use std::{
    ffi::OsStr,
    fs::{self, File},
    io::Read as _,
    path::Path,
};

#[cfg(feature = "embedded")]
use crate::execute::cpu;
use crate::{
    kernel::Layout,
    shader::{npy, tensor},
};

/// The bytes of a file: of an array the elements, where its `shape` is what it ought to be, of any other file all of them
/// as they are.
pub(in crate::shader) fn bytes(
    path: &Path,
    layout: &Layout,
    limit: u64,
    shape: impl FnOnce(&[u64]) -> Result<(), String>,
) -> Result<Vec<u8>, String> {
    // So that nothing that reads files is downloaded with a page.
    if cfg!(target_family = "wasm") {
        return Err(format!("{} cannot be read: a page has no files", path.display()));
    }
    if let Some((path, name)) = tensor::named(path) {
        return tensor::bytes(path, name, layout, shape, |bytes| within(bytes, limit));
    }
    let problem = |error| format!("{} cannot be read: {error}", path.display());
    let mut file = File::open(path).map_err(problem)?;
    let mut magic = Vec::new();
    file.by_ref().take(npy::MAGIC.len() as u64).read_to_end(&mut magic).map_err(problem)?;
    if magic == npy::MAGIC {
        return npy::bytes(&mut file, layout, shape, |bytes| within(bytes, limit));
    }
    let ending = path.extension().and_then(OsStr::to_str).unwrap_or_default();
    match ending.to_ascii_lowercase().as_str() {
        "npy" => return Err("it does not begin as an .npy file does".to_owned()),
        "npz" => {
            return Err(
                "it is .npz, several arrays with names: save the one that is meant as .npy"
                    .to_owned(),
            );
        }
        "safetensors" => {
            let (path, names) = (path.display(), tensor::tensors(path));
            return Err(format!("say which tensor, as file:{path}#NAME; it has {names}"));
        }
        _ => {}
    }
    let bytes = file.metadata().map_err(problem)?.len();
    layout.fits(bytes).and_then(|()| within(bytes, limit))?;
    fs::read(path).map_err(problem)
}

/// Whether an adapter that binds `limit` bytes binds so many.
pub(super) fn within(bytes: u64, limit: u64) -> Result<(), String> {
    if bytes <= limit {
        return Ok(());
    }
    let elsewhere = match MOST {
        Some(most) if bytes <= most => format!("; the embedded executor binds up to {most}"),
        Some(_) | None => String::new(),
    };
    Err(format!("{bytes} bytes are more than the {limit} that the adapter binds{elsewhere}"))
}

/// How many bytes the embedded executor binds, where there is one.
#[cfg(feature = "embedded")]
const MOST: Option<u64> = Some(cpu::BINDING_BYTES);
#[cfg(not(feature = "embedded"))]
const MOST: Option<u64> = None;
