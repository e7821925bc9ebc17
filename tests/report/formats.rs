//! Every format on fixed data: what it looks like, that its figures are those of the report, and that no
//! name that a user gave breaks it.

use flopmeter::{
    format::{
        FORMATS, csv, html, markdown, svg,
        table::{self, Terminal},
        trace,
    },
    op::Convention,
    page::{Cell, Column, Content, Figure, Page, Paged, Row, Section, Table},
    result::{
        self, Document as _, Ending, Report, RooflineReport, RunReport, to_json, to_signed_json,
    },
};
use flopmeter_core::recording::{Device, Recording};
use serde_json::Value;

use crate::{
    case::{Case, ceilings},
    ran, saved, sweep,
};

fn report() -> Report {
    Case::fixed().report(Convention::Ieee, 3.25)
}

/// The records of a CSV by the names of their columns.
fn records(page: &Page) -> Vec<Value> {
    let text = csv::render(page);
    let mut reader = ::csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().unwrap().clone();
    let record = |record: Result<::csv::StringRecord, _>| {
        let fields = header.iter().map(str::to_owned);
        fields.zip(record.unwrap().iter().map(Value::from)).collect()
    };
    reader.records().map(record).collect()
}

#[test]
fn the_csv_reads_as_agreed() {
    insta::assert_snapshot!(csv::render(&report().page(true)));
    insta::assert_snapshot!(csv::render(&saved::shader_report().page(true)));
}

#[test]
fn the_markdown_reads_as_agreed() {
    insta::assert_snapshot!(markdown::render(&report().page(false)));
}

#[test]
fn the_page_reads_as_agreed() {
    let mut report = report();
    // Few of each say what all look like.
    report.passes.truncate(3);
    report.components.truncate(3);
    report.causes.truncate(2);
    insta::assert_snapshot!(html::render(&report.page(false)));
}

#[test]
fn ceilings_and_what_stands_under_them_read_as_agreed() {
    let page = RooflineReport::new(ceilings()).page(false);
    insta::assert_snapshot!(table::render(&page, Terminal::PIPE));
    insta::assert_snapshot!(csv::render(&page));
    insta::assert_snapshot!(table::render(&saved::placed().page(false), Terminal::PIPE));
}

#[test]
fn a_kernels_listing_reads_as_agreed() {
    let page = saved::shader_report().page(false);
    insta::assert_snapshot!(table::render(&page, Terminal::PIPE));
    insta::assert_snapshot!(markdown::render(&page));
}

#[test]
fn a_run_of_a_program_reads_as_agreed() {
    let report = ran::run_report();
    assert!(!report.is_whole());
    insta::assert_snapshot!(table::render(&report.page(false), Terminal::PIPE));
    insta::assert_snapshot!(csv::render(&report.page(false)));
}

#[test]
fn a_change_reads_as_agreed() {
    insta::assert_snapshot!(table::render(&saved::run_change().page(false), Terminal::PIPE));
}

/// What a program reads out of a CSV is what stands in the JSON, to the last digit.
#[test]
fn the_csv_has_the_reports_own_figures() {
    let report = report();
    let records = records(&report.page(true));
    assert_eq!(records.len(), report.components.len());
    for (record, row) in records.iter().zip(&report.components) {
        let number = |name: &str| record[name].as_str().unwrap().parse::<u64>().ok();
        let real = |name: &str| record[name].as_str().unwrap().parse::<f64>().ok();
        assert_eq!(record["component"], row.name.to_string());
        assert_eq!(record["phase"], row.phase.name());
        assert_eq!(number("measured"), Some(row.measured));
        assert_eq!(number("exact"), row.exact);
        assert_eq!(number("estimate"), Some(row.estimate).filter(|&flops| flops > 0));
        assert_eq!(number("bytes"), Some(row.traffic.storage_bytes()));
        assert_eq!(real("seconds"), row.seconds);
        let whole = report.totals.measured.total() as f64;
        assert_eq!(real("share"), Some(row.measured as f64 / whole));
    }
}

#[test]
fn names_that_users_gave_break_no_format() {
    let name = "a|b,\"c\"\n<script>alert(1)</script> [x](http://y) *z*";
    let mut report = Report { model: name.into(), ..report() };
    report.components[0].name = name.into();
    report.passes[0].label = name.into();
    let page = report.page(true);
    assert_eq!(records(&page)[0]["component"], name);
    let text = markdown::render(&page);
    assert!(!text.contains("<script") && !text.contains("[x](") && !text.contains("*z*"), "{text}");
    let widths: Vec<usize> = text
        .lines()
        .filter(|line| line.starts_with('|') && line.contains("FLOP") || line.contains("a\\|b"))
        .filter(|line| line.starts_with('|'))
        .map(|line| line.replace("\\|", "").matches('|').count())
        .collect();
    assert!(widths.len() > 1 && widths.iter().all(|width| *width == widths[0]), "{widths:?}");
    let trace: Value = serde_json::from_str(&trace::render(&report)).unwrap();
    assert!(trace["traceEvents"].as_array().unwrap().iter().any(|event| event["name"] == name));
}

