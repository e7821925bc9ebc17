//! Defined results: arithmetic at its edges, indices that lanes share, and subgroups of any width.

use flopmeter::{
    execute::cpu::Cpu,
    observe::Trial,
    op::{Op, Scalar},
};

use super::{X, kernel, run};

/// A kernel of one invocation that computes `x[i] = expression` for each, from `x[0]` and `x[1]`.
fn evaluated(declarations: &str, words: &[u32], expressions: &[&str]) -> Vec<u32> {
    let mut source = format!(
        "{X}@compute @workgroup_size(1) fn main() {{ let a = x[0]; let b = x[1]; {declarations}\n"
    );
    for (i, expression) in expressions.iter().enumerate() {
        source += &format!("x[{}] = {expression};\n", i + 2);
    }
    source += "}";
    let mut memory = words.to_vec();
    memory.resize(2 + expressions.len(), 0);
    run(&mut common::embedded(), &kernel(&source), &memory, 1).1.split_off(2)
}

#[test]
fn integers_stay_defined_at_their_edges() {
    let least = i32::MIN as u32;
    let found = evaluated(
        "let s = bitcast<i32>(a); let t = bitcast<i32>(b);",
        &[least, u32::MAX],
        &[
            "bitcast<u32>(s / t)",
            "bitcast<u32>(s % t)",
            "a / (b + 1u)",
            "a % (b + 1u)",
            "a << (b & 31u)",
            "bitcast<u32>(s >> 31u)",
            "bitcast<u32>(abs(s))",
            "firstLeadingBit(a)",
            "bitcast<u32>(firstLeadingBit(t))",
            "firstTrailingBit(b + 1u)",
            "extractBits(a, 31u, 5u)",
            "bitcast<u32>(extractBits(s, 31u, 1u))",
            "insertBits(0u, b, 4u, 8u)",
            "countOneBits(b)",
            "reverseBits(a)",
            "b / 7u",
            "b % 7u",
        ],
    );
    let expected = [
        least,
        0,
        least,
        0,
        0,
        u32::MAX,
        least,
        31,
        u32::MAX,
        u32::MAX,
        1,
        u32::MAX,
        0xff0,
        32,
        1,
        u32::MAX / 7,
        u32::MAX % 7,
    ];
    assert_eq!(found, expected);
}

#[test]
fn floats_convert_and_pack_as_specified() {
    let found = evaluated(
        "let f = bitcast<f32>(a); let g = bitcast<f32>(b);",
        &[(-1.5_f32).to_bits(), 3e9_f32.to_bits()],
        &[
            "u32(f)",
            "bitcast<u32>(i32(g))",
            "bitcast<u32>(i32(f))",
            "bitcast<u32>(round(f + 2.0))",
            "bitcast<u32>(fract(f))",
            "pack2x16float(vec2(f, 2.0))",
            "pack4x8snorm(vec4(f, 1.0, 0.0, 0.5))",
            "bitcast<u32>(unpack4x8unorm(0x80ff00ffu).z)",
            "bitcast<u32>(modf(f).fract)",
            "bitcast<u32>(frexp(f).exp)",
            "bitcast<u32>(determinant(mat2x2(2.0, 0.0, 0.0, f)))",
        ],
    );
    let expected = [
        0,
        // The last integer that is a single, too.
        0x7fff_ff80,
        -1_i32 as u32,
        0.0_f32.to_bits(),
        0.5_f32.to_bits(),
        0x4000_be00,
        0x4000_7f81,
        1.0_f32.to_bits(),
        (-0.5_f32).to_bits(),
        1,
        (-3.0_f32).to_bits(),
    ];
    assert_eq!(found, expected);
}

#[test]
fn wide_and_narrow_types_compute() {
    let source = "enable f16;
@group(0) @binding(0) var<storage, read_write> x: array<u32>;
@compute @workgroup_size(1) fn main() {
    let long = (u64(x[0]) << 32u) + 7lu;
    x[1] = u32((long * 3lu) >> 32u);
    let double = f64(x[0]) + 0.5lf;
    x[2] = u32(double * 4.0lf);
    let half = f16(x[0]) * 1.5h;
    x[3] = u32(half);
    let m = vec3<f16>(half, 2.0h, 0.1h);
    x[4] = bitcast<u32>(f32(m.z));
}";
    let mut cpu = common::embedded();
    let (outcome, words) = run(&mut cpu, &kernel(source), &[5, 0, 0, 0, 0], 1);
    assert_eq!(words, [5, 15, 22, 7, 0x3dcc_c000]);
    let tally = outcome.witness.unwrap().tally;
    assert_eq!(tally.ops.get(Scalar::F16, Op::Mul), 1);
    assert_eq!(tally.ops.get(Scalar::F64, Op::Add), 1);
    assert_eq!(tally.ops.get(Scalar::F64, Op::Mul), 1);
}

