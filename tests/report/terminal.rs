//! Reports on a terminal: no line is longer than the terminal is wide, what there is no room for is named, and a
//! reader who wants all of it has all of it.

use std::collections::BTreeSet;

use flopmeter::{
    execute::Limits,
    family::{
        Training,
        decoder::{DecoderConfig, Recipe, Tokens},
    },
    format::table::{Terminal, render},
    op::Convention,
    page::{Cell, Column, Idle, Page, Paged as _, Row, Section, Table},
    result::{AdapterList, FormulasReport, RooflineReport},
};

use crate::{
    case::{Case, adapter, ceilings},
    ran, saved, sweep,
};

const fn terminal(width: usize) -> Terminal {
    Terminal { color: false, width: Some(width), whole: false, elsewhere: "all of it elsewhere" }
}

/// A page of every kind of report.
fn pages() -> Vec<Page> {
    vec![
        Case::fixed().report(Convention::Ieee, 3.25).page(false),
        saved::placed().page(false),
        saved::shader_report().page(false),
        ran::run_report().page(false),
        saved::run_change().page(false),
        sweep::scale().page(false),
        sweep::compare().page(false),
        RooflineReport::new(ceilings()).page(false),
        saved::agreement().page(false),
        saved::estimate("resnet-bk", &["d_model=4096", "n_layers=32"]).page(false),
        saved::estimate("qwen2.5-0.5b", &[]).page(false),
        formulas().page(false),
        formulas().only(&["6nt".to_owned(), "palm".to_owned()]).unwrap().page(false),
    ]
}

#[test]
fn no_line_is_longer_than_the_terminal_is_wide() {
    for page in pages() {
        for width in [60, 80, 100, 120, 200] {
            for color in [false, true] {
                let text = render(&page, Terminal { color, ..terminal(width) });
                for line in text.lines() {
                    assert!(console::measure_text_width(line) <= width, "{width}: {line}");
                }
            }
        }
    }
}

/// With `-v` no column gives way.
#[test]
fn limits_of_adapters_have_room_on_a_usual_terminal() {
    let limits = Limits { invocations: 1024, buffer_bytes: 1 << 31, ..Limits::WEBGPU };
    let adapters = vec![adapter("llvmpipe (LLVM 15.0.6, 256 bits)", limits)];
    let page = AdapterList::new(adapters, &[]).page(true);
    let text = render(&page, Terminal { whole: true, ..terminal(80) });
    for line in text.lines() {
        assert!(console::measure_text_width(line) <= 80, "{line}");
    }
}

#[test]
fn the_adapter_that_is_taken_is_told_where_there_is_little_room() {
    let adapters = ["llvmpipe (LLVM 15.0.6, 256 bits)", "SwiftShader Device (Subzero)"];
    let adapters = adapters.map(|name| adapter(name, Limits::WEBGPU)).into();
    let text = render(&AdapterList::new(adapters, &[]).page(false), terminal(60));
    assert!(text.lines().any(|line| line.contains("adapter") && line.contains("auto")), "{text}");
}

/// Published formulas on a decoder.
pub fn formulas() -> FormulasReport {
    let config = DecoderConfig::resolve::<&str>("qwen2.5-0.5b", &[]).unwrap();
    let tokens = Tokens { batch: 1, lengths: vec![512] };
    FormulasReport::new(
        "qwen2.5-0.5b".into(),
        &config,
        &tokens,
        Recipe::of(Training::default()),
        Convention::default(),
    )
}

#[test]
fn no_number_is_broken_in_two() {
    let figures = |text: &str| -> BTreeSet<String> {
        let figure = |word: &&str| word.contains(|c: char| c.is_ascii_digit());
        text.split_whitespace().filter(figure).map(str::to_owned).collect()
    };
    for page in pages() {
        let mut whole = figures(&render(&page, Terminal::PIPE));
        let rounded = page.tables().flat_map(|table| &table.rows).flat_map(|row| &row.cells);
        rounded.for_each(|cell| whole.extend(figures(&cell.rounded())));
        for width in [60, 80, 100, 120] {
            for all in [false, true] {
                let text = render(&page, Terminal { whole: all, ..terminal(width) });
                let cut = |figure: &&String| figure.contains('…');
                let shown = figures(&text);
                let broken: Vec<&String> = shown.difference(&whole).filter(|f| !cut(f)).collect();
                assert!(broken.is_empty(), "{}, {width}: {broken:?}\n{text}", page.title);
            }
        }
    }
}

#[test]
fn a_narrow_report_reads_as_agreed() {
    let page = Case::fixed().report(Convention::Ieee, 3.25).page(false);
    insta::assert_snapshot!(render(&page, terminal(80)));
    insta::assert_snapshot!(render(&ran::run_report().page(false), terminal(80)));
    insta::assert_snapshot!(render(&saved::shader_report().page(false), terminal(40)));
}

