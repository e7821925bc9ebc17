//! Cooperative matrices on the embedded executor: values against a plain product, counts by hand, what is out of bounds,
//! what races, and what is refused, in subgroups of several widths.

use flopmeter::{
    Error,
    execute::{Bound, Dispatch, Executor, Outcome, cpu::Cpu},
    kernel::KernelModule,
    observe::{Observed, Trial},
    op::{Op, OpCounts, Scalar},
};

/// The widths of subgroups whose invocations share a matrix of 8 x 8.
const WIDTHS: [u32; 5] = [1, 4, 8, 32, 64];

fn kernel(source: &str) -> KernelModule {
    KernelModule::from_wgsl("matrices", source, "main", &Default::default()).unwrap()
}

/// A kernel of so many invocations in a workgroup, on factors `a` and `b` of `of` and a sum `c` of 32 bits.
fn source(workgroup: u32, of: &str, body: &str) -> String {
    format!(
        "enable wgpu_cooperative_matrix;
enable f16;
@group(0) @binding(0) var<storage, read_write> a: array<{of}>;
@group(0) @binding(1) var<storage, read_write> b: array<{of}>;
@group(0) @binding(2) var<storage, read_write> c: array<f32>;
@compute @workgroup_size({workgroup}) fn main(@builtin(local_invocation_index) i: u32,
    @builtin(subgroup_id) s: u32) {{
{body}
}}"
    )
}

fn bytes(of: &str, values: &[f32]) -> Vec<u8> {
    match of {
        "f16" => values.iter().flat_map(|&v| half::f16::from_f32(v).to_le_bytes()).collect(),
        _ => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
    }
}

/// Small whole numbers, of which every sum is exact.
fn values(seed: usize, count: usize) -> Vec<f32> {
    (0..count).map(|i| ((i * 7 + seed * 5 + i / 3) % 11) as f32 - 5.0).collect()
}

/// What a launch of one workgroup leaves in each buffer, and what was seen; the count of the counting kernel is held
/// against the executor's own.
fn left(
    width: u32,
    kernel: &KernelModule,
    contents: Vec<Vec<u8>>,
) -> Result<(Vec<Vec<u8>>, Observed), Error> {
    let mut cpu = Cpu::new(width).unwrap();
    let trial = Trial::new(&mut cpu, kernel, contents)?;
    let (observed, [counted, plain]) = trial.compare(&mut cpu, [1, 1, 1])?;
    assert_eq!(counted, plain);
    let tally = observed.witness.as_ref().unwrap().tally;
    assert_eq!(observed.cost, tally, "subgroups of {width}");
    let read = |binding| trial.buffers().read(&mut cpu, (0, binding)).unwrap().unwrap();
    Ok(((0..3).map(read).collect(), observed))
}

/// The same of factors of `of`, and what it leaves in `c`.
fn run(width: u32, source: &str, of: &str, [a, b, c]: [&[f32]; 3]) -> (Vec<f32>, Observed) {
    let contents = vec![bytes(of, a), bytes(of, b), bytes("f32", c)];
    let (left, observed) = left(width, &kernel(source), contents).unwrap();
    (bytemuck::pod_collect_to_vec(&left[2]), observed)
}

/// The operations on floats among some.
fn on_floats(ops: OpCounts) -> OpCounts {
    let floats = ops.iter().filter(|(scalar, _, _)| *scalar != Scalar::Int);
    floats.fold(OpCounts::default(), |sum, (scalar, op, count)| sum.with(scalar, op, count))
}

/// A product of matrices of n x n that lie column by column, onto c.
fn product(n: usize, a: &[f32], b: &[f32], c: &[f32]) -> Vec<f32> {
    let element = |at: usize| {
        let (row, column) = (at % n, at / n);
        c[at] + (0..n).map(|k| a[k * n + row] * b[column * n + k]).sum::<f32>()
    };
    (0..n * n).map(element).collect()
}

fn transposed(n: usize, matrix: &[f32]) -> Vec<f32> {
    (0..n * n).map(|at| matrix[at % n * n + at / n]).collect()
}

