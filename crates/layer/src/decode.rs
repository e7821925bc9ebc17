//! What the raw counters of one pipeline say. Knows no files and no Vulkan.

use flopmeter_core::table::BlockTable;

use crate::tally::{Gone, Launches};

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
    let arrived = table.arrived(raw);
    let workgroup = table.invocations([1; 3]);
    let launched = match state {
        State::Running | State::Ending => Some(arrived),
        State::Idle => launches.invocations(workgroup),
    };
    let gone = Gone { launches, invocations: arrived, ..Gone::default() };
    match table.decode(raw, launched) {
        Ok(executions) => {
            Gone { cost: table.cost(&executions), dead: table.dead(&executions), ..gone }
        }
        Err(error) => Gone { problem: Some(error.to_string()), ..gone },
    }
}
