//! Attention's half of a layer: norm, projections, rotary positions, scores and values, and the sum with the
//! hidden state; forward beside backward.

use super::{
    common::{Common, linears_at},
    gradients::Gradients,
    place::Placing,
    residual::Residual,
};
use crate::{
    blocks::{
        adapter::Adapter,
        attention::{Attended, Attention, row_elements},
        launch::Builder,
        norm::{Normed, RowNorm},
        projection::Projection,
        rope::Rotation,
        weight::Weight,
    },
    component::ComponentName,
    family::decoder::Place,
    operation::{Direction, Wanted},
    plan::Slice,
};

/// The parameters of attention's half of a layer.
pub(super) struct AttentionHalf {
    /// The layer.
    name: ComponentName,
    norm: Option<RowNorm>,
    q: Projection,
    k: Projection,
    v: Projection,
    o: Projection,
    /// The adapter beside queries, keys and values, where they are parts of one module.
    qkv: Option<Adapter>,
    /// Of queries and of keys.
    head_norms: Option<[RowNorm; 2]>,
    /// Where positions turn heads.
    rotation: Option<Rotation>,
    core: Attention,
    /// Of what is added to the hidden state.
    after: Option<RowNorm>,
    residual: Residual,
    /// Whether its norm is that of the MLP beside it, too.
    shared: bool,
}

/// What the backward pass needs.
pub(super) struct AttentionSaved {
    /// What the projections were given.
    pub(super) x: Slice,
    normed: Option<Normed>,
    heads: Option<[Normed; 2]>,
    attended: Attended,
    /// What the adapters of q, k, v and o made between their products.
    adapted: [Option<Slice>; 4],
    /// What that beside queries, keys and values made.
    fused: Option<Slice>,
    after: Option<Normed>,
}

impl AttentionHalf {
    pub(super) fn place(placing: &mut Placing<'_>, index: u32) -> Self {
        let config = placing.config;
        let name = ComponentName::of_layer(index, &[]);
        let part = name.part(&["attention"]);
        let names = config.architecture.names();
        let block = format!("{}.{index}", names.layers);
        let norms = name.part(&["norm"]);
        let [around, _] = config.architecture.norms();
        let norm = around.before.map(|module| {
            placing.norm((norms.clone(), "before attention"), &format!("{block}.{module}"))
        });
        let mut projection = |place, called| {
            let linear = &linears_at(config, index, place)[0];
            placing.projection(&part, (linear, called), &linear.module(index))
        };
        let q = projection(Place::Query, "q_proj");
        let k = projection(Place::Key, "k_proj");
        let v = projection(Place::Value, "v_proj");
        let o = projection(Place::Output, "o_proj");
        let qkv = placing.fused_adapter(&part, index, names.qkv);
        let head_norms = config.query_key_norms().map(|_| {
            [("queries", "q_norm"), ("keys", "k_norm")].map(|(what, norm)| {
                let component = part.part(&["norm"]);
                placing.norm((component, what), &format!("{block}.self_attn.{norm}"))
            })
        });
        let after = around
            .after
            .map(|module| placing.norm((norms, "after attention"), &format!("{block}.{module}")));
        let layer = config.layers[index as usize];
        let rotation = layer.rotary.then(|| placing.rotation(layer));
        let core = Attention {
            component: part.part(&["core"]),
            groups: placing.sequences(),
            heads: config.num_attention_heads,
            kv_heads: config.num_key_value_heads,
            width: config.head_dim,
            window: layer.window,
            scale: config.attention_scale() as f32,
            cap: config.gemma.and_then(|gemma| gemma.attn_logit_softcapping).map(|cap| cap as f32),
        };
        let residual = Residual::place(placing, &name, "attention");
        let shared = config.shares_norm();
        Self { name, norm, q, k, v, o, qkv, head_norms, rotation, core, after, residual, shared }
    }

    pub(super) fn weights(&self) -> impl Iterator<Item = &Weight> {
        let norms = self.norm.iter().chain(self.head_norms.iter().flatten());
        let norms = norms.chain(&self.after).flat_map(RowNorm::weights);
        let projections = self.projections().into_iter().flat_map(Projection::weights);
        norms.chain(projections).chain(self.qkv.iter().flat_map(Adapter::weights))
    }

    const fn projections(&self) -> [&Projection; 4] {
        [&self.q, &self.k, &self.v, &self.o]
    }

    /// Whether any of its projections has an adapter.
    pub(super) fn is_adapted(&self) -> bool {
        self.qkv.is_some() || self.projections().into_iter().any(Projection::is_adapted)
    }

