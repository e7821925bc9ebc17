//! A result as JSON, for other programs.

use serde::Serialize;

use crate::result::document;

/// Any result as an indented JSON document that ends with a newline.
pub fn render(result: &impl Serialize) -> String {
    document::json(result)
}
