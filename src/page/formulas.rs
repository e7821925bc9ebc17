//! Published formulas beside the exact count: the formulas that apply with their ratios, the causes of each,
//! and those that do not apply with the reason.

use super::forecast::RECOMPUTED;
use super::{
    Cell, Column, Fact, Figure, Page, Paged, Plot, Ratio, Row, Section, Table, field, not_run,
    number::{duration, grouped},
    tokens_line,
};
use crate::{
    exact::{Exact, Phases},
    family::Scope,
    forecast::Forecast,
    published::{Covers, FormulaRow},
    result::FormulasReport,
};

impl Paged for FormulasReport {
    fn page(&self, _every_layer: bool) -> Page {
        let (applying, others): (Vec<&FormulaRow>, Vec<&FormulaRow>) =
            self.formulas.iter().partition(|row| row.applies);
        let mut sections = vec![
            Section::facts("What is priced", facts(self)),
            Section::table("The exact count", exact(&self.exact, Scope::Step)),
        ];
        if let Some(first) = self.forecasts.first() {
            let mut facts = super::forecast::asked(first);
            facts.extend(rates(self));
            sections.push(Section::facts("Many steps", facts));
            let table = super::forecast::table(&self.forecasts);
            sections.push(Section::table("Many steps by each count", table));
        }
        sections.extend([
            Section::table("Published formulas", formulas(&applying, self.trains_all())),
            Section::table("Largest causes", largest(&applying)),
            Section::plot("Ratios to the exact count", ratios(&applying, self.trains_all())),
        ]);
        let mut all = vec![
            Section::table("Why they differ", causes(&applying)),
            Section::table("Who published them", sources(&self.formulas)),
        ];
        if !others.is_empty() {
            all.push(Section::table("Formulas that do not apply", inapplicable(&others)));
        }
        if !self.named {
            all = all.into_iter().map(Section::detail).collect();
        }
        sections.extend(all);
        Page { title: format!("Published formulas on {}", self.model.as_given), sections }
    }
}

fn facts(report: &FormulasReport) -> Vec<Fact> {
    let fields: Vec<String> = report.model_config.iter().map(field).collect();
    let packed: Vec<String> = report.packed.iter().map(u32::to_string).collect();
    let packed = match packed.is_empty() {
        true => String::new(),
        false => format!(" (sequences of {} packed)", packed.join(", ")),
    };
    let training = &report.training;
    let step = format!(
        "{}{packed}; {} of {} parameters train: {}; {}; recompute {}",
        tokens_line([report.batch, report.seq], report.training.accumulate),
        grouped(training.trained_parameters),
        grouped(training.parameters),
        training.trains,
        training.optimizer,
        training.recompute,
    );
    // A token passes the experts that are chosen for it alone, whichever parameters are left out.
    let inactive = training.parameters - training.active();
    let [active, without, layers] =
        [training.parameters, training.parameters_without_embedding, training.parameters_of_layers]
            .map(|parameters| grouped(parameters - inactive));
    let counted = match inactive {
        0 => format!("{active} parameters"),
        _ => {
            format!("{active} that a token passes, of {} parameters", grouped(training.parameters))
        }
    };
    let n = format!(
        "{counted}; {without} without embeddings' modules; {layers} in the layers and the last norm"
    );
    let again = match report.exact.recomputed {
        0 => "",
        _ => {
            "; what is recomputed is in the exact count of formulas that charge it, and not of others"
        }
    };
    let whole = match report.trains_all() {
        true => String::new(),
        false => format!(
            "; '{}' is the ratio to the matrix products of a step that trains every parameter",
            to_products(false)
        ),
    };
    let own = match report.packed.is_empty() {
        true => "",
        false => {
            "; S is each packed sequence's own length, and B S^2 is B times the sum of their squares"
        }
    };
    let mut facts = vec![
        Fact::new("model", format!("{}: {}", report.model, fields.join(", "))),
        Fact::new("step", step),
    ];
    facts.extend(not_run(&report.not_run));
    facts.extend([
        Fact::new("N", n),
        Fact { prose: true, ..Fact::new("exact", report.definition.to_string()) },
        Fact::new("FLOPs", format!("of the exact count by {}", report.convention.in_full())),
        Fact::new(
            "order",
            format!(
                "the formulas that are the farthest off stand first; a ratio is to the exact count of what stands \
                 beside it: the step, its forward pass, or matrix products alone; 1 is exact{again}{whole}{own}"
            ),
        ),
    ]);
    facts
}

