//! Many shapes of one model: the points of a grid of axes, what stands at each, and how they are split
//! among machines. Knows models; runs nothing and prints nothing.

use std::{collections::BTreeMap, fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Error,
    family::{self, AskedShape, Choices, Chosen, Packing, Recompute, Scope, Training, nearest},
    model::Model,
    operation::Optimizer,
};

/// The axes that every model has; all others are fields of its configuration.
pub(crate) const BATCH: &str = "batch";
pub(crate) const SEQ: &str = "seq";

/// What a user says of an axis: `KEY=1,2,3`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedAxis {
    /// `batch`, `seq`, a field of the model's configuration or a short name of one.
    pub key: String,
    /// The values along it, each once.
    pub values: Vec<u32>,
}

impl FromStr for AskedAxis {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (key, list) = text.split_once('=').ok_or("say KEY=LIST, as in seq=128,256,512")?;
        let mut values = Vec::new();
        for item in list.split(',').map(str::trim) {
            let value = item.parse().ok().filter(|&value| value > 0).ok_or_else(|| {
                format!(
                    "'{item}' is not a whole number from 1 to {}, as the values of an axis are",
                    u32::MAX
                )
            })?;
            if values.contains(&value) {
                return Err(format!("{value} is given twice: give it once"));
            }
            values.push(value);
        }
        Ok(Self { key: key.trim().to_owned(), values })
    }
}

/// One direction in which the points of a sweep differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Axis {
    /// As the user named it.
    pub key: String,
    /// What it changes: `batch`, `seq` or a field of the model's configuration.
    pub field: String,
    /// The values along it.
    pub values: Vec<u32>,
}

/// What all points of a grid have in common, and along what they differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sweep {
    /// The model as the user named it.
    pub model: String,
    /// Overrides of its configuration, `KEY=VALUE`.
    pub set: Vec<String>,
    /// B, where that is no axis and was asked for.
    pub batch: Option<u32>,
    /// N, where that is no axis and was asked for.
    pub seq: Option<u32>,
    /// Forward only, or the whole step.
    pub scope: Scope,
    /// How parameters follow their gradients.
    pub optimizer: Optimizer,
    /// Micro-batches in a step.
    #[serde(default = "family::one")]
    pub accumulate: u32,
    /// What of the forward pass runs again in the backward pass.
    #[serde(default)]
    pub recompute: Recompute,
    /// Sequences that are packed into each row of the batch.
    #[serde(default)]
    pub packed: Packing,
    /// What is chosen of the family's options, at least nothing; with several, each point stands as often.
    #[serde(flatten)]
    pub options: Choices,
    /// One, or two of a grid.
    pub axes: Vec<Axis>,
}

/// Values along the axes of a sweep, by their keys.
pub type Coordinates = BTreeMap<String, u32>;

/// One shape of a sweep.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Point {
    /// Where it stands.
    pub at: Coordinates,
    /// What is chosen of the family's options there.
    #[serde(flatten)]
    pub options: Chosen,
}

/// The point of a sweep that a report is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SweepPoint {
    /// Which sweep.
    #[serde(flatten)]
    pub sweep: Sweep,
    /// Where in it; the gradient is the report's own.
    pub at: Coordinates,
}

impl Sweep {
    /// The same sweep along these axes.
    ///
    /// # Errors
    /// [`Error::Config`] where the model has no such axis, two are the same, one is also given a fixed
    /// value, or there are more than a table can show; as [`Model::resolve`] where there is no such
    /// model.
    pub fn along(mut self, asked: Vec<AskedAxis>) -> Result<Self, Error> {
        let failed = |key: &str, problem: String| Error::Config(format!("axis {key}: {problem}"));
        if !(1..=2).contains(&asked.len()) {
            let problem = "a sweep has one axis, or two that make a grid";
            return Err(Error::Config(problem.to_owned()));
        }
        let known = Model::family(&self.model)?.fields;
        self.axes.clear();
        for AskedAxis { key, values } in asked {
            let field = match key.as_str() {
                BATCH | SEQ => key.clone(),
                _ => {
                    let meant = nearest(&key, known.iter().copied().chain([BATCH, SEQ]));
                    let unknown = |problem: String| match meant {
                        Some(meant @ (BATCH | SEQ)) => format!("did you mean '{meant}'?"),
                        _ => format!("{problem}; or {BATCH}, {SEQ}"),
                    };
                    let field = family::named(&key, known);
                    field.map_err(|problem| failed(&key, unknown(problem)))?.to_owned()
                }
            };
            if let Some(axis) = self.axes.iter().find(|axis| axis.field == field) {
                return Err(failed(
                    &key,
                    format!("it is the axis '{}' again: give it once", axis.key),
                ));
            }
            let fixed = match field.as_str() {
                BATCH => self.batch.map(|value| format!("{BATCH} {value}")),
                SEQ => self.seq.map(|value| format!("{SEQ} {value}")),
                _ => family::setting_of(&self.set, &field).cloned(),
            };
            if let Some(fixed) = fixed {
                let problem = format!("{fixed} fixes what the axis changes: leave one of them out");
                return Err(failed(&key, problem));
            }
            self.axes.push(Axis { key, field, values });
        }
        Ok(self)
    }

