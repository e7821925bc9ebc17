//! How many bytes a texel takes in the format that a kernel states. Knows nothing of how often one is touched.

use naga::{ImageClass, StorageFormat, TypeInner};

/// Bytes of a texel of a storage texture; `None` for any other texture, whose format the kernel does not state.
pub(super) fn stated(inner: &TypeInner) -> Option<u64> {
    match *inner {
        TypeInner::Image { class: ImageClass::Storage { format, .. }, .. } => Some(bytes(format)),
        _ => None,
    }
}

const fn bytes(format: StorageFormat) -> u64 {
    use StorageFormat::*;
    match format {
        R8Unorm | R8Snorm | R8Uint | R8Sint => 1,
        R16Uint | R16Sint | R16Float | R16Unorm | R16Snorm => 2,
        Rg8Unorm | Rg8Snorm | Rg8Uint | Rg8Sint => 2,
        R32Uint | R32Sint | R32Float => 4,
        Rg16Uint | Rg16Sint | Rg16Float | Rg16Unorm | Rg16Snorm => 4,
        Rgba8Unorm | Rgba8Snorm | Rgba8Uint | Rgba8Sint | Bgra8Unorm => 4,
        Rgb10a2Uint | Rgb10a2Unorm | Rg11b10Ufloat => 4,
        R64Uint | Rg32Uint | Rg32Sint | Rg32Float => 8,
        Rgba16Uint | Rgba16Sint | Rgba16Float | Rgba16Unorm | Rgba16Snorm => 8,
        Rgba32Uint | Rgba32Sint | Rgba32Float => 16,
    }
}