/// A product of n x n whose loads, or whose store, take rows for columns where the suffix is `T`.
fn one_product(n: usize, of: &str, [first, second, last]: [&str; 3]) -> String {
    let ty = |of: &str, role: &str| format!("coop_mat{n}x{n}<{of},{role}>");
    let [x, y, z] = [ty(of, "A"), ty(of, "B"), ty("f32", "C")];
    format!(
        "let at = s * {n} * {n};
let x = coopLoad{first}<{x}>(&a[0]);
let y = coopLoad{second}<{y}>(&b[0]);
let z = coopLoad<{z}>(&c[at]);
coopStore{last}(coopMultiplyAdd(x, y, z), &c[at]);"
    )
}

#[test]
fn a_product_is_that_of_plain_sums_and_is_counted_once_a_subgroup() {
    for (n, of, scalar, size) in [
        (8, "f32", Scalar::F32, 4),
        (8, "f16", Scalar::F16, 2),
        (16, "f32", Scalar::F32, 4),
        (16, "f16", Scalar::F16, 2),
    ] {
        let source = source(64, of, &one_product(n, of, ["", "", ""]));
        for width in WIDTHS {
            let subgroups = 64 / width as usize;
            let [a, b] = [0, 1].map(|seed| values(seed, n * n));
            let c = values(2, n * n * subgroups);
            let (left, observed) = run(width, &source, of, [&a, &b, &c]);
            for (left, c) in left.chunks(n * n).zip(c.chunks(n * n)) {
                assert_eq!(left, product(n, &a, &b, c), "{n} {of} in {width}");
            }
            let (elements, times) = ((n * n) as u64, subgroups as u64);
            let products = elements * n as u64 * times;
            let wanted =
                OpCounts::of(scalar, Op::Mul, products).with(Scalar::F32, Op::Add, products);
            assert_eq!(on_floats(observed.cost.ops), wanted, "{n} {of} in {width}");
            let traffic = observed.cost.traffic;
            assert_eq!(traffic.storage_load, elements * (2 * size + 4) * times);
            assert_eq!(traffic.storage_store, elements * 4 * times);
        }
    }
}

#[test]
fn rows_are_taken_for_columns_where_that_is_asked() {
    let [a, b, c] = [0, 1, 2].map(|seed| values(seed, 64));
    let plain = product(8, &a, &b, &c);
    for first in ["", "T"] {
        for second in ["", "T"] {
            let as_is = |suffix, matrix: &[f32]| {
                if suffix == "T" { transposed(8, matrix) } else { matrix.to_vec() }
            };
            let wanted = product(8, &as_is(first, &a), &as_is(second, &b), &c);
            for last in ["", "T"] {
                let source = source(8, "f32", &one_product(8, "f32", [first, second, last]));
                let (left, _) = run(8, &source, "f32", [&a, &b, &c]);
                assert_eq!(left, as_is(last, &wanted));
                // Whoever takes rows for columns unasked is noticed.
                assert_eq!(left == plain, [first, second, last] == ["", "", ""]);
            }
        }
    }
}

#[test]
fn columns_lie_as_far_apart_as_is_said() {
    let body = "let x = coopLoad<coop_mat8x8<f32, A>>(&a[3], 11);
let y = coopLoadT<coop_mat8x8<f32, B>>(&b[5], 9u);
coopStore(coopMultiplyAdd(x, y, coop_mat8x8<f32, C>()), &c[1], 10);";
    let [a, b] = [(0, 88), (1, 80)].map(|(seed, count)| values(seed, count));
    let x: Vec<f32> = (0..64).map(|at| a[3 + at / 8 * 11 + at % 8]).collect();
    let y: Vec<f32> = (0..64).map(|at| b[5 + at / 8 + at % 8 * 9]).collect();
    let mut wanted = vec![9.0; 80];
    for (at, value) in product(8, &x, &y, &[0.0; 64]).into_iter().enumerate() {
        wanted[1 + at / 8 * 10 + at % 8] = value;
    }
    for width in WIDTHS {
        let (left, observed) = run(width, &source(width, "f32", body), "f32", [&a, &b, &[9.0; 80]]);
        assert_eq!(left, wanted);
        assert_eq!(observed.witness.unwrap().out_of_bounds, []);
    }
}

