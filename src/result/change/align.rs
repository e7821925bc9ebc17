//! Which lines of two texts are the same: the longest common subsequence. Knows nothing of what the lines mean.

/// Cells of the table that is filled at most; larger texts are taken as replaced between their first and last lines
/// that differ.
const MOST: usize = 1 << 24;

/// A line before and after, by its place from 0; one of them alone where the other text lacks it.
pub(super) type Aligned = (Option<usize>, Option<usize>);

/// The lines of both texts in order, each beside what it is in the other.
pub(super) fn align(before: &[&str], after: &[&str]) -> Vec<Aligned> {
    let same = |pairs: &mut dyn Iterator<Item = (&&str, &&str)>| -> usize {
        pairs.take_while(|(a, b)| a == b).count()
    };
    let head = same(&mut before.iter().zip(after));
    let (a, b) = (&before[head..], &after[head..]);
    let tail = same(&mut a.iter().rev().zip(b.iter().rev()));
    let (a, b) = (&a[..a.len() - tail], &b[..b.len() - tail]);

    let mut lines: Vec<Aligned> = (0..head).map(|i| (Some(i), Some(i))).collect();
    let middle = middle(a, b);
    lines.extend(middle.into_iter().map(|(i, j)| (i.map(|i| i + head), j.map(|j| j + head))));
    let ends = [before.len() - tail, after.len() - tail];
    lines.extend((0..tail).map(|i| (Some(ends[0] + i), Some(ends[1] + i))));
    lines
}

/// What is between the first and the last lines that differ.
fn middle(a: &[&str], b: &[&str]) -> Vec<Aligned> {
    let width = b.len() + 1;
    if a.len().saturating_mul(width) > MOST {
        let gone = (0..a.len()).map(|i| (Some(i), None));
        return gone.chain((0..b.len()).map(|j| (None, Some(j)))).collect();
    }
    // longest[i][j] is the length of the longest common subsequence of what is behind i and j.
    let mut longest = vec![0_u32; (a.len() + 1) * width];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            longest[i * width + j] = if a[i] == b[j] {
                longest[(i + 1) * width + j + 1] + 1
            } else {
                longest[(i + 1) * width + j].max(longest[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut lines = Vec::new();
    while i < a.len() || j < b.len() {
        if i < a.len() && j < b.len() && a[i] == b[j] {
            lines.push((Some(i), Some(j)));
            (i, j) = (i + 1, j + 1);
        } else if j == b.len()
            || i < a.len() && longest[(i + 1) * width + j] >= longest[i * width + j + 1]
        {
            lines.push((Some(i), None));
            i += 1;
        } else {
            lines.push((None, Some(j)));
            j += 1;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_beside_what_they_are_in_the_other_text() {
        let both = |i, j| (Some(i), Some(j));
        let texts = (["a", "b", "c", "d", "e"], ["a", "c", "x", "d", "y", "e"]);
        let lines = align(&texts.0, &texts.1);
        let wanted = [
            both(0, 0),
            (Some(1), None),
            both(2, 1),
            (None, Some(2)),
            both(3, 3),
            (None, Some(4)),
            both(4, 5),
        ];
        assert_eq!(lines, wanted);
        assert_eq!(align(&["a"], &[]), [(Some(0), None)]);
        assert_eq!(align(&["a", "a"], &["a"]), [both(0, 0), (Some(1), None)]);
    }
}
