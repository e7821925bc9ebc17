//! What GLSL's names stand for by where they are: the number of a line, that of a text, and the version of both. Knows not
//! how these become known.

use std::collections::BTreeSet;

use super::tokens::word;

/// What names stand for by where they are, for which nothing is defined.
#[derive(Clone, Debug, Default)]
pub(super) struct Here {
    /// What stands behind `#version`.
    pub(super) version: Option<String>,
    /// How the lines of the file are numbered.
    pub(super) numbering: Numbering,
    /// Whether `#line` may give the text a name.
    pub(super) takes_names: bool,
    /// Names that the compiler of GLSL was asked for, and does not define.
    pub(super) absent: BTreeSet<String>,
}

impl Here {
    /// What a name stands for on a line.
    pub(super) fn value(&self, name: &str, line: i64) -> Option<String> {
        match name {
            "__LINE__" => Some(line.to_string()),
            "__FILE__" => Some(self.numbering.text.clone().unwrap_or_else(|| "0".to_owned())),
            "__VERSION__" => Some(word(self.version.as_deref()?).0.to_owned()),
            _ => None,
        }
    }
}

/// How lines are numbered from one on.
#[derive(Clone, Debug, Default)]
pub(super) struct Numbering {
    /// How far they are from where they stand in their file.
    pub(super) shift: i64,
    /// The number of the text, or its name in quotes; `None` for the first.
    pub(super) text: Option<String>,
}
