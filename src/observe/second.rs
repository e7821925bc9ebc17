//! A second attempt: what an adapter that was chosen for its user cannot do right is done again on the embedded
//! executor. An adapter that its user named is kept to. Knows no kernel and no plan, only errors.

use super::Moved;
use crate::{
    Error, KernelError,
    execute::{DeviceType, Embedded, Executor, open},
};

/// An executor, and where its user named none the leave to take the embedded one instead.
pub struct Attempts {
    first: Box<dyn Executor>,
    /// How the embedded executor is opened where it is needed; `None` where errors of the first are final.
    embedded: Option<Embedded>,
    second: Option<Box<dyn Executor>>,
    moved: bool,
}

impl Attempts {
    /// Opens an adapter as [`open`] does. Only `auto` takes the embedded executor in another's place.
    ///
    /// # Errors
    /// Those of [`open`].
    pub fn open(choice: &str, embedded: impl Into<Embedded>) -> Result<Self, Error> {
        let embedded = embedded.into();
        let first = open(choice, embedded)?;
        Ok(Self::new(first, (choice == "auto").then_some(embedded)))
    }

    /// Takes an executor that is open, and how the embedded executor is opened that may stand in for it.
    pub fn new(first: Box<dyn Executor>, embedded: Option<Embedded>) -> Self {
        let is_embedded = first.adapter().device_type == DeviceType::Embedded;
        Self { first, embedded: embedded.filter(|_| !is_embedded), second: None, moved: false }
    }

    /// Whether errors of the first executor are not final.
    pub const fn may_move(&self) -> bool {
        self.embedded.is_some()
    }

    /// The executor that the last work ended on; before any, the first.
    pub fn executor(&mut self) -> &mut dyn Executor {
        match &mut self.second {
            Some(second) if self.moved => second.as_mut(),
            _ => self.first.as_mut(),
        }
    }

    /// Does work on the first executor. Where that is in its way ([`KernelError::is_of_the_adapter`]), does all of
    /// it again on the embedded executor, and hands it what became of the first.
    ///
    /// # Errors
    /// Those of the work on the embedded executor where it can take the kernel at all; else those on the first, whose
    /// refusal says what an adapter would have to have.
    pub fn run<T>(
        &mut self,
        mut work: impl FnMut(&mut dyn Executor, Option<&Moved>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.moved = false;
        let error = match work(self.first.as_mut(), None) {
            Ok(done) => return Ok(done),
            Err(error) => error,
        };
        let is_its = error.kernel().is_some_and(KernelError::is_of_the_adapter);
        let Some(embedded) = self.embedded.filter(|_| is_its) else { return Err(error) };
        let moved = Moved { adapter: self.first.adapter().name.clone(), why: error.to_string() };
        log::warn!("{}; running on the embedded executor", moved.why);
        self.first.clear();
        let second = match &mut self.second {
            Some(second) => second,
            none => none.insert(open("embedded", embedded)?),
        };
        self.moved = true;
        match work(second.as_mut(), Some(&moved)) {
            Err(refused) if cannot_take(&refused) => Err(error),
            done => done,
        }
    }
}

/// Whether an executor cannot make a program of a kernel.
fn cannot_take(error: &Error) -> bool {
    matches!(error.kernel(), Some(KernelError::Uncountable { .. } | KernelError::BackEnd { .. }))
}
