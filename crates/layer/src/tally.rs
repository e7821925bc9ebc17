//! Which kernels and pipelines a program has on one device, and how often each was dispatched. Handles are numbers
//! here; the file knows no Vulkan, no prices and no memory.

mod commands;
mod counting;
mod ends;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use flopmeter_core::{
    op::Cost,
    table::{BlockTable, Line},
};

pub(crate) use commands::{Commands, Id, Launches};
pub(crate) use counting::Counting;
use counting::Windows;
pub(crate) use ends::Ends;

use crate::{
    arena::Window,
    kernel::{Identity, Module, SourceLines},
};

/// All pipelines that are made of the same.
#[derive(Debug)]
pub(crate) struct Kernel {
    pub(crate) identity: Identity,
    /// What the program calls it.
    pub(crate) name: Option<String>,
    /// What its counters mean, or why it has none.
    pub(crate) table: Result<Arc<BlockTable>, String>,
    /// What is known of the lines of its source.
    pub(crate) lines: SourceLines,
    /// What was counted of it in counters that are gone, and dispatches that nothing counted.
    pub(crate) gone: Gone,
}

/// What is left of counters when their pipelines are destroyed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gone {
    pub(crate) launches: Launches,
    pub(crate) invocations: u64,
    pub(crate) cost: Cost,
    pub(crate) dead: Cost,
    /// Lines of the source, by their number.
    pub(crate) lines: BTreeMap<u32, Line>,
    /// Why not all of it is known.
    pub(crate) problem: Option<String>,
    /// What of the cost is not known, where the rest is.
    pub(crate) doubt: Option<String>,
}

/// A pipeline that is alive.
#[derive(Debug)]
struct Pipeline {
    kernel: usize,
    /// Where its counters lie, where it counts.
    window: Option<Window>,
}

/// The counters of a pipeline that was made.
#[derive(Debug)]
pub(crate) struct Counts {
    /// What they mean.
    pub(crate) table: BlockTable,
    /// What is known of the lines that costs are charged to.
    pub(crate) lines: SourceLines,
    /// Where they lie.
    pub(crate) window: Window,
}

/// What a dispatch is of.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) kernel: usize,
    /// How many workgroups; `None` where the device alone knows.
    pub(crate) grid: Option<[u32; 3]>,
    /// Where the pipeline's counters lie and what they mean, where it counts.
    pub(crate) counters: Option<(Arc<BlockTable>, Window)>,
}

/// Command buffers that are submitted together.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) commands: Vec<u64>,
    /// Semaphores that count, with the values that they come to when it has ended.
    pub(crate) signals: Vec<(u64, u64)>,
}

/// What is known of one device.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) modules: HashMap<u64, Arc<Module>>,
    /// What the program calls its modules.
    module_names: HashMap<u64, String>,
    pub(crate) kernels: Vec<Kernel>,
    by_identity: HashMap<Identity, usize>,
    pipelines: BTreeMap<Id, Pipeline>,
    /// Where pipelines count.
    pub(crate) windows: Windows,
    by_handle: HashMap<u64, Id>,
    next: Id,
    recorded: HashMap<u64, Commands>,
    /// The command buffers of each pool.
    pools: HashMap<u64, Vec<u64>>,
    /// How far semaphores that count had come when the program last asked.
    semaphores: HashMap<u64, u64>,
    /// Dispatches of what the layer has not seen being made.
    pub(crate) strays: u64,
    /// What ran beside, and why it is not counted.
    pub(crate) beside: BTreeMap<&'static str, &'static str>,
    /// How often something was submitted that has dispatches.
    pub(crate) submissions: u64,
    /// How many of those had come to their end when that was last seen.
    pub(crate) settled: u64,
    /// What the program has seen to end.
    pub(crate) ends: Ends,
}

impl Tally {
    /// Nothing so far. Pipelines of one kernel share counters, unless they are to be `apart`.
    pub(crate) fn new(apart: bool) -> Self {
        Self { windows: Windows::new(apart), ..Self::default() }
    }

    /// Where a pipeline counts that is about to be made of this. Where no other counts for it, `take` has the counters.
    ///
    /// # Errors
    /// Those of `take`.
    pub(crate) fn join(
        &mut self,
        identity: &Identity,
        take: impl FnOnce() -> Result<Window, String>,
    ) -> Result<Window, String> {
        let kernel = self.kernel(identity);
        self.windows.join(kernel, take)
    }

