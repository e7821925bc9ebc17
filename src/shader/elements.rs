//! Elements of an array in a file, in a buffer's own layout: as many as the buffer holds, of its type, with its padding
//! between them. Knows no format of files.

use crate::kernel::{Layout, Number, NumberKind};

/// An array as a file has it.
pub(super) struct Elements<'a> {
    pub(super) element: Number,
    /// Extents, outermost first; empty for a single number.
    pub(super) shape: &'a [u64],
    /// The elements one after the other, little-endian.
    pub(super) bytes: &'a [u8],
}

/// How many elements an array of these extents has.
pub(super) fn count(shape: &[u64]) -> Result<u64, String> {
    let count = shape.iter().try_fold(1_u64, |product, &extent| product.checked_mul(extent));
    count.ok_or_else(|| "its shape has more elements than fit in 64 bits".to_owned())
}

/// The bytes of a buffer that holds the elements. The error says what does not fit.
pub(super) fn placed(
    Elements { element, shape, bytes: elements }: &Elements<'_>,
    layout: &Layout,
    fits: impl FnOnce(u64) -> Result<(), String>,
) -> Result<Vec<u8>, String> {
    let size = layout.bytes(count(shape)?)?;
    fits(size)?;
    let mut bytes = vec![0; usize::try_from(size).map_err(|error| error.to_string())?];
    let mut elements = elements.chunks_exact(usize::from(element.width));
    layout.each(size, |at, number| {
        if number != *element {
            return Err(format!(
                "it is an array of {element}, and the buffer is of {number}: save it as {wanted}, in NumPy with \
                 .astype('{wanted}')",
                wanted = numpy(number)
            ));
        }
        let at = at as usize;
        let value = elements.next().ok_or("it ends before the buffer does")?;
        bytes[at..at + value.len()].copy_from_slice(value);
        Ok(())
    })?;
    Ok(bytes)
}

/// What NumPy calls a type of numbers.
fn numpy(number: Number) -> String {
    let kind = match number.kind {
        NumberKind::Float => "float",
        NumberKind::Signed => "int",
        NumberKind::Unsigned => "uint",
    };
    format!("{kind}{}", 8 * u32::from(number.width))
}

/// What bytes stand for that are parts of 1, as singles.
pub(super) fn ratios(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().flat_map(|byte| (f32::from(*byte) / 255.0).to_le_bytes()).collect()
}
