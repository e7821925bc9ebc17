//! Adding launches to a plan: one call says the operation, where it stands and its tensors; the kernel and
//! how it is spread come from `choice`. Knows no model.

use super::narrow::Narrowed;
use crate::{
    choice::{Choice, Target},
    component::{ComponentName, Phase},
    execute::Limits,
    operation::{Function, Operation, Precision},
    plan::{BufferId, ELEMENT_BYTES, Element, Init, Pass, Plan, Slice},
};

/// A plan under construction.
pub(crate) struct Builder {
    pub(crate) plan: Plan,
    pub(crate) target: Target,
    /// How wide the operands of products are.
    pub(crate) precision: Precision,
    /// What the loss is multiplied by before gradients are taken, a power of two.
    pub(crate) loss_scale: f32,
    /// What is there in half precision, of the layer and phase at work.
    pub(super) narrowed: Vec<Narrowed>,
    at_work: Option<(Option<u32>, Phase)>,
}

/// One launch, described.
pub(crate) struct Launch<'a> {
    pub(crate) operation: Operation,
    pub(crate) component: &'a ComponentName,
    pub(crate) phase: Phase,
    /// Tells launches of one kernel in one component apart; mostly empty.
    pub(crate) window: &'a str,
    /// Floating-point uniforms.
    pub(crate) scalars: &'a [(&'a str, f32)],
    /// The tensors, by the names that the kernel has for them.
    pub(crate) bindings: &'a [(&'a str, Slice)],
}

impl Builder {
    /// An empty plan.
    pub(crate) fn new(target: &Target) -> Self {
        Self {
            plan: Plan::default(),
            target: target.clone(),
            precision: Precision::Single,
            loss_scale: 1.0,
            narrowed: Vec::new(),
            at_work: None,
        }
    }

    /// What the plan must fit into.
    pub(crate) const fn limits(&self) -> &Limits {
        &self.target.limits
    }

    /// A buffer that passes fill before they read it.
    pub(crate) fn scratch(&mut self, name: impl Into<String>, len: u64) -> Slice {
        self.plan.buffer(name, Element::F32, len, Init::Scratch)
    }

    /// Room for what one pass hands to the next and nothing keeps: the same for all that is called so.
    pub(crate) fn passing(&mut self, what: &str, len: u64) -> Slice {
        self.passing_of(Element::F32, what, len)
    }

    /// The same for elements of any type.
    pub(crate) fn passing_of(&mut self, element: Element, what: &str, len: u64) -> Slice {
        let name = format!("{what} in passing");
        let place = self.plan.buffers.iter().position(|buffer| buffer.name == name);
        let Some(place) = place else { return self.plan.buffer(name, element, len, Init::Scratch) };
        let buffer = &mut self.plan.buffers[place];
        buffer.len = buffer.len.max(len);
        Slice { buffer: BufferId(place as u32), offset: 0, len }
    }

    /// A buffer of integers that passes fill before they read it.
    pub(crate) fn indices(&mut self, name: impl Into<String>, len: u64) -> Slice {
        self.plan.buffer(name, Element::U32, len, Init::Scratch)
    }

    /// A small buffer of known integers.
    pub(crate) fn values(&mut self, name: impl Into<String>, values: Vec<u32>) -> Slice {
        self.plan.buffer(name, Element::U32, values.len() as u64, Init::Values(values))
    }

    /// Goes on with a layer and a phase. What others left in half precision is no longer known to be there: their passes
    /// may run again in between.
    pub(super) fn begin(&mut self, component: &ComponentName, phase: Phase) {
        if self.at_work != Some((component.layer, phase)) {
            self.at_work = Some((component.layer, phase));
            self.narrowed.clear();
        }
    }

    /// Adds a pass.
    pub(crate) fn launch(&mut self, launch: &Launch<'_>) {
        let Launch { operation, component, phase, window, scalars, bindings } = *launch;
        let Choice { kernel, schedule, grid } = self.target.choose(&operation);
        self.begin(component, phase);
        self.narrowed.retain(|narrowed| !narrowed.is_changed_by(&operation, bindings));
        let window = if window.is_empty() { String::new() } else { format!(" {window}") };
        self.plan.passes.push(Pass {
            label: format!("{phase} {component} {kernel}{window}"),
            operation,
            kernel,
            schedule,
            component: component.clone(),
            phase,
            recomputed: false,
            scalars: scalars.iter().map(|(n, v)| ((*n).to_owned(), *v)).collect(),
            bindings: bindings.iter().map(|(n, s)| ((*n).to_owned(), *s)).collect(),
            grid,
        });
    }
}

/// out = x + y in the forward pass, of as many elements as x has.
pub(crate) fn sum(
    to: &mut Builder,
    component: &ComponentName,
    window: &str,
    [x, y, out]: [Slice; 3],
) {
    to.launch(&Launch {
        operation: Operation::Pointwise { function: Function::Sum, p: x.len as u32 },
        component,
        phase: Phase::Forward,
        window,
        scalars: &[],
        bindings: &[("x", x), ("y", y), ("out", out)],
    });
}

/// Cuts `count` rows, of these widths in the tensors that are cut together, into as few windows as a
/// binding holds, each beginning where a binding may begin in every one of the tensors: first row and
/// number of rows. `None` where not one such window fits.
pub(crate) fn windows(count: u32, widths: &[u64], limits: &Limits) -> Option<Vec<(u32, u32)>> {
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
pub(crate) fn window_name(what: &str, (first, rows): (u32, u32), of: u32) -> String {
    if rows == of { String::new() } else { format!("{what} {first}..{}", first + rows) }
}
