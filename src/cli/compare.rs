//! `flopmeter compare`: two steps side by side, each a saved report, or a model estimated or measured.

use std::path::Path;

use anyhow::{Context as _, bail};

use flopmeter::{
    estimate::Estimate,
    model::{BatchShape, Model},
    observe::{Attempts, Runs},
    op::Convention,
    profile::{Keep, Request, profile},
    result::{
        self, Candidate, ChangeReport, CompareReport, Document as _, Examined, KernelRun,
        RanKernels, Report, ShaderListing,
    },
};

use super::{
    Outcome, alike,
    args::{Common, Compare, Side, Tuned},
    export::{Formats, Places},
    hint, interrupt,
    kernels::LISTING,
    mistaken, output,
    profile::{belongs, provenance, subject},
    progress::Bar,
    tune::Tuner,
};

pub fn run(asked: &Compare, common: &Common) -> super::Result {
    let [a, b] = asked.sides();
    let mut places = Places::default();
    for (what, side) in [("A", &a), ("B", &b)] {
        places.keep(what, Some(Path::new(&side.work.model.name)));
        mistaken::for_report(&side.work.model.name)?;
    }
    let formats = Formats::claim(&mut places, &asked.exports)?;
    if let Some([mut a, b]) = kernels(&a, &b)? {
        if let (RanKernels::Suite(before), RanKernels::Suite(after)) = (&a.report, &b.report) {
            let mut before = before.clone();
            a.own_names = alike::call_as(&mut before, after);
            a.report = RanKernels::Suite(before);
        }
        are_reports(asked)?;
        let convention = asked.convention.unwrap_or_else(|| a.convention());
        let mut report = ChangeReport::new(&a, &b, convention)?;
        report.judge(&asked.limits);
        let both = [report.total.a, report.total.b].map(|its| its.and_then(|its| its.seconds));
        let remedy = match a.report {
            RanKernels::Program(_) => "save reports of run without --count-only",
            RanKernels::Shader(_) => "save reports of shader with --repeat 3; check times nothing",
            RanKernels::Suite(_) => {
                "check times nothing: save reports of a kernel by shader with --repeat 3, and compare those"
            }
        };
        say_how_to_time(&mut report.checks, asked, both, remedy);
        formats.write(&report, &places, common)?;
        return Ok(Outcome::of(report.holds()));
    }
    // Files first: what is wrong with one is better known before a long run.
    let saved_a = saved(&a, asked.convention)?;
    let of_a = saved_a.as_ref().and_then(|saved| saved.convention);
    let saved_b = saved(&b, asked.convention.or(of_a))?;
    let known = of_a.or_else(|| saved_b.as_ref().and_then(|saved| saved.convention));
    if saved_a.is_some() && saved_b.is_some() {
        are_reports(asked)?;
    }
    let convention = asked.convention.or(known).unwrap_or_default();
    let runs = asked.timed.runs(asked.repeat)?;
    let made = |side: &Side, saved: Option<Candidate>| match saved {
        Some(saved) => Ok(saved),
        None if asked.measure => measured(side, asked.tuned, (runs, convention), common),
        None => estimated(side, convention, common),
    };
    let mut report = CompareReport::new(made(&a, saved_a)?, made(&b, saved_b)?)?;
    if let (None, Some(convention)) = (report.convention, asked.convention) {
        let models = format!("{} beside {}", report.a.model.as_given, report.b.model.as_given);
        hint::prices_nothing(convention, &models)?;
    }
    report.judge(&asked.limits);
    let both = [report.total.a, report.total.b].map(|its| its.and_then(|its| its.seconds));
    let remedy =
        "measure models with --measure, or save reports of profile, and leave --repeat 0 out";
    say_how_to_time(&mut report.checks, asked, both, remedy);
    formats.write(&report, &places, common)?;
    Ok(Outcome::of(report.holds()))
}

/// Says how reports come to have times, where those of these two are limited and one has none. The limits were judged in
/// their order.
fn say_how_to_time(
    checks: &mut [Examined],
    asked: &Compare,
    seconds: [Option<f64>; 2],
    remedy: &str,
) {
    if seconds.iter().all(Option::is_some) {
        return;
    }
    let of_time = asked.limits.iter().zip(checks).filter(|(limit, _)| limit.is_of_time());
    for finding in of_time.flat_map(|(_, check)| &mut check.findings) {
        finding.text += &format!("; {remedy}");
    }
}

/// Refuses what is said of models where there are none.
fn are_reports(asked: &Compare) -> super::Result<()> {
    match asked.of_models.first() {
        Some(option) => {
            bail!("{option} is about models, and both are saved reports: leave it out")
        }
        None => Ok(()),
    }
}

