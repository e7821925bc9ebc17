//! The dropout that a model's files ask for. No kernel drops anything, so reports have to say it.

use std::collections::BTreeMap;

use crate::family::Object;

/// Heads that a language model has not: what they drop is no part of it.
const OTHER_HEADS: [&str; 2] = ["classifier_", "summary_"];

/// The fields by which files ask for dropout, with the part that would be dropped.
pub(super) fn asked<'a>(files: impl IntoIterator<Item = &'a Object>) -> BTreeMap<String, f64> {
    let is_dropout = |name: &str| {
        (name.contains("dropout") || name.ends_with("pdrop"))
            && !OTHER_HEADS.iter().any(|head| name.starts_with(head))
    };
    let fields = files.into_iter().flatten().filter(|(name, _)| is_dropout(name));
    let fields = fields.filter_map(|(name, value)| Some((name.clone(), value.as_f64()?)));
    fields.filter(|(_, part)| *part > 0.0).collect()
}