/// The rules of Chrome's trace-event format for what is used of it: an object with `traceEvents`; each event
/// with a phase, a process and a track; complete events with a start and a duration in microseconds, which
/// on one track do not overlap; metadata events that name each track used.
#[test]
fn a_trace_follows_the_formats_rules_and_has_the_reports_figures() {
    let report = report();
    let trace: Value = serde_json::from_str(&trace::render(&report)).unwrap();
    assert!(["ms", "ns"].map(Value::from).contains(&trace["displayTimeUnit"]));
    assert!(trace["otherData"]["starts"].as_str().unwrap().contains("end to end"));
    let events = trace["traceEvents"].as_array().unwrap();
    for event in events {
        assert!(event["name"].is_string() && event["args"].is_object(), "{event}");
        assert!(event["pid"].is_u64() && event["tid"].is_u64(), "{event}");
        assert!(["M", "X"].map(Value::from).contains(&event["ph"]), "{event}");
    }
    let slices: Vec<&Value> = events.iter().filter(|event| event["ph"] == "X").collect();
    assert_eq!(slices.len(), report.passes.len());
    let mut end = 0.0;
    for (slice, pass) in slices.iter().zip(&report.passes) {
        let (start, lasts) = (slice["ts"].as_f64().unwrap(), slice["dur"].as_f64().unwrap());
        // Sums of microseconds round in the last of their 53 bits.
        assert!(start >= end - 1e-6 && lasts >= 0.0, "{slice}");
        end = start + lasts;
        assert_eq!(lasts, pass.seconds.unwrap() * 1e6);
        assert_eq!(slice["name"], pass.label.as_str());
        assert_eq!(slice["args"]["flops"], pass.flops);
        assert_eq!(slice["args"]["bytes"], pass.traffic.storage_bytes());
        let rate = pass.flops as f64 / pass.seconds.unwrap() * 1e-9;
        assert_eq!(slice["args"]["gflops_per_second"], rate);
        let names = events.iter().filter(|event| event["name"] == "thread_name");
        let named: Vec<&Value> = names.filter(|event| event["tid"] == slice["tid"]).collect();
        assert_eq!(named.len(), 1);
        assert_eq!(named[0]["args"]["name"], pass.phase.name());
    }
    assert!(slices.iter().all(|slice| slice["cat"].is_string()));
}

#[test]
fn the_trace_reads_as_agreed() {
    let mut report = report();
    report.passes.truncate(2);
    insta::assert_snapshot!(trace::render(&report));
}

/// What was not timed has no slice: there is nothing to draw.
#[test]
fn passes_without_times_are_not_in_a_trace() {
    let mut report = report();
    report.passes.iter_mut().skip(1).for_each(|pass| pass.seconds = None);
    let trace: Value = serde_json::from_str(&trace::render(&report)).unwrap();
    let slices = trace["traceEvents"].as_array().unwrap().iter();
    assert_eq!(slices.filter(|event| event["ph"] == "X").count(), 1);
    assert!(to_json(&report).contains("\"seconds\": null"));
}

#[test]
fn curves_go_through_the_points_of_a_sweep() {
    let report = sweep::scale();
    let page = report.page(false);
    let figures = page.sections.iter().filter_map(|section| match &section.content {
        Content::Plot(plot) => Some(&plot.figure),
        Content::Facts(_) | Content::Table(_) => None,
    });
    let figures: Vec<&Figure> = figures.collect();
    let [Figure::Curves { lines, points, .. }] = figures[..] else { panic!("{figures:?}") };
    let total = lines.last().unwrap();
    let at = |point: &result::ScalePoint| f64::from(point.at["seq"]);
    let estimated = report.points.iter().map(|point| (at(point), point.total.estimate as f64));
    assert_eq!(total.points, estimated.collect::<Vec<_>>());
    let measured =
        report.points.iter().filter_map(|point| Some((at(point), point.total.measured?)));
    let measured: Vec<(f64, f64)> = measured.map(|(x, flops)| (x, flops as f64)).collect();
    let dots = points.iter().filter(|dot| dot.series == total.series);
    assert_eq!(dots.map(|dot| (dot.x, dot.y)).collect::<Vec<_>>(), measured);
    assert!(measured.len() > 1 && html::render(&page).contains("<polyline"));
}

