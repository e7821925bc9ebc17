//! The tokens that a step trains on and the tokens it should predict: seeded, from the bytes of any
//! file, or from a `batch.safetensors`.

use std::{fs::File, io::Read as _, path::Path};

use super::seed::Stream;
use crate::{
    Error,
    family::{AskedShape, BatchShape, ModelConfig},
    tensors::{Dtype, Tensor, TensorFile},
};

/// One batch; every token and target is below the vocabulary's size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// B and N.
    pub shape: BatchShape,
    /// (B, N), row-major.
    pub tokens: Vec<u32>,
    /// (B, N), row-major: for each token the one that follows it.
    pub targets: Vec<u32>,
}

impl Batch {
    /// The batch that a file holds, or that a shape and a seed make. A file whose name ends in
    /// `.safetensors` holds the batch itself and so its shape; the bytes of any other are tokens.
    ///
    /// # Errors
    /// [`Error::Config`] for a shape that the model cannot take, [`Error::File`] for an input that
    /// cannot be read, is too short, or holds something else than a batch of this model.
    pub fn load(
        input: Option<&Path>,
        asked: AskedShape,
        config: &ModelConfig,
        seed: u64,
    ) -> Result<Self, Error> {
        let resolve = || {
            let shape = BatchShape::resolve(asked, config)?;
            shape.check_run(asked.accumulate.unwrap_or(1), config)?;
            Ok::<_, Error>(shape)
        };
        match input {
            None => Ok(Self::seeded(resolve()?, config, seed)),
            Some(path) if path.extension().is_some_and(|end| end == "safetensors") => {
                Self::from_tensors(path, asked, config)
            }
            Some(path) => Self::from_bytes(path, resolve()?, config),
        }
    }

    /// N of the batch that a file holds; `None` of one whose bytes are tokens, and of one that is not understood.
    pub fn seq_of(input: &Path) -> Option<u32> {
        let holds_batch = input.extension().is_some_and(|end| end == "safetensors");
        let file = holds_batch.then(|| TensorFile::open(input).ok()).flatten()?;
        let &[_, columns] = file.get(TENSORS[0])?.shape else { return None };
        u32::try_from(columns).ok()
    }

    /// A batch of uniformly drawn tokens.
    pub fn seeded(shape: BatchShape, config: &ModelConfig, seed: u64) -> Self {
        let mut stream = Stream::new(seed, "tokens");
        let vocabulary = config.vocab_size();
        let text = (0..=shape.tokens()).map(|_| stream.below(vocabulary)).collect();
        Self::from_text(shape, text)
    }

    /// The first T + 1 bytes of a file, each a token modulo the vocabulary.
    fn from_bytes(path: &Path, shape: BatchShape, config: &ModelConfig) -> Result<Self, Error> {
        let failed = |problem| Error::File { path: path.to_owned(), problem };
        let needed = u64::from(shape.tokens()) + 1;
        let mut bytes = Vec::new();
        File::open(path)
            .and_then(|file| file.take(needed).read_to_end(&mut bytes))
            .map_err(|error| failed(format!("cannot be read: {error}")))?;
        let arrays = [(&b"\x93NUMPY"[..], "an array of NumPy"), (&b"PK\x03\x04"[..], "an archive")];
        if let Some((_, what)) = arrays.iter().find(|(start, _)| bytes.starts_with(start)) {
            return Err(failed(format!(
                "is {what}, the bytes of which are no text: give a file of text, or a batch as a .safetensors file with \
                 'tokens' and 'targets'"
            )));
        }
        if (bytes.len() as u64) < needed {
            let held = match bytes.len() {
                0 => "is empty".to_owned(),
                1 => "holds 1 byte".to_owned(),
                len => format!("holds {len} bytes"),
            };
            return Err(failed(format!(
                "{held}; batch = {} x seq = {} needs {needed} (each token and the one after the \
                 last): give a longer file, or a smaller batch or seq",
                shape.batch(),
                shape.seq()
            )));
        }
        let vocabulary = config.vocab_size();
        let text = bytes.into_iter().map(|byte| u32::from(byte) % vocabulary).collect();
        Ok(Self::from_text(shape, text))
    }

