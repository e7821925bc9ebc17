//! The program's calls that the layer takes part in: each tells the tally and goes on to the driver with the
//! program's own arguments. A file for each kind of object that the calls are about.

pub(crate) mod command;
pub(crate) mod name;
pub(crate) mod pipeline;
pub(crate) mod pool;
pub(crate) mod queue;
