//! The HTML report in a real browser, headless: it renders without a word on the console, its tables sort, and
//! its figures are those of the report. Needs Chromium; without one this is skipped, loudly, and fails where
//! `FLOPMETER_REQUIRE_BROWSER` is 1.

use std::{env, fs, path::PathBuf, process::Command};

use flopmeter::{
    format::html,
    op::{Convention, Op, OpCounts},
    page::Paged as _,
    result::{PassRow, Report, RooflineReport},
};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    case::{Case, ceilings},
    pictures, ran, saved, sweep, terminal,
};

/// What the probe below found in a page.
#[derive(Debug, Deserialize)]
struct Found {
    title: String,
    tables: Vec<Sheet>,
    /// Of each drawing: its role, and the texts that a screen reader calls it by.
    drawings: Vec<[String; 3]>,
    /// Requests for anything but the page.
    fetched: Vec<String>,
    /// Elements that a name should not have made.
    injected: usize,
}

/// A table as it stands in the page.
#[derive(Debug, Deserialize)]
struct Sheet {
    caption: String,
    columns: Vec<String>,
    /// Whole values where they are numbers, else texts.
    rows: Vec<Vec<String>>,
    /// The values of each column after one click on its heading and after two.
    sorted: Vec<[Vec<String>; 2]>,
    /// What each heading then says of itself.
    states: Vec<[String; 2]>,
}

/// Reads the page from within, clicks every heading twice, and leaves what it found in the document.
const PROBE: &str = r#"<script>
const value = (cell) => (cell.dataset.value === undefined ? cell.textContent : cell.dataset.value);
const rows = (table) => [...table.tBodies[0].rows].map((row) => [...row.cells].map(value));
const tables = [...document.querySelectorAll("table")].map((table) => {
  const headings = [...table.tHead.rows[0].cells];
  const sheet = {
    caption: table.caption.textContent,
    columns: headings.map((heading) => heading.dataset.key),
    rows: rows(table),
  };
  const click = (heading, i) => {
    heading.querySelector("button").click();
    return [rows(table).map((row) => row[i]), heading.getAttribute("aria-sort")];
  };
  const clicked = headings.map((heading, i) => [click(heading, i), click(heading, i)]);
  sheet.sorted = clicked.map((both) => both.map((one) => one[0]));
  sheet.states = clicked.map((both) => both.map((one) => one[1]));
  return sheet;
});
const text = (id) => document.getElementById(id).textContent;
const drawings = [...document.querySelectorAll("svg")].map((svg) => [
  svg.getAttribute("role"),
  text(svg.getAttribute("aria-labelledby")),
  text(svg.getAttribute("aria-describedby")),
]);
const found = {
  title: document.title,
  tables,
  drawings,
  fetched: performance.getEntriesByType("resource").map((entry) => entry.name),
  injected: document.querySelectorAll("main script, main img, main b").length,
};
const result = document.createElement("pre");
result.id = "result";
result.textContent = JSON.stringify(found);
document.body.append(result);
</script>"#;

fn chromium() -> Option<PathBuf> {
    let names = ["chromium", "chromium-browser", "google-chrome", "chrome"];
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path)
        .flat_map(|folder| names.map(|name| folder.join(name)))
        .find(|program| program.is_file());
    if found.is_none() {
        common::skipped("BROWSER", "install chromium");
    }
    found
}

/// Opens a page and probes it: what was found, and what the console said.
fn open(chromium: &PathBuf, page: &str) -> (Option<Found>, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.html");
    fs::write(&path, page.replace("</body>", &format!("{PROBE}</body>"))).unwrap();
    let output = Command::new(chromium)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args(["--enable-logging=stderr", "--dump-dom"])
        .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
        .arg(format!("file://{}", path.display()))
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    let said = log.lines().filter(|line| line.contains("CONSOLE")).map(str::to_owned);
    let said = said.collect();
    let document = String::from_utf8(output.stdout).unwrap();
    let result = document.split_once("<pre id=\"result\">").and_then(|(_, rest)| {
        let (result, _) = rest.split_once("</pre>")?;
        let result = result.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
        Some(serde_json::from_str(&result).unwrap())
    });
    (result, said)
}

fn table<'a>(found: &'a Found, caption: &str) -> &'a Sheet {
    found.tables.iter().find(|table| table.caption == caption).unwrap()
}

