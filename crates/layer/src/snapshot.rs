//! Counters and tally as a recording: what each kernel executed, and what is not known and why. Knows no files and no
//! Vulkan; counters come as bytes.

use std::collections::BTreeMap;

use flopmeter_core::{
    recording::{Counted, CountedLine, Device, NotCounted, Recording, Timed, label},
    table::Line,
};

use crate::{
    arena::Window,
    decode::{State, decode},
    each,
    kernel::SourceLines,
    tally::{Counting, Gone, Kernel, Launches, Tally},
    watch::{Times, Watch},
};

/// Everything that is known now. `read` gives so many bytes of a window. Notes in the tally which submissions have
/// come to their end. `watch` has what was counted of each dispatch, where that was asked for.
pub(crate) fn take(
    tally: &mut Tally,
    watch: Option<&Watch>,
    device: &Device,
    refused: Option<&str>,
    state: State,
    read: impl Fn(Window, u64) -> Vec<u8>,
) -> Recording {
    let mut sums: Vec<(Gone, bool)> =
        tally.kernels.iter().map(|kernel| (kernel.gone.clone(), true)).collect();
    let all_ended = tally.ends.all_ended();
    for (window, &Counting { kernel, launches, .. }) in tally.windows.iter() {
        let (sum, settled) = &mut sums[kernel];
        match &tally.kernels[kernel].table {
            Ok(table) => {
                let raw = read(window, table.bytes());
                let live = decode(table, &raw, launches, state);
                let launched = launches.invocations(table.invocations([1; 3]));
                // How many invocations the device itself launches is not known, so none may be missing or all.
                *settled &= launched.map_or(all_ended, |launched| launched == live.invocations);
                sum.add(live);
            }
            Err(_) => sum.launches.add(launches),
        }
    }
    let settled = state == State::Idle || sums.iter().all(|&(_, settled)| settled);
    if settled {
        tally.settled = tally.submissions;
    }

    let mut recording = Recording {
        process: std::process::id(),
        device: Some(device.clone()),
        finished: settled && state != State::Running,
        unfinished_submissions: tally.submissions - tally.settled,
        in_order: watch.and_then(|watch| each::in_order(tally, watch)),
        ..Recording::default()
    };
    for (kernel, (sum, _)) in tally.kernels.iter().zip(sums) {
        // Of what the device itself dispatched, invocations came that nobody was seen to ask for.
        if sum.launches.dispatches == 0 && sum.invocations == 0 {
            continue;
        }
        let doubt = sum.doubt.clone();
        match row(kernel, sum) {
            Ok(row) => {
                recording.not_counted.extend(doubt.map(|why| NotCounted {
                    kernel: Some(row.label()),
                    what: None,
                    why,
                    dispatches: row.dispatches,
                }));
                recording.kernels.push(row);
            }
            Err(row) => recording.not_counted.push(row),
        }
    }
    let beside = |what: &str, why: &str, dispatches| NotCounted {
        kernel: None,
        what: Some(what.to_owned()),
        why: why.to_owned(),
        dispatches,
    };
    let others = &mut recording.not_counted;
    if let Some(why) = refused {
        others.push(beside("a device", why, 0));
    }
    if tally.strays > 0 {
        let why = "no compute pipeline was seen to be bound";
        others.push(beside("dispatches", why, tally.strays));
    }
    others.extend(tally.beside.iter().map(|(what, why)| beside(what, why, 0)));
    let panics = crate::guard::panics();
    others.extend(panics.iter().map(|said| beside("what the layer gave up on", said, 0)));
    recording
}

/// How long kernels took that were timed.
pub(crate) fn times(tally: &Tally, watch: &Watch, device: &Device, state: State) -> Recording {
    let seconds = watch.period().unwrap_or(0.0) * 1e-9;
    let timed = (0..).zip(&tally.kernels).flat_map(|(at, kernel)| {
        by_grid(watch.times(at)).into_iter().map(move |(launches, times)| Timed {
            name: kernel.name.clone(),
            entry: kernel.identity.entry.clone(),
            module: kernel.identity.module_name(),
            spec_constants: kernel.identity.values(),
            constant_names: kernel.identity.stated.names.clone(),
            submitted: launches.dispatches,
            workgroups: launches.workgroups(),
            dispatches: times.dispatches,
            seconds: times.ticks as f64 * seconds,
        })
    });
    let is_open = state == State::Running && !tally.ends.all_ended();
    Recording {
        process: std::process::id(),
        device: Some(device.clone()),
        finished: state != State::Running,
        unfinished_submissions: is_open.into(),
        times: timed.collect(),
        in_order: each::in_order(tally, watch),
        ..Recording::default()
    }
}

