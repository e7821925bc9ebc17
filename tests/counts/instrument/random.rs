//! Random programs: structured control flow of every form, steered by a pseudo-random state of each
//! invocation, interpreted here and counted there. What both say must be the same.

use std::{cell::RefCell, fmt::Write};

use flopmeter::{
    execute::Limits,
    op::{Op, OpCounts},
};
use proptest::{prelude::*, test_runner::TestRunner};

use super::harness::{counted, kernel};

/// Each operation that a program may contain, as a statement.
const OPERATIONS: [(Op, &str); 6] = [
    (Op::Add, "acc = acc + 1.0;"),
    (Op::Mul, "acc = acc * 0.5;"),
    (Op::Neg, "acc = -acc;"),
    (Op::Abs, "acc = abs(acc);"),
    (Op::Round, "acc = floor(acc);"),
    (Op::Fma, "acc = fma(acc, 0.5, 1.0);"),
];

/// Functions of a program; each calls only those before it, and the last is the entry point's.
const FUNCTIONS: usize = 3;
const GRID: u32 = 3;
const LANES: u32 = 10;

#[derive(Clone, Debug)]
enum Step {
    Operation(usize),
    If {
        odds: u32,
        accept: Vec<Step>,
        reject: Vec<Step>,
    },
    /// The first case has two values.
    Switch(Vec<Vec<Step>>),
    Loop {
        rounds: u32,
        body: Vec<Step>,
        continuing: Vec<Step>,
        break_if: bool,
    },
    Call(usize),
    Break,
    Continue,
    Return,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let leaf = prop_oneof![
        6 => (0..OPERATIONS.len()).prop_map(Step::Operation),
        1 => Just(Step::Break),
        1 => Just(Step::Continue),
        1 => Just(Step::Return),
        1 => (0..FUNCTIONS).prop_map(Step::Call),
    ];
    let step = leaf.prop_recursive(4, 24, 4, |step| {
        let block = || prop::collection::vec(step.clone(), 0..4);
        prop_oneof![
            (1_u32..4, block(), block()).prop_map(|(odds, accept, reject)| Step::If {
                odds,
                accept,
                reject
            }),
            prop::collection::vec(block(), 1..4).prop_map(Step::Switch),
            (1_u32..4, block(), block(), any::<bool>()).prop_map(
                |(rounds, body, continuing, break_if)| Step::Loop {
                    rounds,
                    body,
                    continuing,
                    break_if
                }
            ),
        ]
    });
    prop::collection::vec(step, 1..6)
}

/// Which ways out a place has, and which functions it may call.
#[derive(Clone, Copy)]
struct Place {
    breaks: bool,
    continues: bool,
    returns: bool,
    callable: usize,
}

/// Leaves out what WGSL forbids at its place, and what follows a way out.
fn legal(steps: &[Step], place: Place) -> Vec<Step> {
    let mut legal_steps = Vec::new();
    for step in steps {
        let step = match step {
            Step::Break if !place.breaks => continue,
            Step::Continue if !place.continues => continue,
            Step::Return if !place.returns => continue,
            Step::Call(function) if *function >= place.callable => continue,
            Step::Break | Step::Continue | Step::Return => {
                legal_steps.push(step.clone());
                break;
            }
            Step::Operation(_) | Step::Call(_) => step.clone(),
            Step::If { odds, accept, reject } => {
                Step::If { odds: *odds, accept: legal(accept, place), reject: legal(reject, place) }
            }
            Step::Switch(cases) => {
                let place = Place { breaks: true, ..place };
                Step::Switch(cases.iter().map(|case| legal(case, place)).collect())
            }
            Step::Loop { rounds, body, continuing, break_if } => {
                let in_body = Place { breaks: true, continues: true, ..place };
                let after = Place { breaks: false, continues: false, returns: false, ..place };
                Step::Loop {
                    rounds: *rounds,
                    body: legal(body, in_body),
                    continuing: legal(continuing, after),
                    break_if: *break_if,
                }
            }
        };
        legal_steps.push(step);
    }
    legal_steps
}

fn program(functions: &[Vec<Step>]) -> String {
    let mut source = format!(
        "@group(0) @binding(0) var<storage, read_write> x: array<f32>;
var<private> state: u32;
var<private> acc: f32;
fn next(below: u32) -> u32 {{
    state = state * 1664525u + 1013904223u;
    return (state >> 16u) % below;
}}
@compute @workgroup_size({LANES})
fn main(@builtin(global_invocation_id) id: vec3<u32>) {{
    state = id.x;
    acc = x[id.x];
    f{}();
    // A driver may compute -(a + 1) as -a - 1, which is another zero where a is -1.
    let bits = bitcast<u32>(acc);
    x[id.x] = bitcast<f32>(select(bits, 0u, bits == 0x80000000u));
}}
",
        functions.len() - 1
    );
    let mut loops = 0;
    for (index, steps) in functions.iter().enumerate() {
        let mut body = String::new();
        render(steps, &mut loops, &mut body);
        writeln!(source, "fn f{index}() {{\n{body}}}").unwrap();
    }
    source
}

