//! Loops of constants whose counters wrap around on the way: compilers that foresee how many rounds a loop has are wrong of
//! some of them.

use std::collections::BTreeMap;

use flopmeter::{kernel::KernelModule, observe::Trial};

/// Loops that add one to `x[0]` in each round, and their rounds.
const LOOPS: [(&str, u32); 11] = [
    ("var i = 1u; loop { x[0] += 1u; i += 0x40000000u; if i == 1u { break; } }", 4),
    ("var i = 1u; loop { x[0] += 1u; i += 0x40000000u; if i != 1u {} else { break; } }", 4),
    ("var i = 1u; loop { x[0] += 1u; continuing { i += 0x40000000u; break if i == 1u; } }", 4),
    ("var i = 0xfffffff0u; loop { x[0] += 1u; continuing { i += 3u; break if i < 12u; } }", 6),
    ("var i = 0xfffffff0u; loop { x[0] += 1u; i += 3u; if i < 12u { { break; } } }", 6),
    ("var i = 0xfffffffdu; loop { x[0] += 1u; continuing { i += 1u; break if i == 0u; } }", 3),
    ("for (var i = 0xfffffffdu; i != 2u; i++) { x[0] += 1u; }", 5),
    ("for (var i = 0xfffffff0u; i >= 12u; i += 3u) { x[0] += 1u; }", 6),
    ("for (var i = 0x40000001u; i != 1u; i += 0x40000000u) { x[0] += 1u; }", 3),
    ("var i = 0xfffffff0u; while i >= 12u { x[0] += 1u; i += 3u; }", 6),
    (
        "var i = 0u; loop { x[0] += 1u; i += 1u; switch i { case 3u: { if i == 3u { break; } } default: {} } if i > 4u { break; } }",
        5,
    ),
];

/// Where a loop stands, in `?`.
const PLACES: [&str; 4] = [
    "@compute @workgroup_size(1) fn main() { ? }",
    "fn goes() { ? } @compute @workgroup_size(1) fn main() { goes(); }",
    "@compute @workgroup_size(1) fn main(@builtin(num_workgroups) groups: vec3<u32>) {
        if groups.y == 1u { ? }
    }",
    "struct Input { @builtin(num_workgroups) groups: vec3<u32> }
    @compute @workgroup_size(1) fn main(input: Input) { if input.groups.y == 1u { ? } }",
];

#[test]
fn a_loop_whose_counter_wraps_has_all_of_its_rounds() {
    common::on_every_executor(|executor| {
        for (goes, rounds) in LOOPS {
            for place in PLACES {
                let source = place.replace('?', goes);
                let source = format!(
                    "@group(0) @binding(0) var<storage, read_write> x: array<u32>; {source}"
                );
                let kernel =
                    KernelModule::from_wgsl("wraps", &source, "main", &BTreeMap::new()).unwrap();
                let trial = Trial::new(executor, &kernel, vec![vec![0; 4]]).unwrap();
                let (observed, outputs) = trial.compare(executor, [1; 3]).unwrap();
                for left in outputs {
                    assert_eq!(left.0["x"], rounds.to_le_bytes(), "{source}");
                }
                let stored = observed.cost.traffic.storage_store;
                assert_eq!(stored, 4 * u64::from(rounds), "{source}");
            }
        }
    });
}
