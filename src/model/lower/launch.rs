//! Adding launches to a plan: one call says kernel, place, dimensions and bindings; extents are
//! derived here from how a kernel spreads its work. Knows no model.

use std::collections::BTreeMap;

use crate::execute::Limits;
use crate::plan::{BufferId, ELEMENT_BYTES, Element, Init, Pass, Phase, Plan, Slice};

/// Invocations in a workgroup of every kernel whose work is a list of elements or rows.
const LANES: u32 = 64;

/// Invocations in a workgroup that reduces one long row, on every adapter: a reduction's own
/// operations depend on it, and counts are the same integers everywhere. A GPU has rows enough to fill
/// itself with 32 lanes each; a software adapter pays for every lane at each barrier.
const ROW_LANES: u32 = 32;

/// Invocations in a workgroup where each works long.
const LONG_LANES: u32 = 8;

/// Invocations in a workgroup that walks down columns: as many as every adapter takes, so that what it reads
/// of a row is long.
const WIDE_LANES: u32 = 256;

/// Lanes in the subgroups that kernels sharing their loads are for: what software adapters have, and
/// what they were measured on; wide GPUs serve the lanes' equal loads from one cache line.
pub(super) const SUBGROUP_LANES: u32 = 8;

/// Workgroups along one dimension that every adapter takes.
const WORKGROUPS: u64 = 65535;

/// How a kernel spreads its work over invocations.
#[derive(Clone, Copy)]
pub(super) enum Spread {
    /// One invocation for each of so many elements.
    Elements(u64),
    /// One invocation for each of so many elements, each of them long, so that few of them make a
    /// workgroup.
    Long(u64),
    /// One invocation for each of so many elements, neighbours walking down neighbouring columns.
    Columns(u64),
    /// One workgroup for each of so many rows.
    Rows(u64),
    /// One subgroup of eight lanes for each of so many tiles, and a workgroup for itself.
    Subgroups(u64),
    /// One workgroup in all.
    One,
    /// Workgroups as given; the kernel's tile sizes are among its dims.
    Grid([u32; 3]),
}

/// A plan under construction, for an adapter with these limits.
pub(super) struct Builder {
    pub(super) plan: Plan,
    pub(super) limits: Limits,
}

/// One launch, described.
pub(super) struct Launch<'a> {
    pub(super) kernel: &'a str,
    pub(super) component: &'a str,
    pub(super) phase: Phase,
    /// Tells launches of one kernel in one component apart; mostly empty.
    pub(super) window: &'a str,
    pub(super) dims: &'a [(&'a str, u32)],
    /// Floating-point uniforms.
    pub(super) scalars: &'a [(&'a str, f32)],
    pub(super) bindings: &'a [(&'a str, Slice)],
    pub(super) spread: Spread,
}

impl Builder {
    /// A buffer that passes fill before they read it.
    pub(super) fn scratch(&mut self, name: impl Into<String>, len: u64) -> Slice {
        self.plan.buffer(name, Element::F32, len, Init::Scratch)
    }

    /// Room for what one pass hands to the next and nobody keeps: the same for all.
    pub(super) fn passing(&mut self, len: u64) -> Slice {
        const NAME: &str = "in passing";
        let place = self.plan.buffers.iter().position(|buffer| buffer.name == NAME);
        let Some(place) = place else { return self.scratch(NAME, len) };
        let buffer = &mut self.plan.buffers[place];
        buffer.len = buffer.len.max(len);
        Slice { buffer: BufferId(place as u32), offset: 0, len }
    }

    /// A buffer of integers that passes fill before they read it.
    pub(super) fn indices(&mut self, name: impl Into<String>, len: u64) -> Slice {
        self.plan.buffer(name, Element::U32, len, Init::Scratch)
    }

    /// A small buffer of known integers.
    pub(super) fn values(&mut self, name: impl Into<String>, values: Vec<u32>) -> Slice {
        self.plan.buffer(name, Element::U32, values.len() as u64, Init::Values(values))
    }

