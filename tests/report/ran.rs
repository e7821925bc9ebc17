//! The report of a program's run on fixed data.

use flopmeter::{
    forecast::Peak,
    format::table::{self, Terminal},
    op::{Convention, Cost, Op, OpCounts, Scalar, Traffic},
    page::Paged,
    result::{Ending, RunReport},
};
use flopmeter_core::recording::{
    Counted, CountedLine, Device, DispatchCounts, Dispatched, InOrder, NotCounted, Recording,
    Timed, Which,
};

/// A run of a program with two processes on one device; one was killed while something was going on.
pub fn run_report() -> RunReport {
    let counted = |name: Option<&str>, entry: &str, fma: u64, mul: u64| {
        let dead = OpCounts::f32(Op::Mul, mul);
        Counted {
            name: name.map(str::to_owned),
            entry: entry.to_owned(),
            module: "0123456789abcdef".to_owned(),
            spec_constants: [(0, 64.into()), (3, (1 << 40).into())].into(),
            dispatches: 2,
            invocations: 4096,
            counters: 5,
            cost: Cost {
                ops: OpCounts::f32(Op::Fma, fma) + dead,
                traffic: Traffic { storage_load: 8 * fma, storage_store: 4, ..Traffic::default() },
            },
            dead: Cost { ops: dead, ..Cost::default() },
            ..Counted::default()
        }
    };
    let recording = |kernels, not_counted, finished| Recording {
        process: 7,
        device: Some(Device {
            name: "Example".into(),
            driver: "driver 1".into(),
            api: "Vulkan 1.3.0".into(),
            enabled: vec!["bufferDeviceAddress".into()],
        }),
        finished,
        unfinished_submissions: u64::from(!finished),
        kernels,
        not_counted,
        times: Vec::new(),
        in_order: None,
    };
    let refused = NotCounted {
        kernel: Some("odd".into()),
        what: None,
        why: "OpDPdx has no price".into(),
        dispatches: 3,
    };
    let mut recordings = [
        Recording::default(),
        recording(
            vec![counted(None, "main", 1 << 40, 1 << 40), counted(Some("named"), "main", 10, 0)],
            vec![refused.clone()],
            true,
        ),
        recording(vec![counted(Some("named"), "main", 20, 0)], vec![refused], false),
    ];
    let [_, first, second] = &mut recordings;
    // Two processes ran one kernel, which says its lines.
    for kernels in [&mut first.kernels[1..], &mut second.kernels] {
        let [its] = kernels else { panic!("one kernel") };
        its.file = Some("named.comp".to_owned());
        let line = |line, text: &str, cost| CountedLine {
            line,
            text: Some(text.to_owned()),
            executions: 10,
            cost,
        };
        let load = Traffic { storage_load: 40, ..Traffic::default() };
        its.lines = vec![
            line(7, "float x = a[i];", Cost { traffic: load, ..Cost::default() }),
            line(9, "sum = fma(x, x, sum);", Cost { ops: its.cost.ops, ..Cost::default() }),
        ];
    }
    first.in_order = Some(dispatches(None));
    let command = ["program", "--quick"].map(str::to_owned).to_vec();
    let killed = Ending { code: None, signal: Some(9) };
    let mut report = RunReport::new(command, killed, &recordings, None, Convention::Ieee);
    // Half of the dispatches were timed, and all were over one workgroup.
    let timed = Timed {
        submitted: 2,
        workgroups: Some(2),
        entry: "main".into(),
        module: "0123456789abcdef".into(),
        spec_constants: [(0, 64.into()), (3, (1 << 40).into())].into(),
        dispatches: 1,
        seconds: 0.25,
        ..Timed::default()
    };
    let in_order = Some(dispatches(Some(0.125)));
    report.time(&[Recording { times: vec![timed], in_order, ..recording(vec![], vec![], true) }]);
    report.under_peak(Peak::new(1e13, 1.0).unwrap());
    report
}

/// Two dispatches of a kernel one by one, as they were counted, or timed at so many seconds each.
fn dispatches(seconds: Option<f64>) -> InOrder {
    let counts = seconds.is_none().then(|| DispatchCounts {
        invocations: 64,
        cost: Cost { ops: OpCounts::f32(Op::Fma, 1 << 39), ..Cost::default() },
        dead: Cost::default(),
    });
    let one = Dispatched { grid: Some([4, 2, 1]), counts, seconds, ..Dispatched::default() };
    let other = Dispatched {
        grid: None,
        counts: None,
        why: seconds.is_none().then(|| "it was overwritten".to_owned()),
        ..one.clone()
    };
    InOrder {
        kernels: vec![Which {
            name: None,
            entry: "main".into(),
            module: "0123456789abcdef".into(),
            spec_constants: [(0, 64.into()), (3, (1 << 40).into())].into(),
        }],
        dispatches: vec![one, other],
        left_out: u64::from(seconds.is_none()),
    }
}

/// A device intersects rays by itself, so a report says that what it does there is in none of its figures.
#[test]
fn steps_of_ray_queries_are_told_as_what_they_are() {
    let shown = |report: &RunReport| table::render(&report.page(false), Terminal::PIPE);
    let mut report = run_report();
    assert!(!shown(&report).contains("ray quer"));
    let (rows, steps) = (&mut report.kernels, OpCounts::of(Scalar::Int, Op::Trace, 48));
    let flops = report.totals.flops;
    for ops in [&mut rows[0].ops, &mut report.totals.ops] {
        *ops = ops.map(|ops| ops + steps);
    }
    let said = "48 steps of ray queries; what the device computes and reads in them is in no count";
    assert!(shown(&report).contains(said), "{}", shown(&report));
    assert!(shown(&report).contains("int.trace"));
    assert_eq!(report.totals.ops.map(|ops| ops.flops(Convention::Ieee)), flops);
}
