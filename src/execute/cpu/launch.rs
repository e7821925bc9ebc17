//! A launch: the workgroups of a grid on all threads, and what their executions amount to.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed},
    },
};

use super::{
    alu::{CHUNK, Chunk},
    flow::{Runner, Stopped},
    machine::{First, Machine},
    memory::Words,
    program::{Given, Memory, Program},
    race::Races,
    threads,
};
use crate::{
    execute::{LaneUse, OutOfBounds, Race, Witness},
    op::Cost,
};

/// A program on its way over a grid.
pub(super) struct Grid<'a> {
    pub(super) program: &'a Program,
    pub(super) memories: Vec<Words<'a>>,
    pub(super) grid: [u32; 3],
    pub(super) max_rounds: u64,
}

/// What workers found out.
#[derive(Default)]
pub(super) struct GridRun {
    executed: Vec<[u64; 2]>,
    outside: Vec<u64>,
    /// The first access out of bounds at each site that has any.
    strays: Vec<First>,
    races: Option<Vec<Race>>,
}

impl GridRun {
    fn add(&mut self, executed: &[[u64; 2]], outside: &[u64], strays: Vec<First>) {
        for found in strays {
            match self.strays.iter_mut().find(|first| first.site == found.site) {
                Some(first) if found.order < first.order => *first = found,
                Some(_) => {}
                None => self.strays.push(found),
            }
        }
        self.executed.resize(executed.len(), [0; 2]);
        self.outside.resize(outside.len(), 0);
        for (sum, part) in self.executed.iter_mut().zip(executed) {
            *sum = [sum[0] + part[0], sum[1] + part[1]];
        }
        for (sum, part) in self.outside.iter_mut().zip(outside) {
            *sum += part;
        }
    }

    /// What it means: executions of runs become operations, sites become lines.
    pub(super) fn witness(self, program: &Program) -> Witness {
        let mut tally = Cost::default();
        let mut lanes = LaneUse::default();
        for (cost, [active, issued]) in program.costs.iter().zip(self.executed) {
            let operations: u64 = cost.ops.iter().map(|(_, _, count)| count).sum();
            tally = tally + cost.times(active);
            lanes = lanes + LaneUse { active: operations * active, issued: operations * issued };
        }
        // A line may have several sites.
        let mut lines = BTreeMap::<_, (u64, Option<&First>)>::new();
        let sites = program.sites.iter().zip(self.outside).enumerate();
        for (site, (line, accesses)) in sites.filter(|(_, (_, n))| *n > 0) {
            let (sum, first) = lines.entry(line).or_default();
            *sum += accesses;
            if let Some(found) = self.strays.iter().find(|first| first.site == site)
                && first.is_none_or(|first| found.order < first.order)
            {
                *first = Some(found);
            }
        }
        let out_of_bounds = lines.into_iter().map(|(line, (accesses, first))| {
            let first = first.map(|first| first.stray.clone());
            OutOfBounds::new(&program.name, line.as_ref(), accesses, first)
        });
        let out_of_bounds = out_of_bounds.collect();
        let tally = tally.barriers_once(program.lanes() as u64);
        Witness { tally, lanes, out_of_bounds, races: self.races }
    }
}

