//! Scenes of what few programs do: kernels that read a clock, take derivatives or are no pipelines, and commands that are thrown away.
#![allow(unsafe_code, reason = "a program that uses Vulkan")]

use ash::vk;

use crate::{
    asks::Asks,
    glsl::{compile, compile_with},
    host::Host,
    recorder::Recorder,
    scenes::{ADD, ended},
};

/// Reads a clock, which costs nothing.
pub fn clock() -> Vec<u32> {
    let Some(host) = Host::with(Asks::Clock) else { return Vec::new() };
    let words = compile(
        "#version 450
        #extension GL_ARB_shader_clock : require
        layout(local_size_x = 32) in;
        layout(binding = 0) buffer B { float f[]; } b;
        void main() {
            uint nothing = clock2x32ARB().x & 0u;
            uint i = gl_GlobalInvocationID.x;
            b.f[i] = (b.f[i] + 1.0) * uintBitsToFloat(0x3fc00000u | nothing);
        }",
    );
    let pipeline = host.pipeline(&words, &[]);
    host.run(|commands| {
        commands.bind(pipeline).dispatch(1, 1, 1);
    });
    ended(host, &[pipeline])
}

/// Takes a derivative, which has no price, and runs a kernel that can be counted.
pub fn derivatives() -> Vec<u32> {
    let Some(host) = Host::with(Asks::Derivatives) else { return Vec::new() };
    let words = compile(
        "#version 450
        #extension GL_NV_compute_shader_derivatives : require
        layout(local_size_x = 32) in;
        layout(derivative_group_linearNV) in;
        layout(binding = 0) buffer B { float f[]; } b;
        void main() {
            uint i = gl_GlobalInvocationID.x;
            b.f[i] = dFdx(float(i) * 3.0);
        }",
    );
    let pipelines = [host.pipeline(&words, &[]), host.pipeline(&compile(ADD), &[])];
    host.run(|commands| {
        pipelines.iter().for_each(|&pipeline| {
            commands.bind(pipeline).dispatch(1, 1, 1);
        });
    });
    ended(host, &pipelines)
}

/// Runs a kernel once for each of two pipelines that the driver has without compiling it, and once more.
pub fn uncompiled() -> Vec<u32> {
    let host = Host::open(Asks::Nothing);
    let words = compile(ADD);
    let flags = vk::PipelineCreateFlags::FAIL_ON_PIPELINE_COMPILE_REQUIRED;
    let had = [(); 2].map(|()| host.pipeline_if(&words, &[], flags)).into_iter().flatten();
    let pipelines: Vec<_> = had.chain([host.pipeline(&words, &[])]).collect();
    host.run(|commands| {
        pipelines.iter().for_each(|&pipeline| {
            commands.bind(pipeline).dispatch(1, 1, 1);
        });
    });
    ended(host, &pipelines)
}

/// A kernel of which each line that costs something costs something else.
pub const LINED: &str = "#version 450
layout(local_size_x = 32) in;
layout(binding = 0) buffer B { float f[]; } b;
float twice(float x) {
    return x * 2.0;
}
void main() {
    uint i = 64u + gl_GlobalInvocationID.x;
    float x = b.f[i];
    for (uint n = 0u; n < 3u; n++) {
        x = twice(x) + 1.0;
    }
    if (i < 80u)
        x = sqrt(x);
    if (i < 64u)
        x = x / 3.0;
    b.f[i] = x;
}
";

/// Runs one kernel in three modules: one says its lines by instructions of SPIR-V, one by extended ones, and one not.
pub fn lined() -> Vec<u32> {
    let host = Host::open(Asks::Nothing);
    let modules = [&["-g"][..], &["-gVS"], &[]].map(|options| compile_with(LINED, options));
    let pipelines = modules.each_ref().map(|words| host.pipeline(words, &[]));
    let again = host.pipeline(&modules[0], &[]);
    host.run(|commands| {
        pipelines.iter().chain([&again]).for_each(|&pipeline| {
            commands.bind(pipeline).dispatch(2, 1, 1);
        });
    });
    ended(host, &[&pipelines[..], &[again]].concat())
}

/// Runs a kernel with so many branches, each of which takes a counter and is taken by another number of its 7 x 32 invocations.
pub fn branched(branches: u64) -> Vec<u32> {
    let host = Host::open(Asks::Nothing);
    let branches = (0..branches).map(|n| {
        let op = ["+", "*", "/"][n as usize % 3];
        format!("if (i > {n}u) x = x {op} 1.5;\n")
    });
    let branches: String = branches.collect();
    let words = compile(&format!(
        "#version 450
        layout(local_size_x = 32) in;
        layout(binding = 0) buffer B {{ float f[]; }} b;
        void main() {{
            uint i = gl_GlobalInvocationID.x;
            float x = b.f[64u + i];
            {branches}
            b.f[64u + i] = x;
        }}"
    ));
    let pipeline = host.pipeline(&words, &[]);
    host.run(|commands| {
        commands.bind(pipeline).dispatch(7, 1, 1);
    });
    ended(host, &[pipeline])
}