/// A kind of result that the crate does not have.
#[derive(serde::Serialize)]
struct Elements {
    hydrogen: u64,
}

impl Paged for Elements {
    fn page(&self, every_layer: bool) -> Page {
        let name = if every_layer { "hydrogen, layer 0" } else { "hydrogen" };
        let table = Table {
            columns: vec![Column::text("element", "element"), Column::number("atoms", "atoms")],
            rows: vec![Row::new([Cell::text(name), Cell::whole(self.hydrogen)])],
            ..Table::default()
        };
        Page { title: "Elements".to_owned(), sections: vec![Section::table("Atoms", table)] }
    }
}

#[test]
fn a_report_says_where_it_comes_from() {
    let report = report();
    let json: Value = serde_json::from_str(&to_signed_json(&report, &saved::origin())).unwrap();
    assert_eq!(json["schema"], Report::SCHEMA);
    assert_eq!(json["tool"]["name"], "flopmeter");
    assert_eq!(json["command"][1], "profile");
    assert_eq!(json["date"], "2026-01-02T03:04:05Z");
    // What is signed reads back.
    assert_eq!(serde_json::from_value::<Report>(json).unwrap(), report);
    for format in FORMATS.iter().filter(|format| !["csv", "github"].contains(&format.name)) {
        let text = (format.render)(&report, &saved::origin(), false);
        assert!(text.contains("2026-01-02T03:04:05Z"), "{}", format.name);
    }
}

#[test]
fn a_result_with_a_page_can_be_written_in_every_format() {
    let mut names: Vec<&str> = FORMATS.iter().map(|format| format.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), FORMATS.len(), "no two formats have one name: {names:?}");
    for format in FORMATS {
        let [summed, apart] = [false, true].map(|apart| {
            (format.render)(&Elements { hydrogen: 9_007_199 }, &saved::origin(), apart)
        });
        for text in [&summed, &apart] {
            let digits: String = text.chars().filter(|c| *c != ',').collect();
            assert!(digits.contains("9007199") && text.ends_with('\n'), "{}: {text}", format.name);
        }
        // JSON states each layer, and so does CSV, whose readers sum for themselves.
        let sums = summed != apart;
        assert_eq!(
            sums,
            ["markdown", "html", "junit", "github"].contains(&format.name),
            "{}",
            format.name
        );
    }
}

#[test]
fn a_figure_is_drawn_in_one_way_whichever_document_it_stands_in() {
    let page = RooflineReport::new(ceilings()).page(false);
    let plots = page.sections.iter().filter_map(|section| match &section.content {
        Content::Plot(plot) => Some((section.title, plot)),
        Content::Facts(_) | Content::Table(_) => None,
    });
    let [(title, plot)] = plots.collect::<Vec<_>>()[..] else { panic!("one plot: {page:?}") };
    let alone = svg::render(title, plot);
    assert!(alone.starts_with("<svg") && alone.ends_with("</svg>\n"), "{alone}");
    // A page has a drawing for windows, and one for telephones behind it.
    let (page, drawn) = (html::render(&page), "<polyline");
    let (within, _) = page.split_once("<svg class=\"narrow\"").unwrap();
    let lines = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| line.contains(drawn));
        lines.map(str::to_owned).collect()
    };
    assert!(lines(&alone).len() >= 2, "a slope and a roof: {alone}");
    assert_eq!(lines(&alone), lines(within));
    for line in &plot.key {
        assert!(alone.contains(line.as_str()), "{line}");
    }
    for (series, name) in plot.series.iter().enumerate() {
        assert_eq!(alone.contains(name.as_str()), plot.figure.shows(series), "{name}");
    }
    assert!(!alone.contains("kernels stand") && !plot.figure.shows(1), "no kernel ran: {alone}");
}

/// A process that is killed says nothing to the layer, which then knows of what it had seen waited for alone.
#[test]
fn a_process_that_was_broken_off_is_not_counted_to_its_end() {
    let report = |finished| {
        let device = Some(Device { name: "Example".into(), ..Device::default() });
        let recording = Recording { process: 7, device, finished, ..Recording::default() };
        let ending = Ending { code: Some(0), signal: None };
        RunReport::new(vec!["it".into()], ending, &[recording], None, Convention::Ieee)
    };
    assert!(report(true).is_whole());
    let broken_off = report(false);
    assert!(!broken_off.is_whole());
    let text = table::render(&broken_off.page(false), Terminal::PIPE);
    assert!(text.contains("what process 7 submitted last to Example"), "{text}");
}
