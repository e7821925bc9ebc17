//! Those of the corpus that can be run, on every executor: the counters say what the embedded executor tallies
//! of the plain kernel, and the same everywhere.

use std::collections::BTreeMap;

use flopmeter::{
    execute::{
        Executor,
        cpu::{Cpu, SUBGROUP_LANES},
    },
    kernel::KernelModule,
    observe::KernelLaunch,
    op::Cost,
    shader::{BufferFill, ShaderRequest, run},
};

use common::corpus::{fills::fills, shaders};

/// Entry points that compare bits of small integers as floats, which are subnormal numbers: equal to zero on an
/// adapter that flushes them, as Vulkan allows, so it takes other branches there.
const COMPARE_SUBNORMALS: [&str; 1] = ["vello_shaders/shader/flatten.wgsl main"];

/// Stores 1 where the adapter tells the least subnormal number from zero, else 0.
const SUBNORMALS: &str = "@group(0) @binding(0) var<storage, read_write> x: array<u32>;
@compute @workgroup_size(1)
fn main() {
    x[0] = u32(bitcast<f32>(x[1]) != bitcast<f32>(x[2]));
}";

#[test]
#[ignore = "slow: a driver compiles some two hundred kernels, plain and counting"]
fn published_shaders_count_what_the_embedded_executor_tallies() {
    let Some(kernels) = shaders::first_variants() else { return };
    let mut gpu = common::gpu();
    // Reductions over a subgroup take as many rounds as it has lanes.
    let lanes = gpu.as_ref().and_then(|gpu| gpu.adapter().limits.subgroup_lanes);
    let mut cpu = Cpu::new(lanes.unwrap_or(SUBGROUP_LANES)).unwrap();
    let flushes = gpu.as_mut().is_some_and(|gpu| !tells_subnormals(gpu));
    assert!(tells_subnormals(&mut cpu));
    let (mut tallied, mut compared) = (0, 0);
    for (label, kernel) in &kernels {
        let embedded = counted(&mut cpu, kernel);
        let gpu = gpu.as_mut().map(|gpu| counted(gpu, kernel));
        if let Ok((counted, tally)) = &embedded {
            tallied += 1;
            assert_eq!(Some(*counted), *tally, "{label}");
        }
        match (&embedded, &gpu) {
            (Ok((embedded, _)), Some(Ok((gpu, _)))) => {
                compared += 1;
                if flushes && COMPARE_SUBNORMALS.contains(&label.as_str()) {
                    println!(
                        "  {label}: the adapter flushes the subnormal numbers that it compares"
                    );
                    assert_ne!(embedded, gpu, "{label} need not be excepted");
                    continue;
                }
                assert_eq!(embedded, gpu, "{label}");
            }
            (Err(why), _) | (Ok(_), Some(Err(why))) => println!("  {label}: {why}"),
            (Ok(_), None) => {}
        }
    }
    println!(
        "of {} entry points: {tallied} run and tallied by the embedded executor, {compared} of them run on an \
         adapter too",
        kernels.len()
    );
    assert!(tallied >= 80, "most can be run");
    assert!(gpu.is_none() || compared >= 80, "most can be run on an adapter");
}

fn tells_subnormals(executor: &mut dyn Executor) -> bool {
    let kernel =
        KernelModule::from_wgsl("subnormals", SUBNORMALS, "main", &BTreeMap::new()).unwrap();
    let launches = [KernelLaunch { kernel: &kernel, grid: [1, 1, 1] }];
    let x = (0, 0);
    let fills = BTreeMap::from([(x, BufferFill::Values(["9", "1", "0"].map(Into::into).into()))]);
    let request = ShaderRequest {
        launches: &launches,
        fills: &fills,
        dumps: &[x],
        runs: 1.into(),
        under_way: &Default::default(),
    };
    match run(executor, &request).unwrap().dumps[&x][..4] {
        [0, 0, 0, 0] => false,
        [1, 0, 0, 0] => true,
        ref neither => panic!("neither yes nor no: {neither:?}"),
    }
}

/// What a kernel costs by the counters, and by the executor's own tally where it has one.
fn counted(
    executor: &mut dyn Executor,
    kernel: &KernelModule,
) -> Result<(Cost, Option<Cost>), String> {
    let fills = fills(kernel, 4).ok_or("it binds what is no buffer")?;
    // Of several workgroups, some of these kernels count by which of them comes first.
    let launches = [KernelLaunch { kernel, grid: [1, 1, 1] }];
    let request = ShaderRequest {
        launches: &launches,
        fills: &fills,
        dumps: &[],
        runs: 1.into(),
        under_way: &Default::default(),
    };
    let run = run(executor, &request).map_err(|error| error.to_string())?;
    let observed = &run.series.launches[0];
    Ok((observed.cost, observed.witness.as_ref().map(|witness| witness.tally)))
}
