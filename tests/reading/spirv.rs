//! SPIR-V as a user hands it over: without a text, and so without lines.

use common::on_every_executor;

use crate::run::{expected, iota, ran, spirv};

#[test]
fn every_executor_runs_and_counts_a_file_without_a_text() {
    let Some(kernel) = spirv("spirv_embedded_panic.comp") else { return };
    assert_eq!(kernel.source, None);
    on_every_executor(|executor| {
        let ran = ran(executor, &kernel, [1; 3], &[iota(64)]);
        assert_eq!(ran.floats(), (0..64).map(|i| 2.0 * i as f32 + 1.0).collect::<Vec<_>>());
        assert_eq!((ran.ops()["f32.mul"], ran.ops()["f32.add"]), (64, 64));
        assert!(ran.lines.is_empty());
    });
}

#[test]
fn a_write_only_buffer_is_one_that_is_written() {
    let kernel = crate::run::case("glsl_writeonly.comp");
    on_every_executor(|executor| {
        let ran = ran(executor, &kernel, [1; 3], &[iota(64), vec![0; 64]]);
        assert_eq!(ran.ops(), expected(&[("f32.mul", 64)]));
    });
}
