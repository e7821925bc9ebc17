//! Reads through samplers: which texels are around a place, and how they are weighed. What a sampler does is known only
//! where it is bound, so that the registers hold both ways and one is chosen.

use naga::{Expression, Handle, SampleLevel};

use super::{Frame, Image, Lower, Lowering, axes, types};
use crate::{
    execute::{
        Access,
        cpu::{
            alu::Alu,
            program::{Inst, Kind, Num, Reg},
            texel::TEXEL_BYTES,
        },
    },
    op::Op,
};

/// What a sampler does, as masks.
struct Modes {
    linear: Reg,
    repeat: Reg,
    mirror: Reg,
}

/// Along an axis: the two texels around a place, and how far it is from the first to the second.
struct Around {
    texels: [Reg; 2],
    weight: Reg,
}

impl<'a> Lowering<'a> {
    /// Reads a texture through a sampler.
    pub(super) fn image_sample(
        &mut self,
        frame: &mut Frame<'a>,
        handle: Handle<Expression>,
        expression: &Expression,
    ) -> Lower<Vec<Num>> {
        let Expression::ImageSample {
            image,
            sampler,
            gather,
            coordinate,
            array_index,
            offset,
            level,
            depth_ref: None,
            clamp_to_edge,
        } = *expression
        else {
            return Err("a comparison with a depth texture".into());
        };
        match level {
            // A texture has one level, whichever is asked for.
            SampleLevel::Zero | SampleLevel::Exact(_) | SampleLevel::Gradient { .. } => {}
            SampleLevel::Auto if gather.is_some() => {}
            SampleLevel::Auto | SampleLevel::Bias(_) => {
                return Err(
                    "a sample whose level derivatives choose: say textureSampleLevel".into()
                );
            }
        }
        self.count(Kind::U32, Op::Sample, 1);
        self.cost.traffic.texture_load += types::bytes(self.types(), self.inner(frame, handle))?;
        let texture = self.texture(frame, image)?;
        let memory = self.handle_memory(frame, sampler)?;
        let [linear, repeat, mirror] = self.header(memory);
        let linear = if gather.is_some() { self.constant(u32::MAX) } else { linear };
        let modes = Modes { linear, repeat, mirror };
        let place = self.value(frame, coordinate)?;
        let offset = match offset {
            Some(offset) => self.value(frame, offset)?,
            None => Vec::new(),
        };
        let axes = axes(texture.dimension);
        let mut around = Vec::new();
        for (axis, place) in place.iter().take(axes).enumerate() {
            let extent = texture.extent[axis];
            let offset = offset.get(axis).map(|num| num.low);
            around.push(self.around(place.low, extent, offset, &modes, clamp_to_edge));
        }
        let layer = match array_index {
            Some(layer) => {
                let layer = self.scalar(frame, layer)?;
                self.clamped(layer, texture.extent[2])
            }
            None => self.constant(0),
        };
        // Texels of the footprint, the first axis fastest.
        let mut texels = Vec::new();
        for corner in 0..1_usize << axes {
            let at = |axis: usize| around.get(axis).map(|its| its.texels[corner >> axis & 1]);
            let zero = self.constant(0);
            let place = [at(0).unwrap_or(zero), at(1).unwrap_or(zero), at(2).unwrap_or(layer)];
            texels.push(self.sampled(&texture, place));
        }
        if let Some(component) = gather {
            let [one, two, three, four] = texels[..] else {
                return Err("a gather from a texture that is no plane".into());
            };
            // From below on the left, against the clock.
            let gathered = [three, four, two, one];
            return Ok(gathered.map(|texel| self.num(texel[component as usize])).to_vec());
        }
        for its in around {
            let pairs: Vec<_> = texels.chunks_exact(2).map(|pair| [pair[0], pair[1]]).collect();
            texels =
                pairs.into_iter().map(|pair| self.mixed(pair, its.weight, modes.linear)).collect();
        }
        Ok(texels[0].map(|word| self.num(word)).to_vec())
    }