/// Lanes that share what they load, alone, in halves of a vector or in rows, up to the last word there is.
#[test]
fn lanes_load_what_their_indices_name() {
    const LANES: u32 = 72;
    let word = |i: u32| i.wrapping_mul(2_654_435_761);
    type Pattern = (&'static str, fn(u32) -> u32);
    let patterns: [Pattern; 7] = [
        ("i", |i| i),
        ("i / 8u", |i| i / 8),
        ("i % 8u", |i| i % 8),
        ("i % 16u", |i| i % 16),
        ("i / 16u * 4u", |i| i / 16 * 4),
        ("i * 7u % 13u", |i| i * 7 % 13),
        ("i / 8u * 9u", |i| i / 8 * 9),
    ];
    // What lies where: its type, the words before the first element, from one to the next, of one.
    let elements = [
        ("array<u32>", 0, 1, 1),
        ("array<vec2<u32>>", 0, 2, 2),
        ("array<vec3<u32>>", 0, 4, 3),
        ("array<vec4<u32>>", 0, 4, 4),
        ("array<vec4<u32>, 70>", 0, 4, 4),
        ("Headed", 2, 3, 3),
    ];
    for (ty, head, stride, words) in elements {
        for (pattern, index) in patterns {
            for length in [40 * stride, 40 * stride + 1, 41 * stride + head - 1] {
                let at = if head > 0 { "y.rest" } else { "y" };
                let part = |w| if words == 1 { "v".into() } else { format!("v[{w}]") };
                let parts = (0..words).map(|w| format!("{} * {}u", part(w), 2 * w + 1));
                let sum = parts.collect::<Vec<String>>().join(" + ");
                let source = format!(
                    "struct Headed {{ head: vec2<u32>, rest: array<array<u32, 3>> }}
@group(0) @binding(0) var<storage, read_write> x: array<u32>;
@group(0) @binding(1) var<storage, read> y: {ty};
@compute @workgroup_size({LANES}) fn main(@builtin(local_invocation_index) i: u32) {{
    let v = {at}[{pattern}];
    x[i] = {sum};
}}"
                );
                let kernel = kernel(&source);
                let mut cpu = common::embedded();
                let content: Vec<u32> = (0..length as u32).map(word).collect();
                let before = [&vec![0; LANES as usize], &content];
                let before = before.map(|words| bytemuck::cast_slice(words).to_vec()).to_vec();
                let trial = Trial::new(&mut cpu, &kernel, before).unwrap();
                let witness = trial.plain(&mut cpu, [1; 3]).unwrap().witness.unwrap();
                let found = trial.buffers().read(&mut cpu, (0, 0)).unwrap().unwrap();
                let found: Vec<u32> = bytemuck::pod_collect_to_vec(&found);

                // An array has as many elements as wholly fit.
                let fits = (length - head) / stride;
                let mut outside = 0;
                let expected: Vec<u32> = (0..LANES)
                    .map(|lane| {
                        let element = index(lane) as usize;
                        outside += u64::from(element >= fits);
                        let first = head + element * stride;
                        let part = |w: usize| content[first + w].wrapping_mul(2 * w as u32 + 1);
                        let parts = (0..words).filter(|_| element < fits).map(part);
                        parts.fold(0, u32::wrapping_add)
                    })
                    .collect();
                assert_eq!(found, expected, "{source}");
                let reported: u64 = witness.out_of_bounds.iter().map(|o| o.accesses).sum();
                assert_eq!(reported, outside, "{source}");
            }
        }
    }
}

#[test]
fn several_computed_indices_add_up() {
    let source = "struct Row { head: u32, cells: array<vec2<u32>, 4> }
@group(0) @binding(0) var<storage, read_write> rows: array<Row>;
@compute @workgroup_size(32) fn main(@builtin(local_invocation_index) i: u32) {
    let cell = rows[i / 4u].cells[i % 4u];
    rows[i / 4u].cells[i % 4u] = vec2(cell.y + 1u, cell[i % 2u]);
}";
    // A row is 40 bytes: a head, padding, four pairs.
    let words: Vec<u32> = (0..80).collect();
    let (_, found) = run(&mut common::embedded(), &kernel(source), &words, 1);
    for i in 0..32_usize {
        let at = i / 4 * 10 + 2 + i % 4 * 2;
        assert_eq!(found[at..at + 2], [words[at + 1] + 1, words[at + i % 2]], "{i}");
    }
}

/// Booleans that invocations share, by themselves, in vectors and beside numbers: none lies where another does.
#[test]
fn booleans_are_kept_in_workgroup_memory() {
    let source = format!(
        "{X}struct Mark {{ half: u32, seen: bool, both: vec2<bool>, large: vec3<f32> }}
var<workgroup> odd: array<bool, 16>;
var<workgroup> marks: array<Mark, 16>;
var<workgroup> met: bool;
@compute @workgroup_size(16) fn main(@builtin(local_invocation_index) i: u32) {{
    odd[i] = (i & 1u) == 1u;
    marks[i] = Mark(i / 2u, i > 3u, vec2(9u > i, i > 9u), vec3(f32(i)));
    marks[i].both[i % 2u] = i == 12u;
    if i == 5u {{ met = true; }}
    workgroupBarrier();
    let other = marks[15u - i];
    x[i] = other.half + 10u * u32(odd[15u - i]) + 20u * u32(other.seen) + 40u * u32(other.both.x)
        + 80u * u32(other.both.y) + 160u * u32(other.large.z) + 4000u * u32(met);
}}"
    );
    let kernel = kernel(&source);
    let mut cpu = common::embedded();
    let (outcome, words) = run(&mut cpu, &kernel, &[0; 16], 1);
    for (j, word) in (0..16_u32).rev().zip(words) {
        let mut both = [j < 9, j > 9];
        both[j as usize % 2] = j == 12;
        let flags = [j % 2 == 1, j > 3, both[0], both[1]].map(u32::from);
        let sum: u32 = flags.iter().zip([10, 20, 40, 80]).map(|(flag, times)| flag * times).sum();
        assert_eq!(word, j / 2 + sum + 160 * j + 4000, "{j}");
    }
    let tally = outcome.witness.unwrap().tally.traffic;
    let mark = 4 + 1 + 2 + 12;
    assert_eq!(tally.workgroup_store, 16 * (1 + mark + 1) + 1);
    assert_eq!(tally.workgroup_load, 16 * (1 + mark + 1));
    let mut cpu = common::embedded().detecting_races();
    let (outcome, _) = run(&mut cpu, &kernel, &[0; 16], 1);
    assert_eq!(outcome.witness.unwrap().races, Some(Vec::new()));
}

#[test]
fn subgroups_have_the_width_asked_for() {
    let source = format!(
        "{X}@compute @workgroup_size(16) fn main(
    @builtin(local_invocation_index) i: u32, @builtin(subgroup_size) width: u32
) {{
    x[i] = subgroupAdd(i) * 1000u + subgroupExclusiveAdd(1u) * 10u + width;
}}"
    );
    for width in [4, 8] {
        let mut cpu = Cpu::new(width).unwrap();
        let (_, words) = run(&mut cpu, &kernel(&source), &[0; 16], 1);
        for (i, word) in (0..16).zip(words) {
            let first = i / width * width;
            let sum: u32 = (first..first + width).sum();
            assert_eq!(word, sum * 1000 + (i - first) * 10 + width);
        }
    }
    assert!(Cpu::new(7).is_err());
}

