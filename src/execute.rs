//! What can run a kernel. An executor knows programs, buffers and dispatches; it never hears of
//! plans, models or formulas, so one suite of tests can hold every executor to the same answers.

#[cfg(feature = "embedded")]
pub mod cpu;
mod executor;
#[cfg(any(feature = "embedded", feature = "gpu"))]
mod fits;
#[cfg(feature = "gpu")]
pub mod gpu;
mod memory;
mod stray;
#[cfg(feature = "textures")]
mod texture;
mod witness;

pub use executor::{Allocation, Bound, Dispatch, Executor, Outcome, ProgramId};
#[cfg(feature = "spirv")]
pub use executor::{SpirvAbilities, SpirvProgram};
pub use stray::{Access, Stray, Texel};
#[cfg(feature = "textures")]
pub use texture::{
    AddressMode, Channel, DeclaredTexels, DeclaredTexture, Sampler, TexelFormat, Texture,
    TextureDimension,
};
pub use witness::{Between, LaneUse, OutOfBounds, Race, Witness};

pub use flopmeter_core::device::{Adapter, Backend, Clock, DeviceType, Limits};

#[cfg(all(feature = "embedded", feature = "gpu"))]
use crate::Error;

/// Every adapter that [`open`] can open, best first; the embedded executor is always there, and last.
///
/// # Errors
/// Where the embedded executor cannot be had, which no machine is known to do.
#[cfg(all(feature = "embedded", feature = "gpu"))]
pub fn adapters() -> Result<Vec<Adapter>, Error> {
    let mut adapters = gpu::adapters();
    adapters.push(cpu::Cpu::new(cpu::SUBGROUP_LANES)?.adapter().clone());
    Ok(adapters)
}

/// How the embedded executor is to be, where it is the one that is opened.
#[derive(Clone, Copy, Debug, Default)]
pub struct Embedded {
    /// Lanes in a subgroup: a power of two up to 128. `None` for as many as the adapter has beside which it is opened, or
    /// else [`cpu::SUBGROUP_LANES`].
    pub subgroup: Option<u32>,
    /// Whether to look for races.
    pub detect_races: bool,
    /// Whether it is to run kernels with cooperative matrices. An adapter that has none says nothing of the subgroups that
    /// share them.
    pub for_matrices: bool,
}

impl From<u32> for Embedded {
    fn from(subgroup: u32) -> Self {
        Some(subgroup).into()
    }
}

impl From<Option<u32>> for Embedded {
    fn from(subgroup: Option<u32>) -> Self {
        Self { subgroup, ..Self::default() }
    }
}

#[cfg(all(feature = "embedded", feature = "gpu"))]
impl Embedded {
    /// The same beside an adapter: a kernel that asks for its subgroup does the same in subgroups of the same size.
    #[must_use]
    fn beside(self, adapter: &Adapter) -> Self {
        if self.for_matrices && adapter.limits.matrix_side.is_none() {
            return self;
        }
        let its = adapter.limits.subgroup_lanes.filter(|&lanes| cpu::may_have(lanes));
        Self { subgroup: self.subgroup.or(its), ..self }
    }

    fn open(self) -> Result<Box<dyn Executor>, Error> {
        let cpu = cpu::Cpu::new(self.subgroup.unwrap_or(cpu::SUBGROUP_LANES))?;
        Ok(Box::new(if self.detect_races { cpu.detecting_races() } else { cpu }))
    }
}

/// Opens `auto` (a real GPU, else a software adapter, else the embedded executor), `gpu`, `software`,
/// `embedded`, or the first adapter whose name contains `choice`.
///
/// # Errors
/// Where there is no such adapter, or it cannot be opened, or is to look for races and cannot.
#[cfg(all(feature = "embedded", feature = "gpu"))]
pub fn open(choice: &str, embedded: impl Into<Embedded>) -> Result<Box<dyn Executor>, Error> {
    let embedded = embedded.into();
    if choice == "embedded" {
        return embedded.open();
    }
    match gpu::Gpu::open(choice) {
        Ok(gpu) if embedded.detect_races => Err(Error::Refused {
            problem: format!("'{}' cannot look for races", gpu.adapter().name),
            remedy: crate::Remedy::EmbeddedExecutor,
        }),
        Ok(gpu) => Ok(Box::new(gpu)),
        Err(Error::NoAdapter(why)) if choice == "auto" => {
            log::info!("{why}; running on the embedded executor");
            embedded.open()
        }
        Err(error) => Err(error),
    }
}

/// Opens every adapter there is, the embedded executor last, which has the first one's subgroups where no others are
/// asked for.
///
/// # Errors
/// Where one that is there cannot be opened.
#[cfg(all(feature = "embedded", feature = "gpu"))]
pub fn open_all(embedded: impl Into<Embedded>) -> Result<Vec<Box<dyn Executor>>, Error> {
    let gpus = gpu::Gpu::open_all()?.into_iter();
    let mut all: Vec<Box<dyn Executor>> = gpus.map(|gpu| Box::new(gpu) as _).collect();
    let embedded = embedded.into();
    let beside = all.first().map_or(embedded, |first| embedded.beside(first.adapter()));
    all.push(beside.open()?);
    Ok(all)
}

#[cfg(all(test, feature = "embedded", feature = "gpu"))]
mod tests {
    use super::*;

    #[test]
    fn subgroups_are_those_of_the_adapter_unless_others_are_asked_for() {
        let adapter = |subgroup_lanes, matrix_side| Adapter {
            name: String::new(),
            backend: Backend::Noop,
            device_type: DeviceType::Other,
            driver: String::new(),
            limits: Limits { subgroup_lanes, matrix_side, ..Limits::WEBGPU },
        };
        let beside =
            |embedded: Embedded, lanes, side| embedded.beside(&adapter(lanes, side)).subgroup;
        let usual = Embedded::default();
        assert_eq!(beside(usual, Some(8), None), Some(8));
        assert_eq!(beside(usual, None, None), None);
        assert_eq!(beside(usual, Some(256), None), None, "it has none so wide");
        assert_eq!(beside(Embedded::from(64), Some(8), None), Some(64));
        let matrices = Embedded { for_matrices: true, ..usual };
        assert_eq!(beside(matrices, Some(8), None), None);
        assert_eq!(beside(matrices, Some(64), Some(16)), Some(64));
    }
}
