//! `flopmeter profile`: a training step run for real, counted, checked, reported.

use flopmeter::{
    execute,
    model::{Batch, Model, Weights},
    profile::{Keep, Request, profile},
    report::{json, table},
};

use super::{
    Outcome,
    args::{Common, Profile, Work},
    interrupt,
    output::{self, Sink},
    progress::Bar,
};

pub fn run(asked: &Profile, common: &Common) -> super::Result {
    interrupt::listen()?;
    let to_json = asked.json.as_deref().map(Sink::of);
    let to_tensors = asked.save_tensors.as_deref().map(Sink::of);
    output::apart(("--json", to_json.as_ref()), ("--save-tensors", to_tensors.as_ref()))?;
    for sink in [&to_json, &to_tensors].into_iter().flatten() {
        sink.check()?;
    }
    let (model, weights, batch) = subject(&asked.work)?;
    let bar = Bar::new(common, asked.repeat);
    let mut executor = execute::open(&asked.adapter, asked.work.subgroup_size)?;
    log::info!("running on {}", executor.adapter().name);
    interrupt::check("opening the adapter")?;

    let request = Request {
        model: &model,
        weights: &weights,
        batch: &batch,
        data: &provenance(&asked.work, &model),
        training: asked.work.training(),
        convention: asked.convention,
        repeats: asked.repeat,
    };
    let keep = if to_tensors.is_some() { Keep::Everything } else { Keep::Nothing };
    let (report, tensors) =
        profile(executor.as_mut(), request, keep, &mut |progress| bar.show(progress))?;
    drop(bar);
    for warning in executor.warnings() {
        log::warn!("{warning}");
    }
    interrupt::check("writing results")?;

    if let Some(sink) = &to_tensors {
        sink.write_tensors(&tensors)?;
    }
    if let Some(sink) = &to_json {
        sink.write(&json::render(&report))?;
    }
    // Where another program reads standard output, the table is not for it.
    if ![&to_json, &to_tensors].into_iter().flatten().any(|sink| *sink == Sink::Standard) {
        output::print(&table::render(&report, output::style(common)))?;
    }
    Ok(Outcome::of(report.holds()))
}

/// What the arguments say is to be run: model, weights and data.
pub(super) fn subject(work: &Work) -> super::Result<(Model, Weights, Batch)> {
    let model = Model::resolve(&work.model.name, &work.model.overrides)?;
    let batch = Batch::load(work.input.as_deref(), work.model.shape(), &model.config, work.seed)?;
    let weights = model.weights(work.seed)?;
    Ok((model, weights, batch))
}

/// Where weights and tokens come from.
fn provenance(work: &Work, model: &Model) -> String {
    let seed = work.seed;
    match (&model.checkpoint, &work.input) {
        (None, None) => format!("weights and tokens from seed {seed}"),
        (None, Some(input)) => format!("weights from seed {seed}, tokens from {}", input.display()),
        (Some(weights), None) => {
            format!("weights from {}, tokens from seed {seed}", weights.display())
        }
        (Some(weights), Some(input)) => {
            format!("weights from {}, tokens from {}", weights.display(), input.display())
        }
    }
}