/// naga evaluates what a store is given behind it: an index and a stride that are loaded were read twice, and another store's
/// were those of after it.
#[test]
fn what_a_store_is_given_is_evaluated_once_and_before_it() {
    let body = "let m = coopLoad<coop_mat8x8<f32, C>>(&a[0]);
coopStore(m + m, &c[u32(b[0])], u32(b[1]));
coopStoreT(m, &c[u32(c[0])], u32(b[1]));
c[u32(b[3])] = c[3];";
    let a: Vec<f32> = (0..64).map(|at| at as f32 + 1.0).collect();
    let b = [1.0, 8.0, 0.0, 2.0];
    let mut wanted = vec![66.0; 200];
    for (at, value) in a.iter().enumerate() {
        wanted[1 + at] = 2.0 * value;
    }
    for (at, value) in a.iter().enumerate() {
        wanted[66 + at % 8 * 8 + at / 8] = *value;
    }
    wanted[2] = wanted[3];
    for width in WIDTHS {
        let (left, observed) =
            run(width, &source(width, "f32", body), "f32", [&a, &b, &[66.0; 200]]);
        assert_eq!(left, wanted, "{width}");
        let loads = u64::from(width) * 6 * 4 + 64 * 4;
        assert_eq!(observed.cost.traffic.storage_load, loads, "{width}");
    }
}

#[test]
fn a_matrix_is_kept_in_a_variable_and_passed_to_a_function() {
    let body = "var sums: array<coop_mat8x8<f32, C>, 2>;
for (var k = 0u; k < 3u; k++) {
    let x = coopLoad<coop_mat8x8<f32, A>>(&a[64 * k]);
    let y = coopLoad<coop_mat8x8<f32, B>>(&b[64 * k]);
    sums[k & 1u] = onto(sums[k & 1u], x, y);
}
let old = coopLoad<coop_mat8x8<f32, C>>(&c[0]);
coopStore((sums[0] + sums[1]) * 0.5 - old, &c[0]);";
    let function = "fn onto(sum: coop_mat8x8<f32, C>, x: coop_mat8x8<f32, A>,
    y: coop_mat8x8<f32, B>) -> coop_mat8x8<f32, C> {
    return coopMultiplyAdd(x, y, sum);
}";
    let [a, b, c] = [(0, 192), (1, 192), (2, 64)].map(|(seed, count)| values(seed, count));
    let mut sum = vec![0.0; 64];
    for k in 0..3 {
        sum = product(8, &a[64 * k..][..64], &b[64 * k..][..64], &sum);
    }
    let wanted: Vec<f32> = sum.iter().zip(&c).map(|(sum, old)| sum * 0.5 - old).collect();
    for width in WIDTHS {
        let source = source(width, "f32", body) + function;
        let (left, observed) = run(width, &source, "f32", [&a, &b, &c]);
        assert_eq!(left, wanted);
        let wanted = OpCounts::of(Scalar::F32, Op::Mul, 3 * 512 + 64).with(
            Scalar::F32,
            Op::Add,
            3 * 512 + 2 * 64,
        );
        assert_eq!(on_floats(observed.cost.ops), wanted);
        assert_eq!(observed.cost.traffic.storage_load, (3 * 2 + 1) * 64 * 4);
        // One round less is noticed.
        let spoilt = source.replace("k < 3u", "k < 2u");
        assert_ne!(run(width, &spoilt, "f32", [&a, &b, &c]).1.cost, observed.cost);
    }
}

