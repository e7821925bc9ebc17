//! The bytes of a pass's uniform block: each member filled, by its name in the shader, from the
//! pass's dimensions or scalars.

use crate::{Error, KernelError, kernel::Member, plan::Pass};

/// The block of `size` bytes that `pass` gives its kernel.
pub(super) fn block(pass: &Pass, size: u32, members: &[Member]) -> Result<Vec<u8>, Error> {
    let dims = pass.dims();
    let mut bytes = vec![0; size as usize];
    for member in members {
        let value = if member.float {
            pass.scalars.get(&member.name).map(|scalar| scalar.to_le_bytes())
        } else {
            dims.get(&member.name).map(|dim| dim.to_le_bytes())
        };
        let value = value.ok_or_else(|| lacks(pass, format!("no value for '{}'", member.name)))?;
        let at = member.offset as usize;
        bytes[at..at + 4].copy_from_slice(&value);
    }
    Ok(bytes)
}

/// The error that a pass does not give its kernel what the kernel takes.
pub(super) fn lacks(pass: &Pass, problem: String) -> Error {
    KernelError::Kernel {
        kernel: pass.kernel.to_string(),
        problem: format!("pass '{}': {problem}", pass.label),
    }
    .into()
}
