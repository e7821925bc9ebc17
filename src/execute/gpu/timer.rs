//! A device's own clock: a pair of timestamps around a pass.

use wgpu::BufferUsages;

/// A pair of timestamps and where they are read.
pub(super) struct Timer {
    pub(super) queries: wgpu::QuerySet,
    pub(super) resolved: wgpu::Buffer,
    pub(super) readable: wgpu::Buffer,
    pub(super) nanoseconds_per_tick: f64,
}

impl Timer {
    /// On a device that has timestamps.
    pub(super) fn new(device: &wgpu::Device, queue: &wgpu::Queue) -> Self {
        let buffer = |usage| {
            device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("timestamps"),
                size: 16,
                usage: usage | BufferUsages::COPY_DST,
                mapped_at_creation: false,
            })
        };
        Self {
            queries: device.create_query_set(&wgpu::QuerySetDescriptor {
                label: Some("timestamps"),
                ty: wgpu::QueryType::Timestamp,
                count: 2,
            }),
            resolved: buffer(BufferUsages::QUERY_RESOLVE | BufferUsages::COPY_SRC),
            readable: buffer(BufferUsages::MAP_READ),
            nanoseconds_per_tick: f64::from(queue.get_timestamp_period()),
        }
    }
}
