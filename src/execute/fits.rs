//! What an adapter cannot carry although its driver takes it: refused by name, before it runs and leaves
//! wrong numbers behind. Knows limits, kernels and grids; no driver.

use super::Adapter;
use crate::{Error, KernelError, kernel::KernelModule};

/// Whether a kernel fits.
///
/// # Errors
/// Where it takes more workgroup memory than the adapter has, or stands deeper within itself than the
/// adapter keeps apart.
pub(super) fn kernel(adapter: &Adapter, kernel: &KernelModule) -> Result<(), Error> {
    extent(adapter, &kernel.name, kernel.workgroup_bytes(), kernel.nesting())
}

/// Whether a kernel fits that takes so many bytes of workgroup memory and stands so deep within itself.
///
/// # Errors
/// As for [`kernel`].
pub(super) fn extent(adapter: &Adapter, kernel: &str, bytes: u64, depth: u32) -> Result<(), Error> {
    let refused = |problem: String| -> Error {
        let (kernel, adapter) = (kernel.to_owned(), adapter.name.clone());
        KernelError::BackEnd { kernel, adapter, problem }.into()
    };
    let limit = adapter.limits.workgroup_bytes;
    if bytes > limit.into() {
        return Err(refused(format!(
            "it takes {bytes} bytes of workgroup memory, and this adapter has {limit}"
        )));
    }
    if let Some(limit) = adapter.limits.nesting.filter(|&limit| depth > limit) {
        return Err(refused(format!(
            "its conditions, loops and early returns stand {depth} deep within each other, functions that \
             it calls included, and this adapter keeps {limit} apart"
        )));
    }
    Ok(())
}

/// Whether an adapter has the cooperative matrices that a kernel may have, where it has any.
///
/// # Errors
/// Where it has none and the kernel does.
#[cfg(feature = "gpu")]
pub(super) fn matrices(
    adapter: &Adapter,
    kernel: &KernelModule,
    has_matrices: bool,
) -> Result<(), Error> {
    if has_matrices || !kernel.has_cooperative_matrices() {
        return Ok(());
    }
    let (kernel, adapter) = (kernel.name.clone(), adapter.name.clone());
    let problem = "it has cooperative matrices, and this adapter has not what wgpu calls \
                   EXPERIMENTAL_COOPERATIVE_MATRIX: the embedded executor executes and counts them";
    Err(KernelError::BackEnd { kernel, adapter, problem: problem.into() }.into())
}

/// Whether the adapter launches so many workgroups.
///
/// # Errors
/// Where it would launch fewer.
#[cfg(feature = "gpu")]
pub(super) fn grid(adapter: &Adapter, label: &str, grid: [u32; 3]) -> Result<(), Error> {
    let workgroups: u128 = grid.into_iter().map(u128::from).product();
    let limit = adapter.limits.grid.filter(|&limit| workgroups > limit.into());
    limit.map_or(Ok(()), |limit| {
        let [x, y, z] = grid;
        Err(Error::Device {
            adapter: adapter.name.clone(),
            during: label.to_owned(),
            problem: format!(
                "a dispatch of {x} x {y} x {z} workgroups is beyond the {limit} that this adapter launches \
                 at once: split it into several"
            ),
        })
    })
}
