//! What a user puts into a buffer, and its bytes in the layout that the shader gives the buffer. Knows
//! neither devices nor which buffers there are.

mod file;
#[cfg(feature = "textures")]
mod handle;
mod number;
mod random;

use std::{fmt, path::PathBuf, str::FromStr};

use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

#[cfg(feature = "textures")]
pub use self::handle::TextureSize;
pub use self::random::RandomRange;
#[cfg(feature = "textures")]
pub(super) use self::{file::bytes as bytes_of_file, handle::spelled};
use self::{
    file::within,
    number::{float, parsed},
};
#[cfg(feature = "textures")]
use crate::execute::Sampler;
use crate::kernel::{Layout, Number, NumberKind};

/// Contents of a buffer, as a user says them: `zeros:COUNT`, `iota:COUNT`, `random:COUNT[:SEED][:LOW..HIGH]`,
/// `values:1,2,3` or `file:PATH`; or those of members, as `n:8,scale:0.5,items:random:64`. COUNT is in scalars of the
/// buffer's own types, padding not counted. What is bound where there is no buffer is `texture:64x64:random` or
/// `sampler:linear`.
#[derive(Clone, Debug, PartialEq)]
pub enum BufferFill {
    /// So many zeros.
    Zeros(u64),
    /// 0, 1, 2 and so on; an integer that cannot hold a number holds its low bits.
    Iota(u64),
    /// Floats uniform in [-1, 1), integers uniform over all they can be, or numbers of a range in either; the same for the
    /// same seed.
    Random {
        /// How many.
        count: u64,
        /// Which ones.
        seed: u64,
        /// Where they lie.
        range: Option<RandomRange>,
    },
    /// These, in order, each read as the type that the shader has at its place.
    Values(Vec<String>),
    /// The elements of an array that NumPy saved (`.npy`), those of a tensor (`FILE.safetensors#NAME`), or a file's
    /// bytes as they are, little-endian.
    File(PathBuf),
    /// What members of a structure hold, each by its name or, within another, by its path. The others are zeros.
    Members(Vec<(String, MemberFill)>),
    /// A texture of this size, and what the channels of its texels hold, each a number.
    #[cfg(feature = "textures")]
    Texture(TextureSize, Box<MemberFill>),
    /// A sampler, where one is bound.
    #[cfg(feature = "textures")]
    Sampler(Sampler),
}

/// What a member of a structure holds.
#[derive(Clone, Debug, PartialEq)]
pub enum MemberFill {
    /// As many zeros, numbers in order (`iota`) or random ones (`random`, `random:LOW..HIGH`) as the member has.
    Whole(String),
    /// This.
    Said(BufferFill),
}

/// The kinds of contents, as they are said.
const KINDS: [&str; 5] = ["zeros", "iota", "random", "values", "file"];

/// The forms of contents, as messages list them.
const FORMS: &str = "zeros:COUNT, iota:COUNT, random:COUNT[:SEED][:LOW..HIGH], values:1,2,3, file:PATH or \
                     MEMBER:VALUE,MEMBER:SPEC";

impl FromStr for BufferFill {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        #[cfg(feature = "textures")]
        match text.split_once(':').unwrap_or((text, "")) {
            ("texture", size) => return texture(size),
            ("sampler", does) => return handle::sampler(does).map(Self::Sampler),
            _ => {}
        }
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
                    Some((before, last)) if last.contains("..") => (before, Some(last.parse()?)),
                    _ => (rest, None),
                };
                let (scalars, seed) = rest.split_once(':').unwrap_or((rest, "0"));
                Ok(Self::Random { count: count(scalars)?, seed: number("seed", seed)?, range })
            }
            "values" if rest.trim().is_empty() => {
                Err("'values:' has no numbers: say values:1,2,3".to_owned())
            }
            "values" => Ok(Self::Values(rest.split(',').map(|v| v.trim().to_owned()).collect())),
            "file" => Ok(Self::File(rest.into())),
            _ => members(text).map(Self::Members),
        }
    }
}

