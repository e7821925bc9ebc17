//! What naga panics over, and what is nested deep: errors that say so, or kernels.

use std::{path::Path, thread, time::Instant};

use common::embedded;
use flopmeter::{Error, KernelError, execute::Executor as _};
use flopmeter_core::{guard::Stage, read::Parsed};
use tempfile::TempDir;

use crate::run::{expected, iota, ran, read, wgsl};

#[test]
fn a_panic_of_a_reader_is_an_error_that_names_the_file_and_the_cause() {
    let path = Path::new("tests/cases/glsl_two_shared_arrays.comp");
    let text = std::fs::read_to_string(path).unwrap();
    let Err(KernelError::Panicked { kernel, stage, cause }) =
        Parsed::glsl(path.to_str().unwrap(), &text)
    else {
        panic!("naga reads several arrays in one declaration: count the case instead");
    };
    assert_eq!((kernel.as_str(), stage), (path.to_str().unwrap(), Stage::Reading));
    assert!(cause.contains("TooLarge") && cause.contains("(naga-"), "{cause}");
}

/// A statement of so many levels, read on a thread with as little room as any has.
fn on_a_small_stack(file: &str, text: String) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join(file);
    std::fs::write(&path, text).unwrap();
    let count = move || {
        let kernel = read(&path);
        let ran = ran(&mut embedded(), &kernel, [1; 3], &[iota(4)]);
        assert_eq!(ran.ops(), expected(&[("f32.add", 20_000)]));
    };
    thread::Builder::new().stack_size(1 << 20).spawn(count).unwrap().join().unwrap();
}

const GLSL: &str = "#version 450
    layout(local_size_x = 1) in;
    layout(set = 0, binding = 0) buffer X { float x[]; };
    void main() { x[0] = ";

#[test]
fn twenty_thousand_terms_are_read() {
    let terms = " + x[0]".repeat(20_000);
    let head = "@group(0) @binding(0) var<storage, read_write> x: array<f32>;
        @compute @workgroup_size(1) fn main() { x[0] = ";
    on_a_small_stack("terms.wgsl", format!("{head} x[1]{terms}; }}"));
    on_a_small_stack("terms.comp", format!("{GLSL} x[1]{terms}; }}"));
}

#[test]
fn twenty_thousand_parentheses_are_read_or_refused() {
    let (open, close) = ("(x[0] + ".repeat(20_000), ")".repeat(20_000));
    on_a_small_stack("parentheses.comp", format!("{GLSL} {open} x[1] {close}; }}"));
    // naga's WGSL reader says that they are too many.
    let error = flopmeter::kernel::KernelModule::from_wgsl(
        "deep",
        &format!("fn f() {{ var x = {}1{}; }}", "(".repeat(20_000), ")".repeat(20_000)),
        "f",
        &Default::default(),
    );
    assert!(error.unwrap_err().to_string().contains("recursion limit"));
}

#[test]
fn alternatives_are_nested_as_deep_as_they_are_many() {
    let branches = |i: u32| format!("if x[0] == {i}.0 {{ x[1] = x[2] + 1.0; }} else ");
    let branches: String = (1..150).map(branches).collect();
    let kernel = wgsl(&format!(
        "@group(0) @binding(0) var<storage, read_write> x: array<f32>;
        @compute @workgroup_size(1) fn main() {{ {branches} {{ x[1] = x[2] * 2.0; }} }}"
    ));
    let ran = ran(&mut embedded(), &kernel, [1; 3], &[iota(4)]);
    assert_eq!(ran.ops(), expected(&[("f32.compare", 149), ("f32.mul", 1)]));
}

/// Reading is naga's, whose reader takes time that grows with the square of a function.
#[test]
#[allow(clippy::print_stdout, reason = "the log has the figures")]
fn twenty_thousand_statements_are_counted_in_the_time_of_as_many() {
    let seconds = |statements: usize| {
        let lines: String = (0..statements).map(|i| format!("s = s * 1.0001 + {i}.5;\n")).collect();
        let kernel = wgsl(&format!(
            "@group(0) @binding(0) var<storage, read_write> x: array<f32>;
            @compute @workgroup_size(1) fn main() {{ var s = x[0];\n{lines}x[0] = s; }}"
        ));
        let start = Instant::now();
        let ran = ran(&mut embedded(), &kernel, [1; 3], &[iota(4)]);
        assert_eq!(ran.lines.len(), statements + 2);
        start.elapsed().as_secs_f64()
    };
    // Ten times the statements; quadratic work would take a hundred times as long, each time. What else a machine does
    // takes time away now and then.
    let ratios = (0..5).map(|_| {
        let [few, many] = [2_000, 20_000].map(seconds);
        println!("2,000 statements in {few:.3} s, 20,000 in {many:.3} s");
        many / few
    });
    let least = ratios.fold(f64::INFINITY, f64::min);
    assert!(least < 40.0, "{least} times as long");
}

#[test]
fn what_only_a_back_end_cannot_take_says_so() {
    // naga's validator knows no adapter's limits.
    let kernel = wgsl(
        "@group(0) @binding(0) var<storage, read_write> x: array<f32>;
        @compute @workgroup_size(16384) fn main() { x[0] = x[1]; }",
    );
    let Some(mut gpu) = common::gpu() else { return };
    let Err(Error::Core(error)) = gpu.compile(&kernel) else { panic!("16,384 invocations") };
    assert!(matches!(error, KernelError::BackEnd { .. }), "{error}");
}
