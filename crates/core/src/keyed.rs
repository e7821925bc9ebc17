//! Maps of pairs, as `collect` makes them. Knows nothing of what the pairs are.

use std::collections::BTreeMap;

/// A map of these, the later of two with one key. `collect` compiles a sort for each iterator that it is called on, some
/// 3 KB of what a page loads, and this does not.
pub fn keyed<K: Ord, V>(pairs: impl IntoIterator<Item = (K, V)>) -> BTreeMap<K, V> {
    let mut map = BTreeMap::new();
    map.extend(pairs);
    map
}
