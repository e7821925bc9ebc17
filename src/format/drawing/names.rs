//! Where the names of points stand: beside each, or further off at the end of a line, and never over another name, over a
//! point or past the edge. Knows pixels and nothing of what they mean.

use std::ops::Range;

/// The height of a name, how wide its letters are taken to be, and what it is wider than those, as a short name may be
/// all wide letters: more than in most fonts that browsers have.
const LINE: i32 = 14;
const LETTER: f64 = 7.0;
const SPARE: i32 = 8;
/// From a point to its name.
pub(super) const GAP: i32 = 7;
/// How many lines up or down a name may be moved.
const FARTHEST: i32 = 40;

/// A rectangle of pixels: across and up.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Box {
    across: Range<i32>,
    up: Range<i32>,
}

impl Box {
    fn meets(&self, other: &Self) -> bool {
        let meet = |a: &Range<i32>, b: &Range<i32>| a.start < b.end && b.start < a.end;
        meet(&self.across, &other.across) && meet(&self.up, &other.up)
    }

    fn is_within(&self, across: &Range<i32>, up: &Range<i32>) -> bool {
        across.start <= self.across.start
            && self.across.end <= across.end
            && up.start <= self.up.start
            && self.up.end <= up.end
    }
}

/// Where the left end of each point's name is, at half its height; `None` where there is no room for it, and for an
/// empty name.
pub(super) fn placed(
    points: &[((i32, i32), &str)],
    across: &Range<i32>,
    up: &Range<i32>,
) -> Vec<Option<(i32, i32)>> {
    let dot = |(x, y): (i32, i32)| Box { across: x - 5..x + 5, up: y - 5..y + 5 };
    let mut taken: Vec<Box> = points.iter().map(|&(at, _)| dot(at)).collect();
    points
        .iter()
        .map(|&((x, y), name)| {
            let width = width(name);
            let lines = (0..=FARTHEST).flat_map(|line| [-line, line]);
            let places = lines.flat_map(|line| {
                // A name that is moved up or down is moved aside as well, so that its line is seen.
                let aside = GAP + if line == 0 { 0 } else { GAP };
                [x + aside, x - aside - width].map(|left| (left, y + line * LINE))
            });
            let place = |&(left, middle): &(i32, i32)| Box {
                across: left..left + width,
                up: middle - LINE / 2..middle + LINE / 2,
            };
            let is_free = |place: &Box| {
                place.is_within(across, up) && !taken.iter().any(|other| other.meets(place))
            };
            let mut found = places.filter(|at| !name.is_empty() && is_free(&place(at)));
            let at = found.next()?;
            drop(found);
            taken.push(place(&at));
            Some(at)
        })
        .collect()
}

fn width(name: &str) -> i32 {
    (name.chars().count() as f64 * LETTER).ceil() as i32 + SPARE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_apart_and_within_as_long_as_there_is_room() {
        let points: Vec<((i32, i32), &str)> =
            (0..30).map(|i| ((200 + i % 3, 200 + i / 3), "attention.forward")).collect();
        let (across, up) = (0..800, 0..400);
        let found = placed(&points, &across, &up);
        let boxes: Vec<Box> = found
            .iter()
            .flatten()
            .map(|&(x, y)| Box { across: x..x + width(points[0].1), up: y - 7..y + 7 })
            .collect();
        assert_eq!(boxes.len(), 30);
        for (i, one) in boxes.iter().enumerate() {
            assert!(one.is_within(&across, &up), "{one:?}");
            assert!(boxes[..i].iter().all(|other| !other.meets(one)), "{one:?}");
        }
    }

    #[test]
    fn a_name_without_room_is_left_out() {
        let found = placed(&[((5, 5), "long"), ((5, 50), "")], &(0..20), &(0..100));
        assert_eq!(found, [None, None]);
    }
}