    /// The hidden state between the layer's halves (T,H), and what the backward pass needs.
    pub(super) fn forward(
        &self,
        to: &mut Builder,
        common: &Common,
        h: Slice,
    ) -> (Slice, AttentionSaved) {
        let Common { shape, rows } = common;
        let name = &self.name;
        let mut make =
            |part: &str, width: u32| to.scratch(format!("{name}.{part}"), shape.elements(width));
        let [query, kv] = [self.q.linear.n, self.k.linear.n];
        let [q, o] = ["q", "o"].map(|part| make(part, query));
        let [k, v] = ["k", "v"].map(|part| make(part, kv));
        let [attended, between] = ["attended", "between"].map(|part| make(part, shape.h));
        let row_elements = row_elements(&self.core.groups, self.core.heads, to.limits());
        let lse = to.scratch(format!("{name}.lse"), row_elements);

        let normed = self.norm.as_ref().map(|norm| norm.forward(to, h));
        let x = normed.map_or(h, |normed| normed.y);
        let u_q = self.q.forward(to, rows, x, q);
        let u_k = self.k.forward(to, rows, x, k);
        let u_v = self.v.forward(to, rows, x, v);
        let fused = self.qkv.as_ref().map(|it| it.forward(to, rows, x, &[q, k, v]));
        let heads =
            self.head_norms.as_ref().map(|[of_q, of_k]| [of_q.forward(to, q), of_k.forward(to, k)]);
        let [q, k] = heads.map_or([q, k], |heads| heads.map(|normed| normed.y));
        self.turn(to, Direction::Forward, [Some(q), Some(k)]);
        let core = self.core.forward(to, [q, k, v, o], lse);
        let u_o = self.o.forward(to, rows, o, attended);
        let after = self.after.as_ref().map(|norm| norm.forward(to, attended));
        let added = after.map_or(attended, |normed| normed.y);
        self.residual.forward(to, [h, added, between]);
        let adapted = [u_q, u_k, u_v, u_o];
        (between, AttentionSaved { x, normed, heads, attended: core, adapted, fused, after })
    }

    /// Turns the heads of queries and of keys, or their gradients back, where positions do.
    fn turn(&self, to: &mut Builder, direction: Direction, [q, k]: [Option<Slice>; 2]) {
        let Some(rotation) = &self.rotation else { return };
        let component = self.name.part(&["attention", "rope"]);
        for (what, turned, heads) in
            [("queries", q, self.core.heads), ("keys", k, self.core.kv_heads)]
        {
            if let Some(turned) = turned {
                rotation.turn(to, &component, direction, (what, turned, heads));
            }
        }
    }

    /// Which gradients inside have a use, where that by what this half is given has one, `below`, or has none.
    fn wanted(&self, below: bool) -> Wanted {
        let [query, key, value] = [&self.q, &self.k, &self.v]
            .map(|projection| below || self.qkv.is_some() || projection.is_adapted());
        Wanted { query, key, value }
    }

    /// From the gradient by the sum behind this half, in `by.h`, to that by what attention made of values, where that has a
    /// use.
    pub(super) fn backward_output(
        &self,
        to: &mut Builder,
        common: &Common,
        saved: &AttentionSaved,
        by: &Gradients,
        below: bool,
    ) {
        let rows = &common.rows;
        let dy = self.residual.backward(to, by);
        let dy = by.through(to, dy, self.after.as_ref(), saved.after.as_ref());
        let [.., u_o] = saved.adapted;
        let through = self.wanted(below).any().then_some((by.attention.d_o, false));
        self.o.backward(to, rows, [dy, saved.attended.o], u_o, through, false);
    }

    /// From there on: adds to `by.h` the gradient by what this half is given, where that has a use, `below`.
    pub(super) fn backward_given(
        &self,
        to: &mut Builder,
        common: &Common,
        saved: &AttentionSaved,
        by: &Gradients,
        below: bool,
    ) {
        let rows = &common.rows;
        let wanted = self.wanted(below);
        if !wanted.any() {
            return;
        }
        let [u_q, u_k, u_v, _] = saved.adapted;
        let grads = &by.attention;
        self.core.backward(to, &saved.attended, grads, wanted);
        let [mut dq, mut dk] = [grads.dq, grads.dk];
        let turned = [wanted.query.then_some(dq), wanted.key.then_some(dk)];
        self.turn(to, Direction::Backward, turned);
        if let (Some(norms), Some(heads), Some(raw)) =
            (&self.head_norms, &saved.heads, by.before_head_norms)
        {
            for (at, (wanted, gradient)) in
                [(wanted.query, &mut dq), (wanted.key, &mut dk)].into_iter().enumerate()
            {
                if wanted {
                    norms[at].backward(to, &heads[at], *gradient, Some((raw[at], false)));
                    *gradient = raw[at];
                }
            }
        }
        let (dx, mut more) = by.given(self.norm.is_some());
        // What the MLP beside it has left there is by the same norm.
        more |= self.shared;
        for (wanted, projection, dy, u) in [
            (wanted.query, &self.q, dq, u_q),
            (wanted.key, &self.k, dk, u_k),
            (wanted.value, &self.v, grads.dv, u_v),
        ] {
            if wanted {
                let onto = below.then_some((dx, more));
                projection.backward(to, rows, [dy, saved.x], u, onto, false);
                more = true;
            }
        }
        if let (Some(adapter), Some(u)) = (&self.qkv, saved.fused) {
            let dx = below.then_some(dx);
            adapter.backward(to, rows, &[dq, dk, grads.dv], [saved.x, u], dx, false);
        }
        if below {
            by.norm(to, self.norm.as_ref(), saved.normed.as_ref());
        }
    }
}
