//! The MLP's half of a layer: norm, gate, up and down, or up and down alone, of every token or of the experts that it
//! passes. How many products experts take does not depend on which tokens they are given.

use super::build::{LayerGroup, LinearFlow, WorkList, sum};
use crate::{
    blocks::activation::Activation,
    family::decoder::{
        config::{Experts, Mlp},
        linear::{LinearLayer, Place},
        work::{Part, WorkPass},
    },
    op::{Op, OpCounts},
};

impl WorkList<'_> {
    /// `below` says whether what the MLP is given depends on anything trained. Returns whether what it adds to the hidden
    /// state does.
    pub(super) fn mlp(&mut self, run: &LayerGroup, below: bool) -> bool {
        let config = self.config;
        let t = self.tokens.count();
        let linears = LinearLayer::of_layer(config, run.layer);
        let [_, around] = config.architecture.norms();
        if around.before.is_some() {
            self.norm(t, config.hidden_size, below, true);
        }
        let of = |place| linears.iter().filter(move |linear| linear.place == place);
        let mlp: Vec<&LinearLayer> = of(Place::Mlp).collect();
        let shared: Vec<&LinearLayer> = of(Place::Shared).collect();
        self.gated(run, &mlp, below);
        self.plain(run, &mlp, below);
        self.fused_adapter(run, config.architecture.names().gate_up, below);
        if let Mlp::Experts(experts) = run.layer.mlp {
            for router in of(Place::Router) {
                self.linear(router, LinearFlow { rows: t, input: below, output: below }, None);
            }
            self.routing(experts, below);
            if experts.shared.is_some() {
                self.gated(run, &shared, below);
                let mut weighs = below;
                for gate in of(Place::SharedGate) {
                    weighs = below || run.rank(gate).is_some();
                    let flow = LinearFlow { rows: t, input: below, output: weighs };
                    self.linear(gate, flow, run.rank(gate));
                }
                let inside = below || shared.iter().any(|linear| run.rank(linear).is_some());
                self.shared(weighs, inside);
            }
        }
        let carries = |linear: &LinearLayer| linear.place.is_of_mlp() && run.rank(linear).is_some();
        let trained = below || linears.iter().any(carries);
        if around.after.is_some() {
            self.norm(t, config.hidden_size, trained, false);
        }
        trained
    }

    /// down(f(gate(x)) up(x)).
    fn gated(&mut self, run: &LayerGroup, linears: &[&LinearLayer], below: bool) {
        let [gate, up, down] = linears else { return };
        let t = self.tokens.count();
        let [g, u] = [gate, up].map(|linear| below || run.rank(linear).is_some());
        let out = g || u || run.rank(down).is_some();
        self.linear(gate, LinearFlow { rows: t, input: below, output: g }, run.rank(gate));
        self.linear(up, LinearFlow { rows: t, input: below, output: u }, run.rank(up));
        self.linear(down, LinearFlow { rows: t, input: g || u, output: out }, run.rank(down));
        let elements = t * u128::from(gate.n) * u128::from(gate.passed);
        self.activation(elements, g || u);
    }

    /// down(f(up(x))).
    fn plain(&mut self, run: &LayerGroup, linears: &[&LinearLayer], below: bool) {
        let [up, down] = linears else { return };
        let t = self.tokens.count();
        let inside = below || run.rank(up).is_some();
        let out = inside || run.rank(down).is_some();
        self.linear(up, LinearFlow { rows: t, input: below, output: inside }, run.rank(up));
        self.linear(down, LinearFlow { rows: t, input: inside, output: out }, run.rank(down));
        self.activation(t * u128::from(up.n), inside);
    }

    /// The function between the matrices, and its gradients by all that it is of, which are taken together.
    fn activation(&mut self, elements: u128, trained: bool) {
        let mul = |times| OpCounts::f32(Op::Mul, times);
        let Gelu { bend, value, slope } = Gelu::by_tanh();
        let [forward, input] = match self.config.activation {
            // x sigmoid(x) up: a negation, an exponential, an addition, a division, two products. All of them again,
            // and dy up (silu (1 - sigmoid) + sigmoid).
            Activation::SwiGlu => {
                let silu = [(Op::Neg, 1), (Op::Exp, 1), (Op::Add, 1), (Op::Div, 1), (Op::Mul, 1)];
                let value = sum(&silu) + mul(1);
                [value, value + sum(&[(Op::Add, 1), (Op::Fma, 1), (Op::Mul, 2)])]
            }
            // gelu(x) up. All of it again, and dy up times the slope.
            Activation::GeGlu => {
                let value = bend + value + mul(1);
                [value, value + slope + mul(2)]
            }
            // gelu(x), and dy times the slope.
            Activation::TanhGelu => [bend + value, bend + slope + mul(1)],
            Activation::ErfGelu => {
                let Gelu { bend, value, slope } = Gelu::by_erf();
                [bend + value, bend + slope + mul(1)]
            }
            // A choice, which costs no FLOPs.
            Activation::Relu => [sum(&[(Op::Compare, 1), (Op::Select, 1)]); 2],
        };
        self.forward(Part::Activation, forward, elements);
        if trained {
            self.add(Part::Activation, WorkPass::Input, input, elements);
        }
    }

    /// The softmax over experts, the choice of K, and the weighted sum of what they give.
    fn routing(&mut self, experts: Experts, below: bool) {
        let [e, k] = [experts.count, experts.chosen].map(u64::from);
        let t = self.tokens.count();
        let h = u64::from(self.config.hidden_size);
        // Where the chosen are rescaled to sum to 1, theirs are the only exponentials that matter.
        let normed = if experts.rescaled { k } else { e };
        let choice = [(Op::Compare, k * e), (Op::Select, k * (e + 1))];
        let softmax = [(Op::Add, 2 * normed), (Op::Exp, normed), (Op::Div, normed)];
        self.forward(Part::Routing, sum(&choice) + sum(&softmax), t);
        let combined = t * u128::from(k);
        self.forward(Part::Routing, OpCounts::f32(Op::Fma, h), combined);
        if !below && !self.full {
            return;
        }
        // By the experts' outputs and by their weights; the weighted mean of those gradients, and what the
        // softmax makes of it; and the sum over experts of the gradients by x.
        self.add(Part::Routing, WorkPass::Input, sum(&[(Op::Mul, h), (Op::Fma, h)]), combined);
        let logits = match experts.rescaled {
            true => sum(&[(Op::Fma, k), (Op::Add, k), (Op::Mul, k)]),
            false => sum(&[(Op::Fma, 2 * k), (Op::Neg, 1), (Op::Mul, e)]),
        };
        self.add(Part::Routing, WorkPass::Input, logits, t);
        self.add(Part::Routing, WorkPass::Input, OpCounts::f32(Op::Add, h), combined);
    }

    /// The shared expert's weight, a sigmoid, and its product with what the expert gives.
    fn shared(&mut self, weighs: bool, inside: bool) {
        let t = self.tokens.count();
        let h = u64::from(self.config.hidden_size);
        let sigmoid = sum(&[(Op::Neg, 1), (Op::Exp, 1), (Op::Add, 1), (Op::Div, 1)]);
        self.forward(Part::Routing, sigmoid + OpCounts::f32(Op::Fma, h), t);
        if weighs || self.full {
            // The dot product of output and gradient, times s (1 - s).
            let gate = sum(&[(Op::Fma, h), (Op::Add, 1), (Op::Mul, 2)]);
            self.add(Part::Routing, WorkPass::Input, gate, t);
        }
        if inside || self.full {
            self.add(Part::Routing, WorkPass::Input, OpCounts::f32(Op::Mul, h), t);
        }
    }
}