/// The figure in a cell of a row; none where there is none.
fn figure(table: &Sheet, row: &[String], column: &str) -> Option<f64> {
    let at = table.columns.iter().position(|name| name == column).unwrap();
    (!row[at].is_empty()).then(|| row[at].parse().unwrap())
}

/// A report with every plot that there is.
fn report() -> Report {
    let mut report = Case::fixed().report(Convention::Ieee, 3.25);
    report.place(ceilings());
    report
}

#[test]
fn a_page_renders_sorts_and_has_the_reports_figures() {
    let Some(chromium) = chromium() else { return };
    let report = report();
    let (found, said) = open(&chromium, &html::render(&report.page(true)));
    assert_eq!(said, Vec::<String>::new());
    let found = found.unwrap();
    assert_eq!(found.title, "example: a training step, measured");
    assert_eq!(found.fetched, Vec::<String>::new());

    let components = table(&found, "Components");
    let json: Value = serde_json::to_value(&report).unwrap();
    let rows = json["components"].as_array().unwrap();
    assert_eq!(components.rows.len(), rows.len());
    for (shown, row) in components.rows.iter().zip(rows) {
        assert_eq!(
            [&shown[0], &shown[1]],
            [&row["phase"], &row["name"]].map(|v| v.as_str().unwrap())
        );
        for name in ["measured", "exact", "seconds"] {
            assert_eq!(figure(components, shown, name), row[name].as_f64(), "{name}: {row}");
        }
    }
    let causes = table(&found, "From the estimate to the measurement");
    let differences = causes.rows.iter().filter_map(|row| figure(causes, row, "difference"));
    let total = |what: &str| json["totals"][what]["total"].as_f64().unwrap();
    assert_eq!(differences.sum::<f64>(), total("measured") - total("estimate"));
    let passes = table(&found, "Where the time went");
    for (shown, row) in passes.rows.iter().zip(json["passes"].as_array().unwrap()) {
        assert_eq!(shown[0], row["label"].as_str().unwrap());
        assert_eq!(figure(passes, shown, "flops"), row["flops"].as_f64());
        assert_eq!(figure(passes, shown, "seconds"), row["seconds"].as_f64());
    }

    let roofline = table(&found, "Roofline");
    let points = report.points();
    assert!(!points.is_empty() && roofline.rows.len() == points.len());
    for (shown, point) in roofline.rows.iter().zip(&points) {
        assert_eq!(shown[0], point.name);
        assert_eq!(figure(roofline, shown, "flops_per_byte"), Some(point.intensity));
        assert_eq!(figure(roofline, shown, "share_of_attainable"), Some(point.placement.share));
    }

    // Each for a window and for a telephone.
    assert_eq!(found.drawings.len(), 2 * 5);
    for [role, title, description] in &found.drawings {
        assert_eq!(role, "img");
        assert!(!title.is_empty() && description.len() > title.len(), "{title}: {description}");
        // The numbers behind each drawing stand under its title.
        assert!(!table(&found, title).rows.is_empty());
    }
}

/// Says from within a frame whether the page is wider than it, what scrolls is reached, and two texts of a drawing are
/// over one another, or one is cut off by the edge of its drawing.
const MEASURE: &str = r#"<script>
const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
const reached = [...document.querySelectorAll(".scroll")].every((box) => box.tabIndex === 0);
const over = [];
let drawings = 0;
for (const svg of document.querySelectorAll("svg")) {
  const whole = svg.getBoundingClientRect();
  if (whole.width === 0) { continue; }
  drawings += 1;
  const texts = [...svg.querySelectorAll("text")].filter((text) => text.textContent.trim());
  const boxes = texts.map((text) => text.getBoundingClientRect());
  boxes.forEach((one, i) => {
    const name = texts[i].textContent.trim();
    if (one.left < whole.left - 1 || one.right > whole.right + 1 || one.bottom > whole.bottom + 1) {
      over.push(`${name} over the edge`);
    }
    boxes.slice(0, i).forEach((other, j) => {
      // Half of what stands between two lines is the font's.
      const across = Math.min(one.right, other.right) - Math.max(one.left, other.left);
      const up = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
      if (across > 1 && up > 0.35 * Math.min(one.height, other.height)) {
        over.push(`${name} over ${texts[j].textContent.trim()}`);
      }
    });
  });
}
const code = [...document.querySelectorAll("td.code")].map((cell) => cell.getBoundingClientRect());
if (innerWidth < 640 && code.some((box) => box.right > innerWidth)) { over.push("source past the edge"); }
parent.postMessage(`${window.innerWidth}: ${wide} ${reached}, ${drawings} drawn ${over.join("; ")}`, "*");
</script>"#;

