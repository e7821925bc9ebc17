//! What a user types as one option's value.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
};

use clap::{
    Arg, Command,
    builder::{PossibleValue, PossibleValuesParser, StringValueParser, TypedValueParser},
};

use super::prices;
use flopmeter::{
    choice::KernelSet,
    forecast::{NAMED_PEAKS, PeakName, named_peak},
    model::Optimizer,
    op::Convention,
    shader::{BindingKey, BufferFill, Expectation},
};

/// A whole number, or one with an exponent.
pub(super) fn whole<T: TryFrom<u128>>(text: &str) -> Result<T, String> {
    let most = if size_of::<T>() > 8 { "3.4e38" } else { "1.8e19" };
    decimal(text)
        .and_then(|whole| T::try_from(whole).ok())
        .ok_or_else(|| format!("say a whole number from 0 to {most}, such as 1000000 or 1e12"))
}

/// A whole number that is written with a point or an exponent, to its last digit; `None` where it is none.
fn decimal(text: &str) -> Option<u128> {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let fraction = fraction.trim_end_matches('0');
    let exponent =
        exponent.parse::<i32>().ok()?.checked_sub(i32::try_from(fraction.len()).ok()?)?;
    let digits = format!("{whole}{fraction}");
    let is_number = !whole.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    let digits: u128 = is_number.then(|| digits.parse().ok())??;
    if digits == 0 {
        return Some(0);
    }
    let power = 10_u128.checked_pow(exponent.unsigned_abs())?;
    if exponent >= 0 {
        digits.checked_mul(power)
    } else {
        digits.is_multiple_of(power).then(|| digits / power)
    }
}

/// Seconds that something takes.
pub(super) fn some_seconds(text: &str) -> Result<f64, String> {
    let seconds = text.parse::<f64>().ok().filter(|seconds| (1e-3..=1e6).contains(seconds));
    seconds.ok_or_else(|| "say a number of seconds from 0.001 to 1000000, as in 2".to_owned())
}

/// A part of a whole; what makes no sense as one is for who takes it to say.
pub(super) fn part(text: &str) -> Result<f64, String> {
    let percent = text.strip_suffix('%').and_then(|percent| percent.trim().parse::<f64>().ok());
    text.parse().map_err(|_| match percent {
        Some(percent) => format!("a part is of 1: write {}", percent / 100.0),
        None => "say a part of 1, as in 0.4".to_owned(),
    })
}

pub(super) fn optimizer() -> impl TypedValueParser<Value = Optimizer> {
    PossibleValuesParser::new(Optimizer::ALL.map(Optimizer::name))
        .try_map(|name| name.parse::<Optimizer>())
}

pub(super) fn kernel_set() -> impl TypedValueParser<Value = KernelSet> {
    PossibleValuesParser::new(KernelSet::ALL.map(KernelSet::name))
        .try_map(|name| name.parse::<KernelSet>())
}

/// Conventions, of which completions know those that have names.
#[derive(Clone)]
pub(super) struct Conventions;

impl TypedValueParser for Conventions {
    type Value = Convention;

    fn parse_ref(
        &self,
        command: &Command,
        option: Option<&Arg>,
        value: &OsStr,
    ) -> Result<Convention, clap::Error> {
        let parse = |text: String| convention(&text);
        StringValueParser::new().try_map(parse).parse_ref(command, option, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(Convention::ALL.into_iter().map(|known| PossibleValue::new(known.name()))))
    }
}

/// A convention by its name, by name and prices as reports hold one that has no name here, or from a file of prices.
fn convention(text: &str) -> Result<Convention, String> {
    if text.ends_with(".toml") {
        return prices::read(Path::new(text));
    }
    text.parse().map_err(|why| match text.contains(':') {
        true => why,
        false => format!("{why}, or a FILE.toml of prices"),
    })
}

/// FLOPs a second of one device, with the peak's name where it was stated by that.
#[derive(Clone, Copy, Debug)]
pub(super) struct StatedPeak {
    pub(super) flops_per_second: f64,
    pub(super) name: Option<PeakName>,
}

/// FLOPs a second, as a number or as a device's by name.
pub(super) fn peak(text: &str) -> Result<StatedPeak, String> {
    if let Some(peak) = named_peak(text) {
        let (flops_per_second, name) = (peak.flops_per_second, PeakName::of(peak.name));
        return Ok(StatedPeak { flops_per_second, name });
    }
    match text.parse() {
        Ok(number) if (1e-3..LEAST_PEAK).contains(&number) => Err(format!(
            "that is {number} FLOPs a second, which no device is so slow as to have: say {number}e12 for {number} TFLOP/s, \
             {number}e9 for {number} GFLOP/s"
        )),
        Ok(number) if number > 0.0 && number < 1e-3 => {
            Err("no device is so slow: say FLOPs a second, as in 67e12".to_owned())
        }
        Ok(flops_per_second) => Ok(StatedPeak { flops_per_second, name: None }),
        Err(_) => Err(known_peaks(text)),
    }
}

