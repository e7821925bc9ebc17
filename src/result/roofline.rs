//! An adapter's ceilings as a report of their own, and the kernels of a run as points under them.

use std::{borrow::Cow, collections::BTreeMap};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Document, PassRow, Report, ShaderReport};
use crate::{
    op::Cost,
    roofline::{Ceilings, Placement},
};

/// What the numbers of a roofline are.
pub const METHOD: &str = "Each ceiling is the work of a kernel that does one thing, as its instrumented twin \
    counted it, over the time that the plain kernel took. Traffic is what kernels ask for, not what crosses \
    the memory bus: a kernel whose loads hit caches may exceed the bandwidth measured here.";

/// What `roofline` found out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RooflineReport {
    /// Name and version of this layout.
    #[schemars(extend("const" = Self::SCHEMA))]
    pub schema: Cow<'static, str>,
    /// What the numbers are.
    pub method: Cow<'static, str>,
    /// The numbers.
    #[serde(flatten)]
    pub ceilings: Ceilings,
}

impl Document for RooflineReport {
    const SCHEMA: &'static str = "flopmeter.roofline/1";
}

impl RooflineReport {
    /// Wraps what was measured.
    pub fn new(ceilings: Ceilings) -> Self {
        Self { schema: Self::SCHEMA.into(), method: METHOD.into(), ceilings }
    }
}

/// A kernel on a plot.
#[derive(Clone, Debug, PartialEq)]
pub struct PlacedKernel {
    /// What it is called.
    pub name: String,
    /// FLOPs for each byte of storage traffic.
    pub intensity: f64,
    /// FLOPs for each byte of workgroup memory's traffic; `None` where it has none.
    pub workgroup_intensity: Option<f64>,
    /// What it reached.
    pub flops_per_second: f64,
    /// Where that stands.
    pub placement: Placement,
}

impl Report {
    /// Places each pass under the ceilings of the adapter that ran it.
    pub fn place(&mut self, ceilings: Ceilings) {
        for pass in &mut self.passes {
            let cost = Cost { ops: pass.ops, traffic: pass.traffic };
            pass.roofline = pass.seconds.and_then(|s| ceilings.place(&cost, self.convention, s));
        }
        self.ceilings = Some(ceilings);
    }

    /// Each kernel of the run, all of its passes together, as far as it has a place on a plot.
    pub fn points(&self) -> Vec<PlacedKernel> {
        let Some(ceilings) = &self.ceilings else { return Vec::new() };
        let mut kernels: BTreeMap<String, (Cost, Option<f64>)> = BTreeMap::new();
        for PassRow { kernel, ops, traffic, seconds, .. } in &self.passes {
            let (cost, sum) =
                kernels.entry(kernel.to_string()).or_insert((Cost::default(), Some(0.0)));
            *cost = *cost + Cost { ops: *ops, traffic: *traffic };
            *sum = sum.zip(*seconds).map(|(sum, seconds)| sum + seconds);
        }
        let points = kernels.into_iter().filter_map(|(name, (cost, seconds))| {
            let placement = ceilings.place(&cost, self.convention, seconds?)?;
            point(name, cost.ops.flops(self.convention), &cost, seconds?, placement)
        });
        points.collect()
    }
}

impl ShaderReport {
    /// Places the kernel, and each of several dispatches, under the ceilings of the adapter that ran it.
    pub fn place(&mut self, ceilings: Ceilings) {
        let place = |ops, traffic, seconds: Option<f64>| {
            ceilings.place(&Cost { ops, traffic }, self.convention, seconds?)
        };
        self.roofline = place(self.ops, self.traffic, self.seconds);
        for row in &mut self.dispatches {
            row.roofline = place(row.ops, row.traffic, row.seconds);
        }
        self.ceilings = Some(ceilings);
    }

    /// The kernel, or each dispatch, as far as it has a place on a plot.
    pub fn points(&self) -> Vec<PlacedKernel> {
        let one = [(&self.entry, self.ops, self.traffic, self.seconds, self.roofline)];
        let rows = self.dispatches.iter();
        let each: Vec<_> =
            rows.map(|r| (&r.entry, r.ops, r.traffic, r.seconds, r.roofline)).collect();
        let shown = if each.is_empty() { &one[..] } else { &each };
        let points = shown.iter().filter_map(|&(entry, ops, traffic, seconds, placement)| {
            let (cost, flops) = (Cost { ops, traffic }, ops.flops(self.convention));
            point(entry.clone(), flops, &cost, seconds?, placement?)
        });
        points.collect()
    }
}

/// `None` where an axis cannot show it: a kernel without FLOPs, or without traffic.
pub(super) fn point(
    name: String,
    flops: u64,
    cost: &Cost,
    seconds: f64,
    placement: Placement,
) -> Option<PlacedKernel> {
    let bytes = cost.traffic.storage_bytes();
    let shared = cost.traffic.workgroup_load + cost.traffic.workgroup_store;
    (flops > 0 && bytes > 0).then(|| PlacedKernel {
        name,
        intensity: flops as f64 / bytes as f64,
        workgroup_intensity: (shared > 0).then(|| flops as f64 / shared as f64),
        flops_per_second: flops as f64 / seconds,
        placement,
    })
}
