//! Where a texel of a texture lies in memory, and which texel lies where. Before the first stand the extents of the
//! texture; each is the four words that a shader sees. Knows no formats.

use std::sync::atomic::Ordering::Relaxed;

use super::memory::Words;
use crate::execute::Texel;

/// Bytes before the first texel, and those of a sampler.
#[cfg(feature = "textures")]
pub(super) const HEADER_BYTES: u32 = 16;

/// Bytes of a texel.
pub(super) const TEXEL_BYTES: u32 = 16;

/// The extents of a texture that is addressed along so many axes.
pub(super) fn extent(memory: Words<'_>, axes: usize) -> Vec<u32> {
    memory.iter().take(axes).map(|word| word.load(Relaxed)).collect()
}

/// The texel at this place, if it is outside of the texture.
pub(super) fn outside(extent: Vec<u32>, place: [u32; 3]) -> Option<Texel> {
    let is_outside = extent.iter().zip(place).any(|(&extent, at)| at >= extent);
    let at = place.iter().take(extent.len()).map(|at| at.cast_signed()).collect();
    is_outside.then_some(Texel { at, extent })
}

/// The texel of this number in a texture, row by row.
pub(super) fn numbered(extent: &[u32], number: u64) -> Texel {
    let mut rest = number;
    let at = extent.iter().map(|&extent| {
        let along = rest % u64::from(extent.max(1));
        rest /= u64::from(extent.max(1));
        along as i32
    });
    Texel { at: at.collect(), extent: extent.to_vec() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texels_are_numbered_row_by_row() {
        let texel = |at: [i32; 3]| Texel { at: at.to_vec(), extent: vec![4, 3, 2] };
        assert_eq!(numbered(&[4, 3, 2], 0), texel([0, 0, 0]));
        assert_eq!(numbered(&[4, 3, 2], 23), texel([3, 2, 1]));
        assert_eq!(numbered(&[4, 3, 2], 13), texel([1, 0, 1]));
        assert_eq!(outside(vec![4, 3, 2], [3, 2, 1]), None);
        assert_eq!(outside(vec![4, 3, 2], [3, u32::MAX, 1]), Some(texel([3, -1, 1])));
    }
}
