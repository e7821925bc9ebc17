//! The dispatches of a run one by one: what each executed, from the run in which they were counted, beside how long it
//! took in the run in which they were timed.

use std::collections::{BTreeMap, VecDeque};

use flopmeter_core::recording::{Dispatched, InOrder, Recording, SpecValue, Which};

use super::{
    KernelRow, RunDispatch, RunReport,
    gather::{Key, on_devices},
};

impl RunReport {
    /// Lists the dispatches that were recorded one by one.
    pub(super) fn list_dispatches(&mut self, recordings: &[Recording]) {
        let ids = self.ids();
        let mut rows = None;
        let mut left_out = 0;
        for (device, recording) in on_devices(&self.devices, recordings) {
            let Some(InOrder { kernels, dispatches, left_out: behind }) = &recording.in_order
            else {
                continue;
            };
            left_out += behind;
            let rows: &mut Vec<RunDispatch> = rows.get_or_insert_default();
            for dispatch in dispatches {
                let Some(which) = kernels.get(dispatch.kernel) else { continue };
                let key = Key::of_which(device, which);
                let id = ids.get(&(key.label(), identity(device, which))).copied();
                rows.push(self.dispatch(&key, id, dispatch));
            }
        }
        self.dispatches_in_order = rows;
        self.dispatches_left_out = left_out;
    }

    fn dispatch(&self, key: &Key<'_>, id: Option<u32>, its: &Dispatched) -> RunDispatch {
        let counts = its.counts.as_ref();
        RunDispatch {
            kernel: key.label(),
            id,
            device: key.device,
            grid: its.grid,
            invocations: counts.map(|counts| counts.invocations),
            ops: counts.map(|counts| counts.cost.ops),
            dead_ops: counts.map(|counts| counts.dead.ops),
            flops: counts.map(|counts| counts.cost.ops.flops(self.convention)),
            traffic: counts.map(|counts| counts.cost.traffic),
            seconds: its.seconds,
            peak_share: None,
            roofline: None,
            why: its.why.clone(),
        }
    }

    /// Adds the times of another run of the program. The first dispatch of a kernel there is the first one here, and so
    /// on; where their workgroups differ the two runs did, and the time is not taken.
    pub(super) fn time_dispatches(&mut self, recordings: &[Recording]) {
        let mut times: BTreeMap<Identity, VecDeque<&Dispatched>> = BTreeMap::new();
        for recording in recordings {
            let name = recording.device.as_ref().map(|device| &device.name);
            // A device that was opened for counting had more of it switched on.
            let device = self.devices.iter().position(|its| Some(&its.name) == name);
            let (Some(device), Some(in_order)) = (device, &recording.in_order) else { continue };
            for dispatch in &in_order.dispatches {
                if let Some(which) = in_order.kernels.get(dispatch.kernel) {
                    times.entry(identity(device, which)).or_default().push_back(dispatch);
                }
            }
        }
        let kernels: BTreeMap<u32, Identity> =
            self.kernels.iter().map(|row| (row.id, identity_of(row))).collect();
        for row in self.dispatches_in_order.iter_mut().flatten() {
            let identity = row.id.and_then(|id| kernels.get(&id));
            let timed = identity.and_then(|identity| times.get_mut(identity)?.pop_front());
            row.seconds = timed.filter(|its| its.grid == row.grid).and_then(|its| its.seconds);
        }
    }

    /// The numbers of kernels, by what they are called and are.
    fn ids(&self) -> BTreeMap<(String, Identity), u32> {
        self.kernels.iter().map(|row| ((row.name.clone(), identity_of(row)), row.id)).collect()
    }
}

/// Device, entry point, module and constants.
type Identity = (usize, String, String, BTreeMap<u32, SpecValue>);

fn identity(device: usize, which: &Which) -> Identity {
    let Which { name: _, entry, module, spec_constants } = which;
    (device, entry.clone(), module.clone(), spec_constants.clone())
}

fn identity_of(row: &KernelRow) -> Identity {
    (row.device, row.entry.clone(), row.module.clone(), row.spec_constants.clone())
}

impl<'a> Key<'a> {
    fn of_which(device: usize, which: &'a Which) -> Self {
        let Which { name, entry, module, spec_constants } = which;
        Self { device, name: name.as_deref(), entry, module, spec_constants }
    }
}
