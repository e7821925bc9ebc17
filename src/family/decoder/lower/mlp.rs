//! The MLP's half of a layer: norm, the network of every token or of the experts that it passes, and the sum with
//! the hidden state; forward beside backward.

use super::{
    common::{Common, linears_at},
    gradients::Gradients,
    place::Placing,
    residual::Residual,
};
use crate::{
    blocks::{
        feed_forward::{FeedForward, FeedForwardSaved},
        gated::{Gated, GatedSaved},
        launch::Builder,
        mixture::{Mixture, MixtureSaved},
        norm::{Normed, RowNorm},
        shared_expert::SharedExpert,
        weight::Weight,
    },
    component::ComponentName,
    family::decoder::{Experts, Mlp, Place},
    plan::Slice,
};

/// The parameters of the MLP's half of a layer.
pub(super) struct MlpHalf {
    /// The layer.
    name: ComponentName,
    norm: Option<RowNorm>,
    network: Network,
    /// Of what is added to the hidden state.
    after: Option<RowNorm>,
    residual: Residual,
    /// Whether it is given what attention's norm makes, where it has none of its own.
    pub(super) shares_norm: bool,
}

enum Network {
    Gated(Box<Gated>),
    Plain(Box<FeedForward>),
    Experts(Box<Mixture>),
}

/// What the backward pass needs.
pub(super) struct MlpSaved {
    normed: Option<Normed>,
    network: NetworkSaved,
    after: Option<Normed>,
}

enum NetworkSaved {
    Gated(Box<GatedSaved>),
    Plain(Box<FeedForwardSaved>),
    Experts(Box<MixtureSaved>),
}

impl MlpHalf {
    pub(super) fn place(placing: &mut Placing<'_>, index: u32) -> Self {
        let config = placing.config;
        let name = ComponentName::of_layer(index, &[]);
        let block = format!("{}.{index}", config.architecture.names().layers);
        let norms = name.part(&["norm"]);
        let [_, around] = config.architecture.norms();
        let mut place_norm = |module: &str, place| {
            placing.norm((norms.clone(), place), &format!("{block}.{module}"))
        };
        let norm = around.before.map(|module| place_norm(module, "before feed-forward"));
        let linears = linears_at(config, index, Place::Mlp);
        let network = match config.layers[index as usize].mlp {
            Mlp::Dense { .. } => {
                let name = name.part(&["feed_forward"]);
                match &linears[..] {
                    [up, down] => {
                        Network::Plain(Box::new(placing.feed_forward(&name, index, [up, down])))
                    }
                    gated => Network::Gated(Box::new(placing.gated(&name, index, gated))),
                }
            }
            Mlp::Experts(experts) => Network::Experts(Box::new(mixture(placing, index, experts))),
        };
        let after = around.after.map(|module| {
            placing.norm((norms, "after feed-forward"), &format!("{block}.{module}"))
        });
        let residual = Residual::place(placing, &name, "feed-forward");
        Self { name, norm, network, after, residual, shares_norm: config.shares_norm() }
    }

    pub(super) fn weights(&self) -> impl Iterator<Item = &Weight> {
        let norms = self.norm.iter().chain(&self.after).flat_map(RowNorm::weights);
        let network: Box<dyn Iterator<Item = &Weight>> = match &self.network {
            Network::Gated(gated) => Box::new(gated.weights()),
            Network::Plain(plain) => Box::new(plain.weights()),
            Network::Experts(mixture) => Box::new(mixture.weights()),
        };
        norms.chain(network)
    }

    /// Whether any of its projections has an adapter.
    pub(super) fn is_adapted(&self) -> bool {
        match &self.network {
            Network::Gated(gated) => gated.is_adapted(),
            Network::Plain(plain) => plain.is_adapted(),
            Network::Experts(mixture) => mixture
                .shared
                .as_ref()
                .is_some_and(|shared| shared.expert.is_adapted() || shared.weight.is_adapted()),
        }
    }

