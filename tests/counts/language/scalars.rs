//! Scalars of 64 and of 16 bits: in registers, in storage, and as atomics.

use super::{evaluates, run, wgsl};

#[test]
fn integers_of_64_bits() {
    // Halves of a 64-bit value, the low one first.
    let low = |e: &str| format!("u32(({e}) & 0xfffffffflu)");
    let high = |e: &str| format!("u32(({e}) >> 32u)");
    let wide = [
        ("u * u", 0xffff_fffe_0000_0001_u64),
        // 2^64 - 2^33 + 1, and 2^33 more
        ("u * u + u + u + 2lu", 1),
        ("top / 3lu", 0x2aaa_aaaa_aaaa_aaaa),
        ("top % 10lu", 8),
        ("top / (u - u)", 1 << 63),
        ("u << (20u * one)", 0xfffff << 32 | 0xfff0_0000),
        ("~u", 0xffff_ffff << 32),
        ("u ^ (u << 16u)", 0xffff_0000_ffff),
        ("min(u, top) + max(u, top)", 1 << 63 | 0xffff_ffff),
        ("clamp(top, 1lu, u)", 0xffff_ffff),
        ("bitcast<u64>(s / t)", 1 << 63),
        ("bitcast<u64>(s % t)", 0),
        ("bitcast<u64>(-7li * i64(one) / 2li)", -3_i64 as u64),
        ("bitcast<u64>(-7li * i64(one) % 2li)", -1_i64 as u64),
        ("bitcast<u64>(s >> 62u)", -2_i64 as u64),
        ("bitcast<u64>(abs(t))", 1),
        ("bitcast<u64>(max(s, t))", u64::MAX),
        ("bitcast<u64>(i64(bitcast<i32>(ones)))", u64::MAX),
        ("u64(ones)", 0xffff_ffff),
        // A number is extended by its own sign, and not by that of what it becomes.
        ("bitcast<u64>(i64(ones))", 0xffff_ffff),
        ("u64(bitcast<i32>(ones))", u64::MAX),
        ("bitcast<u64>(vec2<i64>(vec2(one, ones)).y)", 0xffff_ffff),
        ("vec2<u64>(bitcast<vec2<i32>>(vec2(one, ones))).y", u64::MAX),
        ("u64(1.5e10 * f32(one))", 15_000_000_512),
        ("bitcast<u64>(i64(-1.5e10 * f32(one)))", -15_000_000_512_i64 as u64),
        ("u64(1e30 * f32(one))", 0xffff_ff00_0000_0000),
        ("bitcast<u64>(i64(1e30lf * f64(one)))", 0x7fff_ffff_ffff_fc00),
        ("bitcast<u64>(i64(-1e30 * f32(one)))", 1 << 63),
        ("u64(i32(1e30lf * f64(one)))", 0x7fff_ffff),
        ("select(u, top, s < t)", 1 << 63),
        ("u64(u > top) + 2lu * u64(top >= top) + 4lu * u64(s != t)", 6),
        ("choices[one]", 5),
        ("dot(vec2(u, top), vec2(2lu, 1lu))", 1 << 63 | 0x1_ffff_fffe),
    ];
    let cases: Vec<(String, u32)> = wide
        .iter()
        .flat_map(|(e, expected)| [(low(e), *expected as u32), (high(e), (expected >> 32) as u32)])
        .chain([
            ("bitcast<u32>(f32(top))".into(), 2_f32.powi(63).to_bits()),
            ("bitcast<u32>(f32(s))".into(), (-2_f32.powi(63)).to_bits()),
        ])
        .collect();
    let cases: Vec<(&str, u32)> = cases.iter().map(|(e, x)| (e.as_str(), *x)).collect();
    evaluates(
        "",
        "let u = u64(ones); let top = u64(one) << 63u; let s = bitcast<i64>(top); let t = -i64(one);
var choices = array<u64, 3>(4lu, 5lu, 6lu);",
        &cases,
    );
}

