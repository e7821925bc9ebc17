//! `flopmeter scale`: how cost grows, estimated at once or measured point by point. What was measured is
//! kept whatever comes after it.

use anyhow::{anyhow, bail};

use flopmeter::{
    Error, KernelError,
    choice::KernelSet,
    execute::Executor,
    family::Choices,
    model::{Batch, Model, lower},
    observe::{Attempts, Moved},
    profile::{Keep, Request, profile},
    result::{Conditions, Fate, PointFolder, Reason, Report, ScaleReport},
    sweep::{Point, Shard, Sweep, SweepPoint},
};

use super::{
    Outcome,
    args::{Common, Scale},
    export::{Formats, Places},
    hint, interrupt, output,
    profile::{belongs, provenance},
    progress::Bar,
};

pub fn run(asked: &Scale, common: &Common) -> super::Result {
    let mut places = Places::default();
    let formats = Formats::claim(&mut places, &asked.exports)?;
    if asked.work.setup.kernels != KernelSet::Auto {
        bail!(
            "--kernels pins the kernels of one run, and points of a sweep are kept with others: leave it out"
        );
    }
    let sweep = sweep(asked)?;
    let points = sweep.points();
    // What was measured is to be said: the run ends before its next pass, and is not ended during one.
    let _whole = interrupt::unbroken();
    let fates = if asked.measure {
        measured(asked, common, &sweep, &points)?
    } else {
        points.into_iter().map(|point| (point, Fate::Estimated)).collect()
    };
    let report = ScaleReport::new(sweep, asked.convention, fates);
    if report.points.is_empty()
        && let Some(first) = report.skipped.first()
    {
        bail!("no point of the sweep makes sense; the first: {}", first.why);
    }
    formats.write(&report, &places, common)?;
    let broken = |reason| matches!(reason, Reason::Failed | Reason::Interrupted);
    if let Some(first) = report.skipped.iter().find(|skipped| broken(skipped.reason)) {
        bail!("the sweep is not complete: {}; what was measured is in the report", first.why);
    }
    if let Some(first) = report.skipped.iter().find(|skipped| skipped.reason == Reason::Cut) {
        output::complain(&anyhow!("{}", first.why).context(hint::AUTO));
        return Ok(Outcome::CheckFailed);
    }
    // A shard may have no point, or only such as are refused; that is no failure of its machine.
    if asked.measure && asked.shard.is_none() && !report.is_measured() {
        bail!("no point of the sweep was measured; the first: {}", report.skipped[0].why);
    }
    Ok(Outcome::of(report.holds()))
}

/// What was asked, its axes known to the model.
fn sweep(asked: &Scale) -> super::Result<Sweep> {
    let work = &asked.work;
    let training = work.setup.training();
    let options = Model::family(&work.model.name)?.options;
    let chosen = asked.every.choices(training.options);
    let chosen = chosen.into_iter().map(|chosen| chosen.or_first(options)).collect();
    let sweep = Sweep {
        model: work.model.name.clone(),
        set: work.model.variant.overrides(),
        batch: work.model.variant.batch,
        seq: work.model.variant.seq,
        scope: training.scope,
        optimizer: training.optimizer,
        accumulate: training.accumulate,
        recompute: training.recompute,
        packed: training.packed,
        options: Choices(chosen),
        axes: Vec::new(),
    };
    Ok(sweep.along(asked.axes.clone())?)
}

/// Runs this machine's points, one after the other, until all are done or the user wants no more.
fn measured(
    asked: &Scale,
    common: &Common,
    sweep: &Sweep,
    points: &[Point],
) -> super::Result<Vec<(Point, Fate)>> {
    // What the data are is the same at every point that has any.
    let model = points.iter().find_map(|point| Some(sweep.resolve(point).ok()?.0));
    let data = match &model {
        Some(model) => {
            let options = &asked.work.setup.options;
            belongs(options.asked().chain(asked.every.asked()), model)?;
            provenance(&asked.work.setup, model)
        }
        None => String::new(),
    };
    let lanes = asked.work.setup.lanes(Some(&asked.adapter))?;
    let mut attempts = Attempts::open(&asked.adapter, lanes)?;
    let is_final = !attempts.may_move();
    let ran = attempts.run(|executor, moved| {
        log::info!("running on {}", executor.adapter().name);
        let conditions = Conditions {
            sweep: sweep.clone(),
            convention: asked.convention,
            repeats: asked.repeat,
            data: data.clone(),
            adapter: executor.adapter().clone(),
        };
        let on = On { executor, moved, is_final: is_final || moved.is_some() };
        points_on(asked, common, &conditions, points, on)
    });
    Ok(ran?)
}

