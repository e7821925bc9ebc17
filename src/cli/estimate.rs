//! `flopmeter estimate`: the published estimator alone. No device is touched.

use flopmeter::{
    estimate::Estimate,
    model::{BatchShape, Model},
    report::{json, table},
};

use super::{
    Outcome,
    args::{self, Common},
    output::{self, Sink},
};

pub fn run(asked: &args::Estimate, common: &Common) -> super::Result {
    let sink = asked.json.as_deref().map(Sink::of);
    let model = Model::resolve(&asked.model.name, &asked.model.overrides)?;
    let shape = BatchShape::resolve(asked.model.shape(), &model.config)?;
    let mut estimate = Estimate::new(&model.config, shape, asked.step.optimizer)?;
    if let Some(steps) = asked.steps {
        estimate = estimate.with_steps(steps, asked.step.phase == args::Phase::Step)?;
    }
    if let Some(sink) = &sink {
        sink.write(&json::render(&estimate))?;
    }
    if sink != Some(Sink::Standard) {
        output::print(&table::estimate(&model.name, &estimate, output::style(common)))?;
    }
    Ok(Outcome::Holds)
}
