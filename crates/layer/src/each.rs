//! Dispatches one by one, as a recording has them. Knows no Vulkan.

use flopmeter_core::recording::{DispatchCounts, Dispatched, InOrder, Which};

use crate::{
    ledger::Row,
    tally::{Gone, Kernel, Tally},
    watch::{Found, Watch},
};

/// The dispatches that are kept one by one; `None` where none are to be.
pub(crate) fn in_order(tally: &Tally, watch: &Watch) -> Option<InOrder> {
    let (rows, left_out) = watch.rows()?;
    let which = |kernel: &Kernel| Which {
        name: kernel.name.clone(),
        entry: kernel.identity.entry.clone(),
        module: kernel.identity.module_name(),
        spec_constants: kernel.identity.values(),
    };
    let period = watch.period();
    let dispatches = rows.iter().map(|row| dispatched(row, &tally.kernels[row.kernel], period));
    Some(InOrder {
        kernels: tally.kernels.iter().map(which).collect(),
        dispatches: dispatches.collect(),
        left_out,
    })
}

/// One dispatch of a kernel. A tick of the clock takes `period` nanoseconds, where there is one.
fn dispatched(row: &Row<Found>, its: &Kernel, period: Option<f64>) -> Dispatched {
    let &Row { kernel, grid, ref found } = row;
    let bare = Dispatched { kernel, grid, ..Dispatched::default() };
    match found {
        Some(Found::Ticks(ticks)) => {
            let seconds = period.map(|period| *ticks as f64 * period * 1e-9);
            Dispatched { seconds, ..bare }
        }
        Some(Found::Counted(counted)) => {
            let Gone { launches: _, invocations, cost, dead, lines: _, problem, doubt } =
                &**counted;
            match problem {
                None => {
                    let (invocations, cost, dead) = (*invocations, *cost, *dead);
                    let counts = Some(DispatchCounts { invocations, cost, dead });
                    Dispatched { counts, why: doubt.clone(), ..bare }
                }
                Some(why) => Dispatched { why: Some(why.clone()), ..bare },
            }
        }
        None if period.is_some() => bare,
        None => {
            let unread =
                "what it left was not read before it was overwritten, did not come, or had no room";
            let why = its.table.as_ref().err().map_or(unread, String::as_str);
            Dispatched { why: Some(why.to_owned()), ..bare }
        }
    }
}