impl Grid<'_> {
    pub(super) fn run(&self) -> Result<GridRun, Stopped> {
        let workgroups: u64 = self.grid.iter().map(|&extent| u64::from(extent)).product();
        let threads = threads::count() as u64;
        let share = (workgroups / (8 * threads)).clamp(1, 256);
        let next = AtomicU64::new(0);
        let failed = AtomicBool::new(false);
        let ran = Mutex::new((GridRun::default(), None));
        let work = || {
            let outcome = self.worker(&next, share, workgroups, &failed, &ran);
            if let Err(fault) = outcome {
                failed.store(true, Relaxed);
                let mut ran = ran.lock().unwrap_or_else(PoisonError::into_inner);
                if fault != Stopped::Elsewhere {
                    ran.1.get_or_insert(fault);
                }
            }
        };
        // The tally of the plain kernel is held against the counters of the counting one, so both must execute the same.
        let in_order = self.program.watch.is_some() || self.program.heeds_order;
        if workgroups <= 1 || threads == 1 || in_order {
            work();
        } else {
            threads::on_each(work);
        }
        let (ran, fault) = ran.into_inner().unwrap_or_else(PoisonError::into_inner);
        fault.map_or(Ok(ran), Err)
    }

    /// Takes shares of the workgroups until none is left.
    fn worker(
        &self,
        next: &AtomicU64,
        share: u64,
        workgroups: u64,
        failed: &AtomicBool,
        ran: &Mutex<(GridRun, Option<Stopped>)>,
    ) -> Result<(), Stopped> {
        let mut first = next.fetch_add(share, Relaxed);
        if first >= workgroups {
            return Ok(());
        }
        let words = self.program.workgroup_bytes as usize / 4;
        let shared: Vec<AtomicU32> = (0..words).map(|_| AtomicU32::new(0)).collect();
        let memories = self.memories.iter().zip(&self.program.memories);
        let memories: Vec<Words<'_>> = memories
            .map(|(words, memory)| match memory {
                Memory::WorkGroup => &shared[..],
                Memory::Buffer { .. } | Memory::Immediate => words,
            })
            .collect();
        let races = match self.program.watch {
            Some(_) => Some(Races::new(self.program, &memories).ok_or(Stopped::Unwatched)?),
            None => None,
        };
        let machine = Machine::new(self.program, memories, races);
        let mut runner = Runner::new(machine, failed, self.max_rounds);
        self.give(&mut runner.machine);
        let [columns, rows, _] = self.grid.map(u64::from);
        while first < workgroups {
            for group in first..(first + share).min(workgroups) {
                if failed.load(Relaxed) {
                    return Err(Stopped::Elsewhere);
                }
                shared.iter().for_each(|word| word.store(0, Relaxed));
                let place = [group % columns, group / columns % rows, group / columns / rows];
                runner.machine.group = place.map(|axis| axis as u32);
                for (given, reg) in &self.program.given {
                    if let Given::WorkGroup(axis) = given {
                        runner.machine.regs[reg.base()] = Chunk::splat(place[*axis] as u32);
                    }
                }
                runner.workgroup()?;
            }
            first = next.fetch_add(share, Relaxed);
        }
        let mut ran = ran.lock().unwrap_or_else(PoisonError::into_inner);
        ran.0.add(&runner.executed, &runner.machine.outside, runner.machine.strays);
        ran.0.races = runner.machine.races.map(|races| races.found());
        Ok(())
    }

    /// Fills the registers that do not depend on the workgroup.
    fn give(&self, machine: &mut Machine<'_>) {
        let [x, y, _] = self.program.size;
        for (given, reg) in &self.program.given {
            let shared = match given {
                Given::Constant(word) => *word,
                Given::WorkGroups(axis) => self.grid[*axis],
                Given::WorkGroup(_) => 0,
                Given::Local(_) | Given::LocalIndex | Given::SubgroupId | Given::SubgroupLane => {
                    for lane in 0..machine.columns * CHUNK {
                        let index = lane as u32;
                        let word = match given {
                            Given::Local(0) => index % x,
                            Given::Local(1) => index / x % y,
                            Given::Local(_) => index / x / y,
                            Given::SubgroupId => index / self.program.subgroup,
                            Given::SubgroupLane => index % self.program.subgroup,
                            Given::LocalIndex
                            | Given::Constant(_)
                            | Given::WorkGroups(_)
                            | Given::WorkGroup(_) => index,
                        };
                        machine.set_word(*reg, lane, word);
                    }
                    continue;
                }
            };
            machine.regs[reg.base()] = Chunk::splat(shared);
        }
    }
}
