//! Plain loads and stores that naga's IR has as atomic ones. Where a module of SPIR-V accesses a value by an atomic
//! instruction anywhere, naga's reader makes the value's type atomic, and with it every load and store of the value. The
//! plain ones are identified by their byte offsets in the module, which naga's spans state. Knows no instruction.

use std::{collections::BTreeSet, sync::Arc};

use naga::{Span, TypeInner};

/// The plain loads and stores of a module of SPIR-V. Empty for a module that was read from text, whose types say which
/// values are atomic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlainAccesses(Arc<BTreeSet<usize>>);

impl PlainAccesses {
    /// The accesses whose instructions begin at these byte offsets, as naga's reader counts them.
    pub fn at(bytes: impl IntoIterator<Item = usize>) -> Self {
        Self(Arc::new(bytes.into_iter().collect()))
    }

    /// The type that the access at a span reads or writes, where its place has type `place`: not an atomic one for a plain
    /// access.
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
