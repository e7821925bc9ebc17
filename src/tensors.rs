//! Safetensors files: named tensors, read through a memory map and written as a stream. Which
//! tensors a file should hold is for the caller to say.

use std::{
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
};

use memmap2::Mmap;
use safetensors::{
    SafeTensorError, SafeTensors,
    tensor::{Metadata, TensorInfo},
};

pub use safetensors::Dtype;

use crate::{Error, files};

/// Bytes before the header: its length, as a little-endian u64.
const LENGTH_BYTES: usize = 8;

/// Values converted and written at once.
const BLOCK: usize = 1 << 14;

/// A safetensors file whose header has been checked against its length.
#[derive(Debug)]
pub struct TensorFile {
    path: PathBuf,
    map: Mmap,
    metadata: Metadata,
    /// Where the tensors' bytes begin.
    data: usize,
}

/// One tensor of a file.
#[derive(Clone, Copy, Debug)]
pub struct Tensor<'a> {
    /// Element type.
    pub dtype: Dtype,
    /// Extents, outermost first; empty for a scalar.
    pub shape: &'a [usize],
    /// Elements, row-major and little-endian; not necessarily aligned.
    pub bytes: &'a [u8],
}

impl TensorFile {
    /// Maps a file and reads its header.
    ///
    /// # Errors
    /// [`Error::File`] where the file cannot be read, is cut short or is no safetensors file.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let failed = |problem| Error::File { path: path.to_owned(), problem };
        let unreadable = |error: io::Error| failed(format!("cannot be read: {error}"));
        let file = File::open(path).map_err(unreadable)?;
        if !file.metadata().map_err(unreadable)?.is_file() {
            return Err(failed("is not a file".to_owned()));
        }
        #[expect(
            unsafe_code,
            reason = "a map is unsound only where another program changes the file while it is \
                      mapped. We map it read-only and look at it as bytes, every pattern of which is \
                      a valid number; a program that rewrites a model in place gives us wrong \
                      numbers, and one that cuts it short ends this process. The other way, reading \
                      checkpoints of gigabytes into memory that the tensors need, fails more often."
        )]
        let map = unsafe { Mmap::map(&file) }.map_err(unreadable)?;
        let (header, metadata) =
            SafeTensors::read_metadata(&map).map_err(|error| failed(explain(&error)))?;
        Ok(Self { path: path.to_owned(), map, metadata, data: LENGTH_BYTES + header })
    }

    /// Where the file lies, for messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The names of all tensors, in the order of the file.
    pub fn names(&self) -> Vec<String> {
        self.metadata.offset_keys()
    }

    /// A tensor by name.
    pub fn get(&self, name: &str) -> Option<Tensor<'_>> {
        let TensorInfo { dtype, shape, data_offsets: (start, end) } = self.metadata.info(name)?;
        let bytes = &self.map[self.data + start..self.data + end];
        Some(Tensor { dtype: *dtype, shape, bytes })
    }
}

/// What is wrong with a file, in words that suggest what to do.
fn explain(error: &SafeTensorError) -> String {
    match error {
        SafeTensorError::HeaderTooSmall
        | SafeTensorError::InvalidHeaderLength
        | SafeTensorError::MetadataIncompleteBuffer => format!(
            "is not a whole safetensors file ({error}); it may be cut short: fetch or save it again"
        ),
        _ => format!("is not a safetensors file, or a damaged one: {error}"),
    }
}

/// A tensor to write: name, shape and as many values as the shape says.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Unique in the file.
    pub name: &'a str,
    /// Extents, outermost first; empty for a scalar.
    pub shape: &'a [usize],
    /// Row-major values.
    pub data: &'a [f32],
}

/// Writes a safetensors file of f32 tensors, in the order given.
///
/// # Errors
/// What `out` reports; [`io::ErrorKind::InvalidInput`] where an entry's shape and data disagree or
/// a name comes twice.
pub fn write(out: &mut dyn Write, entries: &[Entry<'_>]) -> io::Result<()> {
    let mut end = 0;
    let infos = entries.iter().map(|entry| {
        let start = end;
        end += size_of_val(entry.data);
        let info = TensorInfo {
            dtype: Dtype::F32,
            shape: entry.shape.to_vec(),
            data_offsets: (start, end),
        };
        (entry.name.to_owned(), info)
    });
    let metadata = Metadata::new(None, infos.collect())
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error.to_string()))?;
    if metadata.tensors().len() != entries.len() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "a tensor's name comes twice"));
    }
    let mut header = serde_json::to_vec(&metadata)?;
    // The format pads its header with blanks so that the data start at a multiple of eight.
    header.resize(header.len().next_multiple_of(LENGTH_BYTES), b' ');
    out.write_all(&(header.len() as u64).to_le_bytes())?;
    out.write_all(&header)?;
    let mut block = Vec::new();
    for values in entries.iter().flat_map(|entry| entry.data.chunks(BLOCK)) {
        block.clear();
        block.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        out.write_all(&block)?;
    }
    Ok(())
}

/// Writes a safetensors file of f32 tensors, whole or not at all.
///
/// # Errors
/// [`Error::File`] naming `path`.
pub fn write_tensors(path: &Path, entries: &[Entry<'_>]) -> Result<(), Error> {
    files::replace(path, |out| write(out, entries))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(path: &Path) -> String {
        TensorFile::open(path).unwrap_err().to_string()
    }

    #[test]
    fn what_is_written_is_read_back_scalars_and_nan_included() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.safetensors");
        let entries = [
            Entry { name: "loss", shape: &[], data: &[f32::NAN] },
            Entry { name: "logits", shape: &[2, 2], data: &[1.0, -0.0, 3.5, f32::INFINITY] },
        ];
        write_tensors(&path, &entries).unwrap();
        let file = TensorFile::open(&path).unwrap();
        assert_eq!(file.names(), ["loss", "logits"]);
        for entry in entries {
            let tensor = file.get(entry.name).unwrap();
            assert_eq!((tensor.dtype, tensor.shape), (Dtype::F32, entry.shape));
            let bytes: Vec<u8> = entry.data.iter().flat_map(|v| v.to_le_bytes()).collect();
            assert_eq!(tensor.bytes, bytes);
        }
        assert!(file.get("absent").is_none());
    }

    #[test]
    fn entries_that_contradict_themselves_are_refused() {
        let misshaped = [Entry { name: "a", shape: &[3], data: &[1.0] }];
        assert!(write(&mut Vec::new(), &misshaped).is_err());
        let twice = [Entry { name: "a", shape: &[], data: &[1.0] }; 2];
        assert!(write(&mut Vec::new(), &twice).is_err());
    }

    #[test]
    fn unreadable_files_are_named_with_what_is_wrong() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.safetensors");
        assert!(message(&path).contains("cannot be read"), "{}", message(&path));
        assert!(message(folder.path()).contains("is not a file"));

        write_tensors(&path, &[Entry { name: "a", shape: &[4], data: &[0.0; 4] }]).unwrap();
        let whole = std::fs::read(&path).unwrap();
        for cut in [0, 4, 20, whole.len() - 1] {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let text = message(&path);
            assert!(text.contains("t.safetensors") && text.contains("cut short"), "{cut}: {text}");
        }
        std::fs::write(&path, b"#!/bin/sh\necho this is a shell script\n").unwrap();
        assert!(message(&path).contains("not a safetensors file"), "{}", message(&path));
    }
}
