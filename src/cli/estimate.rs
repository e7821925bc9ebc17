//! `flopmeter estimate`: the published estimator alone. No device is touched.

use flopmeter::{
    estimate::Estimate,
    model::{BatchShape, Model},
};

use super::{
    Outcome,
    args::{self, Common},
    export::{Formats, Places},
    output,
};

pub fn run(asked: &args::Estimate, common: &Common) -> super::Result {
    let mut places = Places::default();
    let formats = Formats::claim(&mut places, &asked.exports)?;
    let mut model = Model::resolve(&asked.model.name, asked.model.variant.overrides())?;
    if let Some(ratio) = asked.ffn_ratio {
        model.config.widen_feed_forward(ratio)?;
    }
    let shape = BatchShape::resolve(asked.model.variant.shape(), &model.config)?;
    let mut estimate = Estimate::new(&model.config, shape, asked.step.optimizer)?;
    output::warn(shape.warning(&model.config), common);
    let question = asked.ahead.question()?;
    if !question.is_empty() {
        estimate = estimate.with_forecast(question, asked.training())?;
    }
    formats.write(&estimate, &places, common)?;
    Ok(Outcome::Holds)
}
