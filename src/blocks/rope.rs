//! Rotary positions as launches: tables of angles, and the turning of heads by them.

use super::launch::{Builder, Launch};
use crate::{
    component::{ComponentName, Phase},
    operation::{Direction, Operation},
    plan::{AngleFunction, AngleTable, Element, Init, Slice},
};

/// The angles of a model's positions.
#[derive(Clone, Copy)]
pub(crate) struct Rotation {
    /// (S,angles).
    cosine: Slice,
    sine: Slice,
    b: u32,
    s: u32,
    /// d, the width of a head.
    width: u32,
    /// How many of a head's elements are turned, its first: two for each angle.
    rotary: u32,
}

impl Rotation {
    /// Tables for B rows of S tokens, at these positions of their sequences; a pair of elements is turned by its
    /// angle once for each position. The pairs are an element of the first half of those that are turned and the one as
    /// far on in the second. `whose` tells the tables of several rotations apart.
    pub(crate) fn place(
        to: &mut Builder,
        whose: &str,
        [b, width]: [u32; 2],
        (positions, angles, magnitude): (Vec<u32>, Vec<f64>, f64),
    ) -> Self {
        let (s, rotary) = (positions.len() as u32, 2 * angles.len() as u32);
        let len = positions.len() as u64 * angles.len() as u64;
        let mut table = |name: &str, table: AngleTable| {
            to.plan.buffer(format!("{name}{whose}"), Element::F32, len, Init::Angles(table))
        };
        let cosine = AngleTable { function: AngleFunction::Cosine, positions, angles, magnitude };
        let sine = AngleTable { function: AngleFunction::Sine, ..cosine.clone() };
        let (cosine, sine) = (table("cosine", cosine), table("sine", sine));
        Self { cosine, sine, b, s, width, rotary }
    }

    /// Turns the pairs of `heads` heads, or turns their gradient back, in place.
    pub(crate) fn turn(
        &self,
        to: &mut Builder,
        component: &ComponentName,
        direction: Direction,
        (what, x, heads): (&str, Slice, u32),
    ) {
        let Self { b, s, width, rotary, .. } = *self;
        let (phase, tensor) = match direction {
            Direction::Forward => (Phase::Forward, "x"),
            Direction::Backward => (Phase::Backward, "dx"),
        };
        to.launch(&Launch {
            operation: Operation::Rope { direction, b, s, heads, width, rotary },
            component,
            phase,
            window: what,
            scalars: &[],
            bindings: &[(tensor, x), ("cosine", self.cosine), ("sine", self.sine)],
        });
    }
}
