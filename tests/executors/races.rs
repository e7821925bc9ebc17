//! Races: a kernel of each kind that has one, with its lines; kernels that look as if they had one and
//! have none; and the crate's own kernels, plain and counting, which must have none. What the executor sees is asked,
//! where bindings may be one buffer: kernels are launched without the means that count.

use std::ops::ControlFlow;

use flopmeter::{
    execute::{
        Access::{self, AtomicLoad, AtomicUpdate, Load, Store},
        Between::{self, Lanes, Workgroups},
        Bound, Dispatch, Executor, Limits, Race,
        cpu::Cpu,
    },
    family::Family,
    instrument::instrument,
    kernel::KernelModule,
    model::{
        AskedShape, Batch, Model,
        lower::{self, Training},
    },
    plan::Plan,
    profile::{self, Keep},
};
use flopmeter_core::read::Parsed;

/// The races of a kernel on two workgroups, whose bindings all see the same buffer.
fn races(source: &str) -> Vec<Race> {
    let kernel = KernelModule::from_wgsl("kernel", source, "main", &Default::default()).unwrap();
    races_over(&kernel, 2, true)
}

/// The races of a kernel on so many workgroups, its bindings one buffer or each its own.
fn races_over(kernel: &KernelModule, workgroups: u32, one: bool) -> Vec<Race> {
    races_on(common::embedded(), kernel, workgroups, one)
}

/// The same on an executor.
fn races_on(cpu: Cpu, kernel: &KernelModule, workgroups: u32, one: bool) -> Vec<Race> {
    let mut cpu = cpu.detecting_races();
    let size = if one { 256 } else { 4096 };
    let shared = cpu.allocate("all", size).unwrap();
    let mut bindings = Vec::new();
    for resource in &kernel.resources {
        let buffer = if one { shared } else { cpu.allocate(&resource.name, size).unwrap() };
        let (group, binding) = (resource.group, resource.binding);
        bindings.push(Bound { group, binding, buffer, offset: 0, size });
    }
    let program = cpu.compile(kernel).unwrap();
    let grid = [workgroups, 1, 1];
    let dispatch = Dispatch { label: "test", program, bindings: &bindings, grid };
    cpu.dispatch(&dispatch).unwrap().witness.unwrap().races.unwrap()
}

/// A kernel of four lanes; `x` is storage, `tile` workgroup memory, `g` the lane's number in the grid.
/// Its body begins in line 7.
fn kernel(body: &str) -> String {
    format!(
        "@group(0) @binding(0) var<storage, read_write> x: array<u32, 64>;
@group(0) @binding(1) var<storage, read_write> a: array<atomic<u32>, 64>;
var<workgroup> tile: array<u32, 8>;
var<workgroup> votes: atomic<u32>;
@compute @workgroup_size(4) fn main(@builtin(local_invocation_index) i: u32,
    @builtin(workgroup_id) w: vec3<u32>) {{ let g = 4u * w.x + i;
{body}
}}"
    )
}

