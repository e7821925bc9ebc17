//! Which of the crate's kernels are fastest on an adapter, found out by timing them: of each class of operations a
//! representative one, with every kernel that may compute it. Who wins is decided in `contest`, which has no clock;
//! [`Stopwatch`] runs kernels; what was found is kept in a file. Knows no model.
//!
//! Floating-point operations are the same whichever kernel wins. Times are not, and neither are integers and bytes.

mod bound;
mod contest;
mod kept;
mod specimen;
mod stopwatch;
mod timing;
mod variant;

use std::ops::ControlFlow;

pub use bound::{BoundKernel, Tensors};
pub use contest::{Contender, Contest, Dropped, Timekeeper};
pub use kept::{Kept, Unusable, keep, kept};
pub use specimen::{Specimen, narrow_specimens, specimens};
pub use stopwatch::Stopwatch;
pub use timing::{Effort, Time, compare};
pub use variant::{Variant, flops, variants};

use crate::{
    Error,
    choice::choose,
    execute::{Executor, Limits},
    library,
    operation::{Function, Operation},
};

/// Whether an executor computes in half precision: whether it takes the kernel that rounds numbers to it.
pub fn narrows(executor: &mut dyn Executor) -> bool {
    let operation = Operation::Pointwise { function: Function::Narrow, p: 4 };
    let choice = choose(&operation, &executor.adapter().limits);
    let dims = choice.schedule.dims().map(|(name, value)| (name.to_owned(), value)).collect();
    let kernel = library::load(&choice.kernel.name(), &dims);
    kernel.is_ok_and(|kernel| executor.compile(&kernel).is_ok())
}

/// Told before each class of operations, by its name; a break stops the tuning with [`Error::Interrupted`].
pub type Heard<'a> = dyn FnMut(&str) -> ControlFlow<()> + 'a;

/// Times what may run each specimen on an adapter with these limits. A specimen that only one kernel may run is not timed.
///
/// # Errors
/// Where the timekeeper fails, or `observe` breaks the tuning off.
pub fn tune(
    limits: &Limits,
    specimens: &[Specimen],
    timekeeper: &mut dyn Timekeeper,
    observe: &mut Heard<'_>,
) -> Result<Vec<Contest>, Error> {
    let mut contests = Vec::new();
    for specimen in specimens {
        let variants = variants(&specimen.operation, limits);
        if variants.len() < 2 {
            continue;
        }
        let name = specimen.class.to_string();
        if observe(&name).is_break() {
            return Err(Error::Interrupted(name));
        }
        let times = timekeeper.time(specimen, &variants)?;
        contests.push(Contest::new(specimen, &variants, times));
    }
    Ok(contests)
}
