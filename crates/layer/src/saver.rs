//! When and where recordings are written: into the folder that the environment names, whole or not at all, and often
//! enough that a program that is killed leaves what was known a moment before. Knows nothing of what is in them.

use std::{
    fs,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::{Duration, Instant},
};

use flopmeter_core::recording::Recording;

use crate::{claim::Claim, room::with_room, unbothered::unbothered};

/// What has just happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// The program went on to submit work.
    Submitted,
    /// The program has seen its device come to the end of something. It may read what was computed, and be gone at the
    /// next moment.
    Waited,
}

/// How long the last recording is good enough while the program has seen nothing new.
const PATIENCE: Duration = Duration::from_secs(1);

/// Writing takes this part of the program's time at most, beside what is granted at once.
const SHARE: u32 = 20;

/// Time for writing that a program is granted at once: short ones have all that they saw recorded.
const GRANTED: Duration = Duration::from_millis(50);

/// One file of recordings, each of which takes the place of the one before.
pub(crate) struct Saver {
    path: PathBuf,
    process: u32,
    begun: Instant,
    last: Instant,
    /// How long writing took until now.
    spent: Duration,
    /// How much had been submitted when the last recording was made, where all of that had come to its end.
    settled: Option<u64>,
    /// Whether the last recording could not be written.
    is_lost: bool,
}

impl Saver {
    /// A file of its own in a folder, which says of which process it is. A process that replaces its program by another
    /// one (`exec`) stays the same process, and processes of two containers may have one number; what the others leave
    /// stays.
    pub(crate) fn new(folder: &Path) -> Self {
        static FILES: AtomicU32 = AtomicU32::new(0);
        let process = std::process::id();
        let file = || folder.join(format!("{process}.{}.json", FILES.fetch_add(1, Relaxed)));
        let is_taken = |path: &Path| {
            let taken = fs::File::create_new(path.with_extension("taken"));
            taken.is_err_and(|error| error.kind() == ErrorKind::AlreadyExists)
        };
        let mut path = file();
        while is_taken(&path) {
            path = file();
        }
        let now = Instant::now();
        let (spent, settled) = (Duration::ZERO, None);
        Self { path, process, begun: now, last: now, spent, settled, is_lost: false }
    }

    /// A claim that the last recording has everything, where one can be made.
    pub(crate) fn claim(&self) -> Option<Claim> {
        let name = self.path.file_stem()?;
        let path = self.path.with_file_name(crate::CLAIMS).join(name);
        unbothered(|| Claim::new(&path))
    }

    /// Whether recordings are of this process. What one that was forked off does is in none.
    pub(crate) fn is_own(&self) -> bool {
        std::process::id() == self.process
    }

    /// Whether the last recording has everything, where so much was submitted until now.
    pub(crate) fn has_all(&self, submissions: u64) -> bool {
        self.settled == Some(submissions) && !self.is_lost
    }

    /// Whether it is time for another recording. So much was submitted until now.
    pub(crate) fn is_due(&self, moment: Moment, submissions: u64) -> bool {
        let says_more = match moment {
            Moment::Submitted => self.last.elapsed() >= PATIENCE,
            Moment::Waited => self.settled != Some(submissions),
        };
        says_more && self.spent * SHARE <= self.begun.elapsed() + GRANTED * SHARE
    }

    /// Writes what `take` finds out of what was submitted until now. A disk that is full is not the program's trouble, nor
    /// that it may write no large files: the recording before stays, and an empty file says that it is not the last.
    pub(crate) fn save(&mut self, submissions: u64, take: impl FnOnce() -> Recording) {
        // A process that was forked off has counted nothing of its own.
        if std::process::id() != self.process {
            return;
        }
        let begun = Instant::now();
        with_room(|| self.write_down(submissions, take()));
        self.last = Instant::now();
        self.spent += begun.elapsed();
    }

    fn write_down(&mut self, submissions: u64, recording: Recording) {
        self.settled = (recording.unfinished_submissions == 0).then_some(submissions);
        if let Ok(json) = serde_json::to_vec(&recording) {
            let written = unbothered(|| self.write(&json));
            let lost = self.path.with_extension(crate::LOST);
            if written.is_err() {
                let _ = fs::File::create(lost);
            } else if self.is_lost {
                let _ = fs::remove_file(lost);
            }
            self.is_lost = written.is_err();
        }
    }

    /// Puts a recording in the place of the one before, which goes when the new one is whole. File systems write out at
    /// once what takes another file's name while that is there, and that takes many times as long.
    fn write(&self, json: &[u8]) -> io::Result<()> {
        let whole = self.path.with_extension(crate::WHOLE);
        let part = self.path.with_extension("part");
        let written = fs::write(&part, json).and_then(|()| fs::rename(&part, &whole));
        if written.is_err() {
            let _ = fs::remove_file(&part);
            return written;
        }
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => fs::rename(&whole, &self.path),
        }
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
            one.save(0, || Recording { process, ..Recording::default() });
        }
        other.save(0, Recording::default);
        let read = |saver: &Saver| -> Recording {
            serde_json::from_slice(&fs::read(&saver.path).unwrap()).unwrap()
        };
        assert_eq!((read(&one).process, read(&other).process), (2, 0));
        let files = fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().path());
        assert_eq!(files.filter(|path| path.extension().unwrap() == "json").count(), 2);
    }

    #[test]
    fn a_recording_is_due_where_it_would_say_more() {
        let folder = tempfile::tempdir().unwrap();
        let mut saver = Saver::new(folder.path());
        assert!(saver.is_due(Moment::Waited, 0), "there is none");
        saver.save(3, || Recording { unfinished_submissions: 1, ..Recording::default() });
        assert!(saver.is_due(Moment::Waited, 3), "something had not ended");
        assert!(!saver.has_all(3));
        saver.save(3, Recording::default);
        assert!(!saver.is_due(Moment::Waited, 3) && saver.has_all(3));
        assert!(saver.is_due(Moment::Waited, 4) && !saver.has_all(4));
        assert!(!saver.is_due(Moment::Submitted, 4), "nobody has seen what came of it");
        saver.spent = GRANTED * 2;
        assert!(!saver.is_due(Moment::Waited, 4), "writing takes too much of the program's time");
        saver.begun -= GRANTED * SHARE;
        assert!(saver.is_due(Moment::Waited, 4));
    }

    #[test]
    fn a_recording_that_cannot_be_written_is_told_until_one_can() {
        let folder = tempfile::tempdir().unwrap();
        let mut saver = Saver::new(folder.path());
        saver.save(0, || Recording { process: 1, ..Recording::default() });
        let [beside, lost] = ["part", crate::LOST].map(|end| saver.path.with_extension(end));
        fs::create_dir(&beside).unwrap();
        saver.save(1, || Recording { process: 2, ..Recording::default() });
        assert!(
            lost.exists() && fs::read_to_string(&saver.path).unwrap().contains("\"process\":1")
        );
        assert!(!saver.has_all(1));
        fs::remove_dir(&beside).unwrap();
        saver.save(2, || Recording { process: 3, ..Recording::default() });
        assert!(!lost.exists() && saver.has_all(2));
    }

    #[test]
    fn a_folder_that_is_gone_is_no_trouble() {
        Saver::new(Path::new("/nowhere/at/all")).save(0, Recording::default);
    }
}
