//! What the statements of a ray query cost: a step is one `int.trace`, and nothing else of it costs. What a device computes
//! and reads while it traverses an acceleration structure no kernel states.

use naga::RayQueryFunction;

use crate::{composition::trace, op::Price};

/// What a statement of a ray query costs.
pub(super) fn price(fun: &RayQueryFunction) -> Price {
    match fun {
        RayQueryFunction::Proceed { .. } => trace(),
        RayQueryFunction::Initialize { .. }
        | RayQueryFunction::GenerateIntersection { .. }
        | RayQueryFunction::ConfirmIntersection
        | RayQueryFunction::Terminate => Price::default(),
    }
}
