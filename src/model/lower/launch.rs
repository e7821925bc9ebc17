//! Adding launches to a plan: one call says kernel, place, dimensions and bindings; extents are
//! derived here from how a kernel spreads its work. Knows no model.

use std::collections::BTreeMap;

use crate::execute::Limits;
use crate::plan::{Element, Init, Pass, Phase, Plan, Slice};

/// Invocations in a workgroup of every kernel whose work is a list of elements or rows.
const LANES: u32 = 64;

/// Invocations in a workgroup that reduces one long row, on every adapter: a reduction's own
/// operations depend on it, and counts are the same integers everywhere. A GPU has rows enough to fill
/// itself with 32 lanes each; a software adapter pays for every lane at each barrier.
const ROW_LANES: u32 = 32;

/// Workgroups along one dimension that every adapter takes.
const WORKGROUPS: u64 = 65535;

/// How a kernel spreads its work over invocations.
#[derive(Clone, Copy)]
pub(super) enum Spread {
    /// One invocation for each of so many elements.
    Elements(u64),
    /// One workgroup for each of so many rows.
    Rows(u64),
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

    /// A buffer of integers that passes fill before they read it.
    pub(super) fn indices(&mut self, name: impl Into<String>, len: u64) -> Slice {
        self.plan.buffer(name, Element::U32, len, Init::Scratch)
    }

    /// A small buffer of known integers.
    pub(super) fn values(&mut self, name: impl Into<String>, values: Vec<u32>) -> Slice {
        self.plan.buffer(name, Element::U32, values.len() as u64, Init::Values(values))
    }

    /// Adds a pass.
    pub(super) fn launch(&mut self, launch: &Launch<'_>) {
        let (lanes, grid) = match launch.spread {
            Spread::Elements(count) => (Some(LANES), folded(count.div_ceil(u64::from(LANES)))),
            Spread::Rows(count) => (Some(ROW_LANES), folded(count)),
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
