//! What a buffer should hold after a run: the file that has it, and how far from it each number may lie. Knows the
//! layout of buffers, and neither devices nor who asks.

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

use super::{BufferFill, elements::ratios, npy, tensor};
use crate::{
    check,
    kernel::{Layout, Number, NumberKind},
};

/// What a buffer should hold, as a user says it: `FILE[:TOLERANCE]`. The file is read as one that fills a buffer.
#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    path: PathBuf,
    /// How far a float may be off: so much of the number that is wanted, or so much where that is below 1. Integers are
    /// exact, and floats are where it is 0.
    tolerance: f64,
}

impl FromStr for Expectation {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let with_tolerance = text.rsplit_once(':').and_then(|(path, tolerance)| {
            let tolerance: f64 = tolerance.parse().ok()?;
            Some((path, tolerance))
        });
        let (path, tolerance) = with_tolerance.unwrap_or((text, 0.0));
        // What stands behind a file with an ending is no part of its name, unless it is a path or a tensor's name.
        let is_slip = with_tolerance.is_none()
            && text.rsplit_once(':').is_some_and(|(before, last)| {
                let is_file = Path::new(before).extension().is_some() && !before.contains('#');
                is_file && !last.contains(['/', '\\', '.', '#'])
            });
        if path.is_empty() || is_slip || !tolerance.is_finite() || tolerance < 0.0 {
            return Err(format!("'{text}' is no FILE[:TOLERANCE], such as want.npy:1e-5"));
        }
        Ok(Self { path: path.into(), tolerance })
    }
}

impl fmt::Display for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        if self.tolerance > 0.0 { write!(f, " within {:e}", self.tolerance) } else { Ok(()) }
    }
}

impl Expectation {
    /// The file that has it.
    pub fn path(&self) -> &Path {
        tensor::named(&self.path).map_or(&self.path, |(file, _)| file)
    }

    /// Where what is left in a buffer is not what it should be; `None` where it is. The file may have a byte for each
    /// number where `in_bytes` says how.
    ///
    /// # Errors
    /// Why the file does not say what the buffer should hold.
    pub fn differs(
        &self,
        layout: &Layout,
        in_bytes: Option<&Layout>,
        left: &[u8],
    ) -> Result<Option<String>, String> {
        let file = BufferFill::File(self.path.clone());
        let wanted = file.bytes(layout, u64::MAX).or_else(|why| {
            let bytes = in_bytes.and_then(|in_bytes| file.bytes(in_bytes, u64::MAX).ok());
            bytes.map(|bytes| ratios(&bytes)).ok_or(why)
        })?;
        if wanted.len().next_multiple_of(4) != left.len() {
            let shape = npy::shape(&self.path).map(|shape| format!(", an array of {shape}"));
            return Err(format!(
                "it fills {} bytes{}, and the buffer has {}: {} numbers",
                wanted.len(),
                shape.unwrap_or_default(),
                left.len(),
                numbers(layout, left).len()
            ));
        }
        let (left, wanted) = (numbers(layout, left), numbers(layout, &wanted));
        let mut wrong = 0_u64;
        let mut least = Some(0.0_f64);
        let mut first = None;
        let mut worst = (0.0, 0);
        for (index, (left, wanted)) in left.iter().zip(&wanted).enumerate() {
            let off = left.off(*wanted, self.tolerance);
            let Some(off) = off else { continue };
            wrong += 1;
            least = least.zip(left.least_tolerance(*wanted)).map(|(least, its)| least.max(its));
            first.get_or_insert((index, *left, *wanted));
            if off > worst.0 {
                worst = (off, index);
            }
        }
        Ok(first.map(|(index, left, want)| {
            let worst = match worst {
                (off, at) if at != index => {
                    format!("; [{at}] is furthest off, by {}", rounded(off))
                }
                (off, _) => format!(", off by {}", rounded(off)),
            };
            let [left, want] = left.beside(want);
            let lets_pass = least.and_then(|least| self.that_lets_pass(least)).unwrap_or_default();
            format!(
                "{wrong} of {} numbers, [{index}] is {left}, not {want}{worst}{lets_pass}",
                wanted.len()
            )
        }))
    }

