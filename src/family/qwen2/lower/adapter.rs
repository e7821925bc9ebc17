//! A low-rank adapter beside a projection, as two small products of its own: y += B (alpha/r (A x)). The
//! scale meets the (T,r) between them, where it costs least.

use super::{Builder, Linear, Lora, Module, Placer, Rows, Weight};
use crate::{
    blocks::launch::Launch,
    operation::{Function, Operation},
    plan::{ComponentName, Phase, Slice},
};

/// An adapter with its parameters placed.
pub(super) struct Adapter {
    /// A: (r,in).
    a: Linear,
    /// B: (out,r).
    b: Linear,
    scale: f32,
    /// Where it stands; what it saves is called after it.
    component: ComponentName,
}

impl Adapter {
    pub(super) fn place(
        to: &mut Builder,
        placer: &Placer,
        lora: &Lora,
        layer: u32,
        module: Module,
        [inputs, outputs]: [u32; 2],
    ) -> Self {
        let component = ComponentName::of_layer(layer, &["attention", "lora", module.name()]);
        let mut product = |part: &'static str, tensor: &str, k, n| {
            Linear::place(to, placer, &component.part(&[part]), (tensor, None), [k, n])
        };
        let [a, b] = Lora::names(layer, module);
        Self {
            a: product("A", &a, inputs, lora.rank),
            b: product("B", &b, lora.rank, outputs),
            scale: lora.scale(),
            component,
        }
    }

    pub(super) fn weights(&self) -> impl Iterator<Item = &Weight> {
        [&self.a.weight, &self.b.weight].into_iter()
    }

    /// y (T,out) += alpha/r B A x, and what the backward pass needs of it (T,r).
    pub(super) fn forward(&self, to: &mut Builder, rows: &Rows, x: Slice, y: Slice) -> Slice {
        let u =
            to.scratch(format!("{}.u", self.component), u64::from(rows.m) * u64::from(self.a.n));
        self.a.forward(to, rows, x, u);
        self.scale(to, Phase::Forward, u);
        self.b.forward_onto(to, rows, u, y);
        u
    }

    /// Both gradients from dy (T,out), and dx (T,in) += where it has a use.
    pub(super) fn backward(
        &self,
        to: &mut Builder,
        rows: &Rows,
        [dy, x, u]: [Slice; 3],
        dx: Option<Slice>,
    ) {
        let du = to.scratch(format!("gradient by {}.u", self.component), u.len);
        self.b.backward_parameters(to, rows, dy, u, false);
        self.b.backward_input(to, rows, dy, du, false);
        self.scale(to, Phase::Backward, du);
        self.a.backward_parameters(to, rows, du, x, false);
        if let Some(dx) = dx {
            self.a.backward_input(to, rows, du, dx, true);
        }
    }

    fn scale(&self, to: &mut Builder, phase: Phase, scaled: Slice) {
        to.launch(&Launch {
            operation: Operation::Pointwise { function: Function::Multiple, p: scaled.len as u32 },
            component: &self.component.part(&["scale"]),
            phase,
            window: "",
            scalars: &[("factor", self.scale)],
            bindings: &[("scaled", scaled)],
        });
    }
}
