//! Reports as documents: each names the layout of its file, reads back from it, and says what it holds
//! as a [`Page`] that every other format renders.

use std::{fs, path::Path};

use schemars::{JsonSchema, Schema, generate::SchemaSettings};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{AdapterList, Agreement, Page, Report, RooflineReport, ShaderReport};
use crate::{Error, estimate::Estimate};

/// A report that can be saved and read back.
pub trait Document: Serialize + DeserializeOwned + JsonSchema {
    /// Name and version of the layout of its JSON file, as the file's `schema` says.
    const SCHEMA: &'static str;

    /// What it says, for people. `every_layer` keeps layers of one shape apart that are otherwise summed.
    fn page(&self, every_layer: bool) -> Page;
}

/// The JSON Schemas of all reports, each with the name and version that the report's file says.
pub fn schemas() -> [(&'static str, Schema); 6] {
    [
        schema::<AdapterList>(),
        schema::<Agreement>(),
        schema::<Estimate>(),
        schema::<Report>(),
        schema::<RooflineReport>(),
        schema::<ShaderReport>(),
    ]
}

fn schema<D: Document>() -> (&'static str, Schema) {
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    (D::SCHEMA, generator.into_root_schema_for::<D>())
}

/// Reads a saved report.
///
/// # Errors
/// [`Error::File`] where the file cannot be read, is cut short, is no report of flopmeter, is another
/// report or another version of it, or does not hold together.
pub fn load<D: Document>(path: &Path) -> Result<D, Error> {
    let problem = |problem: String| Error::File { path: path.to_owned(), problem };
    let bytes = fs::read(path).map_err(|error| problem(format!("cannot be read: {error}")))?;
    parse(&bytes).map_err(problem)
}

fn parse<D: Document>(bytes: &[u8]) -> Result<D, String> {
    /// What every saved report has.
    #[derive(Deserialize)]
    struct Head {
        schema: String,
    }

    let wanted = D::SCHEMA;
    let schema = match serde_json::from_slice::<Head>(bytes) {
        Ok(head) => head.schema,
        Err(_) if is_cut_short(bytes) => {
            return Err("is cut short: it ends within a value; save the report again".to_owned());
        }
        Err(error) => return Err(format!("is no report of flopmeter ({error})")),
    };
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
    serde_json::from_slice(bytes).map_err(|error| format!("is no whole '{wanted}': {error}"))
}

/// Whether this is the beginning of an object and not all of it.
fn is_cut_short(bytes: &[u8]) -> bool {
    let ends = serde_json::from_slice::<serde::de::IgnoredAny>(bytes);
    let open = bytes.starts_with(b"{") && !bytes.trim_ascii_end().ends_with(b"}");
    open || ends.is_err_and(|error| error.is_eof())
}
