//! GLSL's barriers as its compilers write them: which of them a workgroup waits at, and which memory each orders.

use common::{embedded, on_every_executor};
use flopmeter::execute::{Bound, Dispatch, Executor};

use crate::run::{ran, spirv_of};

/// A kernel whose lanes write, wait and read what another lane has written.
fn swapping(waits: &str) -> String {
    format!(
        "#version 450
        #extension GL_KHR_shader_subgroup_basic : require
        layout(local_size_x = 64) in;
        layout(set = 0, binding = 0) buffer X {{ uint x[]; }};
        void main() {{
            uint i = gl_LocalInvocationIndex;
            x[i] = i;
            {waits}
            x[64u + i] = x[63u - i];
        }}"
    )
}

/// How often the lanes of a kernel race, and on what.
fn races(kernel: &flopmeter::kernel::KernelModule) -> Vec<(u64, String)> {
    let mut cpu = embedded().detecting_races();
    let buffer = cpu.allocate("x", 512).unwrap();
    let program = cpu.compile(kernel).unwrap();
    let bindings = [Bound { group: 0, binding: 0, buffer, offset: 0, size: 512 }];
    let dispatch = Dispatch { label: "test", program, bindings: &bindings, grid: [1; 3] };
    let races = cpu.dispatch(&dispatch).unwrap().witness.unwrap().races.unwrap();
    races.into_iter().map(|race| (race.count, race.variable)).collect()
}

#[test]
fn memory_barriers_before_a_barrier_are_part_of_it() {
    let raced = vec![(64, "X".to_owned())];
    for (waits, expected) in [
        ("memoryBarrierBuffer(); barrier();", vec![]),
        ("memoryBarrier(); barrier();", vec![]),
        ("groupMemoryBarrier(); barrier();", vec![]),
        ("memoryBarrierShared(); memoryBarrierBuffer(); barrier();", vec![]),
        ("barrier();", raced.clone()),
        ("memoryBarrierShared(); barrier();", raced.clone()),
        ("memoryBarrierBuffer();", raced.clone()),
        // What is written behind the memory barrier it does not order.
        ("memoryBarrierBuffer(); x[i] = i + 1u; barrier();", raced.clone()),
        ("if (i < 32u) { memoryBarrierBuffer(); } barrier();", raced.clone()),
    ] {
        let Some(kernel) = spirv_of(&swapping(waits)) else { return };
        assert_eq!(races(&kernel), expected, "{waits}");
    }
}

/// naga's reader makes an atomic of each access to what is accessed by one.
#[test]
fn a_plain_access_beside_an_atomic_is_none() {
    let text = |between: &str| {
        format!(
            "#version 450
            layout(local_size_x = 64) in;
            layout(set = 0, binding = 0) buffer X {{ uint x[]; }};
            shared uint most;
            void main() {{
                uint i = gl_LocalInvocationIndex;
                if (i == 63u) most = 0u;
                {between}
                atomicMax(most, i);
                {between}
                x[i] = most;
            }}"
        )
    };
    let Some(kernel) = spirv_of(&text("barrier();")) else { return };
    on_every_executor(|executor| {
        let ran = ran(executor, &kernel, [1; 3], &[vec![0; 64]]);
        assert_eq!(ran.left, [63; 64]);
        let traffic = ran.cost.traffic;
        assert_eq!(
            [traffic.workgroup_store, traffic.workgroup_load, traffic.atomics],
            [4, 256, 64]
        );
    });
    let Some(kernel) = spirv_of(&text("")) else { return };
    // The store of one lane with the others' atomics and with their reads, and each atomic with a read.
    let mut found = races(&kernel);
    found.sort();
    assert_eq!(found, [63, 63, 64].map(|count| (count, "most".to_owned())));
}

#[test]
fn at_the_barrier_of_a_subgroup_no_workgroup_waits() {
    let Some(kernel) = spirv_of(&swapping("subgroupBarrier();")) else { return };
    assert_eq!(races(&kernel), [(64, "X".to_owned())]);
    // Within a subgroup it is one.
    let within = swapping("subgroupBarrier();").replace("x[63u - i]", "x[i ^ 1u]");
    let Some(kernel) = spirv_of(&within) else { return };
    assert_eq!(races(&kernel), []);
    on_every_executor(|executor| {
        let ran = ran(executor, &kernel, [1; 3], &[vec![0; 128]]);
        assert_eq!(ran.cost.traffic.barriers, 0);
        assert_eq!(ran.left[64..], (0..64).map(|i| i ^ 1).collect::<Vec<_>>());
    });
}