/// Rounds of [`long`], more than llvmpipe 22 gives all loops of a subgroup together.
pub const LONG: u64 = 100_000;

/// Goes round a loop for long.
pub fn long() -> Vec<u32> {
    let host = Host::open(Asks::Nothing);
    let words = compile(&format!(
        "#version 450
        layout(local_size_x = 32) in;
        layout(binding = 0) buffer B {{ float f[]; }} b;
        void main() {{
            float sum = b.f[gl_GlobalInvocationID.x];
            for (uint n = 0; n < {LONG}; n++) sum = sum * 0.5;
            b.f[gl_GlobalInvocationID.x] = sum;
        }}"
    ));
    let pipeline = host.pipeline(&words, &[]);
    host.run(|commands| {
        commands.bind(pipeline).dispatch(1, 1, 1);
    });
    ended(host, &[pipeline])
}

/// Runs a kernel that is no pipeline, and one that can be counted.
pub fn objects() -> Vec<u32> {
    let Some(host) = Host::with(Asks::Objects) else { return Vec::new() };
    let words = compile(ADD);
    let (object, pipeline) = (host.object(&words), host.pipeline(&words, &[]));
    let stages = [vk::ShaderStageFlags::COMPUTE];
    host.run(|commands| {
        commands.bind(pipeline).dispatch(1, 1, 1);
        unsafe { host.objects().cmd_bind_shaders(commands.commands, &stages, &[object]) };
        commands.dispatch(2, 1, 1).dispatch(1, 1, 1);
    });
    unsafe { host.objects().destroy_shader(object, None) };
    ended(host, &[pipeline])
}

/// Records as much as can be looked at dispatch by dispatch, throws it away, in each way that there is, and then records
/// most of that once more and runs it.
pub fn pools() -> Vec<u32> {
    let host = Host::open(Asks::Nothing);
    // One counter for each branch.
    let branches: String =
        (0..60).map(|n| format!("if (b.f[{n}] > 0.0) b.f[i] = b.f[i] + {n}.0;\n")).collect();
    let words = compile(&format!(
        "#version 450
        layout(local_size_x = 1) in;
        layout(binding = 0) buffer B {{ float f[]; }} b;
        void main() {{
            uint i = 64u + gl_GlobalInvocationID.x;
            {branches}
            b.f[i] = b.f[i] + 1.0;
        }}"
    ));
    let pipeline = host.pipeline(&words, &[]);
    let dispatch = |commands: &Recorder<'_>, times| {
        commands.bind(pipeline);
        (0..times).for_each(|_| {
            commands.dispatch(1, 1, 1);
        });
    };
    let level = vk::CommandBufferLevel::PRIMARY;
    let away: [fn(&Host, vk::CommandPool, vk::CommandBuffer); 3] = [
        |host, pool, _| host.destroy_pool(pool),
        |host, pool, _| host.reset_pool(pool),
        |host, _, commands| host.reset(commands),
    ];
    for throw_away in away {
        let recorded = [(); 4].map(|()| {
            let pool = host.pool();
            (pool, host.record_in(pool, level, |commands| dispatch(commands, POOLS_DISPATCH / 3)))
        });
        recorded.into_iter().for_each(|(pool, commands)| throw_away(&host, pool, commands));
    }
    host.run(|commands| dispatch(commands, POOLS_DISPATCH));
    ended(host, &[pipeline])
}

/// How many dispatches [`pools`] runs.
pub const POOLS_DISPATCH: u64 = 3000;

/// Runs a kernel twice, the second time where this process may write no files.
#[cfg(target_os = "linux")]
pub fn limited() -> Vec<u32> {
    let host = Host::open(Asks::Nothing);
    let pipeline = host.pipeline(&compile(ADD), &[]);
    let run = || {
        host.run(|commands| {
            commands.bind(pipeline).dispatch(1, 1, 1);
        });
    };
    run();
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    let limit_to = |limit| assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_FSIZE, limit) }, 0);
    unsafe { libc::getrlimit(libc::RLIMIT_FSIZE, &raw mut limit) };
    limit_to(&libc::rlimit { rlim_cur: 0, ..limit });
    run();
    let left = ended(host, &[pipeline]);
    limit_to(&limit);
    left
}
