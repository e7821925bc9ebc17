//! Properties that an adapter does not report, measured with small kernels once for each adapter and process: after how
//! many rounds it ends a loop that is not done, and whether it miscompiles loops whose counters wrap around. Knows no
//! driver by name.

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

/// How many of the wanted rounds a loop takes, and then how many of two.
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

/// Two loops whose counters wrap around on the way, of 4 and of 6 rounds. Mesa 22.3's llvmpipe gives the first 1, and that
/// of Mesa 25 the second 8.
const WRAPS: &str = "
@group(0) @binding(0) var<storage, read_write> x: array<u32>; // rounds of the one, rounds of the other

@compute @workgroup_size(1)
fn main() {
    var i = 1u;
    loop { x[0] += 1u; i += 0x40000000u; if i == 1u { break; } }
    var j = 0xfffffff0u;
    loop { x[1] += 1u; continuing { j += 3u; break if j < 12u; } }
}";

/// Whether the adapter miscompiles loops whose counters wrap around, so that they take another number of rounds.
///
/// # Errors
/// Where the adapter cannot run the kernel.
pub(super) fn foresees_wrong(gpu: &mut dyn Executor) -> Result<bool, Error> {
    static KNOWN: Known<bool> = Known::new();
    KNOWN.of(gpu, |gpu| Ok(run(gpu, "rounds of loops that wrap", WRAPS, &[0, 0])? != [4, 6]))
}

/// After how many rounds the adapter ends the loops of a subgroup; `None` where it lets them end.
///
/// # Errors
/// Where the adapter cannot run the kernel, or ends loops in a way that nothing would show afterwards.
pub(super) fn loop_rounds(gpu: &mut dyn Executor) -> Result<Option<u32>, Error> {
    static KNOWN: Known<Option<u32>> = Known::new();
    KNOWN.of(gpu, measured)
}

/// What was found out of each adapter.
struct Known<T>(Mutex<BTreeMap<String, T>>);

impl<T: Copy> Known<T> {
    const fn new() -> Self {
        Self(Mutex::new(BTreeMap::new()))
    }

    fn of(
        &self,
        gpu: &mut dyn Executor,
        measured: impl FnOnce(&mut dyn Executor) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let known = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Adapter { backend, name, driver, .. } = gpu.adapter();
        let key = format!("{backend} {name} {driver}");
        if let Some(&found) = known().get(&key) {
            return Ok(found);
        }
        let found = measured(gpu)?;
        known().insert(key, found);
        Ok(found)
    }
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