    /// How far it lets a float be off, in words; empty where floats are to be exact.
    pub fn leeway(&self) -> String {
        if self.tolerance > 0.0 {
            format!(" by more than {:e}", self.tolerance)
        } else {
            String::new()
        }
    }

    /// Which tolerance lets all numbers pass where the one that is furthest off takes `least`; `None` where that is more
    /// than roundings make.
    fn that_lets_pass(&self, least: f64) -> Option<String> {
        /// What a long sum in single precision, or one of halves, may be off.
        const MOST: i32 = -2;
        let power = least.log10().ceil();
        let is_rounding = least > 0.0 && power <= f64::from(MOST);
        let tolerance = format!("1e{power}");
        is_rounding.then(|| {
            format!(
                "; all are within {tolerance}, and {}:{tolerance} lets that pass",
                self.path.display()
            )
        })
    }
}

/// A distance with four digits, in one piece where it is neither large nor small.
fn rounded(off: f64) -> String {
    let digits = format!("{off:.3e}");
    match digits.parse::<f64>() {
        Ok(near) if (1e-4..1e7).contains(&near) => near.to_string(),
        Ok(near) => format!("{near:e}"),
        Err(_) => digits,
    }
}

/// How far apart of their norm values may be that came of halves: eight of their last bits. A half has ten bits behind
/// its first, so one that is rounded the other way is 2^-10 off. Functions may be off by several: WGSL and Vulkan let a
/// quotient be off by two and a half, an exponential by 1 + 2|x|, and a sine by 2^-7. And whether a driver keeps more
/// bits from one operation to the next is its own business.
const HALVES: f64 = 1.0 / 128.0;

/// How far apart what two executors leave may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Leeway {
    /// How far apart two neighbours of a coarse format are at most: so much everywhere,
    pub absolute: f64,
    /// and so much of the larger one.
    pub relative: f64,
    /// How far apart all numbers are of their norm, where they are not neighbours.
    pub of_norm: f64,
}

impl Leeway {
    /// That of numbers that are rounded as arithmetic is.
    pub const ARITHMETIC: Self = Self { absolute: 0.0, relative: 0.0, of_norm: check::TOLERANCE };

    /// The same where some of them came of halves, whatever they are kept as.
    #[must_use]
    pub fn in_halves(self) -> Self {
        Self { of_norm: self.of_norm.max(HALVES), ..self }
    }

    /// Whether two numbers are the same or neighbours.
    fn has_as_neighbours(self, a: f64, b: f64) -> bool {
        // The difference of two neighbours is itself rounded.
        let apart = 1.001 * (self.absolute + self.relative * a.abs().max(b.abs()));
        a == b
            || a.is_nan() && b.is_nan()
            || a.is_finite() && b.is_finite() && (a - b).abs() <= apart
    }
}

/// Where two executors left other numbers in a buffer: integers are to be the same, and floats as
/// [`check::values_within`] has it, or neighbours of a format.
pub fn other_values(
    layout: &Layout,
    leeway: Leeway,
    (one, a): (&str, &[u8]),
    (other, b): (&str, &[u8]),
) -> Option<String> {
    let (a, b) = (numbers(layout, a), numbers(layout, b));
    let whole = |value: &Value| !matches!(value, Value::Float(_));
    let mut pairs = a.iter().zip(&b).enumerate().filter(|(_, (a, _))| whole(a));
    if let Some((index, (a, b))) = pairs.find(|(_, (a, b))| a != b) {
        return Some(format!("[{index}]: {one} left {a}, {other} left {b}"));
    }
    let neighbours = a.iter().zip(&b).all(|pair| match pair {
        (Value::Float(a), Value::Float(b)) => leeway.has_as_neighbours(*a, *b),
        (Value::Float(_) | Value::Signed(_) | Value::Unsigned(_), _) => true,
    });
    if neighbours {
        return None;
    }
    let floats = |values: &[Value]| -> Vec<f64> {
        let floats = values.iter().filter_map(|value| match value {
            Value::Float(float) => Some(*float),
            Value::Signed(_) | Value::Unsigned(_) => None,
        });
        floats.collect()
    };
    match check::values_within((one, &floats(&a)), (other, &floats(&b)), leeway.of_norm) {
        check::Verdict::Mismatch { difference } => Some(difference),
        check::Verdict::Match
        | check::Verdict::NotComparable { .. }
        | check::Verdict::Extrapolated { .. } => None,
    }
}

