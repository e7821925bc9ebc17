//! `--convention FILE.toml`: prices of one's own, in every report and from one command to the next.

use std::{fs, path::Path};

use predicates::{prelude::*, str::contains};
use serde_json::json;
use tempfile::TempDir;

use crate::command::{SMALL, flopmeter, json, refused, text};

const KERNEL: [&str; 6] = [
    "shader",
    "tests/fixtures/collatz.wgsl",
    "--dispatch=4",
    "--bind=0.0=iota:100",
    "--adapter=embedded",
    "--repeat=0",
];

/// A file of prices in a folder.
fn prices(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_file_of_prices_is_a_convention() {
    let folder = TempDir::new().unwrap();
    let file = prices(folder.path(), "mine.toml", "[prices]\nfma = 3\nadd = 1\ncompare = 2\n");
    let saved = folder.path().join("saved.json");
    let (saved, mine) = (text(&saved), "mine: add = 1, compare = 2, fma = 3, the rest 0");
    let asked = ["--convention", &file, "--json", saved];
    let said = contains("convention mine: add = 1, compare = 2, fma = 3, the rest 0");
    flopmeter(&[&KERNEL[..], &asked].concat()).assert().success().stdout(said);
    let report = json(&["compare", saved, saved, "--convention", mine, "--json", "-"]);
    assert_eq!(report["convention"], mine);
    assert!(report["a"]["saved_under"].is_null(), "{}", report["a"]);
    let counted = json(&[&KERNEL[..], &["--convention", mine, "--json", "-"]].concat());
    let count = |op: &str| counted["ops"][op].as_u64().unwrap();
    let flops = count("f32.add") + 2 * count("f32.compare") + 3 * count("f32.fma");
    assert_eq!(counted["flops"], flops);
    assert_eq!(flops, 3_117 + 2 * 6_334 + 3 * 998);
    // Integers are no FLOPs at any price.
    assert_eq!(counted["ops"]["int.compare"], 128);

    let other = prices(folder.path(), "other.toml", "name = \"mine\"\n[prices]\nfma = 2\n");
    let compared = ["compare", saved, saved, "--convention", &other, "--json", "-"];
    let compared = json(&compared);
    assert_eq!(compared["convention"], "mine: fma = 2, the rest 0");
    assert_eq!(compared["a"]["saved_under"], mine);
}

/// What a model executed is what it was estimated plus causes under any prices: a report that is read back was summed up.
#[test]
fn a_model_adds_up_under_any_prices() {
    let folder = TempDir::new().unwrap();
    let file =
        prices(folder.path(), "dear.toml", "[prices]\nfma = 3\nmul = 2\nexp = 50\nselect = 1\n");
    let saved = folder.path().join("saved.json");
    let asked = ["profile", "--adapter=embedded", "--repeat=0", "--convention", &file];
    let passes =
        contains("PASS").and(contains("convention dear: select = 1, mul = 2, fma = 3, exp = 50"));
    let written = [&asked[..], &SMALL, &["--json", text(&saved)]].concat();
    flopmeter(&written).assert().success().stdout(passes);
    flopmeter(&["compare", text(&saved), text(&saved)]).assert().success();
    let mut edited: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(&saved).unwrap()).unwrap();
    edited["convention"] = json!("dear: mul = 2, fma = 3, exp = 49, select = 1, the rest 0");
    fs::write(&saved, edited.to_string()).unwrap();
    refused(&["compare", text(&saved), text(&saved)], &["saved.json", "flops"]);
}

#[test]
fn what_is_no_file_of_prices_is_refused_by_what_it_says() {
    let folder = TempDir::new().unwrap();
    for (content, why) in [
        ("[prices]\nfuse = 2", "no operation is called 'fuse'"),
        ("[prices]\nsample = 8", "'sample' is of integers alone"),
        ("[prices]\nmul = 0.5", "'mul' costs 0.5: a price is a whole number from 0 to 100"),
        ("[prices]\nmul = -1", "'mul' costs -1: a price is a whole number from 0 to 100"),
        ("[prices]\nmul = 101", "'mul' costs 101, and the most is 100"),
        ("mul = 1", "no 'mul'"),
        ("", "it has no prices"),
        ("name = 3\n[prices]", "'name' is no text"),
        ("name = \"ieee\"\n[prices]", "'ieee' is a convention already"),
        ("[prices]\nmul = 1\nmul 2", "line 3"),
        ("[prices]\n!mul = 1", "line 2"),
    ] {
        let file = prices(folder.path(), "mine.toml", content);
        refused(&[&KERNEL[..], &["--convention", &file]].concat(), &["--convention", why]);
    }
    refused(
        &[&KERNEL[..], &["--convention", "none.toml"]].concat(),
        &["none.toml", "No such file"],
    );
    let misspelt = [&KERNEL[..], &["--convention", "mine: fma"]].concat();
    refused(&misspelt, &["'fma' is no price: say it as in 'add mul = 1'"]);
}

/// Closed forms are priced by a file, too; formulas, which charge 2 for a multiply-add, by none where it costs something else.
#[test]
fn closed_forms_take_a_file_of_prices() {
    let folder = TempDir::new().unwrap();
    let macs = prices(folder.path(), "macs.toml", "[prices]\nfma = 1");
    let twice = prices(folder.path(), "twice.toml", "[prices]\nfma = 2");
    let asked = |command, file| [command, "qwen3-0.6b", "--seq", "16", "--convention", file];
    let exact = |command, file| {
        let report = json(&[&asked(command, file)[..], &["--json", "-"]].concat());
        report["exact"]["algebraic"]["total"].as_u64().unwrap()
    };
    assert_eq!(2 * exact("estimate", &macs), exact("estimate", &twice));
    assert_eq!(exact("formulas", &twice), exact("estimate", &twice));
    let says = ["macs", "fma costs 1 there", "set fma = 2", "flopmeter estimate"];
    refused(&asked("formulas", &macs), &says);
    // What runs and has no price there costs nothing, which is not that nothing of it ran.
    let free = prices(folder.path(), "free.toml", "[prices]\ncompare = 3");
    let run = ["profile", "--adapter=embedded", "--repeat=0", "--convention", &free];
    let said = contains("lm_head product is charged, but it costs nothing by free");
    let said = said.and(contains("nothing of it ran").not()).and(contains("PASS"));
    flopmeter(&[&run[..], &SMALL].concat()).assert().success().stdout(said);
    // One exact count beside none is not told, and has no prices.
    let beside = ["compare", "qwen3-0.6b", "resnet-bk", "--batch", "1", "--seq", "16"];
    let report = json(&[&beside[..], &["--json", "-"]].concat());
    assert!(report["convention"].is_null());
    refused(&[&beside[..], &["--convention", "ncu"]].concat(), &["qwen3-0.6b"]);
    // ResNet-BK has an estimate alone, which no prices change.
    for more in [
        &["estimate", "resnet-bk"][..],
        &["compare", "resnet-bk", "resnet-bk"],
        &["scale", "--axis=seq=8,16"],
    ] {
        let says = ["ncu", "resnet-bk has no exact count without a run", "--measure"];
        refused(&[more, &["--convention", "ncu"]].concat(), &says);
    }
}
