//! How near the kernels of a run come to what their devices can do: a peak that somebody states, or ceilings that were
//! measured.

use super::{KernelRow, RunReport};
use crate::{
    forecast::Peak,
    op::Cost,
    result::{PlacedKernel, roofline::point},
    roofline::Ceilings,
};

impl RunReport {
    /// Says of each kernel which part of a peak it reached, where it was timed.
    pub fn under_peak(&mut self, peak: Peak) {
        let peak = peak.flops_per_second;
        let share = |flops: Option<u64>, seconds: Option<f64>| {
            let (flops, seconds) = flops.zip(seconds.filter(|&seconds| seconds > 0.0))?;
            Some(flops as f64 / seconds / peak)
        };
        for row in &mut self.kernels {
            row.peak_share = share(row.flops, row.seconds);
        }
        for row in self.dispatches_in_order.iter_mut().flatten() {
            row.peak_share = share(row.flops, row.seconds);
        }
        self.totals.peak_share = share(self.totals.flops, self.totals.seconds);
        self.peak_flops_per_second = Some(peak);
    }

    /// Places the kernels of a device, which is at that place in `devices`, under its measured ceilings.
    pub fn place(&mut self, device: usize, ceilings: Ceilings) {
        let convention = self.convention;
        let place = |ops: Option<_>, traffic: Option<_>, seconds: Option<f64>| {
            let (ops, traffic) = ops.zip(traffic)?;
            ceilings.place(&Cost { ops, traffic }, convention, seconds?)
        };
        for row in self.kernels.iter_mut().filter(|row| row.device == device) {
            row.roofline = place(row.ops, row.traffic, row.seconds);
        }
        let dispatches = self.dispatches_in_order.iter_mut().flatten();
        for row in dispatches.filter(|row| row.device == device) {
            row.roofline = place(row.ops, row.traffic, row.seconds);
        }
        self.ceilings.insert(device, ceilings);
    }

    /// The kernels of a device, as far as they have a place on a plot.
    pub fn points(&self, device: usize) -> Vec<PlacedKernel> {
        let rows = self.kernels.iter().zip(self.names());
        let points = rows.filter(|(row, _)| row.device == device).filter_map(|(row, name)| {
            let KernelRow { ops, traffic, flops, seconds, roofline, .. } = row;
            let cost = Cost { ops: (*ops)?, traffic: (*traffic)? };
            point(name, (*flops)?, &cost, (*seconds)?, (*roofline)?)
        });
        points.collect()
    }
}
