//! Evidence that models are what their users have: files read and refused, plans lowered, steps held against
//! tensors computed elsewhere, and estimates against the numbers published with them.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod budgets;
mod decoder_adapters;
mod decoder_config;
mod decoder_counts;
mod decoder_fields;
mod decoder_step;
mod estimate;
mod gemma;
mod gemma3;
mod golden;
mod gpt2;
mod gpt_neox;
mod granite;
mod lowering;
mod model_files;
mod olmo2;
mod olmo3;
mod opt;
mod overridden;
mod passed_over;
mod phi;
mod phi3;
mod precision;
mod published;
mod qwen;
mod qwen_report;
mod reference;
mod smollm3;
mod spoilt;
mod stablelm;
mod starcoder2;
mod yarn;
