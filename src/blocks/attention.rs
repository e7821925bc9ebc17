//! Causal attention with grouped queries as launches: from queries, keys and values to outputs, and back.

use super::launch::{Builder, Launch};
use crate::{
    operation::{AttentionStep, Operation, Wanted},
    plan::{ComponentName, Phase, Slice},
};

/// Attention of B sequences of S tokens.
pub(crate) struct Attention {
    pub(crate) component: ComponentName,
    pub(crate) b: u32,
    pub(crate) s: u32,
    pub(crate) heads: u32,
    pub(crate) kv_heads: u32,
    /// d, the width of a head.
    pub(crate) width: u32,
    /// The keys that a query meets at most.
    pub(crate) window: u32,
    /// What q . k is multiplied by.
    pub(crate) scale: f32,
    /// The bound of that product, where it has one.
    pub(crate) cap: Option<f32>,
}

/// Queries, keys and values, (B,S,heads,d) each, and what came of them.
#[derive(Clone, Copy)]
pub(crate) struct Attended {
    pub(crate) q: Slice,
    pub(crate) k: Slice,
    pub(crate) v: Slice,
    pub(crate) o: Slice,
    /// (B,heads,S).
    lse: Slice,
}

/// Where the gradients by queries, keys and values go, and the sums that they need.
#[derive(Clone, Copy)]
pub(crate) struct AttentionGradients {
    pub(crate) d_o: Slice,
    pub(crate) dq: Slice,
    pub(crate) dk: Slice,
    pub(crate) dv: Slice,
    /// (B,heads,S).
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
        let tensors = [("q", q), ("k", k), ("v", v), ("o", o), ("lse", lse)];
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
        let outputs = [("o", of.o), ("d_o", d_o), ("delta", delta)];
        self.launch(to, AttentionStep::Delta, wanted, &outputs);
        let tensors = [
            ("q", of.q),
            ("k", of.k),
            ("v", of.v),
            ("d_o", d_o),
            ("lse", of.lse),
            ("delta", delta),
        ];
        if wanted.query {
            let tensors = [&tensors[..], &[("dq", dq)]].concat();
            self.launch(to, AttentionStep::Query, wanted, &tensors);
        }
        if wanted.key || wanted.value {
            let tensors = [&tensors[..], &[("dk", dk), ("dv", dv)]].concat();
            self.launch(to, AttentionStep::KeyValue, wanted, &tensors);
        }
    }

    fn launch(
        &self,
        to: &mut Builder,
        step: AttentionStep,
        wanted: Wanted,
        bindings: &[(&str, Slice)],
    ) {
        let Self { b, s, heads, kv_heads, width, scale, cap, .. } = *self;
        let window = self.window.min(s);
        let outer = cap.unwrap_or(scale);
        to.launch(&Launch {
            operation: Operation::Attention {
                step,
                b,
                s,
                heads,
                kv_heads,
                width,
                window,
                capped: cap.is_some(),
                wanted,
            },
            component: &self.component,
            phase: match step {
                AttentionStep::Output => Phase::Forward,
                AttentionStep::Delta | AttentionStep::Query | AttentionStep::KeyValue => {
                    Phase::Backward
                }
            },
            window: "",
            scalars: &[("scale", outer), ("inner", scale / outer), ("slope", scale)],
            bindings,
        });
    }
}
