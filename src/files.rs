//! Writing the files that a user asked for: whole or not at all. Does not know what the files contain, and does
//! not handle `-`, which stands for standard output.

use std::{
    fs, io,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

use crate::Error;

/// Writes `bytes` to `path`: beside it first, then renamed, so that a reader sees the old file or
/// the new one and never half of either.
///
/// # Errors
/// [`Error::File`] naming `path` where it cannot be written.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    replace(path, |out| out.write_all(bytes))
}

/// Like [`write_atomically`], for contents that are too large to hold twice: `fill` writes them.
///
/// # Errors
/// [`Error::File`] naming `path` where it cannot be written or `fill` fails; `path` is then as it was.
pub fn replace(
    path: &Path,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Error> {
    let write = || match Target::of(path)? {
        Target::Stream { .. } => {
            let mut out = BufWriter::new(fs::OpenOptions::new().write(true).open(path)?);
            fill(&mut out)?;
            out.flush()
        }
        Target::File { path, permissions } => {
            let mut out = BufWriter::new(temporary_beside(&path)?);
            fill(&mut out)?;
            let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
            if let Some(permissions) = permissions {
                file.as_file().set_permissions(permissions)?;
            }
            file.persist(path)?;
            Ok(())
        }
    };
    write().map_err(|error| unwritable(path, &error))
}

/// Whether [`replace`] could write to `path` now: a long run asks before it starts, so that it does
/// not fail when it ends.
///
/// # Errors
/// [`Error::File`] naming `path` where it cannot be written.
pub fn check_writable(path: &Path) -> Result<(), Error> {
    let attempt = || match Target::of(path)? {
        // Whoever reads a pipe takes it for ended where it is closed.
        Target::Stream { is_pipe: true } => Ok(()),
        Target::Stream { is_pipe: false } => {
            fs::OpenOptions::new().write(true).open(path).map(drop)
        }
        Target::File { path, .. } => temporary_beside(&path).map(drop),
    };
    attempt().map_err(|error| unwritable(path, &error))
}

/// Whether `path` is a pipe or a device, which is written to as it is. Opening a pipe may last until somebody reads it.
pub fn is_stream(path: &Path) -> bool {
    matches!(Target::of(path), Ok(Target::Stream { .. }))
}

/// The file that `path` stands for, there already or not, in the same spelling whatever that of `path` is; `None` where its
/// folder is not there.
pub fn destination(path: &Path) -> Option<PathBuf> {
    match path.canonicalize() {
        Ok(whole) => Some(whole),
        // A circle of links is another error.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let path = end_of_links(path).ok()?;
            Some(folder(&path).canonicalize().ok()?.join(path.file_name()?))
        }
        Err(_) => None,
    }
}

/// What a path stands for.
enum Target {
    /// A regular file, there already or not: replaced as a whole.
    File { path: PathBuf, permissions: Option<fs::Permissions> },
    /// A pipe or a device. It cannot be left half-written, and renaming a file over `/dev/null`
    /// would remove it for every process.
    Stream { is_pipe: bool },
}

impl Target {
    fn of(path: &Path) -> io::Result<Self> {
        let found = match fs::metadata(path) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Self::File { path: end_of_links(path)?, permissions: None });
            }
            Err(error) => return Err(error),
        };
        if found.is_dir() {
            return Err(io::Error::other("it is a folder; name a file in it"));
        }
        if !found.is_file() {
            return Ok(Self::Stream { is_pipe: is_pipe(found.file_type()) });
        }
        if found.permissions().readonly() {
            return Err(io::Error::other("it is read-only"));
        }
        // A link stays a link: what it points to is replaced.
        Ok(Self::File { path: path.canonicalize()?, permissions: Some(found.permissions()) })
    }
}

fn is_pipe(kind: fs::FileType) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt as _;
        kind.is_fifo()
    }
    #[cfg(not(unix))]
    {
        let _ = kind;
        false
    }
}

/// What a path points to that nothing is at yet, link by link. A circle of links is no such path.
fn end_of_links(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    while fs::symlink_metadata(&path).is_ok_and(|found| found.is_symlink()) {
        let target = fs::read_link(&path)?;
        path = path.with_file_name("").join(target);
    }
    Ok(path)
}

