//! Whether what is said is good news or bad.

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
    /// Wrong, or to be looked at first.
    Bad,
}