#[test]
fn doubles() {
    evaluates(
        "",
        "let d = f64(one) / 3.0lf; let big = f64(ones) * f64(ones);",
        &[
            // 1/3 as a double is 0x3fd5555555555555.
            ("u32(bitcast<u64>(d) >> 32u)", 0x3fd5_5555),
            ("u32(bitcast<u64>(d) & 0xfffffffflu)", 0x5555_5555),
            ("u32(fma(d, 3.0lf, 1.5lf) * 2.0lf)", 5),
            ("u32(sqrt(big))", u32::MAX),
            ("u32(big / f64(ones))", u32::MAX),
            ("u32(floor(d * 10.0lf)) + u32(ceil(d * 10.0lf)) * 10u", 43),
            ("u32(min(d, 0.25lf) * 100.0lf) + u32(max(d, 0.25lf) * 3000.0lf)", 1025),
            ("u32(abs(-d) * 6.0lf)", 2),
            ("bitcast<u32>(f32(d))", (1_f32 / 3.0).to_bits()),
            ("bitcast<u32>(f32(big))", 1.844_674_4e19_f32.to_bits()),
            ("bitcast<u32>(i32(-2.5lf * f64(one)))", -2_i32 as u32),
            ("u32(dot(vec2(d, d), vec2(3.0lf, 6.0lf)) * 2.0lf)", 6),
            ("u32(select(1.0lf, 2.0lf, d > 0.3lf))", 2),
        ],
    );
}

#[test]
fn halves_in_registers() {
    evaluates(
        "enable f16;",
        "let h = f16(one) * 0.1h; let big = 60000.0h * f16(one);",
        &[
            // 0.1 as a half is 0x2e66.
            ("pack2x16float(vec2<f32>(vec2<f16>(h, -h)))", 0xae66_2e66),
            // 0.1 + 0.2 lies between two halves and goes to the even one, 0x34cc.
            ("pack2x16float(vec2<f32>(vec2<f16>(h + 0.2h, h * h)))", 0x211e_34cc),
            ("u32(big)", 60_000),
            // Past 65504 there is infinity.
            ("pack2x16float(vec2<f32>(vec2<f16>(big * 2.0h, -big - big)))", 0xfc00_7c00),
            ("bitcast<u32>(f32(h))", 0.099_975_586_f32.to_bits()),
            ("pack2x16float(vec2<f32>(vec2<f16>(sqrt(4.0h * f16(one)), floor(-h))))", 0xbc00_4000),
            ("u32(big * 2.0h) + u32(i32(big * -2.0h) + 65504)", 65504),
            // 2049 lies between two halves and goes to the even one.
            ("u32(f16(ones & 2049u))", 2048),
            ("pack2x16float(vec2(f32(f16(1.0 / 3.0 * f32(one))), 0.0))", 0x3555),
        ],
    );
}

#[test]
fn halves_in_storage() {
    // A half, a vector, a matrix with padded columns, a runtime-sized array; and halves in workgroup memory.
    let source = "enable f16;
struct S { first: f16, v: vec3<f16>, m: mat2x3<f16>, rest: array<f16> }
@group(0) @binding(0) var<storage, read_write> s: S;
var<workgroup> tile: array<f16, 4>;
@compute @workgroup_size(4) fn main(@builtin(local_invocation_index) i: u32) {
    tile[3u - i] = s.rest[i];
    workgroupBarrier();
    s.rest[i] = tile[i] * 2.0h;
    if i == 0u {
        s.first = s.v.z;
        s.v = s.v.zyx + vec3<f16>(s.m[1]);
        s.m[0][2] = -s.m[1].y;
    }
}";
    let half = |x: f32| u32::from(half::f16::from_f32(x).to_bits());
    let words = |halves: &[f32]| -> Vec<u32> {
        halves.chunks(2).map(|pair| half(pair[0]) | half(pair[1]) << 16).collect()
    };
    // first and padding; v and padding; two columns of m with padding; four of rest.
    let before = [
        1.0, 9.0, 9.0, 9.0, 2.0, 3.0, 4.0, 9.0, 5.0, 6.0, 7.0, 9.0, 8.0, 0.5, 0.25, 9.0, 1.5, 2.5,
        3.5, 4.5,
    ];
    let after = [
        4.0, 9.0, 9.0, 9.0, 12.0, 3.5, 2.25, 9.0, 5.0, 6.0, -0.5, 9.0, 8.0, 0.5, 0.25, 9.0, 9.0,
        7.0, 5.0, 3.0,
    ];
    common::on_every_executor(|executor| {
        let Some(found) = run(executor, &wgsl(source), &words(&before)) else { return };
        assert_eq!(found, words(&after), "{}", executor.adapter().name);
    });
}

