//! What a user may type of `flopmeter shader`.

use std::path::PathBuf;

use clap::Args;

use flopmeter::{op::Convention, shader::BindingKey};

use super::{
    Exports, Kernels, Races, Timed, Under,
    shared::SUBGROUP_SIZE,
    values::{Conventions, dump},
};

#[derive(Debug, Args)]
pub struct Shader {
    /// WGSL, WESL, GLSL or SPIR-V with a compute entry point, told by its first bytes, then by its ending (.wesl is WESL,
    /// .comp and .glsl are GLSL); - is standard input, of any of them but WESL
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    #[command(flatten)]
    pub kernels: Kernels,
    /// Run again whenever the file, or a file that it includes or imports, changes, and show what moved since the
    /// run before, until ctrl-C
    #[arg(long, requires = "dispatches")]
    pub watch: bool,
    /// Write a buffer's bytes after the run; - is standard output (repeatable)
    #[arg(long = "dump", value_name = "GROUP.BINDING=PATH", value_parser = dump, requires = "dispatches")]
    pub dumps: Vec<(BindingKey, PathBuf)>,
    /// auto (a real GPU, else a software adapter, else embedded), gpu, software, embedded, or part of
    /// an adapter's name
    #[arg(long, value_name = "NAME", default_value = "auto")]
    pub adapter: String,
    #[arg(long, value_name = "N", help = SUBGROUP_SIZE)]
    pub subgroup_size: Option<u32>,
    #[command(flatten)]
    pub races: Races,
    /// How operations become FLOPs; a file has one's own prices
    #[arg(long, value_name = "NAME|FILE.toml", default_value = "ieee", value_parser = Conventions)]
    pub convention: Convention,
    /// Timed runs of the plain kernel; 0 counts only. A GPU's clock is raised before each, by work of
    /// no interest
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub repeat: u32,
    #[command(flatten)]
    pub timed: Timed,
    #[command(flatten)]
    pub under: Under,
    #[command(flatten)]
    pub exports: Exports,
}
