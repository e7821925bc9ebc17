//! A tensor of a safetensors file as the contents of a buffer. Knows which types of numbers buffers have, and not what
//! the file is otherwise.

use std::path::Path;

use super::elements::{Elements, placed};
use crate::{
    kernel::{Layout, Number, NumberKind},
    tensors::{Dtype, TensorFile},
};

/// What stands between a safetensors file and the name of a tensor in it.
const NAMES: &str = ".safetensors#";

/// The file and the tensor of `FILE.safetensors#NAME`; `None` where it is a path and no more.
pub(super) fn named(path: &Path) -> Option<(&Path, &str)> {
    let text = path.to_str()?;
    let at = text.find(NAMES)? + NAMES.len();
    Some((Path::new(&text[..at - 1]), &text[at..]))
}

/// The bytes of a buffer that holds a tensor, if its shape `is_right`. The error says what is not understood or does not
/// fit.
pub(super) fn bytes(
    path: &Path,
    name: &str,
    layout: &Layout,
    is_right: impl FnOnce(&[u64]) -> Result<(), String>,
    fits: impl FnOnce(u64) -> Result<(), String>,
) -> Result<Vec<u8>, String> {
    let file = TensorFile::open(path).map_err(|error| error.to_string())?;
    let tensor = file.get(name).ok_or_else(|| match &file.names()[..] {
        [] => "it has no tensors".to_owned(),
        names => format!("it has no tensor '{name}': it has {}", names.join(", ")),
    })?;
    let element = number(tensor.dtype).ok_or_else(|| {
        format!(
            "its tensor '{name}' is of {}, which no buffer holds: save it as F32, or as U32",
            format!("{:?}", tensor.dtype).to_uppercase()
        )
    })?;
    let shape: Vec<u64> = tensor.shape.iter().map(|&extent| extent as u64).collect();
    is_right(&shape)?;
    placed(&Elements { element, shape: &shape, bytes: tensor.bytes }, layout, fits)
}

/// What the tensors of a file are called, in words.
pub(super) fn tensors(path: &Path) -> String {
    TensorFile::open(path).map_or_else(|error| error.to_string(), |file| file.names().join(", "))
}

/// The type of a buffer's numbers; `None` where buffers have no such type.
fn number(dtype: Dtype) -> Option<Number> {
    let (kind, width) = match dtype {
        Dtype::F16 => (NumberKind::Float, 2),
        Dtype::F32 => (NumberKind::Float, 4),
        Dtype::F64 => (NumberKind::Float, 8),
        Dtype::I16 => (NumberKind::Signed, 2),
        Dtype::I32 => (NumberKind::Signed, 4),
        Dtype::I64 => (NumberKind::Signed, 8),
        Dtype::U16 => (NumberKind::Unsigned, 2),
        Dtype::U32 => (NumberKind::Unsigned, 4),
        Dtype::U64 => (NumberKind::Unsigned, 8),
        // The crate's enum is open; these and what may follow have no counterpart in shaders.
        _ => return None,
    };
    Some(Number { kind, width })
}
