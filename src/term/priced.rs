//! What a term of an estimator prices, as a value: a part of a component, or of a product the gradient by its
//! weight alone. The dotted text that files hold is made and read here alone.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::component::ComponentName;

/// What in a component a term prices: `moe.router`, or `lm_head.weight` in text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "String", into = "String")]
pub struct Priced {
    /// The part, outside of any layer.
    pub part: ComponentName,
    /// Whether it is only the gradient by the part's weight.
    pub by_weight: bool,
}

/// How the text of a gradient by a weight ends.
const WEIGHT: &str = "weight";

impl Priced {
    /// All of a part.
    pub fn all_of(path: &[&'static str]) -> Self {
        Self { part: ComponentName::new(path), by_weight: false }
    }

    /// Of the same part the gradient by its weight.
    #[must_use]
    pub fn by_weight(self) -> Self {
        Self { by_weight: true, ..self }
    }

    /// The parts of the path.
    pub fn parts(&self) -> Vec<&str> {
        self.part.parts()
    }
}

impl fmt::Display for Priced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { part, by_weight } = self;
        if *by_weight { write!(f, "{part}.{WEIGHT}") } else { write!(f, "{part}") }
    }
}

impl From<String> for Priced {
    fn from(text: String) -> Self {
        let mut part = ComponentName::from(text);
        let by_weight = part.path.len() > 1 && part.path.last().is_some_and(|last| last == WEIGHT);
        if by_weight {
            part.path.pop();
        }
        Self { part, by_weight }
    }
}

impl From<Priced> for String {
    fn from(priced: Priced) -> Self {
        priced.to_string()
    }
}

impl PartialEq<&str> for Priced {
    fn eq(&self, text: &&str) -> bool {
        let named = Self::from((*text).to_owned());
        *self == named
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_back_as_it_was_written() {
        let up = Priced::all_of(&["feed_forward", "up_proj"]);
        for (priced, text) in [
            (up.clone(), "feed_forward.up_proj"),
            (up.by_weight(), "feed_forward.up_proj.weight"),
            (Priced::all_of(&["weight"]), "weight"),
        ] {
            assert_eq!(priced, text);
            assert_eq!(Priced::from(text.to_owned()), priced);
        }
    }
}
