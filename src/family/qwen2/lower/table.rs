//! The embedding: a table of V rows, one a token. It may be larger than a binding, so it is used in
//! windows of rows.

use super::{Builder, Weight};
use crate::{
    blocks::launch::{Launch, window_name},
    operation::{Operation, Transfer},
    plan::{Phase, Slice},
};

/// A table of parameters (V,H).
pub(super) struct Table {
    pub(super) weight: Weight,
    pub(super) v: u32,
    pub(super) h: u32,
}

impl Table {
    /// y (T,H): the rows of all tokens.
    pub(super) fn gather(&self, to: &mut Builder, tokens: Slice, y: Slice) {
        for &window in self.weight.windows() {
            let rows = self.weight.rows(window).value;
            let bindings = [("tokens", tokens), ("token_weight", rows), ("y", y)];
            self.window(to, Transfer::Take, window, tokens.len, &bindings);
        }
    }

    /// The gradient of the table: rows of `dsum` where `offsets` says that the batch has the token,
    /// zeros elsewhere.
    pub(super) fn scatter(&self, to: &mut Builder, t: u64, dsum: Slice, offsets: Slice) {
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
            window: &window_name("vocabulary", window, self.v),
            scalars: &[],
            bindings,
        });
    }
}
