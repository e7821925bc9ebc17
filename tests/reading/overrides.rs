//! What an override changes: what depends on it, and nothing else.

use std::collections::BTreeMap;

use common::on_every_executor;
use flopmeter::kernel::KernelModule;

use crate::run::{expected, iota, ops, ran};

const BODY: &str = "
    @group(0) @binding(0) var<storage, read_write> x: array<f32>;
    @compute @workgroup_size(4)
    fn main(@builtin(local_invocation_index) i: u32) {
        let a = 3.0;
        let b = a * 2.0;
        _ = sqrt(x[i]);
        x[i] = b + sqrt(4.0) * x[i] + mix(1f, 2f, 0.5f);
    }";

fn kernel(text: &str, overrides: &[(&str, f64)]) -> KernelModule {
    let overrides: BTreeMap<String, f64> =
        overrides.iter().map(|&(name, value)| (name.to_owned(), value)).collect();
    KernelModule::from_wgsl("case", text, "main", &overrides)
        .unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn an_unrelated_override_changes_no_count() {
    let declarations = [
        "",
        "override N: u32 = 4;",
        "@id(7) override N: f32;",
        "override M = 2; override N = M * 3;",
    ];
    on_every_executor(|executor| {
        let mut costs = declarations.iter().map(|declaration| {
            ran(executor, &kernel(&format!("{declaration}{BODY}"), &[]), [1; 3], &[iota(4)]).cost
        });
        let plain = costs.next().unwrap();
        // `a * 2.0`, `sqrt(4.0) * x[i]` of which naga evaluates the root, two sums, the root that nobody uses, and a
        // mix that naga does not evaluate.
        let floats = [("f32.add", 16), ("f32.mul", 16), ("f32.sqrt", 4)];
        let found = ops(&plain).into_iter().filter(|(key, _)| key.starts_with("f32"));
        assert_eq!(found.collect::<BTreeMap<_, _>>(), expected(&floats));
        assert!(costs.all(|cost| cost == plain));
    });
}

#[test]
fn an_override_in_use_changes_what_depends_on_it_alone() {
    let text = "
        override N: u32 = 4;
        override SCALE: f32;
        const HALF = 0.5;
        var<workgroup> s: array<f32, 2 * N>;
        var<private> start: f32 = SCALE * HALF;
        @group(0) @binding(0) var<storage, read_write> x: array<f32>;
        fn unused() -> f32 { return f32(UNSET); }
        override UNSET: u32;
        @compute @workgroup_size(N)
        fn main(@builtin(local_invocation_index) i: u32) {
            let a = SCALE * 2.0;
            let b = a * 2.0;
            s[i + N] = b + start;
            workgroupBarrier();
            var c = SCALE + 1.0;
            if SCALE * 3.0 > 4.0 { c = s[2 * N - 1u - i] * vec2(SCALE, 1.0).y; }
            x[i] = c;
        }";
    on_every_executor(|executor| {
        let ran = ran(executor, &kernel(text, &[("SCALE", 8.0)]), [1; 3], &[iota(4)]);
        assert_eq!(ran.floats(), [36.0; 4]);
        // `a * 2`, `b + start`, and the product with the second component of a vector.
        let floats = [("f32.add", 4), ("f32.mul", 8)];
        let found = ran.ops().into_iter().filter(|(key, _)| key.starts_with("f32"));
        assert_eq!(found.collect::<BTreeMap<_, _>>(), expected(&floats));
    });
}

#[test]
fn values_that_do_not_fit_are_refused() {
    let refused = |text: &str, values: &[(&str, f64)]| {
        let values = values.iter().map(|&(name, value)| (name.to_owned(), value)).collect();
        let text =
            format!("{text}\n@compute @workgroup_size(N) fn main() {{ var y = 1 / i32(N); }}");
        KernelModule::from_wgsl("case", &text, "main", &values).unwrap_err().to_string()
    };
    assert!(refused("override N: u32;", &[]).contains("'N' has no default"));
    assert!(refused("override N: u32;", &[("N", -1.0)]).contains("do not fit"));
    assert!(refused("override N: u32 = 4;", &[("N", 0.0)]).contains("above zero"));
    assert!(refused("override N: i32 = 4 / 0;", &[]).contains("zero"));
}

/// An override may be computed from others, of which no workgroup size and no array asks.
#[test]
fn an_override_that_is_computed_from_others_has_its_value() {
    let text = "
        override N: u32 = 4;
        override MANY: bool = N > 3u;
        override SAME = MANY;
        override FEW: bool = !SAME;
        override THIRD: f32 = f32(N) - 1.0;
        override TWICE: f32 = THIRD * 2.0;
        @group(0) @binding(0) var<storage, read_write> x: array<f32>;
        @compute @workgroup_size(1)
        fn main() {
            var v = 9.0;
            if SAME { v = v / THIRD; }
            if FEW { v = v * 7.0; }
            x[0] = v + TWICE;
        }";
    on_every_executor(|executor| {
        for (n, left, ops) in [
            (4.0, 9.0, [("f32.add", 1), ("f32.div", 1)]),
            (2.0, 65.0, [("f32.add", 1), ("f32.mul", 1)]),
        ] {
            let ran = ran(executor, &kernel(text, &[("N", n)]), [1; 3], &[iota(1)]);
            assert_eq!(ran.floats(), [left]);
            let found = ran.ops().into_iter().filter(|(key, _)| key.starts_with("f32"));
            assert_eq!(found.collect::<BTreeMap<_, _>>(), expected(&ops), "N = {n}");
        }
    });
}

/// The length of an array is known before what is computed of other overrides.
#[test]
fn an_override_is_computed_behind_an_array_of_another_length() {
    let text = "
        override TILE: u32 = 4u;
        override HALF: u32 = TILE / 2u;
        var<workgroup> w: array<f32, TILE>;
        @group(0) @binding(0) var<storage, read_write> x: array<f32>;
        @compute @workgroup_size(TILE)
        fn main(@builtin(local_invocation_index) i: u32) {
            w[i] = x[i];
            workgroupBarrier();
            x[i] = w[(i + HALF) % TILE];
        }";
    on_every_executor(|executor| {
        for n in [4.0, 2.0] {
            let left = ran(executor, &kernel(text, &[("TILE", n)]), [1; 3], &[iota(4)]).floats();
            let [a, b] = if n == 4.0 { [[2.0, 3.0], [0.0, 1.0]] } else { [[1.0, 0.0], [2.0, 3.0]] };
            assert_eq!(left, [a, b].concat());
        }
    });
}

#[test]
fn what_is_made_up_of_overrides_is_a_value_wherever_it_stands() {
    let text = "
        override O: f32 = 2.0;
        @group(0) @binding(0) var<storage, read_write> x: array<f32>;
        @group(0) @binding(1) var<storage, read_write> y: array<vec2<f32>>;
        @compute @workgroup_size(4)
        fn main(@builtin(local_invocation_index) i: u32) {
            y[i] = vec2<f32>(O, O + 1.0);
            let v = vec2<f32>(O, O + 1.0) * x[i];
            var t = array<f32, 2>(O, O * 4.0);
            var s = v.x + v.y + t[i & 1u];
            if i > 1u { s -= (vec2<f32>(O) * 0.5)[i & 1u]; }
            x[i] = s;
        }";
    on_every_executor(|executor| {
        let ran = ran(executor, &kernel(text, &[]), [1; 3], &[iota(4), vec![0; 8]]);
        assert_eq!(ran.floats(), [2.0, 13.0, 11.0, 22.0]);
        let floats = [("f32.add", 10), ("f32.mul", 8)];
        let found = ran.ops().into_iter().filter(|(key, _)| key.starts_with("f32"));
        assert_eq!(found.collect::<BTreeMap<_, _>>(), expected(&floats));
        assert_eq!(ran.cost.traffic.storage_store, 4 * (8 + 4));
    });
}
