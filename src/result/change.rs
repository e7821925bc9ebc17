//! What changed between two runs of kernels: by kernel, by kind of operation, by kind of traffic, and line by line
//! where both have a source. Made of two reports of a shader, of a suite, or of a program.

mod align;
mod figures;
mod run;
mod shader;

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::{align::align, shader::Shader};
pub use self::{
    figures::{KernelFigures, LineFigures},
    run::{ChangedRun, KernelRun, RanKernels},
};
use super::{Document, Examined, sums::named};
use crate::{Error, Remedy, op::Convention};

/// Two runs of kernels side by side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChangeReport {
    /// Name and version of this layout.
    #[schemars(extend("const" = Self::SCHEMA))]
    pub schema: Cow<'static, str>,
    /// How operations became FLOPs.
    pub convention: Convention,
    /// The run before.
    pub a: ChangedRun,
    /// The run after.
    pub b: ChangedRun,
    /// All kernels together.
    pub total: KernelPair,
    /// Each kernel, or each dispatch of a shader.
    pub kernels: Vec<KernelPair>,
    /// Each kind of operation that one of them executed.
    pub ops: Vec<CountPair>,
    /// Each kind of traffic that one of them had.
    pub traffic: Vec<CountPair>,
    /// Each line whose counts moved, and each that only one of the two has and that cost something.
    pub lines: Vec<LinePair>,
    /// What the second run was judged by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Examined>,
}

/// A kernel before and after.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct KernelPair {
    /// What it is called.
    pub name: String,
    /// What it cost before; `None` where it did not run.
    pub a: Option<KernelFigures>,
    /// What it costs after.
    pub b: Option<KernelFigures>,
}

/// How often something happened before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CountPair {
    /// What.
    pub name: String,
    /// Before.
    pub a: u64,
    /// After.
    pub b: u64,
}

/// A line before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LinePair {
    /// The kernel of a suite that it is of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel: Option<String>,
    /// Its text.
    pub text: String,
    /// The line before; `None` where the source did not have it.
    pub a: Option<LineFigures>,
    /// The line after.
    pub b: Option<LineFigures>,
}

impl Document for ChangeReport {
    const SCHEMA: &'static str = "flopmeter.change/1";
}

impl ChangeReport {
    /// Holds two runs against each other, the operations of both priced by `convention`, whatever their reports are under.
    ///
    /// # Errors
    /// [`Error::Refused`] where a report is under another convention and has FLOPs without the operations that they are
    /// the price of, [`Error::Config`] where they are not of the same kind, or of a program whose kernels were timed and not
    /// counted, or of a suite of which no kernel ran.
    pub fn new(a: &KernelRun, b: &KernelRun, convention: Convention) -> Result<Self, Error> {
        match (&a.report, &b.report) {
            (RanKernels::Shader(_), RanKernels::Shader(_))
            | (RanKernels::Suite(_), RanKernels::Suite(_))
            | (RanKernels::Program(_), RanKernels::Program(_)) => {}
            (one, other) => {
                let both = one.definition().zip(other.definition());
                let also = match both.is_none_or(|(one, other)| one == other) {
                    true => "",
                    false => ", and what they count is stated in different languages",
                };
                return Err(Error::Config(format!(
                    "one is a report of {}, and the other of {}{also}: have two of a kind, of the same before and after a change",
                    one.of(),
                    other.of()
                )));
            }
        }
        if let Some((name, run)) = [("A", a), ("B", b)].iter().find(|(_, run)| !run.is_counted()) {
            let why = match run.report {
                RanKernels::Program(_) => "were timed and not counted",
                RanKernels::Shader(_) | RanKernels::Suite(_) => "did not run",
            };
            return Err(Error::Config(format!(
                "the kernels of {name} {why}: there are no counts to compare, so save a report that has some"
            )));
        }
        for (name, run) in [("A", a), ("B", b)] {
            if !run.has_price(convention) {
                let own = run.convention();
                return Err(Error::Refused {
                    problem: format!(
                        "{name} has FLOPs under the convention {own} and not all operations that they are the price of"
                    ),
                    remedy: Remedy::Convention(own),
                });
            }
        }
        let [(ops_a, traffic_a), (ops_b, traffic_b)] = [a.counts(), b.counts()];
        let total = KernelPair {
            name: "total".to_owned(),
            a: Some(a.total(convention)),
            b: Some(b.total(convention)),
        };
        Ok(Self {
            schema: Self::SCHEMA.into(),
            convention,
            a: a.side(b, convention),
            b: b.side(a, convention),
            total,
            kernels: kernels(a, b, convention),
            ops: counts(&ops_a, &ops_b),
            traffic: counts(&traffic_a, &traffic_b),
            lines: lines(a, b, convention),
            checks: Vec::new(),
        })
    }

