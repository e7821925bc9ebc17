//! The program's calls that the layer takes part in: each tells the tally and goes on to the driver with the
//! program's own arguments. A file for each kind of object that the calls are about.

#![expect(
    unsafe_code,
    reason = "functions of the driver are found by their names, as pointers without a type"
)]

pub(crate) mod beside;
pub(crate) mod command;
mod flags;
pub(crate) mod name;
pub(crate) mod pipeline;
pub(crate) mod pool;
pub(crate) mod queue;

use std::ffi::CStr;

use crate::device::Device;

/// A function below the layer that not every device has. The program has it from the layer, which gives it only
/// where it is there.
fn below<F: Copy>(device: &Device, name: &CStr) -> Option<F> {
    const { assert!(size_of::<F>() == size_of::<unsafe extern "system" fn()>()) };
    // SAFETY: callers ask for a name with the type of its function, which is a pointer like any other.
    device.find(name).map(|found| unsafe { std::mem::transmute_copy(&found) })
}
