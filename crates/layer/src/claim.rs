//! A byte that outlives the process: whether the last recording has all that was submitted. Whoever reads recordings sees
//! it when the process is gone, in whatever way it went. It lies in memory that both map, so that it is withdrawn by
//! writing to memory: a process that has shut itself off from files can do that, and one whose disk is full. Knows
//! nothing of what was submitted.

#![expect(
    unsafe_code,
    reason = "a file is mapped by calls of the operating system, which also say whether it is memory"
)]

use std::{
    path::Path,
    ptr::NonNull,
    sync::atomic::{AtomicU8, Ordering},
};

/// A claim that is made and withdrawn again and again. It is not made to begin with.
pub(crate) struct Claim {
    byte: NonNull<AtomicU8>,
}

// SAFETY: the byte stays where it is as long as the claim, and is read and written by atomic operations alone.
unsafe impl Send for Claim {}
// SAFETY: as above.
unsafe impl Sync for Claim {}

impl Claim {
    /// In a new file with that name; `None` where it cannot be made, or would not be memory. Behind the byte it says in
    /// which namespace the process has its number, so that a reader knows whether that process is gone.
    #[cfg(target_os = "linux")]
    pub(crate) fn new(path: &Path) -> Option<Self> {
        use std::{
            fs::{File, read_link},
            io::Write as _,
            os::{fd::AsRawFd as _, unix::ffi::OsStrExt as _},
        };

        let namespace = read_link("/proc/self/ns/pid").ok()?;
        let mut options = File::options();
        let mut file = options.read(true).write(true).create_new(true).open(path).ok()?;
        // SAFETY: the structure is plain numbers, which the call fills.
        let is_memory = unsafe {
            let mut about: libc::statfs = std::mem::zeroed();
            let result = libc::fstatfs(file.as_raw_fd(), &raw mut about);
            result == 0 && about.f_type == libc::TMPFS_MAGIC
        };
        // What is written has its memory from then on; a hole would have none, and a disk may be full.
        let text = [&[0], namespace.as_os_str().as_bytes()].concat();
        let written = is_memory && file.write_all(&text).is_ok();
        if !written {
            return None;
        }
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: the mapping is a new one, of a part of the file that is there.
        let found = unsafe {
            let anywhere = std::ptr::null_mut();
            libc::mmap(anywhere, 1, access, libc::MAP_SHARED, file.as_raw_fd(), 0)
        };
        let mapped = (found != libc::MAP_FAILED).then_some(found);
        Some(Self { byte: NonNull::new(mapped?.cast())? })
    }

    /// Where the system has no such files, no claim is made.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn new(_path: &Path) -> Option<Self> {
        None
    }

    /// Makes the claim, or withdraws it.
    pub(crate) fn make(&self, holds: bool) {
        // SAFETY: the byte is there as long as the claim is.
        unsafe { self.byte.as_ref() }.store(holds.into(), Ordering::SeqCst);
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        #[cfg(unix)]
        // SAFETY: the mapping is this one's own, and nobody uses it any more.
        unsafe {
            libc::munmap(self.byte.as_ptr().cast(), 1);
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_claim_is_seen_by_others_and_stays() {
        let folder = tempfile::tempdir_in("/dev/shm").unwrap();
        let path = folder.path().join("7.0");
        let claim = Claim::new(&path).unwrap();
        let namespace = fs::read_link("/proc/self/ns/pid").unwrap();
        let holds = |byte: char| {
            let text = format!("{byte}{}", namespace.to_str().unwrap());
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        };
        holds('\0');
        claim.make(true);
        holds('\u{1}');
        claim.make(false);
        holds('\0');
        assert!(Claim::new(&path).is_none(), "it is another's");
        claim.make(true);
        drop(claim);
        holds('\u{1}');
    }

    #[test]
    fn there_is_none_where_a_file_is_no_memory() {
        assert!(Claim::new(Path::new("/nowhere/at/all")).is_none());
        assert!(Claim::new(Path::new("/proc/7.0")).is_none());
    }
}
