//! What the executor makes of a lowered kernel so that it runs faster. Each pass keeps what is computed and what
//! is counted, and each can be left out, so that tests can hold a kernel with it against the same kernel without.

/// A pass over a lowered kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Simplification {
    /// First values of variables move to where they are needed, instead of standing where a function begins.
    Sink,
    /// Functions that are only left at their ends, and runs that follow each other, become one.
    Straighten,
    /// Copies of variables are spared, and multiply-adds onto one sum become one instruction.
    Forward,
    /// Registers that hold the same for all lanes are kept once.
    Share,
    /// Registers that are never alive together share a place.
    Pack,
}

impl Simplification {
    /// All of them, in the order in which they run.
    pub const ALL: [Self; 5] =
        [Self::Sink, Self::Straighten, Self::Forward, Self::Share, Self::Pack];
}
