//! What GLSL's names stand for by where they are: the number of a line, that of a text, and the version of both. Knows not
//! how these become known.

/// What names stand for by where they are, for which nothing is defined.
#[derive(Clone, Debug, Default)]
pub(super) struct Here {
    /// What `#version` says.
    pub(super) version: Option<String>,
    /// How the lines of the file are numbered.
    pub(super) numbering: Numbering,
}

impl Here {
    /// What a name stands for on a line.
    pub(super) fn value(&self, name: &str, line: i64) -> Option<String> {
        match name {
            "__LINE__" => Some(line.to_string()),
            "__FILE__" => Some(self.numbering.text.to_string()),
            "__VERSION__" => self.version.clone(),
            _ => None,
        }
    }
}

/// How lines are numbered from one on.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Numbering {
    /// How far they are from where they stand in their file.
    pub(super) shift: i64,
    /// The number of the text.
    pub(super) text: i64,
}