/// How often such a loop goes round depends on which workgroup comes first, so they come in their order. What is plain
/// and what counts would execute something else otherwise, and the tally of the one is held against the other.
#[test]
fn a_kernel_that_goes_by_atomics_executes_the_same_each_time() {
    let source = "@group(0) @binding(0) var<storage, read_write> sum: array<atomic<u32>>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    var old = atomicLoad(&sum[0]);
    loop {
        let next = bitcast<u32>(bitcast<f32>(old) + f32(id.x) * 0.5);
        let did = atomicCompareExchangeWeak(&sum[0], old, next);
        if did.exchanged { break; }
        old = did.old_value;
    }
}";
    let kernel = kernel(source);
    let mut cpu = common::embedded();
    let tally = |cpu: &mut Cpu| run(cpu, &kernel, &[0; 4], 64).0.witness.unwrap().tally;
    let first = tally(&mut cpu);
    for _ in 0..8 {
        assert_eq!(tally(&mut cpu), first);
    }
}

#[test]
fn a_kernel_heeds_the_order_of_workgroups_where_it_goes_by_atomics_of_storage() {
    for (statement, heeds) in [
        ("atomicAdd(&x[0], 1u);", false),
        ("let old = atomicAdd(&x[0], 1u); y[old] = 1u;", true),
        ("y[0] = atomicLoad(&x[0]);", true),
        ("atomicStore(&x[0], y[0]); atomicMax(&x[1], y[1]);", false),
        ("y[0] = atomicAdd(&shared_one, 1u) + atomicLoad(&shared_one);", false),
        ("if y[0] == 1u { loop { if atomicExchange(&x[1], 1u) == 0u { break; } } }", true),
        ("y[0] = claimed(); } fn claimed() -> u32 { return atomicAdd(&x[3], 1u);", true),
        ("marked(); } fn marked() { atomicOr(&x[3], 1u);", false),
    ] {
        let source = format!(
            "@group(0) @binding(0) var<storage, read_write> x: array<atomic<u32>>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;
var<workgroup> shared_one: atomic<u32>;
@compute @workgroup_size(64) fn main() {{ {statement} }}"
        );
        assert_eq!(kernel(&source).heeds_order, heeds, "{statement}");
    }
}
