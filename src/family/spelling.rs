//! Finds the known name that an unknown one means: of which it is a part, with which it begins, or to which it is nearest.

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

/// So many letters of a name say which is meant.
const PART: usize = 3;

/// The known name that another means: the first that it is a part of, as `kv_heads` is, else the longest that it begins
/// with, as `llama-3.2-1b-instruct` does, else the nearest.
pub(crate) fn meant<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let known: Vec<&str> = known.into_iter().collect();
    let mut whole = known.iter().filter(|its| its.contains(name) && name.chars().count() >= PART);
    let begin = known.iter().filter(|its| name.starts_with(**its));
    let length = |its: &&&str| its.chars().count();
    let found = whole.next().or(begin.max_by_key(length)).copied();
    found.or_else(|| nearest(name, known))
}

/// The known name that is surely meant: a slip or two away from a name that is long enough for them.
pub(crate) fn close<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    nearest(name, known).filter(|meant| 6 * osa_distance(name, meant) <= meant.chars().count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_and_a_longer_name_are_understood() {
        let known = ["n_heads", "n_kv_heads", "num_key_value_heads", "rank", "lora_rank_pattern"];
        assert_eq!(meant("kv_heads", known), Some("n_kv_heads"));
        assert_eq!(meant("heads", known), Some("n_heads"));
        assert_eq!(meant("rank_pattern", known), Some("lora_rank_pattern"));
        // Lists begin with what is set most.
        assert_eq!(meant("hidden", ["hidden_size", "hidden_act"]), Some("hidden_size"));
        let known = ["llama-3.2-1b", "llama-3.2", "phi-3-mini", "phi-4"];
        assert_eq!(meant("llama-3.2-1b-instruct", known), Some("llama-3.2-1b"));
        assert_eq!(meant("phi-3", known), Some("phi-3-mini"));
        assert_eq!(meant("phi4", known), Some("phi-4"));
        assert_eq!(meant("", known), None);
    }

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
