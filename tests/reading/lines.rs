//! Work is charged to the line that asks for it, wherever what it works on was named.

use common::on_every_executor;
use flopmeter::op::Traffic;

use crate::run::{Ran, case, expected, iota, ops, ran, wgsl};

fn on_line(ran: &Ran, line: u32, counts: &[(&str, u64)], load: u64, store: u64) {
    let cost = ran.lines.get(&line).map(|line| line.cost).unwrap_or_default();
    assert_eq!(ops(&cost), expected(counts), "line {line}");
    let traffic = Traffic { storage_load: load, storage_store: store, ..Traffic::default() };
    assert_eq!(cost.traffic, traffic, "line {line}");
}

#[test]
fn a_scalar_that_meets_a_vector_is_charged_where_they_meet() {
    let kernel = case("lines_scalar_let.wgsl");
    on_every_executor(|executor| {
        let ran = ran(executor, &kernel, [1; 3], &[iota(16)]);
        on_line(&ran, 7, &[], 4, 0);
        on_line(&ran, 8, &[("f32.add", 4)], 16, 16);
    });
}

#[test]
fn a_load_through_a_pointer_is_charged_where_it_loads() {
    let kernel = case("lines_let_pointer.wgsl");
    on_every_executor(|executor| {
        let ran = ran(executor, &kernel, [1; 3], &[iota(16)]);
        on_line(&ran, 7, &[], 0, 0);
        on_line(&ran, 9, &[("f32.sqrt", 1), ("f32.add", 1), ("f32.mul", 1)], 4, 0);
        on_line(&ran, 10, &[], 0, 4);
    });
}

#[test]
fn pointers_are_followed_into_conditions_names_and_functions() {
    let kernel = wgsl(
        "@group(0) @binding(0) var<storage, read_write> o: array<f32>;
        fn half(p: ptr<storage, f32, read_write>) -> f32 {
            let value = *p;
            return value / 2.0;
        }
        @compute @workgroup_size(1)
        fn main() {
            let p = &o[1];
            let q = *p; // let q
            if *p > 0.5 {
                let q = *p + 1.0;
                let r = *p;
                o[0] = q * r;
            }
            let s = max(q,
                *p) * 3.0;
            o[2] =
                half(p) + s;
            o[3] /= *p;
        }",
    );
    on_every_executor(|executor| {
        let ran = ran(executor, &kernel, [1; 3], &[iota(16)]);
        on_line(&ran, 3, &[], 4, 0);
        on_line(&ran, 4, &[("f32.div", 1)], 0, 0);
        on_line(&ran, 8, &[], 0, 0);
        on_line(&ran, 9, &[], 4, 0);
        on_line(&ran, 10, &[("f32.compare", 1)], 4, 0);
        on_line(&ran, 11, &[("f32.add", 1)], 4, 0);
        on_line(&ran, 12, &[], 4, 0);
        on_line(&ran, 13, &[("f32.mul", 1)], 0, 4);
        on_line(&ran, 15, &[("f32.minmax", 1), ("f32.mul", 1)], 4, 0);
        on_line(&ran, 17, &[("f32.add", 1)], 0, 4);
        on_line(&ran, 19, &[("f32.div", 1)], 8, 4);
    });
}

/// A compiler states no line where control meets behind a selection: the line goes on there.
#[test]
fn what_stands_behind_a_selection_is_charged_to_its_line() {
    let text = "#version 450
        layout(local_size_x = 1) in;
        layout(std430, set = 0, binding = 0) buffer X { float x[]; };
        void main() {
            float a = x[1];
            x[0] += a > 0.5 ? a / 3.0 : -a;
            a = sqrt(a > 4.0 ? a / 3.0 : a * 2.0);
            x[2] = a;
        }";
    let Some(kernel) = crate::run::spirv_with_lines(text) else { return };
    on_every_executor(|executor| {
        let ran = ran(executor, &kernel, [1; 3], &[iota(4)]);
        on_line(&ran, 5, &[], 4, 0);
        on_line(&ran, 6, &[("f32.compare", 1), ("f32.div", 1), ("f32.add", 1)], 4, 4);
        on_line(&ran, 7, &[("f32.compare", 1), ("f32.mul", 1), ("f32.sqrt", 1)], 0, 0);
        on_line(&ran, 8, &[], 0, 4);
    });
}