/// What gelu takes for one element.
struct Gelu {
    /// What its value and its slope follow from.
    bend: OpCounts,
    value: OpCounts,
    slope: OpCounts,
}

impl Gelu {
    /// x/2 (1 + t) with t = tanh(x (a + b x^2)).
    fn by_tanh() -> Self {
        Self {
            // x/2, x^2 and t.
            bend: sum(&[(Op::Mul, 3), (Op::Fma, 1), (Op::Tanh, 1)]),
            value: sum(&[(Op::Fma, 1)]),
            // (1 + t)/2 + x/2 (1 - t^2) (a + 3 b x^2).
            slope: sum(&[(Op::Mul, 2), (Op::Add, 1), (Op::Fma, 3)]),
        }
    }

    /// x m with m = (1 + erf(x / sqrt(2)))/2, for which there is no operation: the density d = a exp(-x^2/2) times a polynomial
    /// of the fifth degree in t = 1 / (1 + b |x|) is m where x is negative, and 1 - m elsewhere.
    fn by_erf() -> Self {
        let density = sum(&[(Op::Mul, 3), (Op::Exp, 1)]);
        let polynomial = sum(&[(Op::Abs, 1), (Op::Fma, 5), (Op::Div, 1), (Op::Mul, 1)]);
        let side = sum(&[(Op::Mul, 1), (Op::Add, 1), (Op::Compare, 1), (Op::Select, 1)]);
        Self {
            bend: density + polynomial + side,
            value: sum(&[(Op::Mul, 1)]),
            // m + x d.
            slope: sum(&[(Op::Fma, 1)]),
        }
    }
}