/// Who runs points.
struct On<'a> {
    executor: &'a mut dyn Executor,
    /// The adapter that was asked first.
    moved: Option<&'a Moved>,
    /// Whether no other executor comes after this one. Times of two in one table would say nothing, so all
    /// points move together.
    is_final: bool,
}

/// Runs this machine's points on one executor.
fn points_on(
    asked: &Scale,
    common: &Common,
    conditions: &Conditions,
    points: &[Point],
    On { executor, moved, is_final }: On<'_>,
) -> Result<Vec<(Point, Fate)>, Error> {
    let Conditions { sweep, .. } = conditions;
    let shard = asked.shard.unwrap_or(Shard::WHOLE);
    let folder = asked.out.as_deref().map(|path| PointFolder::open(path, conditions.clone()));
    let folder = folder.transpose()?;
    // A file that is in the way is better known before the first run than after the last.
    let kept = |point: &Point| folder.as_ref().map_or(Ok(None), |folder| folder.kept(point));
    let kept = points.iter().map(kept).collect::<Result<Vec<_>, Error>>()?;

    let mut fates = Vec::new();
    for (i, (point, kept)) in points.iter().zip(kept).enumerate() {
        let name = sweep.name(point);
        if !shard.has(i) {
            let why = format!("it is not in shard {shard}");
            fates.push((point.clone(), Fate::Skipped(Reason::Missing, why)));
            continue;
        }
        let ran = match kept {
            Some(report) => {
                log::info!("{name}: kept");
                Ok(report)
            }
            None => {
                log::info!("{name}: measuring");
                let ran = interrupt::check(&name)
                    .and_then(|()| measure(asked, common, conditions, point, executor));
                // What one point holds, the next may need.
                executor.clear();
                let ran = ran.map(|mut report| {
                    report.provenance.moved = moved.cloned();
                    report
                });
                if let (Ok(report), Some(folder)) = (&ran, &folder) {
                    folder.write(point, report)?;
                }
                ran
            }
        };
        let fate = match ran {
            Ok(report) => Fate::Measured(report),
            Err(error)
                if !is_final && error.kernel().is_some_and(KernelError::is_of_the_adapter) =>
            {
                return Err(error);
            }
            Err(error) => {
                let reason = match &error {
                    Error::Config(_) | Error::Refused { .. } | Error::File { .. } => {
                        Reason::Refused
                    }
                    Error::Interrupted(_) => Reason::Interrupted,
                    error if error.kernel().is_some_and(KernelError::is_of_a_run) => Reason::Cut,
                    _ => Reason::Failed,
                };
                let why = match error {
                    // It says that nothing was written, which is true of this point only.
                    Error::Interrupted(during) => format!("interrupted during {during}"),
                    error => hint::in_words(&error),
                };
                if let (Reason::Refused, Some(folder)) = (reason, &folder) {
                    folder.write_refused(point, &why)?;
                }
                output::warn(Some(format!("{name}: {why}")), common);
                Fate::Skipped(reason, why)
            }
        };
        fates.push((point.clone(), fate));
    }
    Ok(fates)
}

/// Runs one point.
fn measure(
    asked: &Scale,
    common: &Common,
    conditions: &Conditions,
    point: &Point,
    executor: &mut dyn Executor,
) -> Result<Box<Report>, Error> {
    let Conditions { sweep, convention, repeats, data, adapter } = conditions;
    let setup = &asked.work.setup;
    let training = sweep.training(point);
    let (model, shape) = sweep.resolve(point)?;
    let batch = Batch::load(setup.input.as_deref(), shape, &model.config, setup.seed)?;
    // What does not fit is better known before its weights are made.
    lower::lower(&model.config, batch.shape, training, &adapter.limits)?;
    let weights = model.weights(setup.seed)?;
    let request = Request {
        model: &model,
        weights: &weights,
        batch: &batch,
        data,
        training,
        convention: *convention,
        repeats: *repeats,
        extrapolate: false,
        kernels: KernelSet::Auto,
    };
    let bar = Bar::new(common, *repeats);
    let (report, _) = profile(executor, request, Keep::Nothing, &mut |p| bar.show(p))?;
    let place = SweepPoint { sweep: sweep.clone(), at: point.at.clone() };
    Ok(Box::new(Report { sweep: Some(place), ..report }))
}
