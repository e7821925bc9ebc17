//! Every report that can be saved, with its JSON Schema.

use schemars::{Schema, generate::SchemaSettings};

use super::origin::Signed;
use super::{
    AdapterList, Agreement, ChangeReport, CompareReport, Document, FormulasReport, KernelCheck,
    KernelSuite, Report, RooflineReport, RunReport, ScaleReport, ShaderListing, ShaderReport,
};
use crate::estimate::Estimate;

impl Document for Estimate {
    const SCHEMA: &'static str = Estimate::SCHEMA;
}

impl Document for FormulasReport {
    const SCHEMA: &'static str = FormulasReport::SCHEMA;
}

/// The JSON Schemas of all reports, each with the name and version that the report's file says.
pub fn schemas() -> [(&'static str, Schema); 14] {
    [
        schema::<AdapterList>(),
        schema::<ChangeReport>(),
        schema::<Agreement>(),
        schema::<KernelCheck>(),
        schema::<KernelSuite>(),
        schema::<CompareReport>(),
        schema::<Estimate>(),
        schema::<FormulasReport>(),
        schema::<ShaderListing>(),
        schema::<Report>(),
        schema::<RooflineReport>(),
        schema::<RunReport>(),
        schema::<ScaleReport>(),
        schema::<ShaderReport>(),
    ]
}

fn schema<D: Document>() -> (&'static str, Schema) {
    let generator = || SchemaSettings::draft2020_12().for_serialize().into_generator();
    let mut schema = generator().into_root_schema_for::<Signed<'_, D>>();
    let of_report = generator().into_root_schema_for::<D>();
    if let Some(description) = of_report.get("description") {
        schema.insert("description".to_owned(), description.clone());
    }
    (D::SCHEMA, schema)
}
