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
    /// (S,d/2).
    cosine: Slice,
    sine: Slice,
    b: u32,
    s: u32,
    /// d, the width of a head.
    width: u32,
}

impl Rotation {
    /// Tables for B rows of S tokens, at these positions of their sequences; a pair of elements is turned by its
    /// angle once for each position. The pairs are an element of a head's first half and the one d/2 further on.
    /// `whose` tells the tables of several rotations apart.
    pub(crate) fn place(
        to: &mut Builder,
        whose: &str,
        b: u32,
        (positions, angles): (Vec<u32>, Vec<f64>),
    ) -> Self {
        let (s, width) = (positions.len() as u32, 2 * angles.len() as u32);
        let len = positions.len() as u64 * angles.len() as u64;
        let mut table = |name: &str, table: AngleTable| {
            to.plan.buffer(format!("{name}{whose}"), Element::F32, len, Init::Angles(table))
        };
        let cosine = AngleTable { function: AngleFunction::Cosine, positions, angles };
        let sine = AngleTable { function: AngleFunction::Sine, ..cosine.clone() };
        let (cosine, sine) = (table("cosine", cosine), table("sine", sine));
        Self { cosine, sine, b, s, width }
    }

    /// Turns the pairs of `heads` heads, or turns their gradient back, in place.
    pub(crate) fn turn(
        &self,
        to: &mut Builder,
        component: &ComponentName,
        direction: Direction,
        (what, x, heads): (&str, Slice, u32),
    ) {
        let Self { b, s, width, .. } = *self;
        let (phase, tensor) = match direction {
            Direction::Forward => (Phase::Forward, "x"),
            Direction::Backward => (Phase::Backward, "dx"),
        };
        to.launch(&Launch {
            operation: Operation::Rope { direction, b, s, heads, width },
            component,
            phase,
            window: what,
            scalars: &[],
            bindings: &[(tensor, x), ("cosine", self.cosine), ("sine", self.sine)],
        });
    }
}
