//! What a user may type of kernels, whichever command runs them.

use std::path::PathBuf;

use anyhow::bail;
use clap::{Args, ValueEnum};

use flopmeter::{
    result::{FindingKind, GrowthLimit, HeldTo},
    shader::{BindingKey, BufferFill, Expectation},
};

use super::values::{constant, define, expectation, extent, fill, immediate, whole_seconds};

/// What runs, on what, and what is held to be so of it.
#[derive(Clone, Debug, Args)]
pub struct Kernels {
    /// Which entry point [default: the only one]; repeatable, or all: they run in this order on the same buffers
    #[arg(long = "entry", value_name = "NAME")]
    pub entries: Vec<String>,
    /// Workgroups to run; repeatable, one for each --entry or one for all of them
    #[arg(long = "dispatch", value_name = "X[,Y[,Z]]", value_parser = extent)]
    pub dispatches: Vec<[u32; 3]>,
    /// Set a pipeline override (repeatable)
    #[arg(long = "override", value_name = "NAME=VALUE", value_parser = constant)]
    pub constants: Vec<(String, f64)>,
    /// Set a member of the immediate data, GLSL's push constants; of a vector with commas between (repeatable; what is
    /// not set is zero)
    #[arg(long = "immediate", value_name = "NAME=VALUE", value_parser = immediate)]
    pub immediates: Vec<(String, String)>,
    /// Define a macro of the shader before its first line [VALUE: 1] (repeatable; for WGSL and GLSL), or switch a feature
    /// of WESL on, with VALUE 0 or false off
    #[arg(short = 'D', value_name = "NAME[=VALUE]", value_parser = define)]
    pub defines: Vec<(String, String)>,
    /// Look for the files of #include in this folder, behind the folder of the file that includes them, and for modules
    /// that WESL imports, behind the folder of FILE (repeatable)
    #[arg(short = 'I', value_name = "DIR")]
    pub folders: Vec<PathBuf>,
    /// Fill a buffer with zeros:COUNT, iota:COUNT, random:COUNT[:SEED][:LOW..HIGH], values:1,2,3 or file:PATH, or
    /// members of a structure, as n:8,scale:0.5,items:random:64 (repeatable; COUNT in scalars; random numbers
    /// are floats from -1 to 1 and any integers, or lie from LOW to below HIGH: whole numbers as in 0..10, floats as in
    /// 0.0..1.0; a file is its bytes, or the
    /// elements of an .npy array or of FILE.safetensors#NAME). A texture is
    /// texture:WIDTH[xHEIGHT[xDEPTH]][:FORMAT][:SPEC], without FORMAT the one that the shader declares or else 32 bits
    /// for each of four channels; a sampler is sampler[:linear][:repeat|:mirror], else it takes the nearest texel and
    /// clamps to the edge
    #[arg(long = "bind", value_name = "GROUP.BINDING=SPEC", value_parser = fill)]
    pub bindings: Vec<(BindingKey, BufferFill)>,
    /// A check: what a buffer holds after the run, as a file (bytes, or an .npy array); floats may be off by TOLERANCE
    /// of the number wanted, or by TOLERANCE where that is below 1 (repeatable)
    #[arg(long = "expect", value_name = "GROUP.BINDING=FILE[:TOLERANCE]", value_parser = expectation)]
    pub expected: Vec<(BindingKey, Expectation)>,
    /// A check: counts and traffic are those of this saved report of shader or check
    #[arg(long, value_name = "FILE.json")]
    pub baseline: Option<PathBuf>,
    /// A check in the place of equal counts: more:flops or more:bytes, of storage and textures, than the baseline has,
    /// as in more:flops:5 for 5 % aside; not beside --allow less (repeatable)
    #[arg(long = "fail-on", value_name = "more:WHAT[:PERCENT]")]
    limits: Vec<GrowthLimit>,
    /// Let something pass: bounds (accesses out of bounds), races, barriers (to which not all invocations of a workgroup
    /// came), values (that differ between executors), counts (that differ between executors; a baseline is then held
    /// against the embedded one), missing (executors, such as embedded, that cannot run it where another can; no
    /// baseline is meant), less (fewer operations and bytes than the baseline) (repeatable)
    #[arg(long = "allow", value_name = "WHAT", value_enum)]
    pub allowed: Vec<Allowed>,
    /// Seconds after which all runs together are given up [default: 60, plus the time that timed runs may take]
    #[arg(long, value_name = "SECONDS", value_parser = whole_seconds)]
    timeout: Option<u64>,
}

