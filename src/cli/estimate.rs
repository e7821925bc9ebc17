//! `flopmeter estimate`: the exact count of a step and the estimate. No device is touched.

use flopmeter::{
    Error,
    estimate::Estimate,
    family::decoder::DecoderConfig,
    model::{BatchShape, Model},
};

use super::{
    Outcome,
    args::{self, Common},
    export::{Formats, Places},
    hint, mistaken, output,
};

pub fn run(asked: &args::Estimate, common: &Common) -> super::Result {
    mistaken::for_model(&asked.model.name)?;
    let training = asked.training()?;
    let mut places = Places::default();
    let formats = Formats::claim(&mut places, &asked.exports)?;
    let args::Model { name, variant } = &asked.model;
    let shape = variant.shape(&asked.step);
    let mut model = Model::resolve_for(name, variant.overrides(), shape.longest.or(shape.seq))
        .map_err(|error| hinted(error, name))?;
    if let Some(ratio) = asked.ffn_ratio {
        model.config = model.config.widened(ratio)?;
        model.name.set.push(format!("ffn_ratio={ratio}"));
    }
    let longest = shape.longest;
    let shape = BatchShape::resolve(shape, &model.config)?;
    let estimate = Estimate::under(&model.config, shape, training, asked.convention)?;
    if estimate.exact().is_none() {
        hint::prices_nothing(asked.convention, name)?;
    }
    let mut estimate = estimate.of_model(model.name).without(model.not_run);
    output::warn(shape.warning(&model.config, longest), common);
    let question = asked.ahead.question()?;
    if !question.is_empty() {
        estimate = estimate.with_forecast(question)?;
    }
    formats.write(&estimate, &places, common)?;
    Ok(Outcome::Holds)
}

/// A decoder that no estimator was published for has formulas all the same.
fn hinted(error: Error, name: &str) -> anyhow::Error {
    let known = Model::resolve::<&str>(name, []).is_ok();
    match DecoderConfig::resolve::<&str>(name, &[]) {
        Ok(_) if !known => anyhow::anyhow!(
            "no estimator was published for {name} by itself: 'flopmeter formulas {name}' has its exact \
             count and every published formula"
        ),
        Ok(_) | Err(_) => error.into(),
    }
}
