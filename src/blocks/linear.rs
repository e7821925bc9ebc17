//! Linear layers as launches. The rows of a product may fall into groups, each with a weight of its own; a
//! dense layer is one group, and its weight may be longer than a binding.

use super::{
    launch::{Builder, Launch, window_name},
    narrow::{Narrowed, OPERANDS},
    weight::{Placer, Weight},
};
use crate::{
    component::{ComponentName, Phase},
    execute::Limits,
    operation::{Function, LinearResult, Operation, Precision, Transfer},
    plan::{Element, Init, Plan, Slice},
};

/// A linear layer's weight (G,N,K) and, where it has one, bias (G,N) with their gradients' places.
#[derive(Clone)]
pub(crate) struct Linear {
    /// Where it stands in the report.
    pub(crate) component: ComponentName,
    pub(crate) weight: Weight,
    pub(crate) bias: Option<Weight>,
    /// Output features, input features, groups.
    pub(crate) n: u32,
    pub(crate) k: u32,
    pub(crate) g: u32,
}

/// Rows of a product: how many, where groups of them begin (G+1 bounds), and what tells these rows
/// apart from other windows of the same tensor.
#[derive(Clone)]
pub(crate) struct Rows {
    pub(crate) m: u32,
    pub(crate) groups: Slice,
    pub(crate) window: String,
}

impl Rows {
    /// The same rows, told apart from those of other parts of one layer.
    pub(super) fn of(&self, part: &str) -> Self {
        Self { window: format!("{} {part}", self.window).trim().to_owned(), ..self.clone() }
    }
}

/// What a product does with columns of a tensor (M,N).
#[derive(Clone, Copy)]
enum Columns {
    Made,
    AddedTo,
    /// Reads them, for the gradient that is named.
    Read(&'static str),
}

impl Linear {
    /// Places a dense layer's `weight` (N,K) and, where one is named, its `bias` (N), cut at the same rows.
    pub(crate) fn place(
        to: &mut Builder,
        placer: &Placer,
        component: &ComponentName,
        (weight, bias): (&str, Option<&str>),
        [k, n]: [u32; 2],
    ) -> Self {
        let weight = placer.one(to, component, weight);
        let bias = bias.map(|bias| placer.one(to, component, bias));
        Self::dense(component, (weight, bias), [k, n], to.limits())
    }

    /// Places a dense layer whose `weight` (N,K), and `bias` (N) where one is named, are the next N rows of tensors.
    pub(crate) fn place_next(
        to: &mut Builder,
        placer: &Placer,
        component: &ComponentName,
        (weight, bias): (&str, Option<&str>),
        [k, n]: [u32; 2],
    ) -> Self {
        let weight = placer.next_rows(to, component, weight, n);
        let bias = bias.map(|bias| placer.next_rows(to, component, bias, n));
        Self::dense(component, (weight, bias), [k, n], to.limits())
    }

    /// A dense layer of a weight and, where it has one, a bias, which are cut at the same rows.
    fn dense(
        component: &ComponentName,
        (mut weight, mut bias): (Weight, Option<Weight>),
        [k, n]: [u32; 2],
        limits: &Limits,
    ) -> Self {
        if let Some(bias) = &mut bias {
            weight.cut_with(bias, limits);
        }
        Self { component: component.clone(), weight, bias, n, k, g: 1 }
    }

    /// Every parameter tensor.
    pub(crate) fn weights(&self) -> impl Iterator<Item = &Weight> {
        [&self.weight].into_iter().chain(&self.bias)
    }

    /// y (M,N) = x (M,K) w^T, + b where there is one.
    pub(crate) fn forward(&self, to: &mut Builder, rows: &Rows, x: Slice, y: Slice) {
        self.in_windows(to, rows, y, Columns::Made, |to, window, rows, y, _| {
            let bindings = [("x", x), ("w", window.weight.value), ("y", y)];
            match &window.bias {
                Some(bias) => {
                    let bindings = [&bindings[..], &[("b", bias.value)]].concat();
                    window.launch(to, LinearResult::Output, rows, false, &bindings);
                }
                None => window.launch(to, LinearResult::PlainOutput, rows, false, &bindings),
            }
        });
    }

