//! `flopmeter profile`: a training step run for real, counted, checked, reported.

use std::path::Path;

use anyhow::bail;

use flopmeter::{
    execute,
    model::{Batch, Model, ModelConfig, Weights},
    profile::{Keep, Request, profile},
    report::trace,
    roofline::REPEATS,
};

use super::{
    Outcome,
    args::{Common, Profile, Work},
    export::{Formats, Places},
    interrupt, output,
    progress::Bar,
    roofline,
};

pub fn run(asked: &Profile, common: &Common) -> super::Result {
    interrupt::listen()?;
    let mut places = Places::default();
    let formats = Formats::claim(&mut places, &asked.exports)?;
    let to_trace = places.claim("--trace", asked.trace.as_deref())?;
    if to_trace.is_some() && asked.repeat == 0 {
        bail!("--trace shows times, and --repeat 0 takes none: let it be at least 1");
    }
    let to_tensors = places.claim("--save-tensors", asked.save_tensors.as_deref())?;
    let to_svg = places.claim("--svg", asked.under.svg.as_deref())?;
    let (model, weights, batch) = subject(&asked.work, common)?;
    let repeats = asked.races.repeats(asked.repeat);
    let bar = Bar::new(common, repeats);
    let mut executor = execute::open(&asked.adapter, asked.races.on(asked.work.subgroup_size))?;
    log::info!("running on {}", executor.adapter().name);
    interrupt::check("opening the adapter")?;

    let request = Request {
        model: &model,
        weights: &weights,
        batch: &batch,
        data: &provenance(&asked.work, &model),
        training: asked.work.training(),
        convention: asked.convention,
        repeats,
        extrapolate: asked.extrapolate,
    };
    let keep = if to_tensors.is_some() { Keep::Everything } else { Keep::Nothing };
    let (mut report, tensors) =
        profile(executor.as_mut(), request, keep, &mut |progress| bar.show(progress))?;
    if asked.under.roofline {
        report.place(roofline::measure(executor.as_mut(), REPEATS, &bar)?);
    }
    drop(bar);
    interrupt::check("writing results")?;

    if let Some(sink) = &to_tensors {
        sink.write_tensors(&tensors)?;
    }
    if let Some(sink) = &to_trace {
        sink.write(&trace::render(&report))?;
    }
    if let (Some(sink), Some(ceilings)) = (&to_svg, &report.ceilings) {
        roofline::write_plot(sink, ceilings, &report.points())?;
    }
    formats.write(&report, &places, common)?;
    Ok(Outcome::of(report.holds()))
}

/// What the arguments say is to be run: model, weights and data.
pub(super) fn subject(work: &Work, common: &Common) -> super::Result<(Model, Weights, Batch)> {
    let model = Model::resolve(&work.model.name, work.model.overrides())?;
    if work.bk_gradient.is_some() && !matches!(model.config, ModelConfig::ResNetBk(_)) {
        bail!("--bk-gradient is ResNet-BK's; {} has no BK-Core: leave it out", model.name);
    }
    let batch = Batch::load(work.input.as_deref(), work.model.shape(), &model.config, work.seed)?;
    output::warn(batch.shape.warning(&model.config), common);
    let weights = model.weights(work.seed)?;
    Ok((model, weights, batch))
}

/// Where weights and tokens come from.
fn provenance(work: &Work, model: &Model) -> String {
    let seed = work.seed;
    let from = |what: &str, path: &Path| format!("{what} from {}", path.display());
    let mut files = Vec::new();
    let mut seeded = Vec::new();
    let mut place = |what: &'static str, path: Option<&Path>| match path {
        Some(path) => files.push(from(what, path)),
        None => seeded.push(what),
    };
    place("weights", model.checkpoint.as_deref());
    if model.config.has_adapters() {
        place("adapters", model.adapter.as_deref());
    }
    place("tokens", work.input.as_deref());
    if !seeded.is_empty() {
        files.push(format!("{} from seed {seed}", seeded.join(" and ")));
    }
    files.join(", ")
}
