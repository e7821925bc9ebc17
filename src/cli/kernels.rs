//! The user's kernels, as every command runs them: the options become a request that a worker thread owns, since the
//! command may stop waiting before the run ends, and the results are held against files.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use anyhow::bail;

use flopmeter::{
    Error,
    execute::Executor,
    observe::{Countable, Runs, UnderWay},
    op::Convention,
    result::{
        Document as _, HeldTo, KernelRun, RanKernels, ShaderListing, ShaderReport, schema_of,
    },
    shader::{
        self, Binding, BindingKey, BufferFill, Expectation, Launched, ShaderFile, ShaderRequest,
        ShaderRun, SourceOptions,
    },
};

use super::{args::Kernels, interrupt, lock::lock};

/// Everything that a run needs, owned. Clones share which launch is under way.
#[derive(Clone)]
pub struct KernelWork {
    pub file: PathBuf,
    pub overrides: BTreeMap<String, f64>,
    pub options: SourceOptions,
    immediates: BTreeMap<String, String>,
    entries: Vec<String>,
    grids: Vec<[u32; 3]>,
    fills: BTreeMap<BindingKey, BufferFill>,
    expected: BTreeMap<BindingKey, Expectation>,
    /// Which buffers are read back.
    pub keys: Vec<BindingKey>,
    pub runs: Runs,
    under_way: Arc<UnderWay>,
    /// Where the entry point of each launch is, once they are known.
    places: Arc<Mutex<Vec<Place>>>,
}

/// A file, and the line in it where an entry point begins, where that is known.
pub type Place = (String, Option<u32>);

impl KernelWork {
    /// What was asked of a shader; `dumps` are buffers to read back beside those that something is expected of.
    pub fn new(
        file: PathBuf,
        asked: &Kernels,
        dumps: impl IntoIterator<Item = BindingKey>,
        runs: impl Into<Runs>,
    ) -> super::Result<Self> {
        let expected = once("--expect", asked.expected.iter().cloned())?;
        for expectation in expected.values() {
            let path = expectation.path();
            let why = match path.metadata() {
                Ok(about) if about.is_file() => continue,
                Ok(_) => "it is no file".to_owned(),
                Err(error) => error.to_string(),
            };
            bail!("{}: cannot be read, and --expect wants what it holds: {why}", path.display());
        }
        let mut keys: Vec<BindingKey> = dumps.into_iter().chain(expected.keys().copied()).collect();
        keys.sort_unstable();
        keys.dedup();
        Ok(Self {
            file,
            overrides: once("--override", asked.constants.iter().cloned())?,
            options: source_options(asked)?,
            immediates: once("--immediate", asked.immediates.iter().cloned())?,
            entries: asked.entries.clone(),
            grids: asked.dispatches.clone(),
            fills: once("--bind", asked.bindings.iter().cloned())?,
            expected,
            keys,
            runs: runs.into(),
            under_way: Arc::default(),
            places: Arc::default(),
        })
    }

    /// Where the entry point is that is compiled or run, or the first one while none is, where its text says that: there
    /// is what does not end.
    pub fn place(&self) -> Place {
        if let Some(place) = lock(&self.places).get(self.under_way.launch()) {
            return place.clone();
        }
        let name = ShaderFile::name(&self.file);
        // A pipe has been read, and what standard input is called is no file.
        let is_there = name == self.file.display().to_string() && self.file.is_file();
        let text = is_there.then(|| fs::read(&self.file).ok()).flatten();
        let text = text.and_then(|text| String::from_utf8(text).ok()).unwrap_or_default();
        let asked = self.entries.first().map(String::as_str).filter(|entry| *entry != "all");
        (name, line_of(&text, asked))
    }

    /// The same in words.
    pub fn place_in_words(&self) -> String {
        let (file, line) = self.place();
        line.map_or_else(|| file.clone(), |line| format!("{file}:{line}"))
    }

    /// Reads the shader and picks what is launched of it.
    pub fn read(&self) -> Result<Launched, Error> {
        interrupt::check("reading the shader")?;
        let file = ShaderFile::read_with(&self.file, &self.options)?;
        Launched::new(&file, &self.entries, &self.grids, &self.overrides, &self.immediates)
    }

    /// Runs it on an executor.
    pub fn run(
        &self,
        launched: &Launched,
        executor: &mut dyn Executor,
    ) -> Result<ShaderRun, Error> {
        let launches = launched.launches();
        let places = launches.iter().map(|launch| place_of(&self.file, launch.kernel));
        *lock(&self.places) = places.collect();
        let request = ShaderRequest {
            launches: &launches,
            fills: &self.fills,
            dumps: &self.keys,
            runs: self.runs,
            under_way: &self.under_way,
        };
        let ran = shader::run(executor, &request);
        // What comes next, be it that another device opens, is in none of these launches.
        self.under_way.begin();
        ran
    }