    /// y (M,N) += x (M,K) w^T, of a layer without bias.
    pub(crate) fn forward_onto(&self, to: &mut Builder, rows: &Rows, x: Slice, y: Slice) {
        debug_assert!(self.bias.is_none(), "no kernel adds a product and a bias to what is there");
        self.in_windows(to, rows, y, Columns::AddedTo, |to, window, rows, y, _| {
            let bindings = [("x", x), ("w", window.weight.value), ("y", y)];
            window.launch(to, LinearResult::PlainOutput, rows, true, &bindings);
        });
    }

    /// dx (M,K) = dy (M,N) w, added to what is there where `accumulate`. A sum over windows goes on from
    /// what the windows before have left: no operation more.
    pub(crate) fn backward_input(
        &self,
        to: &mut Builder,
        rows: &Rows,
        dy: Slice,
        dx: Slice,
        accumulate: bool,
    ) {
        self.in_windows(to, rows, dy, Columns::Read("by x"), |to, window, rows, dy, first| {
            let bindings = [("dy", dy), ("w", window.weight.value), ("dx", dx)];
            window.launch(to, LinearResult::Input, rows, accumulate || first > 0, &bindings);
        });
    }

    /// dw (G,N,K) = dy^T x and db (G,N) = the column sums of dy, added to what is there where
    /// `accumulate`; of frozen parameters neither.
    pub(crate) fn backward_parameters(
        &self,
        to: &mut Builder,
        rows: &Rows,
        dy: Slice,
        x: Slice,
        accumulate: bool,
    ) {
        if self.weights().all(|weight| weight.grad.is_none()) {
            return;
        }
        self.in_windows(to, rows, dy, Columns::Read("by w"), |to, window, rows, dy, _| {
            if let Some(dw) = window.weight.grad {
                let weight = [("dy", dy), ("x", x), ("dw", dw)];
                window.launch(to, LinearResult::Weight, rows, accumulate, &weight);
            }
            if let Some(db) = window.bias.as_ref().and_then(|bias| bias.grad) {
                let bias = [("dy", dy), ("db", db)];
                window.launch(to, LinearResult::Bias, rows, accumulate, &bias);
            }
        });
    }

    /// The layer in windows of its outputs, where its weight is longer than a binding: rows of the
    /// weight, and columns of `whole` (M,N), which move between there and a place of their own. `product`
    /// is given the window as a layer, its rows and columns, and its first output. Grouped weights stay
    /// whole.
    fn in_windows(
        &self,
        to: &mut Builder,
        rows: &Rows,
        whole: Slice,
        columns: Columns,
        product: impl Fn(&mut Builder, &Self, &Rows, Slice, u32),
    ) {
        let cut = self.weight.windows();
        if cut.len() < 2 || self.g > 1 {
            // What fits no binding even so is refused when the plan is whole.
            return product(to, self, rows, whole, 0);
        }
        for &window in cut {
            let (first, n) = window;
            let part = to.passing("columns", u64::from(rows.m) * u64::from(n));
            let name = format!("{} {}", rows.window, window_name("outputs", window, self.n));
            let rows = Rows { window: name.trim().to_owned(), ..rows.clone() };
            let layer = Self {
                weight: self.weight.rows(window),
                bias: self.bias.as_ref().map(|bias| bias.rows(window)),
                n,
                ..self.clone()
            };
            let (m, v) = (rows.m, self.n);
            let move_columns = |to: &mut Builder, transfer: Transfer, phase: Phase, why: &str| {
                to.launch(&Launch {
                    operation: Operation::Columns { transfer, m, n, v, column: first },
                    component: &self.component,
                    phase,
                    window: format!("{} {why}", rows.window).trim_end(),
                    scalars: &[],
                    bindings: &[("part", part), ("whole", whole)],
                });
            };
            match columns {
                Columns::Made => {}
                Columns::AddedTo => move_columns(to, Transfer::Take, Phase::Forward, ""),
                Columns::Read(why) => move_columns(to, Transfer::Take, Phase::Backward, why),
            }
            product(to, &layer, &rows, part, first);
            match columns {
                Columns::Made | Columns::AddedTo => {
                    move_columns(to, Transfer::Place, Phase::Forward, "")
                }
                Columns::Read(_) => {}
            }
        }
    }

