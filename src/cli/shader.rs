//! `flopmeter shader`: any compute kernel, counted line by line; without a dispatch, what it takes to run it.

use std::{collections::BTreeMap, path::PathBuf};

use anyhow::bail;

use flopmeter::{
    execute::{self, Embedded},
    observe::{Attempts, Moved},
    result::{ShaderListing, ShaderReport},
    roofline::REPEATS,
    shader::{self, BindingKey, BufferFill, Launched, ShaderFile, ShaderRequest, ShaderRun},
};

use super::{
    Outcome,
    args::{Common, Shader, subgroup_lanes},
    export::{Formats, Places},
    interrupt,
    output::Sink,
    patience,
    progress::Bar,
    roofline,
};

pub fn run(asked: &Shader, common: &Common) -> super::Result {
    if asked.dispatches.is_empty() {
        return list(asked, common);
    }
    let mut places = Places::default();
    let formats = Formats::claim(&mut places, &asked.exports)?;
    let mut dumps: Vec<(BindingKey, Sink)> = Vec::new();
    for (key, path) in &asked.dumps {
        dumps.extend(places.claim("--dump", Some(path))?.map(|sink| (*key, sink)));
    }
    let to_svg = places.claim("--svg", asked.under.svg.as_deref())?;
    let overrides = once("--override", asked.overrides.iter().cloned())?;
    let fills = once("--bind", asked.bindings.iter().cloned())?;

    let lanes = subgroup_lanes(asked.subgroup_size, Some(&asked.adapter))?;
    let embedded = asked.races.on(lanes);
    let keys: Vec<BindingKey> = dumps.iter().map(|(key, _)| *key).collect();
    let work = Work {
        file: asked.file.clone(),
        entries: asked.entries.clone(),
        overrides: overrides.clone(),
        fills,
        keys,
        grids: asked.dispatches.clone(),
        repeats: asked.races.repeats(asked.repeat),
        embedded,
    };
    let adapter = asked.adapter.clone();
    let name = ShaderFile::name(&asked.file);
    let (launched, run, moved) =
        patience::within(asked.timeout, &name, move || work.run(&adapter))?;
    let mut report = ShaderReport::new(&launched.launches(), &overrides, &run, asked.convention);
    report.moved = moved;
    if asked.under.roofline {
        // Not within the kernel's time: these kernels are known to end.
        let adapter = if report.moved.is_some() { "embedded" } else { &asked.adapter };
        let mut executor = execute::open(adapter, embedded.subgroup)?;
        report.place(roofline::measure(executor.as_mut(), REPEATS, &Bar::new(common, 0))?);
    }

    for (key, sink) in &dumps {
        sink.write_bytes(&run.dumps[key])?;
    }
    if let (Some(sink), Some(ceilings)) = (&to_svg, &report.ceilings) {
        roofline::write_plot(sink, ceilings, &report.points())?;
    }
    formats.write(&report, &places, common)?;
    Ok(Outcome::of(report.holds()))
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
    let mut places = Places::default();
    let formats = Formats::claim(&mut places, &asked.exports)?;
    let overrides = once("--override", asked.overrides.iter().cloned())?;
    let name = ShaderFile::name(&asked.file);
    let (file, given) = (asked.file.clone(), overrides.clone());
    let outline = patience::within(asked.timeout, &name, move || {
        interrupt::check("reading the shader")?;
        ShaderFile::read(&file)?.outline(&given)
    })?;
    formats.write(&ShaderListing::new(name, overrides, outline), &places, common)?;
    Ok(Outcome::Holds)
}

/// What was launched, its run, and the adapter that was asked first.
type Ran = (Launched, ShaderRun, Option<Moved>);

/// Everything that a run needs, owned, so that it can outlive this thread's patience.
struct Work {
    file: PathBuf,
    entries: Vec<String>,
    overrides: BTreeMap<String, f64>,
    fills: BTreeMap<BindingKey, BufferFill>,
    keys: Vec<BindingKey>,
    grids: Vec<[u32; 3]>,
    repeats: u32,
    embedded: Embedded,
}

impl Work {
    fn run(self, adapter: &str) -> Result<Ran, flopmeter::Error> {
        interrupt::check("reading the shader")?;
        let file = ShaderFile::read(&self.file)?;
        let launched = Launched::new(&file, &self.entries, &self.grids, &self.overrides)?;
        interrupt::check("opening the adapter")?;
        let mut attempts = Attempts::open(adapter, self.embedded)?;
        interrupt::check(&ShaderFile::name(&self.file))?;
        let launches = launched.launches();
        let request = ShaderRequest {
            launches: &launches,
            fills: &self.fills,
            dumps: &self.keys,
            repeats: self.repeats,
        };
        let (run, moved) = attempts.run(|executor, moved| {
            log::info!("running on {}", executor.adapter().name);
            Ok((shader::run(executor, &request)?, moved.cloned()))
        })?;
        Ok((launched, run, moved))
    }
}

/// A map of what may be said once each.
fn once<K: Ord + Key, V>(
    option: &str,
    said: impl Iterator<Item = (K, V)>,
) -> super::Result<BTreeMap<K, V>> {
    let mut map = BTreeMap::new();
    for (key, value) in said {
        if map.contains_key(&key) {
            bail!("{option} {} is given twice: give it once", key.in_words());
        }
        map.insert(key, value);
    }
    Ok(map)
}

/// What a user calls the left-hand side of an option.
trait Key {
    fn in_words(&self) -> String;
}

impl Key for String {
    fn in_words(&self) -> String {
        self.clone()
    }
}

impl Key for BindingKey {
    fn in_words(&self) -> String {
        format!("{}.{}", self.0, self.1)
    }
}
