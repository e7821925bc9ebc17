//! From the text of a shader to a source: what it is continued in, what it includes, and what is defined before its
//! first line. Knows where files lie, and nothing of what their language means.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    string::FromUtf8Error,
};

use flopmeter_core::source::Source;

use super::preprocess::{self, Dialect, Inclusion, Others, Text};
use crate::{Error, KernelError, Remedy, continued};

/// What a source is read with, beside its file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceOptions {
    /// Macros that are defined before the first line: each by its name, with what it stands for.
    pub defines: BTreeMap<String, String>,
    /// Folders in which included files are looked for, behind the folders of the files that include them.
    pub folders: Vec<PathBuf>,
}

/// Bytes that a file of a shader may have.
const MOST: u64 = 64 << 20;

/// What is left of a file, all of it.
///
/// # Errors
/// Where it cannot be read, or has more than 64 MiB: a device such as `/dev/zero` never ends.
pub(super) fn whole(file: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(MOST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST {
        let problem = format!("it has more than {} MiB, and no shader does", MOST >> 20);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, problem));
    }
    Ok(bytes)
}

/// The text of a file.
pub(super) fn text_of(path: &Path) -> io::Result<String> {
    let bytes = whole(File::open(path)?)?;
    utf8(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// Bytes as text, without the mark of their order that some editors begin a text with.
pub(super) fn utf8(bytes: Vec<u8>) -> Result<String, FromUtf8Error> {
    let mut text = String::from_utf8(bytes)?;
    if text.starts_with(MARK) {
        text.remove(0);
    }
    Ok(text)
}

/// A byte order mark, which UTF-8 has no use for.
const MARK: char = '\u{feff}';

/// WGSL with the files beside it that it is continued in. Its text is preprocessed where it has a directive, or
/// anything is defined.
pub(super) fn wgsl(
    name: &str,
    path: &Path,
    text: String,
    options: &SourceOptions,
) -> Result<Source, Error> {
    let beside = |next: &str| {
        let path = path.with_file_name(next);
        text_of(&path).map(Cow::Owned).map_err(|error| {
            Unread(format!("is continued in {}, which cannot be read: {error}", path.display()))
        })
    };
    let file = path.file_name().map_or_else(String::new, |name| name.display().to_string());
    let files = continued::whole((file, text.into()), beside)
        .map_err(|Unread(problem)| Error::File { path: path.to_owned(), problem })?;
    let has_directives =
        files.iter().any(|(_, text)| preprocess::has_directives(text, Dialect::Wgsl));
    if !has_directives && options.defines.is_empty() {
        let files: Vec<_> = files.iter().map(|(name, text)| (&**name, &**text)).collect();
        return Ok(Source::joined(&files));
    }
    let files = files.into_iter().enumerate().map(|(index, (file, text))| Text {
        path: if index == 0 { path.to_owned() } else { path.with_file_name(&file) },
        identity: identity(&path.with_file_name(&file)),
        name: (index > 0).then_some(file),
        text: text.into_owned(),
    });
    preprocessed(name, &files.collect::<Vec<_>>(), Dialect::Wgsl, options)
}

/// GLSL as each of its readers gets it.
#[cfg(feature = "glsl")]
pub(super) struct Glsl {
    /// What naga reads, preprocessed here, or why that is not left to it.
    pub(super) read: Result<Source, KernelError>,
    /// What a compiler reads: the text itself, unless it includes files, something is defined or it asks for the numbers of
    /// its lines, which a compiler and a report may take for others.
    pub(super) compiled: Source,
}

/// GLSL with what it includes. naga's own preprocessor meets nothing that is left to do.
#[cfg(feature = "glsl")]
pub(super) fn glsl(
    name: &str,
    path: &Path,
    text: String,
    options: &SourceOptions,
) -> Result<Glsl, Error> {
    let is_alone = !preprocess::includes(&text, Dialect::Glsl) && options.defines.is_empty();
    let is_numbered = text.contains("__LINE__");
    let compiled = Source::new(&text);
    let file = Text { name: None, path: path.to_owned(), identity: identity(path), text };
    match preprocessed(name, &[file], Dialect::Glsl, options) {
        Ok(source) if is_alone && !is_numbered => Ok(Glsl { read: Ok(source), compiled }),
        Ok(source) => Ok(Glsl { read: Ok(source.clone()), compiled: source }),
        // A compiler may know what is not known here.
        Err(error) if is_alone => {
            let refused =
                KernelError::Shader { kernel: name.to_owned(), details: error.to_string() };
            Ok(Glsl { read: Err(refused), compiled })
        }
        Err(error) => Err(error),
    }
}

/// Why a file cannot be read with what it is continued in.
struct Unread(String);

impl From<String> for Unread {
    fn from(problem: String) -> Self {
        Self(problem)
    }
}

/// The same path for each way to name a file that is there.
fn identity(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

fn preprocessed(
    name: &str,
    files: &[Text],
    dialect: Dialect,
    options: &SourceOptions,
) -> Result<Source, Error> {
    let home = files.first().and_then(|file| file.path.parent()).unwrap_or(Path::new(""));
    let mut is_missing = false;
    let mut included = Vec::new();
    let mut read = |Inclusion { stated, beside }: Inclusion<'_>| {
        let own = beside.iter().filter_map(|file| file.parent());
        let folders = own.chain(options.folders.iter().map(PathBuf::as_path));
        let mut tried = Vec::new();
        for folder in folders {
            let path = folder.join(stated);
            if tried.contains(&path.display().to_string()) {
                continue;
            }
            match text_of(&path) {
                Ok(text) => {
                    included.push(text.clone());
                    let shown = path.strip_prefix(home).unwrap_or(&path).display().to_string();
                    let identity = identity(&path);
                    return Ok(Text { name: Some(shown), path, identity, text });
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    tried.push(path.display().to_string());
                }
                Err(error) => return Err(format!("{} cannot be read: {error}", path.display())),
            }
        }
        is_missing = true;
        Err(match tried.is_empty() {
            true => format!("<{stated}> is in no folder, since none was named"),
            false => format!("it includes '{stated}', and there is no {}", tried.join(" and no ")),
        })
    };
    let others = Others { read: &mut read, is_defined: &mut is_defined };
    let pieces = preprocess::preprocessed(files, dialect, &options.defines, others);
    let pieces = pieces.map_err(|fault| {
        let (path, problem) = (fault.path, fault.problem);
        if is_missing {
            let problem = format!("{}: {problem}", path.display());
            return Error::Refused { problem, remedy: Remedy::Folder };
        }
        Error::File { path, problem }
    })?;
    let own = files.iter().map(|file| file.text.as_str());
    asked_for(name, options, &own.chain(included.iter().map(String::as_str)).collect::<Vec<_>>())?;
    Ok(Source::pieced(&pieces))
}

#[cfg(all(feature = "glsl", feature = "spirv"))]
fn is_defined(version: &str, name: &str) -> Option<bool> {
    super::glslang::is_defined(version, name)
}

#[cfg(not(all(feature = "glsl", feature = "spirv")))]
fn is_defined(_: &str, _: &str) -> Option<bool> {
    None
}

/// Whether one of the texts has each name that is defined, so that a misspelt one is not passed over.
pub(super) fn asked_for(name: &str, options: &SourceOptions, texts: &[&str]) -> Result<(), Error> {
    let has = |text: &&str, wanted: &str| {
        let mut words = text.split(|c: char| !(c.is_alphanumeric() || c == '_'));
        words.any(|word| word == wanted)
    };
    match options.defines.keys().find(|wanted| !texts.iter().any(|text| has(text, wanted))) {
        None => Ok(()),
        Some(unknown) => Err(KernelError::Kernel {
            kernel: name.to_owned(),
            problem: format!("'{unknown}' is defined for it, and no line of it has that name"),
        }
        .into()),
    }
}
