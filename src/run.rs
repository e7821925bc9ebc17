//! Runs a user's program with the layer in its Vulkan, and collects what the layer recorded. The program has its own
//! input, output, files and exit code. Knows nothing of reports; the environment of this process stays as it is.

mod claims;
mod layer;
mod program;

use std::{
    ffi::{OsStr, OsString},
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
};

use flopmeter_core::recording::Recording;

use claims::Claims;

use crate::Error;

/// What a program is run for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Its kernels count what they execute.
    Count,
    /// Its kernels are as they are, and the device's clock is read around each dispatch.
    Time,
}

/// A program that is to be run.
#[derive(Clone, Copy, Debug)]
pub struct ProgramRequest<'a> {
    /// The program, named as a shell would look for it, and its arguments.
    pub command: &'a [OsString],
    /// What it is run for.
    pub purpose: Purpose,
    /// Whether dispatches are to be told one by one.
    pub each: bool,
    /// Whether it has no input and its output is discarded, since it has run before.
    pub unseen: bool,
    /// The layer's library; where it is empty, the library is looked for in the places of an installed program.
    pub layer: &'a [u8],
}

/// What a run of a program leaves.
#[derive(Clone, Debug)]
pub struct Ran {
    /// How the program ended.
    pub status: ExitStatus,
    /// What each process of the program did with each device that it opened. A process that opened none has one
    /// without a device.
    pub recordings: Vec<Recording>,
    /// Why nothing can have been recorded, or not all, where that is known.
    pub unseen: Option<String>,
}

/// Runs a program to its end. `started` is told the number of its process.
///
/// # Errors
/// [`Error::File`] where the program cannot be started or the layer is not found, and where what it recorded cannot
/// be read.
pub fn run(request: &ProgramRequest<'_>, started: &dyn Fn(u32)) -> Result<Ran, Error> {
    let &ProgramRequest { command, purpose, each, unseen, layer } = request;
    let Some((name, arguments)) = command.split_first() else {
        return Err(Error::Config("no program is named".into()));
    };
    let temporary = std::env::temp_dir();
    let unfit = |problem: String| Error::File { path: temporary.clone(), problem };
    // The loader takes a list of folders.
    if std::env::join_paths([&temporary]).is_err() {
        return Err(unfit(
            "Vulkan's loader finds no layer in it, since it cuts a name in two at each ':': have TMPDIR name another folder"
                .into(),
        ));
    }
    let folder = tempfile::tempdir_in(&temporary).map_err(|error| {
        let why = error.kind();
        unfit(format!(
            "no temporary folder can be made in it ({why}): have TMPDIR name another folder"
        ))
    })?;
    let recordings = folder.path().join("recordings");
    let manifests = folder.path().join("layers");
    for folder in [&recordings, &manifests] {
        fs::create_dir(folder).map_err(|error| unusable(folder, &error))?;
    }
    let claims = Claims::beside(&recordings);
    let library = if layer.is_empty() { layer::find()? } else { layer::unpack(layer, &manifests)? };
    layer::write_manifest(&library, &manifests)?;

    let mut command = Command::new(name);
    command.args(arguments).env(flopmeter_layer::FOLDER, &recordings);
    let asked = [(flopmeter_layer::TIMES, purpose == Purpose::Time), (flopmeter_layer::EACH, each)];
    for (variable, _) in asked.iter().filter(|(_, asked)| *asked) {
        command.env(variable, "1");
    }
    if unseen {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    }
    for (name, value) in layer::environment(&manifests, |name| std::env::var_os(name)) {
        command.env(name, value);
    }
    let path = program::find(name);
    let failed = |what: &'static str| {
        move |error: std::io::Error| Error::File {
            path: name.into(),
            problem: format!("{what}: {error}"),
        }
    };
    let mut child = command.spawn().map_err(failed("the program cannot be started"))?;
    started(child.id());
    let status = child.wait().map_err(failed("the program's end cannot be waited for"))?;
    let (recordings, is_lost) = read(&recordings, claims.as_ref())?;
    let unseen = path.filter(|_| recordings.is_empty()).and_then(|path| program::unseen(&path));
    let unseen = is_lost.then(|| LOST.to_owned()).or(unseen);
    Ok(Ran { status, recordings, unseen })
}

