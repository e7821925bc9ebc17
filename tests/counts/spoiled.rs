//! Every check has been seen to fail: kernels and closed forms spoilt in one place, and the verdict that
//! must follow. (What the instrumenter itself may get wrong is spoilt in `tests/counts/instrument`.)

use std::collections::BTreeMap;

use common::computes;
use flopmeter::{
    check::{self, Verdict},
    component::Phase,
    execute::Executor,
    kernel::{KernelModule, ResourceKind},
    library,
    observe::Trial,
    op::OpCounts,
    plan::{Dims, Pass},
    registry::Kernel,
};

const DIMS: [(&str, u32); 7] =
    [("M", 5), ("K", 7), ("N", 3), ("G", 1), ("accumulate", 0), ("LANES", 8), ("COLUMN_LANES", 4)];

fn pass(dims: &[(&str, u32)]) -> Pass {
    let dims: Dims = dims.iter().map(|&(name, value)| (name.to_owned(), value)).collect();
    let kernel = Kernel::LinearForward;
    Pass {
        label: "product".into(),
        operation: computes::operation(kernel, &dims).unwrap(),
        kernel,
        schedule: computes::schedule(kernel, &dims),
        component: "product".into(),
        phase: Phase::Forward,
        recomputed: false,
        scalars: BTreeMap::new(),
        bindings: BTreeMap::new(),
        grid: [1, 3, 1],
    }
}

/// Operations that the device counts for the product of 5 x 7 and 7 x 3, from this source.
fn measured(gpu: &mut dyn Executor, source: &str) -> OpCounts {
    let overrides = DIMS.iter().map(|&(name, value)| (name.to_owned(), f64::from(value))).collect();
    let kernel = KernelModule::from_wgsl("spoilt", source, "forward", &overrides).unwrap();
    let words = kernel.resources.iter().map(|resource| match &resource.kind {
        ResourceKind::Uniform { members, .. } => {
            let value = |name: &str| DIMS.iter().find(|(letter, _)| *letter == name).unwrap().1;
            members.iter().map(|member| value(&member.name)).collect()
        }
        ResourceKind::Storage { .. } if resource.name == "groups" => vec![0, 5],
        ResourceKind::Storage { .. } => vec![0; 64],
        ResourceKind::Opaque => panic!("{} is not a buffer", resource.name),
    });
    let contents = words.map(|words: Vec<u32>| bytemuck::cast_slice(&words).to_vec()).collect();
    let trial = Trial::new(gpu, &kernel, contents).unwrap();
    trial.count(gpu, pass(&DIMS).grid).unwrap().cost.ops
}

fn linear() -> String {
    library::source("linear").unwrap().text().to_owned()
}

/// The kernel with one thing in it changed, which must be there.
fn changed(from: &str, to: &str) -> String {
    assert!(linear().contains(from), "the kernel no longer says '{from}'");
    linear().replacen(from, to, 1)
}

fn assert_mismatch(verdict: &Verdict, operation: &str) {
    let Verdict::Mismatch { difference } = verdict else { panic!("not seen: {verdict:?}") };
    assert!(difference.contains(operation), "{difference}");
}

#[test]
fn a_kernel_that_does_what_the_algebra_says_matches() {
    common::on_every_executor(|gpu| {
        let ops = measured(&mut *gpu, &linear());
        assert_eq!(check::against_formula(&pass(&DIMS), &ops), Verdict::Match);
    });
}

#[test]
fn a_trip_count_off_by_one_is_seen() {
    common::on_every_executor(|gpu| {
        let source =
            changed("let x_end = (m + 1u) * dims.K;", "let x_end = (m + 1u) * dims.K - 1u;");
        assert_mismatch(
            &check::against_formula(&pass(&DIMS), &measured(&mut *gpu, &source)),
            "f32.fma",
        );
    });
}

#[test]
fn an_operation_too_many_is_seen() {
    common::on_every_executor(|gpu| {
        let source = changed("m, row) + b[", "m, row) + 1.0 + b[");
        assert_mismatch(
            &check::against_formula(&pass(&DIMS), &measured(&mut *gpu, &source)),
            "f32.add",
        );
    });
}

#[test]
fn an_edge_that_is_not_guarded_is_seen() {
    // Lanes beyond the edge write where others do; their counts are the same whoever comes first.
    common::on_every_executor_with_races(|gpu| {
        let source = changed("| (n >= dims.N)", "");
        assert_mismatch(
            &check::against_formula(&pass(&DIMS), &measured(&mut *gpu, &source)),
            "f32.",
        );
    });
}

#[test]
fn a_dimension_that_is_not_the_kernels_is_seen() {
    common::on_every_executor(|gpu| {
        let ops = measured(&mut *gpu, &linear());
        for letter in ["M", "K", "N"] {
            let mut dims = DIMS;
            dims.iter_mut().find(|(name, _)| *name == letter).unwrap().1 += 1;
            assert_mismatch(&check::against_formula(&pass(&dims), &ops), "f32.");
        }
    });
}
