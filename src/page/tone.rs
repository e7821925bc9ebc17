//! Whether what is said is good news or bad, or where to look first.

/// Whether what is said is good or bad.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// Neither.
    #[default]
    Plain,
    /// As it should be.
    Good,
    /// Worth a second look.
    Doubtful,
    /// Wrong.
    Bad,
    /// Neither good nor bad, and to be looked at first: where most of a cost is.
    Hot,
}
