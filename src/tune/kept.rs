//! What was found on an adapter, kept in a file of its own: for the same adapter, driver and version of the crate.
//! Where such files lie is the caller's business.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::Contest;
use crate::{
    Error,
    choice::{Class, KernelSet, Winners},
    execute::{Adapter, Backend},
    files,
};

/// The layout of the file, by name and version.
const SCHEMA: &str = "flopmeter.tuning/1";

/// The version that chose the kernels.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What was found on an adapter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    schema: String,
    version: String,
    /// The name of the adapter.
    pub adapter: String,
    backend: Backend,
    driver: String,
    subgroup_lanes: Option<u32>,
    /// One for each class that was timed.
    pub contests: Vec<Contest>,
}

/// Why a file is of no use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// It cannot be read, or does not hold what was once written.
    Unreadable(String),
    /// It was written by another version of the crate, which it names.
    OtherVersion(String),
    /// It is of another driver, which it names, or of other subgroups.
    OtherDriver(String),
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(why) => write!(f, "it cannot be read: {why}"),
            Self::OtherVersion(version) => {
                write!(f, "it is of version {version}, and this is {VERSION}")
            }
            Self::OtherDriver(driver) => write!(f, "it was timed with the driver '{driver}'"),
        }
    }
}

impl Kept {
    /// What was found on this adapter by this version.
    pub fn new(adapter: &Adapter, contests: Vec<Contest>) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            version: VERSION.to_owned(),
            adapter: adapter.name.clone(),
            backend: adapter.backend,
            driver: adapter.driver.clone(),
            subgroup_lanes: adapter.limits.subgroup_lanes,
            contests,
        }
    }

    /// The sets of kernels that won.
    pub fn winners(&self) -> Winners {
        let won = |contest: &Contest| (contest.class, contest.winner.unwrap_or_default());
        self.contests.iter().map(won).collect()
    }

    /// Whether products of numbers in half precision were timed.
    pub fn has_narrow(&self) -> bool {
        self.contests.iter().any(|contest| contest.class.is_narrow())
    }

    /// The time of products in half precision over that of the same products in single precision, each with the kernels that
    /// are taken; `None` where no product was timed in both.
    pub fn narrow_by_single(&self) -> Option<f64> {
        let seconds = |class: Class| {
            let contest = self.contests.iter().find(|contest| contest.class == class)?;
            Some(contest.taken()?.seconds.median)
        };
        let narrow = self.contests.iter().filter(|contest| contest.class.is_narrow());
        let pairs: Vec<[f64; 2]> = narrow
            .filter_map(|contest| Some([seconds(contest.class)?, seconds(contest.class.single())?]))
            .collect();
        let sum = |which: usize| pairs.iter().map(|pair| pair[which]).sum::<f64>();
        (sum(1) > 0.0).then(|| sum(0) / sum(1))
    }

    /// The same with other classes timed, too; those that were timed before are as they are now.
    #[must_use]
    pub fn with(mut self, contests: Vec<Contest>) -> Self {
        self.contests.retain(|its| contests.iter().all(|new| new.class != its.class));
        self.contests.extend(contests);
        self
    }

    /// Whether it is what this version would find on this adapter.
    fn is_of(&self, adapter: &Adapter) -> Result<(), Unusable> {
        if self.version != VERSION || self.schema != SCHEMA {
            return Err(Unusable::OtherVersion(self.version.clone()));
        }
        let same = self.adapter == adapter.name && self.backend == adapter.backend;
        let lanes = self.subgroup_lanes == adapter.limits.subgroup_lanes;
        if !same || !lanes || self.driver != adapter.driver {
            return Err(Unusable::OtherDriver(self.driver.clone()));
        }
        let runs = |set: KernelSet| set.on(&adapter.limits).is_ok();
        match self.contests.iter().filter_map(|contest| contest.winner).find(|&set| !runs(set)) {
            Some(set) => Err(Unusable::Unreadable(format!(
                "it names kernels that this adapter cannot run, {}",
                set.name()
            ))),
            None => Ok(()),
        }
    }
}

/// What is kept of an adapter in a folder; `None` where nothing is.
///
/// # Errors
/// Where something is kept there that is of no use.
pub fn kept(folder: &Path, adapter: &Adapter) -> Result<Option<Kept>, Unusable> {
    let bytes = match fs::read(file(folder, adapter)) {
        Ok(bytes) => bytes,
        // Nor is anything kept where no folder can be.
        Err(error)
            if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(Unusable::Unreadable(error.to_string())),
    };
    // A file of another version may be laid out in another way.
    #[derive(Deserialize)]
    struct Head {
        version: String,
    }
    let unreadable = |error: serde_json::Error| Unusable::Unreadable(error.to_string());
    let Head { version } = serde_json::from_slice(&bytes).map_err(unreadable)?;
    if version != VERSION {
        return Err(Unusable::OtherVersion(version));
    }
    let kept: Kept = serde_json::from_slice(&bytes).map_err(unreadable)?;
    kept.is_of(adapter)?;
    Ok(Some(kept))
}

/// Keeps what was found on an adapter in a folder, which is made where there is none. Readers see what was there
/// before, or all of it.
///
/// # Errors
/// [`Error::File`] where it cannot be written.
pub fn keep(folder: &Path, adapter: &Adapter, kept: &Kept) -> Result<PathBuf, Error> {
    let path = file(folder, adapter);
    let unwritable = |error: String| Error::File { path: path.clone(), problem: error };
    fs::create_dir_all(folder)
        .map_err(|error| unwritable(format!("cannot be written: {error}")))?;
    let text = serde_json::to_vec_pretty(kept).map_err(|error| unwritable(error.to_string()))?;
    files::write_atomically(&path, &text)?;
    Ok(path)
}

/// The file of an adapter: its name as far as every file system takes it, and its backend.
fn file(folder: &Path, adapter: &Adapter) -> PathBuf {
    let tame = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let name: String = format!("{} {}", adapter.name, adapter.backend).chars().map(tame).collect();
    folder.join(format!("{name}.json"))
}
