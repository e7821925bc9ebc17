//! What a user may type. Names and defaults only; nothing is resolved here.

use std::{path::PathBuf, str::FromStr};

use clap::{
    Args, ColorChoice, Parser, Subcommand, ValueEnum,
    builder::{PossibleValuesParser, TypedValueParser},
};
use clap_complete::Shell;

use flopmeter::{
    execute::{Embedded, cpu::SUBGROUP_LANES},
    forecast::{Extent, Peak, Question},
    model::{
        AskedShape, Lora, Optimizer,
        lower::{BkGradient, Scope, Training},
    },
    op::Convention,
    roofline::REPEATS,
    shader::{BindingKey, Fill},
    sweep::{AskedAxis, Shard},
};

/// Counts the floating-point operations that GPU kernels really execute, and checks the formulas
/// quoted for them.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Exit codes: 0 everything holds; 1 it ran and a check failed; 2 it could not run."
)]
pub struct Arguments {
    #[command(flatten)]
    pub common: Common,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a training step for real, count it, check it, report it
    Profile(Profile),
    /// The gate for CI: every pass on every adapter present; exit 1 on any difference
    Check(Check),
    /// The published estimator alone; no device is touched
    Estimate(Estimate),
    /// Two models, or two saved reports, side by side
    Compare(Compare),
    /// How cost grows along an axis or two; fitted exponents, published claims judged
    Scale(Scale),
    /// Join the points that the shards of a scale measured
    Merge(Merge),
    /// Any compute kernel, counted line by line
    Shader(Shader),
    /// This adapter's ceilings, measured: peaks, bandwidths, what a dispatch costs
    Roofline(Roofline),
    /// What can run here, and what `auto` would pick
    Adapters(Adapters),
    /// A script that completes these commands in a shell
    Completions(Completions),
    /// The manual page, as troff
    Man(Manual),
}

/// Options of every command.
#[derive(Debug, Args)]
pub struct Common {
    /// No progress and no log, only reports and errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// More: each layer by itself and a log (-v), debugging (-vv), everything (-vvv)
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// When to use colours
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", value_enum)]
    pub color: ColorChoice,
    /// No progress bar
    #[arg(long, global = true)]
    pub no_progress: bool,
}

/// Where else a report goes. - is standard output, in place of the table.
#[derive(Debug, Args)]
pub struct Exports {
    /// Write the report as JSON; - is standard output, in place of the table
    #[arg(long, value_name = "PATH")]
    pub json: Option<PathBuf>,
    /// Write the report's main table as CSV, a row a component and phase (or kernel, or line)
    #[arg(long, value_name = "PATH")]
    pub csv: Option<PathBuf>,
    /// Write the report as Markdown, as for a pull request
    #[arg(long, value_name = "PATH")]
    pub markdown: Option<PathBuf>,
    /// Write the report as one file for a browser, with plots
    #[arg(long, value_name = "PATH")]
    pub html: Option<PathBuf>,
}

/// Which model, in which shape.
#[derive(Clone, Debug, Args)]
pub struct Model {
    /// A preset (resnet-bk, qwen2.5-0.5b, -1.5b, -3b, -7b) or a folder with config.json and optionally
    /// weights and a peft adapter
    #[arg(value_name = "MODEL", default_value = "resnet-bk")]
    pub name: String,
    #[command(flatten)]
    pub variant: Variant,
}

/// What of a model is asked to be otherwise, and the shape of a batch.
#[derive(Clone, Debug, Args)]
pub struct Variant {
    /// Sequences in a batch [default: 32; Qwen: 1]
    #[arg(long, value_name = "N")]
    pub batch: Option<u32>,
    /// Tokens in a sequence [default: as many as the model has positions; Qwen: 512]
    #[arg(long, value_name = "N")]
    pub seq: Option<u32>,
    /// Override a field of the model's configuration (repeatable)
    #[arg(long = "set", value_name = "KEY=VALUE")]
    overrides: Vec<String>,
    /// Qwen: train only adapters of rank R, on q_proj and v_proj unless the model's folder or
    /// --set lora_targets=.. says otherwise
    #[arg(long, value_name = "R", value_parser = clap::value_parser!(u32).range(1..))]
    lora_rank: Option<u32>,
}