/// A sum of 16 bits that was rounded at every step would stay what it was.
#[test]
fn a_sum_of_16_bits_is_rounded_once() {
    let body = "let x = coopLoad<coop_mat16x16<f16, A>>(&a[0]);
let y = coopLoad<coop_mat16x16<f16, B>>(&a[0]);
let z = coopLoad<coop_mat16x16<f16, C>>(&b[0]);
coopStore(coopMultiplyAdd(x, y, z), &b[0]);";
    let contents = vec![bytes("f16", &[1.0; 256]), bytes("f16", &[2048.0; 256]), vec![0; 4]];
    for width in WIDTHS {
        let kernel = kernel(&source(width, "f16", &format!("{body} c[0] = 1.0;")));
        let (left, observed) = left(width, &kernel, contents.clone()).unwrap();
        assert_eq!(left[1], bytes("f16", &[2064.0; 256]));
        let wanted = OpCounts::of(Scalar::F16, Op::Mul, 4096).with(Scalar::F16, Op::Add, 4096);
        assert_eq!(on_floats(observed.cost.ops), wanted);
    }
}

/// Launches a kernel without counting, where races are looked for.
fn watched(width: u32, workgroup: u32, body: &str) -> Result<Outcome, Error> {
    let tile = "var<workgroup> tile: array<f32, 64>;";
    let kernel = KernelModule::from_wgsl(
        "matrices",
        &(source(workgroup, "f32", body) + tile),
        "main",
        &Default::default(),
    )?;
    let mut cpu = Cpu::new(width)?.detecting_races();
    let mut bindings = Vec::new();
    for resource in &kernel.resources {
        let buffer = cpu.allocate(&resource.name, 256)?;
        let (group, binding) = (resource.group, resource.binding);
        bindings.push(Bound { group, binding, buffer, offset: 0, size: 256 });
    }
    let program = cpu.compile(&kernel)?;
    cpu.dispatch(&Dispatch { label: "test", program, bindings: &bindings, grid: [1; 3] })
}

#[test]
fn an_element_out_of_bounds_is_dropped_and_reported() {
    for (body, accesses) in [
        // From element 60 on, 4 are there.
        ("coopStore(coopLoad<coop_mat8x8<f32, C>>(&a[60]), &c[0]);", 60),
        ("coopStore(coopLoad<coop_mat8x8<f32, C>>(&a[0]), &c[8]);", 8),
        // Of columns that are 16 apart, 4 are there.
        ("coopStore(coopLoad<coop_mat8x8<f32, C>>(&a[0], 16), &c[0]);", 32),
        // No sum of indices comes round.
        ("coopStore(coopLoad<coop_mat8x8<f32, C>>(&a[0], 0x20000000u), &c[0]);", 56),
        ("coopStore(coopLoad<coop_mat8x8<f32, C>>(&a[0xfffffffcu + c0()]), &c[0]);", 64),
    ] {
        for width in WIDTHS {
            let body = body.replace("c0()", "u32(c[63])");
            let seen = watched(width, width, &body).unwrap().witness.unwrap();
            let found: Vec<_> =
                seen.out_of_bounds.iter().map(|its| (its.line, its.accesses)).collect();
            assert_eq!(found, [(Some(8), accesses)], "{body} in {width}");
        }
    }
}

#[test]
fn a_matrix_races_with_others_and_not_with_itself() {
    let load = "let m = coopLoad<coop_mat8x8<f32, C>>(&a[0]);\n";
    let races = |workgroup: u32, body: &str| {
        let seen = watched(8, workgroup, &format!("{load}{body}")).unwrap().witness.unwrap();
        assert_eq!(seen.out_of_bounds, []);
        seen.races.unwrap().into_iter().map(|race| race.lines).collect::<Vec<_>>()
    };
    // Whichever invocation has an element: a subgroup sees its own matrix.
    let there_and_back = "coopStore(m, &tile[0]);
coopStore(coopLoadT<coop_mat8x8<f32, C>>(&tile[0]), &c[0]);";
    assert_eq!(races(8, there_and_back), [[None; 2]; 0]);
    // Another subgroup that stores the same races with it, and so does who reads without a barrier.
    assert_eq!(races(16, "coopStore(m, &c[0]);"), [[Some(9); 2]]);
    let reads = "coopStore(m, &tile[0]);\nc[i] = tile[i];";
    assert_eq!(races(8, reads), [[Some(9), Some(10)]]);
    let waits = reads.replace("c[i]", "workgroupBarrier(); c[i]");
    assert_eq!(races(8, &waits), [[None; 2]; 0]);
}