/// Why a recording was lost.
const LOST: &str = "what it did last could not be recorded: its disk is full, or it may write no file of that size \
                    (ulimit -f)";

/// All recordings of a folder, by their files' names, and whether one could not be written. One of which its process, now
/// gone, claimed that it has everything is finished, though the layer was not told of the end.
fn read(folder: &Path, claims: Option<&Claims>) -> Result<(Vec<Recording>, bool), Error> {
    let listed = fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let listed = listed.map_err(|error| unusable(folder, &error))?;
    let mut paths: Vec<_> = listed.into_iter().map(|entry| entry.path()).collect();
    let ends = |path: &Path, end: &str| path.extension() == Some(OsStr::new(end));
    let is_lost = paths.iter().any(|path| ends(path, flopmeter_layer::LOST));
    // Where the process ended before one took the place of another, both are there.
    let is_last = |path: &Path| {
        let whole = flopmeter_layer::WHOLE;
        ends(path, whole) || ends(path, "json") && !path.with_extension(whole).exists()
    };
    paths.retain(|path| is_last(path));
    paths.sort();
    let read = |path: &PathBuf| -> Result<Recording, Error> {
        let is_whole = claims.is_some_and(|claims| claims.say_whole(path));
        let bytes = fs::read(path).map_err(|error| unusable(path, &error))?;
        let mut recording: Recording =
            serde_json::from_slice(&bytes).map_err(|error| Error::File {
                path: path.clone(),
                problem: format!("is no recording of the layer: {error}"),
            })?;
        recording.finished |= is_whole && recording.unfinished_submissions == 0;
        Ok(recording)
    };
    Ok((paths.iter().map(read).collect::<Result<_, _>>()?, is_lost))
}

fn unusable(path: &Path, error: &std::io::Error) -> Error {
    Error::File { path: path.to_owned(), problem: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The number of no process, as Linux has them.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_recording_is_finished_where_its_process_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let claims = Claims::beside(folder.path());
        let namespace = fs::read_link("/proc/self/ns/pid").unwrap();
        let finished = |byte: u8, unfinished_submissions| {
            let claim = folder.path().join(flopmeter_layer::CLAIMS).join("4194305.0");
            let text = [&[byte], namespace.as_os_str().as_encoded_bytes()].concat();
            fs::write(claim, text).unwrap();
            let recording = Recording { unfinished_submissions, ..Recording::default() };
            let json = serde_json::to_string(&recording).unwrap();
            fs::write(folder.path().join("4194305.0.json"), json).unwrap();
            read(folder.path(), claims.as_ref()).unwrap().0[0].finished
        };
        assert!(finished(1, 0) && !finished(0, 0) && !finished(1, 1));
        assert!(!read(folder.path(), None).unwrap().0[0].finished);
    }

    #[test]
    fn the_last_recordings_are_read_and_those_that_were_lost_are_known() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        let recording = |process| Recording { process, ..Recording::default() };
        let json = |process| serde_json::to_string(&recording(process)).unwrap();
        let whole = |name: &str| format!("{name}.{}", flopmeter_layer::WHOLE);
        write("7.0.json", &json(1));
        write("7.0.taken", "");
        write("7.0.part", "{");
        write(&whole("7.0"), &json(2));
        write(&whole("7.1"), &json(3));
        let all = vec![recording(2), recording(3)];
        assert_eq!(read(folder.path(), None).unwrap(), (all.clone(), false));
        write(&format!("7.1.{}", flopmeter_layer::LOST), "");
        assert_eq!(read(folder.path(), None).unwrap(), (all, true));
    }
}
