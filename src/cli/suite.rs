//! `flopmeter check --suite FILE`: kernels that a file lists, each judged as `check` judges one, and all of them in one
//! report. Reads the list; what a kernel is judged by is known elsewhere.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context as _, anyhow, bail};

use flopmeter::{
    Error,
    result::{
        HeldTo, KernelRun, KernelSuite, RanKernels, SuiteKernel, SuiteOutcome, Unchecked, load,
    },
    shader::ShaderFile,
};

use super::{
    Outcome, alike,
    args::{Check, Common, SuiteLine},
    export::{Formats, Places},
    hint,
    kernel_check::{Where, judged},
    kernels::{Baseline, baseline, is_there},
    mistaken::is_shader,
    output,
};

pub fn run(suite: &Path, asked: &Check, common: &Common) -> super::Result {
    let name = suite.display().to_string();
    if let Some(option) = asked.of_models.first() {
        bail!("{option} is about models, and a suite lists shaders: leave it out");
    }
    if let Some(option) = asked.kernels.of_one() {
        bail!("{option} is not for a whole suite: say it in the lines of {name} that it is for");
    }
    if is_shader(suite) {
        bail!(
            "--suite {name}: is a shader by its ending, and a suite is a text that lists shaders with their options, one a \
             line: check it by itself with flopmeter check {name} --dispatch X, or list it in such a file"
        );
    }
    // All of it is read before any of it runs: a slip in the last line is known at once.
    let listed = listed(suite);
    let mut places = Places::default();
    places.keep("--suite", Some(suite));
    places.keep("--baseline", asked.kernels.baseline.as_deref());
    for kernel in listed.iter().flatten() {
        places.keep_kernel(&kernel.asked.file, &kernel.asked.kernels);
        places.keep_contents(&kernel.asked.kernels);
    }
    let formats = Formats::claim(&mut places, &asked.exports)?;
    let checked =
        listed.and_then(|listed| checked(&name, listed, asked, (&places, &formats), common));
    formats.or_why_not(&name, common, checked)
}

fn checked(
    name: &str,
    listed: Vec<Listed>,
    asked: &Check,
    (places, formats): (&Places, &Formats),
    common: &Common,
) -> super::Result {
    let earlier = asked.kernels.baseline.as_deref().map(|path| earlier(path, name)).transpose()?;
    let held = match earlier {
        Some(_) => asked.kernels.held_to()?,
        None if asked.kernels.has_limits() => {
            bail!("--fail-on is about --baseline: say which report the kernels have no more than")
        }
        None => HeldTo::Same,
    };
    let on = Where::asked(asked)?;
    let before = earlier.as_ref().map_or_else(Vec::new, |earlier| {
        let lines = listed.iter().map(|it| alike::Listed {
            arguments: &it.arguments,
            line: &it.asked,
            ran: None,
        });
        alike::matched(earlier, &lines.collect::<Vec<_>>())
    });
    let mut kernels = Vec::new();
    for (at, Listed { name, line, arguments, asked: of_line }) in listed.into_iter().enumerate() {
        log::info!("checking {name}");
        let SuiteLine { file, kernels: mut of_kernel } = of_line;
        of_kernel.allow_too(&asked.kernels);
        let of_suite = asked.kernels.baseline.as_ref().zip(earlier.as_ref());
        let baseline = match of_suite.filter(|_| of_kernel.baseline.is_none()) {
            Some((file, earlier)) => {
                let held = if of_kernel.allows_less() { &HeldTo::Less } else { &held };
                let before = before.get(at).copied().flatten();
                Ok(Some(part_of(before.map(|at| &earlier.kernels[at]), file, held)))
            }
            // What is allowed in a line is allowed of reports that are made without a baseline, too.
            None if of_kernel.baseline.is_none() => Ok(None),
            None => baseline(&of_kernel),
        };
        let checked =
            baseline.and_then(|baseline| judged(file.clone(), &of_kernel, baseline.as_ref(), &on));
        let outcome = match checked {
            Ok((check, doubts)) => {
                let name = ShaderFile::name(&file);
                for doubt in doubts {
                    output::warn(Some(format!("{name}: {doubt}")), common);
                }
                places.spare(&file, check.report.others())?;
                SuiteOutcome::Checked(Box::new(check))
            }
            Err(error) if matches!(error.downcast_ref(), Some(Error::Interrupted(_))) => {
                return Err(error);
            }
            Err(error) => {
                let why = Unchecked::new(&ShaderFile::name(&file), &hint::of_command(&error));
                SuiteOutcome::NotRun(why.check)
            }
        };
        kernels.push(SuiteKernel { name, line, arguments, outcome });
    }
    let report = KernelSuite::new(name.to_owned(), kernels);
    formats.write(&report, places, common)?;
    Ok(if report.is_whole() { Outcome::of(report.holds()) } else { Outcome::CouldNotRun })
}