    /// The report on a run.
    pub fn report(
        &self,
        launched: &Launched,
        run: &ShaderRun,
        convention: Convention,
    ) -> ShaderReport {
        let mut report =
            ShaderReport::new(&launched.launches(), launched.overrides(), run, convention);
        report.override_numbers = launched.override_numbers().clone();
        report.override_defaults = launched.override_defaults().clone();
        report.defines = self.options.defines.clone();
        report.immediates = launched.immediates().to_vec();
        report
    }

    /// What is doubtful about what was asked, as far as a report on it shows.
    pub fn doubts(
        launched: &Launched,
        report: &ShaderReport,
        baseline: Option<&Baseline>,
    ) -> Vec<String> {
        let doubts = [unfilled(launched, report), of_another(report, baseline)];
        doubts.into_iter().flatten().collect()
    }

    /// Holds a run against what its buffers should hold, and its report against an earlier one.
    pub fn judge(
        &self,
        report: &mut ShaderReport,
        run: &ShaderRun,
        baseline: Option<&Baseline>,
    ) -> Result<(), Error> {
        report.expect(run, &self.expected)?;
        match baseline {
            Some(Baseline { file, run: Some(run), held }) => report.hold_against(run, file, held),
            Some(Baseline { file, run: None, held }) => {
                report.lacks_baseline(file, held);
                Ok(())
            }
            None => Ok(()),
        }
    }
}

/// What the kernels read and nobody gave, which holds zeros: that is seldom what was meant.
fn unfilled(launched: &Launched, report: &ShaderReport) -> Option<String> {
    let written = launched.written();
    let key = |bound: &Binding| (bound.group, bound.binding);
    let read = report.bindings.iter().filter(|bound| !written.contains(&key(bound)));
    let bindings = read
        .filter(|bound| bound.fill.is_none())
        .map(|bound| format!("'{}' at {} (--bind)", bound.name, key(bound).in_words()));
    let immediates = report.immediates.iter().filter(|its| its.value.is_none());
    let immediates = immediates.map(|its| format!("'{}' (--immediate)", its.name));
    let all: Vec<String> = bindings.chain(immediates).collect();
    (!all.is_empty()).then(|| format!("nothing was given for {}: zeros", all.join(", ")))
}

/// That the earlier report is on another shader, by the names of their files.
fn of_another(report: &ShaderReport, baseline: Option<&Baseline>) -> Option<String> {
    let Baseline { file, run, .. } = baseline?;
    let RanKernels::Shader(before) = &run.as_ref()?.report else { return None };
    let [before, now] = [before, report].map(|its| Path::new(&its.shader).file_name());
    let (before, now) = (before?.to_string_lossy(), now?.to_string_lossy());
    let piped = ShaderFile::name(Path::new("-"));
    let differ = before != now && before != piped && now != piped;
    differ.then(|| format!("{} is a report on {before}, and this is {now}", file.display()))
}

/// What the source is read with.
///
/// # Errors
/// Where a macro is defined twice, or a folder is none.
pub fn source_options(asked: &Kernels) -> super::Result<SourceOptions> {
    for folder in &asked.folders {
        if !folder.is_dir() {
            bail!("-I {}: is no folder", folder.display());
        }
    }
    let defines = once("-D", asked.defines.iter().cloned())?;
    Ok(SourceOptions { defines, folders: asked.folders.clone() })
}

/// An earlier report, and what counts have to be beside its.
pub struct Baseline {
    pub file: PathBuf,
    /// `None` where the file has other kernels alone.
    pub run: Option<KernelRun>,
    pub held: HeldTo,
}

/// The earlier report that was asked for, if one was.
pub fn baseline(asked: &Kernels) -> super::Result<Option<Baseline>> {
    let held = asked.held_to()?;
    let Some(file) = &asked.baseline else { return Ok(None) };
    is_there(file)?;
    let Some(run) = KernelRun::load(file)? else {
        if schema_of(file)? == ShaderListing::SCHEMA {
            bail!("{}: {}", file.display(), LISTING);
        }
        bail!(
            "{}: is no report of shader or of check on a kernel, as --baseline wants",
            file.display()
        );
    };
    match run.report {
        RanKernels::Shader(_) => {}
        RanKernels::Suite(_) => bail!(
            "{}: is a report of a suite: hold the suite against it with --suite LIST, or this kernel against a \
             report of it alone",
            file.display()
        ),
        RanKernels::Program(_) => bail!(
            "{}: is a report of run, and --baseline wants one of shader or check",
            file.display()
        ),
    }
    Ok(Some(Baseline { file: file.clone(), run: Some(run), held }))
}

