//! What an executor that looks saw of a whole run, as a report says it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::execute::{OutOfBounds, Race, Witness};

/// What was seen beside the counts; only where the executor looks, which the embedded one does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Watched {
    /// Active lanes over lanes issued, weighed by operations; `None` where nothing was computed.
    pub lane_use: Option<f64>,
    /// Accesses out of bounds, by kernel and line.
    pub out_of_bounds: Vec<OutOfBounds>,
    /// Races, by kernel and pair of lines; `None` where they were not looked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub races: Option<Vec<Race>>,
}

impl Watched {
    /// What all launches together showed; `None` where one of them had no witness.
    pub fn new<'a>(witnesses: impl IntoIterator<Item = Option<&'a Witness>>) -> Option<Self> {
        let witnesses: Option<Vec<Witness>> =
            witnesses.into_iter().map(Option::<&Witness>::cloned).collect();
        let Witness { tally: _, lanes, out_of_bounds, races } = witnesses?.into_iter().sum();
        Some(Self { lane_use: lanes.share(), out_of_bounds, races })
    }

    /// How many accesses were out of bounds.
    pub fn accesses_out_of_bounds(&self) -> u64 {
        self.out_of_bounds.iter().map(|row| row.accesses).sum()
    }

    /// Whether races were looked for and found.
    pub fn has_races(&self) -> bool {
        self.races.as_ref().is_some_and(|races| !races.is_empty())
    }

    /// Whether nothing was seen that no kernel means to do.
    pub fn holds(&self) -> bool {
        self.out_of_bounds.is_empty() && !self.has_races()
    }
}
