//! Results as documents: each names the layout of its JSON file, is written to it and reads back from it.

use std::{fs, path::Path};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::keys::{KeysOnce, path_to};
use crate::Error;

/// A report that can be saved and read back.
pub trait Document: Serialize + DeserializeOwned + JsonSchema {
    /// Name and version of the layout of its JSON file, as the file's `schema` says.
    const SCHEMA: &'static str;

    /// What of it contradicts something else in it; no report contradicts itself as it is written.
    fn contradiction(&self) -> Option<String> {
        None
    }
}

/// Any value as an indented JSON document that ends with a newline.
pub fn to_json(value: &impl Serialize) -> String {
    let mut text =
        serde_json::to_string_pretty(value).expect("a result is plain data whose keys are strings");
    text.push('\n');
    text
}

/// Reads a saved report.
///
/// # Errors
/// [`Error::File`] where the file cannot be read, is cut short, is no report of flopmeter, is another
/// report or another version of it, or does not hold together.
pub fn load<D: Document>(path: &Path) -> Result<D, Error> {
    let document: D = read(path, D::SCHEMA)?;
    match document.contradiction() {
        Some(problem) => {
            let problem = format!("contradicts itself: {problem}; save the report again");
            Err(Error::File { path: path.to_owned(), problem })
        }
        None => Ok(document),
    }
}

/// What a saved file says that it is.
///
/// # Errors
/// As [`load`], as far as it depends on no kind of report.
pub fn schema_of(path: &Path) -> Result<String, Error> {
    let schema = bytes_of(path).and_then(|bytes| head(&bytes));
    schema.map_err(|problem| Error::File { path: path.to_owned(), problem })
}

/// Reads a file of this schema, whether it is a report or not.
///
/// # Errors
/// As [`load`].
pub(super) fn read<T: DeserializeOwned>(path: &Path, wanted: &str) -> Result<T, Error> {
    let read = bytes_of(path).and_then(|bytes| parse(&bytes, wanted));
    read.map_err(|problem| Error::File { path: path.to_owned(), problem })
}

/// What a file holds, without the byte order mark that editors may have put before it.
fn bytes_of(path: &Path) -> Result<Vec<u8>, String> {
    const MARK: &[u8] = b"\xef\xbb\xbf";
    let mut bytes = fs::read(path).map_err(|error| format!("cannot be read: {error}"))?;
    if bytes.starts_with(MARK) {
        bytes.drain(..MARK.len());
    }
    Ok(bytes)
}

/// The schema that a file names.
fn head(bytes: &[u8]) -> Result<String, String> {
    /// What every saved file has.
    #[derive(Deserialize)]
    struct Head {
        schema: String,
    }

    match serde_json::from_slice::<Head>(bytes) {
        Ok(head) => Ok(head.schema),
        Err(_) if bytes.trim_ascii().is_empty() => {
            Err("is empty, and a report of flopmeter is wanted: save it again".to_owned())
        }
        Err(error) if is_cut(bytes, &error) => Err(format!(
            "is cut short: it ends in line {} within a value; save the report again",
            error.line()
        )),
        Err(error) => Err(format!("is no report of flopmeter ({error})")),
    }
}

/// Whether what is wrong with a file is that it ends too early, be it within a number.
fn is_cut(bytes: &[u8], error: &serde_json::Error) -> bool {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let last = lines.next_back().map_or(0, <[u8]>::len);
    let at_end = error.line() == lines.count() + 1 && error.column() >= last;
    error.is_eof() || error.is_syntax() && at_end
}

fn parse<T: DeserializeOwned>(bytes: &[u8], wanted: &str) -> Result<T, String> {
    let schema = head(bytes)?;
    if schema != wanted {
        let kind = |schema: &str| schema.split('/').next().map(str::to_owned);
        return Err(if kind(&schema) == kind(wanted) {
            format!(
                "is a report of version {schema}, and this flopmeter reads {wanted}: save it again with \
                 this flopmeter"
            )
        } else {
            format!("is '{schema}', where a report '{wanted}' is wanted")
        });
    }
    serde_json::from_slice::<KeysOnce>(bytes).map_err(|error| match error.is_data() {
        true => format!("says something twice: {error}; save the report again"),
        false => format!("is no report: {error}"),
    })?;
    serde_json::from_slice(bytes).map_err(|error| {
        let path = path_to(bytes, error.line(), error.column());
        let at = if path.is_empty() { String::new() } else { format!("'{path}': ") };
        format!("is no whole '{wanted}': {at}{error}")
    })
}
