//! Memory of this process that lies at the same address in every run of a program. Knows nothing of devices.

#![expect(
    unsafe_code,
    reason = "memory is mapped by calls of the operating system, at an address of this file's choice"
)]

use std::ptr::NonNull;

/// Bytes of a mapping. Only those that are touched take memory.
pub(crate) const BYTES: usize = 64 << 20;

/// Memory that was zeros when it was mapped, and is given back when this is dropped.
pub(crate) struct Fixed {
    host: NonNull<u8>,
}

impl Fixed {
    /// The first of a few fixed places that is free; `None` where none is, or where the system has no such call.
    #[cfg(all(target_os = "linux", target_pointer_width = "64"))]
    pub(crate) fn map() -> Option<Self> {
        /// Far from where Linux puts programs, their heaps and their libraries, on machines whose addresses have 47 bits.
        const FIRST: usize = 0x3f1a_0000_0000;
        /// One for each device that a process opens.
        const PLACES: usize = 16;

        let mut places = (0..PLACES).map(|place| FIRST + place * BYTES);
        places.find_map(|address| {
            let wanted = std::ptr::with_exposed_provenance_mut(address);
            let access = libc::PROT_READ | libc::PROT_WRITE;
            let flags = libc::MAP_PRIVATE
                | libc::MAP_ANONYMOUS
                | libc::MAP_NORESERVE
                | libc::MAP_FIXED_NOREPLACE;
            // SAFETY: the mapping is a new one, since it takes no other's place.
            let found = unsafe { libc::mmap(wanted, BYTES, access, flags, -1, 0) };
            if found == libc::MAP_FAILED {
                return None;
            }
            let mapped = NonNull::new(found.cast()).map(|host| Self { host });
            // A kernel older than that flag takes it for a wish; dropped, the mapping is gone again.
            mapped.filter(|mapped| mapped.host.as_ptr().addr() == address)
        })
    }

    /// The first of a few fixed places that is free; `None` where none is, or where the system has no such call.
    #[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
    pub(crate) fn map() -> Option<Self> {
        None
    }

    /// Where it begins.
    pub(crate) fn host(&self) -> NonNull<u8> {
        self.host
    }
}

impl Drop for Fixed {
    fn drop(&mut self) {
        #[cfg(unix)]
        // SAFETY: the mapping is this one's own, and nobody uses it any more.
        unsafe {
            libc::munmap(self.host.as_ptr().cast(), BYTES);
        }
    }
}

#[cfg(all(test, target_os = "linux", target_pointer_width = "64"))]
mod tests {
    use super::*;

    #[test]
    fn what_was_given_back_comes_again_and_nothing_is_replaced() {
        let addresses = |all: &[Fixed]| -> Vec<usize> {
            all.iter().map(|fixed| fixed.host().as_ptr().addr()).collect()
        };
        let two = [Fixed::map().unwrap(), Fixed::map().unwrap()];
        let first = addresses(&two);
        assert_eq!(first[1] - first[0], BYTES);
        drop(two);
        let again = [Fixed::map().unwrap(), Fixed::map().unwrap()];
        assert_eq!(addresses(&again), first);
    }
}
