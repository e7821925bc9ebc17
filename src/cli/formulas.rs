//! `flopmeter formulas`: every published formula beside what is exact. No device is touched.

use anyhow::{anyhow, bail};

use flopmeter::{
    Error,
    claim::MULTIPLY_ADD,
    family::{
        Training,
        decoder::{Recipe, Tokens},
    },
    model::{AskedShape, BatchShape, Model},
    op::{Convention, Op},
    result::FormulasReport,
};

use super::{
    Outcome,
    args::{self, Common},
    export::{Formats, Places},
    mistaken,
};

pub fn run(asked: &args::Formulas, common: &Common) -> super::Result {
    mistaken::for_model(&asked.name)?;
    comparable(asked.convention)?;
    let mut places = Places::default();
    let formats = Formats::claim(&mut places, &asked.exports)?;
    let hint = |error| hinted(error, &asked.name);
    let longest = asked.pack.iter().copied().max().or(asked.seq);
    let model = Model::resolve_for(&asked.name, asked.overrides(), longest).map_err(hint)?;
    let [_, usual] = model.config.usual_shape();
    let tokens = tokens(asked, usual)?;
    let longest = tokens.lengths.iter().copied().max();
    let config = model.decoder().map_err(hint)?;
    let (batch, seq) = (Some(asked.batch), u32::try_from(tokens.seq()).ok());
    let shape = AskedShape { batch, seq, accumulate: Some(asked.accumulate), longest };
    BatchShape::resolve(shape, &model.config)?;
    let (accumulate, recompute) = (asked.accumulate, asked.recompute.into());
    let training = Training { accumulate, recompute, ..asked.optimizer.into() };
    let mut report = FormulasReport::new(
        model.name.clone(),
        config,
        &tokens,
        Recipe::of(training),
        asked.convention,
    );
    report.not_run = model.not_run.clone();
    let question = asked.ahead.question()?;
    if !question.is_empty() {
        report = report.with_forecast(question)?;
    }
    if !asked.names.is_empty() {
        report = report.only(&asked.names)?;
    }
    formats.write(&report, &places, common)?;
    Ok(Outcome::Holds)
}

/// Formulas charge 2 FLOPs for a multiply-add. By prices where it costs something else, each would be off by that alone,
/// whatever it charges for what.
fn comparable(convention: Convention) -> super::Result<()> {
    match convention.price(Op::Fma) {
        MULTIPLY_ADD => Ok(()),
        other => bail!(
            "--convention {}: published formulas charge {MULTIPLY_ADD} FLOPs for a multiply-add, and fma costs {other} there: set fma = {MULTIPLY_ADD}, \
             or take the exact count from 'flopmeter estimate'",
            convention.name()
        ),
    }
}

/// A model that is no decoder has an estimate all the same.
fn hinted(error: Error, name: &str) -> anyhow::Error {
    let model = Model::resolve::<&str>(name, []);
    match model.as_ref().map(Model::decoder) {
        Ok(Err(why)) => anyhow!(
            "{why}: 'flopmeter estimate {name}' has that; a decoder is a preset, as in 'flopmeter formulas \
             qwen2.5-0.5b', or a folder with its config.json"
        ),
        Ok(Ok(_)) | Err(_) => error.into(),
    }
}

/// The tokens of a step, of which there are few enough that no count overflows; `usual` in a sequence where nothing is asked.
fn tokens(asked: &args::Formulas, usual: u32) -> super::Result<Tokens> {
    let sum: u64 = asked.pack.iter().map(|&length| u64::from(length)).sum();
    let seq = match asked.seq {
        Some(seq) if !asked.pack.is_empty() && u64::from(seq) != sum => bail!(
            "--pack: the lengths add up to {sum}, but --seq is {seq}: make them agree, or leave --seq out"
        ),
        Some(seq) => u64::from(seq),
        None if asked.pack.is_empty() => u64::from(usual),
        None => sum,
    };
    let rows = u64::from(asked.batch) * u64::from(asked.accumulate);
    let count = u128::from(rows) * u128::from(seq);
    if u32::try_from(seq).is_err() || u32::try_from(count).is_err() {
        bail!(
            "--batch {} x {seq} in {} micro-batches are {count} tokens, more than {}: lower them",
            asked.batch,
            asked.accumulate,
            u32::MAX
        );
    }
    let lengths = match asked.pack.is_empty() {
        true => vec![seq as u32],
        false => asked.pack.clone(),
    };
    Ok(Tokens { batch: rows as u32, lengths })
}
