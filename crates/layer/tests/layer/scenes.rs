//! What the small program does, scene by scene, each with what it must be counted as.

use std::{collections::BTreeMap, fs, io::Write as _, sync::Mutex, thread, time::Duration};

use ash::vk;
use flopmeter_core::recording::Recording;

use crate::{asks::Asks, glsl::compile, host::Host, rare, rays};

/// Counts of floating-point operations, by name; those of each kernel with how often it was dispatched.
pub type Counts = Vec<(u64, BTreeMap<&'static str, u64>)>;

/// What the program does.
pub struct Scene {
    pub name: &'static str,
    pub play: fn() -> Vec<u32>,
    /// What each of its kernels must be counted as, in any order.
    pub counts: fn() -> Counts,
}

/// All scenes that come to their end by themselves.
pub const SCENES: &[Scene] = &[
    Scene {
        name: "constants",
        play: constants,
        counts: || {
            let kernel =
                |times: u64, n: u64| (times, [("fma", times * 16 * n), ("mul", times * 16)].into());
            vec![kernel(1, 5), kernel(2, 9)]
        },
    },
    Scene {
        name: "control",
        play: control,
        counts: || {
            // Of 128 invocations 100 stay; of those 34, 33 and 33 go each way, all by way of a barrier in 8 rounds.
            let ops = [("add", 100 * 8), ("mul", 34), ("div", 33), ("sqrt", 33), ("convert", 128)];
            vec![(1, ops.into())]
        },
    },
    Scene {
        name: "indirect",
        play: indirect,
        counts: || vec![(3, [("add", 32 * (3 + 2 + 2))].into())],
    },
    Scene {
        name: "reused",
        play: reused,
        counts: || {
            // Three times two executions of two dispatches, and twice one of its own.
            vec![(3 * 2 * 2 + 2, [("add", 32 * (3 * 2 * (1 + 4) + 2 * 3))].into())]
        },
    },
    Scene {
        name: "threads",
        play: threads,
        counts: || vec![(2 * 50, [("add", 2 * 50 * 32)].into())],
    },
    Scene {
        name: "destroyed",
        play: destroyed,
        counts: || vec![(40, [("add", 40 * 32 * 2)].into())],
    },
    Scene {
        name: "shared",
        play: shared,
        counts: || vec![(1 + 2 + 4, [("add", (1 + 2 + 4) * 32)].into())],
    },
    Scene {
        name: "plain",
        play: || asked(Asks::Plain),
        counts: || vec![(1, [("add", 32)].into())],
    },
    Scene { name: "old", play: || asked(Asks::Old), counts: || vec![(1, [("add", 32)].into())] },
    Scene { name: "core", play: || asked(Asks::Core), counts: || vec![(1, [("add", 32)].into())] },
    Scene { name: "extensions", play: extensions, counts: || vec![(1, [("add", 32)].into())] },
    Scene { name: "inline", play: inline, counts: || vec![(1, [("add", 96)].into())] },
    Scene {
        name: "clock",
        play: rare::clock,
        counts: || vec![(1, [("add", 32), ("mul", 32)].into())],
    },
    Scene {
        name: "rays",
        play: rays::rays,
        counts: || {
            // Each ray is made, and half of them hit something.
            vec![(1, [("convert", 32), ("add", 32 + 16), ("mul", 16)].into())]
        },
    },
    Scene { name: "leaving", play: leaving, counts: || vec![(1, [("add", 64)].into())] },
];

/// Adds 1 to a number for each invocation.
pub const ADD: &str = "#version 450
    layout(local_size_x = 32) in;
    layout(binding = 0) buffer B { float f[]; } b;
    void main() {
        uvec3 at = gl_GlobalInvocationID;
        uint i = 64u + (at.x + 64u * (at.y + at.z)) % 256u; // No two invocations of a dispatch meet.
        b.f[i] = b.f[i] + 1.0;
    }";

fn constants() -> Vec<u32> {
    let words = compile(
        "#version 450
        layout(local_size_x_id = 1) in;
        layout(constant_id = 0) const int N = 5;
        layout(constant_id = 2) const bool FAST = true;
        layout(binding = 0) buffer B { float f[]; } b;
        void main() {
            float x = b.f[gl_GlobalInvocationID.x];
            for (int i = 0; i < N; ++i) x = fma(x, 0.5, 1.0);
            if (FAST) x = x * 3.0; else x = sqrt(x);
            b.f[gl_GlobalInvocationID.x] = x;
        }",
    );
    let host = Host::open(Asks::Nothing);
    let five = host.pipeline(&words, &[(1, 16)]);
    let nine = host.pipeline(&words, &[(0, 9), (1, 8)]);
    host.run(|commands| {
        commands.bind(five).dispatch(1, 1, 1).bind(nine).dispatch(2, 1, 1).dispatch(2, 1, 1);
    });
    ended(host, &[five, nine])
}

fn control() -> Vec<u32> {
    let words = compile(
        "#version 450
        layout(local_size_x = 64) in;
        layout(binding = 0) buffer B { float f[]; } b;
        shared float sums[64];
        void main() {
            uint i = gl_GlobalInvocationID.x;
            sums[gl_LocalInvocationID.x] = float(i);
            barrier();
            if (i >= 100u) return;
            float x = 1.0;
            for (uint n = 0u; n < 8u; ++n) x += sums[(gl_LocalInvocationID.x + n) % 32u];
            switch (i % 3u) {
                case 0u: x = x * 1.5; break;
                case 1u: x = 3.0 / x; break;
                default: x = sqrt(x); break;
            }
            b.f[i] = x;
        }",
    );
    let host = Host::open(Asks::Nothing);
    let pipeline = host.pipeline(&words, &[]);
    host.run(|commands| {
        commands.bind(pipeline).dispatch(2, 1, 1);
    });
    ended(host, &[pipeline])
}

fn indirect() -> Vec<u32> {
    let host = Host::open(Asks::Nothing);
    let pipeline = host.pipeline(&compile(ADD), &[]);
    host.write(&[3, 1, 1, 1, 2, 1]);
    host.run(|commands| {
        commands.bind(pipeline).dispatch_indirect(0).dispatch_indirect(3).dispatch_base(5, 2);
    });
    ended(host, &[pipeline])
}

fn reused() -> Vec<u32> {
    let host = Host::open(Asks::Nothing);
    let pipeline = host.pipeline(&compile(ADD), &[]);
    let secondary = host.record_secondary(|commands| {
        commands.bind(pipeline).dispatch(1, 1, 1).dispatch(2, 2, 1);
    });
    let twice = host.record(|commands| {
        commands.execute(&[secondary]).execute(&[secondary]);
    });
    let own = host.record(|commands| {
        commands.bind(pipeline).dispatch(1, 1, 3);
    });
    // Two lists in one submission, then one that has run before.
    host.submit(&[&[twice, own], &[twice]]);
    host.wait();
    host.submit(&[&[own, twice]]);
    host.wait();
    ended(host, &[pipeline])
}

fn threads() -> Vec<u32> {
    let host = Host::open(Asks::Nothing);
    let words = compile(ADD);
    let queue = Mutex::new(());
    let pipelines = [(); 2].map(|()| host.pipeline(&words, &[]));
    let level = vk::CommandBufferLevel::PRIMARY;
    thread::scope(|scope| {
        for pipeline in pipelines {
            let (host, queue) = (&host, &queue);
            scope.spawn(move || {
                let pool = host.pool();
                for _ in 0..50 {
                    let write = |commands: &crate::recorder::Recorder<'_>| {
                        commands.bind(pipeline).dispatch(1, 1, 1);
                    };
                    let commands = host.record_in(pool, level, write);
                    let _locked = queue.lock().unwrap();
                    host.submit(&[&[commands]]);
                }
                let _locked = queue.lock().unwrap();
                host.wait();
                host.destroy_pool(pool);
            });
        }
    });
    ended(host, &pipelines)
}

