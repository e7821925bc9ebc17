//! Causal attention with grouped queries as launches: from queries, keys and values to outputs, and back. Sequences
//! lie one behind the other; those that follow each other and are of one length are one launch.

use super::launch::{Builder, Launch};
use crate::{
    component::{ComponentName, Phase},
    execute::Limits,
    operation::{AttentionStep, Operation, Transfer, Wanted},
    plan::{ELEMENT_BYTES, Slice},
};

/// Sequences of one length that follow each other: how many, and their tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Alike {
    pub(crate) b: u32,
    pub(crate) s: u32,
}

/// Sequences of these lengths, in order, as few groups.
pub(crate) fn grouped(lengths: impl IntoIterator<Item = u32>) -> Vec<Alike> {
    let mut groups: Vec<Alike> = Vec::new();
    for s in lengths {
        match groups.last_mut() {
            Some(last) if last.s == s => last.b += 1,
            _ => groups.push(Alike { b: 1, s }),
        }
    }
    groups
}

/// Numbers that a tensor has which holds one for each head and token, group by group where a binding may begin.
pub(crate) fn row_elements(groups: &[Alike], heads: u32, limits: &Limits) -> u64 {
    groups.iter().map(|group| padded(group, heads, limits)).sum()
}

fn padded(group: &Alike, heads: u32, limits: &Limits) -> u64 {
    let elements = u64::from(group.b) * u64::from(group.s) * u64::from(heads);
    elements.next_multiple_of((limits.offset_alignment / ELEMENT_BYTES).max(1))
}

/// Attention within sequences.
pub(crate) struct Attention {
    pub(crate) component: ComponentName,
    pub(crate) groups: Vec<Alike>,
    pub(crate) heads: u32,
    pub(crate) kv_heads: u32,
    /// d, the width of a head.
    pub(crate) width: u32,
    /// The keys that a query meets at most.
    pub(crate) window: Option<u32>,
    /// What q . k is multiplied by.
    pub(crate) scale: f32,
    /// The bound of that product, where it has one.
    pub(crate) cap: Option<f32>,
}

/// A tensor that a step binds.
#[derive(Clone, Copy)]
struct Bound {
    name: &'static str,
    whole: Slice,
    layout: Layout,
    /// Whether the step writes it, all of it.
    written: bool,
}

/// How a tensor lies.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// Token by token, with so many heads.
    Tokens(u32),
    /// Group by group, each (b,heads,s).
    Rows,
}

/// Queries, keys and values, (B,S,heads,d) each, and what came of them.
#[derive(Clone, Copy)]
pub(crate) struct Attended {
    pub(crate) q: Slice,
    pub(crate) k: Slice,
    pub(crate) v: Slice,
    pub(crate) o: Slice,
    /// A number for each head and token.
    lse: Slice,
}

/// Where the gradients by queries, keys and values go, and the sums that they need.
#[derive(Clone, Copy)]
pub(crate) struct AttentionGradients {
    pub(crate) d_o: Slice,
    pub(crate) dq: Slice,
    pub(crate) dk: Slice,
    pub(crate) dv: Slice,
    /// A number for each head and token.
    pub(crate) delta: Slice,
}

impl Attention {
    /// Outputs o and what the backward pass needs.
    pub(crate) fn forward(
        &self,
        to: &mut Builder,
        [q, k, v, o]: [Slice; 4],
        lse: Slice,
    ) -> Attended {
        let tensors = [
            self.queries("q", q),
            self.keys("k", k),
            self.keys("v", v),
            self.queries("o", o).written(),
            rows("lse", lse),
        ];
        self.launch(to, AttentionStep::Output, Wanted::ALL, &tensors);
        Attended { q, k, v, o, lse }
    }

    /// Those gradients that are wanted, from d_o.
    pub(crate) fn backward(
        &self,
        to: &mut Builder,
        of: &Attended,
        by: &AttentionGradients,
        wanted: Wanted,
    ) {
        let AttentionGradients { d_o, dq, dk, dv, delta } = *by;
        let (d_o, delta) = (self.queries("d_o", d_o), rows("delta", delta));
        let outputs = [self.queries("o", of.o), d_o, delta];
        self.launch(to, AttentionStep::Delta, wanted, &outputs);
        let tensors = [
            self.queries("q", of.q),
            self.keys("k", of.k),
            self.keys("v", of.v),
            d_o,
            rows("lse", of.lse),
            delta,
        ];
        if wanted.query {
            let tensors = [&tensors[..], &[self.queries("dq", dq).written()]].concat();
            self.launch(to, AttentionStep::Query, wanted, &tensors);
        }
        if wanted.key || wanted.value {
            let gradients = [self.keys("dk", dk).written(), self.keys("dv", dv).written()];
            let tensors = [&tensors[..], &gradients].concat();
            self.launch(to, AttentionStep::KeyValue, wanted, &tensors);
        }
    }

