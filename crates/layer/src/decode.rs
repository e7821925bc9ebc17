//! What the raw counters of one pipeline say. Knows no files and no Vulkan.

use flopmeter_core::table::{BlockTable, UnevenBarrier};

use crate::{
    room::with_room,
    tally::{Gone, Launches},
};

/// Whether what is counted may still go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Kernels may run at this moment.
    Running,
    /// The program ends, and nobody has waited for its kernels.
    Ending,
    /// No kernel runs any more.
    Idle,
}

/// What one pipeline counted, whose counters are `raw`. A running pipeline has counted what has arrived.
pub(crate) fn decode(table: &BlockTable, raw: &[u8], launches: Launches, state: State) -> Gone {
    with_room(|| decoded(table, raw, launches, state))
}

fn decoded(table: &BlockTable, raw: &[u8], launches: Launches, state: State) -> Gone {
    let arrived = table.arrived(raw);
    let workgroup = table.invocations([1; 3]);
    let launched = match state {
        State::Running | State::Ending => Some(arrived),
        State::Idle => launches.invocations(workgroup),
    };
    let gone = Gone { launches, invocations: arrived, ..Gone::default() };
    match table.decode(raw, launched) {
        Ok(executions) => {
            // Of a kernel that still runs, some invocations are behind a barrier and others before it.
            let has_ended =
                state == State::Idle || launches.invocations(workgroup) == Some(arrived);
            let doubt = Some(table.uneven_barriers(&executions)).filter(|_| has_ended);
            Gone {
                cost: table.cost(&executions),
                dead: table.dead(&executions),
                lines: table.lines(&executions),
                doubt: doubt.and_then(|barriers| Some(uneven(barriers.first()?, workgroup))),
                ..gone
            }
        }
        Err(error) => Gone { problem: Some(error.to_string()), ..gone },
    }
}

/// That it is not known how often workgroups waited at a barrier.
fn uneven(barrier: &UnevenBarrier, workgroup: u64) -> String {
    let line = barrier.line.map_or_else(String::new, |line| format!(", on line {line}"));
    format!("its barriers alone{line}: {}", barrier.in_words(workgroup))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{
        constants::Stated,
        kernel::{Abilities, Identity, Module, counting},
    };

    /// A kernel in workgroups of 8 of which the first two come to a barrier, as words of SPIR-V.
    const BRANCHED: &str = "\
        7230203 10300 0 f 0  20011 1  3000e 0 1  6000f 5 1 6e69616d 0 2  60010 1 11 8 1 1  40047 2 b 1d \
        20013 3  30021 4 3  20014 5  40015 6 20 0  4002b 6 7 2  4002b 6 8 108  40020 9 1 6  4003b 9 2 1 \
        50036 3 1 0 4  200f8 a  4003d 6 b 2  500b0 5 c b 7  300f7 d 0  400fa c e d  200f8 e  400e0 7 7 8 \
        200f9 d  200f8 d  100fd  10038";

    /// What the counters of [`BRANCHED`] mean on a device that keeps so many levels of control flow apart.
    fn table(levels: Option<u32>) -> Result<BlockTable, String> {
        let (constants, stated) = (BTreeMap::new(), Stated::default());
        let entry = "main".to_owned();
        let identity = Identity { module: Some(7), entry, constants, stated, subgroup: None };
        let words = BRANCHED.split_whitespace().map(|word| u32::from_str_radix(word, 16).unwrap());
        let module = Module::new(words.collect());
        let abilities =
            Abilities { wide_atomics: true, subgroups: false, loop_rounds: None, levels };
        counting(&module, &identity, abilities, |_| Ok(64)).map(|its| its.table)
    }

    #[test]
    fn what_a_driver_loses_track_of_is_not_counted() {
        // One condition, which is one level.
        assert!(table(None).is_ok() && table(Some(1)).is_ok());
        let why = table(Some(0)).unwrap_err();
        assert!(why.contains("stand 1 deep within each other"), "{why}");
        assert!(why.contains("this adapter keeps 0 apart"), "{why}");
    }

    #[test]
    fn a_barrier_that_parts_of_workgroups_came_to_is_doubtful() {
        let table = table(None).unwrap();
        let launches = Launches { dispatches: 1, groups: 2, unknown: 0 };
        // The invocations that arrived, and those that came to the block of the barrier.
        let raw = |arrived: u64, came: u64| {
            let mut raw = vec![0; table.bytes() as usize];
            raw[..8].copy_from_slice(&arrived.to_le_bytes());
            raw[8..16].copy_from_slice(&came.to_le_bytes());
            raw
        };
        let left = |arrived, came, state| decode(&table, &raw(arrived, came), launches, state);
        let doubt = left(16, 12, State::Idle).doubt.unwrap();
        assert!(doubt.contains("12 invocations") && doubt.contains("workgroups of 8"), "{doubt}");
        assert_eq!(left(16, 8, State::Idle).doubt, None);
        // Nobody knows how many workgroups the device itself was told to launch.
        let raw = raw(16, 12);
        let unknown = Launches { unknown: 1, ..launches };
        assert!(decode(&table, &raw, unknown, State::Idle).doubt.is_some());
        assert_eq!(left(8, 4, State::Running).doubt, None, "the others may come yet");
    }
}
