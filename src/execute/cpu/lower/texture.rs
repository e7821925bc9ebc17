//! Textures: a texel is loaded from and stored to memory like the words of a buffer, at an index that is out of every
//! bound where a coordinate is. What a store makes of a value is the format's. Reads through samplers are beside this.

mod sample;

use naga::{Expression, GlobalVariable, Handle, ImageQuery, TypeInner};

use super::{Frame, Index, Lower, Lowered, Lowering, Pointee, Sum, types};
use crate::execute::{
    Access, Channel, DeclaredTexels, DeclaredTexture, TexelFormat, TextureDimension,
    cpu::{
        alu::Alu,
        program::{ARE_STRAYS_TOLD, Address, Inst, Memory, Num, Reg},
        texel::{HEADER_BYTES, TEXEL_BYTES},
    },
    texture::scale,
};

/// A coordinate of a texel, and the layer that it is in.
type Coordinates = (Handle<Expression>, Option<Handle<Expression>>);

/// A texture in memory.
struct Image {
    memory: usize,
    dimension: TextureDimension,
    /// The format of a storage texture.
    format: Option<TexelFormat>,
    /// Width, height, and depth or layers.
    extent: [Reg; 3],
}

impl<'a> Lowering<'a> {
    /// Finds a place for a texture or a sampler.
    pub(super) fn handle(
        &mut self,
        variable: &GlobalVariable,
        inner: &TypeInner,
    ) -> Lower<Pointee> {
        let texture = match *inner {
            TypeInner::Sampler { comparison: true } => return Err("a comparison sampler".into()),
            TypeInner::Sampler { comparison: false } => None,
            _ => Some(DeclaredTexture::of(inner)?),
        };
        let at = variable.binding.ok_or("a texture or sampler without a binding")?;
        let memory = self.memory(Memory::Buffer { group: at.group, binding: at.binding });
        self.named(variable, memory, if texture.is_some() { HEADER_BYTES } else { 0 });
        if let Some(DeclaredTexture { dimension, texels }) = texture {
            let bytes = match texels {
                DeclaredTexels::Storage(format, _) => format.bytes(),
                DeclaredTexels::Sampled(_) => TEXEL_BYTES.into(),
            };
            self.textures.insert(memory, (dimension.extents(), bytes));
        }
        Ok(Pointee::Memory { memory, offset: 0, index: Index::None })
    }

    /// An expression that loads, samples or asks for the extents of a texture.
    pub(super) fn image(
        &mut self,
        frame: &mut Frame<'a>,
        handle: Handle<Expression>,
        expression: &Expression,
    ) -> Lower<Vec<Num>> {
        match *expression {
            Expression::ImageLoad { image, coordinate, array_index, sample: None, level } => {
                let texture = self.texture(frame, image)?;
                let bytes = match texture.format {
                    Some(format) => format.bytes(),
                    None => types::bytes(self.types(), self.inner(frame, handle))?,
                };
                self.cost.traffic.texture_load += bytes;
                let (mut at, place) = self.texel(frame, &texture, (coordinate, array_index))?;
                if let Some(level) = level {
                    let (level, first) = (self.scalar(frame, level)?, self.constant(0));
                    let is_first = self.alu(Alu::Eq, &[level, first]);
                    at.valid = self.alu(Alu::And, &[at.valid, is_first]);
                }
                let at = self.texel_address(&texture, at, Some(place));
                self.watched(at, TEXEL_BYTES, Access::Load);
                let to: Vec<Reg> = (0..4).map(|_| self.register(false)).collect();
                self.emit(Inst::Load { at, to: to.clone().into() });
                Ok(to.into_iter().map(|reg| self.num(reg)).collect())
            }
            Expression::ImageQuery { image, query } => {
                let Image { extent, dimension, .. } = self.texture(frame, image)?;
                let regs = match query {
                    ImageQuery::Size { level: _ } => extent[..axes(dimension)].to_vec(),
                    ImageQuery::NumLevels => vec![self.constant(1)],
                    ImageQuery::NumLayers => vec![extent[2]],
                    ImageQuery::NumSamples => return Err("a multisampled texture".into()),
                };
                Ok(regs.into_iter().map(|reg| self.num(reg)).collect())
            }
            Expression::ImageSample { .. } => self.image_sample(frame, handle, expression),
            _ => Err("a multisampled texture".into()),
        }
    }

    /// Stores a texel.
    pub(super) fn image_store(
        &mut self,
        frame: &mut Frame<'a>,
        image: Handle<Expression>,
        coordinates: Coordinates,
        value: Handle<Expression>,
    ) -> Lower<()> {
        let value = self.value(frame, value)?;
        let texture = self.texture(frame, image)?;
        let format = texture.format.ok_or("a store to a texture that is only sampled")?;
        self.cost.traffic.texture_store += format.bytes();
        let from = self.stored(format, &value);
        let (at, place) = self.texel(frame, &texture, coordinates)?;
        let at = self.texel_address(&texture, at, Some(place));
        self.watched(at, TEXEL_BYTES, Access::Store);
        self.emit(Inst::Store { at, from: from.into() });
        Ok(())
    }

