//! Options that several commands share.

use std::path::PathBuf;

use anyhow::bail;
use clap::{Args, ColorChoice, ValueEnum};

use flopmeter::{
    choice::KernelSet,
    execute::Embedded,
    family::{AskedShape, Packing, Recompute, Scope, Training},
    forecast::{Extent, Peak, Question},
    observe::Runs,
    operation::Optimizer,
};

use super::{
    options::StepOptions,
    values::{StatedPeak, kernel_set, optimizer, part, peak, some_seconds, whole},
};

/// Options of every command.
#[derive(Clone, Debug, Args)]
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

/// Which model, in which shape.
#[derive(Clone, Debug, Args)]
pub struct Model {
    /// A preset (resnet-bk, qwen2.5-0.5b, llama-3.2-1b, mixtral-8x7b ...) or a folder with config.json and optionally
    /// weights and a peft adapter
    #[arg(value_name = "MODEL", default_value = "resnet-bk")]
    pub name: String,
    #[command(flatten)]
    pub variant: Variant,
}

/// What of a model is asked to be otherwise, and the shape of a batch.
#[derive(Clone, Debug, Args)]
pub struct Variant {
    /// Sequences in a batch, or in each micro-batch [default: 32; decoders: 1]
    #[arg(long, value_name = "N")]
    pub batch: Option<u32>,
    /// Tokens in a sequence [default: as many as the model has positions; decoders: no more than 512, or what
    /// --pack adds up to]
    #[arg(long, value_name = "N")]
    pub seq: Option<u32>,
    /// Override a field of the model's configuration (repeatable)
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(super) overrides: Vec<String>,
    #[command(flatten)]
    adapters: LowRank,
}

/// Which adapters are trained.
#[derive(Clone, Debug, Args)]
pub struct LowRank {
    /// Decoders: train only adapters of rank R, on q_proj and v_proj, or the one module that holds them, unless
    /// --lora-targets or the model's folder says otherwise
    #[arg(long, value_name = "R", value_parser = clap::value_parser!(u32).range(1..))]
    lora_rank: Option<u32>,
    /// Decoders: which linear layers carry an adapter: names with commas as in q_proj,up_proj, a regular
    /// expression of whole names, or all-linear
    #[arg(long, value_name = "LIST")]
    lora_targets: Option<String>,
}

impl LowRank {
    /// What is asked for as overrides of a configuration.
    pub fn overrides(&self) -> impl Iterator<Item = String> {
        let rank = self.lora_rank.map(|rank| format!("lora_rank={rank}"));
        let targets = self.lora_targets.as_ref();
        let targets = targets.map(|targets| format!("lora_targets={targets}"));
        rank.into_iter().chain(targets)
    }
}

impl Variant {
    /// What was said about the batch of a step.
    pub fn shape(&self, step: &Step) -> AskedShape {
        let accumulate = Some(step.accumulate);
        let packed = step.packed().tokens().and_then(|tokens| u32::try_from(tokens).ok());
        let longest = step.packed().longest();
        AskedShape { batch: self.batch, seq: self.seq.or(packed), accumulate, longest }
    }

    /// Every override of the configuration.
    pub fn overrides(&self) -> Vec<String> {
        self.overrides.iter().cloned().chain(self.adapters.overrides()).collect()
    }
}

/// Which part of a training step, and how.
#[derive(Clone, Debug, Args)]
pub struct Step {
    /// How parameters follow their gradients
    #[arg(long, value_name = "NAME", default_value = "adamw", value_parser = optimizer())]
    pub optimizer: Optimizer,
    /// Forward only, or the whole training step [default: step]
    #[arg(long, value_name = "PHASE", value_enum)]
    pub phase: Option<Phase>,
    /// Take N micro-batches of --batch sequences each, one after the other, and sum their gradients before one
    /// update
    #[arg(long, value_name = "N", default_value_t = 1)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    pub accumulate: u32,
    /// What of the forward pass runs again in the backward pass instead of being kept
    #[arg(long, value_name = "WHAT", default_value = "none", value_enum)]
    pub recompute: Recomputed,
    /// Decoders: sequences that are packed into each row of the batch, as in 512,300,212; attention stays within each
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    pack: Vec<u32>,
}

