//! The embedding: a table of V rows, one a token. It may be larger than a binding, so it is used in
//! windows of rows.

use super::{Builder, Weight};
use crate::{
    model::lower::launch::{Launch, Spread, window_name},
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
            self.window(to, "gather", Phase::Forward, window, tokens.len, &bindings, y.len);
        }
    }

    /// The gradient of the table: rows of `dsum` where `offsets` says that the batch has the token,
    /// zeros elsewhere.
    pub(super) fn scatter(&self, to: &mut Builder, t: u64, dsum: Slice, offsets: Slice) {
        for &window in self.weight.windows() {
            let rows = self.weight.rows(window).grad();
            let bindings = [("dsum", dsum), ("offsets", offsets), ("dtoken", rows)];
            self.window(to, "scatter", Phase::Backward, window, t, &bindings, rows.len);
        }
    }

    #[expect(clippy::too_many_arguments, reason = "what two launches have not in common")]
    fn window(
        &self,
        to: &mut Builder,
        entry: &str,
        phase: Phase,
        window: (u32, u32),
        t: u64,
        bindings: &[(&str, Slice)],
        elements: u64,
    ) {
        let (first, rows) = window;
        to.launch(&Launch {
            kernel: &format!("embedding.{entry}"),
            component: &self.weight.component,
            phase,
            window: &window_name("vocabulary", window, self.v),
            dims: &[("T", t as u32), ("D", self.h), ("FIRST", first), ("ROWS", rows)],
            scalars: &[],
            bindings,
            spread: Spread::Elements(elements),
        });
    }
}