    /// Every point, in the order in which they run: the first axis changes last.
    pub fn points(&self) -> Vec<Point> {
        let mut grid = vec![Coordinates::new()];
        for Axis { key, values, .. } in &self.axes {
            let along = |at: Coordinates| {
                values.iter().map(move |&value| {
                    let mut at = at.clone();
                    at.insert(key.clone(), value);
                    at
                })
            };
            grid = grid.into_iter().flat_map(along).collect();
        }
        let choices = |at: Coordinates| {
            self.options.0.iter().map(move |&options| Point { at: at.clone(), options })
        };
        grid.into_iter().flat_map(choices).collect()
    }

    /// What stands at a point: the model, with as many learned positions as its sequences take, and the shape of a batch.
    ///
    /// # Errors
    /// As [`Model::resolve_for`].
    pub fn resolve(&self, point: &Point) -> Result<(Model, AskedShape), Error> {
        let at = |key: &str| point.at.get(key).copied();
        let shape = AskedShape {
            batch: at(BATCH).or(self.batch),
            seq: at(SEQ).or(self.seq).or_else(|| self.packed.tokens()?.try_into().ok()),
            accumulate: Some(self.accumulate),
            longest: self.packed.longest(),
        };
        let along = self.axes.iter().filter(|axis| ![BATCH, SEQ].contains(&axis.field.as_str()));
        let along = along.filter_map(|axis| Some(format!("{}={}", axis.field, at(&axis.key)?)));
        let set = self.set.iter().cloned().chain(along).collect();
        let longest = shape.longest.or(shape.seq);
        let model = Model::resolve_for(&self.model, set, longest)?;
        Ok((model, shape))
    }

    /// What a step at a point is.
    pub fn training(&self, point: &Point) -> Training {
        let Self { scope, optimizer, accumulate, recompute, packed, .. } = *self;
        Training { scope, optimizer, accumulate, recompute, packed, options: point.options }
    }

    /// What a point's file is called, without its ending.
    pub fn name(&self, point: &Point) -> String {
        let along = self
            .axes
            .iter()
            .filter_map(|axis| Some(format!("{}-{}", axis.key, point.at.get(&axis.key)?)));
        let several = self.options.0.len() > 1;
        let options = point.options.iter().filter(|_| several).map(|(_, value)| value.to_owned());
        along.chain(options).collect::<Vec<_>>().join("_")
    }
}

/// One machine's part of a sweep: `I/N`, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    index: usize,
    of: usize,
}

impl Shard {
    /// All of it.
    pub const WHOLE: Self = Self { index: 0, of: 1 };

