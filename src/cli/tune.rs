//! Which kernels won on an adapter: read from the user's cache, or timed where that can pay. A cache that is of no use
//! is said and done without.

use std::{env, ops::ControlFlow, path::PathBuf};

use anyhow::bail;

use flopmeter::{
    Error,
    choice::{KernelSet, Winners},
    execute::{Adapter, Executor},
    family,
    model::lower::Training,
    observe::Runs,
    operation::Precision,
    tune::{self, Contest, Kept, Specimen, Stopwatch, Unusable},
};

use super::{
    args::{Common, Tuned},
    interrupt, output,
    progress::Bar,
};

/// What was asked about timing kernels.
pub struct Tuner<'a> {
    asked: Tuned,
    kernels: KernelSet,
    precision: Precision,
    folder: Option<PathBuf>,
    common: &'a Common,
}

impl<'a> Tuner<'a> {
    /// A tuner for a run with a set of kernels.
    pub fn new(asked: Tuned, kernels: KernelSet, common: &'a Common) -> super::Result<Self> {
        if asked.tune && kernels != KernelSet::Auto {
            bail!(
                "--tune finds the best kernels, and --kernels {} pins them: leave one of them out",
                kernels.name()
            );
        }
        Ok(Self { asked, kernels, precision: Precision::Single, folder: folder(), common })
    }

    /// The same for a step. Products of numbers in half precision are timed for steps that have them alone.
    pub fn of(self, training: Training) -> Self {
        Self { precision: family::precision(training), ..self }
    }

    /// The sets of kernels that won on an executor's adapter: as they are kept, or timed now. `None` where the defaults
    /// are to be taken.
    pub fn winners(
        &self,
        executor: &mut dyn Executor,
        bar: &Bar,
    ) -> Result<Option<Winners>, Error> {
        if self.kernels != KernelSet::Auto {
            return Ok(None);
        }
        let adapter = executor.adapter().clone();
        let found = self.folder.as_deref().map(|folder| tune::kept(folder, &adapter));
        // Without a place to keep what is found, each run would take the time.
        let pays = adapter.limits.parallel && found.is_some();
        let (way, doubt) = way(self.asked, pays, found.unwrap_or(Ok(None)));
        if let Some(doubt) = doubt {
            self.warn(format!("what was timed on {} is {doubt}", adapter.name));
        }
        let lacks_narrow = |kept: &Kept| pays && self.is_narrow() && !kept.has_narrow();
        let found = match way {
            Way::Defaults => return Ok(None),
            Way::Kept(kept) if lacks_narrow(&kept) => self.tune_narrow(executor, bar, kept),
            Way::Kept(kept) => Ok(kept),
            Way::Time => self.tune(executor, bar),
        };
        match found {
            Ok(kept) => {
                self.advise(&kept);
                Ok(Some(kept.winners()))
            }
            Err(error) if self.asked.tune || matches!(error, Error::Interrupted(_)) => Err(error),
            Err(error) => {
                self.warn(format!("the kernels could not be timed on {}: {error}", adapter.name));
                Ok(None)
            }
        }
    }

    /// Times the kernels of an executor's adapter, and keeps what was found. Products of numbers in half precision are timed
    /// for steps that have them, and again where they were timed before.
    pub fn tune(&self, executor: &mut dyn Executor, bar: &Bar) -> Result<Kept, Error> {
        let adapter = executor.adapter().clone();
        let before = self.folder.as_deref().map(|folder| tune::kept(folder, &adapter));
        let had_narrow = matches!(before, Some(Ok(Some(kept))) if kept.has_narrow());
        let mut specimens = tune::specimens(&adapter.limits);
        if (self.is_narrow() || had_narrow) && tune::narrows(executor) {
            specimens.extend(tune::narrow_specimens(&adapter.limits));
        }
        let kept = Kept::new(&adapter, self.time(executor, &specimens, bar)?);
        self.keep(&adapter, &kept);
        Ok(kept)
    }

    /// Times products of numbers in half precision, of which nothing is kept, and keeps what was found with the rest.
    fn tune_narrow(
        &self,
        executor: &mut dyn Executor,
        bar: &Bar,
        kept: Kept,
    ) -> Result<Kept, Error> {
        if !tune::narrows(executor) {
            return Ok(kept);
        }
        let adapter = executor.adapter().clone();
        let specimens = tune::narrow_specimens(&adapter.limits);
        let kept = kept.with(self.time(executor, &specimens, bar)?);
        self.keep(&adapter, &kept);
        Ok(kept)
    }

    fn is_narrow(&self) -> bool {
        self.precision == Precision::Half
    }

    fn time(
        &self,
        executor: &mut dyn Executor,
        specimens: &[Specimen],
        bar: &Bar,
    ) -> Result<Vec<Contest>, Error> {
        let adapter = executor.adapter().clone();
        log::info!("timing the kernels of {}", adapter.name);
        let (mut done, all) = (0, specimens.len());
        let contests = tune::tune(
            &adapter.limits,
            specimens,
            &mut Stopwatch::new(executor),
            &mut |class| -> ControlFlow<()> {
                done += 1;
                bar.say(&format!("timing kernels, once for this adapter, {done} of {all}: {class}"))
            },
        )?;
        for dropped in contests.iter().flat_map(|contest| &contest.dropped) {
            self.warn(format!(
                "{} is left out on {}: {}",
                dropped.kernel, adapter.name, dropped.why
            ));
        }
        Ok(contests)
    }

