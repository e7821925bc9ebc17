//! `flopmeter shader FILE` without a dispatch: what it takes to run the file.

use std::fs;

use predicates::{prelude::*, str::contains};
use serde_json::json;

use crate::command::{self, flopmeter, refused};

const SOURCE: &str = "
override TILE: u32;
override SCALE: f32 = 0.5;
struct Particle { at: vec3<f32>, kind: u32 }
struct All { n: i32, all: array<Particle> }
@group(0) @binding(0) var<storage, read_write> all: All;
@group(0) @binding(1) var<uniform> size: vec2<u32>;
@compute @workgroup_size(TILE, 2) fn move_all() { all.n += i32(size.x) * i32(SCALE); }
@compute @workgroup_size(64) fn clear() { all.all[0].kind = 0u; }
";

#[test]
fn entry_points_bindings_and_overrides_are_listed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("particles.wgsl");
    fs::write(&file, SOURCE).unwrap();
    let file = file.to_str().unwrap();
    let listing = command::json(&["shader", file, "--json", "-"]);
    assert_eq!(listing["schema"], "flopmeter.listing/1");
    assert_eq!(
        listing["entries"],
        json!([
            {"name": "move_all", "workgroup_size": null,
             "stated_workgroup_size": ["TILE", "2", "1"], "bindings": ["0.0", "0.1"]},
            {"name": "clear", "workgroup_size": [64, 1, 1],
             "stated_workgroup_size": ["64", "1", "1"], "bindings": ["0.0"]},
        ])
    );
    let all = &listing["bindings"][0];
    assert_eq!((&all["space"], &all["type"]), (&json!("storage, read_write"), &json!("All")));
    assert_eq!((&all["scalars"], &all["element_scalars"]), (&json!(1), &json!(4)));
    assert_eq!(all["members"][2], json!({"name": "all[].kind", "type": "u32", "offset": 28}));
    assert_eq!(
        listing["overrides"],
        json!([
            {"name": "TILE", "id": null, "type": "u32", "default": null},
            {"name": "SCALE", "id": null, "type": "f32", "default": "0.5"},
        ])
    );

    let text = contains("2 compute entry points")
        .and(
            predicate::str::is_match(r"move_all +8 x 2 x 1 \(TILE x 2 x 1\) +16 +0\.0, 0\.1")
                .unwrap(),
        )
        .and(
            predicate::str::is_match(
                r"0\.0 +all +storage, read_write +All +16 \+ n x 16 +1 \+ n x 4",
            )
            .unwrap(),
        )
        .and(predicate::str::is_match(r"0\.0 +all\[\]\.kind +u32 +28").unwrap())
        .and(contains("none: it must be given"));
    flopmeter(&["shader", file, "--override", "TILE=8"]).assert().success().stdout(text);
}

#[test]
fn every_shader_of_the_crate_is_listed() {
    let mut listed = 0;
    for entry in fs::read_dir("shaders").unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "wgsl") {
            let listing = command::json(&["shader", path.to_str().unwrap(), "--json", "-"]);
            let entries = listing["entries"].as_array().unwrap();
            let binds = |entry: &serde_json::Value| {
                // Of all of them, one measures what a dispatch costs that does nothing.
                entry["name"] == "nothing" || !entry["bindings"].as_array().unwrap().is_empty()
            };
            assert!(entries.iter().all(binds), "{}", path.display());
            listed += entries.len();
        }
    }
    assert!(listed > 60, "{listed}");
}

#[test]
fn what_only_a_run_needs_asks_for_a_dispatch() {
    let file = "tests/fixtures/scaled_product.wgsl";
    refused(&["shader", file, "--bind", "0.1=zeros:4"], &["--dispatch"]);
    refused(&["shader", file, "--roofline"], &["--roofline", "--dispatch"]);
    refused(&["shader", file, "--override", "M=1"], &["no override 'M': it has N"]);
}
