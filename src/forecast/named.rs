//! Peaks of devices by name, as their makers' data sheets state them: matrix products of one device, dense,
//! without structured sparsity. What this crate's kernels compute with is f32; counts do not depend on that,
//! and a peak is only what a run elsewhere is held against.

use serde::{Deserialize as _, Deserializer, Serialize};

/// A device's peak for one type of numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NamedPeak {
    /// The device and the type of numbers.
    pub name: &'static str,
    /// FLOPs a second.
    pub flops_per_second: f64,
    /// The data sheet.
    pub source: &'static str,
}

const fn peak(name: &'static str, tera: f64, source: &'static str) -> NamedPeak {
    NamedPeak { name, flops_per_second: tera * 1e12, source }
}

const A100: &str = "NVIDIA A100 Tensor Core GPU data sheet";
const H100: &str =
    "NVIDIA H100 Tensor Core GPU data sheet, SXM; half of what it states with sparsity";
const H100_PCIE: &str =
    "NVIDIA H100 Tensor Core GPU data sheet, PCIe; half of what it states with sparsity";
const H200: &str = "NVIDIA H200 Tensor Core GPU data sheet; half of what it states with sparsity";
const L4: &str = "NVIDIA L4 data sheet; half of what it states with sparsity";
const L40S: &str = "NVIDIA L40S data sheet, without sparsity";
const V100: &str = "NVIDIA V100 data sheet, SXM2";
const ADA: &str = "NVIDIA Ada GPU architecture white paper, f32 accumulation";
const MI250X: &str = "AMD Instinct MI250X data sheet, both dies";
const MI300X: &str = "AMD Instinct MI300X data sheet";
const MI325X: &str = "AMD Instinct MI325X data sheet";
const MI355X: &str = "AMD Instinct MI355X data sheet, without sparsity";
const B200: &str =
    "NVIDIA HGX B200 data sheet, one of its eight; half of what it states with sparsity";
const B300: &str =
    "NVIDIA HGX B300 data sheet, one of its eight; half of what it states with sparsity";
const GB200: &str =
    "NVIDIA GB200 NVL72 data sheet, one of its 72; half of what it states with sparsity";
const TPU: &str = "Google Cloud TPU documentation, one chip";

/// Every named peak.
pub const NAMED_PEAKS: &[NamedPeak] = &[
    peak("v100-f16", 125.0, V100),
    peak("v100-f32", 15.7, V100),
    peak("a100-bf16", 312.0, A100),
    peak("a100-tf32", 156.0, A100),
    peak("a100-f32", 19.5, A100),
    peak("h100-bf16", 989.5, H100),
    peak("h100-fp8", 1979.0, H100),
    peak("h100-f32", 67.0, H100),
    peak("h100-pcie-bf16", 756.5, H100_PCIE),
    peak("h200-bf16", 989.5, H200),
    peak("h200-fp8", 1979.0, H200),
    peak("b200-bf16", 2250.0, B200),
    peak("b200-fp8", 4500.0, B200),
    peak("b300-bf16", 2250.0, B300),
    peak("b300-fp8", 4500.0, B300),
    peak("gb200-bf16", 2500.0, GB200),
    peak("gb200-fp8", 5000.0, GB200),
    peak("l4-bf16", 121.0, L4),
    peak("l40s-bf16", 362.05, L40S),
    peak("rtx4090-bf16", 165.2, ADA),
    peak("rtx4090-f32", 82.6, ADA),
    peak("mi250x-bf16", 383.0, MI250X),
    peak("mi300x-bf16", 1307.4, MI300X),
    peak("mi300x-f32", 163.4, MI300X),
    peak("mi325x-bf16", 1307.4, MI325X),
    peak("mi355x-bf16", 2516.6, MI355X),
    peak("mi355x-fp8", 5033.2, MI355X),
    peak("tpu-v4-bf16", 275.0, TPU),
    peak("tpu-v5e-bf16", 197.0, TPU),
    peak("tpu-v5p-bf16", 459.0, TPU),
    peak("tpu-v6e-bf16", 918.0, TPU),
    peak("tpu-v7x-bf16", 2307.0, TPU),
    peak("tpu-v7x-fp8", 4614.0, TPU),
];

/// The peak of this name.
pub fn named_peak(name: &str) -> Option<NamedPeak> {
    NAMED_PEAKS.iter().copied().find(|peak| peak.name == name)
}

/// The name of a peak that this version knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct PeakName(&'static str);

impl PeakName {
    /// The name, where there is such a peak.
    pub fn of(name: &str) -> Option<Self> {
        named_peak(name).map(|peak| Self(peak.name))
    }

    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

/// The name of a peak in a saved report; none where this version knows no such peak.
pub(super) fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Option<PeakName>, D::Error> {
    let name: Option<String> = Option::deserialize(from)?;
    Ok(name.and_then(|name| PeakName::of(&name)))
}
