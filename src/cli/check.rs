//! `flopmeter check`: one plan on every adapter present, held against its closed forms and against
//! each other. The gate for CI.

use anyhow::Context as _;

use flopmeter::{
    choice::{KernelSet, Target},
    execute::{self, Adapter, Embedded, Executor, Limits},
    model::lower,
    profile::{self, Keep},
    result::{Agreement, CheckedModel},
};

use super::{
    Outcome,
    args::{Check, Common},
    export::{Formats, Places},
    output,
    profile::subject,
    progress::Bar,
};

pub fn run(asked: &Check, common: &Common) -> super::Result {
    let mut places = Places::default();
    let formats = Formats::claim(&mut places, &asked.exports)?;
    let (model, weights, batch) = subject(&asked.work, common)?;
    output::warn(model.warning(), common);
    let adapter = asked.adapter.as_deref();
    let mut devices = open(adapter, asked.races.on(asked.work.setup.lanes(adapter)?))?;
    let target = target(&devices, asked.work.setup.kernels)?;
    let plan = lower::lower(&model.config, batch.shape, asked.work.setup.training(), &target)?;
    lower::has_asked(&plan, &target, &model.name.as_given)?;
    let inputs = lower::inputs(&weights, &batch);
    let mut runs = Vec::new();
    for gpu in &mut devices {
        log::info!("running on {}", gpu.adapter().name);
        let bar = Bar::new(common, 0);
        runs.push(profile::run(gpu.as_mut(), &plan, &inputs, 0, Keep::Gradients, &mut |p| {
            bar.show(p)
        })?);
        // What one adapter holds, the next may need.
        gpu.clear();
    }
    let shape = batch.shape;
    let chosen = asked.work.setup.training().options;
    let subject = CheckedModel {
        model: model.name.clone(),
        batch: shape.batch(),
        seq: shape.seq(),
        options: chosen.or_first(model.config.family().options),
        not_run: model.not_run.clone(),
    };
    let agreement = Agreement::new(&plan, &runs).of(subject);
    formats.write(&agreement, &places, common)?;
    Ok(Outcome::of(agreement.holds()))
}

/// What the one plan is made for that all of these adapters run: what fits each of them.
fn target(devices: &[Box<dyn Executor>], set: KernelSet) -> super::Result<Target> {
    let adapters = || devices.iter().map(|device| device.adapter());
    for adapter in adapters() {
        Target::new(&adapter.limits, set, None).with_context(|| adapter.name.clone())?;
    }
    let limits = adapters().map(|adapter| adapter.limits).reduce(Limits::and);
    let together = || {
        let sizes = adapters().map(|Adapter { name, limits, .. }| {
            let lanes = limits.subgroup_lanes.map(|lanes| format!("subgroups of {lanes}"));
            let side = limits.matrix_side.filter(|_| set == KernelSet::Matrix);
            let side = side.map(|side| format!("matrices of {side} x {side}"));
            let has: Vec<String> = lanes.into_iter().chain(side).collect();
            let has =
                if has.is_empty() { "no subgroups of one size".into() } else { has.join(" and ") };
            format!("{name} has {has}")
        });
        format!("{}, and one plan is for all", sizes.collect::<Vec<_>>().join(", "))
    };
    Target::new(&limits.context("there is no adapter")?, set, None).with_context(together)
}

/// The adapter asked for, or every one there is.
fn open(asked: Option<&str>, embedded: Embedded) -> super::Result<Vec<Box<dyn Executor>>> {
    Ok(match asked {
        None => execute::open_all(embedded)?,
        Some(name) => vec![execute::open(name, embedded)?],
    })
}
