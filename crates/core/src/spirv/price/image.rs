//! What touching an image costs: texels in the size of the format that its type states, else as the kernel receives
//! them, and one operation for a read through a sampler, beside the divisions of a projective one. Knows nothing of coordinates.

use rspirv::spirv::{Dim, ImageFormat, Op as Instr};

use super::SpirvPricer;
use crate::{
    composition::{Priced, sample, texture_load, texture_store},
    op::{Op, Price, Scalar},
    spirv::{
        handles,
        memory::bytes,
        words::{Id, Instruction},
    },
};

/// The place of the format among the operands of an image's type.
const FORMAT: usize = 6;

impl SpirvPricer<'_> {
    /// What an instruction that loads, stores or samples texels costs.
    pub(super) fn of_image(&self, op: Instr, instruction: Instruction<'_>) -> Priced {
        let operands = instruction.operands();
        let received = || {
            let ty = instruction.result_type().ok_or("a read of a texel has no result")?;
            bytes(self.module, ty)
        };
        match op {
            Instr::ImageRead => {
                let stated = self.stated(operands[0])?;
                Ok(texture_load(stated.map_or_else(received, Ok)?))
            }
            Instr::ImageWrite => {
                let stated = self.stated(operands[0])?;
                let written = || bytes(self.module, self.module.value_type(operands[2])?);
                Ok(texture_store(stated.map_or_else(written, Ok)?))
            }
            Instr::ImageFetch => Ok(texture_load(received()?)),
            // By its last component the others are divided.
            Instr::ImageSampleProjImplicitLod | Instr::ImageSampleProjExplicitLod => {
                let divided = self.dimensions(operands[0])?;
                Ok(sample(received()?) + Price::of(Scalar::F32, &[(Op::Div, divided)]))
            }
            // And so is what the texel is compared with.
            Instr::ImageSampleProjDrefImplicitLod | Instr::ImageSampleProjDrefExplicitLod => {
                let divided = self.dimensions(operands[0])? + 1;
                Ok(sample(received()?) + Price::of(Scalar::F32, &[(Op::Div, divided)]))
            }
            _ => Ok(sample(received()?)),
        }
    }

    /// Along how many extents an image that a sampler reads is addressed.
    fn dimensions(&self, combined: Id) -> Result<u64, String> {
        const DIM: usize = 1;
        let image = handles::sampled_image(self.module, combined);
        let ty = image.and_then(|image| self.module.definition(image));
        match ty.and_then(|ty| Dim::from_u32(*ty.operands().get(DIM)?)) {
            Some(Dim::Dim1D) => Ok(1),
            Some(Dim::Dim2D | Dim::DimRect) => Ok(2),
            Some(Dim::Dim3D) => Ok(3),
            _ => Err("a texture of dimensions that are not known".into()),
        }
    }

    /// Bytes of a texel of an image; `None` where its type states no format.
    fn stated(&self, image: Id) -> Result<Option<u64>, String> {
        let ty = self.module.value_type(image)?;
        let stated = self.module.definition(ty).and_then(|ty| ty.operands().get(FORMAT).copied());
        let format = stated.and_then(ImageFormat::from_u32);
        format
            .map_or_else(|| Err("an image of a format that is not known".into()), |f| Ok(texel(f)))
    }
}

const fn texel(format: ImageFormat) -> Option<u64> {
    use ImageFormat::*;
    Some(match format {
        Unknown => return None,
        R8 | R8Snorm | R8i | R8ui => 1,
        R16 | R16Snorm | R16f | R16i | R16ui | Rg8 | Rg8Snorm | Rg8i | Rg8ui => 2,
        R32f | R32i | R32ui | Rg16 | Rg16Snorm | Rg16f | Rg16i | Rg16ui => 4,
        Rgba8 | Rgba8Snorm | Rgba8i | Rgba8ui | Rgb10A2 | Rgb10a2ui | R11fG11fB10f => 4,
        Rg32f | Rg32i | Rg32ui | R64i | R64ui => 8,
        Rgba16 | Rgba16Snorm | Rgba16f | Rgba16i | Rgba16ui => 8,
        Rgba32f | Rgba32i | Rgba32ui => 16,
    })
}
