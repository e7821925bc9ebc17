//! What the tests, the benches and the fuzz target share: the executors that are here, or a reason why one is
//! missing, a bench that runs single kernels, and kernels from elsewhere.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say where")]
#![allow(clippy::print_stdout, reason = "whoever reads the log must see what ran and what did not")]

pub mod bench;
pub mod computes;
pub mod corpus;
pub mod decoder;
pub mod generator;
pub mod interpret;
pub mod mutant;
mod watched;

#[cfg(feature = "gpu")]
use flopmeter::execute::gpu::Gpu;
use flopmeter::{
    execute::{
        Backend, Executor,
        cpu::{Cpu, SUBGROUP_LANES},
    },
    registry::Kernel,
};

pub use watched::Watched;

/// Says that part of a test is left out for want of something; a failure where `FLOPMETER_REQUIRE_` and the name
/// of that, such as `ADAPTER`, is 1.
pub fn skipped(name: &str, why: &str) {
    let required = std::env::var_os(format!("FLOPMETER_REQUIRE_{name}")).is_some_and(|v| v == "1");
    let what = name.to_lowercase();
    assert!(!required, "{what} is required: {why}");
    println!("SKIPPED: no {what}: {why}");
}

/// The GPU or software adapter that is here. Without one its part of a test is skipped, loudly, and
/// fails where `FLOPMETER_REQUIRE_ADAPTER` is 1.
#[cfg(feature = "gpu")]
pub fn gpu() -> Option<Gpu> {
    match Gpu::open("auto") {
        Ok(gpu) => Some(gpu),
        Err(error) => {
            skipped("ADAPTER", &error.to_string());
            None
        }
    }
}

/// The embedded executor, which is everywhere.
pub fn embedded() -> Cpu {
    Cpu::new(SUBGROUP_LANES).unwrap_or_else(|error| panic!("{error}"))
}

/// Runs a test's body on each executor: one suite holds them all to the same answers. It runs on the embedded
/// executor twice, the second time with [`Watched`]: every kernel whose results are compared is known not to race.
#[cfg(feature = "gpu")]
pub fn on_every_executor(body: impl Fn(&mut dyn Executor)) {
    println!("on the embedded executor, where nothing may race");
    body(&mut Watched::default());
    on_every_executor_with_races(body);
}

/// The same for kernels that may race, of whose results nothing may be asked that depends on who comes first.
#[cfg(feature = "gpu")]
pub fn on_every_executor_with_races(body: impl Fn(&mut dyn Executor)) {
    println!("on the embedded executor");
    body(&mut embedded());
    if let Some(mut gpu) = gpu() {
        println!("on {}", gpu.adapter().name);
        body(&mut gpu);
    }
}

/// Whether an executor computes in half precision; says so where it does not.
pub fn narrows(executor: &mut dyn Executor) -> bool {
    let dims = [("LANES".to_owned(), 64)].into();
    let kernel = flopmeter::library::load(&Kernel::HalfNarrow.name(), &dims).unwrap();
    let narrows = executor.compile(&kernel).is_ok();
    if !narrows {
        println!("NOT COMPARABLE on {}: no half precision", executor.adapter().name);
    }
    executor.clear();
    narrows
}

/// Whether an executor reaches its device through GL, where something cannot be expected; says so.
pub fn gl_cannot(executor: &dyn Executor, why: &str) -> bool {
    let gl = executor.adapter().backend == Backend::Gl;
    if gl {
        println!("NOT COMPARABLE on {} (GL): {why}", executor.adapter().name);
    }
    gl
}
