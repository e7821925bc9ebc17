//! Kernels whose source is several files: an error or a finding that names a line names that of the file that has
//! it, and the file.

use std::collections::BTreeMap;

use flopmeter::{
    Error,
    execute::{Limits, Witness},
    instrument::instrument,
    kernel::KernelModule,
    observe::{Counting, Trial},
};
use flopmeter_core::{read::Parsed, source::Source};

/// A first file that only calls what the second, `second.wgsl`, has; four lines of its own.
const FIRST: &str = "// Continued in second.wgsl.
@group(0) @binding(0) var<storage, read_write> x: array<u32, 8>;
var<workgroup> tile: array<u32, 8>;
@compute @workgroup_size(4) fn main(@builtin(local_invocation_index) i: u32) { second(i); }
";

/// The kernel whose second file is this.
fn continued(first: &str, second: &str) -> KernelModule {
    let source = Source::joined(&[("first.wgsl", first), ("second.wgsl", second)]);
    let parsed = Parsed::wgsl_source("case", source).unwrap_or_else(|error| panic!("{error}"));
    KernelModule::from_parsed(&parsed, "main", &BTreeMap::new()).unwrap()
}

/// What the embedded executor sees of the kernel on eight words of zeros.
fn seen(second: &str) -> Result<Witness, Error> {
    let mut cpu = common::embedded().detecting_races();
    let kernel = continued(FIRST, second);
    let trial = Trial::new(&mut cpu, &kernel, vec![vec![0; 32]])?;
    Ok(trial.plain(&mut cpu, [1; 3])?.witness.unwrap())
}

#[test]
fn what_cannot_be_counted_is_on_a_line_of_its_file() {
    let first = "enable wgpu_cooperative_matrix;
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
var<private> own: array<f32, 64>;
@compute @workgroup_size(32) fn main() { second(); }
";
    let kernel = continued(
        first,
        "fn second() {
    let matrix = coopLoad<coop_mat8x8<f32, C>>(&own[0], 8u);
    coopStore(matrix, &x[0], 8u);
}",
    );
    let counted = instrument(&kernel, &Limits::WEBGPU).unwrap_err().to_string();
    assert!(counted.ends_with("(line 2 of second.wgsl)"), "{counted}");
    let run = Counting::new(&mut common::embedded(), &kernel).err().unwrap().to_string();
    assert!(run.ends_with("(line 2 of second.wgsl)"), "{run}");
}

#[test]
fn what_the_embedded_executor_sees_is_on_a_line_of_its_file() {
    let file = || Some("second.wgsl".to_owned());
    let outside = seen("fn second(i: u32) {\n    x[i + 6u] = i;\n}").unwrap().out_of_bounds;
    let outside: Vec<_> =
        outside.into_iter().map(|its| (its.kernel, its.file, its.line, its.accesses)).collect();
    assert_eq!(outside, [("case".to_owned(), file(), Some(2), 2)]);

    let raced = seen("fn second(i: u32) {\n    tile[i] = i;\n    x[i] = tile[i / 2u];\n}").unwrap();
    let races = raced.races.unwrap();
    let at: Vec<_> = races.into_iter().map(|race| (race.lines, race.files)).collect();
    assert_eq!(at, [([Some(2), Some(3)], [file(), file()])]);

    let barrier = "fn second(i: u32) {\n    if x[i] == i {\n        workgroupBarrier();\n    }\n}";
    let error = seen(barrier).unwrap_err().to_string();
    assert!(error.ends_with("(line 3 of second.wgsl)"), "{error}");
}