fn table(difference: i128) -> Page {
    let columns = vec![
        Column::text("name", "name"),
        Column::number("measured", "measured"),
        Column::number("exact", "exact").idle(Idle::WhereEqual(1)),
        Column::number("diff", "difference").idle(Idle::WhereZero),
        Column::number("first to go", "first").gives_way(2),
        Column::number("second to go", "second").gives_way(1),
    ];
    let exact = (7 - difference) as u64;
    let cells = [
        Cell::text("row"),
        Cell::whole(7_u64),
        Cell::whole(exact),
        Cell::Difference(difference),
        Cell::whole(1_u64),
        Cell::whole(2_u64),
    ];
    let table = Table { columns, rows: vec![Row::new(cells)], ..Table::default() };
    Page { title: String::new(), sections: vec![Section::table("T", table)] }
}

#[test]
fn columns_that_say_nothing_new_are_shown_where_they_do() {
    let shown = |difference, terminal| {
        let text = render(&table(difference), terminal);
        ["exact", "diff"].map(|name| text.contains(name))
    };
    assert_eq!(shown(0, terminal(200)), [false, false]);
    assert_eq!(shown(3, terminal(200)), [true, true]);
    assert_eq!(shown(0, Terminal { whole: true, ..terminal(200) }), [true, true]);
    assert_eq!(shown(0, Terminal::PIPE), [true, true]);
}

#[test]
fn columns_give_way_in_their_order_and_are_named() {
    let text = |width| render(&table(0), terminal(width));
    assert!(text(60).contains("first to go") && !text(60).contains("no room"), "{}", text(60));
    let narrower = text(40);
    assert!(narrower.contains("second to go") && narrower.contains("no room for: first to go"));
    let narrowest = text(26);
    let last = narrowest.lines().skip(3).collect::<Vec<_>>().join(" ");
    let said: Vec<&str> = last.split_whitespace().collect();
    assert_eq!(said.join(" "), "no room for: first to go, second to go (all of it elsewhere)");
}

/// The other side of a comparison and what it changed by go with the first, and are named with it.
#[test]
fn columns_of_a_comparison_give_way_together() {
    let pair = |a: &'static str, key: [&'static str; 3]| {
        let first = Column::number(a, key[0]);
        [first, Column::number("B", key[1]).joined(), Column::number("change", key[2]).joined()]
    };
    let mut columns = vec![Column::text("kernel", "kernel")];
    columns.extend(pair("FLOPs A", ["f_a", "f_b", "f_change"]));
    columns.extend(pair("bytes A", ["b_a", "b_b", "b_change"]));
    columns.extend(pair("time A", ["t_a", "t_b", "t_change"]));
    columns[4] = columns[4].clone().gives_way(1);
    let cells = [Cell::text("row")].into_iter().chain((0..9).map(|_| Cell::text("12345")));
    let rows = vec![Row::new(cells.collect::<Vec<_>>())];
    let table = Table { columns, rows, ..Table::default() };
    let page = Page { title: String::new(), sections: vec![Section::table("T", table)] };
    let shown = |width: usize| {
        let text = render(&page, terminal(width));
        let said = text.split_once("12345").map(|(_, rest)| rest.split_whitespace());
        let said: Vec<&str> =
            said.into_iter().flatten().skip_while(|word| *word == "12345").collect();
        (
            text.lines()
                .next()
                .unwrap_or_default()
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" "),
            said.join(" "),
        )
    };
    let all = "kernel FLOPs A B change bytes A B change time A B change";
    assert_eq!(shown(100), (all.to_owned(), String::new()));
    assert_eq!(
        shown(80),
        (
            "kernel FLOPs A B change time A B change".to_owned(),
            "no room for: bytes A, B, change (all of it elsewhere)".to_owned()
        )
    );
    assert_eq!(
        shown(50),
        (
            "kernel time A B change".to_owned(),
            "no room for: FLOPs A, B, change; bytes A, B, change (all of it elsewhere)".to_owned()
        )
    );
    // Of one comparison that is too wide by itself, what both sides tell goes first.
    assert_eq!(shown(30).0, "kernel time A B");
}

#[test]
fn formulas_are_a_line_each_unless_all_is_wanted() {
    let page = formulas().page(false);
    let text = render(&page, terminal(80));
    let applying = formulas().formulas.iter().filter(|row| row.applies).count();
    let at = |name: &str| {
        let name = format!(" {name} ");
        text.lines().position(|line| line.starts_with(&name))
    };
    let lines: Vec<usize> = formulas()
        .formulas
        .iter()
        .filter(|row| row.applies)
        .filter_map(|row| at(&row.id))
        .collect();
    assert_eq!(lines.len(), applying, "{text}");
    assert!(lines.windows(2).all(|pair| pair[1] == pair[0] + 1), "{text}");
    assert!(text.contains("Why they differ; Who published them"), "{text}");
    assert!(!text.contains("charged beyond") && text.contains("farthest off stand first"));
    let whole = Terminal { whole: true, ..terminal(80) };
    let all = render(&page, whole);
    assert!(all.contains("charged beyond") && !all.contains("Why they differ;"), "{all}");
}
