//! A device's own clock: timestamps between the dispatches of a submission.

use wgpu::{BufferUsages, Features};

/// What a device needs for a clock, and what it should have for one that is read inside of passes.
pub(super) const FEATURES: Features =
    Features::TIMESTAMP_QUERY.union(Features::TIMESTAMP_QUERY_INSIDE_PASSES);

/// Dispatches that one submission may time, by a pair of timestamps each: a query set of WebGPU holds as many.
pub(super) const DISPATCHES: usize = wgpu::QUERY_SET_MAX_QUERIES as usize / 2;

/// Timestamps and where they are read.
pub(super) struct Timer {
    queries: wgpu::QuerySet,
    resolved: wgpu::Buffer,
    pub(super) readable: wgpu::Buffer,
    nanoseconds_per_tick: f64,
    /// Whether the device reads its clock inside of passes, and not at their ends alone.
    pub(super) inside_passes: bool,
}

impl Timer {
    /// The clock of a device, where it has one.
    pub(super) fn of(device: &wgpu::Device, queue: &wgpu::Queue) -> Option<Self> {
        let features = device.features();
        let buffer = |usage| {
            device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("timestamps"),
                size: 2 * DISPATCHES as u64 * u64::from(wgpu::QUERY_SIZE),
                usage: usage | BufferUsages::COPY_DST,
                mapped_at_creation: false,
            })
        };
        features.contains(Features::TIMESTAMP_QUERY).then(|| Self {
            queries: device.create_query_set(&wgpu::QuerySetDescriptor {
                label: Some("timestamps"),
                ty: wgpu::QueryType::Timestamp,
                count: 2 * DISPATCHES as u32,
            }),
            resolved: buffer(BufferUsages::QUERY_RESOLVE | BufferUsages::COPY_SRC),
            readable: buffer(BufferUsages::MAP_READ),
            nanoseconds_per_tick: f64::from(queue.get_timestamp_period()),
            inside_passes: features.contains(Features::TIMESTAMP_QUERY_INSIDE_PASSES),
        })
    }

    /// Whether so many dispatches share a pass. The end of one is then the beginning of the next, whose time has the
    /// barrier between them and the reset of a query in it. In passes of their own, what lies between is nobody's.
    pub(super) const fn shares(&self, dispatches: usize) -> bool {
        self.inside_passes && dispatches > 1
    }

    /// The timestamps at the ends of the pass with this number.
    pub(super) fn around(
        &self,
        pass: usize,
        is_shared: bool,
    ) -> wgpu::ComputePassTimestampWrites<'_> {
        let first = 2 * pass as u32;
        wgpu::ComputePassTimestampWrites {
            query_set: &self.queries,
            beginning_of_pass_write_index: Some(first),
            end_of_pass_write_index: (!is_shared).then_some(first + 1),
        }
    }

    /// Reads the clock after the dispatch with this number of a pass that several share.
    pub(super) fn after(&self, dispatch: usize, pass: &mut wgpu::ComputePass<'_>) {
        pass.write_timestamp(&self.queries, dispatch as u32 + 1);
    }

    /// Makes the timestamps of so many dispatches readable, behind all of them.
    pub(super) fn resolve(&self, encoder: &mut wgpu::CommandEncoder, dispatches: usize) {
        let read = self.timestamps(dispatches);
        let bytes = read as u64 * u64::from(wgpu::QUERY_SIZE);
        encoder.resolve_query_set(&self.queries, 0..read as u32, &self.resolved, 0);
        encoder.copy_buffer_to_buffer(&self.resolved, 0, &self.readable, 0, bytes);
    }

    /// How long each of so many dispatches took, by what was read.
    pub(super) fn seconds(&self, read: &[u8], dispatches: usize) -> Option<Vec<f64>> {
        let bytes = self.timestamps(dispatches) * wgpu::QUERY_SIZE as usize;
        let ticks: Vec<u64> = bytemuck::pod_collect_to_vec(&read[..bytes]);
        let durations = if self.shares(dispatches) {
            durations(ticks.array_windows().copied())
        } else {
            durations(ticks.as_chunks().0.iter().copied())
        };
        let seconds = |ticks| ticks as f64 * self.nanoseconds_per_tick * 1e-9;
        Some(durations?.into_iter().map(seconds).collect())
    }

    /// Timestamps that so many dispatches have.
    const fn timestamps(&self, dispatches: usize) -> usize {
        if self.shares(dispatches) { dispatches + 1 } else { 2 * dispatches }
    }
}

/// What dispatches took, by when each began and ended. The time that a device had two of them at work is the first
/// one's. `None` where no time can be had of them: some drivers offer timestamps and write nothing, or the same
/// one twice, and clocks may be coarse.
fn durations(dispatches: impl Iterator<Item = [u64; 2]>) -> Option<Vec<u64>> {
    let mut last = 0;
    let one = |[begin, end]: [u64; 2]| {
        let from = begin.max(std::mem::replace(&mut last, end));
        (0 < begin && from < end).then(|| end - from)
    };
    dispatches.map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::durations;

    fn of(dispatches: &[[u64; 2]]) -> Option<Vec<u64>> {
        durations(dispatches.iter().copied())
    }

    #[test]
    fn dispatches_take_the_time_that_is_theirs() {
        assert_eq!(of(&[[5, 9], [9, 10], [12, 20]]), Some(vec![4, 1, 8]));
        assert_eq!(of(&[[5, 9], [7, 15]]), Some(vec![4, 6]), "two at work at a time");
        assert_eq!(of(&[]), Some(vec![]));
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
            assert_eq!(of(broken), None, "{broken:?}");
        }
    }
}
