//! A device's own clock: a pair of timestamps around each pass of a submission.

use wgpu::BufferUsages;

/// Passes that one submission may time: as many as a query set of WebGPU holds timestamps for.
pub(super) const PASSES: usize = wgpu::QUERY_SET_MAX_QUERIES as usize / 2;

/// Bytes of the timestamps of a pass.
const PAIR_BYTES: u64 = 16;

/// Pairs of timestamps and where they are read.
pub(super) struct Timer {
    queries: wgpu::QuerySet,
    resolved: wgpu::Buffer,
    pub(super) readable: wgpu::Buffer,
    nanoseconds_per_tick: f64,
}

impl Timer {
    /// On a device that has timestamps.
    pub(super) fn new(device: &wgpu::Device, queue: &wgpu::Queue) -> Self {
        let buffer = |usage| {
            device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("timestamps"),
                size: PASSES as u64 * PAIR_BYTES,
                usage: usage | BufferUsages::COPY_DST,
                mapped_at_creation: false,
            })
        };
        Self {
            queries: device.create_query_set(&wgpu::QuerySetDescriptor {
                label: Some("timestamps"),
                ty: wgpu::QueryType::Timestamp,
                count: 2 * PASSES as u32,
            }),
            resolved: buffer(BufferUsages::QUERY_RESOLVE | BufferUsages::COPY_SRC),
            readable: buffer(BufferUsages::MAP_READ),
            nanoseconds_per_tick: f64::from(queue.get_timestamp_period()),
        }
    }

    /// The pair of the pass with this number.
    pub(super) fn around(&self, pass: usize) -> wgpu::ComputePassTimestampWrites<'_> {
        let first = 2 * pass as u32;
        wgpu::ComputePassTimestampWrites {
            query_set: &self.queries,
            beginning_of_pass_write_index: Some(first),
            end_of_pass_write_index: Some(first + 1),
        }
    }

    /// Makes the pairs of so many passes readable, behind all of them.
    pub(super) fn resolve(&self, encoder: &mut wgpu::CommandEncoder, passes: usize) {
        let bytes = passes as u64 * PAIR_BYTES;
        encoder.resolve_query_set(&self.queries, 0..2 * passes as u32, &self.resolved, 0);
        encoder.copy_buffer_to_buffer(&self.resolved, 0, &self.readable, 0, bytes);
    }

    /// How long each of so many passes took, by what was read.
    pub(super) fn seconds(&self, read: &[u8], passes: usize) -> Option<Vec<f64>> {
        let ticks: Vec<u64> = bytemuck::pod_collect_to_vec(&read[..passes * PAIR_BYTES as usize]);
        let seconds = |ticks| ticks as f64 * self.nanoseconds_per_tick * 1e-9;
        Some(durations(ticks.as_chunks().0)?.into_iter().map(seconds).collect())
    }
}

/// What passes took, by when each began and ended. The time that a device had two of them at work is the first
/// one's. `None` where no time can be had of them: some drivers offer timestamps and write nothing, or the same
/// one twice, and clocks may be coarse.
fn durations(passes: &[[u64; 2]]) -> Option<Vec<u64>> {
    let mut last = 0;
    let one = |&[begin, end]: &[u64; 2]| {
        let from = begin.max(std::mem::replace(&mut last, end));
        (0 < begin && from < end).then(|| end - from)
    };
    passes.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::durations;

    #[test]
    fn passes_take_the_time_that_is_theirs() {
        assert_eq!(durations(&[[5, 9], [9, 10], [12, 20]]), Some(vec![4, 1, 8]));
        assert_eq!(durations(&[[5, 9], [7, 15]]), Some(vec![4, 6]), "two at work at a time");
        assert_eq!(durations(&[]), Some(vec![]));
    }

    #[test]
    fn timestamps_that_tell_no_time_are_noticed() {
        for broken in [
            &[[0, 9]][..],
            &[[0, 0]],
            &[[5, 5]],
            &[[9, 5]],
            &[[5, 9], [0, 0]],
            &[[5, 9], [9, 9]],
            &[[5, 9], [6, 8]],
            &[[5, 9], [1, 3]],
        ] {
            assert_eq!(durations(broken), None, "{broken:?}");
        }
    }
}
