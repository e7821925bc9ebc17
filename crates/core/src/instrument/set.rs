//! One buffer for the counters of several kernels: who counts where in it, and what it says when it is
//! read. Knows nothing of whose device the buffer is on.

use std::collections::BTreeMap;

use super::{BlockTable, Instrumented, Line, instrument};
use crate::{Error, device::Limits, kernel::KernelModule, op::Cost};

/// The counters of several kernels in one buffer.
///
/// Instrument every kernel first, then make one zeroed storage buffer of [`Self::bytes`] and bind each
/// kernel's window of it. Any number of dispatches, of any of the kernels, in any order and over any
/// number of submissions, add to it. Between submissions it can be read, and zeroed to count anew.
#[derive(Clone, Debug)]
pub struct CounterSet {
    limits: Limits,
    members: Vec<Member>,
    bytes: u64,
}

#[derive(Clone, Debug)]
struct Member {
    kernel: String,
    entry: String,
    table: BlockTable,
    offset: u64,
}

/// A kernel that counts in a window of a [`CounterSet`]'s buffer.
#[derive(Clone, Debug)]
pub struct CountingKernel {
    /// What runs. It binds what the original binds, and the counters.
    pub kernel: KernelModule,
    /// Bind group of the counters.
    pub group: u32,
    /// Their binding within the group.
    pub binding: u32,
    /// First byte of its window, a multiple of [`Limits::offset_alignment`].
    pub offset: u64,
    /// Bytes of its window.
    pub size: u64,
}

/// What all dispatches of one kernel cost together.
#[derive(Clone, Debug, PartialEq)]
pub struct KernelCounts {
    /// The kernel's name.
    pub kernel: String,
    /// Its entry point.
    pub entry: String,
    /// Operations and traffic.
    pub cost: Cost,
    /// The same by line of the source, from 1.
    pub lines: BTreeMap<u32, Line>,
}

impl CounterSet {
    /// An empty set for a device with these limits.
    pub const fn new(limits: Limits) -> Self {
        Self { limits, members: Vec::new(), bytes: 0 }
    }

    /// Rewrites a kernel so that it counts in a window of its own.
    ///
    /// # Errors
    /// As [`instrument`], and where the buffer would grow beyond what the device takes.
    pub fn instrument(&mut self, kernel: &KernelModule) -> Result<CountingKernel, Error> {
        let Instrumented { kernel: counting, counters, table } = instrument(kernel, &self.limits)?;
        let offset = self.bytes.next_multiple_of(self.limits.offset_alignment);
        let size = table.bytes();
        if offset + size > self.limits.buffer_bytes {
            return Err(Error::Uncountable {
                kernel: kernel.name.clone(),
                problem: format!(
                    "its counters no longer fit into one buffer of {} bytes; begin another set",
                    self.limits.buffer_bytes
                ),
                line: None,
            });
        }
        self.bytes = offset + size;
        let entry = kernel.entry_point().name.clone();
        self.members.push(Member { kernel: kernel.name.clone(), entry, table, offset });
        let (group, binding) = (counters.group, counters.binding);
        Ok(CountingKernel { kernel: counting, group, binding, offset, size })
    }

    /// Bytes of the buffer, once every kernel is in the set.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What was counted since the buffer was zeroed, kernel by kernel in the order of their instrumenting.
    ///
    /// In the same order, `workgroups` says how many workgroups of each kernel were dispatched since then,
    /// and `None` where the host does not know, as after an indirect dispatch.
    ///
    /// # Errors
    /// As [`BlockTable::decode`], and where `raw` is not the contents of this set's buffer.
    pub fn read(&self, raw: &[u8], workgroups: &[Option<u64>]) -> Result<Vec<KernelCounts>, Error> {
        if let Some(member) = self.members.get(workgroups.len()) {
            return Err(Error::Kernel {
                kernel: member.kernel.clone(),
                problem: "the number of its dispatched workgroups was not given".into(),
            });
        }
        self.members
            .iter()
            .zip(workgroups)
            .map(|(Member { kernel, entry, table, offset }, &workgroups)| {
                let window = raw.get(*offset as usize..(offset + table.bytes()) as usize);
                let launched = workgroups.map(|n| n.saturating_mul(table.workgroup));
                let executions = table.decode(window.unwrap_or_default(), launched)?;
                Ok(KernelCounts {
                    kernel: kernel.clone(),
                    entry: entry.clone(),
                    cost: table.cost(&executions),
                    lines: table.lines(&executions),
                })
            })
            .collect()
    }
}
