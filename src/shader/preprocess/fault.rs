//! What is wrong with a line of a file, as data. Knows neither the rules that were broken nor who reports it.

use std::path::{Path, PathBuf};

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::shader) struct Misread {
    pub(in crate::shader) path: PathBuf,
    pub(in crate::shader) problem: String,
}

impl Misread {
    /// What is wrong with a line, from 1, of a file.
    pub(super) fn at(path: &Path, line: u32, problem: String) -> Self {
        Self { path: path.to_owned(), problem: format!("line {line}: {problem}") }
    }
}
