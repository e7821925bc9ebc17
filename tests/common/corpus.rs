//! Shaders of published packages: fetched, preprocessed as their hosts do, parsed, and their buffers filled.

pub mod fills;
mod preprocess;
pub mod shaders;
