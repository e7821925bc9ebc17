//! What a format is, and what a result must be able to do so that every format can write it.

use serde::Serialize;

use crate::{
    page::Paged,
    result::{Origin, to_signed_json},
};

/// A way to write any result.
#[derive(Clone, Copy, Debug)]
pub struct Format {
    /// What it is called.
    pub name: &'static str,
    /// What it is for, in a sentence.
    pub about: &'static str,
    /// Writes a result as text, signed with its origin where the format has room for it. `true` keeps layers of one
    /// shape apart that are otherwise summed.
    pub render: fn(&dyn Exported, &Origin, bool) -> String,
}

/// A result that every format can write.
pub trait Exported: Paged {
    /// An indented JSON document, signed with the result's origin, that ends with a newline.
    fn to_json(&self, origin: &Origin) -> String;
}

impl<T: Paged + Serialize> Exported for T {
    fn to_json(&self, origin: &Origin) -> String {
        to_signed_json(self, origin)
    }
}
