//! Launches of the matrix-product family: which variant runs and how its output is tiled. The rows
//! of a product may fall into groups, each with a weight of its own; a dense layer is one group, and its
//! weight may be longer than a binding.

use super::{
    launch::{Builder, Launch, SUBGROUP_LANES, Spread, window_name},
    weight::{Placer, Weight},
};
use crate::{
    execute::Limits,
    plan::{Element, Init, Phase, Plan, Slice},
};

/// What a launch computes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Entry {
    Forward,
    ForwardPlain,
    BackwardInput,
    BackwardWeight,
    BackwardBias,
}

impl Entry {
    const fn name(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::ForwardPlain => "forward_plain",
            Self::BackwardInput => "backward_input",
            Self::BackwardWeight => "backward_weight",
            Self::BackwardBias => "backward_bias",
        }
    }
}

/// Which kernel computes a product.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Variant {
    /// One output for an invocation, whatever the extents.
    Scalar,
    /// Four adjacent outputs for an invocation; columns are a multiple of four, and the sum may be short.
    Columns,
    /// A register tile for an invocation; extents are multiples of four.
    Vec4,
    /// A larger tile whose rows eight lanes load together.
    Subgroup,
}

impl Variant {
    fn of(entry: Entry, n: u32, k: u32, subgroup_lanes: Option<u32>) -> Self {
        if !(n.is_multiple_of(4) && k.is_multiple_of(4)) {
            match entry {
                Entry::Forward | Entry::ForwardPlain if n.is_multiple_of(4) => Self::Columns,
                Entry::BackwardInput if k.is_multiple_of(4) => Self::Columns,
                _ => Self::Scalar,
            }
        } else if subgroup_lanes == Some(SUBGROUP_LANES) && entry != Entry::BackwardBias {
            Self::Subgroup
        } else {
            Self::Vec4
        }
    }

    const fn file(self) -> &'static str {
        match self {
            Self::Scalar | Self::Columns | Self::Vec4 => "linear",
            Self::Subgroup => "linear_subgroup",
        }
    }

    /// What its entries' names end with.
    const fn suffix(self) -> &'static str {
        match self {
            Self::Scalar => "",
            Self::Columns => "_columns",
            Self::Vec4 | Self::Subgroup => "_vec4",
        }
    }

    /// Whether it reads or writes the named tensor four elements at a time.
    fn by_four(self, entry: Entry, tensor: &str) -> bool {
        match self {
            Self::Scalar => false,
            Self::Columns => match entry {
                Entry::BackwardInput => tensor != "dy",
                _ => matches!(tensor, "y" | "b"),
            },
            Self::Vec4 | Self::Subgroup => true,
        }
    }

    /// Rows and columns of the output that one invocation computes.
    const fn tile(self) -> [u32; 2] {
        match self {
            Self::Scalar => [1, 1],
            Self::Columns => [1, 4],
            Self::Vec4 => [8, 8],
            Self::Subgroup => [32, 4],
        }
    }

    /// Invocations in a workgroup, and how many of them lie along the output's `columns`: no more than
    /// have something to do where one output is all that an invocation computes.
    const fn lanes(self, columns: u32) -> (u32, u32) {
        match self {
            Self::Scalar if columns < 8 => (64, columns.next_power_of_two()),
            Self::Scalar | Self::Columns | Self::Vec4 => (64, 8),
            Self::Subgroup => (8, 8),
        }
    }
}

/// A linear layer's weight (G,N,K) and, where it has one, bias (G,N) with their gradients' places.
#[derive(Clone)]
pub(super) struct Linear {
    /// Where it stands in the report.
    pub(super) component: String,
    pub(super) weight: Weight,
    pub(super) bias: Option<Weight>,
    /// Output features, input features, groups.
    pub(super) n: u32,
    pub(super) k: u32,
    pub(super) g: u32,
}

/// Rows of a product: how many, where groups of them begin (G+1 bounds), and what tells these rows
/// apart from other windows of the same tensor.
#[derive(Clone)]
pub(super) struct Rows {
    pub(super) m: u32,
    pub(super) groups: Slice,
    pub(super) window: String,
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
    pub(super) fn place(
        to: &mut Builder,
        placer: &Placer,
        component: &str,
        (weight, bias): (&str, Option<&str>),
        [k, n]: [u32; 2],
    ) -> Self {
        let mut weight = placer.one(to, component, weight);
        let mut bias = bias.map(|bias| placer.one(to, component, bias));
        if let Some(bias) = &mut bias {
            weight.cut_with(bias, &to.limits);
        }
        Self { component: component.to_owned(), weight, bias, n, k, g: 1 }
    }

