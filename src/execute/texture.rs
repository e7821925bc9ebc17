//! Textures and samplers as an executor is asked for them, and texels as bytes and as the words that a shader sees.
//! Knows no device and nothing of who samples what.

use std::{fmt, str::FromStr};

use naga::{ImageClass, ImageDimension, ScalarKind, StorageAccess, StorageFormat, TypeInner};

/// What a channel of a texel means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// An unsigned integer that stands for 0 to 1.
    Unorm,
    /// A signed integer that stands for -1 to 1.
    Snorm,
    /// An unsigned integer.
    Uint,
    /// A signed integer.
    Sint,
    /// A float.
    Float,
}

/// Hands every format to a macro: its name in Rust and in WGSL, its channels, the bits of each, and what they mean.
macro_rules! each_format {
    ($hand_to:ident) => {
        $hand_to! {
            R8Unorm = "r8unorm", 1, 8, Unorm;
            R8Snorm = "r8snorm", 1, 8, Snorm;
            R8Uint = "r8uint", 1, 8, Uint;
            R8Sint = "r8sint", 1, 8, Sint;
            Rg8Unorm = "rg8unorm", 2, 8, Unorm;
            Rg8Snorm = "rg8snorm", 2, 8, Snorm;
            Rg8Uint = "rg8uint", 2, 8, Uint;
            Rg8Sint = "rg8sint", 2, 8, Sint;
            Rgba8Unorm = "rgba8unorm", 4, 8, Unorm;
            Rgba8Snorm = "rgba8snorm", 4, 8, Snorm;
            Rgba8Uint = "rgba8uint", 4, 8, Uint;
            Rgba8Sint = "rgba8sint", 4, 8, Sint;
            R16Uint = "r16uint", 1, 16, Uint;
            R16Sint = "r16sint", 1, 16, Sint;
            R16Float = "r16float", 1, 16, Float;
            Rg16Uint = "rg16uint", 2, 16, Uint;
            Rg16Sint = "rg16sint", 2, 16, Sint;
            Rg16Float = "rg16float", 2, 16, Float;
            Rgba16Uint = "rgba16uint", 4, 16, Uint;
            Rgba16Sint = "rgba16sint", 4, 16, Sint;
            Rgba16Float = "rgba16float", 4, 16, Float;
            R32Uint = "r32uint", 1, 32, Uint;
            R32Sint = "r32sint", 1, 32, Sint;
            R32Float = "r32float", 1, 32, Float;
            Rg32Uint = "rg32uint", 2, 32, Uint;
            Rg32Sint = "rg32sint", 2, 32, Sint;
            Rg32Float = "rg32float", 2, 32, Float;
            Rgba32Uint = "rgba32uint", 4, 32, Uint;
            Rgba32Sint = "rgba32sint", 4, 32, Sint;
            Rgba32Float = "rgba32float", 4, 32, Float;
        }
    };
}

macro_rules! formats {
    ($($format:ident = $name:literal, $channels:literal, $bits:literal, $channel:ident;)*) => {
        /// How texels lie in memory. All are WebGPU's.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum TexelFormat {
            $(#[doc = concat!("`", $name, "`")] $format,)*
        }

        impl TexelFormat {
            /// All of them.
            pub const ALL: [Self; [$($name),*].len()] = [$(Self::$format),*];

            /// What WGSL calls it.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$format => $name,)* }
            }

            /// How many channels a texel has, how many bits each of them, and what they mean.
            pub const fn channels(self) -> (usize, u32, Channel) {
                match self { $(Self::$format => ($channels, $bits, Channel::$channel),)* }
            }

            /// The format of a storage texture; `None` where executors have none such.
            const fn of_storage(format: StorageFormat) -> Option<Self> {
                match format {
                    $(StorageFormat::$format => Some(Self::$format),)*
                    StorageFormat::Bgra8Unorm
                    | StorageFormat::Rgb10a2Uint
                    | StorageFormat::Rgb10a2Unorm
                    | StorageFormat::Rg11b10Ufloat
                    | StorageFormat::R64Uint
                    | StorageFormat::R16Unorm
                    | StorageFormat::R16Snorm
                    | StorageFormat::Rg16Unorm
                    | StorageFormat::Rg16Snorm
                    | StorageFormat::Rgba16Unorm
                    | StorageFormat::Rgba16Snorm => None,
                }
            }
        }
    };
}

each_format!(formats);
#[cfg(feature = "gpu")]
pub(super) use each_format;

