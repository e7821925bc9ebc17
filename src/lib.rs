//! flopmeter

pub mod check;
mod error;
pub mod estimate;
pub mod execute;
pub mod explain;
pub mod files;
pub mod formula;
pub mod instrument;
pub mod kernel;
pub mod measure;
pub mod model;
pub mod op;
pub mod plan;
pub mod profile;
pub mod report;
pub mod tensors;

pub use error::Error;
