//! A low-rank adapter beside a linear layer, as two small products of its own: y += B (scale (A x)). The
//! scale meets the (M,r) between them, where it costs least. The layer may be several whose weights are rows of one
//! tensor: B has as many rows then, and a product for each of them.

use super::{
    launch::{Builder, Launch},
    linear::{Linear, Rows},
    weight::{Placer, Weight},
};
use crate::{
    component::{ComponentName, Phase},
    operation::{Function, Operation},
    plan::Slice,
};

/// What is known of an adapter before it is placed.
pub(crate) struct Adaption {
    /// The names of A and B in the adapter's file.
    pub(crate) tensors: [String; 2],
    /// r.
    pub(crate) rank: u32,
    /// What B's input is multiplied by.
    pub(crate) scale: f32,
}

/// An adapter with its parameters placed.
pub(crate) struct Adapter {
    /// A: (r,in).
    a: Linear,
    /// B: (out,r), in blocks of rows, each with what tells it apart from the others.
    b: Vec<(&'static str, Linear)>,
    scale: f32,
    /// Where it stands; what it saves is called after it.
    component: ComponentName,
}

impl Adapter {
    /// Places the adapter of a layer with so many inputs, and of each of its parts a name and its outputs. A layer that
    /// is one has one part, without a name.
    pub(crate) fn place(
        to: &mut Builder,
        placer: &Placer,
        component: ComponentName,
        adaption: &Adaption,
        (inputs, parts): (u32, &[(&'static str, u32)]),
    ) -> Self {
        let Adaption { tensors: [a, b], rank, scale } = adaption;
        let of_a = component.part(&["A"]);
        let a = Linear::place(to, placer, &of_a, (a, None), [inputs, *rank]);
        let of_b = component.part(&["B"]);
        let b = match *parts {
            [(name, outputs)] => {
                vec![(name, Linear::place(to, placer, &of_b, (b, None), [*rank, outputs]))]
            }
            _ => {
                let part = |&(name, outputs): &(&'static str, u32)| {
                    (name, Linear::place_next(to, placer, &of_b, (b, None), [*rank, outputs]))
                };
                parts.iter().map(part).collect()
            }
        };
        Self { a, b, scale: *scale, component }
    }

    pub(crate) fn weights(&self) -> impl Iterator<Item = &Weight> {
        [&self.a].into_iter().chain(self.b.iter().map(|(_, b)| b)).map(|linear| &linear.weight)
    }

    /// y (M,out) of each part += B (scale (A x)), and what the backward pass needs of it (M,r).
    pub(crate) fn forward(&self, to: &mut Builder, rows: &Rows, x: Slice, y: &[Slice]) -> Slice {
        let name = format!("{}.u {}", self.component, rows.window);
        let u = to.scratch(name.trim_end(), u64::from(rows.m) * u64::from(self.a.n));
        self.a.forward(to, rows, x, u);
        self.scale(to, Phase::Forward, rows, u);
        for ((name, b), &y) in self.b.iter().zip(y) {
            b.forward_onto(to, &rows.of(name), u, y);
        }
        u
    }

    /// Both gradients from dy (M,out) of each part, added to what is there where `more`, and dx (M,in) += where it has
    /// a use.
    pub(crate) fn backward(
        &self,
        to: &mut Builder,
        rows: &Rows,
        dy: &[Slice],
        [x, u]: [Slice; 2],
        dx: Option<Slice>,
        more: bool,
    ) {
        let name = format!("gradient by {}.u {}", self.component, rows.window);
        let du = to.scratch(name.trim_end(), u.len);
        for (at, ((name, b), &dy)) in self.b.iter().zip(dy).enumerate() {
            let rows = rows.of(name);
            b.backward_parameters(to, &rows, dy, u, more);
            b.backward_input(to, &rows, dy, du, at > 0);
        }
        self.scale(to, Phase::Backward, rows, du);
        self.a.backward_parameters(to, rows, du, x, more);
        if let Some(dx) = dx {
            self.a.backward_input(to, rows, du, dx, true);
        }
    }

    fn scale(&self, to: &mut Builder, phase: Phase, rows: &Rows, scaled: Slice) {
        to.launch(&Launch {
            operation: Operation::Pointwise { function: Function::Multiple, p: scaled.len as u32 },
            component: &self.component.part(&["scale"]),
            phase,
            window: &rows.window,
            scalars: &[("factor", self.scale)],
            bindings: &[("scaled", scaled)],
        });
    }
}