    /// Every parameter tensor.
    pub(super) fn weights(&self) -> impl Iterator<Item = &Weight> {
        [&self.weight].into_iter().chain(&self.bias)
    }

    /// y (M,N) = x (M,K) w^T, + b where there is one.
    pub(super) fn forward(&self, to: &mut Builder, rows: &Rows, x: Slice, y: Slice) {
        self.in_windows(to, rows, y, Columns::Made, |to, window, rows, y, _| {
            let bindings = [("x", x), ("w", window.weight.value), ("y", y)];
            match &window.bias {
                Some(bias) => {
                    let bindings = [&bindings[..], &[("b", bias.value)]].concat();
                    window.launch(to, Entry::Forward, rows, false, &bindings);
                }
                None => window.launch(to, Entry::ForwardPlain, rows, false, &bindings),
            }
        });
    }

    /// y (M,N) += x (M,K) w^T, of a layer without bias.
    pub(super) fn forward_onto(&self, to: &mut Builder, rows: &Rows, x: Slice, y: Slice) {
        debug_assert!(self.bias.is_none(), "no kernel adds a product and a bias to what is there");
        self.in_windows(to, rows, y, Columns::AddedTo, |to, window, rows, y, _| {
            let bindings = [("x", x), ("w", window.weight.value), ("y", y)];
            window.launch(to, Entry::ForwardPlain, rows, true, &bindings);
        });
    }

    /// dx (M,K) = dy (M,N) w, added to what is there where `accumulate`. A sum over windows goes on from
    /// what the windows before have left: no operation more.
    pub(super) fn backward_input(
        &self,
        to: &mut Builder,
        rows: &Rows,
        dy: Slice,
        dx: Slice,
        accumulate: bool,
    ) {
        self.in_windows(to, rows, dy, Columns::Read("by x"), |to, window, rows, dy, first| {
            let bindings = [("dy", dy), ("w", window.weight.value), ("dx", dx)];
            window.launch(to, Entry::BackwardInput, rows, accumulate || first > 0, &bindings);
        });
    }

