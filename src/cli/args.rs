//! What a user may type. Names and defaults only; nothing is resolved here.

mod compare;
mod exports;
mod formulas;
mod given;
mod help;
mod kernel;
mod options;
mod prices;
mod shader;
mod shared;
mod slip;
mod suite;
mod values;

use std::{ffi::OsString, path::PathBuf};

use anyhow::bail;
use clap::{ArgMatches, Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use clap_complete::Shell;

use flopmeter::{
    model::lower::{Scope, Training},
    op::Convention,
    roofline::REPEATS,
    sweep::{AskedAxis, Shard},
};

pub use self::compare::{Compare, Side};
pub use self::exports::Exports;
pub use self::formulas::Formulas;
use self::given::{given, options_of};
pub use self::help::{examples, presets};
pub use self::kernel::Kernels;
pub use self::options::AskedOption;
use self::options::EveryOption;
pub use self::shader::Shader;
use self::shared::Phase;
pub use self::shared::{
    Ahead, Common, Model, Races, Setup, Step, Timed, Tuned, Under, Variant, Work, subgroup_lanes,
};
pub use self::suite::SuiteLine;
use self::values::{Conventions, peak_flops};

/// Counts the floating-point operations that GPU kernels really execute, and checks the formulas
/// quoted for them.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Exit codes: 0 everything holds; 1 it ran and a check failed; 2 it could not run. 'run' passes the \
        program's own on."
)]
pub struct Arguments {
    #[command(flatten)]
    pub common: Common,
    #[command(subcommand)]
    pub command: Command,
}

/// The program's arguments, with what `--help` says of them.
pub fn command() -> clap::Command {
    let takes_kernels = |argument: clap::Arg| {
        argument.value_name("MODEL|KERNEL").help(
            "A kernel, as a shader file with --dispatch, or a model: a preset (resnet-bk, qwen2.5-0.5b ...) or a \
             folder with config.json and optionally weights",
        )
    };
    let arguments = Arguments::command()
        .mut_subcommand("check", |check| check.mut_arg("name", takes_kernels))
        .mut_subcommand("run", Exports::beside);
    help::with_help(arguments)
}

impl Arguments {
    /// The arguments of this process.
    ///
    /// # Errors
    /// Those of clap, which include the texts of `--help` and `--version`.
    pub fn typed() -> Result<Self, clap::Error> {
        let matches = command().try_get_matches().map_err(|error| slip::told(error, &command()))?;
        let mut arguments = Self::from_arg_matches(&matches)?;
        match (&mut arguments.command, matches.subcommand()) {
            (Command::Compare(asked), Some((_, matches))) => asked.note_options(matches),
            (Command::Check(asked), Some((_, matches))) => asked.note_options(matches),
            _ => {}
        }
        Ok(arguments)
    }
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a training step for real, count it, check it, report it
    Profile(Profile),
    /// The gate for CI: a model's passes, or a kernel of yours, on every adapter present; exit 1 on any difference
    Check(Check),
    /// What a training step costs by closed forms and by a published estimator; no device is touched
    Estimate(Estimate),
    /// Published formulas beside the exact count of a step; no device is touched
    Formulas(Formulas),
    /// Two models, or two saved reports of models, kernels or programs, side by side
    Compare(Compare),
    /// How cost grows along an axis or two; fitted exponents, published claims judged
    Scale(Scale),
    /// Join the points that the shards of a scale measured
    Merge(Merge),
    /// Any compute kernel, counted line by line
    Shader(Shader),
    /// Any program that uses Vulkan, unmodified: what its compute kernels execute
    Run(Run),
    /// This adapter's ceilings, measured: peaks, bandwidths, what a dispatch costs
    Roofline(Roofline),
    /// What can run here, and what `auto` would pick
    Adapters(Adapters),
    /// A script that completes these commands in a shell
    Completions(Completions),
    /// The manual pages, as troff
    Man(Manual),
}

