//! The report as a person reads it: head, components by phase, why measured and estimate differ,
//! verdict. Rendered into a string; where it goes is the command line's business.

mod agreement;
mod causes;
mod components;
mod list;
mod shader;
mod watched;

use std::fmt::Write as _;

use comfy_table::{Attribute, Cell, CellAlignment, ContentArrangement, LineStyle, Table, presets};

pub use agreement::agreement;
pub use list::{adapters, estimate};
pub use shader::shader;

use super::{
    PassRow, Report, Totals,
    number::{DASH, grouped, ratio, seconds},
};
use crate::{
    check::Verdict,
    estimate::FieldFormula,
    execute::Adapter,
    measure::Source,
    model::{ModelConfig, Qwen2Config, lower::Scope},
};

/// How a table is to look.
#[derive(Clone, Copy, Debug, Default)]
pub struct Style {
    /// With terminal colours.
    pub color: bool,
    /// Every layer by itself, where layers of one shape are otherwise summed.
    pub every_layer: bool,
}

/// Passes that are named where many do not agree.
const NAMED: usize = 5;

/// A whole report.
pub fn render(report: &Report, style: Style) -> String {
    let mut text = String::new();
    text.push_str(&head(report));
    text.push('\n');
    text.push_str(&components::render(report, style));
    text.push('\n');
    text.push_str(&causes::render(report, style));
    text.push('\n');
    text.push_str(&beside(report));
    text.push_str(&foot(report, style));
    text
}

/// What was run, on what, and what its numbers mean.
fn head(report: &Report) -> String {
    let Report { model, batch, seq, training, adapter, convention, .. } = report;
    let scope = match training.scope {
        Scope::Forward => "forward pass only".to_owned(),
        Scope::Step => match &report.model_config {
            ModelConfig::ResNetBk(_) => format!(
                "one training step, {}, {} BK-Core gradient",
                training.optimizer, training.bk_gradient
            ),
            ModelConfig::Qwen2(Qwen2Config { lora: None, .. }) => {
                format!("one training step of all parameters, {}", training.optimizer)
            }
            ModelConfig::Qwen2(Qwen2Config { lora: Some(lora), .. }) => format!(
                "one training step of adapters of rank {} on {}, {}",
                lora.rank, lora.targets, training.optimizer
            ),
        },
    };
    let config = serde_json::to_value(&report.model_config).unwrap_or_default();
    let fields: Vec<String> = config
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key} {}", value.to_string().trim_matches('"')))
        .collect();
    let tokens = u64::from(*batch) * u64::from(*seq);
    let rows = [
        ("model", format!("{model}: {}", fields.join(", "))),
        ("run", format!("batch {batch} x seq {seq} = {} tokens; {scope}", grouped(tokens))),
        ("data", report.data.clone()),
        ("adapter", adapter_line(adapter)),
        ("measured", wrapped(report.definition)),
        ("FLOPs", format!("convention {convention}: {}", convention.describe())),
    ];
    let extrapolated = report.extrapolation.as_ref().map(|of| {
        let ran = match of.measured_layers {
            1 => "layer 0 of".to_owned(),
            layers => format!("layers 0..{} of", layers - 1),
        };
        let said =
            format!("{ran} {} ran; figures with ~ contain others. {}", of.layers, of.definition);
        ("scaled up", wrapped(&said))
    });
    rows.into_iter().chain(extrapolated).fold(String::new(), |mut text, (name, value)| {
        let _ = writeln!(text, "{name:<9} {value}");
        text
    })
}

/// An adapter in one line.
fn adapter_line(adapter: &Adapter) -> String {
    let Adapter { name, backend, device_type, driver, limits: _ } = adapter;
    format!("{name} ({backend}, {device_type}; {driver})")
}

/// Prose broken into lines that stand beside a head's names.
fn wrapped(prose: &str) -> String {
    const WIDTH: usize = 100;
    let mut text = String::new();
    let mut column = 0;
    for word in prose.split_whitespace() {
        if column > 0 && column + 1 + word.len() > WIDTH {
            text.push_str("\n          ");
            column = 0;
        } else if column > 0 {
            text.push(' ');
            column += 1;
        }
        text.push_str(word);
        column += word.len();
    }
    text
}

/// The backward pass against the forward pass, and what the field quotes.
fn beside(report: &Report) -> String {
    let Totals { measured, estimate, .. } = report.totals;
    let marked = |figure| marked(report.extrapolation.is_some(), figure);
    let mut text = String::new();
    if report.training.scope == Scope::Step {
        let _ = writeln!(
            text,
            "backward  {} x forward as measured, {} x as estimated",
            marked(ratio(measured.backward, measured.forward)),
            ratio(estimate.backward, estimate.forward)
        );
    }
    for FieldFormula { name, of, flops, .. } in &report.field_formulas {
        let ran = match *of {
            "forward" => Some(measured.forward),
            _ => (report.training.scope == Scope::Step).then_some(measured.total()),
        };
        let ran = ran.map(|ran| format!("; measured {} of it", marked(ratio(ran, *flops))));
        let ran = ran.unwrap_or_default();
        let _ = writeln!(text, "field     {name} ({of}): {}{ran}", grouped(*flops));
    }
    text
}

