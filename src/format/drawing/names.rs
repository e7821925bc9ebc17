//! Where the names of what is drawn stand: beside each, or further off at the end of a line, and never over another name,
//! over what is drawn or past the edge. Knows pixels and nothing of what they mean.

use std::ops::Range;

/// The height of a name, how wide its letters are taken to be, and what it is wider than those, as a short name may be
/// all wide letters: more than in most fonts that browsers have.
const LINE: i32 = 14;
const LETTER: f64 = 7.0;
const SPARE: i32 = 8;
/// From something's edge to its name.
const GAP: i32 = 2;
/// From something's edge to a name that is moved up or down.
const ASIDE: i32 = 9;
/// How many lines up or down a name may be moved.
const FARTHEST: i32 = 40;

/// Something that is drawn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Nameable<'a> {
    /// Its middle.
    pub(super) at: (i32, i32),
    /// How far it reaches to either side, and up and down.
    pub(super) reach: (i32, i32),
    /// What it is called; empty where it has no name.
    pub(super) name: &'a str,
}

/// Where a name stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NamePlace {
    /// Its left end.
    pub(super) left: i32,
    /// Half of its height.
    pub(super) middle: i32,
    /// Where a line ends that comes from what has the name; `None` where the name is right beside it.
    pub(super) line_to: Option<(i32, i32)>,
}

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

/// Where the name of each of these is; `None` where there is no room for it, and for an empty name. The first have the
/// first choice.
pub(super) fn placed(
    drawn: &[Nameable<'_>],
    across: &Range<i32>,
    up: &Range<i32>,
) -> Vec<Option<NamePlace>> {
    let whole = |&Nameable { at: (x, y), reach: (aside, above), name: _ }: &Nameable<'_>| Box {
        across: x - aside..x + aside,
        up: y - above..y + above,
    };
    // A name that has no other place stands over a bar, which is thin, and over nothing else.
    let is_bar = |named: &&Nameable<'_>| named.reach.0 > named.reach.1;
    let bars: Vec<Box> = drawn.iter().filter(is_bar).map(whole).collect();
    let mut taken: Vec<Box> = drawn.iter().filter(|named| !is_bar(named)).map(whole).collect();
    drawn
        .iter()
        .map(|&Nameable { at: (x, y), reach, name }| {
            let width = width(name);
            let lines = (0..=FARTHEST).flat_map(|line| [-line, line]);
            let mut places = lines.flat_map(|line| {
                let middle = y + line * LINE;
                // A name that is moved up or down is moved aside as well, so that its line is seen.
                let aside = reach.0 + if line == 0 { GAP } else { ASIDE };
                let place = |left, near| {
                    let line_to = (line != 0).then_some((near, middle));
                    NamePlace { left, middle, line_to }
                };
                [place(x + aside, x + aside - GAP), place(x - aside - width, x - aside)]
            });
            let whole = |place: &NamePlace| Box {
                across: place.left..place.left + width,
                up: place.middle - LINE / 2..place.middle + LINE / 2,
            };
            let meets = |others: &[Box], place: &NamePlace| {
                others.iter().any(|other| other.meets(&whole(place)))
            };
            let is_free = |place: &NamePlace| {
                !name.is_empty() && whole(place).is_within(across, up) && !meets(&taken, place)
            };
            let beside = places.clone().find(|place| is_free(place) && !meets(&bars, place));
            let place = beside.or_else(|| places.find(is_free))?;
            taken.push(whole(&place));
            Some(place)
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
        let drawn: Vec<Nameable<'_>> = (0..30)
            .map(|i| Nameable {
                at: (200 + i % 3, 200 + i / 3),
                reach: (5 + i, 5),
                name: "attention.forward",
            })
            .collect();
        let (across, up) = (0..800, 0..400);
        let found = placed(&drawn, &across, &up);
        let width = width(drawn[0].name);
        let boxes: Vec<Box> = found
            .iter()
            .flatten()
            .map(|&NamePlace { left, middle, .. }| Box {
                across: left..left + width,
                up: middle - 7..middle + 7,
            })
            .collect();
        assert_eq!(boxes.len(), 30);
        for (i, one) in boxes.iter().enumerate() {
            assert!(one.is_within(&across, &up), "{one:?}");
            assert!(boxes[..i].iter().all(|other| !other.meets(one)), "{one:?}");
        }
    }

    #[test]
    fn a_name_without_room_is_left_out() {
        let drawn = [((5, 5), "long"), ((5, 50), "")].map(|(at, name)| Nameable {
            at,
            reach: (5, 5),
            name,
        });
        assert_eq!(placed(&drawn, &(0..20), &(0..100)), [None, None]);
    }
}
