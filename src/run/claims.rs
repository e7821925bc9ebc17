//! Which processes of a program, now gone, had all that they submitted in their last recordings: the layer keeps a byte of
//! memory for each, which outlives its process. Knows nothing of what is recorded.

use std::{fs, path::Path};

use tempfile::TempDir;

/// What says where a process has its number.
const NAMESPACE: &str = "/proc/self/ns/pid";

/// The claims of one run. They are gone when this is.
pub(super) struct Claims {
    folder: TempDir,
}

impl Claims {
    /// A folder for them, which the layer finds beside the recordings; `None` where the system has none in memory.
    #[cfg(target_os = "linux")]
    pub(super) fn beside(recordings: &Path) -> Option<Self> {
        let folder = tempfile::Builder::new().prefix("flopmeter-").tempdir_in("/dev/shm").ok()?;
        let link = recordings.join(flopmeter_layer::CLAIMS);
        std::os::unix::fs::symlink(folder.path(), link).ok()?;
        Some(Self { folder })
    }

    /// A folder for them; `None` where the system has none in memory.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn beside(_recordings: &Path) -> Option<Self> {
        None
    }

    /// Whether a recording, of which this is the file, has all that its process submitted. That is known where the process
    /// is gone, which can only be told of one whose number means the same here.
    pub(super) fn say_whole(&self, recording: &Path) -> bool {
        let name = recording.file_stem().unwrap_or_default();
        let process = Path::new(name).file_stem().unwrap_or_default();
        // Looked at first: one that goes on may make a claim and withdraw it behind that.
        let is_gone = is_gone(&Path::new("/proc").join(process));
        let claim = fs::read(self.folder.path().join(name)).unwrap_or_default();
        let holds = |namespace: &Path| {
            claim.split_first() == Some((&1, namespace.as_os_str().as_encoded_bytes()))
        };
        is_gone && fs::read_link(NAMESPACE).is_ok_and(|own| holds(&own))
    }
}

/// Whether the process of this folder is gone. One that ended stays there until somebody asks how, which nobody may do.
fn is_gone(process: &Path) -> bool {
    match fs::read_to_string(process.join("stat")) {
        // Its name, in brackets, may hold anything; its state is behind that.
        Ok(stat) => stat.rsplit_once(") ").is_some_and(|(_, state)| state.starts_with(['Z', 'X'])),
        Err(_) => !process.exists(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn a_claim_holds_of_a_process_that_is_gone() {
        let recordings = tempfile::tempdir().unwrap();
        let claims = Claims::beside(recordings.path()).unwrap();
        let namespace = fs::read_link(NAMESPACE).unwrap();
        let mut child =
            std::process::Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
        let name = format!("{}.0", child.id());
        let file = recordings.path().join(flopmeter_layer::CLAIMS).join(&name);
        let says = |byte: u8, namespace: &Path| {
            let text = [&[byte], namespace.as_os_str().as_encoded_bytes()].concat();
            fs::write(&file, text).unwrap();
            ["json", flopmeter_layer::WHOLE]
                .map(|end| claims.say_whole(&recordings.path().join(format!("{name}.{end}"))))
        };
        assert_eq!(says(1, &namespace), [false; 2], "it goes on");
        drop(child.stdin.take());
        // It ends, and is there until it is waited for.
        while !is_gone(&Path::new("/proc").join(child.id().to_string())) {
            std::thread::yield_now();
        }
        assert_eq!(says(1, &namespace), [true; 2]);
        child.wait().unwrap();
        assert_eq!(says(1, &namespace), [true; 2]);
        assert_eq!(says(0, &namespace), [false; 2]);
        assert_eq!(says(1, Path::new("pid:[1]")), [false; 2], "who knows which process that is");
        fs::remove_file(&file).unwrap();
        assert!(!claims.say_whole(&recordings.path().join(format!("{name}.json"))));
    }
}
