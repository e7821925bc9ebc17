//! Attention's half of a layer: norm, projections, rotary positions, scores and values. A query meets the
//! keys up to itself, at most as many as its window holds.

use super::build::{LayerGroup, LinearFlow, WorkList, sum};
use crate::{
    family::decoder::{
        linear::{LinearLayer, Place},
        work::{Part, Work, WorkPass},
    },
    op::{Op, OpCounts},
};

/// Which gradients have a use.
struct Wanted {
    query: bool,
    key: bool,
    value: bool,
}

impl WorkList<'_> {
    /// Returns whether the hidden state after attention depends on anything trained.
    pub(super) fn attention(&mut self, run: &LayerGroup) -> bool {
        let config = self.config;
        let t = self.tokens.count();
        let linears = LinearLayer::of_layer(config, run.layer);
        let place = |place| linears.iter().find(|linear| linear.place == place);
        let rank = |linear: Option<&LinearLayer>| linear.and_then(|linear| run.rank(linear));
        let [q, k, v, o] = [Place::Query, Place::Key, Place::Value, Place::Output].map(place);
        let wanted = Wanted {
            query: run.below || rank(q).is_some(),
            key: run.below || rank(k).is_some(),
            value: run.below || rank(v).is_some(),
        };
        let through = wanted.query || wanted.key || wanted.value;
        let between = through || rank(o).is_some();

        let [around, _] = config.architecture.norms();
        if around.before.is_some() {
            self.norm(t, config.hidden_size, run.below, true);
        }
        for (linear, output) in [(q, wanted.query), (k, wanted.key), (v, wanted.value)] {
            if let Some(linear) = linear {
                let flow = LinearFlow { rows: t, input: run.below, output };
                self.linear(linear, flow, run.rank(linear));
            }
        }
        self.fused_adapter(run, config.architecture.names().qkv, run.below);
        let heads =
            [(config.num_attention_heads, wanted.query), (config.num_key_value_heads, wanted.key)];
        for (at, (heads, back)) in heads.into_iter().enumerate() {
            let rows = t * u128::from(heads);
            if let Some(widths) = config.query_key_norms() {
                let elements = rows * u128::from(config.head_dim);
                self.norm(elements / u128::from(widths[at]), widths[at], back, false);
            }
            if run.layer.rotary {
                self.rope(rows, back);
            }
        }
        self.pairs(run, &wanted);
        if let Some(linear) = o {
            let flow = LinearFlow { rows: t, input: through, output: between };
            self.linear(linear, flow, run.rank(linear));
        }
        if around.after.is_some() {
            self.norm(t, config.hidden_size, between, false);
        }
        between
    }

    /// Each pair of those of a head's elements that are turned is turned by an angle, forth or back.
    fn rope(&mut self, rows: u128, back: bool) {
        let each = sum(&[(Op::Mul, 2), (Op::Fma, 2), (Op::Neg, 1)]);
        let pairs = rows * u128::from(self.config.rotary_width() / 2);
        self.forward(Part::Rope, each, pairs);
        if back {
            self.add(Part::Rope, WorkPass::Input, each, pairs);
        }
    }

    fn pairs(&mut self, run: &LayerGroup, wanted: &Wanted) {
        let config = self.config;
        let heads = u128::from(config.num_attention_heads);
        let pairs = heads * self.tokens.pairs(run.layer.window);
        let square = heads * self.tokens.square();
        let rows = heads * self.tokens.count();
        let d = u64::from(config.head_dim);
        let capped = config.gemma.is_some_and(|gemma| gemma.attn_logit_softcapping.is_some());

        // q . k and o += p v.
        for pass in [WorkPass::Forward, WorkPass::Again] {
            if pass == WorkPass::Forward || self.recompute {
                self.products(pass, 2, [pairs, square], d);
            }
        }
        // A pair: the row's maximum, exp((q . k - maximum) scale), its sum. A row ends with o (1 / sum)
        // and log-sum = maximum + log(sum) / scale.
        let pair = sum(&[(Op::Mul, 1), (Op::Add, 2), (Op::MinMax, 1), (Op::Exp, 1)]);
        self.forward(Part::Softmax, pair, pairs);
        let row = sum(&[(Op::Mul, d), (Op::Add, 1), (Op::Div, 2), (Op::Log, 1)]);
        self.forward(Part::Softmax, row, rows);
        if capped {
            // The scale goes into s / c; tanh; times c.
            self.forward(Part::Softmax, sum(&[(Op::Mul, 1), (Op::Tanh, 1)]), pairs);
        }

        let scores = wanted.query || wanted.key;
        // dp = d_o . v, dq += ds k, dk += ds q, dv += p d_o.
        let products = u64::from(scores)
            + u64::from(wanted.query)
            + u64::from(wanted.key)
            + u64::from(wanted.value);
        if products > 0 {
            self.products(WorkPass::Input, products, [pairs, square], d);
        }
        if scores {
            // delta = d_o . o of a row; ds = p (dp - delta) scale of a pair.
            self.add(Part::Softmax, WorkPass::Input, sum(&[(Op::Fma, d)]), rows);
            let gradient = sum(&[(Op::Add, 1), (Op::Mul, 2)]);
            self.add(Part::Softmax, WorkPass::Input, gradient, pairs);
            if capped {
                // Times 1 - tanh^2.
                self.add(Part::Softmax, WorkPass::Input, sum(&[(Op::Add, 1), (Op::Mul, 2)]), pairs);
            }
        }
    }

    /// Products of d multiply-adds for each pair; the whole square as FlopCounterMode counts.
    fn products(&mut self, pass: WorkPass, count: u64, [pairs, square]: [u128; 2], d: u64) {
        self.work.push(Work {
            part: Part::Square,
            pass,
            each: OpCounts::f32(Op::Fma, count * d),
            times: pairs,
            product: 2 * u128::from(count * d) * square,
        });
    }
}