/// What a listing lacks where counts are wanted.
pub const LISTING: &str = "is a listing of what a shader takes, saved without --dispatch: nothing ran, so it has no \
                           counts; save it again with --dispatch";

/// Refuses a baseline that is not there.
///
/// # Errors
/// How the first one is made.
pub fn is_there(baseline: &Path) -> super::Result<()> {
    if baseline.exists() {
        return Ok(());
    }
    bail!(
        "{path}: there is no such file; the first report to hold counts against is what --json {path} saves of the same \
         run without --baseline",
        path = baseline.display()
    )
}

/// A map of what may be said once each.
pub fn once<K: Ord + Key, V>(
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
pub trait Key {
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

/// Where a kernel's entry point begins, in the file that its source has it in. One whose line is not known goes by its own
/// name beside the shader's.
fn place_of(shader: &Path, kernel: &dyn Countable) -> Place {
    let name = ShaderFile::name(shader);
    let line = kernel.source().and_then(|source| {
        let line = line_of(source.text(), Some(kernel.entry()))?;
        Some(source.place(line))
    });
    match line {
        Some(line) => {
            let file = line.file.map(|file| shader.with_file_name(&*file).display().to_string());
            (file.unwrap_or(name), Some(line.number))
        }
        None => (format!("{name}, entry point '{}'", kernel.entry()), None),
    }
}

/// The line of a text on which an entry point begins, from 1; the first one where no other is asked for.
fn line_of(text: &str, asked: Option<&str>) -> Option<u32> {
    let mut is_marked = asked.is_some() || !text.contains("@compute");
    let line = without_comments(text).iter().position(|code| {
        is_marked |= code.contains("@compute");
        let declared = ["fn ", "void "].iter().find_map(|word| code.split_once(word));
        let declared = declared.map(|(_, rest)| {
            let is_of_name = |c: char| c.is_alphanumeric() || c == '_';
            rest.trim_start().split(|c| !is_of_name(c)).next().unwrap_or_default()
        });
        let is_it = |name: &str| match asked {
            Some(entry) => name == entry,
            None => code.contains("fn ") || name == "main",
        };
        is_marked && declared.is_some_and(is_it)
    });
    u32::try_from(line? + 1).ok()
}

/// The lines of a text without their comments.
fn without_comments(text: &str) -> Vec<String> {
    let mut is_within = false;
    let code = |line: &str| {
        let (mut code, mut rest) = (String::new(), line);
        loop {
            if is_within {
                let Some((_, after)) = rest.split_once("*/") else { return code };
                (is_within, rest) = (false, after);
            } else {
                let comment = [rest.find("//"), rest.find("/*")].into_iter().flatten().min();
                let (before, comment) = rest.split_at(comment.unwrap_or(rest.len()));
                code += before;
                let Some(after) = comment.strip_prefix("/*") else { return code };
                (is_within, rest) = (true, after);
            }
        }
    };
    text.lines().map(code).collect()
}

#[cfg(test)]
mod tests {
    use flopmeter::execute;

    use super::*;
    use crate::cli::args::SuiteLine;

    /// Where a device opens, none of the launches is under way that ran on the device before.
    #[test]
    fn what_comes_after_a_run_is_in_none_of_its_launches() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("two.wgsl");
        let source =
            "@compute @workgroup_size(1) fn one() {}\n@compute @workgroup_size(1) fn two() {}\n";
        fs::write(&file, source).expect("a file");
        let words = [file.to_str().expect("text"), "--entry=all", "--dispatch=1"];
        let line = SuiteLine::parse(&words.map(str::to_owned)).expect("a line");
        let work = KernelWork::new(file.clone(), &line.kernels, [], 0).expect("work");
        let launched = work.read().expect("a shader");
        let mut cpu = execute::open("embedded", None).expect("the embedded executor");
        work.run(&launched, cpu.as_mut()).expect("a run");
        assert_eq!(work.place(), (file.display().to_string(), Some(1)));
    }

    #[test]
    fn comments_are_no_code() {
        let text = "a // b /* c\nd /* e\nf */ g /* h */ i\n//** j **//\nk";
        assert_eq!(without_comments(text), ["a ", "d ", " g  i", "", "k"]);
    }
}
