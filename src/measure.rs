//! Running a plan: its buffers are made and filled, each kernel is compiled plain and counting, every pass is
//! dispatched and observed. Counts come from the counting kernels, times from the plain ones. Nothing here knows
//! what a count should be.

mod chosen;
mod measurement;
mod progress;
mod run;
mod session;
mod uniform;

pub use chosen::ChosenKernel;
pub use measurement::Measurement;
pub use progress::{Observer, Progress, Stage};
pub use run::{Keep, KeptTensor, Run, run};
pub use session::Session;
