//! What a user puts into a buffer, and its bytes in the layout that the shader gives the buffer. Knows
//! neither devices nor which buffers there are.

use std::{
    ffi::OsStr,
    fmt,
    fs::{self, File},
    io::Read as _,
    path::{Path, PathBuf},
    str::FromStr,
};

use rand::{Rng as _, RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::npy;
use crate::kernel::{Layout, Number, NumberKind};

/// Contents of a buffer, as a user says them: `zeros:COUNT`, `iota:COUNT`, `random:COUNT[:SEED][:LOW..HIGH]`,
/// `values:1,2,3` or `file:PATH`. COUNT is in scalars of the buffer's own types, padding not counted.
#[derive(Clone, Debug, PartialEq)]
pub enum BufferFill {
    /// So many zeros.
    Zeros(u64),
    /// 0, 1, 2 and so on; an integer that cannot hold a number holds its low bits.
    Iota(u64),
    /// Floats uniform in [-1, 1), integers uniform over all they can be, or whole numbers of a range in either; the same
    /// for the same seed.
    Random {
        /// How many.
        count: u64,
        /// Which ones.
        seed: u64,
        /// The least whole number, and the one behind the greatest.
        range: Option<(i64, i64)>,
    },
    /// These, in order, each read as the type that the shader has at its place.
    Values(Vec<String>),
    /// The elements of an array that NumPy saved (`.npy`), or a file's bytes as they are, little-endian.
    File(PathBuf),
}

impl FromStr for BufferFill {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const FORMS: &str =
            "zeros:COUNT, iota:COUNT, random:COUNT[:SEED][:LOW..HIGH], values:1,2,3 or file:PATH";
        let (kind, rest) =
            text.split_once(':').ok_or_else(|| format!("'{text}' is none of {FORMS}"))?;
        let number = |what: &str, text: &str| {
            text.parse::<u64>().map_err(|_| format!("'{text}' is no {what}: say {FORMS}"))
        };
        let count = |text: &str| number("number of scalars", text);
        match kind {
            "zeros" => Ok(Self::Zeros(count(rest)?)),
            "iota" => Ok(Self::Iota(count(rest)?)),
            "random" => {
                let (rest, range) = match rest.rsplit_once(':') {
                    Some((before, last)) if last.contains("..") => (before, Some(range(last)?)),
                    _ => (rest, None),
                };
                let (scalars, seed) = rest.split_once(':').unwrap_or((rest, "0"));
                Ok(Self::Random { count: count(scalars)?, seed: number("seed", seed)?, range })
            }
            "values" => Ok(Self::Values(rest.split(',').map(|v| v.trim().to_owned()).collect())),
            "file" => Ok(Self::File(rest.into())),
            _ => Err(format!("'{kind}' is none of {FORMS}")),
        }
    }
}

impl fmt::Display for BufferFill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Zeros(count) => write!(f, "zeros:{count}"),
            Self::Iota(count) => write!(f, "iota:{count}"),
            Self::Random { count, seed, range: None } => write!(f, "random:{count}:{seed}"),
            Self::Random { count, seed, range: Some((low, high)) } => {
                write!(f, "random:{count}:{seed}:{low}..{high}")
            }
            Self::Values(values) => write!(f, "values:{}", values.join(",")),
            Self::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}

