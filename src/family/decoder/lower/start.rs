//! From tokens to the first hidden state, and back to the embeddings' gradients. Learned positions are an embedding of
//! their own, whose rows are taken by each token's place in its sequence and added.

use super::{common::Common, place::Placing};
use crate::{
    blocks::{
        launch::{Builder, Launch, sum},
        table::EmbeddingTable,
        weight::Weight,
    },
    component::{ComponentName, Phase},
    operation::{Function, Operation},
    plan::Slice,
};

/// The embeddings.
pub(super) struct Start {
    tokens: Slice,
    pub(super) embedding: EmbeddingTable,
    /// Each token's place in its sequence, and the table of positions, where those are learned.
    positions: Option<(Slice, EmbeddingTable)>,
    /// What embedded tokens are multiplied by.
    scale: Option<f32>,
}

impl Start {
    pub(super) fn place(placing: &mut Placing<'_>) -> Self {
        let tokens = placing.integers("tokens");
        let config = placing.config;
        let names = config.architecture.names();
        let mut table = |of, path: &[&'static str], module: &str, v: u32| {
            let weight = placing.tensor(&ComponentName::new(path), &format!("{module}.weight"));
            EmbeddingTable { of, weight, v, h: config.hidden_size }
        };
        let embedding = table("vocabulary", &["embedding"], names.embedding, config.vocab_size);
        let positions = names.positions.map(|module| {
            table("positions", &["embedding", "positions"], module, config.position_rows())
        });
        let positions = positions.map(|table| (placing.places(), table));
        Self { tokens, embedding, positions, scale: config.embedding_scale() }
    }

    /// Every parameter tensor.
    pub(super) fn weights(&self) -> impl Iterator<Item = &Weight> {
        let positions = self.positions.iter().map(|(_, table)| &table.weight);
        [&self.embedding.weight].into_iter().chain(positions)
    }

    /// h (T,H): each token's row of the embedding, scaled where that is asked for, and its place's where positions are
    /// learned.
    pub(super) fn forward(&self, to: &mut Builder, common: &Common) -> Slice {
        let h = to.scratch("embedded", common.shape.elements(common.shape.h));
        self.embedding.gather(to, self.tokens, h);
        self.scale(to, Phase::Forward, h);
        let Some((places, table)) = &self.positions else { return h };
        let [rows, sums] =
            ["embedded positions", "embedded sums"].map(|name| to.scratch(name, h.len));
        table.gather(to, *places, rows);
        sum(to, &table.weight.component, "", [h, rows, sums]);
        sums
    }

    /// The tables' gradients from dh (T,H), which is lost where the embedding is scaled.
    pub(super) fn backward(&self, to: &mut Builder, dh: Slice) {
        if let Some((places, table)) = &self.positions {
            table.backward(to, *places, dh);
        }
        self.scale(to, Phase::Backward, dh);
        self.embedding.backward(to, self.tokens, dh);
    }

    fn scale(&self, to: &mut Builder, phase: Phase, scaled: Slice) {
        let Some(factor) = self.scale else { return };
        to.launch(&Launch {
            operation: Operation::Pointwise { function: Function::Multiple, p: scaled.len as u32 },
            component: &self.embedding.weight.component,
            phase,
            window: "",
            scalars: &[("factor", factor)],
            bindings: &[("scaled", scaled)],
        });
    }
}
