//! Model families. A family is whole in its folder: what its configurations may say, which parameters
//! follow from one, and what a training step computes. Knows no device, no kernel and no report.

pub mod decoder;
