//! What a user may type after `formulas`.

use clap::{Args, ValueEnum};

use flopmeter::{family::decoder::Adapters, model::Optimizer};

use super::{exports::Exports, shared::Ahead, values::optimizer};

#[derive(Debug, Args)]
pub struct Formulas {
    /// A decoder's preset (qwen2.5-0.5b, llama-3.1-8b, mixtral-8x7b ...) or a folder with config.json and
    /// optionally a peft adapter
    #[arg(value_name = "MODEL", default_value = "qwen2.5-0.5b")]
    pub name: String,
    /// Sequences in a batch
    #[arg(long, value_name = "N", default_value_t = 1)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    pub batch: u32,
    /// Tokens in a sequence [default: 512, or what --pack adds up to]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub seq: Option<u32>,
    /// Sequences that are packed into each row of the batch, as in 512,300,212: none attends to another
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    pub pack: Vec<u32>,
    /// Override a field of the model's configuration (repeatable)
    #[arg(long = "set", value_name = "KEY=VALUE")]
    overrides: Vec<String>,
    /// Train only adapters of rank R
    #[arg(long, value_name = "R", value_parser = clap::value_parser!(u32).range(1..))]
    lora_rank: Option<u32>,
    /// Which linear layers carry an adapter: names with commas, a regular expression, or all-linear
    /// [default: q_proj,v_proj]
    #[arg(long, value_name = "LIST")]
    lora_targets: Option<String>,
    /// What of the forward pass runs again in the backward pass
    #[arg(long, value_name = "WHAT", default_value = "none", value_enum)]
    pub recompute: Recompute,
    /// How parameters follow their gradients
    #[arg(long, value_name = "NAME", default_value = "adamw", value_parser = optimizer())]
    pub optimizer: Optimizer,
    #[command(flatten)]
    pub ahead: Ahead,
    #[command(flatten)]
    pub exports: Exports,
}

/// `--recompute`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Recompute {
    None,
    Layers,
}

impl Formulas {
    /// Every override of the configuration.
    pub fn overrides(&self) -> Vec<String> {
        let rank = self.lora_rank.map(|rank| format!("{}={rank}", Adapters::RANK));
        let targets = self.lora_targets.as_ref();
        let targets = targets.map(|targets| format!("{}={targets}", Adapters::TARGETS));
        self.overrides.iter().cloned().chain(rank).chain(targets).collect()
    }
}
