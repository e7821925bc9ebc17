//! Bytes on their way between the host and what a device holds. Knows no dispatch.

use wgpu::BufferUsages;

use super::{Gpu, texture::extent};
use crate::{Error, execute::Texture};

/// Host transfers go in pieces of this size, so that staging memory stays small.
const TRANSFER_BYTES: u64 = 64 << 20;

impl Gpu {
    pub(super) fn write_buffer(
        &mut self,
        buffer: &wgpu::Buffer,
        offset: u64,
        data: &[u8],
    ) -> Result<(), Error> {
        const DURING: &str = "writing a buffer";
        let mut at = offset;
        for piece in data.chunks(TRANSFER_BYTES as usize) {
            self.queue.write_buffer(buffer, at, piece);
            at += piece.len() as u64;
            // What is written stays in staging memory until something is submitted.
            self.staged += piece.len() as u64;
            if self.staged >= TRANSFER_BYTES {
                self.queue.submit([]);
                self.wait(DURING)?;
                self.staged = 0;
            }
        }
        self.checked(DURING)
    }

    pub(super) fn read_buffer(
        &self,
        buffer: &wgpu::Buffer,
        offset: u64,
        size: u64,
    ) -> Result<Vec<u8>, Error> {
        const DURING: &str = "reading a buffer";
        let mut bytes = Vec::with_capacity(size as usize);
        while (bytes.len() as u64) < size {
            let done = bytes.len() as u64;
            let piece = TRANSFER_BYTES.min(size - done);
            let staging = self.staging(piece);
            let mut encoder = self.device.create_command_encoder(&Default::default());
            encoder.copy_buffer_to_buffer(buffer, offset + done, &staging, 0, piece);
            self.queue.submit([encoder.finish()]);
            self.checked(DURING)?;
            bytes.extend(self.map(&staging, DURING)?);
        }
        Ok(bytes)
    }

    /// Writes all texels of a texture.
    pub(super) fn write_texture(
        &self,
        held: &wgpu::Texture,
        texture: &Texture,
        data: &[u8],
    ) -> Result<(), Error> {
        let [width, height, _] = texture.extent;
        let layout = wgpu::TexelCopyBufferLayout {
            offset: 0,
            bytes_per_row: Some(width * texture.format.bytes() as u32),
            rows_per_image: Some(height),
        };
        self.queue.write_texture(held.as_image_copy(), data, layout, extent(texture));
        self.checked("writing a texture")
    }

    /// Reads all texels of a texture.
    pub(super) fn read_texture(
        &self,
        held: &wgpu::Texture,
        texture: &Texture,
    ) -> Result<Vec<u8>, Error> {
        const DURING: &str = "reading a texture";
        let [width, height, depth] = texture.extent;
        let row = width * texture.format.bytes() as u32;
        let padded = row.next_multiple_of(wgpu::COPY_BYTES_PER_ROW_ALIGNMENT);
        let staging = self.staging(u64::from(padded) * u64::from(height) * u64::from(depth));
        let mut encoder = self.device.create_command_encoder(&Default::default());
        let to = wgpu::TexelCopyBufferInfo {
            buffer: &staging,
            layout: wgpu::TexelCopyBufferLayout {
                offset: 0,
                bytes_per_row: Some(padded),
                rows_per_image: Some(height),
            },
        };
        encoder.copy_texture_to_buffer(held.as_image_copy(), to, extent(texture));
        self.queue.submit([encoder.finish()]);
        self.checked(DURING)?;
        let rows = self.map(&staging, DURING)?;
        let rows = rows.chunks_exact(padded as usize);
        Ok(rows.flat_map(|padded| &padded[..row as usize]).copied().collect())
    }

    /// A buffer that the device copies to and the host reads.
    fn staging(&self, size: u64) -> wgpu::Buffer {
        self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("read back"),
            size,
            usage: BufferUsages::MAP_READ | BufferUsages::COPY_DST,
            mapped_at_creation: false,
        })
    }
}
