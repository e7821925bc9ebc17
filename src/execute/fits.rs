//! What an adapter cannot carry although its driver takes it: refused by name, before it runs and leaves
//! wrong numbers behind. Knows limits, kernels and grids; no driver.

use flopmeter_core::device::too_deep;
#[cfg(feature = "gpu")]
use flopmeter_core::kernel::CooperativeProduct;

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
    too_deep(depth, adapter.limits.nesting).map_or(Ok(()), |problem| Err(refused(problem)))
}

/// Checks that an adapter supports the cooperative matrices of a kernel; `products` are those that it multiplies, none
/// where it has no such matrices.
///
/// # Errors
/// If the adapter lacks one of them: the driver would accept the kernel, with undefined results.
#[cfg(feature = "gpu")]
pub(super) fn matrices(
    adapter: &Adapter,
    kernel: &KernelModule,
    products: &[CooperativeProduct],
) -> Result<(), Error> {
    if !kernel.has_cooperative_matrices() {
        return Ok(());
    }
    let wanted = kernel.cooperative_products();
    let missing = wanted.iter().find(|product| !products.contains(product));
    let problem = match (products, missing) {
        ([_, ..], None) => return Ok(()),
        ([], _) => "it has cooperative matrices, and this adapter lacks what wgpu calls \
                    EXPERIMENTAL_COOPERATIVE_MATRIX"
            .into(),
        (_, Some(missing)) => {
            let has: Vec<_> = products.iter().map(CooperativeProduct::to_string).collect();
            format!(
                "it multiplies cooperative matrices of {missing}, and this adapter those of {}",
                has.join(", ")
            )
        }
    };
    let problem = format!("{problem}: the embedded executor has all that WGSL names");
    let (kernel, adapter) = (kernel.name.clone(), adapter.name.clone());
    Err(KernelError::BackEnd { kernel, adapter, problem }.into())
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