/// Tokens a second at the stated peak and utilisation, by each count.
fn rates(report: &FormulasReport) -> Vec<Fact> {
    let tokens = f64::from(report.batch) * f64::from(report.seq);
    let rate = |forecast: &Forecast| {
        let seconds = forecast.seconds.stated?;
        let rate = grouped((tokens / seconds) as u128);
        let step = duration(seconds);
        let text = format!("{rate} tokens/s, {step} a step, by the count {}", forecast.count);
        Some(Fact::new("rate", text))
    };
    report.forecasts.iter().filter_map(rate).collect()
}

/// The exact count of a step with what is computed again, or of its forward pass alone.
pub(super) fn exact(exact: &Exact, scope: Scope) -> Table {
    let is_step = scope == Scope::Step;
    let row = |name: &str, phases: Phases| {
        let Phases { forward, backward, optimizer, total } = phases;
        let figures: &[u128] = match scope {
            Scope::Forward => &[forward],
            Scope::Step => &[forward, backward, optimizer, total],
        };
        let figures = figures.iter().map(|&flops| Cell::Count(flops));
        Row::new([Cell::text(name)].into_iter().chain(figures).collect::<Vec<_>>())
    };
    let again = |flops| {
        let again = Phases { backward: flops, total: flops, ..Phases::default() };
        (is_step && flops > 0).then(|| row(RECOMPUTED, again))
    };
    let [all, products] = exact.executed();
    let mut rows = vec![row("exact", all)];
    rows.extend(again(exact.recomputed));
    rows.extend(exact.schedule.map(|schedule| row("schedule", schedule)));
    rows.push(row("products, not masked", products));
    rows.extend(again(exact.recomputed_products));
    let mut columns = vec![Column::text("count", "count"), Column::number("forward", "forward")];
    if is_step {
        columns.extend(["backward", "optimizer", "total"].map(|name| Column::number(name, name)));
    }
    Table { columns, rows, ..Table::default() }
}

impl FormulasReport {
    fn trains_all(&self) -> bool {
        self.training.trained_parameters == self.training.parameters
    }
}

/// What the ratio to the matrix products of a step that trains every parameter is called.
const fn to_products(trains_all: bool) -> &'static str {
    if trains_all { "to products" } else { "to products if all trains" }
}

fn formulas(rows: &[&FormulaRow], trains_all: bool) -> Table {
    let cells = |row: &&FormulaRow| {
        let count = |value: Option<i128>| {
            let value = value.and_then(|value| u128::try_from(value).ok());
            value.map_or(Cell::Missing, Cell::Count)
        };
        let rate = |value: Option<f64>| value.map_or(Cell::Missing, |value| Cell::rate(value, 4));
        let of = Covers::in_short(&row.covers);
        let first = row.causes.first().map_or_else(
            || {
                if of == "products" {
                    "exact, of products alone".to_owned()
                } else {
                    "exact".to_owned()
                }
            },
            |cause| cause.text.clone(),
        );
        Row::new([
            Cell::text(&row.id),
            count(row.value),
            rate(row.ratio),
            Cell::text(of),
            rate(row.ratio_to_products),
            Cell::text(first),
            Cell::text(&row.formula),
        ])
    };
    Table {
        columns: vec![
            Column::text("formula", "id"),
            // The ratio tells more where there is little room.
            Column::number("FLOPs", "value").gives_way(0),
            Column::number("ratio", "ratio"),
            Column::text("to exact", "of"),
            Column::number(to_products(trains_all), "ratio_to_products").gives_way(1),
            Column::text("largest cause", "cause").is_cut(),
            Column::text("in symbols", "formula").gives_way(2),
        ],
        rows: rows.iter().map(cells).collect(),
        main: true,
        ..Table::default()
    }
}

