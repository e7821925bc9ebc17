//! When and where recordings are written: into the folder that the environment names, whole or not at all, and often
//! enough that a program that is killed leaves what was known a moment before. Knows nothing of what is in them.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::{Duration, Instant},
};

use flopmeter_core::recording::Recording;

/// What has just happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// The program went on to submit work.
    Submitted,
    /// The program has waited for its device, and is idle itself.
    Waited,
}

impl Moment {
    /// How long the last recording is good enough.
    const fn patience(self) -> Duration {
        match self {
            Self::Submitted => Duration::from_secs(1),
            Self::Waited => Duration::from_millis(100),
        }
    }
}

/// Writing takes this part of the program's time at most.
const SHARE: u32 = 50;

/// One file of recordings, each of which takes the place of the one before.
pub(crate) struct Saver {
    path: PathBuf,
    process: u32,
    last: Instant,
    took: Duration,
}

impl Saver {
    /// A file of this process's own in a folder.
    pub(crate) fn new(folder: &Path) -> Self {
        static FILES: AtomicU32 = AtomicU32::new(0);
        let process = std::process::id();
        let file = format!("{process}.{}.json", FILES.fetch_add(1, Relaxed));
        Self { path: folder.join(file), process, last: Instant::now(), took: Duration::ZERO }
    }

    /// Whether it is time for another one.
    pub(crate) fn is_due(&self, moment: Moment) -> bool {
        self.last.elapsed() >= moment.patience().max(self.took * SHARE)
    }

    /// Writes what `take` finds out. A disk that is full is not the program's trouble: the recording before stays.
    pub(crate) fn save(&mut self, take: impl FnOnce() -> Recording) {
        // A process that was forked off has counted nothing of its own.
        if std::process::id() != self.process {
            return;
        }
        let begun = Instant::now();
        if let Ok(json) = serde_json::to_vec(&take()) {
            let beside = self.path.with_extension("part");
            let written = fs::write(&beside, json).and_then(|()| fs::rename(&beside, &self.path));
            if written.is_err() {
                let _ = fs::remove_file(&beside);
            }
        }
        self.last = Instant::now();
        self.took = begun.elapsed();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_takes_the_place_of_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        let (mut one, mut other) = (Saver::new(folder.path()), Saver::new(folder.path()));
        for process in [1, 2] {
            one.save(|| Recording { process, ..Recording::default() });
        }
        other.save(Recording::default);
        let read = |saver: &Saver| -> Recording {
            serde_json::from_slice(&fs::read(&saver.path).unwrap()).unwrap()
        };
        assert_eq!((read(&one).process, read(&other).process), (2, 0));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
        assert!(!one.is_due(Moment::Submitted));
    }

    #[test]
    fn a_folder_that_is_gone_is_no_trouble() {
        Saver::new(Path::new("/nowhere/at/all")).save(Recording::default);
    }
}
