//! The adapters of this machine, and which kernels won where they were timed, as one serialisable value.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Document;
use crate::{
    choice::KernelSet,
    execute::Adapter,
    tune::{Contender, Contest, Dropped, Kept},
};

/// What can run here, best first; `auto` takes the first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AdapterList {
    /// Name and version of this layout.
    #[schemars(extend("const" = Self::SCHEMA))]
    pub schema: Cow<'static, str>,
    /// Each of them.
    pub adapters: Vec<Adapter>,
    /// Those on which kernels were timed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tuned: Vec<TunedAdapter>,
}

/// An adapter on which kernels were timed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TunedAdapter {
    /// Its name.
    pub adapter: String,
    /// What came of it, by class of operation.
    pub classes: Vec<TunedClass>,
}

/// The kernels of a class of operations that were timed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TunedClass {
    /// The class.
    pub class: String,
    /// The set whose kernel is taken; `auto` where the default is.
    pub taken: KernelSet,
    /// The kernels that ran, the default first.
    pub timed: Vec<Contender>,
    /// Those that the adapter did not take.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dropped: Vec<Dropped>,
}

impl Document for AdapterList {
    const SCHEMA: &'static str = "flopmeter.adapters/1";
}

impl AdapterList {
    /// A list of these adapters, and what is kept of them.
    pub fn new(adapters: Vec<Adapter>, kept: &[Kept]) -> Self {
        let tuned = kept.iter().map(|kept| TunedAdapter {
            adapter: kept.adapter.clone(),
            classes: kept.contests.iter().map(TunedClass::from).collect(),
        });
        Self { schema: Self::SCHEMA.into(), adapters, tuned: tuned.collect() }
    }
}

impl From<&Contest> for TunedClass {
    fn from(contest: &Contest) -> Self {
        Self {
            class: contest.class.to_string(),
            taken: contest.winner.unwrap_or_default(),
            timed: contest.contenders.clone(),
            dropped: contest.dropped.clone(),
        }
    }
}
