//! Dispatches on their way to the device's queue, and the wait for them.

use std::time::Instant;

use super::Gpu;
use crate::{
    Error,
    execute::{Dispatch, fits},
};

impl Gpu {
    /// Submits dispatches and waits for them: how long that took the host, and each of them where the device's
    /// clock says it.
    pub(super) fn submit(
        &mut self,
        dispatches: &[Dispatch<'_>],
    ) -> Result<(f64, Option<Vec<f64>>), Error> {
        if dispatches.is_empty() {
            return Ok((0.0, Some(Vec::new())));
        }
        let during = named(dispatches);
        let mut encoder = self.device.create_command_encoder(&Default::default());
        // wgpu makes two command buffers of a pass, which takes the host longer than all else that a dispatch needs.
        let share = self.timer.as_ref().is_none_or(|timer| timer.shares(dispatches.len()));
        let of_a_pass = if share { dispatches.len() } else { 1 };
        for (number, together) in dispatches.chunks(of_a_pass).enumerate() {
            self.record(&mut encoder, number, together)?;
        }
        if let Some(timer) = &self.timer {
            timer.resolve(&mut encoder, dispatches.len());
        }
        let commands = encoder.finish();
        self.checked(&during)?;

        let start = Instant::now();
        self.queue.submit([commands]);
        self.wait(&during)?;
        let waited_seconds = start.elapsed().as_secs_f64();
        let Some(timer) = &self.timer else { return Ok((waited_seconds, None)) };
        let read = self.map(&timer.readable, &during)?;
        Ok((waited_seconds, timer.seconds(&read, dispatches.len())))
    }

    /// Records dispatches as the pass with this number.
    fn record(
        &mut self,
        encoder: &mut wgpu::CommandEncoder,
        number: usize,
        dispatches: &[Dispatch<'_>],
    ) -> Result<(), Error> {
        let shared = dispatches.len() > 1;
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
            label: Some(&named(dispatches)),
            timestamp_writes: self.timer.as_ref().map(|timer| timer.around(number, shared)),
        });
        for (index, dispatch) in dispatches.iter().enumerate() {
            fits::grid(&self.adapter, dispatch.label, dispatch.grid)?;
            let program = &self.programs[dispatch.program.0];
            let pipeline = program.pipeline(&self.buffers, dispatch.bindings);
            let pipeline = pipeline.map_err(|problem| self.error(dispatch.label, problem))?;
            let bind_groups = self.bound.of(&self.device, &self.buffers, dispatch, pipeline);
            self.checked(dispatch.label)?;
            pass.set_pipeline(pipeline);
            for (index, bind_group) in &bind_groups {
                pass.set_bind_group(*index, bind_group, &[]);
            }
            if !program.immediates.is_empty() {
                pass.set_immediates(0, &program.immediates);
            }
            let [x, y, z] = dispatch.grid;
            pass.dispatch_workgroups(x, y, z);
            if let Some(timer) = self.timer.as_ref().filter(|_| shared) {
                timer.after(index, &mut pass);
            }
        }
        Ok(())
    }
}

/// What dispatches are called together: the first and the last of them.
fn named(dispatches: &[Dispatch<'_>]) -> String {
    match dispatches {
        [] => String::new(),
        [one] => one.label.to_owned(),
        [first, .., last] => format!("{} to {}", first.label, last.label),
    }
}
