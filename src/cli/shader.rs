//! `flopmeter shader`: any compute kernel, counted line by line; without a dispatch, what it takes to run it.

use std::{
    borrow::Cow,
    sync::{Arc, Mutex},
};

use anyhow::{anyhow, bail};

use flopmeter::{
    execute,
    observe::{Attempts, Moved},
    result::{ShaderListing, ShaderReport},
    roofline::REPEATS,
    shader::{BindingKey, Launched, ShaderFile, ShaderRun, npy},
};

use super::{
    Outcome,
    args::{Common, Shader, subgroup_lanes},
    export::{Formats, Places},
    interrupt,
    kernels::{Baseline, KernelWork, Key as _, baseline, once, source_options},
    lock::lock,
    mistaken,
    output::{self, Sink},
    patience,
    progress::Bar,
    roofline, watch,
};

pub fn run(asked: &Shader, common: &Common) -> super::Result {
    mistaken::for_shader(&asked.file)?;
    if asked.kernels.dispatches.is_empty() {
        return list(asked, common);
    }
    let mut places = Places::default();
    places.keep_kernel(&asked.file, &asked.kernels);
    let mut dumps: Vec<(BindingKey, Sink)> = Vec::new();
    for (key, path) in &asked.dumps {
        dumps.extend(places.claim("--dump", Some(path))?.map(|sink| (*key, sink)));
    }
    // A buffer may be left in the file that filled it, and a report may not.
    places.keep_contents(&asked.kernels);
    let formats = Formats::claim(&mut places, &asked.exports)?;
    let to_svg = places.claim("--svg", asked.under.svg.as_deref())?;
    let runs = asked.races.runs(asked.timed.runs(asked.repeat)?);
    let keys = dumps.iter().map(|(key, _)| *key);
    let work = KernelWork::new(asked.file.clone(), &asked.kernels, keys, runs)?;
    let baseline = baseline(&asked.kernels)?;

    let lanes = subgroup_lanes(asked.subgroup_size, Some(&asked.adapter))?;
    let embedded = asked.races.on(lanes);
    let once = |shown: bool| -> super::Result<ShaderReport> {
        let (report, run) = reported(asked, common, &work, baseline.as_ref(), embedded)?;
        places.spare(&asked.file, report.others())?;
        for (sink, bytes) in dumped(&dumps, &run)? {
            sink.write_bytes(&bytes)?;
        }
        if let (Some(sink), Some(ceilings)) = (&to_svg, &report.ceilings) {
            roofline::write_plot(sink, ceilings, &report.points())?;
        }
        if shown {
            formats.write(&report, &places, common)?;
        } else {
            formats.export(&report, common)?;
        }
        Ok(report)
    };
    if asked.watch {
        watch::check(&asked.file, &places)?;
        return watch::run(asked, common, once);
    }
    Ok(Outcome::of(once(true)?.holds()))
}

/// Runs the kernels and holds what they did against what was asked of them.
fn reported(
    asked: &Shader,
    common: &Common,
    work: &KernelWork,
    baseline: Option<&Baseline>,
    embedded: execute::Embedded,
) -> super::Result<(ShaderReport, ShaderRun)> {
    let (adapter, owned) = (asked.adapter.clone(), work.clone());
    let seconds = asked.kernels.seconds(asked.timed.patience());
    let given_up = Arc::new(Mutex::new(None));
    let place = || match &*lock(&given_up) {
        Some(Moved { adapter, why }) => {
            format!("on {adapter}: {why}; on the embedded executor {}", work.place_in_words())
        }
        None => work.place_in_words(),
    };
    let seen = Arc::clone(&given_up);
    let (launched, run, moved) =
        patience::within(seconds, place, "", move || ran(&owned, &adapter, embedded, &seen))?;
    let mut report = work.report(&launched, &run, asked.convention);
    let doubts = KernelWork::doubts(&launched, &report, baseline);
    output::warn(doubts, common);
    report.moved = moved;
    work.judge(&mut report, &run, baseline)?;
    report.allow(&asked.kernels.passing());
    if asked.under.roofline {
        // Not within the kernel's time: these kernels are known to end.
        let adapter = if report.moved.is_some() { "embedded" } else { &asked.adapter };
        let mut executor = execute::open(adapter, embedded.subgroup)?;
        report.place(roofline::measure(executor.as_mut(), REPEATS, &Bar::new(common, 0))?);
    }
    Ok((report, run))
}

/// Where something goes, and what.
type Dump<'a> = (&'a Sink, Cow<'a, [u8]>);

/// What goes where of the buffers that were asked for: the array where a file's name ends so, else the bytes.
fn dumped<'a>(dumps: &'a [(BindingKey, Sink)], run: &'a ShaderRun) -> super::Result<Vec<Dump<'a>>> {
    let dumped = dumps.iter().map(|(key, sink)| {
        let bytes = &run.dumps[key];
        match sink.path().filter(|path| path.extension().is_some_and(|ending| ending == "npy")) {
            None => Ok((sink, Cow::Borrowed(&bytes[..]))),
            Some(path) => {
                let array = npy(&run.layouts[key], bytes);
                let array = array
                    .map_err(|why| anyhow!("{}: {}: {why}", path.display(), key.in_words()))?;
                Ok((sink, Cow::Owned(array)))
            }
        }
    });
    dumped.collect()
}

/// What was launched, its run, and the adapter that was asked first, which `given_up` has as soon as it is known.
fn ran(
    work: &KernelWork,
    adapter: &str,
    embedded: execute::Embedded,
    given_up: &Mutex<Option<Moved>>,
) -> Result<(Launched, ShaderRun, Option<Moved>), flopmeter::Error> {
    let launched = work.read()?;
    interrupt::check("opening the adapter")?;
    let mut attempts = Attempts::open(adapter, embedded)?;
    interrupt::check(&ShaderFile::name(&work.file))?;
    let (run, moved) = attempts.run(|executor, moved| {
        log::info!("running on {}", executor.adapter().name);
        *lock(given_up) = moved.cloned();
        Ok((work.run(&launched, executor)?, moved.cloned()))
    })?;
    Ok((launched, run, moved))
}

/// Says what it takes to run the shader.
fn list(asked: &Shader, common: &Common) -> super::Result {
    for (option, asked) in
        [("--roofline", asked.under.roofline), ("--detect-races", asked.races.detect_races)]
    {
        if asked {
            bail!("{option} is for what runs: say how many workgroups with --dispatch");
        }
    }
    if let Some(option) = asked.kernels.of_a_run() {
        bail!("{option} is for what runs: say how many workgroups with --dispatch");
    }
    let mut places = Places::default();
    places.keep_kernel(&asked.file, &asked.kernels);
    let formats = Formats::claim(&mut places, &asked.exports)?;
    let overrides = once("--override", asked.kernels.constants.iter().cloned())?;
    let name = ShaderFile::name(&asked.file);
    let (file, given) = (asked.file.clone(), overrides.clone());
    let options = source_options(&asked.kernels)?;
    let (outline, others) = patience::within(
        asked.kernels.seconds(0),
        || name.clone(),
        "",
        move || {
            interrupt::check("reading the shader")?;
            let file = ShaderFile::read_with(&file, &options)?;
            Ok((file.outline(&given)?, file.others()))
        },
    )?;
    places.spare(&asked.file, others.iter().map(String::as_str))?;
    formats.write(&ShaderListing::new(name, overrides, outline), &places, common)?;
    Ok(Outcome::Holds)
}
