//! Which kernels won on an adapter: read from the user's cache, or timed where that can pay. A cache that is of no use
//! is said and done without.

use std::{
    env,
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use anyhow::bail;

use flopmeter::{
    Error,
    choice::{KernelSet, Winners},
    execute::{Adapter, Executor},
    tune::{self, Kept, Stopwatch},
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
        let adapter = executor.adapter().clone();
        if self.kernels != KernelSet::Auto || self.asked.no_tune {
            return Ok(None);
        }
        // A processor has shipped defaults, so that runs on it are alike.
        let pays = adapter.limits.parallel && self.folder.is_some();
        if !self.asked.tune {
            if let Some(kept) = self.kept(&adapter, pays) {
                return Ok(Some(kept.winners()));
            }
            if !pays {
                return Ok(None);
            }
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

    /// What is kept of an adapter, if it is of use; `again` where it is timed again if it is not.
    fn kept(&self, adapter: &Adapter, again: bool) -> Option<Kept> {
        match kept(self.folder.as_deref()?, adapter) {
            Ok(kept) => kept,
            Err(why) => {
                let then =
                    if again { "timed again" } else { "passed over, and --tune times again" };
                self.warn(format!("what was timed on {} is {then}: {why}", adapter.name));
                None
            }
        }
    }

    fn warn(&self, doubt: String) {
        output::warn(Some(doubt), self.common);
    }
}

/// What is kept of an adapter, or why that is of no use.
fn kept(folder: &Path, adapter: &Adapter) -> Result<Option<Kept>, tune::Unusable> {
    tune::kept(folder, adapter)
}

/// What is kept of adapters, as far as it is of use.
pub fn all_kept(adapters: &[Adapter]) -> Vec<Kept> {
    let Some(folder) = folder() else { return Vec::new() };
    adapters.iter().filter_map(|adapter| kept(&folder, adapter).ok()?).collect()
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
