//! What a model's files hold or ask for that no step has: it is neither run nor counted, so that reports have to say it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::family::{HeldModel, Object};

/// Heads that a language model has not: what they drop is no part of it.
const OTHER_HEADS: [&str; 2] = ["classifier_", "summary_"];

/// What is in none of the figures of a model's step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NotRun {
    /// What the model's files hold beside it, which is neither run nor counted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
    /// The dropout that the model's files ask for, each field with the part that would be dropped. No kernel drops
    /// anything.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub dropout: BTreeMap<String, f64>,
}

impl NotRun {
    /// What a step lacks of a model that a file holds, and of its adapters' file.
    pub(super) fn of(held: &HeldModel, adapters: Option<&Object>) -> Self {
        Self {
            left_out: held.left_out.iter().map(|&part| part.to_owned()).collect(),
            dropout: dropout([Some(&held.object), adapters].into_iter().flatten()),
        }
    }
}

/// The fields by which files ask for dropout, with the part that would be dropped.
fn dropout<'a>(files: impl IntoIterator<Item = &'a Object>) -> BTreeMap<String, f64> {
    let is_dropout = |name: &str| {
        (name.contains("dropout") || name.ends_with("pdrop"))
            && !OTHER_HEADS.iter().any(|head| name.starts_with(head))
    };
    let fields = files.into_iter().flatten().filter(|(name, _)| is_dropout(name));
    let fields = fields.filter_map(|(name, value)| Some((name.clone(), value.as_f64()?)));
    fields.filter(|(_, part)| *part > 0.0).collect()
}
