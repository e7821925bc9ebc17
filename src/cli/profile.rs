//! `flopmeter profile`: a training step run for real, counted, checked, reported.

use std::path::Path;

use anyhow::bail;

use flopmeter::{
    estimate::Estimate,
    format::trace,
    model::{Batch, Model, Weights},
    observe::Attempts,
    profile::{Keep, Request, profile},
    roofline::REPEATS,
};

use super::{
    Outcome,
    args::{AskedOption, Common, Model as Asked, Profile, Setup, Work},
    export::{Formats, Places},
    interrupt, mistaken, output,
    progress::Bar,
    roofline,
    tune::Tuner,
};

pub fn run(asked: &Profile, common: &Common) -> super::Result {
    let mut places = Places::default();
    let formats = Formats::claim(&mut places, &asked.exports)?;
    let to_trace = places.claim("--trace", asked.trace.as_deref())?;
    if to_trace.is_some() && asked.repeat == 0 {
        bail!("--trace shows times, and --repeat 0 takes none: let it be at least 1");
    }
    let to_tensors = places.claim("--save-tensors", asked.save_tensors.as_deref())?;
    let to_svg = places.claim("--svg", asked.under.svg.as_deref())?;
    interrupt::check("reading the model")?;
    let (model, weights, batch) = subject(&asked.work, common)?;
    let question = asked.ahead.question()?;
    // A question that makes no sense is better known before a long run than after it.
    let estimate = Estimate::new(&model.config, batch.shape, asked.work.setup.training())?;
    let estimate = estimate.with_forecast(question)?;
    let runs = asked.races.runs(asked.timed.runs(asked.repeat)?);
    let tuner =
        Tuner::new(asked.tuned, asked.work.setup.kernels, common)?.of(asked.work.setup.training());
    let bar = Bar::new(common, runs.least());
    let embedded = asked.races.on(asked.work.setup.lanes(Some(&asked.adapter))?);
    interrupt::check("opening the adapter")?;
    let mut attempts = Attempts::open(&asked.adapter, embedded)?;
    interrupt::check("preparing the passes")?;

    let request = Request {
        model: &model,
        weights: &weights,
        batch: &batch,
        data: &provenance(&asked.work.setup, &model),
        estimate: &estimate,
        convention: asked.convention,
        runs,
        extrapolate: asked.extrapolate,
        kernels: asked.work.setup.kernels,
        winners: None,
    };
    let keep = if to_tensors.is_some() { Keep::Everything } else { Keep::Nothing };
    let (mut report, tensors) = attempts.run(|executor, moved| {
        log::info!("running on {}", executor.adapter().name);
        // What could not run where it was asked runs with the defaults.
        let winners = if moved.is_none() { tuner.winners(executor, &bar)? } else { None };
        let request = Request { winners: winners.as_ref(), ..request };
        let (mut report, tensors) = profile(executor, request, keep, &mut |p| bar.show(p))?;
        report.provenance.moved = moved.cloned();
        Ok((report, tensors))
    })?;
    if asked.under.roofline {
        report.place(roofline::measure(attempts.executor(), REPEATS, &bar)?);
    }
    drop(bar);
    interrupt::check("writing results")?;
    if !question.is_empty() {
        report = report.with_forecast(question)?;
    }

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
    let Work { model: Asked { name, variant }, setup } = work;
    mistaken::for_model(name)?;
    let shape = variant.shape(&setup.step);
    let seq = shape.longest.or(shape.seq).or_else(|| Batch::seq_of(setup.input.as_deref()?));
    let model = Model::resolve_for(name, variant.overrides(), seq)?;
    belongs(setup.options.asked(), &model)?;
    let batch = Batch::load(setup.input.as_deref(), shape, &model.config, setup.seed)?;
    output::warn(batch.shape.warning(&model.config, shape.longest), common);
    let weights = model.weights(setup.seed)?;
    Ok((model, weights, batch))
}

/// Whether the options that were asked for are those of a model's family.
pub(super) fn belongs(
    asked: impl IntoIterator<Item = AskedOption>,
    model: &Model,
) -> super::Result<()> {
    let its = model.config.family().options;
    let others = asked.into_iter().find(|asked| !its.contains(asked.option));
    if let Some(AskedOption { family, option, flag }) = others {
        bail!(
            "--{flag} is for {}, and {} has no {}: leave it out",
            family.name,
            model.name.as_given,
            option.needs
        );
    }
    Ok(())
}

/// Where weights and tokens come from.
pub(super) fn provenance(setup: &Setup, model: &Model) -> String {
    let seed = setup.seed;
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
    place("tokens", setup.input.as_deref());
    if !seeded.is_empty() {
        files.push(format!("{} from seed {seed}", seeded.join(" and ")));
    }
    files.extend(model.warning());
    files.join(", ")
}
