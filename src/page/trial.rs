//! The public table of formulas: every formula on a few models at short and long sequences, full and with
//! adapters, and the faults that were found, each shown on an input. `docs/formulas.md` is this page.

use serde_json::json;

use super::{Cell, Column, Fact, Page, Row, Section, Table};
use crate::{
    Error,
    family::decoder::{Adapters, DecoderConfig, Recipe, Tokens},
    op::Convention,
    published::{FAULTS, FormulaRow, Judged, judge},
    result::FormulasReport,
};

/// A table of the page.
struct Trial {
    title: &'static str,
    model: &'static str,
    batch: u32,
    seq: u32,
    lora_rank: Option<u32>,
}

const fn trial_of(title: &'static str, model: &'static str, [batch, seq]: [u32; 2]) -> Trial {
    Trial { title, model, batch, seq, lora_rank: None }
}

const TRIALS: [Trial; 10] = [
    trial_of("Qwen2.5-0.5B, 1 x 512", "qwen2.5-0.5b", [1, 512]),
    trial_of("Qwen2.5-0.5B, 1 x 8,192", "qwen2.5-0.5b", [1, 8192]),
    trial_of("Llama-3.1-8B, 1 x 512", "llama-3.1-8b", [1, 512]),
    trial_of("Llama-3.1-8B, 1 x 8,192", "llama-3.1-8b", [1, 8192]),
    trial_of("Mixtral-8x7B, 1 x 512", "mixtral-8x7b", [1, 512]),
    trial_of("Mixtral-8x7B, 1 x 8,192", "mixtral-8x7b", [1, 8192]),
    trial_of("GPT-2, 1 x 1,024", "gpt2", [1, 1024]),
    Trial {
        lora_rank: Some(8),
        ..trial_of(
            "Qwen2.5-0.5B, LoRA of rank 8 on q_proj and v_proj, 1 x 512",
            "qwen2.5-0.5b",
            [1, 512],
        )
    },
    Trial {
        lora_rank: Some(8),
        ..trial_of(
            "Llama-3.1-8B, LoRA of rank 8 on q_proj and v_proj, 1 x 512",
            "llama-3.1-8b",
            [1, 512],
        )
    },
    Trial {
        lora_rank: Some(8),
        ..trial_of(
            "Llama-3.1-8B, LoRA of rank 8 on q_proj and v_proj, 1 x 8,192",
            "llama-3.1-8b",
            [1, 8192],
        )
    },
];

/// The whole page.
///
/// # Errors
/// [`Error::Config`] where a preset or a formula that it names is gone.
pub fn page() -> Result<Page, Error> {
    let head = [
        Fact::new("What this is", INTRODUCTION),
        Fact::new("The exact count", FormulasReport::DEFINITION),
        Fact::new("FLOPs", Convention::default().in_full()),
        Fact::new("Columns", COLUMNS),
        Fact::new("Symbols", SYMBOLS),
        Fact::new(
            "Anything else",
            "flopmeter formulas MODEL prices any decoder at any shape; it lists all causes",
        ),
    ];
    let mut sections = vec![Section::facts("Every published formula on trial", head)];
    for trial in &TRIALS {
        let judged = judged(trial.model, [trial.batch, trial.seq], trial.lora_rank)?;
        sections.push(Section::table(trial.title, rows(&judged)));
    }
    sections.push(Section::table("Faults in public code", faults()?));
    let sources = judged(TRIALS[0].model, [1, 1], None)?.rows;
    sections.push(Section::table("Sources", super::formulas::sources(&sources)));
    Ok(Page {
        title: "Published formulas for training FLOPs, held against exact counts".to_owned(),
        sections,
    })
}

const INTRODUCTION: &str = "Formulas for the floating-point operations of a training step, as papers and \
    repositories publish them, evaluated exactly and held against the exact count of the same step. The \
    program makes this page, and a test makes it again. Whether a formula was executed, read, or cited from \
    code that quotes it is said under Sources.";
