//! What a format is, and what a result must be able to do so that every format can write it.

use serde::Serialize;

use crate::{page::Paged, result};

/// A way to write any result.
#[derive(Clone, Copy, Debug)]
pub struct Format {
    /// What it is called.
    pub name: &'static str,
    /// What it is for, in a sentence.
    pub about: &'static str,
    /// Writes a result as text. `true` keeps layers of one shape apart that are otherwise summed.
    pub render: fn(&dyn Exported, bool) -> String,
}

/// A result that every format can write.
pub trait Exported: Paged {
    /// An indented JSON document that ends with a newline.
    fn to_json(&self) -> String;
}

impl<T: Paged + Serialize> Exported for T {
    fn to_json(&self) -> String {
        result::to_json(self)
    }
}
