//! Several kernels, many dispatches, one buffer of counters: each kernel's counts are its own, exact, and
//! readable between dispatches. A counter set is for programs that bind and dispatch themselves, and so do these
//! tests.

use std::collections::BTreeMap;

use flopmeter::{
    KernelError,
    execute::{Allocation, Bound, Dispatch, Executor, Limits, ProgramId},
    instrument::{CounterSet, CountingKernel, KernelCounts},
    kernel::KernelModule,
    op::{Op, OpCounts},
};

const SOURCE: &str = "
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@compute @workgroup_size(32)
fn powers(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x >= arrayLength(&x)) { return; }
    var product = 1.0;
    for (var i = 0u; i < id.x; i++) {
        product *= x[id.x];
    }
    x[id.x] = product;
}
@compute @workgroup_size(8)
fn halves(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x >= arrayLength(&x)) { return; }
    while (abs(x[id.x]) > 1.0) {
        x[id.x] = x[id.x] * 0.5 + 0.0;
    }
}
@compute @workgroup_size(1)
fn root() { x[0] = sqrt(x[0]); }";

/// Elements of `x`.
const N: u64 = 100;

fn kernel(entry: &str) -> KernelModule {
    KernelModule::from_wgsl("several", SOURCE, entry, &BTreeMap::new()).unwrap()
}

struct Launcher<'a> {
    executor: &'a mut dyn Executor,
    x: Allocation,
    counters: Allocation,
}

impl Launcher<'_> {
    fn launch(&mut self, program: ProgramId, counting: &CountingKernel, workgroups: u32) {
        let CountingKernel { group, binding, offset, size, .. } = *counting;
        let x = Bound { group: 0, binding: 0, buffer: self.x, offset: 0, size: 4 * N };
        let counters = Bound { group, binding, buffer: self.counters, offset, size };
        let bindings = [x, counters];
        let grid = [workgroups, 1, 1];
        self.executor
            .dispatch(&Dispatch { label: "several", program, bindings: &bindings, grid })
            .unwrap();
    }

    /// Reads the set after so many workgroups of each kernel.
    fn read(&mut self, set: &CounterSet, workgroups: [u64; 3]) -> Vec<KernelCounts> {
        let raw = self.executor.read(self.counters, 0, set.bytes()).unwrap();
        let counted = set.read(&raw, &workgroups.map(Some)).unwrap();
        // Where nobody knows the grids, the counts are the same.
        assert_eq!(set.read(&raw, &[None; 3]).unwrap(), counted);
        // One workgroup more than arrived is noticed, whosever it is.
        for kernel in 0..3 {
            let mut wrong = workgroups.map(Some);
            wrong[kernel] = wrong[kernel].map(|n| n + 1);
            assert!(matches!(set.read(&raw, &wrong), Err(KernelError::Lost { .. })));
        }
        counted
    }
}

#[test]
fn kernels_that_take_turns_count_each_for_itself() {
    common::on_every_executor(|executor| {
        let mut set = CounterSet::new(executor.adapter().limits);
        let [powers, halves, root] =
            ["powers", "halves", "root"].map(|entry| set.instrument(&kernel(entry)).unwrap());
        let counters = executor.allocate("counters", set.bytes()).unwrap();
        let x = executor.allocate("x", 4 * N).unwrap();
        let [p, h, r] =
            [&powers, &halves, &root].map(|counting| executor.compile(&counting.kernel).unwrap());
        let mut launcher = Launcher { executor, x, counters };
        let zero = |launcher: &mut Launcher<'_>| {
            let zeros = vec![0; set.bytes() as usize];
            launcher.executor.write(counters, 0, &zeros).unwrap();
            launcher.executor.write(x, 0, bytemuck::cast_slice(&[2.0_f32; N as usize])).unwrap();
        };
        let expect = |found: &[KernelCounts], muls: u64, halves: u64, compares: u64, roots: u64| {
            let entries: Vec<&str> = found.iter().map(|counted| counted.entry.as_str()).collect();
            assert_eq!(entries, ["powers", "halves", "root"]);
            let ops = |i: usize| found[i].cost.ops.floating();
            assert_eq!(ops(0), OpCounts::f32(Op::Mul, muls));
            let halving = [(Op::Mul, halves), (Op::Add, halves)];
            let looking = [(Op::Abs, compares), (Op::Compare, compares)];
            let expected: OpCounts =
                halving.into_iter().chain(looking).map(|(op, n)| OpCounts::f32(op, n)).sum();
            assert_eq!(ops(1), expected);
            assert_eq!(ops(2), OpCounts::f32(Op::Sqrt, roots));
        };

        zero(&mut launcher);
        expect(&launcher.read(&set, [0, 0, 0]), 0, 0, 0, 0);
        // x[i] = 2^i, which 64 elements reach: 2 workgroups of 32.
        let triangle = |n: u64| n * (n - 1) / 2;
        launcher.launch(p, &powers, 2);
        expect(&launcher.read(&set, [2, 0, 0]), triangle(64), 0, 0, 0);
        // Halved i times; the other 36 are still 2 and are halved once.
        launcher.launch(h, &halves, 13);
        launcher.launch(r, &root, 1);
        let halvings = triangle(64) + 36;
        expect(&launcher.read(&set, [2, 13, 1]), triangle(64), halvings, halvings + N, 1);
        // All are 1 now; nothing is left to halve, and the powers of 1 take as long as any.
        launcher.launch(r, &root, 1);
        launcher.launch(h, &halves, 13);
        launcher.launch(p, &powers, 4);
        launcher.launch(r, &root, 1);
        let found = launcher.read(&set, [6, 26, 3]);
        expect(&found, triangle(64) + triangle(N), halvings, halvings + 2 * N, 3);
        // By line too: the line of the product.
        assert_eq!(found[0].lines[&8].cost.ops.floating(), found[0].cost.ops.floating());

        zero(&mut launcher);
        launcher.launch(r, &root, 1);
        expect(&launcher.read(&set, [0, 0, 1]), 0, 0, 0, 1);
    });
}

#[test]
fn what_is_not_the_sets_buffer_is_refused() {
    let cpu = common::embedded();
    let limits = flopmeter::execute::Executor::adapter(&cpu).limits;
    let mut set = CounterSet::new(limits);
    set.instrument(&kernel("root")).unwrap();
    let error = set.read(&[], &[Some(0)]).unwrap_err().to_string();
    assert!(error.contains("several") && error.contains("bytes"), "{error}");
    let error = set.read(&vec![0; set.bytes() as usize], &[]).unwrap_err().to_string();
    assert!(error.contains("several") && error.contains("workgroups"), "{error}");

    let mut full = CounterSet::new(Limits { buffer_bytes: set.bytes(), ..limits });
    full.instrument(&kernel("root")).unwrap();
    let error = full.instrument(&kernel("halves")).unwrap_err().to_string();
    assert!(error.contains("begin another set"), "{error}");
}