    /// A pipeline that joined is about to be destroyed, or could not be made. Where it was the last, `decode` says what was
    /// counted, and the window, which is returned, is free again.
    pub(crate) fn leave(
        &mut self,
        window: Window,
        decode: impl FnOnce(&BlockTable, Launches) -> Gone,
    ) -> Option<Window> {
        let Counting { kernel, launches, .. } = self.windows.leave(window)?;
        let kernel = &mut self.kernels[kernel];
        match &kernel.table {
            Ok(table) => {
                let left = decode(table, launches);
                kernel.gone.add(left);
            }
            Err(_) => kernel.gone.launches.add(launches),
        }
        Some(window)
    }

    /// A pipeline was made of the module of this handle.
    pub(crate) fn add(
        &mut self,
        (handle, module): (u64, u64),
        identity: &Identity,
        made: Result<Counts, String>,
    ) {
        let name = self.module_names.get(&module).cloned();
        let kernel = self.kernel(identity);
        let its = &mut self.kernels[kernel];
        let (table, window) = match made {
            Ok(Counts { table, lines, window }) => {
                its.lines = lines;
                (Ok(Arc::new(table)), Some(window))
            }
            Err(why) => (Err(why), None),
        };
        its.name = its.name.take().or(name);
        // Where only some pipelines of a kernel count, what the kernel executed is not known.
        match (&its.table, table) {
            (Err(why), Ok(_)) if !why.is_empty() => {}
            (_, table) => its.table = table,
        }
        let id = self.next;
        self.next += 1;
        self.pipelines.insert(id, Pipeline { kernel, window });
        self.by_handle.insert(handle, id);
    }

    /// The kernel of pipelines that are made of this.
    fn kernel(&mut self, identity: &Identity) -> usize {
        if let Some(&kernel) = self.by_identity.get(identity) {
            return kernel;
        }
        let (table, lines, gone) = (Err(String::new()), SourceLines::default(), Gone::default());
        let identity = identity.clone();
        self.by_identity.insert(identity.clone(), self.kernels.len());
        self.kernels.push(Kernel { identity, name: None, table, lines, gone });
        self.kernels.len() - 1
    }

    /// A pipeline is about to be destroyed. Returns where it counted.
    pub(crate) fn remove(&mut self, handle: u64) -> Option<Window> {
        let id = self.by_handle.remove(&handle)?;
        self.pipelines.remove(&id)?.window
    }

    /// The program gave a pipeline a name.
    pub(crate) fn name_pipeline(&mut self, handle: u64, name: &str) {
        let pipeline = self.by_handle.get(&handle).and_then(|id| self.pipelines.get(id));
        if let Some(pipeline) = pipeline {
            self.kernels[pipeline.kernel].name = Some(name.to_owned());
        }
    }

    /// The program gave a module a name, which its pipelines have where they have none of their own.
    pub(crate) fn name_module(&mut self, handle: u64, name: &str) {
        self.module_names.insert(handle, name.to_owned());
    }

    /// A module is gone.
    pub(crate) fn forget_module(&mut self, handle: u64) {
        self.modules.remove(&handle);
        self.module_names.remove(&handle);
    }

    /// Whether a semaphore has come further than when the program last asked.
    pub(crate) fn has_advanced(&mut self, semaphore: u64, value: u64) -> bool {
        self.semaphores.insert(semaphore, value) != Some(value)
    }

    /// Recording begins anew.
    pub(crate) fn begin(&mut self, commands: u64) {
        self.recorded.insert(commands, Commands::default());
    }

    /// What was recorded is gone.
    pub(crate) fn clear(&mut self, commands: u64) {
        self.recorded.remove(&commands);
    }

    /// Command buffers come from a pool.
    pub(crate) fn allocate(&mut self, pool: u64, commands: impl Iterator<Item = u64>) {
        self.pools.entry(pool).or_default().extend(commands);
    }

    /// Command buffers of a pool are gone.
    pub(crate) fn free(&mut self, pool: u64, commands: &[u64]) {
        if let Some(of_pool) = self.pools.get_mut(&pool) {
            of_pool.retain(|one| !commands.contains(one));
        }
        commands.iter().for_each(|&one| self.clear(one));
    }

    /// What was recorded in all command buffers of a pool, which are returned, is gone.
    pub(crate) fn clear_all(&mut self, pool: u64) -> Vec<u64> {
        let commands = self.pools.get(&pool).cloned().unwrap_or_default();
        commands.iter().for_each(|&one| self.clear(one));
        commands
    }

    /// A pool is gone, and with it its command buffers, which are returned.
    pub(crate) fn free_all(&mut self, pool: u64) -> Vec<u64> {
        let commands = self.clear_all(pool);
        self.pools.remove(&pool);
        commands
    }