/// The report that a suite is held against.
fn earlier(path: &Path, suite: &str) -> super::Result<KernelSuite> {
    is_there(path)?;
    if let Ok(Some(KernelRun { report: RanKernels::Shader(_), .. })) = KernelRun::load(path) {
        let path = path.display();
        bail!(
            "{path}: is no report of a suite: save one with --suite {suite} --json FILE, or say --baseline {path} in the \
             line of the kernel that it is of"
        );
    }
    Ok(load(path)?)
}

/// What a kernel is held against, that this one of an earlier report is.
fn part_of(before: Option<&SuiteKernel>, file: &Path, held: &HeldTo) -> Baseline {
    let check = before.and_then(SuiteKernel::check);
    let run = check.map(|check| KernelRun {
        file: Some(file.to_owned()),
        ..RanKernels::Shader(Box::new(check.report.clone())).into()
    });
    Baseline { file: file.to_owned(), run, held: held.clone() }
}

/// A kernel that a suite lists.
struct Listed {
    name: String,
    line: u32,
    arguments: Vec<String>,
    asked: SuiteLine,
}

/// The kernels that a file lists.
fn listed(path: &Path) -> super::Result<Vec<Listed>> {
    let text = fs::read_to_string(path)
        .with_context(|| format!("{}: cannot be read as a list of kernels", path.display()))?;
    let mut listed: Vec<Listed> = Vec::new();
    let mut times = BTreeMap::<String, u32>::new();
    // Editors may put a byte order mark before a text.
    for (line, text) in lines(text.trim_start_matches('\u{feff}')) {
        let at = || format!("{}:{line}", path.display());
        let arguments = shlex::split(&text).ok_or_else(|| {
            anyhow!("{}: a quotation has no end, or a backslash stands last", at())
        })?;
        if arguments.is_empty() {
            continue;
        }
        let asked = SuiteLine::parse(&arguments).map_err(|why| anyhow!("{}: {why}", at()))?;
        let name = ShaderFile::name(&asked.file);
        let time = times.entry(name.clone()).or_default();
        *time += 1;
        let name = if *time == 1 { name } else { format!("{name} #{time}") };
        listed.push(Listed { name, line, arguments, asked });
    }
    if listed.is_empty() {
        bail!("{}: lists no kernel: a line is KERNEL and its options", path.display());
    }
    Ok(listed)
}

/// The lines of a list, each with its number; one that ends with a backslash goes on in the next.
fn lines(text: &str) -> Vec<(u32, String)> {
    let mut lines: Vec<(u32, String)> = Vec::new();
    let mut goes_on = false;
    for (number, line) in (1..).zip(text.lines()) {
        let (part, more) = match line.strip_suffix('\\') {
            Some(part) => (part, true),
            None => (line, false),
        };
        match lines.last_mut().filter(|_| goes_on) {
            Some((_, begun)) => begun.push_str(part),
            None => lines.push((number, part.to_owned())),
        }
        goes_on = more;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_goes_on_behind_a_backslash() {
        let lines = lines("# all\na.wgsl \\\n  --dispatch 1\n\nb.wgsl");
        let lines: Vec<_> = lines.iter().map(|(line, text)| (*line, &text[..])).collect();
        assert_eq!(lines, [(1, "# all"), (2, "a.wgsl   --dispatch 1"), (4, ""), (5, "b.wgsl")]);
    }
}