/// The largest causes, each with how many formulas it is that of, most first.
fn largest(rows: &[&FormulaRow]) -> Table {
    let mut causes: Vec<(&str, u64)> = Vec::new();
    for cause in rows.iter().filter_map(|row| row.causes.first()) {
        match causes.iter_mut().find(|(text, _)| *text == cause.text) {
            Some((_, formulas)) => *formulas += 1,
            None => causes.push((&cause.text, 1)),
        }
    }
    causes.sort_by_key(|(_, formulas)| std::cmp::Reverse(*formulas));
    let rows =
        causes.iter().map(|(text, formulas)| Row::new([Cell::whole(*formulas), Cell::text(*text)]));
    Table {
        columns: vec![
            Column::number("formulas", "formulas"),
            Column::text("are off by this most", "cause"),
        ],
        rows: rows.collect(),
        ..Table::default()
    }
}

/// One bar a formula, in the order of the table.
fn ratios(rows: &[&FormulaRow], trains_all: bool) -> Plot {
    let ratios = rows.iter().filter_map(|row| {
        let value = row.ratio.filter(|ratio| *ratio > 0.0)?;
        Some(Ratio { name: row.id.clone(), value })
    });
    Plot {
        description:
            "One bar a formula, the farthest off first: its value over the exact count of what it \
                      speaks of, on a logarithmic axis. A formula without a bar is exact."
                .to_owned(),
        series: vec!["more than the exact count".to_owned(), "less".to_owned()],
        key: Vec::new(),
        figure: Figure::Ratios(ratios.collect()),
        data: formulas(rows, trains_all),
    }
}

fn causes(rows: &[&FormulaRow]) -> Table {
    let rows = rows.iter().flat_map(|row| {
        row.causes.iter().enumerate().map(|(number, cause)| {
            let name = if number == 0 { Cell::text(&row.id) } else { Cell::Blank };
            Row::new([name, Cell::Difference(cause.flops), Cell::text(&cause.text)])
        })
    });
    Table {
        columns: vec![
            Column::text("formula", "id"),
            Column::number("FLOPs", "flops"),
            Column::text("charged beyond the exact count, or short of it", "cause"),
        ],
        rows: rows.collect(),
        ..Table::default()
    }
}

pub(super) fn sources(rows: &[FormulaRow]) -> Table {
    let rows = rows.iter().map(|row| {
        let cells = [&row.id, &row.name, &row.source, &row.checked, &row.covers, &row.per];
        Row::new(cells.map(Cell::text))
    });
    let columns =
        [("formula", "id"), ("name", "name"), ("source", "source"), ("how known", "checked")];
    let columns = columns.into_iter().chain([("speaks of", "covers"), ("stated per", "per")]);
    Table {
        columns: columns.map(|(name, key)| Column::text(name, key)).collect(),
        rows: rows.collect(),
        ..Table::default()
    }
}

fn inapplicable(rows: &[&FormulaRow]) -> Table {
    let rows = rows.iter().map(|row| {
        let why = row.why_not.clone().unwrap_or_default();
        Row::new([Cell::text(&row.id), Cell::text(&row.name), Cell::Text(why)])
    });
    Table {
        columns: vec![
            Column::text("formula", "id"),
            Column::text("name", "name"),
            Column::text("why not", "why_not"),
        ],
        rows: rows.collect(),
        ..Table::default()
    }
}