    /// dw (G,N,K) = dy^T x and db (G,N) = the column sums of dy, added to what is there where
    /// `accumulate`; of frozen parameters neither.
    pub(super) fn backward_parameters(
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
                window.launch(to, Entry::BackwardWeight, rows, accumulate, &weight);
            }
            if let Some(db) = window.bias.as_ref().and_then(|bias| bias.grad) {
                let bias = [("dy", dy), ("db", db)];
                window.launch(to, Entry::BackwardBias, rows, accumulate, &bias);
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
            let part = to.passing(u64::from(rows.m) * u64::from(n));
            let name = format!("{} {}", rows.window, window_name("outputs", window, self.n));
            let rows = Rows { window: name.trim().to_owned(), ..rows.clone() };
            let layer = Self {
                weight: self.weight.rows(window),
                bias: self.bias.as_ref().map(|bias| bias.rows(window)),
                n,
                ..self.clone()
            };
            let move_columns = |to: &mut Builder, entry: &str, phase: Phase, why: &str| {
                to.launch(&Launch {
                    kernel: &format!("columns.{entry}"),
                    component: &self.component,
                    phase,
                    window: format!("{} {why}", rows.window).trim_end(),
                    dims: &[("M", rows.m), ("N", n), ("V", self.n), ("COLUMN", first)],
                    scalars: &[],
                    bindings: &[("part", part), ("whole", whole)],
                    spread: Spread::Elements(part.len),
                });
            };
            match columns {
                Columns::Made => {}
                Columns::AddedTo => move_columns(to, "take", Phase::Forward, ""),
                Columns::Read(why) => move_columns(to, "take", Phase::Backward, why),
            }
            product(to, &layer, &rows, part, first);
            match columns {
                Columns::Made | Columns::AddedTo => move_columns(to, "place", Phase::Forward, ""),
                Columns::Read(_) => {}
            }
        }
    }

    fn launch(
        &self,
        to: &mut Builder,
        entry: Entry,
        rows: &Rows,
        accumulate: bool,
        bindings: &[(&str, Slice)],
    ) {
        let Self { n, k, g, .. } = *self;
        let variant = Variant::of(entry, n, k, to.limits.subgroup_lanes);
        let (lanes, column_lanes) = variant.lanes(self.columns(entry));
        let mut bound = vec![("groups".to_owned(), rows.groups)];
        bound.extend(bindings.iter().map(|&(name, slice)| {
            let view = if variant.by_four(entry, name) { "_vec4" } else { "" };
            (format!("{name}{view}"), slice)
        }));
        let bindings: Vec<_> = bound.iter().map(|(name, slice)| (name.as_str(), *slice)).collect();
        to.launch(&Launch {
            kernel: &format!("{}.{}{}", variant.file(), entry.name(), variant.suffix()),
            component: &self.component,
            phase: match entry {
                Entry::Forward | Entry::ForwardPlain => Phase::Forward,
                Entry::BackwardInput | Entry::BackwardWeight | Entry::BackwardBias => {
                    Phase::Backward
                }
            },
            window: &rows.window,
            dims: &[
                ("M", rows.m),
                ("N", n),
                ("K", k),
                ("G", g),
                ("accumulate", accumulate.into()),
                ("LANES", lanes),
                ("COLUMN_LANES", column_lanes),
            ],
            scalars: &[],
            bindings: &bindings,
            spread: Spread::Grid(self.grid(entry, variant, rows.m)),
        });
    }

    /// Columns of what an entry computes.
    const fn columns(&self, entry: Entry) -> u32 {
        match entry {
            Entry::Forward | Entry::ForwardPlain | Entry::BackwardBias => self.n,
            Entry::BackwardInput | Entry::BackwardWeight => self.k,
        }
    }

    fn grid(&self, entry: Entry, variant: Variant, m: u32) -> [u32; 3] {
        let Self { n, g, .. } = *self;
        let [tile_rows, tile_columns] = variant.tile();
        let (lanes, column_lanes) = variant.lanes(self.columns(entry));
        let columns = self.columns(entry).div_ceil(tile_columns * column_lanes);
        let rows = tile_rows * (lanes / column_lanes);
        // A tile's rows belong to one group, and where groups end is known on the device alone: however
        // they divide the rows, there are no more tiles than this.
        let row_tiles = (u64::from(m) + u64::from(g) * u64::from(rows - 1)) / u64::from(rows);
        let row_tiles = u32::try_from(row_tiles).unwrap_or(u32::MAX);
        match entry {
            Entry::Forward | Entry::ForwardPlain | Entry::BackwardInput => [columns, row_tiles, 1],
            Entry::BackwardWeight => [columns, n.div_ceil(rows), g],
            Entry::BackwardBias => {
                let each = if variant == Variant::Scalar { 1 } else { 4 };
                [n.div_ceil(each * lanes), 1, g]
            }
        }
    }
}

/// A dense layer by itself, with all its gradients, on buffers of zeros.
pub(super) fn alone(m: u32, k: u32, n: u32, limits: &Limits) -> Plan {
    let mut to = Builder { plan: Plan::default(), limits: *limits };
    let mut zeros = |name: &str, rows: u32, columns: u32| {
        let len = u64::from(rows) * u64::from(columns);
        to.plan.buffer(name, Element::F32, len, Init::Zeros)
    };
    let [x, y, dx] = [("x", k), ("y", n), ("dx", k)].map(|(name, columns)| zeros(name, m, columns));
    let [mut weight, mut bias] = [("w", "dw", k), ("b", "db", 1)].map(|(value, grad, width)| {
        let [value, grad] = [value, grad].map(|name| zeros(name, n, width));
        Weight::new("linear".to_owned(), value, Some(grad), width, limits)
    });
    weight.cut_with(&mut bias, limits);
    let layer = Linear { component: "linear".to_owned(), weight, bias: Some(bias), n, k, g: 1 };
    let groups = to.values("rows", vec![0, m]);
    let rows = Rows { m, groups, window: String::new() };
    layer.forward(&mut to, &rows, x, y);
    layer.backward_input(&mut to, &rows, y, dx, false);
    layer.backward_parameters(&mut to, &rows, y, x, false);
    to.plan
}
