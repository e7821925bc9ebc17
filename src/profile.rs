//! From a request to what a run of it leaves: the arms of the crate composed, on any executor. Knows
//! neither arguments nor files nor how a report looks.

mod places;

use crate::{
    Error,
    choice::{KernelSet, Target, Winners},
    component::Phase,
    estimate::Estimate,
    execute::Executor,
    family::Shortened,
    formula::forms,
    measure::Observer,
    model::{
        Batch, BatchShape, Model, ModelConfig, Weights,
        lower::{self, Scope, Training},
    },
    observe::Runs,
    op::Convention,
    result::{Profiled, Report, WayToTrain},
};

pub use crate::measure::{Keep, KeptTensor, Run, run};

use places::Places;

/// What to profile.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Which model.
    pub model: &'a Model,
    /// The values of its parameters.
    pub weights: &'a Weights,
    /// What it trains on.
    pub batch: &'a Batch,
    /// Where weights and batch come from, in the report's words.
    pub data: &'a str,
    /// What the published estimator says of the step: of this model and batch, and of how the step trains.
    pub estimate: &'a Estimate,
    /// How operations become FLOPs.
    pub convention: Convention,
    /// Timed runs of the plain kernels.
    pub runs: Runs,
    /// Whether to run only as many layers as there are kinds of them, and to take the others' figures
    /// from those. No tensor is kept of such a run, since they are another model's.
    pub extrapolate: bool,
    /// Which kernels may run.
    pub kernels: KernelSet,
    /// What won on the executor's adapter where kernels were timed there; `None` takes the defaults.
    pub winners: Option<&'a Winners>,
}

/// Runs a request on an executor and reports on it; the tensors to keep come beside the report.
///
/// # Errors
/// Where the estimate is of something else, the plan does not fit the executor, the executor fails, or `observe` breaks
/// the run off.
pub fn profile(
    executor: &mut dyn Executor,
    request: Request<'_>,
    keep: Keep,
    observe: &mut Observer<'_>,
) -> Result<(Report, Vec<KeptTensor>), Error> {
    let Request { model, weights, batch, data, estimate, convention, runs, extrapolate, .. } =
        request;
    if *estimate.config() != model.config || estimate.shape() != batch.shape {
        return Err(Error::Config(format!("the estimate is not of {} and its batch", model.name)));
    }
    let training = estimate.training();
    let target = Target::new(&executor.adapter().limits, request.kernels, request.winners)?;
    let plan = lower::lower(&model.config, batch.shape, training, &target)?;
    lower::has_asked(&plan, &target, &model.name.as_given)?;
    let inputs = lower::inputs(weights, batch);
    let run = if extrapolate {
        let Shortened { config, stand_ins } = model.config.shortened()?;
        let short = lower::lower(&config, batch.shape, training, &target)?;
        let places = Places::of(&plan, &short, &stand_ins)?;
        let run = run(executor, &short, &inputs, runs, Keep::Nothing, observe)?;
        // Too few layers make another loss.
        let whole = plan.passes.len() == short.passes.len();
        Run { measurement: places.fill(run.measurement), loss: run.loss.filter(|_| whole), ..run }
    } else {
        run(executor, &plan, &inputs, runs, keep, observe)?
    };
    let subject = Profiled {
        model: &model.name,
        config: &model.config,
        data,
        shape: batch.shape,
        training,
        convention,
    };
    let mut report = Report::new(subject, &plan, &run.measurement, estimate, run.loss);
    report.not_run.clone_from(&model.not_run);
    report.provenance.kernel_set = request.kernels;
    let ways = match training.scope {
        Scope::Step => ways_to_train(&model.config, batch.shape, &target, (training, convention))?,
        Scope::Forward => Vec::new(),
    };
    Ok((report.beside(ways), run.tensors))
}

/// What each way to train a model costs by closed forms.
fn ways_to_train(
    config: &ModelConfig,
    shape: BatchShape,
    target: &Target,
    (training, convention): (Training, Convention),
) -> Result<Vec<WayToTrain>, Error> {
    let way = |(trained, config): (String, ModelConfig)| {
        let plan = lower::lower(&config, shape, training, target)?;
        let flops = |phase| -> u64 {
            let passes = plan.passes.iter().filter(|pass| pass.phase == phase);
            let exact = passes.map(|pass| forms(&pass.operation, &pass.schedule).schedule());
            exact.map(|ops| ops.flops(convention)).sum()
        };
        let [forward, backward] = [Phase::Forward, Phase::Backward].map(flops);
        Ok(WayToTrain { trained, forward, backward, ratio: backward as f64 / forward as f64 })
    };
    config.ways_to_train().into_iter().map(way).collect()
}
