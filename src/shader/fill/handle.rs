//! How large a texture is and what a sampler does, as a user says it. Knows nothing of what fills a texture.

use std::fmt;

use crate::execute::{AddressMode, Sampler, TexelFormat};

/// Texels along an extent that any texture may have.
const MOST: u32 = 16_384;

/// `WIDTH[xHEIGHT[xDEPTH]][:FORMAT]`: without a format a texture has the one that the shader declares, or four channels of
/// 32 bits where it declares none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextureSize {
    /// Texels along each extent that was said.
    pub extent: Vec<u32>,
    /// The format, where one was said.
    pub format: Option<TexelFormat>,
}

impl fmt::Display for TextureSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let extent: Vec<String> = self.extent.iter().map(u32::to_string).collect();
        f.write_str(&extent.join("x"))?;
        self.format.map_or(Ok(()), |format| write!(f, ":{format}"))
    }
}

/// The size at the beginning of a text, and what is behind it, which may begin with the name of one of these `fills`.
pub(super) fn texture_size<'a>(
    text: &'a str,
    fills: &[&str],
) -> Result<(TextureSize, &'a str), String> {
    let (extent, rest) = text.split_once(':').unwrap_or((text, ""));
    let parts = extent.split('x').map(|part| {
        let texels = part.parse().ok().filter(|texels| (1..=MOST).contains(texels));
        texels.ok_or_else(|| {
            format!(
                "'{extent}' is no size of a texture: say texture:WIDTH, texture:WIDTHxHEIGHT or \
                 texture:WIDTHxHEIGHTxDEPTH, each from 1 to {MOST} texels"
            )
        })
    });
    let extent = parts.collect::<Result<Vec<u32>, String>>()?;
    let (first, behind) = rest.split_once(':').unwrap_or((rest, ""));
    // A format that is misspelt is meant as one all the same, and told from what fills a texture, as in `random`.
    let is_named = first.starts_with(|letter: char| letter.is_ascii_alphabetic());
    let is_fill =
        fills.contains(&first) || first.split(',').all(|part| part.parse::<f64>().is_ok());
    if is_named && !is_fill {
        return Ok((TextureSize { extent, format: Some(first.parse()?) }, behind));
    }
    Ok((TextureSize { extent, format: None }, rest))
}

/// What a sampler does, its parts in any order.
pub(super) fn sampler(text: &str) -> Result<Sampler, String> {
    let mut sampler = Sampler::default();
    for part in text.split(':').filter(|part| !part.is_empty()) {
        let address = AddressMode::ALL.into_iter().find(|mode| mode.name() == part);
        match (part, address) {
            ("nearest", _) => sampler.linear = false,
            ("linear", _) => sampler.linear = true,
            (_, Some(address)) => sampler.address = address,
            (_, None) => {
                return Err(format!(
                    "'{part}' is nothing that a sampler does: say nearest or linear, and clamp, repeat or mirror"
                ));
            }
        }
    }
    Ok(sampler)
}

/// A sampler as one says it.
pub(in crate::shader) fn spelled(sampler: Sampler) -> String {
    let filter = if sampler.linear { "linear" } else { "nearest" };
    format!("sampler:{filter}:{}", sampler.address.name())
}
