//! Cooperative matrices on the embedded executor: values against a plain product, counts by hand, what is out of bounds,
//! what races, and what is refused, in subgroups of several widths.

use flopmeter::{
    Error,
    execute::{Bound, Dispatch, Executor as _, Race, cpu::Cpu},
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

/// What a launch of one workgroup leaves in `c`, and what was seen; the count of the counting kernel is held against
/// the executor's own.
fn run(
    width: u32,
    kernel: &KernelModule,
    of: &str,
    [a, b, c]: [&[f32]; 3],
) -> Result<(Vec<f32>, Observed), Error> {
    let mut cpu = Cpu::new(width).unwrap();
    let contents = vec![bytes(of, a), bytes(of, b), bytes("f32", c)];
    let trial = Trial::new(&mut cpu, kernel, contents)?;
    let (observed, [counted, plain]) = trial.compare(&mut cpu, [1, 1, 1])?;
    assert_eq!(counted, plain);
    let tally = observed.witness.as_ref().unwrap().tally;
    assert_eq!(observed.cost, tally, "subgroups of {width}");
    let c = trial.buffers().read(&mut cpu, (0, 2))?.unwrap();
    Ok((bytemuck::pod_collect_to_vec(&c), observed))
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
        let kernel = kernel(&source(64, of, &one_product(n, of, ["", "", ""])));
        for width in WIDTHS {
            let subgroups = 64 / width as usize;
            let [a, b] = [0, 1].map(|seed| values(seed, n * n));
            let c = values(2, n * n * subgroups);
            let (left, observed) = run(width, &kernel, of, [&a, &b, &c]).unwrap();
            for (left, c) in left.chunks(n * n).zip(c.chunks(n * n)) {
                assert_eq!(left, product(n, &a, &b, c), "{n} {of} in {width}");
            }
            let (elements, times) = ((n * n) as u64, subgroups as u64);
            let products = elements * n as u64 * times;
            let wanted = OpCounts::of(scalar, Op::Mul, products)
                .with(Scalar::F32, Op::Add, products)
                .with(Scalar::Int, Op::Mul, 2 * 64);
            assert_eq!(observed.cost.ops, wanted, "{n} {of} in {width}");
            let traffic = observed.cost.traffic;
            assert_eq!(traffic.storage_load, elements * (2 * size + 4) * times);
            assert_eq!(traffic.storage_store, elements * 4 * times);
        }
    }
}
