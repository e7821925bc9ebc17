//! Executors held against each other and against what they saw themselves: every kind of disagreement fails, and
//! is said.

use flopmeter::{
    execute::{Access, Between, LaneUse, OutOfBounds, Race, Witness},
    format::{
        FORMATS, html, markdown,
        table::{self, Terminal},
    },
    observe::Observed,
    op::{Convention, Cost, Op, OpCounts, Scalar},
    page::Paged as _,
    profile::Run,
    result::{Agreement, Candidate, CompareReport, Examined, Finding, FindingKind, to_json},
};
use serde_json::Value;

use crate::{
    case::{Case, run},
    ran, saved, sweep,
};

/// The verdict on two runs, the second spoilt.
fn agreement(spoil: impl FnOnce(&mut Run)) -> (bool, String) {
    let plan = Case::fixed().plan;
    let mut runs = [run("One"), run("Two")];
    spoil(&mut runs[1]);
    let agreement = Agreement::new(&plan, &runs);
    (agreement.holds(), table::render(&agreement.page(false), Terminal::PIPE))
}

#[test]
fn executors_that_agree_hold() {
    let (holds, text) = agreement(|_| {});
    assert!(holds, "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn one_of_something_is_told_as_one() {
    let mut agreement = Agreement::new(&Case::fixed().plan, &[run("One"), run("Two")]);
    agreement.values.truncate(1);
    agreement.counts.truncate(1);
    let last = |text: String| text.lines().last().unwrap_or_default().to_owned();
    let text = last(table::render(&agreement.page(false), Terminal::PIPE));
    assert!(text.ends_with("agree in 1 comparison, and 1 value does"), "{text}");
    let mut program = ran::run_report();
    program.kernels.truncate(1);
    program.totals.dispatches = 1;
    let text = table::render(&program.page(false), Terminal::PIPE);
    assert!(text.contains(" FLOPs in 1 dispatch of 1 kernel; "), "{text}");
    program.counted = false;
    let text = table::render(&program.page(false), Terminal::PIPE);
    assert!(text.contains("1 dispatch of 1 kernel, as they are: timed"), "{text}");
    let mut step = Case::fixed().report(Convention::Ieee, 3.25);
    step.verdict.r#match = 1;
    let text = last(table::render(&step.page(false), Terminal::PIPE));
    assert_eq!(text, "PASS      1 pass executed exactly what its closed form says");
}

#[test]
fn executors_that_differ_in_one_count_byte_or_value_do_not_hold() {
    let cost = |run: &mut Run| run.measurement.passes[0].cost;
    type Spoil<'a> = &'a dyn Fn(&mut Run);
    let spoilt: [(&str, Spoil<'_>); 5] = [
        ("f32.add: formula says", &|run| {
            run.measurement.passes[0].cost.ops = cost(run).ops + OpCounts::f32(Op::Add, 1);
        }),
        ("int.add: One says 100, Two says 101", &|run| {
            run.measurement.passes[0].cost.ops =
                cost(run).ops + OpCounts::of(Scalar::Int, Op::Add, 1);
        }),
        ("traffic: One says", &|run| run.measurement.passes[0].cost.traffic.storage_load += 4),
        ("grad/w: One and Two are", &|run| run.tensors[0].data[0] = 0.501),
        ("loss: One says 2, Two says NaN", &|run| run.loss = Some(f32::NAN)),
    ];
    for (says, spoil) in spoilt {
        let (holds, text) = agreement(spoil);
        assert!(!holds && text.contains(says), "{says}:\n{text}");
    }
}

/// A tally that is one addition or one byte off is said wherever a run is reported, and fails there.
#[test]
fn a_tally_that_is_not_what_the_counters_say_fails_every_report() {
    type Spoil = fn(&mut Cost);
    let more: [(&str, Spoil); 2] = [
        ("f32.add: the count says", |tally| tally.ops = tally.ops + OpCounts::f32(Op::Add, 1)),
        ("traffic: the count says", |tally| tally.traffic.workgroup_load += 1),
    ];
    for (says, spoil) in more {
        let mut case = Case::fixed();
        for pass in &mut case.measurement.passes {
            pass.witness = Some(witness(pass, 0));
        }
        let honest = case.report(Convention::Ieee, 1.0);
        assert!(honest.holds() && honest.provenance.tally.as_ref().unwrap().holds());
        let text = table::render(&honest.page(false), Terminal::PIPE);
        assert!(text.contains("own count equals the counters"), "{text}");

        spoil(&mut case.measurement.passes[3].witness.as_mut().unwrap().tally);
        let report = case.report(Convention::Ieee, 1.0);
        assert!(!report.holds() && report.verdict.holds());
        let tally = report.provenance.tally.clone().unwrap();
        assert_eq!((tally.verdict.mismatch, tally.differences.len()), (1, 1));
        assert_eq!(tally.differences[0].label, report.passes[3].label);
        let text = table::render(&report.page(false), Terminal::PIPE);
        assert!(text.contains(says) && text.contains("own tally differs"), "{text}");
        let json: Value = serde_json::from_str(&to_json(&report)).unwrap();
        assert_eq!(json["tally"]["mismatch"], 1);

        let [one, other] = [&honest, &report].map(Candidate::measured);
        assert!(CompareReport::new(one.clone(), one.clone()).unwrap().holds());
        let compared = CompareReport::new(one, other).unwrap();
        assert!(!compared.holds());
        let text = table::render(&compared.page(false), Terminal::PIPE);
        assert!(text.contains(says), "{text}");

        let mut scale = sweep::scale();
        assert!(scale.holds());
        let point = scale.points[0].provenance.as_mut().unwrap();
        point.tally = report.provenance.tally.clone();
        assert!(!scale.holds());
        let text = table::render(&scale.page(false), Terminal::PIPE);
        assert!(text.contains(says), "{text}");
        assert!(text.lines().last().unwrap().starts_with("FAIL "), "{text}");

        let run = Run { measurement: case.measurement, loss: None, tensors: Vec::new() };
        let agreement = Agreement::new(&case.plan, &[run]);
        assert!(!agreement.holds() && !agreement.pass);
        let text = table::render(&agreement.page(false), Terminal::PIPE);
        assert!(text.lines().last().unwrap().starts_with("FAIL "), "{text}");
    }
}

/// What an executor that looks saw of a pass: its counts, a lane in four at work, and so many accesses
/// out of bounds.
fn witness(pass: &Observed, accesses: u64) -> Witness {
    let kernel = "mix.forward".to_owned();
    let out_of_bounds = OutOfBounds { kernel, file: None, line: Some(12), accesses, first: None };
    Witness {
        tally: pass.cost,
        lanes: LaneUse { active: 1, issued: 4 },
        out_of_bounds: if accesses > 0 { vec![out_of_bounds] } else { Vec::new() },
        races: None,
    }
}

#[test]
fn what_an_executor_sees_beside_the_counts_is_said_and_judged() {
    let mut case = Case::fixed();
    let report = case.report(Convention::Ieee, 1.0);
    let json: Value = serde_json::from_str(&to_json(&report)).unwrap();
    assert!(json.get("lane_use").is_none() && json["passes"][0].get("lane_use").is_none());

    for pass in &mut case.measurement.passes {
        pass.witness = Some(witness(pass, 0));
    }
    let report = case.report(Convention::Ieee, 1.0);
    assert!(report.holds());
    let json: Value = serde_json::from_str(&to_json(&report)).unwrap();
    assert_eq!((&json["lane_use"], &json["passes"][0]["lane_use"]), (&0.25.into(), &0.25.into()));
    assert_eq!(json["out_of_bounds"], serde_json::json!([]));
    let text = table::render(&report.page(false), Terminal::PIPE);
    assert!(
        text.contains("lanes     25.0 %") && text.contains("no access out of bounds"),
        "{text}"
    );

    for pass in &mut case.measurement.passes[..2] {
        pass.witness = Some(witness(pass, 3));
    }
    let report = case.report(Convention::Ieee, 1.0);
    assert!(!report.holds());
    let json: Value = serde_json::from_str(&to_json(&report)).unwrap();
    let row = serde_json::json!({"kernel": "mix.forward", "line": 12, "accesses": 6});
    assert_eq!(json["out_of_bounds"], serde_json::json!([row]));
    let text = table::render(&report.page(false), Terminal::PIPE);
    assert!(text.contains("6 accesses out of bounds\n  mix.forward, line 12: 6"), "{text}");
}

#[test]
fn an_access_out_of_bounds_fails_a_check() {
    for (accesses, holds) in [(0, true), (1, false)] {
        let (held, text) = agreement(|run| {
            for pass in &mut run.measurement.passes {
                pass.witness = Some(witness(pass, 0));
            }
            let pass = &mut run.measurement.passes[0];
            pass.witness = Some(witness(pass, accesses));
        });
        assert_eq!(held, holds, "{text}");
        assert_eq!(text.contains("bounds    Two: 1 access out of bounds"), !holds, "{text}");
    }
}

#[test]
fn a_race_fails_a_check_and_names_its_lines() {
    let race = Race {
        kernel: "mix.forward".into(),
        lines: [Some(4), Some(7)],
        files: [None, None],
        accesses: [Access::Store, Access::Load],
        between: Between::Lanes,
        count: 3,
        variable: "tile".into(),
        byte: 8,
        texel: None,
    };
    for (found, holds, says) in
        [(vec![], true, "no races"), (vec![race], false, "1 pair of lines races")]
    {
        let (held, text) = agreement(|run| {
            for pass in &mut run.measurement.passes {
                let races = Some(found.clone());
                pass.witness = Some(Witness { races, ..witness(pass, 0) });
            }
        });
        assert_eq!(held, holds, "{text}");
        assert!(text.contains(&format!("races     Two: {says}\n")), "{text}");
        let row = "  mix.forward: line 4 stores what line 7 loads, no barrier between: ";
        // Every pass has it once; together they are one row.
        let times = format!("{row}{} times, such as byte 8 of 'tile'\n", 3 * 13);
        assert_eq!(text.contains(&times), !holds, "{text}");
    }
}

/// A terminal ends with the answer, whose beginning has scrolled away where a report is long. Who opens a file sees its
/// beginning.
#[test]
fn an_answer_is_said_again_only_where_its_beginning_is_not_seen() {
    let times = |text: &str| text.matches("PASS").count();
    let mut short = saved::shader_report();
    short.source = String::new();
    let holds = |what: &str| Examined { what: what.to_owned(), findings: Vec::new() };
    short.checks = vec![holds("as many as before")];
    let text = |page| table::render(&page, Terminal::PIPE);
    let seen = text(short.page(false));
    assert!(seen.lines().last().unwrap().starts_with("PASS "), "{seen}");
    assert_eq!(times(&seen), 1, "{seen}");
    let mut long = short.clone();
    long.source = "// a line\n".repeat(60);
    let long = long.page(false);
    assert_eq!(times(&html::render(&long)), 1);
    assert_eq!(times(&markdown::render(&long)), 1);
    let seen = text(long);
    assert!(seen.starts_with("PASS ") && seen.lines().last().unwrap().starts_with("PASS "));
    assert_eq!(times(&seen), 2, "{seen}");
}

#[test]
fn a_long_report_ends_with_one_line_of_what_it_began_with() {
    let mut report = saved::shader_report();
    report.source = "// a line\n".repeat(60);
    let finding = |text: &str| Finding::new(FindingKind::Baseline, text);
    let findings: Vec<Finding> =
        ["one differs", "another differs", "a third differs"].map(finding).into();
    let what = "the baseline".to_owned();
    report.checks = vec![Examined { what, findings: findings.clone() }];
    let seen = table::render(&report.page(false), Terminal::PIPE);
    assert!(
        seen.starts_with("FAIL      one differs; another differs; a third differs\n"),
        "{seen}"
    );
    let end = "FAIL      one differs; and 2 more, at the beginning";
    assert_eq!(seen.lines().last(), Some(end), "{seen}");
    // Many are named by the first of them; each is among the findings.
    let many = (1..=12).map(|number| finding(&format!("difference {number}")));
    report.checks[0].findings = many.collect();
    let seen = table::render(&report.page(false), Terminal::PIPE);
    let first = "difference 4; difference 5; and 7 more, told one by one";
    assert!(seen.lines().next().unwrap().ends_with(first), "{seen}");
    let end = "FAIL      difference 1; and 11 more, told one by one";
    assert_eq!(seen.lines().last(), Some(end), "{seen}");
    assert!(seen.contains("finding   difference 12\n"), "{seen}");
    // So are long ones: no line repeats them all.
    let long = ["first", "second", "third"].map(|name| format!("the {name} {}", "x".repeat(150)));
    report.checks[0].findings = long.iter().map(|text| finding(text)).collect();
    let seen = table::render(&report.page(false), Terminal::PIPE);
    let first = format!("FAIL      {}; and 2 more, told one by one", long[0]);
    assert_eq!([seen.lines().next(), seen.lines().last()], [Some(&*first); 2], "{seen}");
    assert!(long.iter().all(|text| seen.contains(&format!("finding   {text}\n"))), "{seen}");
    // A short one has no beginning, and says all of it.
    report.source = String::new();
    report.checks[0].findings = findings;
    let seen = table::render(&report.page(false), Terminal::PIPE);
    assert_eq!(
        seen.lines().last(),
        Some("FAIL      one differs; another differs; a third differs")
    );
}

/// What holds is said with the same words wherever it is.
#[test]
fn checks_that_hold_are_named_or_counted_alike_everywhere() {
    let github = FORMATS.iter().find(|format| format.name == "github").unwrap();
    for (checks, says) in [(1, "check 0"), (3, "check 0; check 1; check 2"), (4, "4 checks hold")] {
        let mut report = saved::shader_report();
        let checks = (0..checks).map(|i| Examined { what: format!("check {i}"), findings: vec![] });
        report.checks = checks.collect();
        let text = (github.render)(&report, &saved::origin(), false);
        assert!(text.ends_with(&format!("::notice title=flopmeter::{says}\n")), "{text}");
        let text = table::render(&report.page(false), Terminal::PIPE);
        assert_eq!(text.lines().last(), Some(&*format!("PASS      {says}")));
    }
}

/// Advice about subgroups is for kernels whose text may ask for theirs; what has no text may.
#[test]
fn a_kernel_asks_for_subgroups_in_its_text() {
    let asks = |source: &str| {
        let report = flopmeter::result::ShaderReport {
            source: source.to_owned(),
            ..crate::saved::shader_report()
        };
        report.may_ask_for_subgroups()
    };
    assert!(!asks("@compute @workgroup_size(8) fn main() { x[0] = 1.0; }"));
    for text in ["", "fn main(@builtin(subgroup_size) n: u32) {}", "gl_SubgroupSize", "coopLoad(x)"]
    {
        assert!(asks(text), "{text}");
    }
}