/// Every field, so that reports have the seed that was taken. The alternate form, for messages, leaves a seed of 0 out.
impl fmt::Display for BufferFill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Zeros(count) => write!(f, "zeros:{count}"),
            Self::Iota(count) => write!(f, "iota:{count}"),
            Self::Random { count, seed, range } => {
                write!(f, "random:{count}")?;
                if !f.alternate() || *seed != 0 {
                    write!(f, ":{seed}")?;
                }
                range.map_or(Ok(()), |range| write!(f, ":{range}"))
            }
            Self::Values(values) => write!(f, "values:{}", values.join(",")),
            Self::File(path) => write!(f, "file:{}", path.display()),
            #[cfg(feature = "textures")]
            Self::Texture(size, fill) => write!(f, "texture:{size}:{fill}"),
            #[cfg(feature = "textures")]
            Self::Sampler(sampler) => f.write_str(&handle::spelled(*sampler)),
            Self::Members(members) => {
                let members = members.iter().map(|(name, fill)| format!("{name}:{fill}"));
                f.write_str(&members.collect::<Vec<_>>().join(","))
            }
        }
    }
}

impl fmt::Display for MemberFill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(kind) => f.write_str(kind),
            Self::Said(BufferFill::Values(values)) => f.write_str(&values.join(",")),
            Self::Said(fill) => fill.fmt(f),
        }
    }
}