/// Opens a page in frames of these widths: how far it is wider than each, whether the keyboard reaches what scrolls, how
/// many drawings are shown, and which of their texts are over others.
fn widths(chromium: &PathBuf, page: &str, scheme: u32) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("report.html");
    fs::write(&inner, page.replace("</body>", &format!("{MEASURE}</body>"))).unwrap();
    let frames = [360, 800, 1400]
        .map(|width| format!("<iframe src=report.html style=width:{width}px;border:0></iframe>"));
    let outer = format!(
        "<body><script>addEventListener('message', (event) => {{
            const line = document.createElement('pre'); line.textContent = event.data; document.body.append(line);
        }});</script>{}",
        frames.concat()
    );
    let path = folder.path().join("frames.html");
    fs::write(&path, outer).unwrap();
    let output = Command::new(chromium)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--virtual-time-budget=5000", "--dump-dom"])
        .arg(format!("--blink-settings=preferredColorScheme={scheme}"))
        .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
        .arg(format!("file://{}", path.display()))
        .output()
        .unwrap();
    let document = String::from_utf8(output.stdout).unwrap();
    let lines = document.split("<pre>").skip(1).filter_map(|rest| rest.split_once("</pre>"));
    let mut lines: Vec<String> = lines.map(|(line, _)| line.to_owned()).collect();

    lines.sort_by_key(|line| line.split_once(':').map(|(width, _)| width.parse::<u32>().unwrap()));
    lines
}

#[test]
fn a_page_is_no_wider_than_its_window() {
    let Some(chromium) = chromium() else { return };
    let fits = |drawings: usize| {
        [360, 800, 1400].map(|width| format!("{width}: 0 true, {drawings} drawn "))
    };
    for (page, drawings) in [
        (report().page(true), 5),
        (saved::shader_report().page(true), 1),
        (ran::run_report().page(true), 1),
        (saved::run_change().page(true), 2),
        (pictures::changed(1000, 2.5e-3).page(true), 2),
        (pictures::sharing(40, 4e7).page(true), 2),
        (saved::agreement().page(true), 1),
        (saved::estimate("resnet-bk", &[]).page(true), 1),
        (saved::estimate("qwen2.5-0.5b", &[]).page(true), 1),
        (sweep::compare().page(true), 1),
        (sweep::scale().page(true), 1),
        (RooflineReport::new(ceilings()).page(true), 1),
        (terminal::formulas().page(true), 1),
    ] {
        let title = &page.title;
        let page = html::render(&page);
        for scheme in [0, 1] {
            assert_eq!(widths(&chromium, &page, scheme), fits(drawings), "{title}");
        }
    }
    let page = html::render(&report().page(true));
    let wide = page.replace("<main>", "<main><p style=width:900px>wide</p>");
    let wide = widths(&chromium, &wide, 0);
    assert!(!wide[0].starts_with("360: 0 "), "{wide:?}");
    // A text over another and one over the edge are seen.
    let text = |x: u32| format!("<text x=\"{x}\" y=\"100\" font-size=\"20\">spoilt</text></svg>");
    let over = page.replace("</svg>", &text(100)).replace("</svg>", &text(110));
    let over = widths(&chromium, &over, 0);
    assert!(over.iter().all(|said| said.contains("spoilt over spoilt")), "{over:?}");
    let edge = widths(&chromium, &page.replace("</svg>", &text(2000)), 0);
    assert!(edge.iter().all(|said| said.contains("spoilt over the edge")), "{edge:?}");
}