/// How many floats of a buffer are infinite or no numbers.
pub fn not_finite(layout: &Layout, bytes: &[u8]) -> usize {
    let is_doubtful = |value: &&Value| matches!(value, Value::Float(float) if !float.is_finite());
    numbers(layout, bytes).iter().filter(is_doubtful).count()
}

/// One number of a buffer.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Value {
    Float(f64),
    Signed(i64),
    Unsigned(u64),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Float(value) => value.fmt(f),
            Self::Signed(value) => value.fmt(f),
            Self::Unsigned(value) => value.fmt(f),
        }
    }
}

impl Value {
    /// By how much it is not another; `None` where it is near enough. One NaN is as good as another.
    fn off(self, wanted: Self, tolerance: f64) -> Option<f64> {
        match (self, wanted) {
            (Self::Float(left), Self::Float(wanted)) => {
                let near = left == wanted
                    || left.is_nan() && wanted.is_nan()
                    || wanted.is_finite()
                        && (left - wanted).abs() <= tolerance * wanted.abs().max(1.0);
                let off = (left - wanted).abs();
                (!near).then_some(if off.is_nan() { f64::INFINITY } else { off })
            }
            (left, wanted) => (left != wanted).then(|| (left.real() - wanted.real()).abs()),
        }
    }

    /// The least tolerance by which it is another; `None` where none is enough, as of integers.
    fn least_tolerance(self, wanted: Self) -> Option<f64> {
        let (Self::Float(left), Self::Float(wanted)) = (self, wanted) else { return None };
        let least = (left - wanted).abs() / wanted.abs().max(1.0);
        least.is_finite().then_some(least)
    }

    /// Both in words, floats with as many digits as tell them apart, and no fewer than four.
    fn beside(self, other: Self) -> [String; 2] {
        const MOST: usize = 17;
        let (Self::Float(a), Self::Float(b)) = (self, other) else {
            return [self, other].map(|value| value.to_string());
        };
        let rounded = |digits: usize| {
            [a, b].map(|value| {
                let text = format!("{value:.*e}", digits - 1);
                match text.parse::<f64>() {
                    Ok(near) if near == 0.0 || (1e-4..1e9).contains(&near.abs()) => {
                        near.to_string()
                    }
                    Ok(near) => format!("{near:e}"),
                    Err(_) => text,
                }
            })
        };
        let told_apart = (4..MOST).map(rounded).find(|[a, b]| a != b);
        told_apart.unwrap_or_else(|| rounded(MOST))
    }

    fn real(self) -> f64 {
        match self {
            Self::Float(value) => value,
            Self::Signed(value) => value as f64,
            Self::Unsigned(value) => value as f64,
        }
    }
}

/// The numbers in a buffer, in order.
fn numbers(layout: &Layout, bytes: &[u8]) -> Vec<Value> {
    let mut values = Vec::new();
    // Where the buffer is padded to whole words, the padding is less than an element.
    let visited = layout.each(bytes.len() as u64, |at, number| {
        let at = at as usize;
        let taken = bytes.get(at..at + usize::from(number.width)).ok_or(())?;
        values.push(value(taken, number));
        Ok::<(), ()>(())
    });
    let _ = visited;
    values
}