    /// A tensor (T,heads,d).
    const fn queries(&self, name: &'static str, whole: Slice) -> Bound {
        Bound { name, whole, layout: Layout::Tokens(self.heads), written: false }
    }

    /// A tensor (T,kv heads,d).
    const fn keys(&self, name: &'static str, whole: Slice) -> Bound {
        Bound { name, whole, layout: Layout::Tokens(self.kv_heads), written: false }
    }

    /// Launches a step for each group, on its part of the tensors.
    fn launch(&self, to: &mut Builder, step: AttentionStep, wanted: Wanted, tensors: &[Bound]) {
        let (mut token, mut row) = (0, 0);
        for group in &self.groups {
            let Alike { b, s } = *group;
            let tokens = u64::from(b) * u64::from(s);
            let window = match self.groups.len() {
                1 => String::new(),
                _ => format!("tokens {token}..{}", token + tokens),
            };
            let mut bindings = Vec::new();
            let mut left = Vec::new();
            for tensor in tensors {
                let (first, len) = match tensor.layout {
                    Layout::Rows => (row, tokens * u64::from(self.heads)),
                    Layout::Tokens(heads) => {
                        let width = u64::from(heads) * u64::from(self.width);
                        (token * width, tokens * width)
                    }
                };
                let part = tensor.whole.part(first, len);
                let bytes = part.offset * ELEMENT_BYTES;
                let slice = if bytes.is_multiple_of(to.limits().offset_alignment) {
                    part
                } else {
                    let aside = to.passing(tensor.name, len);
                    let moved = (tensor, aside, first);
                    if tensor.written {
                        left.push(moved);
                    } else {
                        self.carry(to, (step, &window), Transfer::Take, moved);
                    }
                    aside
                };
                bindings.push((tensor.name, slice));
            }
            self.launch_one(to, (step, wanted), (*group, &window), &bindings);
            for moved in left {
                self.carry(to, (step, &window), Transfer::Place, moved);
            }
            token += tokens;
            row += padded(group, self.heads, to.limits());
        }
    }

    /// Carries a part of a tensor, from its element `first` on, to or from where a binding may begin.
    fn carry(
        &self,
        to: &mut Builder,
        (step, window): (AttentionStep, &str),
        transfer: Transfer,
        (tensor, aside, first): (&Bound, Slice, u64),
    ) {
        // A tensor of more elements than 32 bits count is bound by no adapter, which the plan's last check says.
        let size = |elements: u64| u32::try_from(elements).unwrap_or(u32::MAX);
        let (n, v, column) = (size(aside.len), size(tensor.whole.len), size(first));
        to.launch(&Launch {
            operation: Operation::Columns { transfer, m: 1, n, v, column },
            component: &self.component,
            phase: phase_of(step),
            window: &format!("{} for {step:?} of {window}", tensor.name),
            scalars: &[],
            bindings: &[("part", aside), ("whole", tensor.whole)],
        });
    }

    fn launch_one(
        &self,
        to: &mut Builder,
        (step, wanted): (AttentionStep, Wanted),
        (Alike { b, s }, window): (Alike, &str),
        bindings: &[(&str, Slice)],
    ) {
        let Self { heads, kv_heads, width, scale, cap, .. } = *self;
        let outer = cap.unwrap_or(scale);
        to.launch(&Launch {
            operation: Operation::Attention {
                step,
                b,
                s,
                heads,
                kv_heads,
                width,
                window: self.window.map_or(s, |window| window.min(s)),
                capped: cap.is_some(),
                wanted,
            },
            component: &self.component,
            phase: phase_of(step),
            window,
            scalars: &[("scale", outer), ("inner", scale / outer), ("slope", scale)],
            bindings,
        });
    }
}

impl Bound {
    const fn written(self) -> Self {
        Self { written: true, ..self }
    }
}

/// A tensor of one number for each head and token.
const fn rows(name: &'static str, whole: Slice) -> Bound {
    Bound { name, whole, layout: Layout::Rows, written: false }
}

const fn phase_of(step: AttentionStep) -> Phase {
    match step {
        AttentionStep::Output => Phase::Forward,
        AttentionStep::Delta | AttentionStep::Query | AttentionStep::KeyValue => Phase::Backward,
    }
}