    /// `text` is one token longer than the batch: the targets are its tokens, one further on.
    fn from_text(shape: BatchShape, mut text: Vec<u32>) -> Self {
        let targets = text[1..].to_vec();
        text.pop();
        Self { shape, tokens: text, targets }
    }

    /// `tokens` and `targets` of a safetensors file, I32 or I64, (B, N) both.
    fn from_tensors(path: &Path, asked: AskedShape, config: &ModelConfig) -> Result<Self, Error> {
        let file = TensorFile::open(path)?;
        read(&file, asked, config).map_err(|problem| Error::File { path: path.to_owned(), problem })
    }
}

/// The tensors of a batch file.
const TENSORS: [&str; 2] = ["tokens", "targets"];

/// The batch that a file holds, or what is wrong with it.
fn read(file: &TensorFile, asked: AskedShape, config: &ModelConfig) -> Result<Batch, String> {
    if let Some(name) = file.names().iter().find(|name| !TENSORS.contains(&name.as_str())) {
        return Err(format!("holds '{name}', which is neither 'tokens' nor 'targets'"));
    }
    let [tokens, targets] = TENSORS.map(|name| {
        file.get(name).ok_or_else(|| {
            format!(
                "tensor '{name}' is missing; a batch is 'tokens' and 'targets', I32 or I64, (B, N)"
            )
        })
    });
    let (tokens, targets) = (tokens?, targets?);
    let &[rows, columns] = tokens.shape else {
        return Err(format!("'tokens' has shape {:?}; (B, N) is expected", tokens.shape));
    };
    if targets.shape != tokens.shape {
        return Err(format!(
            "'targets' has shape {:?} and 'tokens' {:?}; they must be alike",
            targets.shape, tokens.shape
        ));
    }
    let count = asked.accumulate.unwrap_or(1);
    let of_all = |batch: u32| batch.saturating_mul(count);
    let batch = agreed("batch", asked.batch.map(of_all), rows)?;
    let seq = agreed("seq", asked.seq, columns)?;
    Ok(Batch {
        shape: BatchShape::checked(batch, seq, count, asked.longest.unwrap_or(seq), config)?,
        tokens: ids("tokens", tokens, config.vocab_size())?,
        targets: ids("targets", targets, config.vocab_size())?,
    })
}

/// An extent that a file has, if it is also what was asked for.
fn agreed(name: &str, asked: Option<u32>, found: usize) -> Result<u32, String> {
    match asked {
        Some(asked) if asked as usize != found => {
            Err(format!("{name} is {found} in this file, not {asked}: leave it to the file"))
        }
        _ => {
            u32::try_from(found).map_err(|_| format!("{name} = {found} is more than {}", u32::MAX))
        }
    }
}

/// The elements of a (B, N) tensor, each of them below `vocabulary`.
fn ids(name: &str, tensor: Tensor<'_>, vocabulary: u32) -> Result<Vec<u32>, String> {
    let wide: Vec<i64> = match tensor.dtype {
        Dtype::I32 => {
            let (ids, _) = tensor.bytes.as_chunks();
            ids.iter().map(|&id| i64::from(i32::from_le_bytes(id))).collect()
        }
        Dtype::I64 => {
            let (ids, _) = tensor.bytes.as_chunks();
            ids.iter().map(|&id| i64::from_le_bytes(id)).collect()
        }
        other => return Err(format!("'{name}' is {other:?}; I32 or I64 is expected")),
    };
    let known = |id: i64| u32::try_from(id).ok().filter(|&id| id < vocabulary);
    let columns = tensor.shape[1];
    let checked = wide.into_iter().enumerate().map(|(at, id)| {
        known(id).ok_or_else(|| {
            let (row, column) = (at / columns, at % columns);
            format!(
                "'{name}' holds {id} at [{row}, {column}], outside the vocabulary 0..{vocabulary}"
            )
        })
    });
    checked.collect()
}
