//! Whether what a saved report says twice is the same both times, and in which words it is said where it is not. Which
//! figures those are is known elsewhere. What flopmeter writes agrees; a file that was edited need not, and an edited
//! count may be any: sums are wider than what they are sums of.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    component::Phase,
    op::{Convention, Cost, OpCounts, Traffic},
};

/// What is wrong with FLOPs, under the key `flops`, that are not those of the operations beside them. `at` leads to both,
/// and ends with a dot where it is not empty.
pub(super) fn priced(
    at: &str,
    (key, flops): (&str, Option<u64>),
    ops: Option<OpCounts>,
    convention: Convention,
) -> Option<String> {
    let (says, is) = (flops?, ops?.wide_flops(convention));
    let problem =
        || format!("'{at}{key}' is {says}, and '{at}ops' are {is} FLOPs under '{convention}'");
    (u128::from(says) != is).then(problem)
}

/// What is wrong with traffic, under the key `traffic`, that exceeds 64 bits: no device moves so much.
pub(super) fn moved(at: &str, traffic: Option<Traffic>) -> Option<String> {
    let is = traffic?.wide_bytes();
    let problem = || format!("'{at}traffic' comes to {is} bytes, more than {}", u64::MAX);
    (is > u64::MAX.into()).then(problem)
}

/// The same of the traffic of `rows` together, which stand under the key `parts`.
pub(super) fn moved_together(parts: &str, rows: impl Iterator<Item = Traffic>) -> Option<String> {
    let is: u128 = rows.map(|traffic| traffic.wide_bytes()).sum();
    let problem =
        || format!("the traffic of '{parts}' comes to {is} bytes, more than {}", u64::MAX);
    (is > u64::MAX.into()).then(problem)
}

/// What is wrong with a count that is not the sum of those of `rows`, which stand under the key `parts`.
pub(super) fn count(
    key: &str,
    says: u64,
    parts: &str,
    rows: impl IntoIterator<Item = u128>,
) -> Option<String> {
    let is: u128 = rows.into_iter().sum();
    (u128::from(says) != is)
        .then(|| format!("'{key}' is {says}, and those of '{parts}' come to {is}"))
}

/// The same of a count by phase, each of whose phases has a key.
pub(super) fn by_phase(
    key: &str,
    says: impl Fn(Phase) -> u64,
    parts: &str,
    rows: &[(Phase, u128)],
) -> Option<String> {
    Phase::ALL.into_iter().find_map(|phase| {
        let rows = rows.iter().filter(|(its, _)| *its == phase).map(|(_, flops)| *flops);
        count(&format!("{key}.{}", phase.name()), says(phase), parts, rows)
    })
}

/// Operations and traffic, each by its name.
#[derive(Default)]
pub(super) struct Sums(BTreeMap<(&'static str, String), u128>);

impl FromIterator<Cost> for Sums {
    fn from_iter<I: IntoIterator<Item = Cost>>(costs: I) -> Self {
        let mut sums = Self::default();
        for cost in costs {
            for (of, its) in [("ops", named(&cost.ops)), ("traffic", named(&cost.traffic))] {
                for (name, count) in its {
                    *sums.0.entry((of, name)).or_default() += u128::from(count);
                }
            }
        }
        sums
    }
}

/// What is wrong with operations and traffic that are not the sums of those of `rows`, which stand under the key `parts`.
/// `at` leads to the whole.
pub(super) fn total(at: &str, whole: &Sums, parts: &str, rows: &Sums) -> Option<String> {
    differing(at, whole, parts, rows, |whole, rows| whole == rows)
}

/// The same where `rows` may lack what stands in none of them, and have no more than there is.
pub(super) fn within(at: &str, whole: &Sums, parts: &str, rows: &Sums) -> Option<String> {
    differing(at, whole, parts, rows, |whole, rows| whole >= rows)
}

fn differing(
    at: &str,
    whole: &Sums,
    parts: &str,
    rows: &Sums,
    holds: fn(u128, u128) -> bool,
) -> Option<String> {
    let count = |of: &Sums, key| of.0.get(key).copied().unwrap_or_default();
    let mut keys = whole.0.keys().chain(rows.0.keys());
    let key = keys.find(|key| !holds(count(whole, key), count(rows, key)))?;
    let (says, is, (of, name)) = (count(whole, key), count(rows, key), key);
    Some(format!("'{at}{of}' has {says} of '{name}', and those of '{parts}' come to {is}"))
}

/// Counts by the names that files have for them; those that are 0 are left out.
pub(super) fn named<T: Serialize>(counts: &T) -> Vec<(String, u64)> {
    let value = serde_json::to_value(counts).unwrap_or_default();
    let fields = value.as_object().into_iter().flatten();
    fields.filter_map(|(name, count)| Some((name.clone(), count.as_u64()?))).collect()
}