/// FLOPs a second below which a peak was stated in another unit.
const LEAST_PEAK: f64 = 1e6;

/// The peaks that are known by name, those of one device where a text begins as theirs do.
fn known_peaks(text: &str) -> String {
    let names = || NAMED_PEAKS.iter().map(|peak| peak.name);
    let is_of = |name: &&str| name.strip_prefix(text).is_some_and(|rest| rest.starts_with('-'));
    let of_device: Vec<&str> = names().filter(is_of).collect();
    match &of_device[..] {
        [] => {
            format!("say a number, as 67e12, or one of {}", names().collect::<Vec<_>>().join(", "))
        }
        of_device => format!(
            "a peak is of one device and one type of numbers: known are {}; say any other as a number, as 67e12",
            of_device.join(", ")
        ),
    }
}

/// The same where the peak's name is not wanted.
pub(super) fn peak_flops(text: &str) -> Result<f64, String> {
    peak(text).map(|peak| peak.flops_per_second)
}

/// A whole number of seconds above 0.
pub(super) fn whole_seconds(text: &str) -> Result<u64, String> {
    let seconds = text.parse().ok().filter(|seconds| *seconds > 0);
    seconds.ok_or_else(|| "say whole seconds from 1 up, without a unit, as in 120".to_owned())
}

/// `X[,Y[,Z]]`.
pub(super) fn extent(text: &str) -> Result<[u32; 3], String> {
    let mut extent = [1; 3];
    let parts: Vec<&str> = text.split(',').collect();
    if parts.len() > extent.len() {
        return Err("a dispatch has three extents at most: X,Y,Z".to_owned());
    }
    for (slot, part) in extent.iter_mut().zip(parts) {
        let most = u32::MAX;
        let part = part.trim();
        let is_whole = !part.is_empty() && part.bytes().all(|digit| digit.is_ascii_digit());
        *slot = part.parse().map_err(|_| match is_whole {
            true => format!(
                "{part} workgroups are more than the {most} that any dispatch has along a dimension: have each \
                 invocation do more, or say several with X,Y,Z"
            ),
            false => with_commas(text).unwrap_or_else(|| {
                format!("'{part}' is no number of workgroups, a whole number from 1 to {most}")
            }),
        })?;
    }
    if extent.contains(&0) {
        return Err("a dispatch of no workgroups runs nothing".to_owned());
    }
    Ok(extent)
}

/// What helps where extents have something else than commas between them.
fn with_commas(text: &str) -> Option<String> {
    let commas = text.replace(['x', 'X', '*', '×'], ",");
    let is_it = commas != text && extent(&commas).is_ok();
    is_it.then(|| format!("extents have commas between them: say {commas}"))
}

/// `NAME=VALUE`; a boolean override is true or false.
pub(super) fn constant(text: &str) -> Result<(String, f64), String> {
    let (name, value) = text.split_once('=').ok_or("say NAME=VALUE")?;
    let value = match value {
        "true" => 1.0,
        "false" => 0.0,
        _ => number(value)?,
    };
    Ok((name.to_owned(), value))
}

/// A number. A whole one that 64 bits of a float do not hold would be another one.
fn number(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| format!("'{text}' is no number"))?;
    match text.parse::<i128>() {
        Ok(whole) if number as i128 != whole => Err(format!(
            "{text} is more exact than the values of overrides, which are 64-bit floats: the nearest is {number}"
        )),
        _ => Ok(number),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_number_is_read_to_its_last_digit() {
        for (text, number) in [
            ("0", 0),
            ("007", 7),
            ("1.5e3", 1_500),
            ("1e12", 1_000_000_000_000),
            ("2500e-2", 25),
            ("1e38", 10_u128.pow(38)),
            ("0e99", 0),
        ] {
            assert_eq!(decimal(text), Some(number), "{text}");
        }
        for text in ["", "e3", "1.5", "-1", "1e39", "1T", "1e", "25e-2", "inf", "1e99999999999"] {
            assert_eq!(decimal(text), None, "{text}");
        }
        assert!(whole::<u64>("1T").unwrap_err().contains("such as 1000000 or 1e12"));
    }
}
