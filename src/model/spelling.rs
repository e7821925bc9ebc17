//! Which known name somebody meant.

/// The known name that takes the fewest single-letter edits to reach from `name`; none where that
/// would rewrite more than half of it.
pub(super) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| (edits(name, candidate), candidate))
        .min_by_key(|&(edits, _)| edits)
        .filter(|&(edits, candidate)| 2 * edits <= candidate.chars().count())
        .map(|(_, candidate)| candidate)
}

/// The known name that is surely meant: a slip or two away from a name that is long enough for them.
pub(super) fn close<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    nearest(name, known).filter(|meant| 6 * edits(name, meant) <= meant.chars().count())
}

/// Insertions, deletions and replacements between two words (Levenshtein), row by row.
fn edits(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, letter) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, &other) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != other);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_counted_and_far_names_are_not_offered() {
        assert_eq!(edits("kitten", "sitting"), 3);
        assert_eq!(edits("", "abc"), 3);
        assert_eq!(edits("same", "same"), 0);
        let known = ["d_model", "top_k", "n_seq"];
        assert_eq!(nearest("d_modle", known), Some("d_model"));
        assert_eq!(nearest("topk", known), Some("top_k"));
        assert_eq!(nearest("architectures", known), None);
    }
}
