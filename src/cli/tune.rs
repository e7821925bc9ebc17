//! Which kernels won on an adapter: read from the user's cache, or timed where that can pay. A cache that is of no use
//! is said and done without.

use std::{env, ops::ControlFlow, path::PathBuf};

use anyhow::bail;

use flopmeter::{
    Error,
    choice::{KernelSet, Winners},
    execute::{Adapter, Executor},
    tune::{self, Kept, Stopwatch, Unusable},
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
        Ok(Self { asked, kernels, folder: folder(), common })
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
        match way {
            Way::Defaults => return Ok(None),
            Way::Kept(kept) => return Ok(Some(kept.winners())),
            Way::Time => {}
        }
        match self.tune(executor, bar) {
            Ok(kept) => Ok(Some(kept.winners())),
            Err(error) if self.asked.tune || matches!(error, Error::Interrupted(_)) => Err(error),
            Err(error) => {
                self.warn(format!("the kernels could not be timed on {}: {error}", adapter.name));
                Ok(None)
            }
        }
    }

    /// Times the kernels of an executor's adapter, and keeps what was found.
    pub fn tune(&self, executor: &mut dyn Executor, bar: &Bar) -> Result<Kept, Error> {
        let adapter = executor.adapter().clone();
        log::info!("timing the kernels of {}", adapter.name);
        let specimens = tune::specimens(&adapter.limits);
        let (mut done, all) = (0, specimens.len());
        let contests = tune::tune(
            &adapter.limits,
            &specimens,
            &mut Stopwatch::new(executor),
            &mut |class| -> ControlFlow<()> {
                done += 1;
                bar.say(&format!("timing kernels, once for this adapter, {done} of {all}: {class}"))
            },
        )?;
        let kept = Kept::new(&adapter, contests);
        for dropped in kept.contests.iter().flat_map(|contest| &contest.dropped) {
            self.warn(format!(
                "{} is left out on {}: {}",
                dropped.kernel, adapter.name, dropped.why
            ));
        }
        if let Some(folder) = &self.folder {
            let _whole = interrupt::unbroken();
            match tune::keep(folder, &adapter, &kept) {
                Ok(path) => log::info!("what was found is kept in {}", path.display()),
                Err(error) => self.warn(format!("what was timed is not kept: {error}")),
            }
        }
        Ok(kept)
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