fn destroyed() -> Vec<u32> {
    let host = Host::open(Asks::Nothing);
    let words = compile(ADD);
    for _ in 0..40 {
        let pipeline = host.pipeline(&words, &[]);
        host.run(|commands| {
            commands.bind(pipeline).dispatch(2, 1, 1);
        });
        host.destroy_pipeline(pipeline);
    }
    ended(host, &[])
}

/// Pipelines of one kernel come and go while others of it stay.
fn shared() -> Vec<u32> {
    let host = Host::open(Asks::Nothing);
    let words = compile(ADD);
    let run = |pipeline, times: u32| {
        host.run(|commands| {
            (0..times).for_each(|_| {
                commands.bind(pipeline).dispatch(1, 1, 1);
            });
        });
    };
    let (one, other) = (host.pipeline(&words, &[]), host.pipeline(&words, &[]));
    run(one, 1);
    run(other, 2);
    host.destroy_pipeline(one);
    run(other, 4);
    ended(host, &[other])
}

fn asked(asks: Asks) -> Vec<u32> {
    let Some(host) = Host::with(asks) else { return Vec::new() };
    let pipeline = host.pipeline(&compile(ADD), &[]);
    host.run(|commands| {
        commands.bind(pipeline).dispatch(1, 1, 1);
    });
    ended(host, &[pipeline])
}

