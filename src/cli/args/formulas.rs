//! What a user may type after `formulas`.

use clap::Args;

use flopmeter::{model::Optimizer, op::Convention};

use super::{
    exports::Exports,
    shared::{Ahead, LowRank, Recomputed},
    values::{Conventions, optimizer},
};

#[derive(Debug, Args)]
pub struct Formulas {
    /// A decoder's preset (qwen2.5-0.5b, llama-3.1-8b, mixtral-8x7b ...) or a folder with config.json and
    /// optionally a peft adapter
    #[arg(value_name = "MODEL", default_value = "qwen2.5-0.5b")]
    pub name: String,
    /// Sequences in a batch, or in each micro-batch
    #[arg(long, value_name = "N", default_value_t = 1)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    pub batch: u32,
    /// Tokens in a sequence [default: 512, the model's positions where those are fewer, or what --pack adds up to]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub seq: Option<u32>,
    /// Sequences that are packed into each row of the batch, as in 512,300,212: none attends to another
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    pub pack: Vec<u32>,
    /// These formulas alone, by the names of the table, as in 6nt,palm: all that is known of each
    #[arg(long = "formula", value_name = "LIST", value_delimiter = ',')]
    pub names: Vec<String>,
    /// Override a field of the model's configuration (repeatable)
    #[arg(long = "set", value_name = "KEY=VALUE")]
    overrides: Vec<String>,
    #[command(flatten)]
    adapters: LowRank,
    /// What of the forward pass runs again in the backward pass
    #[arg(long, value_name = "WHAT", default_value = "none", value_enum)]
    pub recompute: Recomputed,
    /// Take N micro-batches of --batch rows each, and sum their gradients before one update
    #[arg(long, value_name = "N", default_value_t = 1)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    pub accumulate: u32,
    /// How parameters follow their gradients
    #[arg(long, value_name = "NAME", default_value = "adamw", value_parser = optimizer())]
    pub optimizer: Optimizer,
    /// How operations become FLOPs in the exact count; a file has one's own prices
    #[arg(long, value_name = "NAME|FILE.toml", default_value = "ieee", value_parser = Conventions)]
    pub convention: Convention,
    #[command(flatten)]
    pub ahead: Ahead,
    #[command(flatten)]
    pub exports: Exports,
}

impl Formulas {
    /// Every override of the configuration.
    pub fn overrides(&self) -> Vec<String> {
        self.overrides.iter().cloned().chain(self.adapters.overrides()).collect()
    }
}