impl BufferFill {
    /// The members of a structure that it leaves zeros, where it fills others.
    pub fn left_out<'a>(&self, layout: &'a Layout) -> Vec<&'a str> {
        let Self::Members(filled) = self else { return Vec::new() };
        let members = layout.members().iter().map(|member| member.name.as_str());
        let is_filled =
            |name: &str| filled.iter().any(|(path, _)| path.split('.').next() == Some(name));
        members.filter(|name| !is_filled(name)).collect()
    }

    /// The bytes of a buffer so filled, no more than `limit` of them.
    ///
    /// # Errors
    /// What does not fit.
    pub fn bytes(&self, layout: &Layout, limit: u64) -> Result<Vec<u8>, String> {
        let scalars = match self {
            Self::Zeros(count) | Self::Iota(count) | Self::Random { count, .. } => *count,
            Self::Values(values) => values.len() as u64,
            Self::File(path) => return file::bytes(path, layout, limit, |_| Ok(())),
            Self::Members(members) => return of_members(members, layout, limit),
            #[cfg(feature = "textures")]
            Self::Texture(..) | Self::Sampler(_) => {
                return Err(format!("it is a buffer: say {FORMS}"));
            }
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
            Self::Zeros(_) | Self::File(_) | Self::Members(_) => {}
            #[cfg(feature = "textures")]
            Self::Texture(..) | Self::Sampler(_) => {}
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
            Self::Random { count: _, seed, range } => {
                let mut random = ChaCha8Rng::seed_from_u64(*seed);
                layout.each(size, |at, number| {
                    let value = match range {
                        Some(range) => range.drawn(&mut random, number)?,
                        None => random::any(&mut random, number),
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

/// `NAME:VALUE` or `NAME:SPEC` with commas between; what has no name goes on with the values before it.
fn members(text: &str) -> Result<Vec<(String, MemberFill)>, String> {
    let mut said: Vec<(&str, String)> = Vec::new();
    for part in text.split(',') {
        let named = part.split_once(':').filter(|(name, _)| is_path(name.trim()));
        match (named, said.last_mut()) {
            // A number begins with no letter.
            (None, _)
                if part.trim_start().starts_with(char::is_alphabetic) && part.contains(':') =>
            {
                return Err(format!(
                    "'{}' begins with no member's name, which has no index: fill an array whole",
                    part.trim()
                ));
            }
            (Some((name, fill)), _) => said.push((name.trim(), fill.trim().to_owned())),
            (None, Some((_, values))) => *values = format!("{values},{}", part.trim()),
            (None, None) => return Err(format!("'{text}' is none of {FORMS}")),
        }
    }
    let mut members: Vec<(String, MemberFill)> = Vec::new();
    for (name, fill) in said {
        if members.iter().any(|(known, _)| known == name) {
            return Err(format!("the member '{name}' is given twice: give it once"));
        }
        if fill.is_empty() {
            return Err(format!("the member '{name}' has no value: say {name}:VALUE"));
        }
        members.push((name.to_owned(), member_fill(&fill)?));
    }
    Ok(members)
}

/// What fills a member.
fn member_fill(fill: &str) -> Result<MemberFill, String> {
    let (kind, rest) = fill.split_once(':').unwrap_or((fill, ""));
    // A range alone, without a count before it.
    let ends = Some(rest).filter(|rest| rest.contains("..") && !rest.contains(':'));
    Ok(match fill {
        "zeros" | "iota" | "random" => MemberFill::Whole(fill.to_owned()),
        _ if kind == "random" && ends.is_some() => {
            ends.map(str::parse::<RandomRange>).transpose()?;
            MemberFill::Whole(fill.to_owned())
        }
        _ if KINDS.contains(&kind) => MemberFill::Said(fill.parse()?),
        values => MemberFill::Said(BufferFill::Values(
            values.split(',').map(|value| value.trim().to_owned()).collect(),
        )),
    })
}

/// `SIZE[:FORMAT][:SPEC]`, where SPEC is that of a member.
#[cfg(feature = "textures")]
fn texture(text: &str) -> Result<BufferFill, String> {
    let (size, spec) = handle::texture_size(text, &KINDS)?;
    let fill = if spec.is_empty() { "zeros" } else { spec };
    Ok(BufferFill::Texture(size, Box::new(member_fill(fill)?)))
}

/// Whether a text is a name, or names with points between them.
fn is_path(text: &str) -> bool {
    let is_name = |name: &str| {
        let plain = name.chars().all(|c| c.is_alphanumeric() || c == '_');
        plain && !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit())
    };
    text.split('.').all(is_name)
}

/// The bytes of a structure of which these members are filled and the others are zeros.
fn of_members(
    members: &[(String, MemberFill)],
    layout: &Layout,
    limit: u64,
) -> Result<Vec<u8>, String> {
    let mut size = layout.bytes(layout.least_scalars())?;
    let mut filled: Vec<(u64, Vec<u8>)> = Vec::new();
    let mut is_sized = !layout.is_runtime_sized();
    for (name, fill) in members {
        let (offset, its) = member(layout, name).ok_or_else(|| match layout.members() {
            [] => format!("'{name}' is neither a fill nor a member: say {FORMS}"),
            all => {
                let names: Vec<&str> = all.iter().map(|member| member.name.as_str()).collect();
                format!("it has no member '{name}': it has {}", names.join(", "))
            }
        })?;
        let of_member = |what: String| format!("its member '{name}': {what}");
        let bytes = match fill {
            MemberFill::Said(fill) => fill.bytes(its, limit),
            MemberFill::Whole(kind) if its.is_runtime_sized() => {
                Err(format!("it has no fixed size: say {name}:{}", counted(kind, "COUNT")))
            }
            MemberFill::Whole(kind) => whole(kind, its, limit),
        };
        let bytes = bytes.map_err(of_member)?;
        let end = offset + bytes.len() as u64;
        if its.is_runtime_sized() && end < size {
            // Binding more than was said would make the array longer.
            return Err(of_member(format!(
                "the buffer takes {size} bytes at least, not {end}: give it more"
            )));
        }
        size = size.max(end);
        is_sized |= its.is_runtime_sized();
        filled.push((offset, bytes));
    }
    if let Some(last) = layout.members().last().filter(|_| !is_sized) {
        return Err(format!("its member '{0}' has no fixed size: say {0}:zeros:COUNT", last.name));
    }
    within(size, limit)?;
    let mut whole = vec![0; size as usize];
    for (offset, bytes) in filled {
        let at = offset as usize;
        whole[at..at + bytes.len()].copy_from_slice(&bytes);
    }
    Ok(whole)
}

/// The bytes of what has a fixed size, all of it filled by one kind of contents.
pub(super) fn whole(kind: &str, layout: &Layout, limit: u64) -> Result<Vec<u8>, String> {
    let fill: BufferFill = counted(kind, &layout.least_scalars().to_string()).parse()?;
    fill.bytes(layout, limit)
}

/// The contents of a member with how many there are: `random:0..7` is `random:COUNT:0..7`.
fn counted(kind: &str, count: &str) -> String {
    match kind.split_once(':') {
        Some((kind, range)) => format!("{kind}:{count}:{range}"),
        None => format!("{kind}:{count}"),
    }
}

/// A member by its path: the bytes before it, and how its scalars lie.
fn member<'a>(layout: &'a Layout, path: &str) -> Option<(u64, &'a Layout)> {
    let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
    let found = layout.members().iter().find(|member| member.name == name)?;
    match rest {
        None => Some((found.offset, &found.layout)),
        Some(rest) => {
            let (offset, its) = member(&found.layout, rest)?;
            Some((found.offset + offset, its))
        }
    }
}
