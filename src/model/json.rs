//! The files of fields in a model's folder.

use std::{fs, path::Path};

use serde_json::{Map, Value};

use crate::Error;

/// The fields in a JSON file.
pub(super) fn object_in(path: &Path) -> Result<Map<String, Value>, Error> {
    let failed = |problem| Error::File { path: path.to_owned(), problem };
    let text =
        fs::read_to_string(path).map_err(|error| failed(format!("cannot be read: {error}")))?;
    if text.trim().is_empty() {
        return Err(failed(
            "is empty, and a JSON object of fields is wanted: fetch or save it again".to_owned(),
        ));
    }
    if text.starts_with('\u{feff}') {
        return Err(failed(
            "begins with a byte order mark, which JSON does not have: save it as UTF-8 without one"
                .to_owned(),
        ));
    }
    serde_json::from_str(&text).map_err(|error| {
        failed(match error.is_eof() {
            true => format!(
                "is cut short: it ends in line {} within a value; fetch or save it again",
                error.line()
            ),
            false => format!("is not a JSON object of fields: {error}"),
        })
    })
}
