//! What a device holds beside programs: buffers, textures and samplers, made and bound. What is in them is written and
//! read elsewhere.

use wgpu::TextureUsages;

use crate::execute::{
    AddressMode, Sampler, TexelFormat, Texture, TextureDimension, texture::each_format,
};

/// Something that a binding may be bound to.
pub(super) enum Held {
    Buffer(wgpu::Buffer),
    Texture(wgpu::Texture, wgpu::TextureView, Texture),
    Sampler(wgpu::Sampler, Sampler),
}

impl Held {
    /// It as a binding; a window of it where it is a buffer.
    pub(super) fn resource(&self, offset: u64, size: u64) -> wgpu::BindingResource<'_> {
        match self {
            Self::Buffer(buffer) => wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                buffer,
                offset,
                size: std::num::NonZeroU64::new(size),
            }),
            Self::Texture(_, view, _) => wgpu::BindingResource::TextureView(view),
            Self::Sampler(sampler, _) => wgpu::BindingResource::Sampler(sampler),
        }
    }

    /// Gives its memory back now.
    pub(super) fn destroy(self) {
        match self {
            Self::Buffer(buffer) => buffer.destroy(),
            Self::Texture(texture, ..) => texture.destroy(),
            Self::Sampler(..) => {}
        }
    }
}

macro_rules! translated {
    ($($format:ident = $name:literal, $channels:literal, $bits:literal, $channel:ident;)*) => {
        pub(super) const fn translated(format: TexelFormat) -> wgpu::TextureFormat {
            match format { $(TexelFormat::$format => wgpu::TextureFormat::$format,)* }
        }
    };
}

each_format!(translated);

/// How many texels a texture has, as wgpu has it.
pub(super) fn extent(texture: &Texture) -> wgpu::Extent3d {
    let [width, height, depth_or_array_layers] = texture.extent;
    wgpu::Extent3d { width, height, depth_or_array_layers }
}

/// Why a device has no texture of that size, and the way out; `None` where it has.
pub(super) fn too_large(device: &wgpu::Device, texture: &Texture) -> Option<String> {
    let limits = device.limits();
    let plane = limits.max_texture_dimension_2d;
    let most = match texture.dimension {
        TextureDimension::D1 => [limits.max_texture_dimension_1d, 1, 1],
        TextureDimension::D2 => [plane, plane, 1],
        TextureDimension::D2Array => [plane, plane, limits.max_texture_array_layers],
        TextureDimension::D3 => [limits.max_texture_dimension_3d; 3],
    };
    let [width, height, depth] = texture.extent;
    let exceeds = texture.extent.iter().zip(most).any(|(extent, most)| *extent > most);
    exceeds.then(|| {
        let [w, h, d] = most;
        format!(
            "its {width} x {height} x {depth} texels are more than the {w} x {h} x {d} of such a texture on this \
             adapter: choose a smaller one, or the embedded executor"
        )
    })
}

/// Makes a texture that can be sampled, and stored to where the adapter stores to such.
pub(super) fn texture(
    device: &wgpu::Device,
    adapter: &wgpu::Adapter,
    label: &str,
    texture: &Texture,
) -> Held {
    let format = translated(texture.format);
    let own = wgpu::Features::TEXTURE_ADAPTER_SPECIFIC_FORMAT_FEATURES;
    let features = if device.features().contains(own) {
        adapter.get_texture_format_features(format)
    } else {
        format.guaranteed_format_features(device.features())
    };
    let usage = TextureUsages::COPY_SRC
        | TextureUsages::COPY_DST
        | TextureUsages::TEXTURE_BINDING
        | (features.allowed_usages & TextureUsages::STORAGE_BINDING);
    let (dimension, view) = dimensions(texture.dimension);
    let made = device.create_texture(&wgpu::TextureDescriptor {
        label: Some(label),
        size: extent(texture),
        mip_level_count: 1,
        sample_count: 1,
        dimension,
        format,
        usage,
        view_formats: &[],
    });
    let view = made.create_view(&wgpu::TextureViewDescriptor {
        label: Some(label),
        dimension: Some(view),
        ..Default::default()
    });
    Held::Texture(made, view, *texture)
}

/// What wgpu calls textures that are addressed so, and views of them.
pub(super) const fn dimensions(
    dimension: TextureDimension,
) -> (wgpu::TextureDimension, wgpu::TextureViewDimension) {
    match dimension {
        TextureDimension::D1 => (wgpu::TextureDimension::D1, wgpu::TextureViewDimension::D1),
        TextureDimension::D2 => (wgpu::TextureDimension::D2, wgpu::TextureViewDimension::D2),
        TextureDimension::D2Array => {
            (wgpu::TextureDimension::D2, wgpu::TextureViewDimension::D2Array)
        }
        TextureDimension::D3 => (wgpu::TextureDimension::D3, wgpu::TextureViewDimension::D3),
    }
}

/// Makes a sampler.
pub(super) fn sampler(device: &wgpu::Device, label: &str, sampler: Sampler) -> Held {
    let mode = match sampler.address {
        AddressMode::Clamp => wgpu::AddressMode::ClampToEdge,
        AddressMode::Repeat => wgpu::AddressMode::Repeat,
        AddressMode::Mirror => wgpu::AddressMode::MirrorRepeat,
    };
    let filter = if sampler.linear { wgpu::FilterMode::Linear } else { wgpu::FilterMode::Nearest };
    let made = device.create_sampler(&wgpu::SamplerDescriptor {
        label: Some(label),
        address_mode_u: mode,
        address_mode_v: mode,
        address_mode_w: mode,
        mag_filter: filter,
        min_filter: filter,
        ..Default::default()
    });
    Held::Sampler(made, sampler)
}