const COLUMNS: &str = "ratio is the formula's value over the exact count of what it speaks of. to products is \
    its value over the matrix products of a step that trains everything, attention's whole square, as \
    PyTorch's FlopCounterMode counts them. The causes are the three largest, in percent of the exact count. \
    The formulas that are the farthest off stand first; Sources has the short name by which each is asked for.";
const SYMBOLS: &str = "B batch, S sequence, T = B S, H hidden width, L layers, n heads of width d, k key and \
    value heads, I intermediate width, V vocabulary, E experts of width Ie, K of them a token, Is width of a \
    shared expert, r rank, P adapters' parameters, N all parameters, Nx those without embeddings' modules, \
    N0 those of the layers, A weights of a layer's projections, M of its MLP, W every weight of a matrix \
    product that a token passes. Of sequences that are packed into rows, S is the length of each, and B S^2 is B times \
    the sum of their squares; a function that is given the length of a row instead says what formulas says of rows that are not packed.";

fn judged(model: &str, [batch, seq]: [u32; 2], lora_rank: Option<u32>) -> Result<Judged, Error> {
    let mut config = DecoderConfig::resolve::<&str>(model, &[])?;
    if let Some(rank) = lora_rank {
        let mut object = config.to_json();
        object.insert(Adapters::RANK.to_owned(), json!(rank));
        config = DecoderConfig::from_json(&object).map_err(Error::Config)?;
    }
    Ok(judge(&config, &Tokens::new(batch, seq), Recipe::default(), Convention::default()))
}

fn rows(judged: &Judged) -> Table {
    let rows = judged.rows.iter().filter(|row| row.applies).map(|row| {
        let largest = row.causes.iter().take(3).map(|cause| {
            let percent = 100.0 * cause.flops as f64 / row.exact.unwrap_or(1) as f64;
            format!("{percent:+.2} % {}", cause.text)
        });
        let [value, ratio, products] = figures(row);
        Row::new([
            Cell::text(&row.name),
            value,
            ratio,
            products,
            Cell::Text(largest.collect::<Vec<_>>().join("; ")),
        ])
    });
    Table {
        columns: vec![
            Column::text("formula", "name"),
            Column::number("FLOPs", "value"),
            Column::number("ratio", "ratio"),
            Column::number("to products", "ratio_to_products"),
            Column::text("largest causes", "causes"),
        ],
        rows: rows.collect(),
        ..Table::default()
    }
}

fn figures(row: &FormulaRow) -> [Cell; 3] {
    let value = row.value.and_then(|value| u128::try_from(value).ok());
    let rate = |ratio: Option<f64>| ratio.map_or(Cell::Missing, |ratio| Cell::rate(ratio, 4));
    [value.map_or(Cell::Missing, Cell::Count), rate(row.ratio), rate(row.ratio_to_products)]
}

fn faults() -> Result<Table, Error> {
    let rows = FAULTS.iter().map(|fault| {
        let gone = |what: &str| Error::Config(format!("{}: {what} is gone", fault.id));
        let (model, batch, seq) = fault.shown_by;
        let judged = judged(model, [batch, seq], fault.lora_rank)?;
        let row = judged.rows.iter().find(|row| row.id == fault.id);
        let row = row.ok_or_else(|| gone("the formula"))?;
        let cause = row.causes.iter().find(|cause| cause.text.contains(fault.cause));
        let cause = cause.ok_or_else(|| gone(fault.cause))?;
        let adapters = fault.lora_rank.map_or_else(String::new, |r| format!(", LoRA of rank {r}"));
        let [_, ratio, _] = figures(row);
        Ok(Row::new([
            Cell::text(&row.source),
            Cell::text(fault.text),
            Cell::Text(format!("{model}, {batch} x {seq}{adapters}")),
            Cell::Difference(cause.flops),
            ratio,
        ]))
    });
    Ok(Table {
        columns: vec![
            Column::text("where", "source"),
            Column::text("what, and why", "text"),
            Column::text("shown by", "input"),
            Column::number("FLOPs too many or too few for it", "flops"),
            Column::number("ratio, all causes", "ratio"),
        ],
        rows: rows.collect::<Result<_, Error>>()?,
        ..Table::default()
    })
}
