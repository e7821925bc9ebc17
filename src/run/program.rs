//! The file of a program that is to be run, and what about it keeps layers away.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
};

/// Where a shell would find the program.
pub(super) fn find(name: &OsStr) -> Option<PathBuf> {
    let path = Path::new(name);
    if path.components().count() > 1 {
        return Some(path.to_owned());
    }
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders).map(|folder| folder.join(path)).find(|path| path.is_file())
}

/// Why no layer is loaded into a program, where its file says so.
#[cfg(unix)]
pub(super) fn unseen(path: &Path) -> Option<String> {
    use std::os::unix::fs::PermissionsExt as _;

    let mode = std::fs::metadata(path).ok()?.permissions().mode();
    (mode & 0o6000 != 0).then(|| {
        "it runs with the rights of its file's owner, and Vulkan's loader takes no layers from the environment \
         of such a program"
            .to_owned()
    })
}

/// Why no layer is loaded into a program, where its file says so.
#[cfg(not(unix))]
pub(super) fn unseen(_path: &Path) -> Option<String> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_program_with_its_owners_rights_is_told() {
        use std::{fs, os::unix::fs::PermissionsExt as _};

        let file = tempfile::NamedTempFile::new().unwrap();
        assert_eq!(unseen(file.path()), None);
        fs::set_permissions(file.path(), fs::Permissions::from_mode(0o4755)).unwrap();
        assert!(unseen(file.path()).unwrap().contains("owner"));
    }

    #[cfg(unix)]
    #[test]
    fn programs_are_found_on_the_path() {
        assert!(find(OsStr::new("sh")).unwrap().is_absolute());
        assert_eq!(find(OsStr::new("no-such-program-at-all")), None);
        assert_eq!(find(OsStr::new("./here")), Some("./here".into()));
    }
}
