//! What a comparison of two runs of kernels says: what moved, by kernel, by operation and traffic, and line by line.

mod cells;
mod drawn;

use cells::runs;

use super::number::{DASH, change as percent, grouped, seconds, several};
use super::{Cell, Column, Fact, Idle, Page, Paged, Row, Section, Table, Tone, judged, priced};
use crate::result::{
    ChangeReport, ChangedRun, CountPair, Examined, KernelFigures, KernelPair, LineFigures,
};

impl Paged for ChangeReport {
    fn page(&self, _every_layer: bool) -> Page {
        let mut sections = vec![Section::facts("What is compared", head(self))];
        sections.extend(drawn::figures(self));
        sections.push(Section::table("Kernels", kernels(self)));
        let moved: Vec<&CountPair> = self.moved().collect();
        if !moved.is_empty() {
            sections.push(Section::table("Counts that moved", counts(&moved)));
        }
        if !self.lines.is_empty() {
            sections.push(Section::table("Lines that moved", lines(self)));
        }
        sections.push(Section::facts("What moved", [Fact::new("moved", moved_in_words(self))]));
        let sections = judged::around(sections, &self.checks, &[]);
        Page { title: format!("{}: what changed", self.b.what), sections }
    }

    fn judged(&self) -> Vec<Examined> {
        self.checks.clone()
    }
}

fn head(report: &ChangeReport) -> Vec<Fact> {
    let side = |name, run: &ChangedRun| {
        let ChangedRun { file, what, entry, adapters, not_counted, .. } = run;
        let file = file.as_ref().map_or_else(String::new, |file| format!("{}: ", file.display()));
        let entry = entry.as_ref().map_or_else(String::new, |entry| format!(", {entry}"));
        let said = format!("{file}{what}{entry}; on {}", adapters.join(", "));
        let details = not_counted.iter().map(|why| format!("not counted: {why}")).collect();
        Fact { details, ..Fact::new(name, said) }
    };
    let convention = report.convention;
    let mut facts = vec![side("A", &report.a), side("B", &report.b)];
    facts.extend(unlike("were not run alike", &report.a.run_with, &report.b.run_with));
    facts.extend(renamed(&report.a));
    facts.extend(alone(report));
    let own = [("A", &report.a), ("B", &report.b)];
    facts.extend(own.into_iter().filter_map(|(name, run)| doubtful(name, run)));
    let ended = [("A", &report.a), ("B", &report.b)].map(|(name, run)| run.ended_in_words(name));
    facts.extend(ended.into_iter().flatten().map(|ended| {
        let text = format!("{ended}: it may have executed less than a run that succeeds");
        Fact::new("warning", text).toned(Tone::Doubtful)
    }));
    let are_timed =
        [report.total.a, report.total.b].iter().flatten().all(|its| its.seconds.is_some());
    if are_timed && report.a.adapters != report.b.adapters {
        let text = "A and B ran on different adapters, and so do their times differ";
        facts.push(Fact::new("warning", text).toned(Tone::Doubtful));
    }
    facts.push(priced("FLOPs", convention, [report.a.saved_under, report.b.saved_under]));
    facts
}

/// How kernels of the first of two suites are called, where that is not as its report calls them.
fn renamed(a: &ChangedRun) -> Option<Fact> {
    let names = a.own_names.iter().map(|(here, there)| format!("'{there}' is '{here}'"));
    let names: Vec<String> = names.collect();
    let text = "A's kernels have these names here";
    (!names.is_empty()).then(|| Fact { details: names, ..Fact::new("names", text) })
}

/// What only one of two suites has, so that their totals are not of the same.
fn alone(report: &ChangeReport) -> Option<Fact> {
    let names = report.kernels.iter().filter_map(|pair| match (pair.a, pair.b) {
        (Some(_), None) => Some(format!("'{}' in A alone", pair.name)),
        (None, Some(_)) => Some(format!("'{}' in B alone", pair.name)),
        (Some(_), Some(_)) | (None, None) => None,
    });
    let names: Vec<String> = names.collect();
    let text = "not the same kernels were counted in A and in B, and their totals differ by that";
    let is_said = report.b.suite && !names.is_empty();
    is_said.then(|| Fact { details: names, ..Fact::new("warning", text).toned(Tone::Doubtful) })
}

