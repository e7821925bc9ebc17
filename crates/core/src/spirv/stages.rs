//! Leaves out of a module of compute shaders what it declares for other stages, which no device is asked for.

use rspirv::spirv::{Capability, ExecutionModel, Op};

use super::words::{HEADER, instructions};

/// Numbers of 16 bits between stages. naga declares it wherever a shader has such numbers.
const IDLE: [Capability; 1] = [Capability::StorageInputOutput16];

/// All words of the module; `None` where it declares no such thing, or has other stages.
///
/// # Errors
/// What is not SPIR-V about the words.
pub(super) fn of_compute(words: &[u32]) -> Result<Option<Vec<u32>>, String> {
    let all = instructions(words)?;
    let mut entries = all.iter().filter(|its| its.is(Op::EntryPoint));
    if entries.any(|its| its.operands()[0] != ExecutionModel::GLCompute as u32) {
        return Ok(None);
    }
    let idle = IDLE.map(|capability| capability as u32);
    let mut written = words[..HEADER].to_vec();
    for instruction in all {
        if !(instruction.is(Op::Capability) && idle.contains(&instruction.operands()[0])) {
            written.extend(instruction.words);
        }
    }
    Ok((written.len() < words.len()).then_some(written))
}
