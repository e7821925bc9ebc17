//! Accesses that are no atomics, though naga has them as such: where a module of SPIR-V accesses a value by an atomic
//! instruction anywhere, naga's reader makes the value's type atomic, and with it each load and each store. Which
//! instructions those are is told by the bytes of the module, where spans are places. Knows no instruction.

use std::{collections::BTreeSet, sync::Arc};

use naga::{Span, TypeInner};

/// The plain loads and stores of a module of SPIR-V. Empty for what was read from a text, whose types say what is an
/// atomic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlainAccesses(Arc<BTreeSet<usize>>);

impl PlainAccesses {
    /// Those whose instructions begin at these bytes, as naga's reader counts them.
    pub fn at(bytes: impl IntoIterator<Item = usize>) -> Self {
        Self(Arc::new(bytes.into_iter().collect()))
    }

    /// What the access at a span is to, where its place has this type: of a plain access it is no atomic.
    pub fn seen(&self, place: TypeInner, span: Span) -> TypeInner {
        match place {
            TypeInner::Atomic(scalar) if self.has(span) => TypeInner::Scalar(scalar),
            other => other,
        }
    }

    /// Whether the access at a span is one of them.
    pub fn has(&self, span: Span) -> bool {
        span.to_range().is_some_and(|range| self.0.contains(&range.start))
    }
}