    fn launch(
        &self,
        to: &mut Builder,
        result: LinearResult,
        rows: &Rows,
        accumulate: bool,
        bindings: &[(&str, Slice)],
    ) {
        let Self { n, k, g, .. } = *self;
        let phase = match result {
            LinearResult::Output | LinearResult::PlainOutput => Phase::Forward,
            LinearResult::Input | LinearResult::Weight | LinearResult::Bias => Phase::Backward,
        };
        let precision = match result {
            LinearResult::Bias => Precision::Single,
            LinearResult::Output
            | LinearResult::PlainOutput
            | LinearResult::Input
            | LinearResult::Weight => to.precision,
        };
        let mut bindings = match precision {
            Precision::Single => bindings.to_vec(),
            Precision::Half => {
                narrowed(to, bindings, result, (&self.component, phase, &rows.window))
            }
        };
        bindings.push(("groups", rows.groups));
        to.launch(&Launch {
            operation: Operation::Linear { result, m: rows.m, k, n, g, accumulate, precision },
            component: &self.component,
            phase,
            window: &rows.window,
            scalars: &[],
            bindings: &bindings,
        });
    }
}

/// A product's bindings with its operands in half precision, each rounded by a pass of the product's component.
fn narrowed<'a>(
    to: &mut Builder,
    bindings: &[(&'a str, Slice)],
    result: LinearResult,
    (component, phase, window): (&ComponentName, Phase, &str),
) -> Vec<(&'a str, Slice)> {
    let of = match result {
        LinearResult::Output | LinearResult::PlainOutput => "y",
        LinearResult::Input => "dx",
        LinearResult::Weight => "dw",
        LinearResult::Bias => "db",
    };
    let operand = |&(name, tensor): &(&'a str, Slice)| {
        let operand = OPERANDS.into_iter().find(|operand| *operand == name);
        let Some(operand) = operand else { return (name, tensor) };
        let window = format!("{window} {operand} for {of}");
        (name, narrow(to, Narrowed { operand, tensor }, component, phase, window.trim_start()))
    };
    bindings.iter().map(operand).collect()
}

fn narrow(
    to: &mut Builder,
    narrowed: Narrowed,
    component: &ComponentName,
    phase: Phase,
    window: &str,
) -> Slice {
    // A number that several products multiply is rounded once, as long as its buffer holds it.
    let Narrowed { operand, tensor } = narrowed;
    let name = format!("{operand} in half precision");
    let half = to.passing_of(Element::Halves, &name, tensor.len.div_ceil(2));
    to.begin(component, phase);
    if !to.narrowed.contains(&narrowed) {
        // More elements than that are more than can be bound, which the plan's last check says.
        let p = u32::try_from(tensor.len).unwrap_or(u32::MAX);
        to.launch(&Launch {
            operation: Operation::Pointwise { function: Function::Narrow, p },
            component,
            phase,
            window,
            scalars: &[],
            bindings: &[("full", tensor), ("half", half)],
        });
        to.narrowed.retain(|other| other.operand != operand);
        to.narrowed.push(narrowed);
    }
    half
}

/// A dense layer by itself, with all its gradients, on buffers of zeros.
pub(crate) fn alone(m: u32, k: u32, n: u32, limits: &Limits) -> Plan {
    let mut to = Builder::new(&limits.into());
    let mut zeros = |name: &str, rows: u32, columns: u32| {
        let len = u64::from(rows) * u64::from(columns);
        to.plan.buffer(name, Element::F32, len, Init::Zeros)
    };
    let [x, y, dx] = [("x", k), ("y", n), ("dx", k)].map(|(name, columns)| zeros(name, m, columns));
    let component = ComponentName::new(&["linear"]);
    let [mut weight, mut bias] = [("w", "dw", k), ("b", "db", 1)].map(|(value, grad, width)| {
        let [value, grad] = [value, grad].map(|name| zeros(name, n, width));
        Weight::new(component.clone(), value, Some(grad), width, limits)
    });
    weight.cut_with(&mut bias, limits);
    let layer = Linear { component, weight, bias: Some(bias), n, k, g: 1 };
    let groups = to.values("rows", vec![0, m]);
    let rows = Rows { m, groups, window: String::new() };
    layer.forward(&mut to, &rows, x, y);
    layer.backward_input(&mut to, &rows, y, dx, false);
    layer.backward_parameters(&mut to, &rows, y, x, false);
    to.plan
}