fn render(steps: &[Step], loops: &mut u32, out: &mut String) {
    for step in steps {
        match step {
            Step::Operation(index) => writeln!(out, "{}", OPERATIONS[*index].1).unwrap(),
            Step::Break => out.push_str("break;\n"),
            Step::Continue => out.push_str("continue;\n"),
            Step::Return => out.push_str("return;\n"),
            Step::Call(function) => writeln!(out, "f{function}();").unwrap(),
            Step::If { odds, accept, reject } => {
                writeln!(out, "if (next(4u) < {odds}u) {{").unwrap();
                render(accept, loops, out);
                out.push_str("} else {\n");
                render(reject, loops, out);
                out.push_str("}\n");
            }
            Step::Switch(cases) => {
                writeln!(out, "switch next({}u) {{", cases.len() + 1).unwrap();
                for (index, case) in cases.iter().enumerate() {
                    match (index, cases.len()) {
                        (index, length) if index + 1 == length => out.push_str("default: {\n"),
                        (0, length) => writeln!(out, "case 0u, {length}u: {{").unwrap(),
                        (index, _) => writeln!(out, "case {index}u: {{").unwrap(),
                    }
                    render(case, loops, out);
                    out.push_str("}\n");
                }
                out.push_str("}\n");
            }
            Step::Loop { rounds, body, continuing, break_if } => {
                *loops += 1;
                let name = format!("n{loops}");
                writeln!(out, "var {name} = 0u;\nloop {{").unwrap();
                writeln!(out, "if ({name} >= {rounds}u) {{ break; }}\n{name}++;").unwrap();
                render(body, loops, out);
                out.push_str("continuing {\n");
                render(continuing, loops, out);
                out.push_str(if *break_if { "break if next(4u) == 0u;\n}\n}\n" } else { "}\n}\n" });
            }
        }
    }
}

/// Executes a program for one invocation.
struct Interpreter<'a> {
    functions: &'a [Vec<Step>],
    state: u32,
    counts: OpCounts,
    steps: u32,
}

#[derive(Clone, Copy, PartialEq)]
enum Then {
    Go,
    Break,
    Continue,
    Return,
}

impl Interpreter<'_> {
    fn next(&mut self, below: u32) -> u32 {
        self.state = self.state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.state >> 16) % below
    }

    fn block(&mut self, steps: &[Step]) -> Then {
        for step in steps {
            self.steps += 1;
            let then = match step {
                Step::Operation(index) => {
                    self.counts = self.counts + OpCounts::f32(OPERATIONS[*index].0, 1);
                    Then::Go
                }
                Step::Break => Then::Break,
                Step::Continue => Then::Continue,
                Step::Return => Then::Return,
                Step::Call(function) => {
                    self.block(&self.functions[*function]);
                    Then::Go
                }
                Step::If { odds, accept, reject } => {
                    let condition = self.next(4) < *odds;
                    self.block(if condition { accept } else { reject })
                }
                Step::Switch(cases) => {
                    let value = self.next(cases.len() as u32 + 1) as usize;
                    let taken = match value {
                        value if cases.len() == 1 || value + 1 == cases.len() => cases.len() - 1,
                        value if value == cases.len() => 0,
                        value => value,
                    };
                    match self.block(&cases[taken]) {
                        Then::Break => Then::Go,
                        then => then,
                    }
                }
                Step::Loop { rounds, body, continuing, break_if } => {
                    let mut round = 0;
                    loop {
                        if round >= *rounds {
                            break Then::Go;
                        }
                        round += 1;
                        match self.block(body) {
                            Then::Break => break Then::Go,
                            Then::Return => break Then::Return,
                            Then::Go | Then::Continue => {}
                        }
                        self.block(continuing);
                        if *break_if && self.next(4) == 0 {
                            break Then::Go;
                        }
                    }
                }
            };
            if then != Then::Go {
                return then;
            }
        }
        Then::Go
    }
}

#[test]
fn random_programs_execute_what_their_counters_say() {
    common::on_every_executor(|gpu| {
        let gpu = RefCell::new(gpu);
        let config = ProptestConfig { cases: 48, failure_persistence: None, ..Default::default() };
        let strategy = prop::collection::vec(steps(), FUNCTIONS);
        TestRunner::new(config)
            .run(&strategy, |functions| {
                let functions: Vec<_> = functions
                    .iter()
                    .enumerate()
                    .map(|(callable, steps)| {
                        let place =
                            Place { breaks: false, continues: false, returns: true, callable };
                        legal(steps, place)
                    })
                    .collect();
                let mut expected = OpCounts::ZERO;
                for invocation in 0..GRID * LANES {
                    let mut interpreter = Interpreter {
                        functions: &functions,
                        state: invocation,
                        counts: OpCounts::ZERO,
                        steps: 0,
                    };
                    interpreter.block(&functions[FUNCTIONS - 1]);
                    prop_assume!(interpreter.steps < 100_000);
                    expected = expected + interpreter.counts;
                }
                let source = program(&functions);
                let kernel = kernel(&source, "main", &[]);
                let own = gpu.borrow().adapter().limits;
                for limits in [Limits::WEBGPU, own] {
                    let cost =
                        counted(&mut **gpu.borrow_mut(), &kernel, &limits, [GRID, 1, 1]).cost;
                    prop_assert_eq!(cost.ops.floating(), expected, "{}", source);
                }
                Ok(())
            })
            .unwrap();
    });
}
