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
    let mut model = Model::resolve(&asked.model.name, asked.model.overrides())?;
    if let Some(ratio) = asked.ffn_ratio {
        model.config.widen_feed_forward(ratio)?;
    }
    let shape = BatchShape::resolve(asked.model.shape(), &model.config)?;
    let mut estimate = Estimate::new(&model.config, shape, asked.step.optimizer)?;
    output::warn(shape.warning(&model.config), common);
    let question = asked.ahead.question()?;
    if !question.is_empty() {
        estimate = estimate.with_forecast(question, asked.training())?;
    }
    if let Some(sink) = &sink {
        sink.write(&json::render(&estimate))?;
    }
    if sink != Some(Sink::Standard) {
        output::print(&table::estimate(&model.name, &estimate, output::style(common)))?;
    }
    Ok(Outcome::Holds)
}
