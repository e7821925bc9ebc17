//! The contents of a counter buffer in, counts out.

use crate::{TABLES, counts::Counts};

/// Turns the contents of a counter buffer into counts, and holds the invocations that were counted against those that
/// were launched, where their number is known.
///
/// # Errors
/// Where there is no table of that number, where the bytes cannot be what its kernel counted, and where fewer
/// invocations arrived than were launched.
pub(crate) fn decode(table: usize, raw: &[u8], launched: Option<u64>) -> Result<String, String> {
    TABLES.with_borrow(|tables| {
        let table = tables.get(table).ok_or_else(|| format!("there is no table {table}"))?;
        let executions = table.decode(raw, launched).map_err(|error| error.to_string())?;
        let counts = Counts::of(&table.cost(&executions), &table.lines(&executions))?;
        serde_json::to_string(&counts).map_err(|error| error.to_string())
    })
}
