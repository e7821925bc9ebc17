//! Reports that somebody edited: whatever a file says twice is held against itself, and what it says wrongly is told by
//! its key. What older versions did not write yet is not missed.

use flopmeter::{
    op::Convention,
    result::{self, DispatchRow, Document, Report, RunReport, ShaderReport, to_json},
};
use serde_json::{Value, json};

use crate::{case::Case, ran::run_report, saved::shader_report};

/// What is said of a report after an edit; nothing where it is taken.
fn said<D: Document>(report: &D, edit: impl FnOnce(&mut Value)) -> String {
    let mut value: Value = serde_json::from_str(&to_json(report)).unwrap();
    edit(&mut value);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("edited.json");
    std::fs::write(&path, to_json(&value)).unwrap();
    let said = result::load::<D>(&path).err().map_or_else(String::new, |error| error.to_string());
    assert!(said.is_empty() || said.contains("edited.json"), "{said}");
    said
}

/// Adds to the numbers at these places.
fn add<D: Document>(report: &D, edits: &[(&str, i64)]) -> String {
    said(report, |value| {
        for (place, more) in edits {
            let number = value.pointer_mut(place).unwrap_or_else(|| panic!("no {place}"));
            *number = json!(number.as_i64().unwrap() + more);
        }
    })
}

fn assert_says(said: &str, parts: &[&str]) {
    assert!(parts.iter().all(|part| said.contains(part)), "{said:?} does not say {parts:?}");
}

#[test]
fn traffic_of_more_than_64_bits_is_no_smaller_number() {
    let says = said(&shader_report(), |report| {
        report["traffic"]["storage.load_bytes"] = json!(u64::MAX);
        report["traffic"]["storage.store_bytes"] = json!(64);
    });
    assert_says(
        &says,
        &["'traffic' comes to 184467440737095516", "more than 18446744073709551615"],
    );
    let profile = Case::small().report(Convention::Ieee, 3.25);
    let says = said(&profile, |report| {
        report["passes"][0]["traffic"] =
            json!({ "storage.load_bytes": u64::MAX, "storage.store_bytes": 1 });
    });
    assert_says(&says, &["'passes[0].traffic' comes to 18446744073709551616"]);
    let says = said(&profile, |report| {
        for pass in report["passes"].as_array_mut().unwrap() {
            pass["traffic"] = json!({ "storage.load_bytes": u64::MAX / 2 });
        }
    });
    assert_says(&says, &["the traffic of 'passes' comes to "]);
    let says = said(&run_report(), |report| {
        report["totals"].as_object_mut().unwrap().remove("traffic");
        report["kernels"][0]["traffic"] =
            json!({ "storage.load_bytes": u64::MAX, "storage.store_bytes": 1 });
    });
    assert_says(&says, &["'kernels[0].traffic' comes to 18446744073709551616"]);
}

#[test]
fn a_profile_is_the_sum_of_its_passes() {
    let report = Case::small().report(Convention::Ieee, 3.25);
    assert_eq!(add(&report, &[]), "");
    for count in ["measured", "exact", "algebraic", "estimate"] {
        let [forward, total] = ["forward", "total"].map(|phase| format!("/totals/{count}/{phase}"));
        let of = if count == "estimate" { "components" } else { "passes" };
        let key = format!("'totals.{count}.forward' is ");
        let says = [&key, "contradicts itself", &format!("and those of '{of}' come to ")];
        assert_says(&add(&report, &[(&forward, 1), (&total, 1)]), &says);
    }
    let measured = report.totals.measured.forward;
    let says = format!("is {}, and those of 'passes' come to {measured}", measured - 5);
    let edits = [("/totals/measured/forward", -5), ("/totals/measured/total", -5)];
    assert_says(&add(&report, &edits), &[&says]);
    for (place, says) in [
        ("/verdict/match", ["'verdict.match' is ", "those of 'passes'"]),
        ("/components/0/measured", ["'components[0].measured' is ", "'components[0].ops' are"]),
        ("/causes/0/difference", ["'causes[0].difference' is ", "'measured' less 'estimate' is"]),
        ("/causes/0/measured", ["'totals.measured.", "those of 'causes' come to"]),
        ("/schedule_costs/0/flops", ["'schedule_costs' come to ", "'totals.exact' less"]),
        ("/passes/0/flops", ["'passes[0].flops' is ", "'passes[0].ops' are"]),
    ] {
        assert_says(&add(&report, &[(place, 1)]), &says);
    }
    let traffic = |value: &mut Value| {
        let traffic = value.pointer_mut("/components/0/traffic").unwrap();
        traffic["storage.load_bytes"] = json!(7);
    };
    let says = ["'components[forward].traffic' has ", "of 'storage.load_bytes'", "'passes'"];
    assert_says(&said(&report, traffic), &says);
}

#[test]
fn a_run_is_the_sum_of_its_kernels() {
    let report = run_report();
    assert_eq!(add(&report, &[]), "");
    for (edits, says) in [
        (&[("/totals/flops", 1)][..], ["'totals.flops' is ", "'totals.ops' are "]),
        (
            &[("/totals/flops", 2), ("/totals/ops/f32.fma", 1)],
            ["'totals.ops' has ", "of 'f32.fma', and those of 'kernels' come to "],
        ),
        (
            &[("/totals/traffic/storage.store_bytes", -1)],
            ["'totals.traffic' has ", "of 'storage.store_bytes', and those of 'kernels' come to "],
        ),
        (
            &[("/totals/dead_ops/f32.mul", 1)],
            ["'totals.dead_ops' has ", "of 'f32.mul', and those of 'kernels' come to "],
        ),
        (&[("/totals/dispatches", 1)], ["'totals.dispatches' is ", "those of 'kernels' come to "]),
        (
            &[("/kernels/1/lines/1/flops", 1)],
            ["'kernels[1].lines[1].flops' is ", "'kernels[1].lines[1].ops' are "],
        ),
        (
            &[("/kernels/1/lines/1/flops", 2), ("/kernels/1/lines/1/ops/f32.fma", 1)],
            ["'kernels[1].ops' has ", "those of 'kernels[1].lines' come to "],
        ),
    ] {
        assert_says(&add(&report, edits), &says);
    }
}