    /// Whether the point at this position is this machine's. Neighbours go to different machines:
    /// where one point costs more than the last, so do all after it.
    pub const fn has(self, position: usize) -> bool {
        position % self.of == self.index
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed =
            text.split_once('/').and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
        let (index, of) = parsed.ok_or("say I/N, as in 0/4: the first of four parts")?;
        match of {
            0 => Err("a sweep has at least one part".to_owned()),
            _ if index >= of => {
                Err(format!("parts are counted from 0: the last of {of} is {}/{of}", of - 1))
            }
            _ => Ok(Self { index, of }),
        }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::Family;

    fn sweep(model: &str, set: &[&str], axes: &[&str]) -> Result<Sweep, Error> {
        let bare = Sweep {
            model: model.to_owned(),
            set: set.iter().map(ToString::to_string).collect(),
            batch: Some(2),
            seq: None,
            scope: Scope::Step,
            optimizer: Optimizer::AdamW,
            accumulate: 1,
            recompute: Recompute::None,
            packed: Packing::default(),
            options: Choices(vec![Chosen::default()]),
            axes: Vec::new(),
        };
        bare.along(axes.iter().map(|axis| axis.parse().unwrap()).collect())
    }

    #[test]
    fn two_axes_make_a_grid() {
        let sweep = sweep("resnet-bk", &[], &["seq=8,16", "d_model=4,6,8"]).unwrap();
        let points = sweep.points();
        let names: Vec<String> = points.iter().map(|point| sweep.name(point)).collect();
        assert_eq!(
            names[..4],
            ["seq-8_d_model-4", "seq-8_d_model-6", "seq-8_d_model-8", "seq-16_d_model-4"]
        );
        assert_eq!(names.len(), 6);
        let (model, shape) = sweep.resolve(&points[5]).unwrap();
        assert_eq!((shape.batch, shape.seq), (Some(2), Some(16)));
        assert_eq!(serde_json::to_value(&model.config).unwrap()["d_model"], 8);

        let gradients = ["hybrid", "exact"].map(|how| Family::choose("bk_gradient", how).unwrap());
        let both = Sweep { options: Choices(gradients.to_vec()), ..sweep };
        assert_eq!(both.points().len(), 12);
        assert_eq!(both.name(&both.points()[1]), "seq-8_d_model-4_exact");
    }

    #[test]
    fn short_names_are_the_models_own_fields() {
        let sweep = sweep("qwen2.5-0.5b", &[], &["n_layers=1,2"]).unwrap();
        assert_eq!(sweep.axes[0].field, "num_hidden_layers");
        let (model, _) = sweep.resolve(&sweep.points()[1]).unwrap();
        assert_eq!(serde_json::to_value(&model.config).unwrap()["num_hidden_layers"], 2);
    }

    #[test]
    fn learned_positions_grow_with_the_sequence_unless_somebody_says_how_many() {
        let positions = |set: &[&str]| {
            let sweep = sweep("resnet-bk", set, &["seq=64,512"]).unwrap();
            sweep
                .points()
                .iter()
                .map(|p| sweep.resolve(p).unwrap().0.config.positions().count)
                .collect::<Vec<_>>()
        };
        assert_eq!(positions(&[]), [128, 512]);
        assert_eq!(positions(&["n_seq=256"]), [256, 256]);
    }

    #[test]
    fn axes_that_make_no_sense_are_named() {
        let says = |model: &str, set: &[&str], axes: &[&str], says: &str| {
            let message = sweep(model, set, axes).unwrap_err().to_string();
            assert!(message.contains(says), "{message:?} does not say {says:?}");
        };
        says("resnet-bk", &[], &["d_modl=1,2"], "did you mean 'd_model'?");
        says("resnet-bk", &[], &["sqe=1,2"], "did you mean 'seq'?");
        says("resnet-bk", &[], &["hidden_size=1,2"], "unknown field 'hidden_size'");
        says("resnet-bk", &[], &["batch=1,2"], "batch 2 fixes");
        says("resnet-bk", &["d_model=4"], &["d_model=1,2"], "d_model=4 fixes");
        says("qwen2.5-3b", &[], &["d_model=1,2", "hidden_size=3"], "the axis 'd_model' again");
        says("resnet-bk", &[], &[], "one axis, or two");
        says("resnet-bk", &[], &["seq=1", "d_model=2", "top_k=1"], "one axis, or two");
        says("resnet", &[], &["d_model=1"], "no model 'resnet'");
        for (text, problem) in [
            ("seq", "KEY=LIST"),
            ("seq=", "''"),
            ("seq=1,,2", "''"),
            ("seq=1,x", "'x'"),
            ("seq=0", "'0'"),
            ("seq=-1", "'-1'"),
            ("seq=4294967296", "'4294967296'"),
            ("seq=8,8", "twice"),
        ] {
            let message = text.parse::<AskedAxis>().unwrap_err();
            assert!(message.contains(problem), "{message}");
        }
    }

    #[test]
    fn shards_share_the_points_out() {
        for of in 1..6 {
            for position in 0..20 {
                let owners = (0..of).filter(|index| Shard { index: *index, of }.has(position));
                assert_eq!(owners.count(), 1, "{position} of {of}");
            }
        }
        assert_eq!("2/3".parse(), Ok(Shard { index: 2, of: 3 }));
        assert_eq!(Shard { index: 2, of: 3 }.to_string(), "2/3");
        for (text, problem) in
            [("3/3", "2/3"), ("0/0", "at least one"), ("1", "I/N"), ("-1/2", "I/N")]
        {
            assert!(text.parse::<Shard>().unwrap_err().contains(problem), "{text}");
        }
    }
}
