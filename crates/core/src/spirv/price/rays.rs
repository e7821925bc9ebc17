//! What ray queries cost: a step of one is `int.trace`, and nothing else of them costs. What a device computes and reads
//! while it traverses an acceleration structure no kernel states, as it does not state how a sampler filters.

use rspirv::spirv::Op as Instr;

use crate::{composition::trace, op::Price};

/// What an instruction of ray queries costs; `None` for any other.
pub(super) fn price(op: Instr) -> Option<Price> {
    match op {
        Instr::RayQueryProceedKHR => Some(trace()),
        Instr::ConvertUToAccelerationStructureKHR
        | Instr::RayQueryInitializeKHR
        | Instr::RayQueryTerminateKHR
        | Instr::RayQueryGenerateIntersectionKHR
        | Instr::RayQueryConfirmIntersectionKHR
        | Instr::RayQueryGetIntersectionTypeKHR
        | Instr::RayQueryGetIntersectionTriangleVertexPositionsKHR
        | Instr::RayQueryGetRayTMinKHR
        | Instr::RayQueryGetRayFlagsKHR
        | Instr::RayQueryGetIntersectionTKHR
        | Instr::RayQueryGetIntersectionInstanceCustomIndexKHR
        | Instr::RayQueryGetIntersectionInstanceIdKHR
        | Instr::RayQueryGetIntersectionInstanceShaderBindingTableRecordOffsetKHR
        | Instr::RayQueryGetIntersectionGeometryIndexKHR
        | Instr::RayQueryGetIntersectionPrimitiveIndexKHR
        | Instr::RayQueryGetIntersectionBarycentricsKHR
        | Instr::RayQueryGetIntersectionFrontFaceKHR
        | Instr::RayQueryGetIntersectionCandidateAABBOpaqueKHR
        | Instr::RayQueryGetIntersectionObjectRayDirectionKHR
        | Instr::RayQueryGetIntersectionObjectRayOriginKHR
        | Instr::RayQueryGetWorldRayDirectionKHR
        | Instr::RayQueryGetWorldRayOriginKHR
        | Instr::RayQueryGetIntersectionObjectToWorldKHR
        | Instr::RayQueryGetIntersectionWorldToObjectKHR => Some(Price::default()),
        _ => None,
    }
}
