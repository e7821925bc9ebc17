//! Whether what a saved report says twice is the same both times: FLOPs, which are the price of its operations, and what
//! it has of all dispatches together, which is the sum of theirs. What flopmeter writes agrees; a file that was edited
//! need not.

use std::collections::BTreeMap;

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
    let says = flops?;
    // An edited count may be any, and more than fits.
    let ops = ops?;
    let floats = ops.iter().filter(|(scalar, ..)| scalar.is_float());
    let price = |op| u128::from(convention.price(op));
    let is: u128 = floats.map(|(_, op, count)| u128::from(count) * price(op)).sum();
    let problem =
        || format!("'{at}flops' is {says}, and '{at}ops' are {is} FLOPs under '{convention}'");
    (u128::from(says) != is).then(problem)
}

/// What is wrong with operations and traffic that are not the sums of those of `rows`, which stand under the key `parts`.
pub(super) fn total(whole: Cost, parts: &str, rows: impl Iterator<Item = Cost>) -> Option<String> {
    let counts = |cost: &Cost| [("ops", named(&cost.ops)), ("traffic", named(&cost.traffic))];
    let mut sums: BTreeMap<(&str, String), u128> = BTreeMap::new();
    for (of, its) in rows.flat_map(|row| counts(&row)) {
        for (name, count) in its {
            *sums.entry((of, name)).or_default() += u128::from(count);
        }
    }
    let said: BTreeMap<(&str, String), u128> = counts(&whole)
        .into_iter()
        .flat_map(|(of, its)| its.into_iter().map(move |(name, count)| ((of, name), count.into())))
        .collect();
    let count = |of: &BTreeMap<_, u128>, key| of.get(key).copied().unwrap_or_default();
    let key = said.keys().chain(sums.keys()).find(|key| count(&said, key) != count(&sums, key))?;
    let (says, is, (of, name)) = (count(&said, key), count(&sums, key), key);
    Some(format!("'{of}' has {says} of '{name}', and those of '{parts}' come to {is}"))
}

/// Counts by the names that files have for them; those that are 0 are left out.
pub(super) fn named<T: Serialize>(counts: &T) -> Vec<(String, u64)> {
    let value = serde_json::to_value(counts).unwrap_or_default();
    let fields = value.as_object().into_iter().flatten();
    fields.filter_map(|(name, count)| Some((name.clone(), count.as_u64()?))).collect()
}