#[derive(Debug, Args)]
pub struct Profile {
    #[command(flatten)]
    pub work: Work,
    /// auto (a real GPU, else a software adapter, else embedded), gpu, software, embedded, or part of
    /// an adapter's name
    #[arg(long, value_name = "NAME", default_value = "auto")]
    pub adapter: String,
    #[command(flatten)]
    pub races: Races,
    #[command(flatten)]
    pub tuned: Tuned,
    /// How operations become FLOPs; a file has one's own prices
    #[arg(long, value_name = "NAME|FILE.toml", default_value = "ieee", value_parser = Conventions)]
    pub convention: Convention,
    /// Timed runs of the plain kernels; 0 counts only. A GPU's clock is raised before each, by work of
    /// no interest
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub repeat: u32,
    #[command(flatten)]
    pub timed: Timed,
    /// Decoders: run embedding, head and as many layers as it takes to have one of each kind, and scale up to all
    /// layers
    #[arg(long, conflicts_with = "save_tensors")]
    pub extrapolate: bool,
    #[command(flatten)]
    pub ahead: Ahead,
    #[command(flatten)]
    pub under: Under,
    #[command(flatten)]
    pub exports: Exports,
    /// Write the timed passes as a trace for ui.perfetto.dev or Chrome; - is standard output
    #[arg(long, value_name = "PATH")]
    pub trace: Option<PathBuf>,
    /// Write logits (of one batch, not of --accumulate), loss, gradients and updated parameters; - is standard
    /// output
    #[arg(long, value_name = "PATH")]
    pub save_tensors: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Check {
    #[command(flatten)]
    pub work: Work,
    #[command(
        flatten,
        next_help_heading = "A shader (.wgsl, .wesl, .glsl, .comp, .spv) in the place of MODEL"
    )]
    pub kernels: Kernels,
    /// Check the kernels that a file lists, each in a line of its own with its options, as in
    /// `sum.wgsl --dispatch 64 --bind 0.0=iota:4096`; # begins a comment, a line that ends with a backslash goes on in
    /// the next. --baseline is then the JSON report of such a check, and --allow is for all of them
    #[arg(long, value_name = "FILE", conflicts_with = "name")]
    pub suite: Option<PathBuf>,
    /// Only this adapter: auto, gpu, software, embedded or part of a name [default: every one present]
    #[arg(long, value_name = "NAME")]
    pub adapter: Option<String>,
    #[command(flatten)]
    pub races: Races,
    #[command(flatten)]
    pub exports: Exports,
    /// The options that were given and that are about models, not about kernels.
    #[arg(skip)]
    pub of_models: Vec<String>,
}

impl Check {
    /// Remembers which options were given.
    fn note_options(&mut self, matches: &ArgMatches) {
        self.of_models = given(matches, Self::about_models());
    }

    /// Its options that are about models alone.
    fn about_models() -> Vec<clap::Arg> {
        options_of::<Work>(&["name", "subgroup_size"])
    }
}

#[derive(Debug, Args)]
pub struct Estimate {
    #[command(flatten)]
    pub model: Model,
    #[command(flatten)]
    pub step: Step,
    #[command(flatten)]
    pub ahead: Ahead,
    /// Steps are forward passes, as with --phase forward
    #[arg(long)]
    pub inference: bool,
    /// Decoders: how many times as wide as the model (hidden_size) the feed-forward network is, rounded down, in the place
    /// of its own width (intermediate_size)
    #[arg(long, value_name = "RATIO")]
    pub ffn_ratio: Option<f64>,
    /// How operations become FLOPs in the exact count; a file has one's own prices
    #[arg(long, value_name = "NAME|FILE.toml", default_value = "ieee", value_parser = Conventions)]
    pub convention: Convention,
    #[command(flatten)]
    pub exports: Exports,
}

