//! The points of a sweep as files, one each: so that what was measured outlives whoever measured it, can
//! be gone on with, and comes together again where several machines shared a sweep. Refuses to mix what
//! was not measured alike; runs nothing.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Fate, Origin, Reason, Report, ScaleReport, document, to_signed_json};
use crate::{
    Error, Remedy,
    execute::Adapter,
    files,
    model::Sources,
    observe::Runs,
    op::Convention,
    sweep::{Coordinates, Point, Sweep, SweepPoint},
};

/// What all points of one sweep have in common, so that they may stand in one table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Conditions {
    /// What was asked.
    pub sweep: Sweep,
    /// How operations become FLOPs.
    pub convention: Convention,
    /// Timed runs of the plain kernels.
    pub repeats: u32,
    /// Seconds that they take together at the least, their number being whatever that needs; `None` where only their
    /// number was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_seconds: Option<f64>,
    /// Where the values of parameters and tokens come from, in words.
    pub data: String,
    /// What the files of the model and of the data hold; `None` in points that were kept before that was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sources: Option<Sources>,
    /// Who runs. Times of several adapters in one table would say nothing, and kernels are chosen by
    /// adapter, so neither bytes nor times may be mixed.
    pub adapter: Adapter,
}

impl Conditions {
    /// Under which a report was made; `None` where it is of no sweep.
    fn of(report: &Report) -> Option<Self> {
        Some(Self {
            sweep: report.sweep.as_ref()?.sweep.clone(),
            convention: report.convention,
            repeats: report.timing.repeats,
            min_seconds: report.timing.min_seconds,
            data: report.data.clone(),
            sources: report.sources.clone(),
            adapter: report.adapter.clone(),
        })
    }

    /// The timed runs that are asked for.
    pub fn runs(&self) -> Runs {
        let runs = Runs::from(self.repeats);
        self.min_seconds.map_or(runs, |seconds| runs.for_seconds(seconds))
    }

    /// The first thing in which `other` is not like this, in words.
    fn difference(&self, other: &Self) -> Option<String> {
        let Self { sweep, convention, repeats, min_seconds, data, sources, adapter } = self;
        let differ = |what: &str, a: &dyn ToString, b: &dyn ToString| {
            let (a, b) = (a.to_string(), b.to_string());
            (a != b).then(|| format!("{what} {b}, not {a}"))
        };
        let name = |adapter: &Adapter| {
            let Adapter { name, backend, driver, .. } = adapter;
            format!("'{name}' ({backend}; {driver})")
        };
        // The first field that is another one.
        let field = |of: &str, [a, b]: [Value; 2]| {
            let mut names = [&a, &b].into_iter().filter_map(Value::as_object).flat_map(Map::keys);
            names.find_map(|name| differ(&format!("{of}{name}"), &a[name], &b[name]))
        };
        let written = |sweep: &Sweep| serde_json::to_value(sweep).unwrap_or_default();
        field("", [sweep, &other.sweep].map(written))
            .or_else(|| differ("convention", convention, &other.convention))
            .or_else(|| {
                let least = |seconds: Option<f64>| seconds.unwrap_or_default();
                differ("seconds of timed runs", &least(*min_seconds), &least(other.min_seconds))
            })
            .or_else(|| match min_seconds {
                None => differ("repeats", repeats, &other.repeats),
                // As many as it took.
                Some(_) => None,
            })
            .or_else(|| differ("data:", data, &other.data))
            .or_else(|| sources.as_ref()?.difference(other.sources.as_ref()?))
            .or_else(|| differ("adapter", &name(adapter), &name(&other.adapter)))
            .or_else(|| {
                // Reports that are older know fewer limits.
                sources.as_ref().and(other.sources.as_ref())?;
                let limits = [adapter, &other.adapter].map(|it| serde_json::to_value(it.limits));
                field("the adapter's ", limits.map(Result::unwrap_or_default))
            })
    }
}

/// A point that no run of these conditions can measure, as a file, so that it is not waited for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Refused {
    schema: String,
    #[serde(flatten)]
    conditions: Conditions,
    at: Point,
    why: String,
}

impl Refused {
    const SCHEMA: &'static str = "flopmeter.refused/1";
}

/// One file.
struct Saved {
    conditions: Conditions,
    point: Point,
    fate: Fate,
}

impl Saved {
    fn read(path: &Path) -> Result<Self, Error> {
        if document::schema_of(path)? == Refused::SCHEMA {
            let Refused { conditions, at: point, why, .. } = document::read(path, Refused::SCHEMA)?;
            return Ok(Self { conditions, point, fate: Fate::Skipped(Reason::Refused, why) });
        }
        let report: Report = document::load(path)?;
        let conditions = Conditions::of(&report).zip(report.sweep.as_ref());
        let (conditions, place) = conditions.ok_or_else(|| {
            problem(path, "is a profile by itself, not a point of a sweep: such files are written where a sweep is measured")
        })?;
        let point = Point { at: place.at.clone(), options: report.training.options };
        Ok(Self { conditions, point, fate: Fate::Measured(Box::new(report)) })
    }
}

fn problem(path: &Path, problem: impl Into<String>) -> Error {
    Error::File { path: path.to_owned(), problem: problem.into() }
}

/// A folder that takes the points of one sweep.
#[derive(Clone, Debug)]
pub struct PointFolder {
    path: PathBuf,
    conditions: Conditions,
    /// Who writes its files.
    origin: Origin,
}

impl PointFolder {
    /// The folder at `path`, made where there is none. Its files are by `origin`.
    ///
    /// # Errors
    /// [`Error::File`] where it cannot be made or written to.
    pub fn open(path: &Path, conditions: Conditions, origin: Origin) -> Result<Self, Error> {
        fs::create_dir_all(path)
            .map_err(|error| problem(path, format!("cannot be made a folder: {error}")))?;
        let folder = Self { path: path.to_owned(), conditions, origin };
        files::check_writable(&path.join("point.json"))?;
        Ok(folder)
    }