    fn keep(&self, adapter: &Adapter, kept: &Kept) {
        let Some(folder) = &self.folder else { return };
        let _whole = interrupt::unbroken();
        match tune::keep(folder, adapter, kept) {
            Ok(path) => log::info!("what was found is kept in {}", path.display()),
            Err(error) => self.warn(format!("what was timed is not kept: {error}")),
        }
    }

    /// Says where products of numbers in half precision were timed to be the slower ones.
    fn advise(&self, kept: &Kept) {
        let slower = kept.narrow_by_single().filter(|times| *times > 1.0 + Runs::AGREEMENT);
        if let Some(times) = slower.filter(|_| self.is_narrow()) {
            self.warn(format!(
                "products in half precision take {times:.2} times as long on {} as those in single precision \
                 (--precision f32)",
                kept.adapter
            ));
        }
    }

    fn warn(&self, doubt: String) {
        output::warn(Some(doubt), self.common);
    }
}

/// Where the sets of kernels come from.
#[derive(Debug, PartialEq)]
enum Way {
    /// None is taken: the defaults are.
    Defaults,
    /// What is kept.
    Kept(Kept),
    /// What is timed now.
    Time,
}

/// Where the sets come from, and what is to be said of a file that is of no use. Unasked, kernels are timed where that
/// `pays`: on a GPU. A processor has shipped defaults, so that runs on it are alike.
fn way(asked: Tuned, pays: bool, kept: Result<Option<Kept>, Unusable>) -> (Way, Option<String>) {
    if asked.no_tune {
        return (Way::Defaults, None);
    }
    if asked.tune {
        return (Way::Time, None);
    }
    match kept {
        Ok(Some(kept)) => (Way::Kept(kept), None),
        Ok(None) if pays => (Way::Time, None),
        Ok(None) => (Way::Defaults, None),
        Err(why) if pays => (Way::Time, Some(format!("timed again: {why}"))),
        Err(why) => (Way::Defaults, Some(format!("passed over, and --tune times again: {why}"))),
    }
}

/// What is kept of adapters, as far as it is of use.
pub fn all_kept(adapters: &[Adapter], common: &Common) -> Vec<Kept> {
    let Some(folder) = folder() else { return Vec::new() };
    let kept = adapters.iter().filter_map(|adapter| {
        tune::kept(&folder, adapter).unwrap_or_else(|why| {
            let doubt = format!("what is kept of {} is passed over: {why}", adapter.name);
            output::warn(Some(doubt), common);
            None
        })
    });
    kept.collect()
}

/// The folder of this program within the user's cache, as the platform has it; `None` where the user has none.
fn folder() -> Option<PathBuf> {
    let path = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = path("XDG_CACHE_HOME").or_else(|| {
        if cfg!(windows) {
            return path("LOCALAPPDATA");
        }
        let within = if cfg!(target_os = "macos") { "Library/Caches" } else { ".cache" };
        Some(env::home_dir()?.join(within))
    });
    Some(cache?.join("flopmeter"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

    use flopmeter::execute::cpu::{Cpu, SUBGROUP_LANES};

    use super::*;

    #[test]
    fn a_gpu_is_timed_once_and_a_processor_when_that_is_asked_for() {
        let cpu = Cpu::new(SUBGROUP_LANES).unwrap();
        let kept = || Kept::new(cpu.adapter(), Vec::new());
        let [unasked, tune, no_tune] = [(false, false), (true, false), (false, true)]
            .map(|(tune, no_tune)| Tuned { tune, no_tune });
        let stale = || Err(Unusable::OtherVersion("0.0.1".to_owned()));
        for pays in [true, false] {
            assert_eq!(way(unasked, pays, Ok(Some(kept()))), (Way::Kept(kept()), None));
            assert_eq!(way(tune, pays, Ok(Some(kept()))), (Way::Time, None));
            assert_eq!(way(tune, pays, stale()), (Way::Time, None), "written over");
            assert_eq!(way(no_tune, pays, Ok(Some(kept()))), (Way::Defaults, None));
            assert_eq!(way(no_tune, pays, stale()), (Way::Defaults, None), "not looked at");
        }
        assert_eq!(way(unasked, true, Ok(None)), (Way::Time, None));
        assert_eq!(way(unasked, false, Ok(None)), (Way::Defaults, None));
        let (way_on_gpu, said) = way(unasked, true, stale());
        assert!(way_on_gpu == Way::Time && said.unwrap().starts_with("timed again: it is of"));
        let (way_on_processor, said) = way(unasked, false, stale());
        assert!(way_on_processor == Way::Defaults && said.unwrap().contains("0.0.1"));
    }
}
