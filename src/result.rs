//! What was found out, as serialisable values that read back from their files: a kind of result a file,
//! computed here from the arms that know each part. Knows nothing of how a result is said or looks.

mod adapters;
mod adds_up;
mod agreement;
mod bill;
mod catalogue;
mod change;
mod change_judge;
mod compare;
pub(crate) mod component;
mod document;
mod finding;
mod formulas;
mod kernel_check;
mod kernel_judge;
mod kernel_suite;
mod keys;
mod limit;
mod listing;
mod origin;
mod otherwise;
mod pass;
mod points;
mod profile;
mod provenance;
mod roofline;
mod run;
mod scale;
mod schedule_cost;
mod shader;
mod sums;
mod tally;
mod unchecked;
mod watched;

pub use adapters::{AdapterList, TunedAdapter, TunedClass};
pub use agreement::{Agreement, CheckedModel, CheckedPass, Comparison, Value};
pub use bill::{Bill, Figures, Item, Quantity};
pub use catalogue::schemas;
pub(crate) use change::carriers;
pub use change::{
    ChangeReport, ChangedRun, CountPair, KernelFigures, KernelPair, KernelRun, LineFigures,
    LinePair, RanKernels,
};
pub use compare::{Candidate, CandidateRun, CompareReport, Pair, Ratios, Side};
pub use component::Component;
pub use document::{Document, load, schema_of, to_json};
pub use finding::{Examined, Finding, FindingKind};
pub use formulas::{FormulasReport, TrainingSummary};
pub use kernel_check::{ExecutorRun, KernelCheck};
pub use kernel_judge::HeldTo;
pub use kernel_suite::{KernelSuite, SuiteKernel, SuiteOutcome};
pub use limit::GrowthLimit;
pub use listing::ShaderListing;
pub use origin::{Origin, Tool, to_signed_json};
pub use pass::PassRow;
pub use points::{Conditions, PointFolder, merge};
pub use profile::{EXTRAPOLATED, Extrapolation, Profiled, Report, Totals, WayToTrain};
pub use provenance::Provenance;
pub use roofline::{PlacedKernel, RooflineReport};
pub use run::{Ending, KernelLine, KernelRow, RunDispatch, RunReport, RunTiming, RunTotals};
pub use scale::{
    Claim, Crossover, Fate, Judgement, Law, Reason, Ruling, ScalePoint, ScaleReport, Skipped,
};
pub use schedule_cost::ScheduleCost;
pub use shader::{DispatchRow, LineRow, ShaderReport, SourceFile};
pub use tally::{Difference, OwnTally};
pub use unchecked::Unchecked;
pub use watched::Watched;

/// What the numbers of a report are.
pub const DEFINITION: &str = "Executed operations: every arithmetic operation, load and store that \
    an active invocation executes, as the kernel's naga IR states it, after constant \
    evaluation and after pipeline overrides are resolved, and before anything a back end adds or \
    removes. Neither a static estimate nor a hardware instruction count.";

/// What the numbers are where SPIR-V went to its driver as it is.
pub const SPIRV_DEFINITION: &str = "Executed operations: every arithmetic operation, load and store that an \
    active invocation executes, as the SPIR-V module states it that the driver was given, specialised as the \
    pipeline asks, and before anything that the driver adds or removes. What a module states and nobody uses is \
    counted, and told apart as dead. Neither a static estimate nor a hardware instruction count.";