    /// Where a point's file is.
    pub fn file(&self, point: &Point) -> PathBuf {
        self.path.join(format!("{}.json", self.conditions.sweep.name(point)))
    }

    /// What is there of a point already.
    ///
    /// # Errors
    /// [`Error::File`] where a file of its name is there and is none of these points under these
    /// conditions.
    pub fn kept(&self, point: &Point) -> Result<Option<Box<Report>>, Error> {
        let path = self.file(point);
        if !path.exists() {
            return Ok(None);
        }
        let saved = Saved::read(&path)?;
        let other = self.conditions.difference(&saved.conditions);
        let other = other.or_else(|| {
            (saved.point != *point).then(|| format!("{:?}, not {:?}", saved.point.at, point.at))
        });
        match (other, saved.fate) {
            (Some(other), _) => Err(problem(
                &path,
                format!(
                    "was measured otherwise ({other}): give another folder, or remove it to measure it again"
                ),
            )),
            (None, Fate::Measured(report)) => Ok(Some(report)),
            // What refused it may have changed.
            (None, Fate::Skipped(..) | Fate::Estimated) => Ok(None),
        }
    }

    /// Writes down a point that was measured.
    ///
    /// # Errors
    /// [`Error::File`] where it cannot be written.
    pub fn write(&self, point: &Point, report: &Report) -> Result<(), Error> {
        files::write_atomically(&self.file(point), self.signed(report).as_bytes())
    }

    /// Writes down that a point cannot be measured.
    ///
    /// # Errors
    /// [`Error::File`] where it cannot be written.
    pub fn write_refused(&self, point: &Point, why: &str) -> Result<(), Error> {
        let refused = Refused {
            schema: Refused::SCHEMA.to_owned(),
            conditions: self.conditions.clone(),
            at: point.clone(),
            why: why.to_owned(),
        };
        files::write_atomically(&self.file(point), self.signed(&refused).as_bytes())
    }

    /// What a file of a point holds.
    fn signed(&self, report: &impl Serialize) -> String {
        to_signed_json(report, &self.origin)
    }

    /// The place of a point in the sweep, for its report.
    pub fn place(&self, at: Coordinates) -> SweepPoint {
        SweepPoint { sweep: self.conditions.sweep.clone(), at }
    }
}

/// The report of a sweep whose points are in these files and folders, the same that one machine would
/// have made of them. Points that are in none are an error, or with `partial` said to be missing.
///
/// # Errors
/// [`Error::File`] where a file is no point of a sweep, was measured otherwise than the others, or is a
/// point that another one is too; [`Error::Config`] where there are no files or points are missing.
pub fn merge(paths: &[PathBuf], partial: bool) -> Result<ScaleReport, Error> {
    let mut first: Option<(PathBuf, Conditions)> = None;
    let mut found: BTreeMap<Point, (PathBuf, Fate)> = BTreeMap::new();
    for path in files_in(paths)? {
        let Saved { conditions, point, fate } = Saved::read(&path)?;
        let (earliest, common) = first.get_or_insert_with(|| (path.clone(), conditions.clone()));
        if let Some(other) = common.difference(&conditions) {
            let earliest = earliest.display();
            return Err(problem(
                &path,
                format!(
                    "was measured otherwise than {earliest} ({other}): join them apart, and `compare` what comes out"
                ),
            ));
        }
        if common.sources.is_none() && conditions.sources.is_some() {
            // Later points are held against one that tells more.
            first = Some((path.clone(), conditions));
        }
        if let Some((twin, _)) = found.get(&point) {
            let twin = twin.display();
            return Err(problem(
                &path,
                format!("is the same point as {twin}: leave one of them out"),
            ));
        }
        found.insert(point, (path, fate));
    }
    let (_, Conditions { sweep, convention, .. }) =
        first.ok_or_else(|| Error::Config("there is no file to join".to_owned()))?;
    let points = sweep.points();
    if let Some((stray, (path, _))) = found.iter().find(|(point, _)| !points.contains(point)) {
        return Err(problem(
            path,
            format!("is at {:?}, which is no point of its own sweep", stray.at),
        ));
    }
    let missing: Vec<String> = points
        .iter()
        .filter(|point| !found.contains_key(point))
        .map(|point| sweep.name(point))
        .collect();
    if !missing.is_empty() && !partial {
        let (lacking, all) = (missing.len(), points.len());
        return Err(Error::Refused {
            problem: format!("{lacking} of {all} points are missing: {}", missing.join(", ")),
            remedy: Remedy::PartialSweep,
        });
    }
    let fates = points.into_iter().map(|point| {
        let fate = found.remove(&point).map_or_else(
            || Fate::Skipped(Reason::Missing, "it is in none of the files".to_owned()),
            |(_, fate)| fate,
        );
        (point, fate)
    });
    Ok(ScaleReport::new(sweep.clone(), convention, fates))
}

/// Files as they are named, and of folders those that are reports, by name.
fn files_in(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let unreadable = |error| problem(path, format!("cannot be read: {error}"));
        let mut inside = Vec::new();
        for entry in fs::read_dir(path).map_err(unreadable)? {
            let file = entry.map_err(unreadable)?.path();
            if file.extension().is_some_and(|end| end == "json") {
                inside.push(file);
            }
        }
        if inside.is_empty() {
            return Err(problem(
                path,
                "has no .json file in it: name the folder that the points were written to",
            ));
        }
        inside.sort();
        files.append(&mut inside);
    }
    Ok(files)
}
