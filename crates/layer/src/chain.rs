//! Structures that hang one on another by `pNext`: finding one by its type. Knows nothing of what they say.

#![expect(
    unsafe_code,
    reason = "what a program hands to Vulkan are structures that hang one on another by raw pointers"
)]

use std::ffi::c_void;

use ash::vk::{self, TaggedStructure};

/// The structure of this type in a chain.
///
/// # Safety
/// `chain` is null or the `pNext` of a structure that the program handed to Vulkan, which is alive.
pub(crate) unsafe fn find<T: TaggedStructure>(chain: *const c_void) -> Option<*const T> {
    let mut at = chain.cast::<vk::BaseInStructure<'_>>();
    while !at.is_null() {
        // SAFETY: every structure of a chain begins as `BaseInStructure` does, and its type says what it is.
        let head = unsafe { &*at };
        if head.s_type == T::STRUCTURE_TYPE {
            return Some(at.cast());
        }
        at = head.p_next;
    }
    None
}

/// The items of an array of which Vulkan is given a pointer and a length.
///
/// # Safety
/// `first` points to `count` items, unless that is 0.
pub(crate) unsafe fn slice<'a, T>(first: *const T, count: impl TryInto<usize>) -> &'a [T] {
    match count.try_into() {
        // SAFETY: as the caller promises.
        Ok(count) if count > 0 && !first.is_null() => unsafe {
            std::slice::from_raw_parts(first, count)
        },
        _ => &[],
    }
}