#[test]
fn what_a_subgroup_cannot_do_together_is_refused_by_name() {
    let store = "coopStore(coopLoad<coop_mat8x8<f32, C>>(&a[0]), &c[0]);";
    for (width, workgroup, body, wanted) in [
        (32, 48, store, "48 invocations, which are no whole subgroups of 32"),
        (128, 128, store, "64 elements in subgroups of 128 invocations"),
        (
            8,
            16,
            "loop { if i >= 12u { break; } STORE break; }",
            "not all invocations are there (line 8)",
        ),
        (
            8,
            8,
            "STORE var at = i; at &= 4u; coopStore(coopLoad<coop_mat8x8<f32, C>>(&a[at]), &c[0]);",
            "name different places or numbers (line 8)",
        ),
        (
            8,
            8,
            "var m: array<f32, 64>; let z = coopLoad<coop_mat8x8<f32, C>>(&m[0]); STORE",
            "no storage or workgroup memory",
        ),
        (8, 8, "LOAD if i < 4u { m = m + m; } STORE", "not all invocations are there (line 8)"),
        (8, 8, "LOAD coopStore(m * f32(i), &c[0]);", "different places or numbers (line 8)"),
        (8, 8, "LOAD coopStore(m, &c[0], 8.0);", "stride is no u32"),
        (
            8,
            8,
            "let x = coopLoad<coop_mat8x8<f32, A>>(&a[0]);
            let y = coopLoad<coop_mat16x16<f32, B>>(&a[0]);
            coopStore(coopMultiplyAdd(x, y, coop_mat8x8<f32, C>()), &c[0]);",
            "do not fit",
        ),
    ] {
        let load = "var m = coopLoad<coop_mat8x8<f32, C>>(&a[0]);";
        let body = body.replace("STORE", store).replace("LOAD", load);
        let refused = watched(width, workgroup, &body).map(|_| ()).unwrap_err().to_string();
        assert!(refused.contains(wanted), "{refused}");
    }
    // naga does not see that who breaks is gone. A subgroup that is elsewhere as a whole is none that is parted.
    watched(8, 16, &format!("loop {{ if i >= 8u {{ break; }} {store} break; }}")).unwrap();
}

/// An adapter counts what the embedded executor counts, or says what it lacks.
#[test]
fn an_adapter_that_lacks_matrices_says_so() {
    let kernel = kernel(&source(64, "f32", &one_product(8, "f32", ["", "", ""])));
    let values = |executor: &dyn Executor| {
        let lanes = executor.adapter().limits.subgroup_lanes.unwrap_or(64) as usize;
        [values(0, 64), values(1, 64), values(2, 64 * 64 / lanes)].map(|of| bytes("f32", &of))
    };
    common::on_every_executor(|executor| {
        let contents = values(executor).to_vec();
        match Trial::new(executor, &kernel, contents).map(|trial| trial.count(executor, [1; 3])) {
            Ok(observed) => {
                let lanes = executor.adapter().limits.subgroup_lanes.unwrap();
                let products = u64::from(64 / lanes) * 512;
                let wanted = OpCounts::of(Scalar::F32, Op::Mul, products).with(
                    Scalar::F32,
                    Op::Add,
                    products,
                );
                assert_eq!(on_floats(observed.unwrap().cost.ops), wanted);
            }
            Err(error) => {
                let said = error.to_string();
                let known = executor.adapter().limits.subgroup_lanes.is_some();
                let wanted =
                    if known { "embedded executor" } else { "how many invocations share it" };
                assert!(said.contains("cooperative matri") && said.contains(wanted), "{said}");
                assert_ne!(executor.adapter().name, "embedded");
            }
        }
    });
}
