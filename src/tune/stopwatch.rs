//! Times the variants of a specimen on an executor. Decides nothing.

use std::time::Instant;

use super::{BoundKernel, Effort, Specimen, Tensors, Timekeeper, Variant, compare};
use crate::{Error, execute::Executor};

/// An executor whose kernels are timed. What it held before is given back.
pub struct Stopwatch<'a> {
    executor: &'a mut dyn Executor,
    effort: Effort,
    /// When the device last worked.
    worked: Option<Instant>,
}

impl<'a> Stopwatch<'a> {
    /// Kernels on an executor, timed with as little effort as tells a winner.
    pub fn new(executor: &'a mut dyn Executor) -> Self {
        let effort = Effort::brief(executor.adapter());
        Self { executor, effort, worked: None }
    }
}

impl Timekeeper for Stopwatch<'_> {
    fn time(
        &mut self,
        specimen: &Specimen,
        variants: &[Variant],
    ) -> Result<Vec<Result<Vec<f64>, String>>, Error> {
        let executor = &mut *self.executor;
        executor.clear();
        let mut tensors = Tensors::default();
        for &(name, len) in &specimen.tensors {
            tensors.add(executor, &[name], len)?;
        }
        for &(name, len) in &specimen.halves {
            tensors.halves(executor, &[name], len)?;
        }
        for (name, words) in &specimen.words {
            tensors.words(executor, name, words)?;
        }
        let launches: Vec<Result<BoundKernel, String>> = variants
            .iter()
            .map(|variant| tensors.launch(executor, &specimen.operation, &variant.choice))
            .map(|launch| launch.map_err(|error| error.to_string()))
            .collect();
        let rows: Vec<Vec<BoundKernel>> =
            launches.iter().flatten().map(|launch| vec![launch.clone()]).collect();
        let mut times = compare(executor, self.effort, &rows, &mut self.worked)?.into_iter();
        executor.clear();
        let timed = |launch: Result<BoundKernel, String>| {
            launch.map(|_| times.next().map(|time| time.rounds).unwrap_or_default())
        };
        Ok(launches.into_iter().map(timed).collect())
    }
}