type Expected = ([u32; 2], [Access; 2], Between, u64, &'static str, u64);

fn assert_races(body: &str, expected: &[Expected]) {
    let found = races(&kernel(body));
    let expected: Vec<Race> = expected
        .iter()
        .map(|&(lines, accesses, between, count, variable, byte)| Race {
            kernel: "kernel".into(),
            lines: lines.map(Some),
            files: [None, None],
            accesses,
            between,
            count,
            variable: variable.into(),
            byte,
            texel: None,
        })
        .collect();
    assert_eq!(found, expected, "{body}");
}

#[test]
fn workgroup_memory_between_barriers() {
    // Lane i reads what lane i + 1 has written: 3 neighbours in each of 2 workgroups.
    assert_races(
        "tile[i] = i;\nx[g] = tile[(i + 1u) & 3u];",
        &[([7, 8], [Store, Load], Lanes, 8, "tile", 4)],
    );
    // Equal values do not help: lanes 1 to 3 write after lane 0.
    assert_races("tile[7] = 5u;", &[([7, 7], [Store, Store], Lanes, 6, "tile", 28)]);
    // The barrier for storage is none for workgroup memory.
    assert_races(
        "tile[i] = i;\nstorageBarrier();\nx[g] = tile[i ^ 1u];",
        &[([7, 9], [Store, Load], Lanes, 8, "tile", 4)],
    );
    // Reading the last round's values without a barrier before they are written again.
    assert_races(
        "for (var k = 0u; k < 2u; k++) {\ntile[i] = k;\nworkgroupBarrier();\nx[g] = tile[3u - i];\n}",
        &[([8, 10], [Store, Load], Lanes, 8, "tile", 0)],
    );
}

#[test]
fn storage_within_and_across_workgroups() {
    assert_races(
        "x[g] = i;\nlet y = x[g ^ 1u];\nx[32u + g] = y;",
        &[([7, 8], [Store, Load], Lanes, 8, "x", 4)],
    );
    // One lane of each workgroup writes: nothing orders the workgroups.
    assert_races(
        "if i == 0u { x[40] = 1u; }\nstorageBarrier();",
        &[([7, 7], [Store, Store], Workgroups, 1, "x", 160)],
    );
    // The second workgroup reads what the first has written, barriers or not.
    assert_races(
        "x[g] = i;\nstorageBarrier();\nx[32u + g] = x[i];",
        &[([7, 9], [Store, Load], Workgroups, 4, "x", 0)],
    );
    // The first has read what the second writes.
    assert_races(
        "x[32u + g] = x[i + 4u];\nstorageBarrier();\nx[g] = i;",
        &[([7, 9], [Load, Store], Workgroups, 4, "x", 16)],
    );
    // The barrier for workgroup memory is none for storage.
    assert_races(
        "x[g] = i;\nworkgroupBarrier();\nx[32u + g] = x[g ^ 1u];",
        &[([7, 9], [Store, Load], Lanes, 8, "x", 4)],
    );
    // Nor is the one for textures.
    assert_races(
        "x[g] = i;\ntextureBarrier();\nx[32u + g] = x[g ^ 1u];",
        &[([7, 9], [Store, Load], Lanes, 8, "x", 4)],
    );
}

/// Its SPIR-V orders workgroup memory alone, too.
#[test]
fn the_barrier_of_glsl_is_none_for_storage() {
    let found = |declared: &str, place: &str| {
        let text = format!(
            "#version 450
layout(local_size_x = 4) in;
layout(binding = 0) buffer X {{ uint x[]; }};
{declared}
void main() {{
    uint i = gl_LocalInvocationIndex;
    {place}[i] = i;
    barrier();
    x[32u + i] = {place}[i ^ 1u];
}}"
        );
        let parsed = Parsed::glsl("kernel", &text).unwrap();
        let kernel = KernelModule::from_parsed(&parsed, "main", &Default::default()).unwrap();
        let races = races_over(&kernel, 1, false);
        races.into_iter().map(|race| (race.lines, race.variable)).collect::<Vec<_>>()
    };
    // A block without an instance goes by its own name.
    assert_eq!(found("", "x"), [([Some(7), Some(9)], "X".to_owned())]);
    assert_eq!(found("shared uint tile[4];", "tile"), []);
}

/// A subgroup's barrier orders what its own lanes do, and nothing between subgroups.
#[test]
fn barriers_of_subgroups() {
    let found = |lanes: u32, body: &str| {
        let source = format!(
            "enable subgroups;
@group(0) @binding(0) var<storage, read_write> x: array<u32, 64>;
@compute @workgroup_size(8) fn main(@builtin(local_invocation_index) i: u32) {{
{body}
}}"
        );
        let kernel =
            KernelModule::from_wgsl("kernel", &source, "main", &Default::default()).unwrap();
        races_on(Cpu::new(lanes).unwrap(), &kernel, 1, false)
            .into_iter()
            .map(|race| (race.lines.map(Option::unwrap), race.accesses, race.count))
            .collect::<Vec<_>>()
    };
    let swap = "x[i] = i;\nsubgroupBarrier();\nx[32u + i] = x[i ^ 4u];";
    assert_eq!(found(8, swap), []);
    assert_eq!(found(4, swap), [([4, 6], [Store, Load], 8)]);
    assert_eq!(found(8, &swap.replace("subgroupBarrier();", "")), [([4, 6], [Store, Load], 8)]);
    // Only those that were there have waited.
    let some = "x[i] = i;\nif i < 4u { subgroupBarrier(); }\nx[32u + i] = x[i ^ 1u];";
    assert_eq!(found(4, some), [([4, 6], [Store, Load], 4)]);
    // All read one place, first in two lanes of one subgroup; the write of a third is ordered behind those, and not
    // behind the other subgroup.
    let after = "let y = x[0];\nsubgroupBarrier();\nif i == 2u { x[0] = y; }";
    assert_eq!(found(4, after), [([4, 6], [Load, Store], 1)]);
    // One lane reads again behind the barrier.
    let again = "let y = x[0];\nsubgroupBarrier();\nlet z = x[0];\nif i == 2u { x[0] = y + z; }";
    assert_eq!(found(8, again), [([6, 7], [Load, Store], 1)]);
}

#[test]
fn an_atomic_beside_a_plain_access() {
    // a and x are one buffer.
    assert_races(
        "if w.x == 0u { atomicAdd(&a[8], 1u); }\nif g == 1u { x[40] = x[8]; }",
        &[([7, 8], [AtomicUpdate, Load], Lanes, 1, "x", 32)],
    );
    assert_races(
        "if g == 2u { x[8] = 1u; }\nif g == 1u { x[40] = atomicLoad(&a[8]); }",
        &[([7, 8], [Store, AtomicLoad], Lanes, 1, "a", 32)],
    );
}

#[test]
fn what_only_looks_like_a_race() {
    for body in [
        "x[g] = x[g] + 1u; x[g] = x[g] * 2u;",
        "tile[i] = i; workgroupBarrier(); x[g] = tile[i ^ 1u];",
        "x[g] = i; storageBarrier(); x[32u + g] = x[g ^ 1u];",
        "atomicAdd(&votes, 1u); atomicMax(&a[8], atomicLoad(&a[8]));",
        "if i == 0u { tile[0] = 7u; } let all = workgroupUniformLoad(&tile[0]); x[g] = all;",
        "x[g] = x[60];",
        // Out of bounds nobody meets.
        "tile[i + 8u] = 1u; tile[i * 2u + 20u] = 1u;",
        "if i == 1u { tile[2] = 1u; tile[2] = 2u; x[g] = tile[2]; }",
    ] {
        assert_races(body, &[]);
    }
}

#[test]
fn what_races_without_a_line_is_a_statement() {
    let mut kernel =
        KernelModule::from_wgsl("kernel", &kernel("x[0] = i;"), "main", &Default::default())
            .unwrap();
    kernel.source = None;
    let found = races_over(&kernel, 1, false);
    let said: Vec<_> = found.iter().map(ToString::to_string).collect();
    let says = "a statement stores what a statement stores, no barrier between: ";
    assert!(said.len() == 1 && said[0].starts_with(says), "{said:?}");
}

#[test]
fn halves_of_a_word_are_places_of_their_own() {
    let kernel = |index: &str| {
        format!(
            "enable f16;
@group(0) @binding(0) var<storage, read_write> x: array<f16, 64>;
@compute @workgroup_size(4) fn main(@builtin(global_invocation_id) id: vec3<u32>) {{
    x[{index}] = 1.0h;
}}"
        )
    };
    assert_eq!(races(&kernel("id.x")), []);
    assert_eq!(races(&kernel("id.x / 2u")).len(), 1);
}

#[test]
fn more_memory_than_can_be_watched_is_refused() {
    // Accesses of every kind are noted.
    let source = "@group(0) @binding(0) var<storage, read_write> x: array<atomic<u32>>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;
@compute @workgroup_size(1) fn main() { y[0] = y[1] + atomicLoad(&x[0]) + atomicAdd(&x[1], 1u); }";
    let kernel = KernelModule::from_wgsl("kernel", source, "main", &Default::default()).unwrap();
    let mut cpu = common::embedded().detecting_races();
    let size = 1 << 27;
    let buffer = cpu.allocate("x", size).unwrap();
    let few = cpu.allocate("y", 8).unwrap();
    let bindings = [
        Bound { group: 0, binding: 0, buffer, offset: 0, size },
        Bound { group: 0, binding: 1, buffer: few, offset: 0, size: 8 },
    ];
    let program = cpu.compile(&kernel).unwrap();
    let dispatch = Dispatch { label: "test", program, bindings: &bindings, grid: [1; 3] };
    let error = cpu.dispatch(&dispatch).unwrap_err().to_string();
    assert!(error.contains("4 GiB") && error.contains("smaller batch"), "{error}");
}

/// Runs a step once, plain, and holds that no two accesses race.
fn hold_a_step(model: &str, overrides: &[&str], training: Training, shape: AskedShape) {
    let model = Model::resolve(model, overrides).unwrap();
    let batch = Batch::load(None, shape, &model.config, 3).unwrap();
    let weights = model.weights(3).unwrap();
    let mut cpu = common::embedded().detecting_races();
    let plan: Plan =
        lower::lower(&model.config, batch.shape, training, cpu.adapter().limits).unwrap();
    let inputs = lower::inputs(&weights, &batch);
    let run =
        profile::run(
            &mut cpu,
            &plan,
            &inputs,
            0,
            Keep::Nothing,
            &mut |_| ControlFlow::Continue(()),
        );
    for (pass, measured) in plan.passes.iter().zip(run.unwrap().measurement.passes) {
        let witness = measured.witness.unwrap();
        assert_eq!(witness.races.unwrap(), [], "{}", pass.label);
        assert_eq!(witness.out_of_bounds, [], "{}", pass.label);
    }
}

const TINY_RESNET: [&str; 5] =
    ["d_model=12", "n_layers=2", "vocab_size=37", "num_experts=3", "top_k=2"];

#[test]
fn our_own_steps_have_no_races() {
    let shape = AskedShape { batch: Some(2), seq: Some(19), ..AskedShape::default() };
    for gradient in ["hybrid", "exact"] {
        let options = Family::choose("bk_gradient", gradient).unwrap();
        let training = Training { options, ..Training::default() };
        hold_a_step("resnet-bk", &TINY_RESNET, training, shape);
    }
    let qwen = [
        "hidden_size=24",
        "intermediate_size=40",
        "num_hidden_layers=2",
        "num_attention_heads=4",
        "num_key_value_heads=2",
        "vocab_size=61",
    ];
    hold_a_step("qwen2.5-0.5b", &qwen, Training::default(), shape);
    let adapters = [&qwen[..], &["lora_rank=3"]].concat();
    hold_a_step("qwen2.5-0.5b", &adapters, Training::default(), shape);
}

#[test]
fn counting_adds_no_race() {
    let source = include_str!("../fixtures/control.wgsl");
    let module = naga::front::wgsl::parse_str(source).unwrap();
    for entry in &module.entry_points {
        let kernel =
            KernelModule::from_wgsl("control", source, &entry.name, &Default::default()).unwrap();
        let limits = common::embedded().adapter().limits;
        // However the counters are gathered.
        let shared = Limits { subgroup_lanes: None, ..limits };
        let cramped = Limits { workgroup_bytes: 7, ..shared };
        for limits in [limits, Limits { lockstep: false, ..limits }, shared, cramped] {
            let counted = instrument(&kernel, &limits).unwrap();
            assert_eq!(races_over(&kernel, 3, false), [], "{}", entry.name);
            assert_eq!(races_over(&counted.kernel, 3, false), [], "{}, counting", entry.name);
        }
    }
}

/// Launches a kernel of a body on 64 integers where nothing may race and no proven kernel leaves its bounds.
fn watched(body: &str, label: &str, is_proven: bool) {
    let mut kernel =
        KernelModule::from_wgsl(label, &kernel(body), "main", &Default::default()).unwrap();
    kernel.is_proven = is_proven;
    let mut watched = common::Watched::default();
    let program = watched.compile(&kernel).unwrap();
    let buffer = watched.allocate("x", 256).unwrap();
    let bindings = [Bound { group: 0, binding: 0, buffer, offset: 0, size: 256 }];
    watched.dispatch(&Dispatch { label, program, bindings: &bindings, grid: [1, 1, 1] }).unwrap();
}

#[test]
#[should_panic(expected = "racing races")]
fn a_launch_that_races_fails_the_tests_that_compare_its_results() {
    watched("x[0] = i;", "racing", false);
}

#[test]
#[should_panic(expected = "straying leaves its bounds")]
fn a_kernel_of_ours_that_leaves_its_bounds_fails_the_tests_that_run_it() {
    watched("x[64u * i] = i;", "kept in by its device", false);
    watched("x[64u * i] = i;", "straying", true);
}