/// Kernels close together under a roof: each has its name, and none is over another.
#[test]
fn names_under_a_roofline_stand_apart() {
    let Some(chromium) = chromium() else { return };
    let mut report = report();
    let moves = |pass: &&PassRow| pass.traffic.storage_bytes() > 0;
    let pass = report.passes.iter().find(moves).unwrap().clone();
    let kernels = ["attention_workgroup", "linear_shares", "norm_teams", "swiglu", "adamw"];
    report.passes = (0..25)
        .map(|i| {
            let mut pass = pass.clone();
            pass.label = format!("pass {i}");
            pass.kernel.file = format!("{}_{i}", kernels[i % kernels.len()]);
            pass.ops = OpCounts::f32(Op::Mul, 1_000_000 + 20_000 * i as u64);
            pass.seconds = Some(1e-3);
            pass.traffic.workgroup_load = (1 + i as u64 % 2) * 3_000_000;
            pass
        })
        .collect();
    report.place(pictures::with_workgroup(1e7));
    assert_eq!(report.points().len(), 25);
    let page = html::render(&report.page(true));
    for width in widths(&chromium, &page, 0) {
        assert!(width.ends_with("5 drawn "), "{width}");
    }
    for (i, kernel) in (0..25).map(|i| (i, kernels[i % kernels.len()])) {
        assert!(page.contains(&format!("\n{kernel}_{i}.")), "{kernel}_{i} has no name");
    }
}

#[test]
fn every_column_sorts_both_ways() {
    let Some(chromium) = chromium() else { return };
    let (found, said) = open(&chromium, &html::render(&report().page(false)));
    assert_eq!(said, Vec::<String>::new());
    for table in found.unwrap().tables {
        for (i, column) in table.columns.iter().enumerate() {
            let [once, twice] = &table.sorted[i];
            let mut before: Vec<&String> = table.rows.iter().map(|row| &row[i]).collect();
            before.sort();
            for (values, state) in [once, twice].into_iter().zip(&table.states[i]) {
                let mut after: Vec<&String> = values.iter().collect();
                after.sort();
                assert_eq!(after, before, "sorting loses nothing");
                let numbers: Result<Vec<f64>, _> = values
                    .iter()
                    .filter(|value| !value.is_empty())
                    .map(|v| v.parse::<f64>())
                    .collect();
                if let Ok(numbers) = numbers {
                    let sorted = match state.as_str() {
                        "ascending" => numbers.is_sorted(),
                        "descending" => numbers.iter().rev().is_sorted(),
                        other => panic!("{column} says {other}"),
                    };
                    assert!(sorted, "{}: {column} {state}: {values:?}", table.caption);
                    let gaps = values.iter().skip_while(|value| !value.is_empty());
                    assert!(
                        gaps.clone().all(String::is_empty),
                        "{column}: what is missing comes last"
                    );
                }
            }
            assert_ne!(table.states[i][0], table.states[i][1]);
        }
    }
}

#[test]
fn names_that_users_gave_make_no_markup() {
    let Some(chromium) = chromium() else { return };
    let name = "</title></script><script>console.error('x')</script><img src=http://x/><b>\"'&amp;";
    let mut report = Report { model: name.into(), data: name.into(), ..report() };
    report.components[0].name = name.into();
    report.passes[0].label = name.into();
    report.causes[0].subject = name.into();
    report.causes[0].text = name.into();
    let (found, said) = open(&chromium, &html::render(&report.page(true)));
    assert_eq!(said, Vec::<String>::new());
    let found = found.unwrap();
    assert_eq!((found.injected, found.fetched.len()), (0, 0));
    assert_eq!(found.title, format!("{name}: a training step, measured"));
    assert_eq!(table(&found, "Components").rows[0][1], name);
}

/// The checks above can fail: what a page says on the console is heard, what it fetches is seen.
#[test]
fn a_spoilt_page_is_caught() {
    let Some(chromium) = chromium() else { return };
    let page = html::render(&report().page(true));
    let (found, said) =
        open(&chromium, &page.replace("\"use strict\";", "\"use strict\"; nothing();"));
    assert!(
        found.is_none() && said.iter().any(|line| line.contains("nothing is not defined")),
        "{said:?}"
    );
    let unsafe_page = page.replace("<main>", "<main><img src=\"http://127.0.0.1:9/x.png\">");
    let (found, said) = open(&chromium, &unsafe_page);
    assert_eq!(found.unwrap().injected, 1);
    assert!(said.iter().any(|line| line.contains("Content Security Policy")), "{said:?}");
}