/// Asks in each way that there is what extensions the device has.
fn extensions() -> Vec<u32> {
    let host = Host::open(Asks::Nothing);
    host.ask_for_extensions();
    let pipeline = host.pipeline(&compile(ADD), &[]);
    host.run(|commands| {
        commands.bind(pipeline).dispatch(1, 1, 1);
    });
    ended(host, &[pipeline])
}

/// Goes without destroying anything.
fn leaving() -> Vec<u32> {
    let host = Host::open(Asks::Nothing);
    let pipeline = host.pipeline(&compile(ADD), &[]);
    host.run(|commands| {
        commands.bind(pipeline).dispatch(2, 1, 1);
    });
    host.read()
}

/// Goes at once when it has seen what was computed, without a word to anyone.
pub fn gone() -> Vec<u32> {
    let host = Host::open(Asks::Nothing);
    let pipeline = host.pipeline(&compile(ADD), &[]);
    for _ in 0..GONE_AFTER {
        host.run(|commands| {
            commands.bind(pipeline).dispatch(1, 1, 1);
        });
    }
    assert_eq!(f32::from_bits(host.read()[64]), GONE_AFTER as f32);
    // Writing takes a part of the program's time at most, so where the disk is slow a later wait records the last of it.
    while recorded() < GONE_AFTER {
        thread::sleep(Duration::from_millis(1));
        host.wait();
    }
    std::process::abort()
}

/// Dispatches that the layer has recorded of this process, counted or timed.
pub fn recorded() -> u64 {
    let folder = std::env::var_os(flopmeter_layer::FOLDER).unwrap();
    let files =
        fs::read_dir(folder).unwrap().filter_map(|file| fs::read(file.unwrap().path()).ok());
    let recordings = files.filter_map(|bytes| serde_json::from_slice::<Recording>(&bytes).ok());
    let dispatches = recordings.map(|Recording { kernels, times, .. }| {
        let counted = kernels.iter().map(|kernel| kernel.dispatches);
        counted.chain(times.iter().map(|kernel| kernel.submitted)).sum::<u64>()
    });
    dispatches.sum()
}

/// How often [`gone`] waits for a dispatch.
pub const GONE_AFTER: u64 = 10;

/// The module is part of the request for a pipeline, where the device knows that.
fn inline() -> Vec<u32> {
    let Some(host) = Host::with(Asks::Inline) else { return Vec::new() };
    let pipeline = host.inline_pipeline(&compile(ADD));
    host.run(|commands| {
        commands.bind(pipeline).dispatch(3, 1, 1);
    });
    ended(host, &[pipeline])
}

/// Does what Vulkan does not allow.
pub fn wrong() -> Vec<u32> {
    let host = Host::open(Asks::Nothing);
    host.break_a_rule();
    ended(host, &[])
}

/// What the buffer holds at the end, where everything is destroyed.
pub fn ended(host: Host, pipelines: &[vk::Pipeline]) -> Vec<u32> {
    let numbers = host.read();
    pipelines.iter().for_each(|&pipeline| host.destroy_pipeline(pipeline));
    host.close();
    numbers
}

/// Uses two devices at the same time.
pub fn two_devices() -> Vec<u32> {
    let one = Host::open(Asks::Nothing);
    let other = one.another();
    let words = compile(ADD);
    let pipelines = [&one, &other].map(|host| host.pipeline(&words, &[]));
    for (host, pipeline, times) in [(&one, pipelines[0], 1), (&other, pipelines[1], 2)] {
        host.run(|commands| {
            (0..times).for_each(|_| {
                commands.bind(pipeline).dispatch(1, 1, 1);
            });
        });
    }
    let left = ended(one, &pipelines[..1]);
    [left, ended(other, &pipelines[1..])].concat()
}

/// Finishes something, begins something that does not end, whose workgroups the device alone knows or not, says so, and
/// waits to be killed.
#[expect(
    clippy::print_stdout,
    reason = "who waits for the moment to kill it must know that it has come"
)]
pub fn endless(indirect: bool) -> Vec<u32> {
    let host = Host::open(Asks::Nothing);
    let pipeline = host.pipeline(&compile(ADD), &[]);
    host.run(|commands| {
        commands.bind(pipeline).dispatch(2, 1, 1);
    });
    host.write(&[4, 1, 1]);
    // What is only submitted is recorded where the last recording is an old one.
    thread::sleep(Duration::from_millis(1100));
    let commands = host.record(|commands| {
        commands.wait_for_ever().bind(pipeline);
        if indirect {
            commands.dispatch_indirect(0)
        } else {
            commands.dispatch(4, 1, 1)
        };
    });
    host.submit(&[&[commands]]);
    println!("started");
    std::io::stdout().flush().unwrap();
    thread::sleep(Duration::from_secs(60));
    host.read()
}
