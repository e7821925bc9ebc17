//! How a kernel spreads its operation over invocations, as far as that changes what it executes or sets an override: the
//! lanes that share a sum, the sizes of tiles and blocks. Plain numbers, which `choice` decides and whose cost `formula`
//! states.

use serde::{Deserialize, Serialize};

/// The numbers by which one launch is spread over invocations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Schedule {
    /// Invocations in a workgroup.
    pub lanes: u32,
    /// Invocations in a workgroup along the columns of a product; `None` where it is no product.
    pub column_lanes: Option<u32>,
    /// Lanes that share the sums of a column; `None` where the kernel does not divide columns.
    pub lanes_per_column: Option<u32>,
    /// Lanes that share the sums of a row or a column and begin with a term each; `None` where an invocation has its
    /// sums to itself.
    pub team: Option<u32>,
    /// Shares in which a whole tensor is summed first; `None` where it is not.
    pub partials: Option<u32>,
    /// Items that one workgroup puts in order, or steps of a recursion that one lane takes; `None` where the kernel neither
    /// sorts nor has lanes share a recursion.
    pub chunk: Option<u32>,
    /// Rows that an invocation of attention, or of a product that stages its operands, takes together; `None` where
    /// it is neither.
    pub tile: Option<u32>,
    /// Keys that a row of attention meets at once at the most; `None` where it is not attention.
    pub block: Option<u32>,
    /// Rows and columns of the matrices that a subgroup multiplies together; `None` where each invocation has sums of its
    /// own.
    pub side: Option<u32>,
    /// Steps of a recursion between two rescalings; `None` where the kernel does not rescale.
    pub rescale: Option<u32>,
}

impl Schedule {
    /// A schedule of workgroups of so many invocations.
    pub fn of_lanes(lanes: u32) -> Self {
        Self { lanes, ..Self::default() }
    }

    /// Its numbers by name, as kernels and reports call them.
    pub fn dims(&self) -> impl Iterator<Item = (&'static str, u32)> {
        let Self {
            lanes,
            column_lanes,
            lanes_per_column,
            team,
            partials,
            chunk,
            tile,
            block,
            side,
            rescale,
        } = *self;
        let optional = [
            ("COLUMN_LANES", column_lanes),
            ("LANES_PER_COLUMN", lanes_per_column),
            ("TEAM", team),
            ("PARTIALS", partials),
            ("CHUNK", chunk),
            ("TILE", tile),
            ("BLOCK", block),
            ("SIDE", side),
            ("RESCALE", rescale),
        ];
        let optional = optional.into_iter().filter_map(|(name, value)| Some((name, value?)));
        [("LANES", lanes)].into_iter().chain(optional)
    }
}
