//! Whether what a saved report says twice is the same both times: FLOPs, which are the price of its operations, and what
//! it has of all dispatches together, which is the sum of theirs. What flopmeter writes agrees; a file that was edited
//! need not.

use serde::Serialize;

use crate::op::{Convention, Cost, OpCounts};

/// What is wrong with FLOPs that are not those of the operations beside them. `at` leads to both, and ends with a dot
/// where it is not empty.
pub(super) fn flops(
    at: &str,
    ops: Option<OpCounts>,
    flops: Option<u64>,
    convention: Convention,
) -> Option<String> {
    let (says, is) = (flops?, ops?.flops(convention));
    let problem =
        || format!("'{at}flops' is {says}, and '{at}ops' are {is} FLOPs under '{convention}'");
    (says != is).then(problem)
}

/// What is wrong with operations and traffic that are not the sum of those of `parts`, which stand under that key.
pub(super) fn total(whole: Cost, parts: &str, sum: Cost) -> Option<String> {
    let counted = [
        ("ops", named(&whole.ops), named(&sum.ops)),
        ("traffic", named(&whole.traffic), named(&sum.traffic)),
    ];
    counted.into_iter().find_map(|(of, whole, sum)| {
        let count = |of: &[(String, u64)], name: &str| {
            of.iter().find(|(its, _)| its == name).map_or(0, |(_, count)| *count)
        };
        let mut names = whole.iter().chain(&sum).map(|(name, _)| name);
        let name = names.find(|name| count(&whole, name) != count(&sum, name))?;
        let (says, is) = (count(&whole, name), count(&sum, name));
        Some(format!("'{of}' has {says} of '{name}', and those of '{parts}' come to {is}"))
    })
}

/// Counts by the names that files have for them; those that are 0 are left out.
pub(super) fn named<T: Serialize>(counts: &T) -> Vec<(String, u64)> {
    let value = serde_json::to_value(counts).unwrap_or_default();
    let fields = value.as_object().into_iter().flatten();
    fields.filter_map(|(name, count)| Some((name.clone(), count.as_u64()?))).collect()
}