fn value(bytes: &[u8], Number { kind, width }: Number) -> Value {
    let mut word = [0; 8];
    word[..bytes.len()].copy_from_slice(bytes);
    let bits = u64::from_le_bytes(word);
    let spare = 64 - 8 * u32::from(width);
    match (kind, width) {
        (NumberKind::Float, 2) => Value::Float(half::f16::from_bits(bits as u16).to_f64()),
        (NumberKind::Float, 4) => Value::Float(f32::from_bits(bits as u32).into()),
        (NumberKind::Float, _) => Value::Float(f64::from_bits(bits)),
        (NumberKind::Signed, _) => Value::Signed(((bits << spare) as i64) >> spare),
        (NumberKind::Unsigned, _) => Value::Unsigned(bits),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expectation_is_a_file_and_a_tolerance() {
        let read = |text: &str| text.parse::<Expectation>().map(|its| (its.path, its.tolerance));
        assert_eq!(read("a.npy"), Ok(("a.npy".into(), 0.0)));
        assert_eq!(read("a.npy:1e-5"), Ok(("a.npy".into(), 1e-5)));
        assert_eq!(read("c:/a.bin"), Ok(("c:/a.bin".into(), 0.0)));
        assert_eq!(read("a.v1:b/c.npy"), Ok(("a.v1:b/c.npy".into(), 0.0)));
        let tensor = "a.safetensors#x:y";
        assert_eq!(read(tensor), Ok((tensor.into(), 0.0)));
        for text in ["", ":1", "a:-1", "a:inf", "a.npy:abc", "b/a.bin:", "a.npy:1e-5x"] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn neighbours_in_a_texture_are_the_same() {
        let layout = Layout::nested(Number { kind: NumberKind::Float, width: 4 }, &[2]);
        let bytes = |numbers: [f32; 2]| numbers.map(f32::to_le_bytes).concat();
        let differ = |absolute, relative, other| {
            let leeway = Leeway { absolute, relative, ..Leeway::ARITHMETIC };
            let (a, b) = (bytes([0.2, 8.0]), bytes(other));
            other_values(&layout, leeway, ("a", &a), ("b", &b)).is_some()
        };
        let step = 1.0 / 255.0;
        assert!(!differ(step, 0.0, [0.2 + step as f32, 8.0]));
        assert!(differ(step, 0.0, [0.2 + 1.5 * step as f32, 8.0]));
        assert!(!differ(0.0, 1e-3, [0.2, 8.007]));
        assert!(differ(0.0, 1e-3, [0.2, 8.02]));
        assert!(differ(0.0, 1e-3, [f32::NAN, 8.0]));
        assert!(differ(0.0, 1e-3, [0.2, f32::INFINITY]));
        let (a, b) = (bytes([0.2, 8.0]), bytes([0.2, 8.05]));
        let within = |of_norm| {
            let leeway = Leeway { of_norm, ..Leeway::ARITHMETIC };
            other_values(&layout, leeway, ("a", &a), ("b", &b)).is_none()
        };
        assert!(within(1e-2) && !within(1e-3));
        let halves = |leeway: Leeway| leeway.in_halves().of_norm;
        let coarse = Leeway { of_norm: 0.5, ..Leeway::ARITHMETIC };
        assert_eq!([Leeway::ARITHMETIC, coarse].map(halves), [HALVES, 0.5]);
    }

    #[test]
    fn numbers_have_the_digits_that_tell_them_apart() {
        let beside = |a: f64, b: f64| Value::Float(a).beside(Value::Float(b)).join(" ");
        assert_eq!(beside(1.295_726_656_913_757, 1.089_555_025_100_708), "1.296 1.09");
        assert_eq!(beside(1.000_000_119_209_289_6, 1.0), "1.0000001 1");
        assert_eq!(beside(1e30, 2e-30), "1e30 2e-30");
        assert_eq!(beside(f64::INFINITY, 0.5), "inf 0.5");
        assert_eq!(beside(f64::NAN, -0.5), "NaN -0.5");
        assert_eq!(Value::Signed(-7).beside(Value::Signed(7)), ["-7", "7"]);
    }

    #[test]
    fn a_number_is_off_beyond_its_tolerance() {
        let off = |a, b, tolerance| Value::Float(a).off(Value::Float(b), tolerance);
        assert_eq!(off(1.0, 1.0, 0.0), None);
        assert_eq!(off(f64::NAN, f64::NAN, 0.0), None);
        assert_eq!(off(1.0, f64::NAN, 1.0), Some(f64::INFINITY));
        assert_eq!(off(100.5, 100.0, 0.01), None);
        assert_eq!(off(102.0, 100.0, 0.01), Some(2.0));
        assert_eq!(off(0.009, 0.0, 0.01), None);
        assert_eq!(Value::Signed(-1).off(Value::Signed(1), 9.0), Some(2.0));
    }
}
