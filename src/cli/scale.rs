//! `flopmeter scale`: how cost grows, estimated at once or measured point by point. What was measured is
//! kept whatever comes after it.

use std::sync::{Arc, Mutex};

use anyhow::{anyhow, bail};

use flopmeter::{
    Error, KernelError,
    choice::KernelSet,
    estimate::Estimate,
    execute::Executor,
    family::{BatchShape, Choices},
    model::{Batch, Model, Sources, lower},
    observe::{Attempts, Moved},
    profile::{Keep, Request, profile},
    result::{Conditions, Fate, PointFolder, Reason, Report, ScaleReport},
    sweep::{Point, Shard, Sweep, SweepPoint},
};

use super::{
    Outcome,
    args::{Common, Scale},
    export::{Formats, Places},
    hint, interrupt,
    lock::lock,
    mistaken, output,
    profile::{belongs, provenance},
    progress::Bar,
};

pub fn run(asked: &'static Scale, common: &'static Common) -> super::Result {
    let mut places = Places::default();
    let formats = Formats::claim(&mut places, &asked.exports)?;
    if asked.work.setup.kernels != KernelSet::Auto {
        bail!(
            "--kernels pins the kernels of one run, and points of a sweep are kept with others: leave it out"
        );
    }
    let sweep = sweep(asked)?;
    let points = sweep.points();
    output::warn(beyond_positions(&sweep, &points), common);
    if let Some(point) = points.first().filter(|_| asked.measure) {
        output::warn(sweep.resolve(point)?.0.warning(), common);
    }
    let telling = Telling { asked, common, formats, places, sweep };
    if !asked.measure {
        return telling.tell(points.into_iter().map(|point| (point, Fate::Estimated)).collect());
    }
    // What was measured is said also where the process is ended during a pass of another point.
    let telling = Arc::new(telling);
    let fates = Arc::new(Mutex::new(Vec::new()));
    let at_end = interrupt::at_end({
        let (telling, fates) = (Arc::clone(&telling), Arc::clone(&fates));
        move || {
            // The command waits for this lock, if not for a device, until the process has ended.
            let mut fates = lock(&fates);
            if fates.is_empty() {
                return Error::Interrupted("the preparation of the sweep".into()).into();
            }
            match telling.tell(std::mem::take(&mut *fates)) {
                Ok(_) => anyhow!("interrupted at the end of the sweep; the report was written"),
                Err(error) => error,
            }
        }
    });
    measured(asked, common, &telling, &points, &fates)?;
    let _whole = interrupt::unbroken();
    drop(at_end);
    let fates = std::mem::take(&mut *lock(&fates));
    telling.tell(fates)
}

/// What became of the points so far. All are there from the beginning, as they are where the sweep ends at once.
type Fates = Mutex<Vec<(Point, Fate)>>;

/// How the sweep is reported.
struct Telling {
    asked: &'static Scale,
    common: &'static Common,
    formats: Formats,
    places: Places,
    sweep: Sweep,
}