#[derive(Debug, Args)]
pub struct Roofline {
    /// auto (a real GPU, else a software adapter, else embedded), gpu, software, embedded, or part of
    /// an adapter's name
    #[arg(long, value_name = "NAME", default_value = "auto")]
    pub adapter: String,
    /// Timed runs of each kernel; before each, a GPU is kept busy so that its clock is high
    #[arg(long, value_name = "N", default_value_t = REPEATS)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    pub repeat: u32,
    #[command(flatten)]
    pub timed: Timed,
    #[command(flatten)]
    pub exports: Exports,
    /// Draw the ceilings as an SVG; - is standard output, in place of the table
    #[arg(long, value_name = "PATH")]
    pub svg: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Scale {
    #[command(flatten)]
    pub work: Work,
    /// What changes, and through which values: batch, seq, or a field of the model's configuration, as in
    /// seq=128,256,512; given twice, all pairs of values
    #[arg(long = "axis", value_name = "KEY=LIST", required = true)]
    pub axes: Vec<AskedAxis>,
    /// Run each point for real; otherwise all are estimated
    #[arg(long)]
    pub measure: bool,
    #[command(flatten)]
    pub every: EveryOption,
    /// Write each measured point to a file of this folder, and keep those that are there already
    #[arg(long, value_name = "DIR", requires = "measure")]
    pub out: Option<PathBuf>,
    /// Measure only the I-th of N parts of the points, I from 0; merge joins them
    #[arg(long, value_name = "I/N", requires = "out")]
    pub shard: Option<Shard>,
    /// auto (a real GPU, else a software adapter, else embedded), gpu, software, embedded, or part of
    /// an adapter's name
    #[arg(long, value_name = "NAME", default_value = "auto")]
    pub adapter: String,
    /// How operations become FLOPs; a file has one's own prices
    #[arg(long, value_name = "NAME|FILE.toml", default_value = "ieee", value_parser = Conventions)]
    pub convention: Convention,
    /// Timed runs of the plain kernels; 0 counts only. A GPU's clock is raised before each, by work of
    /// no interest
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub repeat: u32,
    #[command(flatten)]
    pub timed: Timed,
    #[command(flatten)]
    pub exports: Exports,
}

#[derive(Debug, Args)]
pub struct Merge {
    /// Files that scale --measure --out wrote, or folders of them
    #[arg(value_name = "FILE|DIR", required = true)]
    pub files: Vec<PathBuf>,
    /// Join what is there, although points are missing
    #[arg(long)]
    pub partial: bool,
    #[command(flatten)]
    pub exports: Exports,
}

#[derive(Debug, Args)]
pub struct Run {
    /// How operations become FLOPs; a file has one's own prices
    #[arg(long, value_name = "NAME|FILE.toml", default_value = "ieee", value_parser = Conventions)]
    pub convention: Convention,
    /// Run the program once, to count; otherwise it runs again without input and output, with its kernels as they are,
    /// to time them
    #[arg(long)]
    pub count_only: bool,
    /// Run it once, with its kernels as they are, to time them; nothing is counted
    #[arg(long, conflicts_with_all = ["count_only", "strict", "peak", "roofline"])]
    pub time_only: bool,
    /// A row for each dispatch too, in the order of their submission: the first 16,384 of each device
    #[arg(long)]
    pub per_dispatch: bool,
    /// FLOPs a second that the device could execute, as in 67e12 or h100-bf16 (dense, from data sheets): each kernel's
    /// share of it
    #[arg(long, value_name = "FLOPS|NAME", value_parser = peak_flops, conflicts_with = "count_only")]
    pub peak: Option<f64>,
    /// Measure the device's ceilings too, 5 to 20 s more, and place each kernel under them: its share of the
    /// attainable, and whether compute, memory or none of them binds
    #[arg(long, conflicts_with = "count_only")]
    pub roofline: bool,
    /// Exit code 1 where the program succeeds and something that it ran was not counted
    #[arg(long)]
    pub strict: bool,
    #[command(flatten)]
    pub exports: Exports,
    /// The program and its arguments, behind --
    #[arg(last = true, required = true, value_name = "PROGRAM")]
    pub program: Vec<OsString>,
}

#[derive(Debug, Args)]
pub struct Completions {
    /// Which shell
    #[arg(value_name = "SHELL", value_enum)]
    pub shell: Shell,
}

#[derive(Debug, Args)]
pub struct Manual {
    /// Of which command [default: of the program]
    #[arg(value_name = "COMMAND")]
    pub command: Option<String>,
    /// Write the pages of the program and of every command to this folder
    #[arg(long, value_name = "DIR", conflicts_with = "command")]
    pub all: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Adapters {
    /// Time the kernels of the adapter that `auto` picks (half a minute), and keep which are fastest for later runs; -v
    /// shows the times
    #[arg(long)]
    pub tune: bool,
    /// With --tune: of this adapter, as --adapter of profile
    #[arg(long, value_name = "NAME", default_value = "auto", requires = "tune")]
    pub adapter: String,
    #[command(flatten)]
    pub exports: Exports,
}

impl Arguments {
    /// Whether they have a program of the user's run.
    pub fn run_a_program(&self) -> bool {
        matches!(self.command, Command::Run(_))
    }
}

impl Estimate {
    /// The step that is priced.
    pub fn training(&self) -> anyhow::Result<Training> {
        if self.inference && self.step.phase == Some(Phase::Step) {
            bail!(
                "--inference is about forward passes, and --phase step about whole training steps: leave one of them out"
            );
        }
        let training = self.step.training();
        Ok(if self.inference { Training { scope: Scope::Forward, ..training } } else { training })
    }
}
