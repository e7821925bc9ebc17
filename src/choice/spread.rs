//! How work is spread: every lane, tile and extent of the crate's kernels, and the workgroups that follow.

use crate::{registry::Kernel, schedule::Schedule};

/// Invocations in a workgroup of every kernel whose work is a list of elements.
pub const LANES: u32 = 64;

/// Invocations in a workgroup that reduces one long row, on every adapter: a reduction's own
/// operations depend on it, and counts are the same integers everywhere. A GPU has rows enough to fill
/// itself with 32 lanes each; a software adapter pays for every lane at each barrier.
pub const ROW_LANES: u32 = 32;

/// Invocations in a workgroup where each works long.
pub const LONG_LANES: u32 = 8;

/// Invocations in a workgroup that walks down columns: as many as every adapter takes, so that what it reads
/// of a row is long.
pub const WIDE_LANES: u32 = 256;

/// Lanes of a subgroup that share what they load: what subgroups of Mesa's llvmpipe have, on which it was measured.
/// Wider subgroups are several such teams that hold the same.
pub const SUBGROUP_LANES: u32 = 8;

/// Lanes of the narrowest subgroups whose lanes share what they load: what SwiftShader's have, on which it was measured.
pub(super) const LEAST_SUBGROUP_LANES: u32 = 4;

/// The widest subgroups whose lanes share what they load.
pub const MOST_SUBGROUP_LANES: u32 = 64;

/// Rows and columns that a subgroup's lanes compute together, in a product and in attention.
pub(super) const SUBGROUP_ROWS: u32 = 32;

/// Invocations of a product along the columns of its output.
pub(super) const COLUMN_LANES: u32 = 8;

/// Invocations in a workgroup of a product that stages its operands: as many as every adapter takes.
pub(super) const STAGED_LANES: u32 = 256;

/// How many of them lie along the columns of the output.
pub(super) const STAGED_COLUMN_LANES: u32 = 16;

/// Workgroups below which a product that stages its operands takes small tiles: about as many as a large GPU has
/// multiprocessors.
pub(super) const STAGED_WORKGROUPS: u64 = 128;

/// Outputs from which on a product is large: tiles of eight rows and columns for an invocation then make so many
/// workgroups.
pub(super) const MANY_OUTPUTS: u64 = 8 * 8 * STAGED_LANES as u64 * STAGED_WORKGROUPS;

/// Terms from which on a sum is shared: below, summing up the shares costs more than sharing gains.
pub(super) const LONG_SUM: u32 = 64;

/// Rows and columns of a small tile that a workgroup stages.
pub(super) const STAGED_SIDE: u32 = 4 * STAGED_COLUMN_LANES;

/// Whether the gradient of G weights of N rows and K columns, of M rows together, has few outputs and long sums.
pub(super) fn has_long_sums([m, k, n, g]: [u32; 4]) -> bool {
    let tiles = product([n.div_ceil(STAGED_SIDE), k.div_ceil(STAGED_SIDE), g]);
    // Of each group's rows, about.
    tiles < STAGED_WORKGROUPS / 2 && m / g.max(1) >= LONG_SUM
}

/// Slices of such a workgroup that share the sums of a weight's gradient, and rows and columns of the gradient that
/// it computes so.
pub(super) const SHARES: u32 = 16;
/// See [`SHARES`].
pub(super) const SHARED_SIDE: u32 = 16;

/// Lanes that sum one column of a layer norm's gradient, and of an RMS norm's: rows are many where columns
/// are few, and llvmpipe allows an invocation's loops 65535 rounds.
pub const LAYER_NORM_LANES_PER_COLUMN: u32 = 16;
/// See [`LAYER_NORM_LANES_PER_COLUMN`].
pub const RMS_NORM_LANES_PER_COLUMN: u32 = 8;

/// Shares in which a whole tensor is summed before the shares are.
pub const PARTIALS: u32 = 1024;

/// Items that one workgroup puts in order: few enough for the rounds that llvmpipe allows an invocation's
/// loops, enough that counts of each key in each chunk stay few.
pub const CHUNK: u32 = 8192;

/// Rows that an invocation of attention takes together where it sees vectors.
pub const ATTENTION_TILE: u32 = 4;

/// Lanes that share a row at the most, and invocations in a workgroup. The shader states it in the lengths of arrays.
pub const RECURSION_LANES: u32 = 64;

/// Queries that a workgroup of attention has at once. Shaders state it, and [`ATTENTION_KEYS`], in the lengths of
/// arrays, which take no override here; a test of the library holds them to it.
pub const ATTENTION_QUERIES: u32 = 16;

/// Keys that a workgroup of attention's gradients stages at once, an invocation to each pair, and the invocations that
/// share a query's keys forward: few enough for 128 workgroups at 512 keys of two heads.
pub const ATTENTION_KEYS: u32 = 8;

/// Keys that a block brings to a row of attention at once. Shaders state it in types, which take no override; a test
/// of the library holds them to it.
pub const ATTENTION_BLOCK: u32 = 32;

/// Steps of BK-Core's recursions between two rescalings: a step grows a number by less than 2^3, and products of four
/// such numbers must stay within f32.
pub const RESCALE: u32 = 4;

/// The shortest sequence for which attention shares its loads among lanes: below, too few blocks are
/// met by all lanes of a workgroup.
pub const SHARED_ATTENTION: u32 = 128;

/// Workgroups along one dimension that every adapter takes.
pub(super) const WORKGROUPS: u64 = 65535;

/// How an operation runs on a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The kernel.
    pub kernel: Kernel,
    /// How it goes about it.
    pub schedule: Schedule,
    /// Workgroups to dispatch.
    pub grid: [u32; 3],
}

impl Choice {
    pub(super) fn with(mut self, set: impl FnOnce(&mut Schedule)) -> Self {
        set(&mut self.schedule);
        self
    }
}

/// One invocation for each of `count` elements, or where `extent` is a multiple of four for each four.
pub(super) fn by_four([single, vec4]: [Kernel; 2], count: u64, extent: u32) -> Choice {
    if extent.is_multiple_of(4) { each(vec4, count / 4, LANES) } else { each(single, count, LANES) }
}

/// One invocation for each of `count` elements.
pub(super) fn each(kernel: Kernel, count: u64, lanes: u32) -> Choice {
    gridded(kernel, Schedule::of_lanes(lanes), folded(count.div_ceil(lanes.into())))
}

/// One workgroup for each of `count` rows.
pub(super) fn rows(kernel: Kernel, count: u32) -> Choice {
    gridded(kernel, Schedule::of_lanes(ROW_LANES), folded(count.into()))
}

/// One workgroup in all.
pub(super) fn one(kernel: Kernel) -> Choice {
    gridded(kernel, Schedule::of_lanes(ROW_LANES), [1; 3])
}

pub(super) const fn gridded(kernel: Kernel, schedule: Schedule, grid: [u32; 3]) -> Choice {
    Choice { kernel, schedule, grid }
}

/// Workgroups in one dimension, folded into two where one is too short.
pub(super) fn folded(workgroups: u64) -> [u32; 3] {
    let x = workgroups.clamp(1, WORKGROUPS);
    [x as u32, workgroups.div_ceil(x).max(1) as u32, 1]
}

pub(super) fn product<const FACTORS: usize>(factors: [u32; FACTORS]) -> u64 {
    factors.map(u64::from).iter().product()
}
