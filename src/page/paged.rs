//! What it takes of a result to have a page, and the words that many pages share.

use std::borrow::Cow;

use serde_json::Value;

use super::{
    judged,
    number::grouped,
    section::{Fact, Page},
};
use crate::{
    execute::Adapter,
    family::{ModelConfig, Recompute, Scope, Training},
    model::NotRun,
    op::Convention,
    result::Examined,
};

/// A result that says what it holds as a [`Page`].
pub trait Paged {
    /// What it says, for people. `every_layer` keeps layers of one shape apart that are otherwise summed.
    fn page(&self, every_layer: bool) -> Page;

    /// The same by what it is about, each with its name and a page of its own. Unless a result is about several things,
    /// all of it is one.
    fn parts(&self, every_layer: bool) -> Vec<JudgedPart> {
        let page = self.page(every_layer);
        vec![JudgedPart { name: page.title.clone(), checks: self.judged(), page }]
    }

    /// What it was judged by, and what speaks against that. Unless a result knows more of it, the answer of its page.
    fn judged(&self) -> Vec<Examined> {
        judged::of_page(&self.page(false))
    }
}

/// Something that a result judges.
pub struct JudgedPart {
    /// What it is called.
    pub name: String,
    /// What it was judged by.
    pub checks: Vec<Examined>,
    /// What there is to say of it.
    pub page: Page,
}

/// A model's configuration in one line.
pub(super) fn config_line(config: &ModelConfig) -> String {
    let written = serde_json::to_value(config).unwrap_or_default();
    let said = |key: &str| written.get(key).is_some();
    let derived = config.derived().into_iter().filter(|(key, _)| !said(key));
    let derived = derived.map(|(key, value)| format!("{key} {value}"));
    let fields = written.as_object().into_iter().flatten();
    fields.map(field).chain(derived).collect::<Vec<_>>().join(", ")
}

/// A field of a configuration and its value.
pub(super) fn field((key, value): (&String, &Value)) -> String {
    format!("{key} {}", brief(value).to_string().trim_matches('"'))
}

/// An object with its lists of many numbers told by how many there are: factors of each pair of a head's elements.
fn brief(value: &Value) -> Cow<'_, Value> {
    const MANY: usize = 8;
    let many = |value: &Value| match value {
        Value::Array(list) if list.len() > MANY && list.iter().all(Value::is_number) => {
            format!("{} numbers", list.len()).into()
        }
        other => other.clone(),
    };
    match value {
        Value::Object(object) => {
            let fields = object.iter().map(|(key, value)| (key.clone(), many(value)));
            Cow::Owned(Value::Object(fields.collect()))
        }
        other => Cow::Borrowed(other),
    }
}

/// What a model is, where few know.
pub(super) fn about(config: &ModelConfig) -> Option<Fact> {
    config.about().map(|about| Fact { prose: true, ..Fact::new("about", about) })
}

/// An adapter in one line.
pub(super) fn adapter_line(adapter: &Adapter) -> String {
    let Adapter { name, backend, device_type, driver, limits: _ } = adapter;
    format!("{name} ({backend}, {device_type}; {driver})")
}

/// The tokens of a step, and how it takes them.
pub(super) fn tokens_line([batch, seq]: [u32; 2], accumulate: u32) -> String {
    let tokens = grouped(u64::from(batch) * u64::from(seq));
    let parts = match accumulate {
        1 => String::new(),
        parts => format!(" in {parts} micro-batches of {}", batch / parts.max(1)),
    };
    format!("batch {batch} x seq {seq} = {tokens} tokens{parts}")
}

/// Who published the estimator of a model, and what S is in it where sequences are packed.
pub(super) fn estimator_line(config: &ModelConfig, training: Training) -> String {
    let its = match (training.packed.is_none(), config.account().charges_rows()) {
        (true, _) => "",
        (false, true) => "; its S is the row, whatever is packed into it",
        (false, false) => "; its S is each packed sequence's own length",
    };
    format!("{}{its}", config.estimator())
}

/// Which part of a training step ran, of what is trained if that is known, and how.
pub(super) fn scope_line(training: Training, trained: Option<String>) -> String {
    match training.scope {
        Scope::Forward => how_line(training),
        Scope::Step => {
            let of = trained.map_or_else(String::new, |of| format!(" of {of}"));
            format!("one training step{of}, {}", how_line(training))
        }
    }
}

/// How operations become the FLOPs of an exact count, which is by closed forms.
pub(super) fn exact_line(convention: Convention) -> Fact {
    Fact::new("exact", format!("FLOPs by {}", convention.in_full()))
}

/// How operations of both sides of a comparison become FLOPs, those that ran or those of exact counts, and which of their reports have theirs under another
/// convention.
pub(super) fn priced(
    what: &'static str,
    convention: Convention,
    saved_under: [Option<Convention>; 2],
) -> Fact {
    let sides = ["A", "B"].into_iter().zip(saved_under);
    let details = sides.filter_map(|(name, own)| {
        let own = own?;
        // Two files of prices may have one name.
        let saved = match own.name() == convention.name() {
            true => format!("another {}, {}", own.name(), own.describe()),
            false => own.name().to_owned(),
        };
        Some(format!(
            "{name} was saved under {saved}: its operations are priced by {} here",
            convention.name()
        ))
    });
    Fact { details: details.collect(), ..Fact::new(what, convention.in_full()) }
}

/// How a step trains, or what a forward pass takes.
pub(super) fn how_line(training: Training) -> String {
    let options = |all: bool| -> String {
        let options = training.options.iter().filter(|(of, _)| all || of.forward);
        options.map(|(of, value)| format!(", {value} {}", of.noun)).collect()
    };
    if training.scope == Scope::Forward {
        return format!("forward pass only{}{}", packed(training), options(false));
    }
    let again = match training.recompute {
        Recompute::None => "",
        Recompute::Layers => ", layers recomputed",
    };
    format!("{}{again}{}{}", training.optimizer, packed(training), options(true))
}

/// That no figure has what layers cost that run again, where a model's published estimator is all that there is: none of
/// them charges it.
pub(super) fn uncharged(training: Training, has_exact: bool) -> Option<Fact> {
    let applies = training.recompute == Recompute::Layers && !has_exact;
    let text = "layers that run again are in none of these figures: the published estimate does not charge them, and \
                this family has no exact count by closed forms; profile counts them";
    applies.then(|| Fact { prose: true, ..Fact::new("recompute", text) })
}

/// That what a model's files hold beside it, and the dropout that they ask for, is in no figure.
pub(super) fn not_run(of: &NotRun) -> Vec<Fact> {
    let NotRun { left_out, dropout } = of;
    let parts = format!("{}, beside it in its files: no figure has them", left_out.join(" and "));
    let asked: Vec<String> = dropout.iter().map(|(name, part)| format!("{name} {part}")).collect();
    let asked = format!("dropout: {}; kernels compute without it", asked.join(", "));
    [(left_out.is_empty(), parts), (dropout.is_empty(), asked)]
        .into_iter()
        .filter(|(nothing, _)| !nothing)
        .map(|(_, text)| Fact::new("not run", text))
        .collect()
}

fn packed(training: Training) -> String {
    match training.packed.is_none() {
        true => String::new(),
        false => format!(", sequences of {} packed", training.packed),
    }
}

/// Passes that are named where many do not agree.
pub(super) const NAMED: usize = 5;
