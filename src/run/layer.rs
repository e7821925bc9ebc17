//! Where the layer's library is, and how a program's Vulkan loader is told of it. Knows no programs.
//!
//! The library is a file of its own, as loaders take nothing else. The program carries it and unpacks it for each run;
//! whoever builds a program of their own on this crate may have it where cargo leaves it, in `deps` beside the program,
//! beside the program, or in `../lib`.

use std::{
    env::consts::{DLL_PREFIX, DLL_SUFFIX},
    ffi::{OsStr, OsString},
    fs,
    path::{Path, PathBuf},
};

use serde_json::json;

use crate::Error;

/// What the library's file is called.
fn file_name() -> String {
    format!("{DLL_PREFIX}flopmeter_layer{DLL_SUFFIX}")
}

/// Writes the library into a folder.
///
/// # Errors
/// [`Error::File`] where it cannot be written.
pub(super) fn unpack(library: &[u8], folder: &Path) -> Result<PathBuf, Error> {
    let path = folder.join(file_name());
    match fs::write(&path, library) {
        Ok(()) => Ok(path),
        Err(error) => Err(Error::File { path, problem: error.to_string() }),
    }
}

/// The library, where it lies in a file.
///
/// # Errors
/// [`Error::File`] where it is in none of its places.
pub(super) fn find() -> Result<PathBuf, Error> {
    let name = file_name();
    let program = std::env::current_exe().and_then(fs::canonicalize);
    let program = program.unwrap_or_default();
    let folder = program.parent().unwrap_or(Path::new("."));
    // In a folder that is cargo's, `deps` alone is as new as the program.
    let places = ["deps", "", "../lib"].map(|place| folder.join(place).join(&name));
    places.iter().find(|path| path.is_file()).cloned().ok_or_else(|| Error::File {
        path: folder.join(&name),
        problem:
            "the Vulkan layer is not there, nor in ../lib: copy it from where flopmeter was built \
                  (target/release)"
                .into(),
    })
}

/// Writes what tells a loader of the layer.
///
/// # Errors
/// [`Error::File`] where it cannot be written.
pub(super) fn write_manifest(library: &Path, folder: &Path) -> Result<(), Error> {
    let manifest = json!({
        "file_format_version": "1.2.0",
        "layer": {
            "name": flopmeter_layer::NAME,
            "type": "GLOBAL",
            "library_path": library,
            // Loaders doubt layers that are older than the program.
            "api_version": "1.4.999",
            "implementation_version": "1",
            "description": "counts what compute kernels execute",
        },
    });
    let path = folder.join("flopmeter.json");
    fs::write(&path, manifest.to_string())
        .map_err(|error| Error::File { path, problem: error.to_string() })
}

/// Variables for the program, given those that it would inherit. The layer comes first, so that those that the user
/// asked for see what the driver sees.
pub(super) fn environment(
    manifests: &Path,
    inherited: impl Fn(&str) -> Option<OsString>,
) -> Vec<(&'static str, OsString)> {
    let in_front = |first: &OsStr, name: &str| {
        let rest = inherited(name).filter(|rest| !rest.is_empty());
        let parts = [Some(first.to_owned()), rest].into_iter().flatten();
        // Nothing in a path of this crate's making cannot be joined.
        std::env::join_paths(
            parts.flat_map(|part| std::env::split_paths(&part).collect::<Vec<_>>()),
        )
        .unwrap_or_else(|_| first.to_owned())
    };
    // A loader that has the first of these does not look at the second.
    let names = ["VK_LAYER_PATH", "VK_ADD_LAYER_PATH"];
    let path = if inherited(names[0]).is_some() { names[0] } else { names[1] };
    let layers = "VK_INSTANCE_LAYERS";
    let mut variables = vec![
        (path, in_front(manifests.as_os_str(), path)),
        (layers, in_front(OsStr::new(flopmeter_layer::NAME), layers)),
    ];
    // ggml names its pipelines only where it is asked to.
    let markers = "GGML_VK_DEBUG_MARKERS";
    if inherited(markers).is_none() {
        variables.push((markers, "1".into()));
    }
    variables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_user_asked_for_stays() {
        let asked = |name: &str| match name {
            "VK_LAYER_PATH" => Some("/own".into()),
            "VK_INSTANCE_LAYERS" => Some("VK_LAYER_OTHER".into()),
            "GGML_VK_DEBUG_MARKERS" => Some("0".into()),
            _ => None,
        };
        let separator = if cfg!(windows) { ";" } else { ":" };
        let found = environment(Path::new("/layers"), asked);
        let expected = [
            ("VK_LAYER_PATH", ["/layers", "/own"].join(separator)),
            ("VK_INSTANCE_LAYERS", [flopmeter_layer::NAME, "VK_LAYER_OTHER"].join(separator)),
        ];
        assert_eq!(found, expected.map(|(name, value)| (name, value.into())));

        let found = environment(Path::new("/layers"), |_| None);
        assert_eq!(found[0], ("VK_ADD_LAYER_PATH", "/layers".into()));
        assert_eq!(found[2], ("GGML_VK_DEBUG_MARKERS", "1".into()));
    }
}
