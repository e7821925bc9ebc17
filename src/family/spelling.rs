//! Finds the known name that a misspelt one is nearest to.

use strsim::osa_distance;

/// The known name that takes the fewest edits to reach from `name`: a letter more, less or another, or two swapped. `None` where that would
/// rewrite more than half of it.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| (osa_distance(name, candidate), candidate))
        .min_by_key(|&(edits, _)| edits)
        .filter(|&(edits, candidate)| 2 * edits <= candidate.chars().count())
        .map(|(_, candidate)| candidate)
}

/// The known name that is surely meant: a slip or two away from a name that is long enough for them.
pub(crate) fn close<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    nearest(name, known).filter(|meant| 6 * osa_distance(name, meant) <= meant.chars().count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_offered_and_far_ones_are_not() {
        let known = ["d_model", "top_k", "n_seq"];
        assert_eq!(nearest("d_modle", known), Some("d_model"));
        assert_eq!(nearest("topk", known), Some("top_k"));
        assert_eq!(nearest("sqe", ["seq", "batch"]), Some("seq"));
        assert_eq!(nearest("", known), None);
        assert_eq!(nearest("architectures", known), None);
    }
}