/// That a run does not hold by its own checks, and by which not.
fn doubtful(name: &str, run: &ChangedRun) -> Option<Fact> {
    let details: Vec<String> = run.findings.iter().map(ToString::to_string).collect();
    let text = format!("{name} does not hold by its own checks");
    let fact = Fact::new("warning", text).toned(Tone::Doubtful);
    (!details.is_empty()).then_some(Fact { details, ..fact })
}

/// That two were not run with the same, in the words of `how`, so that what moved may not be their own doing.
pub(super) fn unlike(how: &str, a: &[String], b: &[String]) -> Option<Fact> {
    let alone = |these: &[String], others: &[String]| {
        let alone: Vec<&str> =
            these.iter().filter(|one| !others.contains(one)).map(String::as_str).collect();
        if alone.is_empty() { "nothing else".to_owned() } else { alone.join(", ") }
    };
    let is_sorted_alike = a.iter().all(|one| b.contains(one)) && a.len() == b.len();
    let text = if is_sorted_alike {
        "A and B were run with the same, in another order".to_owned()
    } else {
        format!("A and B {how}: A with {}; B with {}", alone(a, b), alone(b, a))
    };
    (a != b).then(|| Fact::new("warning", text).toned(Tone::Doubtful))
}

/// What moved of the whole, in one line.
fn moved_in_words(report: &ChangeReport) -> String {
    let (Some(a), Some(b)) = (report.total.a, report.total.b) else { return DASH.to_owned() };
    let count = |name: &str, a: u64, b: u64| {
        if a == b {
            return format!("{name} {} as before", grouped(a));
        }
        format!("{name} {} to {} ({})", grouped(a), grouped(b), percent(a as f64, b as f64))
    };
    let bytes = format!("{} bytes", report.carriers());
    let mut said = vec![count("FLOPs", a.flops, b.flops), count(&bytes, a.bytes, b.bytes)];
    if let (Some(before), Some(after)) = (a.seconds, b.seconds) {
        let change = percent(before, after);
        let apart = match a.spread.zip(b.spread) {
            Some((a, b)) if a.max < b.min || b.max < a.min => "; the runs lie apart",
            Some(_) => "; within the spread of the runs",
            None => "",
        };
        said.push(format!("time {} to {} ({change}{apart})", seconds(before), seconds(after)));
    }
    let other = report.moved().count();
    said.push(match other {
        0 => "no kind of operation or traffic moved".to_owned(),
        kinds => several(
            kinds as u64,
            "kind of operation or traffic moved",
            "kinds of operations and traffic moved",
        ),
    });
    said.join("; ")
}

fn kernels(report: &ChangeReport) -> Table {
    let cells = |of: Option<KernelFigures>| {
        [
            Cell::count(of.map(|its| its.flops)),
            of.map_or(Cell::Missing, |its| Cell::Bytes(its.bytes)),
            of.and_then(|its| its.seconds).map_or(Cell::Missing, Cell::Seconds),
        ]
    };
    let change = |pair: &KernelPair, of: fn(KernelFigures) -> Option<f64>| {
        let both = pair.a.and_then(of).zip(pair.b.and_then(of));
        both.map_or(Cell::Missing, |(a, b)| Cell::Change(a, b))
    };
    let row = |pair: &KernelPair| {
        let [flops_a, bytes_a, time_a] = cells(pair.a);
        let [flops_b, bytes_b, time_b] = cells(pair.b);
        let [[shortest_a, longest_a], [shortest_b, longest_b]] = [runs(pair.a), runs(pair.b)];
        [
            Cell::text(&*pair.name),
            flops_a,
            flops_b,
            change(pair, |its| Some(its.flops as f64)),
            bytes_a,
            bytes_b,
            change(pair, |its| Some(its.bytes as f64)),
            time_a,
            time_b,
            change(pair, |its| its.seconds),
            shortest_a,
            longest_a,
            shortest_b,
            longest_b,
        ]
    };
    let rows = report.kernels.iter().map(|pair| Row::new(row(pair)));
    let sum = (report.kernels.len() > 1).then(|| Row::sum(row(&report.total)));
    Table {
        columns: vec![
            Column::text("kernel", "kernel"),
            Column::number("FLOPs A", "flops_a"),
            Column::number("FLOPs B", "flops_b").joined(),
            Column::number("FLOPs change", "flops_change").joined(),
            Column::number("bytes A", "bytes_a").gives_way(2),
            Column::number("bytes B", "bytes_b").joined(),
            Column::number("bytes change", "bytes_change").joined(),
            Column::number("time A", "seconds_a").gives_way(1).idle(Idle::WhereMissing),
            Column::number("time B", "seconds_b").joined().idle(Idle::WhereMissing),
            Column::number("time change", "seconds_change").joined().idle(Idle::WhereMissing),
            Column::number("shortest A", "seconds_min_a").gives_way(3).idle(Idle::WhereMissing),
            Column::number("longest A", "seconds_max_a").joined().idle(Idle::WhereMissing),
            Column::number("shortest B", "seconds_min_b").joined().idle(Idle::WhereMissing),
            Column::number("longest B", "seconds_max_b").joined().idle(Idle::WhereMissing),
        ],
        rows: rows.chain(sum).collect(),
        main: true,
        ..Table::default()
    }
}