/// Times of one kernel: those of all grids of which every dispatch was timed together, each other one by itself.
fn by_grid(times: impl Iterator<Item = (Option<[u32; 3]>, Times)>) -> Vec<(Launches, Times)> {
    let (mut whole, mut parts) = ((Launches::default(), Times::default()), Vec::new());
    for (grid, its) in times {
        let launches = Launches::of(grid).times(its.submitted);
        if its.dispatches < its.submitted {
            parts.push((launches, its));
        } else {
            whole.0.add(launches);
            whole.1.dispatches += its.dispatches;
            whole.1.ticks = whole.1.ticks.saturating_add(its.ticks);
        }
    }
    parts.extend(Some(whole).filter(|(launches, _)| launches.dispatches > 0));
    parts
}

/// A kernel that was dispatched, as counted or not.
fn row(kernel: &Kernel, sum: Gone) -> Result<Counted, NotCounted> {
    let entry = &kernel.identity.entry;
    let module = kernel.identity.module_name();
    let Gone { launches, invocations, cost, dead, lines, problem, doubt: _ } = sum;
    let why = match (&kernel.table, problem) {
        (Err(why), _) => why.clone(),
        (Ok(_), Some(problem)) => problem,
        (Ok(table), None) => {
            return Ok(Counted {
                name: kernel.name.clone(),
                entry: entry.clone(),
                module,
                spec_constants: kernel.identity.values(),
                constant_names: kernel.identity.stated.names.clone(),
                dispatches: launches.dispatches,
                workgroups: launches.workgroups(),
                invocations,
                counters: table.counters().into(),
                cost,
                dead,
                file: kernel.lines.file.clone(),
                lines: counted_lines(&kernel.lines, lines),
            });
        }
    };
    Err(NotCounted {
        kernel: Some(label(kernel.name.as_deref(), entry, &module)),
        what: None,
        why,
        dispatches: launches.dispatches,
    })
}

/// The lines that were executed, with what stands there.
fn counted_lines(source: &SourceLines, lines: BTreeMap<u32, Line>) -> Vec<CountedLine> {
    // A branch that was never taken costs nothing, and a listing says so by its silence.
    let executed = lines.into_iter().filter(|(_, its)| its.executions > 0);
    let executed = executed.map(|(line, Line { executions, cost })| {
        let text = source.texts.get(&line).cloned();
        CountedLine { line, text, executions, cost }
    });
    executed.collect()
}

#[cfg(test)]
mod tests {
    use flopmeter_core::table::BlockTable;

    use super::*;
    use crate::{
        constants::Stated,
        kernel::{Abilities, Identity, Module, counting},
        tally::{Batch, Counts},
    };

    /// A kernel that does nothing, in workgroups of 8.
    const NOTHING: [u32; 37] = [
        // Magic number, version 1.3, bound.
        0x0723_0203,
        0x1_0300,
        0,
        5,
        0, // OpCapability Shader, OpMemoryModel Logical GLSL450
        0x2_0011,
        1,
        0x3_000e,
        0,
        1, // OpEntryPoint GLCompute %1 "main"
        0x5_000f,
        5,
        1,
        0x6e69_616d,
        0, // OpExecutionMode %1 LocalSize 8 1 1
        0x6_0010,
        1,
        17,
        8,
        1,
        1, // %2 = OpTypeVoid, %3 = OpTypeFunction %2
        0x2_0013,
        2,
        0x3_0021,
        3,
        2, // %1 = OpFunction %2 None %3
        0x5_0036,
        2,
        1,
        0,
        3, // %4 = OpLabel, OpReturn, OpFunctionEnd
        0x2_00f8,
        4,
        0x1_00fd,
        0x1_0038,
        0x1_0000,
        0x1_0000,
    ];

    fn identity() -> Identity {
        let entry = "main".to_owned();
        let (constants, stated) = (BTreeMap::new(), Stated::default());
        Identity { module: Some(7), entry, constants, stated, subgroup: None }
    }

    fn table() -> BlockTable {
        let abilities =
            Abilities { wide_atomics: true, subgroups: true, loop_rounds: None, levels: None };
        let module = Module::new(NOTHING.to_vec());
        counting(&module, &identity(), abilities, |_| Ok(64)).unwrap().table
    }

