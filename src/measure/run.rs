//! One run of a plan, from its inputs to what it leaves: what each pass cost, the loss, and the tensors that were
//! asked for.

use super::{Measurement, Observer, Session};
use crate::{
    Error,
    execute::Executor,
    observe::Runs,
    plan::{Inputs, Plan, Slice, counted_by_rows},
};

/// A tensor that a run left.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptTensor {
    /// `logits`, `loss`, `grad/NAME` or `after/NAME`.
    pub name: String,
    /// Extents, outermost first; empty for a scalar.
    pub shape: Vec<usize>,
    /// Row-major values.
    pub data: Vec<f32>,
}

/// Which tensors to keep of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// None.
    Nothing,
    /// Each parameter's gradient.
    Gradients,
    /// The logits, the loss, and each parameter's gradient and updated value.
    Everything,
}

/// What a run of a plan left.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// What each pass cost.
    pub measurement: Measurement,
    /// The mean loss.
    pub loss: Option<f32>,
    /// The tensors asked for.
    pub tensors: Vec<KeptTensor>,
}

/// Runs a plan on an executor.
///
/// # Errors
/// Where the executor fails or `observe` breaks the run off.
pub fn run(
    executor: &mut dyn Executor,
    plan: &Plan,
    inputs: &dyn Inputs,
    runs: impl Into<Runs>,
    keep: Keep,
    observe: &mut Observer<'_>,
) -> Result<Run, Error> {
    log::info!("{} passes over {} bytes of buffers", plan.passes.len(), plan.bytes());
    let mut session = Session::open(executor, plan, inputs)?;
    let measurement = session.measure(runs, observe)?;
    let loss = match plan.outputs.get("loss") {
        Some(output) => session.read(&output.windows)?.first().copied(),
        None => None,
    };
    let tensors = kept(&mut session, plan, keep)?;
    Ok(Run { measurement, loss, tensors })
}

fn kept(session: &mut Session<'_>, plan: &Plan, keep: Keep) -> Result<Vec<KeptTensor>, Error> {
    let mut tensors = Vec::new();
    if keep == Keep::Everything {
        for (name, output) in &plan.outputs {
            let data = session.read(&output.windows)?;
            tensors.push(KeptTensor { name: name.clone(), shape: output.shape.clone(), data });
        }
    }
    // Without a gradient there was no update either.
    let trained = plan.parameters.iter().filter_map(|p| Some((p, p.grad.as_ref()?)));
    for (parameter, grad) in trained.filter(|_| keep != Keep::Nothing) {
        let mut push = |name: &str, slices: &[Slice]| {
            let data = session.read(slices)?;
            let name = format!("{name}/{}", parameter.name);
            let shape = parameter.order.shape(&parameter.shape);
            let data = match parameter.order.exchanged(&parameter.shape) {
                Some([rows, columns, block]) => {
                    // What kernels hold by columns is a row of the checkpoint.
                    let from = |at: usize| counted_by_rows(at, [columns, rows]) * block;
                    let blocks = (0..rows * columns).map(|at| &data[from(at)..][..block]);
                    blocks.collect::<Vec<_>>().concat()
                }
                None => data,
            };
            tensors.push(KeptTensor { name, shape, data });
            Ok::<_, Error>(())
        };
        push("grad", grad)?;
        if keep == Keep::Everything {
            push("after", &parameter.value)?;
        }
    }
    Ok(tensors)
}