impl Step {
    /// The step without what only a run knows.
    pub fn training(&self) -> Training {
        let Self { optimizer, phase, accumulate, recompute, .. } = *self;
        let (scope, recompute) = (phase.unwrap_or(Phase::Step).into(), recompute.into());
        Training { scope, accumulate, recompute, packed: self.packed(), ..optimizer.into() }
    }

    fn packed(&self) -> Packing {
        Packing::new(self.pack.clone())
    }
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
    #[command(flatten)]
    pub options: StepOptions,
    /// Which kernels run: auto (the best on the adapter), portable (none whose lanes share what they load), subgroup
    /// (those that do, on adapters with subgroups of 4 to 64), workgroup (those whose workgroups do, on any adapter),
    /// matrix (those whose subgroups multiply cooperative matrices, with --precision f16) or chunks (lanes share
    /// BK-Core's recursions, on any adapter, and execute more)
    #[arg(long, value_name = "SET", default_value = "auto", value_parser = kernel_set())]
    pub kernels: KernelSet,
    /// Text (bytes as tokens) or a batch.safetensors (tokens, targets); otherwise seeded tokens
    #[arg(long, value_name = "FILE")]
    pub input: Option<PathBuf>,
    /// For weights and tokens where none are given
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    #[arg(long, value_name = "N", help = SUBGROUP_SIZE)]
    subgroup_size: Option<u32>,
}

/// What `--subgroup-size` says of itself.
pub const SUBGROUP_SIZE: &str = "Lanes in a subgroup of the embedded executor: a power of two up to 128 [default: 32; \
     as many as the first adapter has where a check runs on all of them]";

/// Lanes in a subgroup of the embedded executor, where they were asked for. An adapter has its own, so none may be asked
/// for with one; where no adapter is named, every one runs, the embedded executor among them.
pub fn subgroup_lanes(asked: Option<u32>, adapter: Option<&str>) -> anyhow::Result<Option<u32>> {
    if let (Some(lanes), Some(adapter)) = (asked, adapter.filter(|&name| name != "embedded")) {
        bail!(
            "--subgroup-size {lanes} is the embedded executor's, and --adapter {adapter} may be another: \
             add --adapter embedded, or leave --subgroup-size out"
        );
    }
    Ok(asked)
}

impl Setup {
    /// [`subgroup_lanes`] of what was asked.
    pub fn lanes(&self, adapter: Option<&str>) -> anyhow::Result<Option<u32>> {
        subgroup_lanes(self.subgroup_size, adapter)
    }

    pub fn training(&self) -> Training {
        Training { options: self.options.chosen(), ..self.step.training() }
    }
}

/// Whether kernels are chosen by their times.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct Tuned {
    /// Time the kernels of this adapter again (half a minute), and keep which are fastest for later runs; on a GPU that
    /// is done at its first run without being asked, on a processor never
    #[arg(long, conflicts_with = "no_tune")]
    pub tune: bool,
    /// Take the kernels that suit adapters of this kind, whatever was timed
    #[arg(long)]
    pub no_tune: bool,
}

/// Whether to look for races.
#[derive(Clone, Copy, Debug, Args)]
pub struct Races {
    /// Look for races in one untimed run on the embedded executor: accesses to one place that nothing orders, one of them
    /// writing and not both atomic; a race is a failed check. shader and profile need --adapter embedded for it, check
    /// of a kernel always does it
    #[arg(long)]
    pub detect_races: bool,
}

impl Races {
    /// The embedded executor that is asked for.
    pub fn on(self, subgroup: Option<u32>) -> Embedded {
        Embedded { subgroup, detect_races: self.detect_races, ..Embedded::default() }
    }

