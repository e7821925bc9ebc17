//! Branches within one another: which lines of a file are read. Knows nothing of what makes a condition true.

/// Branches of a file that have begun and not ended.
#[derive(Default)]
pub(super) struct Branches(Vec<Condition>);

struct Condition {
    line: u32,
    word: &'static str,
    /// Whether everything around it is read.
    outer: bool,
    /// Whether a branch of it has been read.
    taken: bool,
    /// Whether the lines that follow are read.
    is_met: bool,
    /// Whether its `#else` has been.
    ends: bool,
}

/// What another branch is read for.
pub(super) enum Otherwise {
    /// Where this holds and no branch before it was read.
    If(bool),
    /// Where no branch before it was read.
    Else,
}

impl Branches {
    /// Whether the lines that follow are read.
    pub(super) fn are_met(&self) -> bool {
        self.0.last().is_none_or(|last| last.is_met)
    }

    /// Whether another branch of the innermost condition may be read.
    pub(super) fn may_go_on(&self) -> bool {
        self.0.last().is_some_and(|last| last.outer && !last.taken)
    }

    /// Begins a condition on a line.
    pub(super) fn begin(&mut self, line: u32, word: &'static str, is_met: bool) {
        let outer = self.are_met();
        let is_met = outer && is_met;
        self.0.push(Condition { line, word, outer, taken: is_met, is_met, ends: false });
    }

    /// Begins another branch of the innermost condition.
    ///
    /// # Errors
    /// Where there is none, or its last branch has been.
    pub(super) fn otherwise(&mut self, branch: Otherwise) -> Result<(), String> {
        let (word, is_met) = match branch {
            Otherwise::If(is_met) => ("elif", is_met),
            Otherwise::Else => ("else", true),
        };
        let last = self.0.last_mut();
        let last =
            last.ok_or_else(|| format!("#{word} is within no #if: begin one, or leave it out"))?;
        if last.ends {
            let (line, first) = (last.line, last.word);
            return Err(format!("#{word} stands behind the #else of the #{first} on line {line}"));
        }
        last.ends = word == "else";
        last.is_met = last.outer && !last.taken && is_met;
        last.taken |= last.is_met;
        Ok(())
    }

    /// Ends the innermost condition.
    ///
    /// # Errors
    /// Where there is none.
    pub(super) fn end(&mut self) -> Result<(), String> {
        let ended = self.0.pop().map(|_| ());
        ended.ok_or_else(|| "#endif ends no #if: begin one, or leave it out".to_owned())
    }

    /// How many have begun and not ended.
    pub(super) fn depth(&self) -> usize {
        self.0.len()
    }

    /// The line and the word of the innermost condition that has not ended.
    pub(super) fn open(&self) -> Option<(u32, &'static str)> {
        self.0.last().map(|last| (last.line, last.word))
    }
}