/// naga says of the copies that it makes of `out` arguments not where they stand.
#[test]
fn what_an_argument_is_indexed_with_is_charged_to_the_call() {
    let text = "#version 450
        layout(local_size_x = 1) in;
        layout(std430, set = 0, binding = 0) buffer X { float x[]; };
        void one(out float y) { y = 1.0; }
        void twice(inout float y) { y *= 2.0; }
        void main() {
            float a[4] = float[4](1.0, 2.0, 3.0, 4.0);
            one(a[int(x[1] * 0.5) & 3]);
            one(x[int(x[2] * 0.5)]);
            twice(x[int(x[3] + 0.25)]);
            x[0] = a[0] + 1.0;
        }";
    for kernel in [Some(crate::run::glsl_of(text)), crate::run::spirv_with_lines(text)] {
        let Some(kernel) = kernel else { continue };
        on_every_executor(|executor| {
            let ran = ran(executor, &kernel, [1; 3], &[iota(4)]);
            let index = |op| [(op, 1), ("f32.convert", 1)];
            on_line(&ran, 8, &[&index("f32.mul")[..], &[("int.bit", 1)]].concat(), 4, 0);
            on_line(&ran, 9, &index("f32.mul"), 4, 4);
            on_line(&ran, 10, &index("f32.add"), 8, 4);
            on_line(&ran, 11, &[("f32.add", 1)], 0, 4);
        });
    }
}

/// A function is written once for each kind of pointer that it is called with, and its lines are executed by all copies.
#[test]
fn the_copies_of_a_function_are_executed_together() {
    let arms = wgsl(
        "@group(0) @binding(0) var<storage, read_write> o: array<f32>;
        fn grow(x: ptr<function, f32>) {
            if *x > 2.5 {
                *x = *x * 2.0 + 1.0;
            } else {
                *x = *x / 4.0;
            }
        }
        @compute @workgroup_size(1)
        fn main() {
            for (var i = 0u; i < 4; i++) {
                var whole = o[i];
                grow(&whole);
                var parts = array(o[i], 1.0);
                grow(&parts[0]);
                grow(&parts[1]);
                o[i] = whole + parts[0];
            }
        }",
    );
    let members = crate::run::glsl_of(
        "#version 450
        layout(local_size_x = 1) in;
        layout(std430, set = 0, binding = 0) buffer X { float x[]; };
        void half_of(inout float y) { y *= 0.5; }
        void half_of(inout vec2 y) { y *= 0.5; }
        void main() {
            vec2 v = vec2(x[0], x[1]);
            half_of(v.y);
            half_of(x[1]);
            half_of(v);
            x[2] = v.x + v.y;
        }",
    );
    on_every_executor(|executor| {
        let executions = |ran: &Ran, line: u32| ran.lines[&line].executions;
        let arms = ran(executor, &arms, [1; 3], &[iota(4)]);
        // Of 0, 1, 2 and 3, one is greater than 2.5; all the ones are not.
        assert_eq!([3, 4, 6].map(|line| executions(&arms, line)), [12, 2, 10]);
        on_line(&arms, 4, &[("f32.mul", 2), ("f32.add", 2)], 0, 0);
        on_line(&arms, 6, &[("f32.div", 10)], 0, 0);
        let members = ran(executor, &members, [1; 3], &[iota(4)]);
        assert_eq!([4, 5].map(|line| executions(&members, line)), [2, 1]);
    });
}
