//! What became of several kernels that were checked one after the other: each by its name, and whether all of them
//! hold. Knows what was judged of each; running them, and reading which they are, is somebody else's business.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Document, Examined, Finding, KernelCheck, ShaderReport};

/// Several kernels, each checked by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct KernelSuite {
    /// Name and version of this layout.
    #[schemars(extend("const" = Self::SCHEMA))]
    pub schema: Cow<'static, str>,
    /// Whether every kernel ran, and nothing speaks against any that is not allowed.
    pub pass: bool,
    /// The file that lists them.
    pub suite: String,
    /// In the order of that file.
    pub kernels: Vec<SuiteKernel>,
}

/// A kernel of a suite.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SuiteKernel {
    /// Its file; where the suite has several kernels of one file, all but the first with their number behind it.
    pub name: String,
    /// The line of the suite that asks for it, from 1.
    pub line: u32,
    /// What that line says.
    pub arguments: Vec<String>,
    /// What became of it.
    pub outcome: SuiteOutcome,
}

/// What became of a kernel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SuiteOutcome {
    /// It was judged.
    Checked(Box<KernelCheck>),
    /// No executor ran it, or nothing could be judged of it, for a reason that this names.
    NotRun(Examined),
}

impl Document for KernelSuite {
    const SCHEMA: &'static str = "flopmeter.check-suite/1";

    fn contradiction(&self) -> Option<String> {
        self.kernels.iter().find_map(|kernel| {
            let problem = kernel.check()?.contradiction()?;
            Some(format!("of '{}', {problem}", kernel.name))
        })
    }
}

impl KernelSuite {
    /// The kernels that a file lists.
    pub fn new(suite: String, kernels: Vec<SuiteKernel>) -> Self {
        let pass = kernels.iter().all(SuiteKernel::holds);
        Self { schema: Self::SCHEMA.into(), pass, suite, kernels }
    }

    /// Whether every kernel ran, and nothing speaks against any that is not allowed.
    pub fn holds(&self) -> bool {
        self.pass
    }

    /// Whether every kernel could be judged.
    pub fn is_whole(&self) -> bool {
        self.kernels.iter().all(|kernel| kernel.check().is_some())
    }

    /// The report on the kernel of this name, if it ran.
    pub fn report(&self, name: &str) -> Option<&ShaderReport> {
        let mut kernels = self.kernels.iter();
        Some(&kernels.find(|kernel| kernel.name == name)?.check()?.report)
    }

    /// Everything that was examined, each with the kernel that it is about.
    pub(crate) fn examined(&self) -> Vec<Examined> {
        self.kernels.iter().flat_map(|kernel| kernel.named(kernel.checks())).collect()
    }

    /// The same, each finding in a file, and those in no line of it in this one.
    pub(crate) fn placed(&self, line: Option<u32>) -> Vec<Examined> {
        self.kernels.iter().flat_map(|kernel| kernel.named(&kernel.placed(line))).collect()
    }
}

impl SuiteKernel {
    /// What was judged, if anything was.
    pub fn check(&self) -> Option<&KernelCheck> {
        match &self.outcome {
            SuiteOutcome::Checked(check) => Some(check),
            SuiteOutcome::NotRun(_) => None,
        }
    }

    /// What was examined of it.
    pub fn checks(&self) -> &[Examined] {
        match &self.outcome {
            SuiteOutcome::Checked(check) => &check.checks,
            SuiteOutcome::NotRun(why) => std::slice::from_ref(why),
        }
    }

    /// The same, each finding in a file, and those in no line of it in this one.
    pub(crate) fn placed(&self, line: Option<u32>) -> Vec<Examined> {
        match &self.outcome {
            SuiteOutcome::Checked(check) => check.report.placed(&check.checks, line),
            SuiteOutcome::NotRun(why) => vec![why.clone()],
        }
    }

    /// What was examined of it, with its name.
    fn named(&self, checks: &[Examined]) -> Vec<Examined> {
        let of = |text: &str| format!("{}: {text}", self.name);
        let named = checks.iter().map(|check| Examined {
            what: of(&check.what),
            // What is in the file of that name names it already.
            findings: (check.findings.iter())
                .map(|finding| match &finding.file {
                    Some(file) if *file == self.name => finding.clone(),
                    _ => Finding { text: of(&finding.text), ..finding.clone() },
                })
                .collect(),
        });
        named.collect()
    }

    /// Whether it ran, and nothing speaks against it that is not allowed.
    pub fn holds(&self) -> bool {
        self.checks().iter().all(Examined::holds)
    }
}