impl BufferFill {
    /// The bytes of a buffer so filled, no more than `limit` of them.
    ///
    /// # Errors
    /// What does not fit.
    pub fn bytes(&self, layout: &Layout, limit: u64) -> Result<Vec<u8>, String> {
        let scalars = match self {
            Self::Zeros(count) | Self::Iota(count) | Self::Random { count, .. } => *count,
            Self::Values(values) => values.len() as u64,
            Self::File(path) => return from_file(path, layout, limit),
        };
        let size = layout.bytes(scalars)?;
        within(size, limit)?;
        let mut bytes = vec![0; size as usize];
        let mut put = |at: u64, number: Number, value: &[u8; 8]| {
            let at = at as usize;
            bytes[at..at + usize::from(number.width)]
                .copy_from_slice(&value[..usize::from(number.width)]);
        };
        match self {
            Self::Zeros(_) | Self::File(_) => {}
            Self::Iota(_) => {
                let mut next = 0_u64;
                layout.each(size, |at, number| {
                    let value = match number.kind {
                        NumberKind::Float => float(next as f64, number.width),
                        NumberKind::Signed | NumberKind::Unsigned => next.to_le_bytes(),
                    };
                    put(at, number, &value);
                    next += 1;
                    Ok::<(), String>(())
                })?;
            }
            Self::Random { count: _, seed, range: Some((low, high)) } => {
                let mut random = ChaCha8Rng::seed_from_u64(*seed);
                layout.each(size, |at, number| {
                    let drawn = random.random_range(*low..*high);
                    let value = parsed(&drawn.to_string(), number)
                        .ok_or_else(|| format!("{drawn} is no number of type {number}"))?;
                    put(at, number, &value);
                    Ok::<(), String>(())
                })?;
            }
            Self::Random { count: _, seed, range: None } => {
                let mut random = ChaCha8Rng::seed_from_u64(*seed);
                layout.each(size, |at, number| {
                    let value = match number.kind {
                        // 11 bits fit a float of any width, and rounding then never reaches 1.
                        NumberKind::Float if number.width == 2 => {
                            float(f64::from(random.random_range(-1024_i32..1024)) / 1024.0, 2)
                        }
                        NumberKind::Float if number.width == 4 => {
                            let bits = random.next_u32() >> 8;
                            float(f64::from(bits) / f64::from(1 << 23) - 1.0, 4)
                        }
                        NumberKind::Float => float(random.random_range(-1.0..1.0), number.width),
                        NumberKind::Signed | NumberKind::Unsigned => {
                            random.next_u64().to_le_bytes()
                        }
                    };
                    put(at, number, &value);
                    Ok::<(), String>(())
                })?;
            }
            Self::Values(values) => {
                let mut values = values.iter();
                layout.each(size, |at, number| {
                    let text = values.next().map_or("", String::as_str);
                    let value = parsed(text, number)
                        .ok_or_else(|| format!("'{text}' is not a number of type {number}"))?;
                    put(at, number, &value);
                    Ok::<(), String>(())
                })?;
            }
        }
        Ok(bytes)
    }
}

/// `LOW..HIGH`, with a whole number between them.
fn range(text: &str) -> Result<(i64, i64), String> {
    let ends = text.split_once("..").and_then(|(low, high)| {
        let (low, high): (i64, i64) = (low.parse().ok()?, high.parse().ok()?);
        (low < high).then_some((low, high))
    });
    ends.ok_or_else(|| format!("'{text}' is no LOW..HIGH with a whole number in it, such as 0..10"))
}

/// The bytes of a file: of an array the elements, of any other file all of them as they are.
fn from_file(path: &Path, layout: &Layout, limit: u64) -> Result<Vec<u8>, String> {
    let problem = |error| format!("{} cannot be read: {error}", path.display());
    let mut file = File::open(path).map_err(problem)?;
    let mut magic = Vec::new();
    file.by_ref().take(npy::MAGIC.len() as u64).read_to_end(&mut magic).map_err(problem)?;
    if magic == npy::MAGIC {
        return npy::bytes(&mut file, layout, |bytes| within(bytes, limit));
    }
    let ending = path.extension().and_then(OsStr::to_str).unwrap_or_default();
    match ending.to_ascii_lowercase().as_str() {
        "npy" => return Err("it does not begin as an .npy file does".to_owned()),
        "npz" | "safetensors" => {
            return Err(format!(
                "it is .{ending}, several arrays with names: save the one that is meant as .npy"
            ));
        }
        _ => {}
    }
    let bytes = file.metadata().map_err(problem)?.len();
    layout.fits(bytes).and_then(|()| within(bytes, limit))?;
    fs::read(path).map_err(problem)
}

fn within(bytes: u64, limit: u64) -> Result<(), String> {
    if bytes <= limit {
        return Ok(());
    }
    Err(format!("{bytes} bytes are more than the {limit} that the adapter binds"))
}

/// The bytes of a float of `width` bytes, then zeros.
fn float(value: f64, width: u8) -> [u8; 8] {
    let mut bytes = [0; 8];
    match width {
        2 => bytes[..2].copy_from_slice(&half::f16::from_f64(value).to_le_bytes()),
        4 => bytes[..4].copy_from_slice(&(value as f32).to_le_bytes()),
        _ => bytes = value.to_le_bytes(),
    }
    bytes
}

fn parsed(text: &str, number: Number) -> Option<[u8; 8]> {
    let bits = 8 * u32::from(number.width);
    match number.kind {
        NumberKind::Float => Some(float(text.parse().ok()?, number.width)),
        NumberKind::Unsigned => {
            let value: u64 = text.parse().ok()?;
            (bits == 64 || value >> bits == 0).then(|| value.to_le_bytes())
        }
        NumberKind::Signed => {
            let value: i64 = text.parse().ok()?;
            let spare = 64 - bits;
            ((value << spare) >> spare == value).then(|| value.to_le_bytes())
        }
    }
}