    /// A compute pipeline, or something in its place, is bound.
    pub(crate) fn bind(&mut self, commands: u64, pipeline: Option<u64>) {
        let id = pipeline.and_then(|handle| self.by_handle.get(&handle)).copied();
        self.recorded.entry(commands).or_default().bind(id);
    }

    /// What workgroups are dispatched to now: the pipeline that is bound, and how many they are where the host knows.
    pub(crate) fn target(&self, commands: u64, grid: Option<[u32; 3]>) -> Option<Target> {
        let recorded = self.recorded.get(&commands)?;
        let &Pipeline { kernel, window } = self.pipelines.get(&recorded.bound()?)?;
        let table = self.kernels[kernel].table.as_ref().ok();
        Some(Target { kernel, grid: recorded.known(grid), counters: table.cloned().zip(window) })
    }

    /// What is recorded from now on may be left out by the device, or no longer.
    pub(crate) fn conditional(&mut self, commands: u64, begins: bool) {
        self.recorded.entry(commands).or_default().conditional(begins);
    }

    /// Workgroups are dispatched; `None` where the device alone knows how many.
    pub(crate) fn dispatch(&mut self, commands: u64, grid: Option<[u32; 3]>) {
        self.recorded.entry(commands).or_default().dispatch(grid);
    }

    /// Secondary command buffers are executed.
    pub(crate) fn execute(&mut self, commands: u64, secondary: impl Iterator<Item = u64>) {
        let mut primary = self.recorded.remove(&commands).unwrap_or_default();
        for other in secondary {
            if let Some(other) = self.recorded.get(&other) {
                primary.execute(other);
            }
        }
        self.recorded.insert(commands, primary);
    }

    /// Batches are about to be submitted to a queue, and a fence behind them, if there is one.
    pub(crate) fn submit(&mut self, queue: u64, batches: &[Batch], fence: Option<u64>) {
        let mut dispatches = false;
        for Batch { commands, signals } in batches {
            let its = commands.iter().filter(|&&commands| self.launch(commands)).count() > 0;
            self.ends.batch(queue, its, signals);
            dispatches |= its;
        }
        fence.into_iter().for_each(|fence| self.ends.fence(queue, fence));
        self.submissions += u64::from(dispatches);
    }

    /// A number that is another one where a recording would say more: of what was submitted, or of what ran beside.
    pub(crate) fn news(&self) -> u64 {
        self.submissions + self.beside.len() as u64
    }

    /// Adds what a command buffer dispatches; whether it dispatches anything.
    fn launch(&mut self, commands: u64) -> bool {
        let Some(commands) = self.recorded.get(&commands) else { return false };
        let mut dispatches = false;
        for (id, launches) in commands.launches() {
            dispatches = true;
            let Some(pipeline) = id.and_then(|id| self.pipelines.get(&id)) else {
                self.strays += launches.dispatches;
                continue;
            };
            match pipeline.window {
                Some(window) => self.windows.launch(window, launches),
                None => self.kernels[pipeline.kernel].gone.launches.add(launches),
            }
        }
        dispatches
    }
}

impl Gone {
    pub(crate) fn add(&mut self, other: Self) {
        self.launches.add(other.launches);
        self.invocations += other.invocations;
        self.cost = self.cost + other.cost;
        self.dead = self.dead + other.dead;
        for (line, its) in other.lines {
            let sum = self.lines.entry(line).or_default();
            *sum = *sum + its;
        }
        self.problem = self.problem.take().or(other.problem);
        self.doubt = self.doubt.take().or(other.doubt);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_kept_of_command_buffers_that_are_gone() {
        let mut tally = Tally::default();
        let recorded = |tally: &Tally| {
            let mut all: Vec<u64> = tally.recorded.keys().copied().collect();
            all.sort_unstable();
            all
        };
        tally.allocate(1, [10, 11, 12].into_iter());
        tally.allocate(2, [20].into_iter());
        tally.allocate(3, [30, 31].into_iter());
        [10, 11, 12, 20, 30, 31].into_iter().for_each(|commands| tally.begin(commands));
        tally.free(1, &[11]);
        assert_eq!(recorded(&tally), [10, 12, 20, 30, 31]);
        assert_eq!(tally.free_all(1), [10, 12]);
        assert_eq!((tally.clear_all(3), tally.clear_all(3)), (vec![30, 31], vec![30, 31]));
        tally.clear(20);
        assert_eq!((recorded(&tally), tally.pools.len()), (vec![], 2));
        assert_eq!(tally.free_all(1), [0; 0]);
    }
}
