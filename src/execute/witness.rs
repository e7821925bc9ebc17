//! What an executor that checks a launch observed: its own tally, active lanes, accesses out of bounds, races. Plain
//! data.

use std::{collections::BTreeMap, fmt, iter::Sum};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::stray::{Access, Stray, Texel};
use crate::op::Cost;

/// What an executor observed of one launch, or of several together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Witness {
    /// Executed operations and traffic, as the executor itself counts them: expression by expression, without the
    /// tables of a counting kernel.
    pub tally: Cost,
    /// How many lanes were active.
    pub lanes: LaneUse,
    /// Accesses out of bounds, by kernel and line.
    pub out_of_bounds: Vec<OutOfBounds>,
    /// Races, by kernel and pair of lines; `None` where the executor did not detect races.
    pub races: Option<Vec<Race>>,
}

impl Sum for Witness {
    fn sum<I: Iterator<Item = Self>>(witnesses: I) -> Self {
        let mut sum = Self::default();
        type Line = (String, Option<String>, Option<u32>);
        let mut outside: BTreeMap<Line, (u64, Option<Stray>)> = BTreeMap::new();
        for Self { tally, lanes, out_of_bounds, races } in witnesses {
            sum.tally = sum.tally + tally;
            sum.lanes = sum.lanes + lanes;
            for OutOfBounds { kernel, file, line, accesses, first } in out_of_bounds {
                let (sum, earliest) = outside.entry((kernel, file, line)).or_default();
                *sum += accesses;
                *earliest = earliest.take().or(first);
            }
            if let Some(races) = races {
                let known = sum.races.get_or_insert_default();
                races.into_iter().for_each(|race| race.add_to(known));
            }
        }
        let outside = outside.into_iter();
        sum.out_of_bounds = outside
            .map(|((kernel, file, line), (accesses, first))| OutOfBounds {
                kernel,
                file,
                line,
                accesses,
                first,
            })
            .collect();
        sum
    }
}

/// How many lanes had work: an operation is issued for every lane of a workgroup as soon as one lane
/// executes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LaneUse {
    /// Operations that active lanes executed.
    pub active: u64,
    /// Operations that all lanes would have executed together.
    pub issued: u64,
}

impl LaneUse {
    /// Active lanes over lanes issued; `None` where nothing was issued.
    #[must_use]
    pub fn share(self) -> Option<f64> {
        (self.issued > 0).then(|| self.active as f64 / self.issued as f64)
    }
}

impl std::ops::Add for LaneUse {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { active: self.active + other.active, issued: self.issued + other.issued }
    }
}

/// Accesses out of bounds of one line of a kernel. A load read 0 and a store stored nothing, as WGSL
/// allows, but no kernel means them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct OutOfBounds {
    /// Which kernel.
    pub kernel: String,
    /// The file that the line is in, where it is not the first of the kernel's source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line in its file, from 1; `None` where the kernel has no source.
    pub line: Option<u32>,
    /// How many.
    pub accesses: u64,
    /// The first of them, where the executor knows a place that it was meant for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<Stray>,
}

impl OutOfBounds {
    /// How many there are and where the first of them went, in words.
    pub fn in_words(&self) -> String {
        match (self.accesses, &self.first) {
            (1, None) => "1 access out of bounds".to_owned(),
            (1, Some(only)) => format!("1 access out of bounds: it {only}"),
            (many, None) => format!("{many} accesses out of bounds"),
            (many, Some(first)) => format!("{many} accesses out of bounds: the first {first}"),
        }
    }
}

#[cfg(feature = "embedded")]
impl OutOfBounds {
    /// So many accesses of a kernel at a line of its source.
    pub(super) fn new(
        kernel: &str,
        line: Option<&flopmeter_core::source::SourceLine>,
        accesses: u64,
        first: Option<Stray>,
    ) -> Self {
        Self {
            kernel: kernel.to_owned(),
            file: line.and_then(|line| line.file.as_deref()).map(str::to_owned),
            line: line.map(|line| line.number),
            accesses,
            first,
        }
    }
}

/// The scope of a race: which invocations no barrier orders.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Between {
    /// Invocations of one workgroup, since its last barrier for that memory.
    Lanes,
    /// Invocations of two workgroups, which nothing in a dispatch orders.
    Workgroups,
}

/// Two lines of a kernel at which invocations touch one place at a time, one of them writing and not
/// both atomically; what they write may be the same. What such a kernel computes is not defined.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Race {
    /// Which kernel.
    pub kernel: String,
    /// The two lines in their files, from 1, which may be one line; `None` where the kernel has no source.
    pub lines: [Option<u32>; 2],
    /// The files that the lines are in, where they are not the first of the kernel's source.
    #[serde(default, skip_serializing_if = "in_first_file")]
    pub files: [Option<String>; 2],
    /// What each of them does.
    pub accesses: [Access; 2],
    /// Which invocations execute them.
    pub between: Between,
    /// How often one was seen to race with another before it.
    pub count: u64,
    /// A variable that they were seen to meet in.
    pub variable: String,
    /// At which byte of it.
    pub byte: u64,
    /// At which texel, where it is a texture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub texel: Option<Texel>,
}

/// Whether both lines of a race are in the first file of the kernel's source.
fn in_first_file(files: &[Option<String>; 2]) -> bool {
    files.iter().all(Option::is_none)
}

/// What the two lines do to each other, how often, and where.
impl fmt::Display for Race {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = |index: usize| match (self.lines[index], &self.files[index]) {
            (None, _) => "a statement".to_owned(),
            (Some(line), Some(file)) => format!("line {line} of {file}"),
            (Some(line), None) => format!("line {line}"),
        };
        let [one, two] = [0, 1].map(at);
        let [does, other] = self.accesses.map(|access| match access {
            Access::Load => "loads",
            Access::Store => "stores",
            Access::AtomicLoad => "loads atomically",
            Access::AtomicUpdate => "updates atomically",
        });
        let between = match self.between {
            Between::Lanes => "no barrier between",
            Between::Workgroups => "in another workgroup",
        };
        let Self { count, byte, texel, variable, .. } = self;
        let place = match texel {
            Some(texel) => format!("texel {texel}"),
            None => format!("byte {byte}"),
        };
        write!(
            f,
            "{one} {does} what {two} {other}, {between}: {count} times, such as {place} of '{variable}'"
        )
    }
}

impl Race {
    /// Whether another is the same but for where and how often it was seen.
    fn is(&self, other: &Self) -> bool {
        (&self.kernel, self.lines, &self.files, self.accesses, self.between)
            == (&other.kernel, other.lines, &other.files, other.accesses, other.between)
    }

    /// Adds it to those that are known.
    pub(super) fn add_to(self, known: &mut Vec<Self>) {
        match known.iter_mut().find(|race| race.is(&self)) {
            Some(race) => race.count += self.count,
            None => known.push(self),
        }
    }
}