/// The folder that a file is in.
fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// A file in the folder of `path`, because a rename only works within one file system.
fn temporary_beside(path: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".flopmeter-");
    #[cfg(unix)]
    {
        // As for any file a program creates: the user's umask decides, not tempfile's secrecy.
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder(path))
}

fn unwritable(path: &Path, error: &io::Error) -> Error {
    // An error of a temporary file names the temporary file, which the user does not know.
    let why = match error.kind() {
        io::ErrorKind::NotFound if folder(path).is_dir() => {
            "its folder takes no new files".to_owned()
        }
        io::ErrorKind::NotFound => "its folder is not there".to_owned(),
        io::ErrorKind::PermissionDenied => "its folder may not be written to".to_owned(),
        kind @ (io::ErrorKind::FileTooLarge
        | io::ErrorKind::StorageFull
        | io::ErrorKind::QuotaExceeded) => kind.to_string(),
        _ => error.to_string(),
    };
    Error::File { path: path.to_owned(), problem: format!("cannot be written: {why}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_not_there_is_said_without_the_name_of_a_temporary_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("nope").join("report.html");
        let message = write_atomically(&path, b"new").unwrap_err().to_string();
        assert!(message.ends_with("cannot be written: its folder is not there"), "{message}");
        #[cfg(target_os = "linux")]
        {
            let system = write_atomically(Path::new("/proc/report.html"), b"new").unwrap_err();
            assert!(system.to_string().ends_with("its folder takes no new files"), "{system}");
        }
        assert!(!message.contains(".flopmeter-"), "{message}");
    }

    #[cfg(unix)]
    #[test]
    fn a_file_has_one_destination_in_each_spelling() {
        use std::os::unix::fs::symlink;

        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("sub")).unwrap();
        symlink("new", path("link")).unwrap();
        symlink("circle", path("circle")).unwrap();
        let wanted = Some(folder.path().canonicalize().unwrap().join("new"));
        for is_there in [false, true] {
            for name in ["new", "./new", "sub/../new", "link"] {
                assert_eq!(destination(&path(name)), wanted, "{name} {is_there}");
            }
            fs::write(path("new"), "").unwrap();
        }
        assert_eq!(destination(&path("other")), wanted.map(|new| new.with_file_name("other")));
        assert_eq!(destination(&path("circle")), None);
        assert_eq!(destination(&path("nowhere/new")), None);
    }

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.json");
        write_atomically(&path, b"old").unwrap();
        let error = replace(&path, |out| {
            out.write_all(b"half")?;
            Err(io::Error::other("the disk is full"))
        });
        let message = error.unwrap_err().to_string();
        assert!(message.contains("report.json") && message.contains("disk is full"), "{message}");
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_path_that_cannot_be_written_is_named_before_and_after() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("nowhere").join("report.json");
        for result in [check_writable(&missing), write_atomically(&missing, b"x")] {
            let message = result.unwrap_err().to_string();
            assert!(message.contains("nowhere"), "{message}");
        }
        let message = check_writable(folder.path()).unwrap_err().to_string();
        assert!(message.contains("it is a folder"), "{message}");
    }

    #[cfg(unix)]
    #[test]
    fn devices_links_and_permissions_stay_what_they_are() {
        use std::os::unix::fs::PermissionsExt as _;
        write_atomically(Path::new("/dev/null"), b"gone").unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());

        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&file, b"old").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        write_atomically(&link, b"new").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&file).unwrap(), b"new");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);

        let (later, dangling) = (folder.path().join("later"), folder.path().join("dangling"));
        std::os::unix::fs::symlink("later", &dangling).unwrap();
        check_writable(&dangling).unwrap();
        write_atomically(&dangling, b"new").unwrap();
        assert!(fs::symlink_metadata(&dangling).unwrap().is_symlink());
        assert_eq!(fs::read(&later).unwrap(), b"new");

        fs::set_permissions(&file, fs::Permissions::from_mode(0o440)).unwrap();
        assert!(write_atomically(&file, b"x").unwrap_err().to_string().contains("read-only"));
    }
}