fn counts(moved: &[&CountPair]) -> Table {
    let rows = moved.iter().map(|CountPair { name, a, b }| {
        Row::new([
            Cell::text(name),
            Cell::whole(*a),
            Cell::whole(*b),
            Cell::Difference(i128::from(*b) - i128::from(*a)),
            Cell::Change(*a as f64, *b as f64),
        ])
    });
    Table {
        columns: vec![
            Column::text("count", "count"),
            Column::number("A", "a"),
            Column::number("B", "b"),
            Column::number("difference", "difference"),
            Column::number("change", "change"),
        ],
        rows: rows.collect(),
        ..Table::default()
    }
}

/// Lines in the order of both sources; `-` is a line of the first alone, `+` one of the second alone.
fn lines(report: &ChangeReport) -> Table {
    let rows = report.lines.iter().map(|pair| {
        let (mark, tone) = match (&pair.a, &pair.b) {
            (Some(_), None) => ("-", Tone::Bad),
            (None, Some(_)) => ("+", Tone::Good),
            (Some(_), Some(_)) | (None, None) => ("", Tone::Plain),
        };
        let file = pair.a.iter().chain(&pair.b).find_map(|its| its.file.as_deref());
        let kernel = pair.kernel.as_deref();
        // A kernel of a suite is called as its file, which others may be of, too.
        let is_its = |kernel: &str, file: &str| {
            kernel.strip_prefix(file).is_some_and(|rest| rest.is_empty() || rest.starts_with(" #"))
        };
        let file = file.filter(|file| kernel.is_none_or(|kernel| !is_its(kernel, file)));
        let places: Vec<&str> = kernel.into_iter().chain(file).collect();
        let source = match places.is_empty() {
            true => pair.text.clone(),
            false => format!("{} ({})", pair.text, places.join(", ")),
        };
        let cells = |of: &Option<LineFigures>| {
            let of = of.as_ref();
            [
                of.map_or(Cell::Blank, |its| Cell::whole(its.line)),
                of.map_or(Cell::Blank, |its| Cell::whole(its.executions)),
                of.map_or(Cell::Blank, |its| Cell::whole(its.flops)),
                of.map_or(Cell::Blank, |its| Cell::Bytes(its.bytes)),
            ]
        };
        let [line_a, runs_a, flops_a, bytes_a] = cells(&pair.a);
        let [line_b, runs_b, flops_b, bytes_b] = cells(&pair.b);
        let counts = [runs_a, runs_b, flops_a, flops_b, bytes_a, bytes_b];
        let place = [line_a, line_b, Cell::text(mark), Cell::Text(source)];
        let row = Row::new(counts.into_iter().chain(place).collect::<Vec<_>>());
        Row { tone, ..row }
    });
    let carriers = report.carriers();
    Table {
        columns: vec![
            Column::number("executions A", "executions_a").gives_way(2),
            Column::number("executions B", "executions_b").joined(),
            Column::number("FLOPs A", "flops_a"),
            Column::number("FLOPs B", "flops_b").joined(),
            Column::number(format!("{carriers} A"), "bytes_a").gives_way(1),
            Column::number(format!("{carriers} B"), "bytes_b").joined(),
            // What an editor is opened at.
            Column::number("line A", "line_a"),
            Column::number("line B", "line_b").joined(),
            Column::text("", "side"),
            Column::text("source", "source").is_cut(),
        ],
        rows: rows.collect(),
        code: true,
        ..Table::default()
    }
}
