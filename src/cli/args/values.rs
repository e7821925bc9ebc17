//! What a user types as one option's value.

use std::{path::PathBuf, str::FromStr};

use clap::builder::{PossibleValuesParser, TypedValueParser};

use flopmeter::{
    choice::KernelSet,
    forecast::{NAMED_PEAKS, named_peak},
    model::Optimizer,
    op::Convention,
    shader::{BindingKey, BufferFill, Expectation},
};

/// A whole number, or one with an exponent.
pub(super) fn whole<T: TryFrom<u128> + FromStr>(text: &str) -> Result<T, String> {
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

/// Seconds that something takes.
pub(super) fn some_seconds(text: &str) -> Result<f64, String> {
    let seconds = text.parse::<f64>().ok().filter(|seconds| (1e-3..=1e6).contains(seconds));
    seconds.ok_or_else(|| "say a number of seconds from 0.001 to 1000000, as in 2".to_owned())
}

pub(super) fn optimizer() -> impl TypedValueParser<Value = Optimizer> {
    PossibleValuesParser::new(Optimizer::ALL.map(Optimizer::name))
        .try_map(|name| name.parse::<Optimizer>())
}

pub(super) fn kernel_set() -> impl TypedValueParser<Value = KernelSet> {
    PossibleValuesParser::new(KernelSet::ALL.map(KernelSet::name))
        .try_map(|name| name.parse::<KernelSet>())
}

pub(super) fn convention() -> impl TypedValueParser<Value = Convention> {
    PossibleValuesParser::new(Convention::ALL.map(Convention::name))
        .try_map(|name| name.parse::<Convention>())
}

/// FLOPs a second, as a number or as a device's by name.
pub(super) fn peak(text: &str) -> Result<f64, String> {
    if let Some(peak) = named_peak(text) {
        return Ok(peak.flops_per_second);
    }
    text.parse().map_err(|_| {
        let names = NAMED_PEAKS.iter().map(|peak| peak.name);
        format!("say a number, as 67e12, or one of {}", names.collect::<Vec<_>>().join(", "))
    })
}

/// `X[,Y[,Z]]`.
pub(super) fn extent(text: &str) -> Result<[u32; 3], String> {
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
pub(super) fn constant(text: &str) -> Result<(String, f64), String> {
    let (name, value) = text.split_once('=').ok_or("say NAME=VALUE")?;
    let value = match value {
        "true" => 1.0,
        "false" => 0.0,
        _ => value.parse().map_err(|_| format!("'{value}' is no number"))?,
    };
    Ok((name.to_owned(), value))
}

/// `NAME=VALUE`, where the kernel says what numbers the value is of.
pub(super) fn immediate(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() && !value.is_empty() => {
            Ok((name.to_owned(), value.to_owned()))
        }
        _ => Err("say NAME=VALUE, such as scale=0.5, or at=1,2,3 for a vector".to_owned()),
    }
}

/// `NAME[=VALUE]`; a macro without a value stands for 1.
pub(super) fn define(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').unwrap_or((text, "1"));
    let is_word = name.chars().all(|c| c.is_alphanumeric() || c == '_');
    if !is_word || name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(format!("'{name}' is no name of a macro: say NAME or NAME=VALUE"));
    }
    Ok((name.to_owned(), value.to_owned()))
}

/// `GROUP.BINDING=SPEC`.
pub(super) fn fill(text: &str) -> Result<(BindingKey, BufferFill), String> {
    let (key, spec) = binding(text, "SPEC")?;
    Ok((key, spec.parse()?))
}

/// `GROUP.BINDING=FILE[:TOLERANCE]`.
pub(super) fn expectation(text: &str) -> Result<(BindingKey, Expectation), String> {
    let (key, expected) = binding(text, "FILE")?;
    Ok((key, expected.parse()?))
}

/// `GROUP.BINDING=PATH`.
pub(super) fn dump(text: &str) -> Result<(BindingKey, PathBuf), String> {
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
