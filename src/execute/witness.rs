//! What an executor that looks sees of a launch, beside what the kernel computes: a tally of its own,
//! how many lanes had work, and what no kernel means to do. Plain data; who looks, and how, is the
//! executor's business.

use std::{collections::BTreeMap, iter::Sum};

use serde::Serialize;

use crate::op::Cost;

/// What an executor saw of one launch, or of several together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Witness {
    /// Executed operations and traffic, expression by expression; nobody told it the price of one.
    pub tally: Cost,
    /// How many lanes had work.
    pub lanes: LaneUse,
    /// Accesses out of bounds, by kernel and line.
    pub out_of_bounds: Vec<OutOfBounds>,
}

impl Sum for Witness {
    fn sum<I: Iterator<Item = Self>>(witnesses: I) -> Self {
        let mut sum = Self::default();
        let mut outside: BTreeMap<(String, Option<u32>), u64> = BTreeMap::new();
        for Self { tally, lanes, out_of_bounds } in witnesses {
            sum.tally = sum.tally + tally;
            sum.lanes = sum.lanes + lanes;
            for OutOfBounds { kernel, line, accesses } in out_of_bounds {
                *outside.entry((kernel, line)).or_default() += accesses;
            }
        }
        let outside = outside.into_iter();
        sum.out_of_bounds = outside
            .map(|((kernel, line), accesses)| OutOfBounds { kernel, line, accesses })
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
    /// Active lanes over lanes issued; none where nothing was issued.
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
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct OutOfBounds {
    /// Which kernel.
    pub kernel: String,
    /// Line in its source, where that is known.
    pub line: Option<u32>,
    /// How many.
    pub accesses: u64,
}
