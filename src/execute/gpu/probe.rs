//! What an adapter does not say of itself, tried out with a small kernel, once for each adapter and process:
//! after how many rounds it ends a loop that is not done. No driver is known by name here.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use crate::{
    Error,
    execute::{Adapter, Bound, Dispatch, Executor},
    kernel::KernelModule,
};

/// Rounds that are tried: four times what any driver was seen to end loops at, and a few milliseconds for
/// one invocation of a slow device.
const ROUNDS: u32 = 1 << 18;

/// How many rounds of a loop are had of those wanted, and then how many of two.
const LOOPS: &str = "
@group(0) @binding(0) var<storage, read_write> x: array<u32>; // wanted, had of them, had of 2, a number

fn go_round(wanted: u32, seed: u32) -> vec2<u32> {
    var had = 0u;
    var state = seed;
    loop {
        if (had >= wanted) { break; }
        // No closed form, so that no compiler does without the rounds.
        state = (state ^ (state >> 15u)) * 0x2c1b3c6du + had;
        had += 1u;
    }
    return vec2(had, state);
}

@compute @workgroup_size(1)
fn main() {
    let many = go_round(x[0], x[3]);
    let few = go_round(select(3u, 2u, x[0] > 2u), many.y);
    x[1] = many.x;
    x[2] = few.x;
    x[3] = few.y;
}";

/// After how many rounds the adapter ends the loops of a subgroup; `None` where it lets them end.
///
/// # Errors
/// Where the adapter cannot run the kernel, or ends loops in a way that nothing would show afterwards.
pub(super) fn loop_rounds(gpu: &mut dyn Executor) -> Result<Option<u32>, Error> {
    static KNOWN: Mutex<BTreeMap<String, Option<u32>>> = Mutex::new(BTreeMap::new());
    let known = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let Adapter { backend, name, driver, .. } = gpu.adapter();
    let key = format!("{backend} {name} {driver}");
    if let Some(&rounds) = known().get(&key) {
        return Ok(rounds);
    }
    let rounds = measured(gpu)?;
    known().insert(key, rounds);
    Ok(rounds)
}

fn measured(gpu: &mut dyn Executor) -> Result<Option<u32>, Error> {
    let words = run(gpu, "loop rounds", LOOPS, &[ROUNDS, 0, 0, 1])?;
    match [words[1], words[2]] {
        [ROUNDS, 2] => Ok(None),
        [had, 1] if had < ROUNDS => Ok(Some(had)),
        [had, again] => Err(Error::Device {
            adapter: gpu.adapter().name.clone(),
            during: "trying out its loops".to_owned(),
            problem: format!(
                "it went {had} rounds of {ROUNDS} and then {again} of 2, so loops that it ends early \
                 would not be noticed: take another adapter"
            ),
        }),
    }
}

/// Runs one workgroup of a kernel on a buffer of words; what it leaves there.
fn run(
    gpu: &mut dyn Executor,
    label: &str,
    source: &str,
    words: &[u32],
) -> Result<Vec<u32>, Error> {
    let kernel = KernelModule::from_wgsl(label, source, "main", &BTreeMap::new())?;
    let program = gpu.compile(&kernel)?;
    let size = 4 * words.len() as u64;
    let buffer = gpu.allocate(label, size)?;
    gpu.write(buffer, 0, bytemuck::cast_slice(words))?;
    let bindings = [Bound { group: 0, binding: 0, buffer, offset: 0, size }];
    gpu.dispatch(&Dispatch { label, program, bindings: &bindings, grid: [1; 3] })?;
    let words = bytemuck::pod_collect_to_vec(&gpu.read(buffer, 0, size)?);
    gpu.clear();
    Ok(words)
}