/// What may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "lower")]
pub enum Allowed {
    // Accesses out of bounds
    Bounds,
    // Barriers to which not all invocations of a workgroup came
    Barriers,
    // Accesses that nothing orders
    Races,
    // Values that differ between executors
    Values,
    // Counts that differ between executors, where what is executed depends on who runs first
    Counts,
    // Executors that cannot run it
    Missing,
    // Fewer operations and bytes than the baseline
    Less,
}

impl Kernels {
    /// What is wrong where kernels are to run and no grid was given.
    pub const WITHOUT_GRID: &str = "say how many workgroups run with --dispatch X[,Y[,Z]]";

    /// Seconds after which all runs together are given up; `timing` is what timed runs may take.
    pub fn seconds(&self, timing: u64) -> u64 {
        self.timeout.unwrap_or(60 + timing)
    }

    /// The kinds of findings that pass.
    pub fn passing(&self) -> Vec<FindingKind> {
        let kinds = self.allowed.iter().filter_map(|allowed| match allowed {
            Allowed::Bounds => Some(FindingKind::Bounds),
            Allowed::Barriers => Some(FindingKind::Barrier),
            Allowed::Races => Some(FindingKind::Race),
            Allowed::Values => Some(FindingKind::Values),
            Allowed::Counts => Some(FindingKind::Counts),
            Allowed::Missing => Some(FindingKind::Missing),
            Allowed::Less => None,
        });
        kinds.collect()
    }

    /// What counts have to be, beside the earlier report's.
    pub fn held_to(&self) -> anyhow::Result<HeldTo> {
        let less = self.allows_less();
        match &self.limits[..] {
            [] if !less => Ok(HeldTo::Same),
            [] if self.baseline.is_some() => Ok(HeldTo::Less),
            [] => bail!("--allow less is about --baseline: say which report it is less than"),
            _ if self.baseline.is_none() => {
                bail!("--fail-on is about --baseline: say which report it has no more than")
            }
            _ if less => bail!(
                "--allow less is about each count, and --fail-on about their sums: leave one of them out"
            ),
            limits => match limits.iter().find(|limit| limit.is_of_time()) {
                Some(limit) => bail!(
                    "--fail-on {limit}: --baseline holds counts alone; compare judges the times of two saved reports of \
                     shader"
                ),
                None => Ok(HeldTo::Limits(limits.to_vec())),
            },
        }
    }

    /// Whether sums are limited.
    pub fn has_limits(&self) -> bool {
        !self.limits.is_empty()
    }

    /// Whether fewer operations and bytes than the baseline's pass.
    pub fn allows_less(&self) -> bool {
        self.allowed.contains(&Allowed::Less)
    }

    /// Lets pass what passes for `others`, too.
    pub fn allow_too(&mut self, others: &Self) {
        self.allowed.extend(&others.allowed);
    }

    /// An option that was given, which a command without kernels has no use for.
    pub fn any(&self) -> Option<&'static str> {
        self.of_one().or_else(|| self.of_a_run())
    }

    /// An option that was given of how one kernel is run, which several have each for itself.
    pub fn of_one(&self) -> Option<&'static str> {
        let its = self.of_its_text().or_else(|| self.of_its_run());
        its.or_else(|| first([("--timeout", self.timeout.is_some())]))
    }

    /// An option that was given and that says nothing where no kernel runs.
    pub fn of_a_run(&self) -> Option<&'static str> {
        self.of_its_run().or_else(|| {
            first([
                ("--baseline", self.baseline.is_some()),
                ("--fail-on", !self.limits.is_empty()),
                ("--allow", !self.allowed.is_empty()),
            ])
        })
    }

    /// An option of what is compiled, and over which grid.
    fn of_its_text(&self) -> Option<&'static str> {
        first([
            ("--dispatch", !self.dispatches.is_empty()),
            ("--override", !self.constants.is_empty()),
            ("-D", !self.defines.is_empty()),
            ("-I", !self.folders.is_empty()),
        ])
    }

    /// An option of what runs, on what, and what is wanted of it.
    fn of_its_run(&self) -> Option<&'static str> {
        first([
            ("--entry", !self.entries.is_empty()),
            ("--immediate", !self.immediates.is_empty()),
            ("--bind", !self.bindings.is_empty()),
            ("--expect", !self.expected.is_empty()),
        ])
    }
}

/// The first option that was given.
fn first<const N: usize>(options: [(&'static str, bool); N]) -> Option<&'static str> {
    options.into_iter().find_map(|(option, is_given)| is_given.then_some(option))
}
