//! An embedding as launches: a table of V rows, one for each token, or for each position. It may be larger than a
//! binding, so it is used in windows of rows.

use super::{
    grouping::{Grouping, group},
    launch::{Builder, Launch, window_name},
    weight::Weight,
};
use crate::{
    component::Phase,
    operation::{Operation, Transfer},
    plan::Slice,
};

/// A table of parameters (V,H).
pub(crate) struct EmbeddingTable {
    /// What its rows are for.
    pub(crate) of: &'static str,
    pub(crate) weight: Weight,
    pub(crate) v: u32,
    pub(crate) h: u32,
}

impl EmbeddingTable {
    /// y (T,H): the rows of all tokens.
    pub(crate) fn gather(&self, to: &mut Builder, tokens: Slice, y: Slice) {
        for &window in self.weight.windows() {
            let rows = self.weight.rows(window).value;
            let bindings = [("tokens", tokens), ("token_weight", rows), ("y", y)];
            self.window(to, Transfer::Take, window, tokens.len, &bindings);
        }
    }

    /// The gradient of the table from dy (T,H): the sum over the places that hold a token, zeros for tokens that
    /// the batch has not.
    pub(crate) fn backward(&self, to: &mut Builder, tokens: Slice, dy: Slice) {
        let (t, phase) = (tokens.len as u32, Phase::Backward);
        let component = &self.weight.component;
        let sorted = component.part(&["grouping"]);
        let Grouping { offsets, order, .. } = group(to, &sorted, phase, tokens, t, self.v);
        let dsum = to.scratch(format!("gradient by {component}, token by token"), dy.len);
        to.launch(&Launch {
            operation: Operation::TokenSums { t, d: self.h },
            component,
            phase,
            window: "",
            scalars: &[],
            bindings: &[("dy", dy), ("order", order), ("keys", tokens), ("dsum", dsum)],
        });
        self.scatter(to, u64::from(t), dsum, offsets);
    }

    /// Rows of `dsum` where `offsets` says that the batch has the token, zeros elsewhere.
    fn scatter(&self, to: &mut Builder, t: u64, dsum: Slice, offsets: Slice) {
        for &window in self.weight.windows() {
            let rows = self.weight.rows(window).grad();
            let bindings = [("dsum", dsum), ("offsets", offsets), ("dtoken", rows)];
            self.window(to, Transfer::Place, window, t, &bindings);
        }
    }

    fn window(
        &self,
        to: &mut Builder,
        transfer: Transfer,
        window: (u32, u32),
        t: u64,
        bindings: &[(&str, Slice)],
    ) {
        let (first, rows) = window;
        to.launch(&Launch {
            operation: Operation::Rows { transfer, t: t as u32, d: self.h, first, rows },
            component: &self.weight.component,
            phase: match transfer {
                Transfer::Take => Phase::Forward,
                Transfer::Place => Phase::Backward,
            },
            window: &window_name(self.of, window, self.v),
            scalars: &[],
            bindings,
        });
    }
}