#[test]
fn atomics_of_64_bits() {
    let source = "struct S { sum: atomic<u64>, least: atomic<i64>, most: atomic<u64>, bits: atomic<u64>,
    odd: atomic<u64>, both: atomic<u64>, last: atomic<u64>, shared_sum: u64, olds: atomic<u64>, won: atomic<u64> }
@group(0) @binding(0) var<storage, read_write> s: S;
var<workgroup> tile: atomic<u64>;
@compute @workgroup_size(64) fn main(@builtin(local_invocation_index) i: u32) {
    let old = atomicAdd(&s.sum, 0x100000001lu);
    atomicAdd(&s.olds, old >> 32u);
    atomicMin(&s.least, -i64(i));
    atomicMax(&s.most, u64(i) << 33u);
    atomicOr(&s.bits, 1lu << i);
    atomicXor(&s.odd, 1lu << (i / 2u));
    atomicAnd(&s.both, ~(1lu << i));
    atomicExchange(&s.last, 0x700000000lu);
    atomicAdd(&tile, u64(i) * 0x100000000lu);
    atomicSub(&tile, 1lu);
    let won = atomicCompareExchangeWeak(&s.won, 5lu, u64(i) + 0x500000000lu);
    if won.exchanged { atomicStore(&s.last, 0x900000000lu); }
    workgroupBarrier();
    if i == 0u { s.shared_sum = atomicLoad(&tile); }
}";
    let mut before = vec![0_u32; 20];
    (before[10], before[11], before[18]) = (u32::MAX, u32::MAX, 5);
    common::on_every_executor(|executor| {
        let Some(found) = run(executor, &wgsl(source), &before) else { return };
        let found: Vec<u64> =
            found.chunks(2).map(|w| u64::from(w[0]) | u64::from(w[1]) << 32).collect();
        assert_eq!(found[0], 64 << 32 | 64);
        assert_eq!(found[1], -63_i64 as u64);
        assert_eq!(found[2], 63 << 33);
        assert_eq!(found[3], u64::MAX);
        assert_eq!(found[4], 0);
        assert_eq!(found[5], 0);
        assert!([7 << 32, 9 << 32].contains(&found[6]), "{:#x}", found[6]);
        assert_eq!(found[7], (2016 << 32) - 64);
        // Each lane saw another number of lanes before it.
        assert_eq!(found[8], 2016);
        assert!((5 << 32..(5 << 32) + 64).contains(&found[9]), "{:#x}", found[9]);
    });
}

#[test]
fn atomics_of_floats() {
    let source = "@group(0) @binding(0) var<storage, read_write> x: array<atomic<f32>, 2>;
@compute @workgroup_size(32) fn main(@builtin(local_invocation_index) i: u32) {
    atomicAdd(&x[0], f32(i) * 0.5);
    atomicSub(&x[1], 1.0);
}";
    common::on_every_executor(|executor| {
        let before = [1_f32.to_bits(), 2_f32.to_bits()];
        let Some(found) = run(executor, &wgsl(source), &before) else { return };
        assert_eq!(found, [249_f32.to_bits(), (-30_f32).to_bits()]);
    });
}
