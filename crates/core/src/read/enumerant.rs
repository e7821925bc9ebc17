//! The words of naga's SPIR-V reader for what it does not take. Where it has a number of the grammar, `%35`, as if that were
//! an id, here is the name. Knows the grammar alone.

use naga::front::spv::Error;
use rspirv::spirv::{
    BuiltIn, Capability, Dim, ExecutionMode, ExecutionModel, GlslStd450Op, GroupOperation,
    ImageFormat, StorageClass,
};

/// An error in words.
pub(super) fn told(error: &Error) -> String {
    let words = error.to_string();
    match named(error) {
        Some((number, name)) => words.replace(&format!("%{number}"), &name),
        None => words,
    }
}

/// The number of an error that is no id, and what it stands for.
fn named(error: &Error) -> Option<(u32, String)> {
    let name = match *error {
        Error::UnknownCapability(it) => (it, format!("{:?}", Capability::from_u32(it)?)),
        Error::UnsupportedBuiltIn(it) => (it, format!("{:?}", BuiltIn::from_u32(it)?)),
        Error::UnsupportedExecutionMode(it) => (it, format!("{:?}", ExecutionMode::from_u32(it)?)),
        Error::UnsupportedExecutionModel(it) => {
            (it, format!("{:?}", ExecutionModel::from_u32(it)?))
        }
        Error::UnsupportedExtInst(it) => {
            (it, format!("{:?} of GLSL.std.450", GlslStd450Op::from_u32(it)?))
        }
        Error::UnsupportedGroupOperation(it) => {
            (it, format!("{:?}", GroupOperation::from_u32(it)?))
        }
        Error::UnsupportedImageDim(it) => (it, format!("{:?}", Dim::from_u32(it)?)),
        Error::UnsupportedImageFormat(it) => (it, format!("{:?}", ImageFormat::from_u32(it)?)),
        Error::UnsupportedStorageClass(it) => (it, format!("{:?}", StorageClass::from_u32(it)?)),
        Error::InvalidTypeWidth(bytes) => (bytes, format!("of {bytes} B")),
        _ => return None,
    };
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_the_grammar_have_their_names_and_ids_stay() {
        for (error, says) in [
            (
                Error::UnsupportedExtInst(76),
                "extension instantiation InterpolateAtCentroid of GLSL.std.450",
            ),
            (Error::UnsupportedExtInst(9999), "extension instantiation %9999"),
            (Error::UnsupportedGroupOperation(3), "group operation ClusteredReduce"),
            (Error::UnsupportedBuiltIn(36), "builtin SubgroupSize"),
            (Error::InvalidTypeWidth(2), "type width of 2 B"),
            (Error::InvalidId(35), "invalid id %35"),
        ] {
            let told = told(&error);
            assert!(told.contains(says), "{told}");
        }
    }
}