impl Variant {
    /// What was said about the batch's shape.
    pub fn shape(&self) -> AskedShape {
        AskedShape { batch: self.batch, seq: self.seq }
    }

    /// Every override of the configuration.
    pub fn overrides(&self) -> Vec<String> {
        let rank = self.lora_rank.map(|rank| format!("{}={rank}", Lora::RANK));
        self.overrides.iter().cloned().chain(rank).collect()
    }
}

/// Which part of a training step, and how.
#[derive(Clone, Debug, Args)]
pub struct Step {
    /// How parameters follow their gradients
    #[arg(long, value_name = "NAME", default_value = "adamw", value_parser = optimizer())]
    pub optimizer: Optimizer,
    /// Forward only, or the whole training step
    #[arg(long, value_name = "PHASE", default_value = "step", value_enum)]
    pub phase: Phase,
}

/// What a run computes and on what data.
#[derive(Clone, Debug, Args)]
pub struct Work {
    #[command(flatten)]
    pub model: Model,
    #[command(flatten)]
    pub setup: Setup,
}

/// How a model is run, whichever it is.
#[derive(Clone, Debug, Args)]
pub struct Setup {
    #[command(flatten)]
    pub step: Step,
    /// ResNet-BK: how BK-Core's gradient is computed, as published (the default) or exactly
    #[arg(long, value_name = "HOW", value_enum)]
    pub bk_gradient: Option<Gradient>,
    /// Text (bytes as tokens) or a batch.safetensors (tokens, targets); otherwise seeded tokens
    #[arg(long, value_name = "FILE")]
    pub input: Option<PathBuf>,
    /// For weights and tokens where none are given
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Lanes in a subgroup of the embedded executor: a power of two up to 128
    #[arg(long, value_name = "N", default_value_t = SUBGROUP_LANES)]
    pub subgroup_size: u32,
}

impl Setup {
    pub fn training(&self) -> Training {
        Training {
            scope: self.step.phase.into(),
            optimizer: self.step.optimizer,
            bk_gradient: self.bk_gradient.map(BkGradient::from),
        }
    }
}

/// Whether to look for races.
#[derive(Clone, Copy, Debug, Args)]
pub struct Races {
    /// Look for races in one run on the embedded executor, untimed: accesses to one place that nothing
    /// orders, one of them writing and not both atomic; a race is a failed check
    #[arg(long)]
    pub detect_races: bool,
}

impl Races {
    /// The embedded executor that is asked for.
    pub fn on(self, subgroup: u32) -> Embedded {
        Embedded { subgroup, detect_races: self.detect_races }
    }

    /// How many timed runs make sense: none where races are looked for.
    pub fn repeats(self, asked: u32) -> u32 {
        if self.detect_races { 0 } else { asked }
    }
}

/// What is asked about many steps.
#[derive(Debug, Args)]
pub struct Ahead {
    /// Also price so many steps (forward passes with --phase forward)
    #[arg(long, value_name = "N", value_parser = whole::<u64>)]
    steps: Option<u64>,
    /// Also price as many steps as so many tokens take, as in 1e9
    #[arg(long, value_name = "N", value_parser = whole::<u64>, conflicts_with = "steps")]
    tokens: Option<u64>,
    /// Also say how many steps a budget pays for, as in 1e17
    #[arg(long, value_name = "FLOPS", value_parser = whole::<u128>)]
    budget: Option<u128>,
    /// FLOPs a second that a device could execute, as in 67e12: for times on it, and for MFU and HFU of
    /// what was timed
    #[arg(long, value_name = "FLOPS")]
    peak: Option<f64>,
    /// Which part of --peak a run makes use of, as in 0.4 [default: 1, the least time possible]
    #[arg(long, value_name = "PART", requires = "peak")]
    mfu: Option<f64>,
}