    /// The timed runs that make sense: none where races are looked for.
    pub fn runs(self, asked: Runs) -> Runs {
        if self.detect_races { 0.into() } else { asked }
    }
}

/// How long something runs to be timed.
#[derive(Clone, Copy, Debug, Args)]
pub struct Timed {
    /// Go on with timed runs until they took SECONDS together and half of them lie within 2 %, and no longer than four
    /// times that; a tenth of SECONDS of untimed runs comes first
    #[arg(long, value_name = "SECONDS", value_parser = some_seconds, allow_negative_numbers = true)]
    min_time: Option<f64>,
}

impl Timed {
    /// At least so many timed runs, and as long as was asked for.
    pub fn runs(self, repeat: u32) -> anyhow::Result<Runs> {
        match self.min_time {
            None => Ok(repeat.into()),
            Some(_) if repeat == 0 => {
                bail!(
                    "--min-time is about timed runs, and --repeat 0 asks for none: leave one of them out"
                )
            }
            Some(seconds) => Ok(Runs::from(repeat).for_seconds(seconds)),
        }
    }

    /// Seconds that timed runs may take beyond those of a command without them.
    pub fn patience(self) -> u64 {
        let longest = (Runs::PATIENCE + 1.0) * self.min_time.unwrap_or(0.0);
        longest.ceil() as u64
    }
}

/// What is asked about many steps.
#[derive(Debug, Args)]
pub struct Ahead {
    /// Also price so many steps, or so many forward passes where only those are asked for
    #[arg(long, value_name = "N", value_parser = whole::<u64>)]
    steps: Option<u64>,
    /// Also price as many steps as so many tokens take, as in 1e9
    #[arg(long, value_name = "N", value_parser = whole::<u64>, conflicts_with = "steps")]
    tokens: Option<u64>,
    /// Also say how many steps a budget pays for, as in 1e17
    #[arg(long, value_name = "FLOPS", value_parser = whole::<u128>)]
    budget: Option<u128>,
    /// FLOPs a second that a device could execute, as in 67e12 or h100-bf16 (dense, from data sheets): for
    /// times on it, and, where runs are timed, for their MFU and HFU
    #[arg(long, value_name = "FLOPS|NAME", value_parser = peak)]
    peak: Option<StatedPeak>,
    /// Which part of --peak a run makes use of, as in 0.4 [default: 1, the least time possible]
    #[arg(long, value_name = "PART", requires = "peak", value_parser = part)]
    mfu: Option<f64>,
    /// How many devices of that peak work together
    #[arg(long, value_name = "N", requires = "peak", default_value_t = 1)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    devices: u32,
}

impl Ahead {
    /// What is asked, as far as it makes sense.
    pub fn question(&self) -> Result<Question, flopmeter::Error> {
        let Self { steps, tokens, budget, peak, mfu, devices } = *self;
        let together = |StatedPeak { flops_per_second, name }| {
            Peak::together(devices, name, flops_per_second, mfu.unwrap_or(1.0))
        };
        let peak = peak.map(together).transpose()?;
        let extent = steps.map(Extent::Steps).or(tokens.map(Extent::Tokens));
        Ok(Question { extent, budget, peak })
    }
}

/// Whether kernels are placed under their adapter's ceilings.
#[derive(Debug, Args)]
pub struct Under {
    /// Measure the adapter's ceilings too, 5 to 20 s more, and place each kernel under them: its share of
    /// the attainable, and whether compute, storage or workgroup memory binds, or none
    #[arg(long)]
    pub roofline: bool,
    /// With --roofline: draw ceilings and kernels as an SVG; - is standard output
    #[arg(long, value_name = "PATH", requires = "roofline")]
    pub svg: Option<PathBuf>,
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

/// `--recompute`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Recomputed {
    None,
    Layers,
}

impl From<Recomputed> for Recompute {
    fn from(what: Recomputed) -> Self {
        match what {
            Recomputed::None => Self::None,
            Recomputed::Layers => Self::Layers,
        }
    }
}