impl TexelFormat {
    /// Bytes of a texel.
    pub const fn bytes(self) -> u64 {
        let (channels, bits, _) = self.channels();
        channels as u64 * (bits / 8) as u64
    }

    /// The words that a shader gets for a texel: what a channel that is not there holds is 0, and 1 the last.
    pub fn unpack(self, texel: &[u8]) -> [u32; 4] {
        let (_, bits, channel) = self.channels();
        let mut words = [0, 0, 0, self.one()];
        for (word, bytes) in words.iter_mut().zip(texel.chunks_exact(bits as usize / 8)) {
            let mut whole = [0; 4];
            whole[..bytes.len()].copy_from_slice(bytes);
            let raw = u32::from_le_bytes(whole);
            let signed = (raw << (32 - bits)).cast_signed() >> (32 - bits);
            *word = match channel {
                Channel::Unorm => (raw as f32 / scale(bits)).to_bits(),
                Channel::Snorm => (signed as f32 / scale(bits - 1)).max(-1.0).to_bits(),
                Channel::Sint => signed.cast_unsigned(),
                Channel::Float if bits == 16 => half::f16::from_bits(raw as u16).to_f32().to_bits(),
                Channel::Uint | Channel::Float => raw,
            };
        }
        words
    }

    /// Puts a texel of the words of a shader behind others. What a channel cannot hold becomes the nearest that it can.
    pub fn pack(self, words: &[u32], to: &mut Vec<u8>) {
        let (channels, bits, channel) = self.channels();
        for &word in &words[..channels] {
            let float = f32::from_bits(word);
            let raw = match channel {
                Channel::Unorm => (float.clamp(0.0, 1.0) * scale(bits)).round_ties_even() as u32,
                Channel::Snorm => {
                    let scaled = float.clamp(-1.0, 1.0) * scale(bits - 1);
                    (scaled.round_ties_even() as i32).cast_unsigned()
                }
                Channel::Uint if bits < 32 => word.min((1 << bits) - 1),
                Channel::Sint if bits < 32 => {
                    let most = (1 << (bits - 1)) - 1;
                    word.cast_signed().clamp(-most - 1, most).cast_unsigned()
                }
                Channel::Float if bits == 16 => half::f16::from_f32(float).to_bits().into(),
                Channel::Uint | Channel::Sint | Channel::Float => word,
            };
            to.extend(&raw.to_le_bytes()[..bits as usize / 8]);
        }
    }

    /// The word of a 1 as the shader sees it.
    pub const fn one(self) -> u32 {
        match self.channels() {
            (_, _, Channel::Uint | Channel::Sint) => 1,
            (_, _, Channel::Unorm | Channel::Snorm | Channel::Float) => 1.0_f32.to_bits(),
        }
    }
}

/// What the integer of so many bits that stands for 1 is.
pub(super) const fn scale(bits: u32) -> f32 {
    ((1_u32 << bits) - 1) as f32
}

impl fmt::Display for TexelFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for TexelFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|format| format.name() == text).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("'{text}' is no format of textures: there are {names}")
        })
    }
}

/// Along what a texture is addressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TextureDimension {
    /// A line.
    D1,
    /// A plane.
    D2,
    /// Planes, each a layer.
    D2Array,
    /// A volume.
    D3,
}

impl TextureDimension {
    /// How many extents one says of it, layers included.
    pub const fn extents(self) -> usize {
        match self {
            Self::D1 => 1,
            Self::D2 => 2,
            Self::D2Array | Self::D3 => 3,
        }
    }
}

/// What a kernel declares a texture to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeclaredTexture {
    /// Along what it is addressed.
    pub dimension: TextureDimension,
    /// What the kernel says of its texels.
    pub texels: DeclaredTexels,
}

/// What a kernel says of the texels of a texture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeclaredTexels {
    /// The kernel gets numbers of this kind, whatever the format is.
    Sampled(ScalarKind),
    /// They are of this format, and whether the kernel may store them.
    Storage(TexelFormat, bool),
}

