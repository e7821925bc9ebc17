//! From tokens to the first hidden state, and back to the embedding's gradient.

use super::{common::Common, place::Placing};
use crate::{
    blocks::{
        launch::{Builder, Launch},
        table::EmbeddingTable,
    },
    component::{ComponentName, Phase},
    operation::{Function, Operation},
    plan::Slice,
};

/// The embedding.
pub(super) struct Start {
    tokens: Slice,
    pub(super) embedding: EmbeddingTable,
    /// What embedded tokens are multiplied by.
    scale: Option<f32>,
}

impl Start {
    pub(super) fn place(placing: &mut Placing<'_>) -> Self {
        let tokens = placing.integers("tokens");
        let table = format!("{}.weight", placing.config.architecture.names().embedding);
        let weight = placing.tensor(&ComponentName::new(&["embedding"]), &table);
        let (v, h) = (placing.config.vocab_size, placing.config.hidden_size);
        let scale = placing.config.embedding_scale();
        Self { tokens, embedding: EmbeddingTable { weight, v, h }, scale }
    }

    /// h (T,H): each token's row of the embedding, scaled where that is asked for.
    pub(super) fn forward(&self, to: &mut Builder, common: &Common) -> Slice {
        let h = to.scratch("embedded", common.shape.elements(common.shape.h));
        self.embedding.gather(to, self.tokens, h);
        self.scale(to, Phase::Forward, h);
        h
    }

    /// The table's gradient from dh (T,H), which is lost where the embedding is scaled.
    pub(super) fn backward(&self, to: &mut Builder, dh: Slice) {
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