/// Verdict, loss and timing.
fn foot(report: &Report, style: Style) -> String {
    let mut text = String::new();
    let verdict = agreement::in_words(report.verdict);
    let _ = writeln!(text, "verdict   {}", painted_verdict(&verdict, report.holds(), style));
    let named = |text: &mut String, what: &str, is: fn(&Verdict) -> bool| {
        let passes: Vec<&PassRow> = report.passes.iter().filter(|p| is(&p.verdict)).collect();
        for pass in passes.iter().take(NAMED) {
            let why = pass.why.as_deref().unwrap_or_default();
            let _ = writeln!(text, "  {what}: {}: {why}", pass.label);
        }
        if passes.len() > NAMED {
            let _ = writeln!(text, "  and {} more (--json has all)", passes.len() - NAMED);
        }
    };
    named(&mut text, "mismatch", |verdict| matches!(verdict, Verdict::Mismatch { .. }));
    named(&mut text, "not comparable", |verdict| matches!(verdict, Verdict::NotComparable { .. }));
    match report.loss {
        Some(loss) if loss.is_finite() => {
            let _ = writeln!(text, "loss      {loss}");
        }
        Some(loss) => {
            let warning = format!(
                "loss      {loss}: not finite; the counts hold all the same, but look at the weights and \
                 the input"
            );
            let _ = writeln!(text, "{}", painted(&warning, YELLOW, style));
        }
        None => {}
    }
    let timing = &report.timing;
    let clock = clock_in_words(timing.source);
    let counted = seconds(timing.counted_seconds);
    let ran = if report.extrapolation.is_some() { "what ran: " } else { "" };
    let _ = match timing.plain_seconds {
        Some(plain) => writeln!(
            text,
            "timing    {ran}plain kernels {} (median of {}, by {clock}); counting once took {counted}, {:.2}x",
            seconds(plain),
            timing.repeats,
            timing.counted_seconds / plain
        ),
        None => writeln!(text, "timing    {ran}{clock}; counting once took {counted}"),
    };
    text.push_str(embedded_times(&report.adapter));
    if let Some(seen) = &report.watched {
        text.push_str(&watched::watched(seen, style));
    }
    text
}

/// What no reader of the embedded executor's times may overlook.
fn embedded_times(adapter: &Adapter) -> &'static str {
    match adapter.device_type.as_str() {
        "embedded" => {
            "          the embedded executor interprets: its times are this machine's CPU, not a GPU's\n"
        }
        _ => "",
    }
}

/// Whose clock times come from.
fn clock_in_words(source: Source) -> &'static str {
    match source {
        Source::Timestamps => "the device's timestamps",
        Source::Wall => "the host's clock, submission and wait included",
        Source::None => "nothing was timed",
    }
}

const RED: u8 = 31;
const GREEN: u8 = 32;
const YELLOW: u8 = 33;

fn painted_verdict(text: &str, holds: bool, style: Style) -> String {
    painted(text, if holds { GREEN } else { RED }, style)
}

fn painted(text: &str, colour: u8, style: Style) -> String {
    if style.color { format!("\x1b[{colour}m{text}\x1b[0m") } else { text.to_owned() }
}

/// A table as wide as it needs to be: who pipes a report wants its lines whole.
fn plain_table(style: Style) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING.header_separator(LineStyle::none().fill('-').junction('-')))
        .set_content_arrangement(ContentArrangement::Disabled)
        .force_no_tty();
    if style.color {
        table.enforce_styling();
    }
    table
}

/// A figure, marked where some of it is extrapolated.
fn marked(extrapolated: bool, figure: String) -> String {
    if extrapolated && figure != DASH { format!("~{figure}") } else { figure }
}

/// A header whose first column is left-aligned and whose others stand over numbers.
fn header<const N: usize>(names: [&str; N]) -> Vec<Cell> {
    aligned(names.map(|name| Cell::new(name).add_attribute(Attribute::Bold)))
}

fn numbers<const N: usize>(name: String, values: [String; N]) -> Vec<Cell> {
    aligned(std::iter::once(name).chain(values).map(Cell::new))
}

fn bold(cells: Vec<Cell>) -> Vec<Cell> {
    cells.into_iter().map(|cell| cell.add_attribute(Attribute::Bold)).collect()
}

fn aligned(cells: impl IntoIterator<Item = Cell>) -> Vec<Cell> {
    let align = |(i, cell): (usize, Cell)| match i {
        0 => cell,
        _ => cell.set_alignment(CellAlignment::Right),
    };
    cells.into_iter().enumerate().map(align).collect()
}