impl DeclaredTexture {
    /// What a type of naga's declares.
    ///
    /// # Errors
    /// What it is, and what to declare instead, where executors have no such texture.
    pub fn of(inner: &TypeInner) -> Result<Self, String> {
        let TypeInner::Image { dim, arrayed, class } = *inner else {
            return Err("something that is neither a texture nor a sampler".into());
        };
        let dimension = match (dim, arrayed) {
            (ImageDimension::D1, false) => TextureDimension::D1,
            (ImageDimension::D2, false) => TextureDimension::D2,
            (ImageDimension::D2, true) => TextureDimension::D2Array,
            (ImageDimension::D3, false) => TextureDimension::D3,
            (ImageDimension::Cube, _) => {
                return Err("a cube texture: declare its faces as a texture_2d_array".into());
            }
            (ImageDimension::D1 | ImageDimension::D3, true) => {
                return Err("an array of textures that are no planes".into());
            }
        };
        let texels = match class {
            ImageClass::Storage { format: _, access } if access.contains(StorageAccess::ATOMIC) => {
                return Err("a texture with atomics: have them in a storage buffer".into());
            }
            ImageClass::Storage { format, access } => {
                let known = TexelFormat::of_storage(format).ok_or_else(|| {
                    format!("a storage texture of the format {format:?}: declare another format")
                })?;
                DeclaredTexels::Storage(known, access.contains(StorageAccess::STORE))
            }
            ImageClass::Sampled { kind, multi: false } => DeclaredTexels::Sampled(kind),
            ImageClass::Sampled { kind: _, multi: true } | ImageClass::Depth { multi: true } => {
                return Err("a multisampled texture: declare one texture for each sample".into());
            }
            ImageClass::Depth { multi: false } => {
                return Err("a depth texture: declare it as a texture of f32".into());
            }
            ImageClass::External => {
                return Err("an external texture: declare it as a texture_2d<f32>".into());
            }
        };
        Ok(Self { dimension, texels })
    }
}

/// A texture of one level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Texture {
    /// How its texels lie.
    pub format: TexelFormat,
    /// Along what it is addressed.
    pub dimension: TextureDimension,
    /// Texels along each extent: width, height, and depth or layers; 1 where there is no such extent.
    pub extent: [u32; 3],
}

impl Texture {
    /// How many texels it has.
    pub fn texels(&self) -> u64 {
        self.extent.iter().map(|&extent| u64::from(extent)).product()
    }

    /// Bytes of its texels, row by row, which are how it is written and read.
    pub fn bytes(&self) -> u64 {
        self.texels() * self.format.bytes()
    }
}

/// What a sampler reads beyond the edges of a texture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum AddressMode {
    /// The texel at the edge.
    #[default]
    Clamp,
    /// The texture again.
    Repeat,
    /// The texture again, mirrored each other time.
    Mirror,
}

impl AddressMode {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Clamp, Self::Repeat, Self::Mirror];

    /// What it is called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Clamp => "clamp",
            Self::Repeat => "repeat",
            Self::Mirror => "mirror",
        }
    }
}

/// A sampler: along each extent the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Sampler {
    /// Whether it weighs the texels around a place, instead of taking the nearest.
    pub linear: bool,
    /// What lies beyond the edges.
    pub address: AddressMode,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texels_survive_as_words() {
        for format in TexelFormat::ALL {
            let bytes: Vec<u8> = (0..format.bytes()).map(|i| (0x35 + 17 * i) as u8).collect();
            let words = format.unpack(&bytes);
            let mut packed = Vec::new();
            format.pack(&words, &mut packed);
            assert_eq!(packed, bytes, "{format}");
            let (channels, ..) = format.channels();
            assert!(channels == 4 || words[3] == format.one(), "{format}");
            assert_eq!(format.name().parse(), Ok(format));
        }
    }

    #[test]
    fn what_a_channel_cannot_hold_becomes_the_nearest() {
        let packed = |format: TexelFormat, words: [u32; 4]| {
            let mut packed = Vec::new();
            format.pack(&words, &mut packed);
            packed
        };
        let floats = [-0.5_f32, 0.5, 2.0, f32::NAN].map(f32::to_bits);
        assert_eq!(packed(TexelFormat::Rgba8Unorm, floats), [0, 128, 255, 0]);
        assert_eq!(packed(TexelFormat::Rgba8Snorm, floats), [(-64_i8) as u8, 64, 127, 0]);
        let whole = [0, 255, 256, u32::MAX];
        assert_eq!(packed(TexelFormat::Rgba8Uint, whole), [0, 255, 255, 255]);
        assert_eq!(packed(TexelFormat::Rgba8Sint, whole), [0, 127, 127, 255]);
        assert_eq!(
            TexelFormat::Rg8Snorm.unpack(&[0x80, 0x81])[..2],
            [-1.0_f32; 2].map(f32::to_bits)
        );
    }
}