    /// Adds the pass of an elementwise kernel. Where `extent` is a multiple of four, each invocation does four
    /// elements: of the tensors bound, all but those named in `single` are seen as vectors then.
    pub(super) fn launch_by_four(&mut self, launch: &Launch<'_>, extent: u32, single: &[&str]) {
        let suffix = vec4(extent, 4);
        let Spread::Elements(count) = launch.spread else { unreachable!("it is elementwise") };
        let view = |name: &str| if single.contains(&name) { "" } else { suffix };
        let bound: Vec<_> = launch
            .bindings
            .iter()
            .map(|&(name, slice)| (format!("{name}{}", view(name)), slice))
            .collect();
        let bindings: Vec<_> = bound.iter().map(|(name, slice)| (name.as_str(), *slice)).collect();
        self.launch(&Launch {
            kernel: &format!("{}{suffix}", launch.kernel),
            bindings: &bindings,
            spread: Spread::Elements(if suffix.is_empty() { count } else { count / 4 }),
            ..*launch
        });
    }

    /// Adds a pass.
    pub(super) fn launch(&mut self, launch: &Launch<'_>) {
        let each = |count: u64, lanes: u32| (Some(lanes), folded(count.div_ceil(lanes.into())));
        let (lanes, grid) = match launch.spread {
            Spread::Elements(count) => each(count, LANES),
            Spread::Long(count) => each(count, LONG_LANES),
            Spread::Columns(count) => each(count, WIDE_LANES),
            Spread::Rows(count) => (Some(ROW_LANES), folded(count)),
            Spread::Subgroups(count) => (Some(SUBGROUP_LANES), folded(count)),
            Spread::One => (Some(ROW_LANES), [1; 3]),
            Spread::Grid(grid) => (None, grid),
        };
        let Launch { kernel, component, phase, window, dims, scalars, bindings, .. } = *launch;
        let name = kernel.parse().expect("a lowering names kernels as FILE.ENTRY");
        let mut all: BTreeMap<_, _> = dims.iter().map(|(n, v)| ((*n).to_owned(), *v)).collect();
        all.extend(lanes.map(|lanes| ("LANES".to_owned(), lanes)));
        let window = if window.is_empty() { String::new() } else { format!(" {window}") };
        self.plan.passes.push(Pass {
            label: format!("{phase} {component} {kernel}{window}"),
            kernel: name,
            component: component.to_owned(),
            phase,
            dims: all,
            scalars: scalars.iter().map(|(n, v)| ((*n).to_owned(), *v)).collect(),
            bindings: bindings.iter().map(|(n, s)| ((*n).to_owned(), *s)).collect(),
            grid,
        });
    }
}

/// Workgroups in one dimension, folded into two where one is too short.
fn folded(workgroups: u64) -> [u32; 3] {
    let x = workgroups.clamp(1, WORKGROUPS);
    [x as u32, workgroups.div_ceil(x).max(1) as u32, 1]
}

/// The suffix of an entry that takes vectors of four where `extent` is a multiple of `of`, and none
/// otherwise.
pub(super) fn vec4(extent: u32, of: u32) -> &'static str {
    if extent.is_multiple_of(of) { "_vec4" } else { "" }
}

/// Cuts `count` rows, of these widths in the tensors that are cut together, into as few windows as a
/// binding holds, each beginning where a binding may begin in every one of the tensors: first row and
/// number of rows. None where not one such window fits.
pub(super) fn windows(count: u32, widths: &[u64], limits: &Limits) -> Option<Vec<(u32, u32)>> {
    let row_bytes = widths.iter().map(|width| width * ELEMENT_BYTES);
    let most = limits.binding_bytes / row_bytes.clone().max()?;
    let most = u32::try_from(most).unwrap_or(u32::MAX);
    let each = if most < count {
        // Alignments are powers of two, so what one tensor needs is a multiple of what another does.
        let aligned = |bytes: u64| limits.offset_alignment >> bytes.trailing_zeros();
        let step = u32::try_from(row_bytes.map(aligned).max()?.max(1)).unwrap_or(u32::MAX);
        // Kernels take extents that are multiples of four by vectors.
        let step = if most < 4 { step } else { step.max(4) };
        most / step * step
    } else {
        count
    };
    if each == 0 {
        return None;
    }
    let window = |first: u32| (first, each.min(count - first));
    Some((0..count).step_by(each as usize).map(window).collect())
}

/// What tells a window apart from the others: nothing where it is the whole.
pub(super) fn window_name(what: &str, (first, rows): (u32, u32), of: u32) -> String {
    if rows == of { String::new() } else { format!("{what} {first}..{}", first + rows) }
}