    /// Everything whose count moved, operations first.
    pub fn moved(&self) -> impl Iterator<Item = &CountPair> {
        self.ops.iter().chain(&self.traffic).filter(|pair| pair.a != pair.b)
    }

    /// What carries the traffic that is told as bytes, in words.
    pub fn carriers(&self) -> &'static str {
        let has_texels = self.traffic.iter().any(|pair| pair.name.starts_with("texture."));
        carriers(has_texels)
    }
}

/// What carries the traffic that is held against FLOPs, in words.
pub(crate) const fn carriers(has_texels: bool) -> &'static str {
    if has_texels { "storage and texture" } else { "storage" }
}

/// Kernels of the same name beside each other, in the order of the second run.
fn kernels(a: &KernelRun, b: &KernelRun, convention: Convention) -> Vec<KernelPair> {
    let (before, after) = (a.kernels(b, convention), b.kernels(a, convention));
    let of = |side: &[(String, KernelFigures)], name: &str| {
        side.iter().find(|(its, _)| its == name).map(|(_, figures)| *figures)
    };
    let gone = before.iter().filter(|(name, _)| of(&after, name).is_none());
    let names = after.iter().chain(gone).map(|(name, _)| name);
    let pairs = names.map(|name| KernelPair {
        name: name.clone(),
        a: of(&before, name),
        b: of(&after, name),
    });
    pairs.collect()
}

/// Each count of two that is not 0 in both, by the name that files have for it.
fn counts<T: Serialize>(a: &T, b: &T) -> Vec<CountPair> {
    let (a, b) = (named(a), named(b));
    let of = |side: &[(String, u64)], name: &str| {
        side.iter().find(|(its, _)| its == name).map_or(0, |(_, count)| *count)
    };
    let new = b.iter().filter(|(name, _)| !a.iter().any(|(its, _)| its == name));
    let names = a.iter().chain(new).map(|(name, _)| name);
    let pairs =
        names.map(|name| CountPair { name: name.clone(), a: of(&a, name), b: of(&b, name) });
    pairs.collect()
}

/// The lines whose counts moved.
fn lines(a: &KernelRun, b: &KernelRun, convention: Convention) -> Vec<LinePair> {
    let shaders = b.report.shaders().into_iter();
    let both = shaders.filter_map(|after| Some([a.report.shader(after.name)?, after]));
    both.flat_map(|both| lines_of(both, convention)).collect()
}

/// The lines of one shader whose counts moved.
fn lines_of([a, b]: [Shader<'_>; 2], convention: Convention) -> Vec<LinePair> {
    let kernel = b.name;
    let (before, after) = (a.lines(convention), b.lines(convention));
    let [texts_a, texts_b] =
        [&before, &after].map(|lines| lines.iter().map(|(text, _)| *text).collect::<Vec<&str>>());
    let cost = |its: &LineFigures| (its.executions, its.flops, its.bytes);
    let pairs = align(&texts_a, &texts_b).into_iter().filter_map(|(i, j)| {
        let (a, b) = (i.map(|i| &before[i].1), j.map(|j| &after[j].1));
        let costs = [a, b].map(|side| side.map_or((0, 0, 0), cost));
        let text = j.map_or_else(|| before[i.unwrap_or_default()].0, |j| after[j].0);
        (costs[0] != costs[1]).then(|| LinePair {
            kernel: kernel.map(str::to_owned),
            text: text.to_owned(),
            a: a.cloned(),
            b: b.cloned(),
        })
    });
    pairs.collect()
}
