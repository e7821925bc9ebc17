//! Every row of the vocabulary as WGSL spells it: in the tables, and counted where it runs.

use flopmeter::op::{Op, OpCounts, Scalar, Traffic};

use super::{
    super::harness::{counted, kernel},
    Ops, check, executed, has_half_floats, ops, rays, textures,
};

/// Every row of the vocabulary, as WGSL spells it, with what it costs.
const EXPRESSIONS: &[(&str, Ops<'_>)] = &[
    // Naming a value costs nothing, nor does what WGSL evaluates itself.
    ("a", &[]),
    ("1.0 + 2.0 * 3.0", &[]),
    ("v.zyx", &[]),
    ("vec3<f32>(a, b, c)", &[]),
    ("vec4(a)", &[]),
    ("v[i]", &[]),
    ("bitcast<u32>(a)", &[]),
    ("arrayLength(&s)", &[]),
    ("transpose(m32)", &[]),
    ("f32(a)", &[]),
    // Arithmetic, per component.
    ("a + b", &[("f32.add", 1)]),
    ("v - w", &[("f32.add", 3)]),
    ("v * w", &[("f32.mul", 3)]),
    ("q * a", &[("f32.mul", 4)]),
    ("a * q", &[("f32.mul", 4)]),
    ("v / w", &[("f32.div", 3)]),
    ("a % b", &[("f32.rem", 1)]),
    ("-q", &[("f32.neg", 4)]),
    ("h * h", &[("f16.mul", 1)]),
    ("hv + hv", &[("f16.add", 2)]),
    ("d / d", &[("f64.div", 1)]),
    ("fma(q, q, q)", &[("f32.fma", 4)]),
    ("abs(v)", &[("f32.abs", 3)]),
    ("min(a, b)", &[("f32.minmax", 1)]),
    ("max(v, w)", &[("f32.minmax", 3)]),
    ("clamp(a, b, c)", &[("f32.minmax", 2)]),
    ("saturate(q)", &[("f32.minmax", 8)]),
    // Elementary functions.
    ("sqrt(v)", &[("f32.sqrt", 3)]),
    ("inverseSqrt(a)", &[("f32.rsqrt", 1)]),
    ("exp(a) ", &[("f32.exp", 1)]),
    ("exp2(v)", &[("f32.exp", 3)]),
    ("log(a)", &[("f32.log", 1)]),
    ("log2(v)", &[("f32.log", 3)]),
    ("pow(v, w)", &[("f32.pow", 3)]),
    ("sin(a)", &[("f32.trig", 1)]),
    ("cos(v)", &[("f32.trig", 3)]),
    ("tan(a)", &[("f32.trig", 1)]),
    ("asin(a)", &[("f32.trig", 1)]),
    ("acos(a)", &[("f32.trig", 1)]),
    ("atan(a)", &[("f32.trig", 1)]),
    ("atan2(v, w)", &[("f32.trig", 3)]),
    ("sinh(a)", &[("f32.tanh", 1)]),
    ("cosh(a)", &[("f32.tanh", 1)]),
    ("tanh(q)", &[("f32.tanh", 4)]),
    ("asinh(a)", &[("f32.tanh", 1)]),
    ("acosh(a)", &[("f32.tanh", 1)]),
    ("atanh(a)", &[("f32.tanh", 1)]),
    ("floor(a)", &[("f32.round", 1)]),
    ("ceil(v)", &[("f32.round", 3)]),
    ("round(a)", &[("f32.round", 1)]),
    ("trunc(a)", &[("f32.round", 1)]),
    ("sign(v)", &[("f32.round", 3)]),
    ("frexp(a)", &[("f32.round", 1)]),
    ("modf(v)", &[("f32.round", 3)]),
    ("ldexp(a, i)", &[("f32.round", 1)]),
    ("fract(v)", &[("f32.round", 3), ("f32.add", 3)]),
    ("radians(v)", &[("f32.mul", 3)]),
    ("degrees(a)", &[("f32.mul", 1)]),
    // Choices and conversions.
    ("v < w", &[("f32.compare", 3)]),
    ("a == b", &[("f32.compare", 1)]),
    ("select(v, w, tv)", &[("f32.select", 3)]),
    ("select(v, w, t)", &[("f32.select", 3)]),
    ("select(i, j, t)", &[("int.select", 1)]),
    ("f32(i)", &[("f32.convert", 1)]),
    ("vec4<f32>(kv)", &[("f32.convert", 4)]),
    ("u32(a)", &[("f32.convert", 1)]),
    ("f16(a)", &[("f16.convert", 1)]),
    ("f32(h)", &[("f32.convert", 1)]),
    ("f32(t)", &[("f32.convert", 1)]),
    ("u32(i)", &[("int.convert", 1)]),
    // Compositions, by their definition.
    ("dot(v, w)", &[("f32.mul", 3), ("f32.add", 2)]),
    ("dot(q, q)", &[("f32.mul", 4), ("f32.add", 3)]),
    ("length(v)", &[("f32.mul", 3), ("f32.add", 2), ("f32.sqrt", 1)]),
    ("distance(v, w)", &[("f32.mul", 3), ("f32.add", 5), ("f32.sqrt", 1)]),
    ("normalize(v)", &[("f32.mul", 6), ("f32.add", 2), ("f32.rsqrt", 1)]),
    ("mix(v, w, u)", &[("f32.mul", 6), ("f32.add", 6)]),
    ("mix(v, w, a)", &[("f32.mul", 6), ("f32.add", 6)]),
    ("step(v, w)", &[("f32.compare", 3)]),
    ("smoothstep(a, b, c)", &[("f32.add", 3), ("f32.div", 1), ("f32.minmax", 2), ("f32.mul", 3)]),
    ("cross(v, w)", &[("f32.mul", 6), ("f32.add", 3)]),
    ("reflect(v, w)", &[("f32.mul", 7), ("f32.add", 5)]),
    (
        "faceForward(u, v, w)",
        &[("f32.mul", 3), ("f32.add", 2), ("f32.compare", 1), ("f32.neg", 3), ("f32.select", 3)],
    ),
    (
        "refract(v, w, a)",
        &[("f32.mul", 13), ("f32.add", 8), ("f32.sqrt", 1), ("f32.compare", 1), ("f32.select", 3)],
    ),
    ("quantizeToF16(v)", &[("f16.convert", 3), ("f32.convert", 3)]),
    // Matrices: columns x rows.
    ("m32 + m32", &[("f32.add", 6)]),
    ("m32 * a", &[("f32.mul", 6)]),
    ("m32 * v", &[("f32.mul", 6), ("f32.add", 4)]),
    ("p * m32", &[("f32.mul", 6), ("f32.add", 3)]),
    ("m24 * m32", &[("f32.mul", 24), ("f32.add", 12)]),
    ("m44 * q", &[("f32.mul", 16), ("f32.add", 12)]),
    ("determinant(m22)", &[("f32.mul", 2), ("f32.add", 1)]),
    ("determinant(m33)", &[("f32.mul", 9), ("f32.add", 5)]),
    ("determinant(m44)", &[("f32.mul", 28), ("f32.add", 17)]),
    // Integers and booleans.
    ("i + j", &[("int.add", 1)]),
    ("kv * kv", &[("int.mul", 4)]),
    ("k / 3u", &[("int.div", 1)]),
    ("k % 3u", &[("int.rem", 1)]),
    ("-i", &[("int.neg", 1)]),
    ("abs(i)", &[("int.abs", 1)]),
    ("max(i, j)", &[("int.minmax", 1)]),
    ("clamp(kv, kv, kv)", &[("int.minmax", 8)]),
    ("dot(kv, kv)", &[("int.mul", 4), ("int.add", 3)]),
    ("i <= j", &[("int.compare", 1)]),
    ("k & 7u", &[("int.bit", 1)]),
    ("kv ^ kv", &[("int.bit", 4)]),
    ("k << 2u", &[("int.bit", 1)]),
    ("kv >> kv", &[("int.bit", 4)]),
    ("~k", &[("int.bit", 1)]),
    ("!t", &[("int.bit", 1)]),
    ("t | t", &[("int.bit", 1)]),
    ("all(tv)", &[("int.bit", 2)]),
    ("any(tv)", &[("int.bit", 2)]),
    ("countOneBits(kv)", &[("int.bit", 4)]),
    ("firstLeadingBit(k)", &[("int.bit", 1)]),
    ("extractBits(k, 1u, 3u)", &[("int.bit", 1)]),
    ("insertBits(k, k, 1u, 3u)", &[("int.bit", 1)]),
    ("reverseBits(k)", &[("int.bit", 1)]),
    ("dot4U8Packed(k, k)", &[("int.mul", 4), ("int.add", 3)]),
    // Packing.
    ("pack4xU8(kv)", &[("int.bit", 1)]),
    ("pack4xU8Clamp(kv)", &[("int.minmax", 8), ("int.bit", 1)]),
    ("unpack4xU8(k)", &[("int.bit", 1)]),
    ("pack2x16float(p)", &[("f16.convert", 2), ("int.bit", 1)]),
    ("unpack2x16float(k)", &[("f32.convert", 2), ("int.bit", 1)]),
    (
        "pack2x16snorm(p)",
        &[
            ("f32.minmax", 4),
            ("f32.mul", 2),
            ("f32.add", 2),
            ("f32.round", 2),
            ("f32.convert", 2),
            ("int.bit", 1),
        ],
    ),
    ("unpack4x8unorm(k)", &[("f32.convert", 4), ("f32.div", 4), ("int.bit", 1)]),
    ("unpack4x8snorm(k)", &[("f32.convert", 4), ("f32.div", 4), ("f32.minmax", 4), ("int.bit", 1)]),
    // A subgroup's reductions and scans, per invocation.
    ("subgroupAdd(a)", &[("f32.add", 1)]),
    ("subgroupInclusiveMul(v)", &[("f32.mul", 3)]),
    ("subgroupExclusiveAdd(k)", &[("int.add", 1)]),
    ("subgroupMax(a)", &[("f32.minmax", 1)]),
    ("subgroupXor(k)", &[("int.bit", 1)]),
    ("subgroupAll(t)", &[("int.bit", 1)]),
    ("subgroupBallot(t)", &[("int.bit", 1)]),
    ("subgroupBroadcast(a, 3u)", &[]),
    ("subgroupShuffleXor(v, 1u)", &[]),
];

#[test]
fn every_expression_costs_what_the_vocabulary_says() {
    for (expression, expected) in EXPRESSIONS {
        check(&format!("let r = {expression};"), expected, Traffic::default());
    }
}

#[test]
fn every_row_of_the_vocabulary_is_among_the_expressions() {
    let priced = EXPRESSIONS.iter().map(|(_, expected)| *expected);
    let of_textures = textures::STATEMENTS.iter().map(|(_, expected, _)| *expected);
    let all: OpCounts = priced.chain(of_textures).chain([rays::OPS]).map(ops).sum();
    let missing: Vec<Op> = Op::ALL
        .into_iter()
        .filter(|&op| Scalar::ALL.into_iter().all(|scalar| all.get(scalar, op) == 0))
        .collect();
    assert_eq!(missing, []);
    // naga has no floats of 8 bits and no bfloat16.
    let of_naga = |scalar: &Scalar| !matches!(scalar, Scalar::Bf16 | Scalar::F8);
    for scalar in Scalar::ALL.into_iter().filter(of_naga) {
        assert!(all.iter().any(|(its, ..)| its == scalar), "{scalar:?}");
    }
}

/// Invocations that run each line of [`executed`].
const INVOCATIONS: u64 = 3 * 32;

#[test]
fn every_row_of_the_vocabulary_is_counted_where_it_runs() {
    common::on_every_executor(|executor| {
        if !has_half_floats(executor) {
            return;
        }
        // What not every adapter has stands apart.
        let wants = |text: &str| match text {
            "h * h" | "hv + hv" | "f16(a)" | "f32(h)" => "f16",
            "d / d" => "f64",
            _ if text.starts_with("subgroup") => "subgroups",
            _ => "nothing",
        };
        for want in ["nothing", "f16", "f64", "subgroups"] {
            let chosen: Vec<_> =
                EXPRESSIONS.iter().filter(|(text, _)| wants(text) == want).collect();
            assert!(!chosen.is_empty());
            let lines =
                chosen.iter().enumerate().map(|(i, (text, _))| format!("let r{i} = {text};"));
            let (source, first) = executed(lines, 32);
            let kernel = kernel(&source, "main", &[]);
            if want != "nothing" && executor.compile(&kernel).is_err() {
                println!("SKIPPED: {} has no {want}", executor.adapter().name);
                continue;
            }
            let limits = executor.adapter().limits;
            let lines = counted(executor, &kernel, &limits, [3, 1, 1]).lines;
            for (number, (text, expected)) in (first..).zip(&chosen) {
                let found = lines.get(&number).map_or(OpCounts::ZERO, |line| line.cost.ops);
                assert_eq!(found, ops(expected).times(INVOCATIONS), "{text}");
            }
        }
    });
}