    /// Adds a pipeline with this handle.
    fn add(tally: &mut Tally, handle: u64) {
        let window = Window { block: 0, offset: 0, bytes: table().bytes() };
        let window = tally.join(&identity(), || Ok(window)).unwrap();
        let lines = SourceLines::default();
        tally.add((handle, 0), &identity(), Ok(Counts { table: table(), lines, window }));
    }

    /// The counters of so many invocations.
    fn raw(table: &BlockTable, arrived: u64) -> Vec<u8> {
        let mut raw = vec![0; table.bytes() as usize];
        raw[..8].copy_from_slice(&arrived.to_le_bytes());
        raw
    }

    #[test]
    fn what_did_not_arrive_is_missed_once_nothing_runs_any_more() {
        let table = table();
        let two = Launches { dispatches: 1, groups: 2, unknown: 0 };
        for (arrived, state, known) in [
            (16, State::Idle, true),
            (8, State::Idle, false),
            (8, State::Running, true),
            (8, State::Ending, true),
        ] {
            let left = decode(&table, &raw(&table, arrived), two, state);
            assert_eq!(left.problem.is_none(), known, "{arrived} {state:?}: {:?}", left.problem);
            assert_eq!(left.invocations, arrived);
        }
        let unknown = Launches { unknown: 1, ..two };
        assert_eq!(decode(&table, &raw(&table, 8), unknown, State::Idle).problem, None);
        assert!(decode(&table, &raw(&table, 7), unknown, State::Idle).problem.is_some());
    }

    #[test]
    fn a_recording_says_what_has_not_ended() {
        let mut tally = Tally::default();
        add(&mut tally, 1);
        tally.begin(5);
        tally.bind(5, Some(1));
        tally.dispatch(5, Some([1, 1, 1]));
        tally.submit(2, &[Batch { commands: vec![5], signals: Vec::new() }], None);
        let device = Device::default();
        let mut at = |arrived, state| {
            let read = |_, _| raw(&table(), arrived);
            take(&mut tally, None, &device, None, state, read)
        };
        let said = |recording: &Recording| (recording.finished, recording.unfinished_submissions);
        assert_eq!(said(&at(0, State::Running)), (false, 1));
        assert_eq!(said(&at(0, State::Ending)), (false, 1));
        assert_eq!(said(&at(8, State::Running)), (false, 0));
        let ended = at(8, State::Ending);
        assert_eq!(said(&ended), (true, 0));
        assert_eq!((ended.kernels[0].dispatches, ended.kernels[0].invocations), (1, 8));
        let lost = at(0, State::Idle);
        assert_eq!(lost.kernels, []);
        assert!(lost.not_counted[0].why.contains("0 of 8 invocations"), "{:?}", lost.not_counted);
    }

    #[test]
    fn what_the_device_launches_has_ended_where_the_program_saw_that() {
        let mut tally = Tally::default();
        add(&mut tally, 1);
        tally.begin(5);
        tally.bind(5, Some(1));
        tally.dispatch(5, None);
        tally.submit(2, &[Batch { commands: vec![5], signals: Vec::new() }], Some(7));
        let device = Device::default();
        let at = |tally: &mut Tally, state| {
            let its = take(tally, None, &device, None, state, |_, _| raw(&table(), 8));
            (its.finished, its.unfinished_submissions, its.kernels[0].invocations)
        };
        assert_eq!(at(&mut tally, State::Running), (false, 1, 8));
        assert_eq!(at(&mut tally, State::Ending), (false, 1, 8));
        tally.ends.signalled(7);
        assert_eq!(at(&mut tally, State::Running), (false, 0, 8));
        assert_eq!(at(&mut tally, State::Ending), (true, 0, 8));
    }

    #[test]
    fn grids_that_were_timed_in_part_are_apart() {
        let of = |submitted, dispatches, ticks| Times { submitted, dispatches, ticks };
        let (one, two) = (Some([1; 3]), Some([2, 1, 1]));
        let grids = [(None, of(1, 1, 5)), (one, of(100, 1, 3)), (two, of(2, 2, 40))];
        let rows = by_grid(grids.into_iter());
        let known = |(launches, times): &(Launches, Times)| {
            (launches.dispatches, launches.workgroups(), times.dispatches, times.ticks)
        };
        let rows: Vec<_> = rows.iter().map(known).collect();
        assert_eq!(rows, [(100, Some(100), 1, 3), (3, None, 3, 45)]);
    }
}
