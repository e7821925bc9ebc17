//! Any Hugging Face decoder: `llama`, `mistral`, `qwen2`, `qwen3`, `mixtral`, `qwen2_moe`, `qwen3_moe` and
//! `gemma2`. One configuration for all of them, the tensors that a checkpoint of it holds, and the algebra
//! of a training step. Nothing here runs: what a member costs is known without a kernel for it.
//!
//! Shape letters: H hidden width, L layers, n heads, kv key and value heads, d the width of a head,
//! I intermediate width, V vocabulary, E experts, K experts of a token, r rank of an adapter,
//! B sequences of S tokens, T = B S.

mod adapters;
mod config;
mod linear;
mod preset;
mod step;
mod tensors;

pub use adapters::{Adapter, Adapters, Targets};
pub use config::{Biases, DecoderConfig, Experts, Gemma, Layer, Member, Mlp, Rope, Scaling};
pub use linear::{Linear, Place};
pub use preset::{PRESETS, preset};
pub use step::{Part, Pass, Tokens, Training, Work};
pub use tensors::Tensor;

pub use crate::exact::{Exact, Phases};