impl Telling {
    fn tell(&self, fates: Vec<(Point, Fate)>) -> super::Result {
        let Self { asked, common, formats, places, sweep } = self;
        let report = ScaleReport::new(sweep.clone(), asked.convention, fates);
        if report.points.is_empty()
            && let Some(first) = report.skipped.first()
        {
            bail!("no point of the sweep makes sense; the first: {}", first.why);
        }
        let counted = report.points.iter().any(|point| point.bill.exact.is_some());
        if report.adapter.is_none() && !counted {
            hint::prices_nothing(asked.convention, &sweep.model)?;
        }
        formats.write(&report, places, common)?;
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
}

/// That sequences of a sweep, the longest of them, are longer than what the model was trained for.
fn beyond_positions(sweep: &Sweep, points: &[Point]) -> Option<String> {
    let shapes = points.iter().filter_map(|point| {
        let (model, asked) = sweep.resolve(point).ok()?;
        let shape = BatchShape::resolve(asked, &model.config).ok()?;
        Some((shape.seq(), shape.warning(&model.config, asked.longest)?))
    });
    shapes.max_by_key(|(seq, _)| *seq).map(|(_, warning)| warning)
}

/// What was asked, its axes known to the model.
fn sweep(asked: &Scale) -> super::Result<Sweep> {
    let work = &asked.work;
    mistaken::for_model(&work.model.name)?;
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
    Telling { sweep, formats, .. }: &Telling,
    points: &[Point],
    fates: &Fates,
) -> super::Result<()> {
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
    // Points that are kept meet others, for which files of the same names may have held something else.
    let input = asked.work.setup.input.as_deref();
    let sources = model.filter(|_| asked.out.is_some()).map(|model| Sources::of(&model, input));
    let sources = sources.transpose()?;
    let runs = asked.timed.runs(asked.repeat)?;
    let lanes = asked.work.setup.lanes(Some(&asked.adapter))?;
    let mut attempts = Attempts::open(&asked.adapter, lanes)?;
    let is_final = !attempts.may_move();
    let ran = attempts.run(|executor, moved| {
        log::info!("running on {}", executor.adapter().name);
        let conditions = Conditions {
            sweep: sweep.clone(),
            convention: asked.convention,
            repeats: asked.repeat,
            min_seconds: runs.min_seconds(),
            data: data.clone(),
            sources: sources.clone(),
            adapter: executor.adapter().clone(),
        };
        let folder = asked.out.as_deref();
        let folder = folder
            .map(|path| PointFolder::open(path, conditions.clone(), formats.origin().clone()));
        let folder = folder.transpose()?;
        let on = On { executor, moved, is_final: is_final || moved.is_some(), folder };
        points_on(asked, common, &conditions, points, fates, on)
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
    /// Where they are kept.
    folder: Option<PointFolder>,
}

/// Runs this machine's points on one executor.
fn points_on(
    asked: &Scale,
    common: &Common,
    conditions: &Conditions,
    points: &[Point],
    fates: &Fates,
    On { executor, moved, is_final, folder }: On<'_>,
) -> Result<(), Error> {
    let Conditions { sweep, .. } = conditions;
    let shard = asked.shard.unwrap_or(Shard::WHOLE);
    // A file that is in the way is better known before the first run than after the last.
    let begins = points.iter().enumerate().map(|(i, point)| {
        let kept = if shard.has(i) { &folder } else { &None };
        let kept = kept.as_ref().map_or(Ok(None), |folder| folder.kept(point))?;
        let fate = match kept {
            Some(report) => {
                log::info!("{}: kept", sweep.name(point));
                Fate::Measured(report)
            }
            None if shard.has(i) => {
                Fate::Skipped(Reason::Interrupted, "interrupted before it was measured".into())
            }
            None => Fate::Skipped(Reason::Missing, format!("it is not in shard {shard}")),
        };
        Ok((point.clone(), fate))
    });
    let begins = begins.collect::<Result<Vec<_>, Error>>()?;
    let due: Vec<bool> = begins
        .iter()
        .map(|(_, fate)| matches!(fate, Fate::Skipped(Reason::Interrupted, _)))
        .collect();
    let fates = || lock(fates);
    *fates() = begins;

    for (i, point) in points.iter().enumerate().filter(|&(i, _)| due[i]) {
        let name = sweep.name(point);
        // What did not begin is not told as what was interrupted.
        if interrupt::check(&name).is_err() {
            break;
        }
        log::info!("{name}: measuring");
        let ran = measure(asked, common, conditions, point, executor);
        // What one point holds, the next may need.
        executor.clear();
        let ran = ran.map(|mut report| {
            report.provenance.moved = moved.cloned();
            report
        });
        if let (Ok(report), Some(folder)) = (&ran, &folder) {
            folder.write(point, report)?;
        }
        let fate = match ran {
            Ok(report) => Fate::Measured(report),
            Err(error)
                if !is_final && error.kernel().is_some_and(KernelError::is_of_the_adapter) =>
            {
                return Err(error);
            }
            Err(error) => {
                let reason = reason(&error);
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
        fates()[i].1 = fate;
    }
    Ok(())
}

/// Why a point was not measured.
fn reason(error: &Error) -> Reason {
    match error {
        Error::Config(_) | Error::Refused { .. } | Error::File { .. } => Reason::Refused,
        Error::Interrupted(_) => Reason::Interrupted,
        error if error.kernel().is_some_and(KernelError::is_of_a_run) => Reason::Cut,
        _ => Reason::Failed,
    }
}

/// Runs one point.
fn measure(
    asked: &Scale,
    common: &Common,
    conditions: &Conditions,
    point: &Point,
    executor: &mut dyn Executor,
) -> Result<Box<Report>, Error> {
    let Conditions { sweep, convention, data, adapter, .. } = conditions;
    let setup = &asked.work.setup;
    let training = sweep.training(point);
    let (model, shape) = sweep.resolve(point)?;
    let batch = Batch::load(setup.input.as_deref(), shape, &model.config, setup.seed)?;
    // What does not fit is better known before its weights are made.
    lower::lower(&model.config, batch.shape, training, adapter.limits)?;
    let weights = model.weights(setup.seed)?;
    let estimate = Estimate::new(&model.config, batch.shape, training)?;
    let request = Request {
        model: &model,
        weights: &weights,
        batch: &batch,
        data,
        estimate: &estimate,
        convention: *convention,
        runs: conditions.runs(),
        extrapolate: false,
        kernels: KernelSet::Auto,
        winners: None,
    };
    let bar = Bar::new(common, conditions.runs().least());
    let (report, _) = profile(executor, request, Keep::Nothing, &mut |p| bar.show(p))?;
    let place = SweepPoint { sweep: sweep.clone(), at: point.at.clone() };
    let sources = conditions.sources.clone();
    Ok(Box::new(Report { sweep: Some(place), sources, ..report }))
}
