//! Mean cross entropy over the vocabulary, in windows of rows so that no binding of logits is too large.
//! Where the logits come from, and where their gradient goes, is the model's business.

use super::{
    launch::{Builder, Launch, window_name, windows},
    linear::Rows,
};
use crate::{
    Error,
    component::{ComponentName, Phase},
    operation::{LossStep, Operation},
    plan::{Output, Slice},
};

/// The loss of (B,N) tokens over V.
pub(crate) struct Loss {
    pub(crate) component: ComponentName,
    pub(crate) b: u32,
    pub(crate) n: u32,
    pub(crate) v: u32,
    /// (B,N).
    pub(crate) targets: Slice,
    /// How many such batches the mean is taken over.
    pub(crate) micro_batches: u32,
}

/// A window of the logits' rows, in buffers of its own.
pub(crate) struct LogitRows {
    pub(crate) rows: Rows,
    pub(crate) first: u32,
    pub(crate) logits: Slice,
    /// exp(logit - row maximum) after the forward pass, the gradient by the logits after the
    /// backward pass.
    pub(crate) p: Slice,
    denominator: Slice,
}

impl LogitRows {
    /// These rows of a tensor (T,width).
    pub(crate) fn of(&self, tensor: Slice, width: u32) -> Slice {
        let width = u64::from(width);
        tensor.part(u64::from(self.first) * width, u64::from(self.rows.m) * width)
    }
}

impl Loss {
    /// Logits (T,V) window by window, as `head` makes them, and the mean loss.
    pub(crate) fn forward(
        &self,
        to: &mut Builder,
        mut head: impl FnMut(&mut Builder, &LogitRows),
    ) -> Result<Vec<LogitRows>, Error> {
        let limits = *to.limits();
        let (t, v) = (self.b * self.n, u64::from(self.v));
        let windows = windows(t, &[v, 1], &limits).ok_or_else(|| {
            Error::Config(format!(
                "the fewest rows of {v} logits that can be bound by themselves are longer than the {} \
                 bytes that this adapter can bind at once: lower vocab_size",
                limits.binding_bytes
            ))
        })?;
        let loss = to.scratch("loss per token", u64::from(t));
        let mut made = Vec::new();
        for (first, m) in windows {
            let name = window_name("rows", (first, m), t);
            let len = u64::from(m) * v;
            let window = LogitRows {
                first,
                logits: to.scratch(format!("logits {name}"), len),
                p: to.scratch(format!("p {name}"), len),
                denominator: to.scratch(format!("denominator {name}"), u64::from(m)),
                rows: Rows {
                    m,
                    groups: to.values(format!("bounds {name}"), vec![0, m]),
                    window: name,
                },
            };
            head(to, &window);
            let bindings = [
                ("logits", window.logits),
                ("targets", window.of(self.targets, 1)),
                ("p", window.p),
                ("denominator", window.denominator),
                ("loss", window.of(loss, 1)),
            ];
            self.launch(to, LossStep::Rows, (m, &window.rows.window), &bindings);
            made.push(window);
        }
        let mean = to.scratch("loss", 1);
        let bindings = [("loss", loss), ("mean_loss", mean)];
        self.launch(to, LossStep::Mean, (t, ""), &bindings);
        let shape = [self.b, self.n, self.v].map(|extent| extent as usize).to_vec();
        let windows = made.iter().map(|window| window.logits).collect();
        to.plan.outputs.insert("logits".into(), Output { shape, windows });
        to.plan.outputs.insert("loss".into(), Output { shape: vec![], windows: vec![mean] });
        Ok(made)
    }

    /// The gradient by a window's logits, in the place of their exponentials.
    pub(crate) fn backward(&self, to: &mut Builder, window: &LogitRows) {
        let bindings = [
            ("p", window.p),
            ("denominator", window.denominator),
            ("targets", window.of(self.targets, 1)),
        ];
        self.launch(to, LossStep::Gradient, (window.rows.m, &window.rows.window), &bindings);
    }

    fn launch(
        &self,
        to: &mut Builder,
        step: LossStep,
        (m, window): (u32, &str),
        bindings: &[(&str, Slice)],
    ) {
        let (phase, scale) = match step {
            LossStep::Rows | LossStep::Mean => (Phase::Forward, 1.0),
            LossStep::Gradient => (Phase::Backward, to.loss_scale),
        };
        to.launch(&Launch {
            operation: Operation::Loss { step, m, v: self.v },
            component: &self.component,
            phase,
            window,
            scalars: &[("inv_t", scale / (self.b * self.n * self.micro_batches) as f32)],
            bindings,
        });
    }
}