impl Ahead {
    /// What is asked, as far as it makes sense.
    pub fn question(&self) -> Result<Question, flopmeter::Error> {
        let Self { steps, tokens, budget, peak, mfu } = *self;
        let peak = peak.map(|peak| Peak::new(peak, mfu.unwrap_or(1.0))).transpose()?;
        let extent = steps.map(Extent::Steps).or(tokens.map(Extent::Tokens));
        Ok(Question { extent, budget, peak })
    }
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
    /// How operations become FLOPs
    #[arg(long, value_name = "NAME", default_value = "ieee", value_parser = convention())]
    pub convention: Convention,
    /// Timed runs of the plain kernels; 0 counts only
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub repeat: u32,
    /// Qwen: run embedding, head and one layer (with adapters two), and scale up to all layers
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
    /// Write logits, loss, gradients and updated parameters; - is standard output
    #[arg(long, value_name = "PATH")]
    pub save_tensors: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Check {
    #[command(flatten)]
    pub work: Work,
    /// Only this adapter: auto, gpu, software, embedded or part of a name [default: every one present]
    #[arg(long, value_name = "NAME")]
    pub adapter: Option<String>,
    #[command(flatten)]
    pub races: Races,
    #[command(flatten)]
    pub exports: Exports,
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
    /// Qwen: how many times wider than the model the feed-forward network is, rounded down
    #[arg(long, value_name = "RATIO")]
    pub ffn_ratio: Option<f64>,
    #[command(flatten)]
    pub exports: Exports,
}

/// Whether kernels are placed under their adapter's ceilings.
#[derive(Debug, Args)]
pub struct Under {
    /// Measure the adapter's ceilings too, 5 to 20 s more, and place each kernel under them: its share of
    /// the attainable, and whether compute or memory binds
    #[arg(long)]
    pub roofline: bool,
    /// With --roofline: draw ceilings and kernels as an SVG; - is standard output
    #[arg(long, value_name = "PATH", requires = "roofline")]
    pub svg: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Roofline {
    /// auto (a real GPU, else a software adapter, else embedded), gpu, software, embedded, or part of
    /// an adapter's name
    #[arg(long, value_name = "NAME", default_value = "auto")]
    pub adapter: String,
    /// Timed runs of each kernel
    #[arg(long, value_name = "N", default_value_t = REPEATS)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    pub repeat: u32,
    #[command(flatten)]
    pub exports: Exports,
    /// Draw the ceilings as an SVG; - is standard output, in place of the table
    #[arg(long, value_name = "PATH")]
    pub svg: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Compare {
    /// A preset, a model's folder, or a saved report (.json) of profile or estimate
    #[arg(value_name = "A")]
    a: String,
    /// What to hold against it, likewise
    #[arg(value_name = "B")]
    b: String,
    #[command(flatten)]
    variant: Variant,
    /// Override a field of A's configuration only (repeatable)
    #[arg(long = "set-a", value_name = "KEY=VALUE")]
    set_a: Vec<String>,
    /// Override a field of B's configuration only (repeatable)
    #[arg(long = "set-b", value_name = "KEY=VALUE")]
    set_b: Vec<String>,
    #[command(flatten)]
    setup: Setup,
    /// Run models for real; otherwise they are estimated
    #[arg(long)]
    pub measure: bool,
    /// Who runs A, as --adapter of profile [default: auto]
    #[arg(long, value_name = "NAME", requires = "measure")]
    adapter_a: Option<String>,
    /// Who runs B [default: auto]
    #[arg(long, value_name = "NAME", requires = "measure")]
    adapter_b: Option<String>,
    /// How operations become FLOPs [default: as in a saved report, else ieee]
    #[arg(long, value_name = "NAME", value_parser = convention())]
    pub convention: Option<Convention>,
    /// Timed runs of the plain kernels; 0 counts only
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub repeat: u32,
    #[command(flatten)]
    pub exports: Exports,
}

/// One of the two that are compared.
#[derive(Debug)]
pub struct Side {
    /// `A` or `B`.
    pub letter: char,
    /// What it is and how it would run.
    pub work: Work,
    /// Who runs it, where that was said.
    pub adapter: Option<String>,
    /// Whether anything was said that is about it alone.
    pub is_changed: bool,
}

impl Compare {
    /// Both sides, each with what is said of both and of it alone.
    pub fn sides(&self) -> [Side; 2] {
        let side = |letter, name: &String, set: &[String], adapter: &Option<String>| {
            let mut variant = self.variant.clone();
            variant.overrides.extend_from_slice(set);
            let model = Model { name: name.clone(), variant };
            Side {
                letter,
                work: Work { model, setup: self.setup.clone() },
                adapter: adapter.clone(),
                is_changed: !set.is_empty() || adapter.is_some(),
            }
        };
        [
            side('A', &self.a, &self.set_a, &self.adapter_a),
            side('B', &self.b, &self.set_b, &self.adapter_b),
        ]
    }
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
    /// ResNet-BK: measure each point with either BK-Core gradient, to hold one against the other
    #[arg(long, requires = "measure", conflicts_with = "bk_gradient")]
    pub both_gradients: bool,
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
    /// How operations become FLOPs
    #[arg(long, value_name = "NAME", default_value = "ieee", value_parser = convention())]
    pub convention: Convention,
    /// Timed runs of the plain kernels; 0 counts only
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub repeat: u32,
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
pub struct Shader {
    /// WGSL, GLSL (.comp, .glsl) or SPIR-V (.spv) with a compute entry point
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Which entry point [default: the only one]
    #[arg(long, value_name = "NAME")]
    pub entry: Option<String>,
    /// Workgroups to run
    #[arg(long, value_name = "X[,Y[,Z]]", value_parser = extent)]
    pub dispatch: [u32; 3],
    /// Set a pipeline override (repeatable)
    #[arg(long = "override", value_name = "NAME=VALUE", value_parser = constant)]
    pub overrides: Vec<(String, f64)>,
    /// Fill a buffer with zeros:COUNT, iota:COUNT, random:COUNT[:SEED], values:1,2,3 or file:PATH
    /// (repeatable; COUNT in scalars)
    #[arg(long = "bind", value_name = "GROUP.BINDING=SPEC", value_parser = fill)]
    pub bindings: Vec<(BindingKey, Fill)>,
    /// Write a buffer's bytes after the run; - is standard output (repeatable)
    #[arg(long = "dump", value_name = "GROUP.BINDING=PATH", value_parser = dump)]
    pub dumps: Vec<(BindingKey, PathBuf)>,
    /// auto (a real GPU, else a software adapter, else embedded), gpu, software, embedded, or part of
    /// an adapter's name
    #[arg(long, value_name = "NAME", default_value = "auto")]
    pub adapter: String,
    /// Lanes in a subgroup of the embedded executor: a power of two up to 128
    #[arg(long, value_name = "N", default_value_t = SUBGROUP_LANES)]
    pub subgroup_size: u32,
    #[command(flatten)]
    pub races: Races,
    /// How operations become FLOPs
    #[arg(long, value_name = "NAME", default_value = "ieee", value_parser = convention())]
    pub convention: Convention,
    /// Timed runs of the plain kernel; 0 counts only
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub repeat: u32,
    #[command(flatten)]
    pub under: Under,
    #[command(flatten)]
    pub exports: Exports,
    /// Seconds after which all runs together are given up
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    pub timeout: u64,
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
}

#[derive(Debug, Args)]
pub struct Adapters {
    #[command(flatten)]
    pub exports: Exports,
}

impl Estimate {
    /// Whether the steps that are priced train.
    pub fn training(&self) -> bool {
        self.step.phase == Phase::Step && !self.inference
    }
}

/// `--phase`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Phase {
    Forward,
    Step,
}

impl From<Phase> for Scope {
    fn from(phase: Phase) -> Self {
        match phase {
            Phase::Forward => Self::Forward,
            Phase::Step => Self::Step,
        }
    }
}

/// `--bk-gradient`.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Gradient {
    Hybrid,
    Exact,
}

impl From<Gradient> for BkGradient {
    fn from(gradient: Gradient) -> Self {
        match gradient {
            Gradient::Hybrid => Self::Hybrid,
            Gradient::Exact => Self::Exact,
        }
    }
}

/// A whole number, or one with an exponent.
fn whole<T: TryFrom<u128> + FromStr>(text: &str) -> Result<T, String> {
    if let Ok(whole) = text.parse() {
        return Ok(whole);
    }
    let number = text.parse::<f64>().map_err(|error| error.to_string())?;
    // Above 2^53 every f64 is whole; what is below and has a fraction counts nothing.
    let whole =
        (number.fract() == 0.0 && (0.0..3.4e38).contains(&number)).then_some(number as u128);
    let most = if size_of::<T>() > 8 { "3.4e38" } else { "1.8e19" };
    let fits = whole.and_then(|whole| T::try_from(whole).ok());
    fits.ok_or_else(|| format!("say a whole number from 0 to {most}"))
}

fn optimizer() -> impl TypedValueParser<Value = Optimizer> {
    PossibleValuesParser::new(Optimizer::ALL.map(Optimizer::name))
        .try_map(|name| name.parse::<Optimizer>())
}

fn convention() -> impl TypedValueParser<Value = Convention> {
    PossibleValuesParser::new(Convention::ALL.map(Convention::name))
        .try_map(|name| name.parse::<Convention>())
}

/// `X[,Y[,Z]]`.
fn extent(text: &str) -> Result<[u32; 3], String> {
    let mut extent = [1; 3];
    let parts: Vec<&str> = text.split(',').collect();
    if parts.len() > extent.len() {
        return Err("a dispatch has three extents at most: X,Y,Z".to_owned());
    }
    for (slot, part) in extent.iter_mut().zip(parts) {
        *slot = part.trim().parse().map_err(|_| format!("'{part}' is no number of workgroups"))?;
    }
    if extent.contains(&0) {
        return Err("a dispatch of no workgroups runs nothing".to_owned());
    }
    Ok(extent)
}

/// `NAME=VALUE`; a boolean override is true or false.
fn constant(text: &str) -> Result<(String, f64), String> {
    let (name, value) = text.split_once('=').ok_or("say NAME=VALUE")?;
    let value = match value {
        "true" => 1.0,
        "false" => 0.0,
        _ => value.parse().map_err(|_| format!("'{value}' is no number"))?,
    };
    Ok((name.to_owned(), value))
}

/// `GROUP.BINDING=SPEC`.
fn fill(text: &str) -> Result<(BindingKey, Fill), String> {
    let (key, spec) = binding(text, "SPEC")?;
    Ok((key, spec.parse()?))
}

/// `GROUP.BINDING=PATH`.
fn dump(text: &str) -> Result<(BindingKey, PathBuf), String> {
    let (key, path) = binding(text, "PATH")?;
    Ok((key, path.into()))
}

fn binding<'a>(text: &'a str, what: &str) -> Result<(BindingKey, &'a str), String> {
    let parsed = text.split_once('=').and_then(|(key, rest)| {
        let (group, binding) = key.split_once('.')?;
        Some(((group.parse().ok()?, binding.parse().ok()?), rest))
    });
    parsed.ok_or_else(|| format!("say GROUP.BINDING={what}, such as 0.1={what}"))
}