    /// The texels around a place along an axis of so many texels; where the nearest is taken, the first of them.
    fn around(
        &mut self,
        place: Reg,
        extent: Reg,
        offset: Option<Reg>,
        modes: &Modes,
        clamp_to_edge: bool,
    ) -> Around {
        let [zero, half, one] = [0.0_f32, 0.5, 1.0].map(|number| self.constant(number.to_bits()));
        let size = self.alu(Alu::UToF, &[extent]);
        let place = if clamp_to_edge {
            let least = self.alu(Alu::DivF, &[half, size]);
            let most = self.alu(Alu::SubF, &[one, least]);
            let above = self.alu(Alu::MaxF, &[place, least]);
            self.alu(Alu::MinF, &[above, most])
        } else {
            place
        };
        let scaled = self.near(place, size, modes);
        let back = self.alu(Alu::Select, &[zero, half, modes.linear]);
        let scaled = self.alu(Alu::SubF, &[scaled, back]);
        let whole = self.alu(Alu::FloorF, &[scaled]);
        let weight = self.alu(Alu::SubF, &[scaled, whole]);
        let mut first = self.alu(Alu::FToS, &[whole]);
        if let Some(offset) = offset {
            first = self.alu(Alu::AddI, &[first, offset]);
        }
        let next = self.constant(1);
        let second = self.alu(Alu::AddI, &[first, next]);
        let texels = [first, second].map(|texel| self.wrapped(texel, extent, modes));
        Around { texels, weight }
    }

    /// A place in texels. One whose number would be no integer of 32 bits is first taken back by an even number of
    /// repetitions, which changes nothing where a texture repeats or is mirrored.
    fn near(&mut self, place: Reg, size: Reg, modes: &Modes) -> Reg {
        let [half, two, far] = [0.5_f32, 2.0, (1 << 30) as f32].map(|f| self.constant(f.to_bits()));
        let scaled = self.alu(Alu::MulF, &[place, size]);
        let pairs = self.alu(Alu::MulF, &[place, half]);
        let pairs = self.alu(Alu::FloorF, &[pairs]);
        let before = self.alu(Alu::MulF, &[pairs, two]);
        let rest = self.alu(Alu::SubF, &[place, before]);
        let taken_back = self.alu(Alu::MulF, &[rest, size]);
        let distance = self.alu(Alu::AbsF, &[scaled]);
        let is_far = self.alu(Alu::LtF, &[far, distance]);
        let wraps = self.alu(Alu::Or, &[modes.repeat, modes.mirror]);
        let back = self.alu(Alu::And, &[is_far, wraps]);
        self.alu(Alu::Select, &[scaled, taken_back, back])
    }

    /// The texel that stands for one that may be beyond the edges.
    fn wrapped(&mut self, texel: Reg, extent: Reg, modes: &Modes) -> Reg {
        let clamped = self.clamped(texel, extent);
        let repeated = self.repeated(texel, extent);
        let twice = self.alu(Alu::AddI, &[extent, extent]);
        let there = self.repeated(texel, twice);
        let one = self.constant(1);
        let last = self.alu(Alu::SubI, &[twice, one]);
        let back = self.alu(Alu::SubI, &[last, there]);
        let mirrored = self.alu(Alu::MinS, &[there, back]);
        let chosen = self.alu(Alu::Select, &[clamped, repeated, modes.repeat]);
        self.alu(Alu::Select, &[chosen, mirrored, modes.mirror])
    }

    /// The nearest number from 0 on below an extent.
    fn clamped(&mut self, number: Reg, extent: Reg) -> Reg {
        let (zero, one) = (self.constant(0), self.constant(1));
        let last = self.alu(Alu::SubI, &[extent, one]);
        let above = self.alu(Alu::MaxS, &[number, zero]);
        self.alu(Alu::MinS, &[above, last])
    }

    /// A number modulo an extent, from 0 on.
    fn repeated(&mut self, number: Reg, extent: Reg) -> Reg {
        let zero = self.constant(0);
        let rest = self.alu(Alu::RemS, &[number, extent]);
        let above = self.alu(Alu::AddI, &[rest, extent]);
        let is_below = self.alu(Alu::LtS, &[rest, zero]);
        self.alu(Alu::Select, &[rest, above, is_below])
    }

    /// The words of a texel that is in the texture.
    fn sampled(&mut self, texture: &Image, place: [Reg; 3]) -> [Reg; 4] {
        let at = self.texel_at(texture, place);
        let at = self.texel_address(texture, at, None);
        self.watched(at, TEXEL_BYTES, Access::Load);
        let to = [(); 4].map(|()| self.register(false));
        self.emit(Inst::Load { at, to: to.into() });
        to
    }

    /// Two texels, weighed; the first where none is.
    fn mixed(&mut self, [one, two]: [[Reg; 4]; 2], weight: Reg, linear: Reg) -> [Reg; 4] {
        [0, 1, 2, 3].map(|channel| {
            let difference = self.alu(Alu::SubF, &[two[channel], one[channel]]);
            let mixed = self.alu(Alu::FmaF, &[difference, weight, one[channel]]);
            self.alu(Alu::Select, &[one[channel], mixed, linear])
        })
    }
}