    /// The layer's output (T,H) from what this half is given and what is to be added to, and what the backward pass needs.
    pub(super) fn forward(
        &self,
        to: &mut Builder,
        common: &Common,
        [given, between]: [Slice; 2],
    ) -> (Slice, MlpSaved) {
        let name = &self.name;
        let normed = self.norm.as_ref().map(|norm| norm.forward(to, given));
        let x = normed.map_or(given, |normed| normed.y);
        let [fed, out] = ["fed", "h"].map(|part| {
            to.scratch(format!("{name}.{part}"), common.shape.elements(common.shape.h))
        });
        let tensors = [x, fed];
        let network = match &self.network {
            Network::Gated(gated) => {
                NetworkSaved::Gated(Box::new(gated.forward(to, &common.rows, name, tensors)))
            }
            Network::Plain(plain) => {
                NetworkSaved::Plain(Box::new(plain.forward(to, &common.rows, name, tensors)))
            }
            Network::Experts(mixture) => {
                NetworkSaved::Experts(Box::new(mixture.forward(to, &common.rows, tensors)))
            }
        };
        let after = self.after.as_ref().map(|norm| norm.forward(to, fed));
        let added = after.map_or(fed, |normed| normed.y);
        self.residual.forward(to, [between, added, out]);
        (out, MlpSaved { normed, network, after })
    }

    /// Adds to `by.h`, which holds the gradient by the layer's output, that by what this half is given, where there is a use
    /// for that, `below`.
    pub(super) fn backward(
        &self,
        to: &mut Builder,
        common: &Common,
        saved: &MlpSaved,
        by: &Gradients,
        below: bool,
    ) {
        if !below && !self.is_adapted() {
            return;
        }
        let rows = &common.rows;
        let dy = self.residual.backward(to, by);
        let dy = by.through(to, dy, self.after.as_ref(), saved.after.as_ref());
        let dx = below.then_some(by.given(self.norm.is_some() || self.shares_norm));
        match (&self.network, &saved.network) {
            (Network::Gated(gated), NetworkSaved::Gated(saved)) => {
                if let Some(inside) = &by.gated {
                    let inside = inside.first(common.shape.elements(gated.width()));
                    gated.backward(to, rows, saved, &inside, (dy, dx));
                }
            }
            (Network::Plain(plain), NetworkSaved::Plain(saved)) => {
                if let Some(inside) = &by.feed_forward {
                    let inside = inside.first(common.shape.elements(plain.width()));
                    plain.backward(to, rows, saved, &inside, (dy, dx));
                }
            }
            (Network::Experts(mixture), NetworkSaved::Experts(saved)) => {
                if let Some(inside) = &by.mixture {
                    debug_assert!(self.norm.is_some(), "a mixture adds its gradient to nothing");
                    mixture.backward(to, rows, saved, inside, (dy, dx.map(|(dx, _)| dx)));
                }
            }
            (Network::Gated(_) | Network::Plain(_) | Network::Experts(_), _) => {
                unreachable!("a network leaves what it needs itself")
            }
        }
        if below {
            by.norm(to, self.norm.as_ref(), saved.normed.as_ref());
        }
    }
}

/// A mixture's parameters.
fn mixture(placing: &mut Placing<'_>, index: u32, experts: Experts) -> Mixture {
    let config = placing.config;
    let name = ComponentName::of_layer(index, &["moe"]);
    let linears = |place| linears_at(config, index, place);
    let router = &linears(Place::Router)[0];
    let router = placing.projection(&name, (router, "router"), &router.module(index)).linear;
    let stacked = placing.gated(&name.part(&["experts"]), index, &linears(Place::Mlp));
    let shape = placing.shape;
    let shared = experts.shared.map(|_| {
        let part = name.part(&["shared"]);
        let gate = &linears(Place::SharedGate)[0];
        SharedExpert {
            t: shape.t,
            d: shape.h,
            expert: placing.gated(&part, index, &linears(Place::Shared)),
            weight: placing.projection(&part, (gate, "gate"), &gate.module(index)),
            name: part,
        }
    });
    Mixture {
        name,
        t: shape.t,
        e: experts.count,
        k: experts.chosen,
        d: shape.h,
        rescaled: experts.rescaled,
        router,
        experts: stacked,
        shared,
    }
}