#[test]
fn lines_of_a_shader_are_what_there_is() {
    let report = shader_report();
    assert_eq!(add(&report, &[]), "");
    let more = [("/lines/0/ops/f32.fma", 1), ("/lines/0/flops", 2)];
    let says = ["'ops' has 10 of 'f32.fma', and those of 'lines' come to 11"];
    assert_says(&add(&report, &more), &says);
    let less = |value: &mut Value| {
        value["lines"][0]["ops"]["f32.fma"] = json!(9);
        value["lines"][0]["flops"] = json!(18);
    };
    let none = |value: &mut Value| value["lines"] = json!([]);
    for (edit, left) in [(&less as &dyn Fn(&mut Value), 9), (&none, 0)] {
        let says = format!("'ops' has 10 of 'f32.fma', and those of 'lines' come to {left}");
        assert_says(&said(&report, edit), &[&says]);
        // What has no line is in none, and older versions do not say whether anything has none.
        for of_before in [Some(json!(false)), None] {
            let edit = |value: &mut Value| {
                edit(value);
                value.as_object_mut().unwrap().remove("lines_are_whole");
                of_before.into_iter().for_each(|is| value["lines_are_whole"] = is);
            };
            assert_eq!(said(&report, edit), "");
        }
    }
    let mut several = report.clone();
    let row = DispatchRow {
        entry: "main".to_owned(),
        grid: report.grid,
        workgroup_size: report.workgroup_size,
        ops: report.ops,
        flops: report.flops,
        traffic: report.traffic,
        lines: report.lines.clone(),
        seconds: report.seconds,
        spread: None,
        roofline: None,
    };
    several.dispatches.push(row);
    assert_eq!(said(&several, |_| {}), "");
    let another = |value: &mut Value| {
        value["dispatches"][0]["lines"][0]["line"] = json!(6);
        value["lines"].as_array_mut().unwrap().remove(0);
        value["lines_are_whole"] = json!(false);
    };
    assert_says(
        &said(&several, another),
        &["'lines' has no line 6, and 'dispatches[].lines' does"],
    );
    let says = "'entry' names 2 dispatches, 'main, main', and 'dispatches' has 0";
    assert_says(&said(&report, |value| value["entry"] = json!("main, main")), &[says]);
    // Names in SPIR-V are any text.
    assert_eq!(said(&report, |value| value["entry"] = json!("f(int, float)")), "");
}

#[test]
fn what_is_no_such_number_is_told_by_its_key() {
    let shader = shader_report();
    for (place, key) in [
        ("/ops/f32.fma", "'ops.f32.fma': "),
        ("/lines/0/traffic/storage.load_bytes", "'lines[0].traffic.storage.load_bytes': "),
        ("/grid/1", "'grid[1]': "),
        ("/flops", "'flops': "),
    ] {
        for wrong in [json!(-5), json!(2.5), json!("2")] {
            let edit = |value: &mut Value| *value.pointer_mut(place).unwrap() = wrong.clone();
            assert_says(&said(&shader, edit), &[key, " at line "]);
        }
    }
    let profile = Case::fixed().report(Convention::Ieee, 3.25);
    let edit = |value: &mut Value| value["passes"][1]["ops"]["f32.fma"] = json!(-1);
    assert_says(&said(&profile, edit), &["'passes[1].ops.f32.fma': "]);
}

/// Keys that came later are left out, which says nothing.
#[test]
fn reports_of_older_versions_do_not_contradict_themselves() {
    let remove = |value: &mut Value, keys: &[&str]| {
        let object = value.as_object_mut().unwrap();
        object.retain(|key, _| !keys.contains(&key.as_str()));
    };
    let profile: Report = Case::fixed().report(Convention::Ieee, 3.25);
    let older = |value: &mut Value| {
        remove(value, &["schedule_costs", "field_formulas", "forecasts"]);
        remove(&mut value["totals"], &["algebraic", "recomputed"]);
        for (list, key) in [("passes", "algebraic_ops"), ("components", "algebraic")] {
            let rows = value[list].as_array_mut().unwrap();
            rows.iter_mut().for_each(|row| remove(row, &[key]));
        }
    };
    assert_eq!(said(&profile, older), "");
    let run: RunReport = run_report();
    let older = |value: &mut Value| {
        remove(value, &["dispatches_in_order", "dispatches_left_out"]);
        let rows = value["kernels"].as_array_mut().unwrap();
        rows.iter_mut().for_each(|row| remove(row, &["file", "lines"]));
    };
    assert_eq!(said(&run, older), "");
    let shader: ShaderReport = shader_report();
    let older = |value: &mut Value| {
        remove(value, &["spread", "immediates", "override_numbers", "lines_are_whole"])
    };
    assert_eq!(said(&shader, older), "");
}

#[test]
fn what_is_nested_too_deeply_is_not_called_said_twice() {
    let says = said(&run_report(), |value| {
        for _ in 0..200 {
            value["deeper"] = value.take();
            value["schema"] = json!(RunReport::SCHEMA);
        }
    });
    assert_says(&says, &["is no report: recursion limit exceeded"]);
}
