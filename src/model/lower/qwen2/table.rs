//! A table of V rows, one a token, as an embedding and as a head. It may be larger than a binding, so it
//! is used in windows of rows, which are windows of columns to the logits.

use super::{Builder, Linear, Rows, Weight};
use crate::{
    Error,
    model::lower::{
        launch::{Launch, Spread, window_name, windows},
        loss::LogitRows,
    },
    plan::{Phase, Slice},
};

/// A table of parameters (V,H).
pub(super) struct Table {
    pub(super) component: &'static str,
    pub(super) weight: Weight,
    v: u32,
    h: u32,
    /// First row and number of rows of each window.
    windows: Vec<(u32, u32)>,
}

/// A window of the table's rows on a window of the logits' rows, and the logits of both.
pub(super) struct Part {
    product: Linear,
    rows: Rows,
    logits: Slice,
    window: (u32, u32),
}

impl Table {
    pub(super) fn new(
        to: &Builder,
        component: &'static str,
        weight: Weight,
        [v, h]: [u32; 2],
    ) -> Result<Self, Error> {
        let windows = windows(v, u64::from(h), &to.limits).ok_or_else(|| {
            Error::Config(format!(
                "one row of '{}' is longer than the {} bytes that this adapter can bind at once: lower \
                 hidden_size",
                to.plan.buffer_of(weight.value).name,
                to.limits.binding_bytes
            ))
        })?;
        Ok(Self { component, weight, v, h, windows })
    }

    /// y (T,H): the rows of all tokens.
    pub(super) fn gather(&self, to: &mut Builder, tokens: Slice, y: Slice) {
        for &window in &self.windows {
            let rows = self.weight.rows(window, self.h).value;
            let bindings = [("tokens", tokens), ("token_weight", rows), ("y", y)];
            self.window(to, "gather", Phase::Forward, window, tokens.len, &bindings, y.len);
        }
    }

    /// The gradient of the table: rows of `dsum` where `offsets` says that the batch has the token,
    /// zeros elsewhere.
    pub(super) fn scatter(&self, to: &mut Builder, t: u64, dsum: Slice, offsets: Slice) {
        for &window in &self.windows {
            let rows = self.weight.rows(window, self.h).grad();
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
            component: self.component,
            phase,
            window: &window_name("vocabulary", window, self.v),
            dims: &[("T", t as u32), ("D", self.h), ("FIRST", first), ("ROWS", rows)],
            scalars: &[],
            bindings,
            spread: Spread::Elements(elements),
        });
    }

    /// The logits of a window of rows of x (T,H).
    pub(super) fn forward(&self, to: &mut Builder, window: &LogitRows, x: Slice) -> Vec<Part> {
        let x = window.of(x, self.h);
        let part = |&(first, rows): &(u32, u32)| {
            let vocabulary = window_name("vocabulary", (first, rows), self.v);
            let name = [window.rows.window.as_str(), &vocabulary].join(" ").trim().to_owned();
            let logits = if rows == self.v {
                window.logits
            } else {
                let elements = u64::from(window.rows.m) * u64::from(rows);
                to.scratch(format!("part of logits {name}"), elements)
            };
            let product = Linear {
                component: self.component.to_owned(),
                weight: self.weight.rows((first, rows), self.h),
                bias: None,
                n: rows,
                k: self.h,
                g: 1,
            };
            let rows_of_part = Rows { window: name, ..window.rows.clone() };
            let part = Part { product, rows: rows_of_part, logits, window: (first, rows) };
            part.product.forward(to, &part.rows, x, logits);
            self.columns(to, "place", Phase::Forward, &part, window.logits);
            part
        };
        self.windows.iter().map(part).collect()
    }

    /// dx (T,H) from the gradient by the logits.
    pub(super) fn backward_input(
        &self,
        to: &mut Builder,
        window: &LogitRows,
        parts: &[Part],
        dx: Slice,
    ) {
        for part in parts {
            self.columns(to, "take", Phase::Backward, part, window.p);
            let (dlogits, more) = (self.gradient(window, part), part.window.0 != 0);
            let dx = window.of(dx, self.h);
            part.product.backward_input(to, &part.rows, dlogits, dx, more);
        }
    }

    /// The table's gradient, as a head, onto what is there where `accumulate`.
    pub(super) fn backward_parameters(
        &self,
        to: &mut Builder,
        window: &LogitRows,
        parts: &[Part],
        x: Slice,
        accumulate: bool,
    ) {
        for part in parts {
            let dlogits = self.gradient(window, part);
            let x = window.of(x, self.h);
            part.product.backward_parameters(to, &part.rows, dlogits, x, accumulate);
        }
    }

    /// Where a part's gradient is once it has been taken.
    fn gradient(&self, window: &LogitRows, part: &Part) -> Slice {
        if part.window.1 == self.v { window.p } else { part.logits }
    }

    /// Between a part's logits and the whole rows; nothing where they are the same.
    fn columns(&self, to: &mut Builder, entry: &str, phase: Phase, part: &Part, whole: Slice) {
        let (first, n) = part.window;
        if n == self.v {
            return;
        }
        to.launch(&Launch {
            kernel: &format!("columns.{entry}"),
            component: self.component,
            phase,
            window: &part.rows.window,
            dims: &[("M", part.rows.m), ("N", n), ("V", self.v), ("COLUMN", first)],
            scalars: &[],
            bindings: &[("part", part.logits), ("whole", whole)],
            spread: Spread::Elements(part.logits.len),
        });
    }
}
