//! What a device reports out of turn: errors, and that it is gone. Knows nothing of what was being done.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// What a device reported and no caller was told yet.
#[derive(Default)]
pub(super) struct DeviceFault {
    /// The first error.
    pub(super) error: Option<String>,
    /// Why the device is gone, from then on the reason for everything.
    pub(super) loss: Option<String>,
}

pub(super) fn locked(fault: &Mutex<DeviceFault>) -> MutexGuard<'_, DeviceFault> {
    fault.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An error with all of its causes: wgpu keeps the telling part in the innermost.
pub(super) fn explain(error: &wgpu::Error) -> String {
    let (mut text, mut cause) = match error {
        wgpu::Error::OutOfMemory { source } => (
            "out of memory: choose smaller buffers, or a smaller batch or seq".to_owned(),
            source.source(),
        ),
        wgpu::Error::Validation { source, description } => (description.clone(), source.source()),
        wgpu::Error::Internal { source, description } => (description.clone(), source.source()),
    };
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        cause = inner.source();
    }
    text
}
