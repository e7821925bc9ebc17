//! The files of fields in a model's folder.

use std::{fs, path::Path};

use serde_json::{Map, Value};

use crate::Error;

/// The fields in a JSON file.
pub(super) fn object_in(path: &Path) -> Result<Map<String, Value>, Error> {
    let failed = |problem| Error::File { path: path.to_owned(), problem };
    let text =
        fs::read_to_string(path).map_err(|error| failed(format!("cannot be read: {error}")))?;
    serde_json::from_str(&text)
        .map_err(|error| failed(format!("is not a JSON object of fields: {error}")))
}