/// Both sides, where both are saved reports of kernels.
fn kernels(a: &Side, b: &Side) -> super::Result<Option<[KernelRun; 2]>> {
    let load = |side: &Side| -> super::Result<Option<KernelRun>> {
        let path = Path::new(&side.work.model.name);
        // A missing one is named by who reads it.
        let is_report = path.is_file() || path.extension().is_some_and(|end| end == "json");
        if !is_report {
            return Ok(None);
        }
        let run = KernelRun::load(path)?;
        let schema = result::schema_of(path)?;
        if schema == ShaderListing::SCHEMA {
            bail!("{}: {LISTING}", path.display());
        }
        // Another version of what is taken is told by who reads it.
        let kind = |schema: &str| schema.split('/').next().map(str::to_owned);
        let is_taken = [Report::SCHEMA, Estimate::SCHEMA].map(kind).contains(&kind(&schema));
        if run.is_none() && !is_taken {
            let path = path.display();
            bail!(
                "{path}: is '{schema}', and compare takes reports of shader, check of kernels, run, profile and estimate: save two \
                 of a kind with --json"
            );
        }
        Ok(run)
    };
    let (other, kernels) = match (load(a)?, load(b)?) {
        (Some(a), Some(b)) => return Ok(Some([a, b])),
        (None, None) => return Ok(None),
        (Some(_), None) => (b, a),
        (None, Some(_)) => (a, b),
    };
    let [kernels, other] = [kernels, other].map(|side| side.work.model.name.as_str());
    match other {
        "-" => bail!("compare reads no standard input: save its report to a file, and name that"),
        _ => bail!(
            "{kernels} is a report of kernels, and {other} is none, but a report of a model, a folder or a name of one: \
             compare two of a kind, saved with --json"
        ),
    }
}

/// The saved report that a side is, if it is one, under this convention, else under its own.
fn saved(side: &Side, convention: Option<Convention>) -> super::Result<Option<Candidate>> {
    let Side { letter, work, is_changed, .. } = side;
    let path = Path::new(&work.model.name);
    if !path.is_file() && path.extension().is_none_or(|end| end != "json") {
        return Ok(None);
    }
    if *is_changed {
        let letter = letter.to_lowercase();
        bail!(
            "{} is a saved report, which --set-{letter} and --adapter-{letter} cannot change",
            path.display()
        );
    }
    Ok(Some(Candidate::load(path, convention)?))
}

fn estimated(side: &Side, convention: Convention, common: &Common) -> super::Result<Candidate> {
    let (asked, setup) = (&side.work.model, &side.work.setup);
    let shape = asked.variant.shape(&setup.step);
    let model =
        Model::resolve_for(&asked.name, asked.variant.overrides(), shape.longest.or(shape.seq))?;
    belongs(setup.options.asked(), &model)?;
    let longest = shape.longest;
    let shape = BatchShape::resolve(shape, &model.config)?;
    output::warn(shape.warning(&model.config, longest), common);
    let training = setup.training();
    let estimate = Estimate::under(&model.config, shape, training, convention)?;
    let estimate = estimate.without(model.not_run);
    Ok(Candidate::estimated(model.name, training, &estimate))
}

fn measured(
    side: &Side,
    tuned: Tuned,
    (runs, convention): (Runs, Convention),
    common: &Common,
) -> super::Result<Candidate> {
    let setup = &side.work.setup;
    let (model, weights, batch) = subject(&side.work, common)?;
    output::warn(model.warning(), common);
    let adapter = side.adapter.as_deref().unwrap_or("auto");
    interrupt::check("opening the adapter")?;
    let mut attempts = Attempts::open(adapter, setup.lanes(Some(adapter))?)?;
    interrupt::check("preparing the passes")?;
    let estimate = Estimate::new(&model.config, batch.shape, setup.training())?;
    let request = Request {
        model: &model,
        weights: &weights,
        batch: &batch,
        data: &provenance(setup, &model),
        estimate: &estimate,
        convention,
        runs,
        extrapolate: false,
        kernels: setup.kernels,
        winners: None,
    };
    let tuner = Tuner::new(tuned, setup.kernels, common)?.of(setup.training());
    let bar = Bar::new(common, runs.least());
    let ran = attempts.run(|executor, moved| {
        log::info!("{} runs on {}", side.letter, executor.adapter().name);
        let winners = if moved.is_none() { tuner.winners(executor, &bar)? } else { None };
        let request = Request { winners: winners.as_ref(), ..request };
        let (mut report, _) = profile(executor, request, Keep::Nothing, &mut |p| bar.show(p))?;
        report.provenance.moved = moved.cloned();
        Ok(report)
    });
    let report = ran.with_context(|| side.letter.to_string())?;
    Ok(Candidate::measured(&report))
}
