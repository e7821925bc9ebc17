//! The C interface, through which JavaScript calls. A text is handed in as a pointer and a length, in memory that
//! [`fm_alloc`] gave; a reply is a pointer to its length in bytes (u32), whether it is a result (u32, 1) or an
//! error message (0), and the UTF-8 text.
//!
//! This file is the only one with `unsafe` code: a WebAssembly export has no other way to take bytes.

#![expect(
    unsafe_code,
    reason = "JavaScript hands bytes over as a pointer and a length, and a module has no other way to take them"
)]

use crate::{decode::decode, meter::instrument};

/// Bytes in front of a reply's text.
const HEAD: usize = 8;

/// Gives `len` zeroed bytes to the caller, who gives them back with [`fm_free`].
#[unsafe(no_mangle)]
pub extern "C" fn fm_alloc(len: usize) -> *mut u8 {
    Box::leak(vec![0; len].into_boxed_slice()).as_mut_ptr()
}

/// Takes back what [`fm_alloc`] or a reply gave.
///
/// # Safety
/// `pointer` is from [`fm_alloc`] with the same `len`, or a reply of `len` bytes, head included, and is not used
/// again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fm_free(pointer: *mut u8, len: usize) {
    // SAFETY: the caller hands back a boxed slice of exactly this length.
    drop(unsafe { Box::from_raw(std::ptr::slice_from_raw_parts_mut(pointer, len)) });
}

/// Rewrites a kernel: see [`instrument`].
///
/// # Safety
/// `pointer` points to `len` bytes that are initialised.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fm_instrument(pointer: *const u8, len: usize) -> *mut u8 {
    // SAFETY: as the caller promises.
    let request = unsafe { std::slice::from_raw_parts(pointer, len) };
    reply(instrument(request))
}

/// Turns the contents of a counter buffer into counts: see [`decode`]. `launched` is the number of invocations that
/// were launched, or [`u64::MAX`] where it is not known.
///
/// # Safety
/// `pointer` points to `len` bytes that are initialised.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fm_decode(
    table: usize,
    pointer: *const u8,
    len: usize,
    launched: u64,
) -> *mut u8 {
    // SAFETY: as the caller promises.
    let raw = unsafe { std::slice::from_raw_parts(pointer, len) };
    reply(decode(table, raw, (launched != u64::MAX).then_some(launched)))
}

/// Runs a kernel on the embedded executor: see [`interpret`](crate::interpret::interpret).
///
/// # Safety
/// `pointer` points to `len` bytes that are initialised.
#[cfg(feature = "interpreter")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fm_interpret(pointer: *const u8, len: usize) -> *mut u8 {
    // SAFETY: as the caller promises.
    let request = unsafe { std::slice::from_raw_parts(pointer, len) };
    reply(crate::interpret::interpret(request))
}

fn reply(result: Result<String, String>) -> *mut u8 {
    let (is_result, text) = match result {
        Ok(text) => (1_u32, text),
        Err(text) => (0, text),
    };
    let mut bytes = Vec::with_capacity(HEAD + text.len());
    bytes.extend((text.len() as u32).to_le_bytes());
    bytes.extend(is_result.to_le_bytes());
    bytes.extend(text.into_bytes());
    Box::leak(bytes.into_boxed_slice()).as_mut_ptr()
}