    /// The texture that an expression names.
    fn texture(&mut self, frame: &mut Frame<'a>, image: Handle<Expression>) -> Lower<Image> {
        let DeclaredTexture { dimension, texels } = DeclaredTexture::of(self.inner(frame, image))?;
        let format = match texels {
            DeclaredTexels::Sampled(_) => None,
            DeclaredTexels::Storage(format, _) => Some(format),
        };
        let memory = self.handle_memory(frame, image)?;
        let extent = self.header(memory);
        Ok(Image { memory, dimension, format, extent })
    }

    /// The memory of a texture or a sampler.
    fn handle_memory(&mut self, frame: &mut Frame<'a>, handle: Handle<Expression>) -> Lower<usize> {
        match self.lowered(frame, handle)? {
            Lowered::Pointee(Pointee::Memory { memory, .. }) => Ok(memory),
            Lowered::Pointee(_) | Lowered::Value(_) => Err("a texture that is not bound".into()),
        }
    }

    /// The words at the beginning of the memory of a texture or a sampler.
    fn header(&mut self, memory: usize) -> [Reg; 3] {
        let at = self.address(memory, 0, Index::None);
        let to = [(); 3].map(|()| self.register(false));
        self.emit(Inst::Load { at, to: to.into() });
        to
    }

    /// The place of a texel in a texture, and its coordinates.
    fn texel(
        &mut self,
        frame: &mut Frame<'a>,
        texture: &Image,
        (coordinate, layer): Coordinates,
    ) -> Lower<(Sum, [Reg; 3])> {
        let mut place: Vec<Reg> =
            self.value(frame, coordinate)?.into_iter().map(|num| num.low).collect();
        place.resize(3, self.constant(0));
        if let Some(layer) = layer {
            place[2] = self.scalar(frame, layer)?;
        }
        let place = [place[0], place[1], place[2]];
        Ok((self.texel_at(texture, place), place))
    }

    /// The place of a texel by its coordinates, and whether it is in the texture.
    fn texel_at(&mut self, texture: &Image, place: [Reg; 3]) -> Sum {
        let [width, height, _] = texture.extent;
        let [x, y, z] = place;
        let row = self.alu(Alu::MulI, &[z, height]);
        let row = self.alu(Alu::AddI, &[row, y]);
        let number = self.alu(Alu::MulI, &[row, width]);
        let number = self.alu(Alu::AddI, &[number, x]);
        let bytes = self.constant(TEXEL_BYTES);
        let value = self.alu(Alu::MulI, &[number, bytes]);
        let within = [0, 1, 2].map(|i| self.alu(Alu::LtU, &[place[i], texture.extent[i]]));
        let valid = self.alu(Alu::And, &[within[0], within[1]]);
        Sum { value, valid: self.alu(Alu::And, &[valid, within[2]]) }
    }

    /// The address of a texel; of one that may be outside, with its coordinates.
    fn texel_address(&mut self, texture: &Image, at: Sum, place: Option<[Reg; 3]>) -> Address {
        let texel = place.filter(|_| ARE_STRAYS_TOLD);
        Address { texel, ..self.address(texture.memory, HEADER_BYTES, Index::Sum(at)) }
    }

    /// The words that a texel holds after a store of a value.
    fn stored(&mut self, format: TexelFormat, value: &[Num]) -> Vec<Reg> {
        let (channels, bits, channel) = format.channels();
        let mut words: Vec<Reg> = value[..channels].iter().map(|num| num.low).collect();
        for word in &mut words {
            *word = match channel {
                Channel::Unorm => self.normalized(*word, 0.0, scale(bits)),
                Channel::Snorm => self.normalized(*word, -1.0, scale(bits - 1)),
                Channel::Uint if bits < 32 => {
                    let most = self.constant((1 << bits) - 1);
                    self.alu(Alu::MinU, &[*word, most])
                }
                Channel::Sint if bits < 32 => {
                    let most = (1_i32 << (bits - 1)) - 1;
                    let least = self.constant((-most - 1).cast_unsigned());
                    let most = self.constant(most.cast_unsigned());
                    let above = self.alu(Alu::MaxS, &[*word, least]);
                    self.alu(Alu::MinS, &[above, most])
                }
                Channel::Float if bits == 16 => self.alu(Alu::RoundHalf, &[*word]),
                Channel::Uint | Channel::Sint | Channel::Float => *word,
            };
        }
        let (none, one) = (self.constant(0), self.constant(format.one()));
        words.extend([none, none, none, one].into_iter().skip(channels));
        words
    }

    /// The float that is left of one between `least` and 1 in a channel whose 1 is `scale`. NaN is 0.
    fn normalized(&mut self, word: Reg, least: f32, scale: f32) -> Reg {
        let [least, zero, one, scale] =
            [least, 0.0, 1.0, scale].map(|number| self.constant(number.to_bits()));
        let is_nan = self.alu(Alu::IsNanF, &[word]);
        let number = self.alu(Alu::Select, &[word, zero, is_nan]);
        let above = self.alu(Alu::MaxF, &[number, least]);
        let within = self.alu(Alu::MinF, &[above, one]);
        let scaled = self.alu(Alu::MulF, &[within, scale]);
        let rounded = self.alu(Alu::RoundF, &[scaled]);
        self.alu(Alu::DivF, &[rounded, scale])
    }
}

/// Along how many axes a texture is addressed, layers not counted.
fn axes(dimension: TextureDimension) -> usize {
    match dimension {
        TextureDimension::D1 => 1,
        TextureDimension::D2 | TextureDimension::D2Array => 2,
        TextureDimension::D3 => 3,
    }
}
