//! The values of a model's parameters: from a checkpoint, every tensor of it checked, or seeded.
//! NaN and infinity are values like any other; who profiles a broken model is told by its loss.

use std::{borrow::Cow, collections::BTreeMap, path::Path};

use super::{Fill, ParameterSpec, seed::Stream, spelling::nearest};
use crate::{
    Error,
    tensors::{Dtype, TensorFile},
};

/// Where parameters get their values.
#[derive(Debug)]
pub struct Weights(Source);

#[derive(Debug)]
enum Source {
    Checkpoint(TensorFile),
    Seeded { seed: u64, tensors: BTreeMap<String, (u64, Fill)> },
}

impl Weights {
    /// Values drawn from each parameter's own distribution; a name and a seed always give the same.
    pub fn seeded(seed: u64, parameters: &[ParameterSpec]) -> Self {
        let tensors = parameters
            .iter()
            .map(|parameter| (parameter.name.clone(), (parameter.elements(), parameter.fill)));
        Self(Source::Seeded { seed, tensors: tensors.collect() })
    }

    /// The values in a safetensors checkpoint, which must hold exactly these parameters as f32.
    ///
    /// # Errors
    /// [`Error::File`] naming the file and the tensor that is missing, misshapen, of another type
    /// or not part of the model.
    pub fn open(path: &Path, parameters: &[ParameterSpec]) -> Result<Self, Error> {
        let file = TensorFile::open(path)?;
        verify(&file, parameters)
            .map_err(|problem| Error::File { path: path.to_owned(), problem })?;
        Ok(Self(Source::Checkpoint(file)))
    }

    /// A parameter's values, row-major and little-endian, four bytes each; none where the model has
    /// no such parameter.
    pub fn bytes(&self, name: &str) -> Option<Cow<'_, [u8]>> {
        match &self.0 {
            Source::Checkpoint(file) => file.get(name).map(|tensor| Cow::Borrowed(tensor.bytes)),
            Source::Seeded { seed, tensors } => {
                let &(elements, fill) = tensors.get(name)?;
                let mut stream = Stream::new(*seed, name);
                let values = (0..elements).flat_map(|_| stream.value(fill).to_le_bytes());
                Some(Cow::Owned(values.collect()))
            }
        }
    }

    /// A parameter's values, row-major; none where the model has no such parameter.
    pub fn values(&self, name: &str) -> Option<Vec<f32>> {
        let bytes = self.bytes(name)?;
        let (values, _) = bytes.as_chunks();
        Some(values.iter().map(|&value| f32::from_le_bytes(value)).collect())
    }
}

/// What is wrong with a checkpoint of these parameters, if anything.
fn verify(file: &TensorFile, parameters: &[ParameterSpec]) -> Result<(), String> {
    let known: BTreeMap<&str, &ParameterSpec> =
        parameters.iter().map(|parameter| (parameter.name.as_str(), parameter)).collect();
    let names = file.names();
    let unknown = || names.iter().map(String::as_str).filter(|name| !known.contains_key(name));
    for ParameterSpec { name, shape, .. } in parameters {
        let tensor = file.get(name).ok_or_else(|| {
            let instead = nearest(name, unknown()).map_or_else(String::new, |other| {
                format!("; the file has '{other}' instead, which the model does not")
            });
            format!("tensor '{name}' (F32, shape {shape:?}) is missing{instead}")
        })?;
        if tensor.dtype != Dtype::F32 {
            return Err(format!(
                "tensor '{name}' is {:?}; F32 is expected: convert the checkpoint",
                tensor.dtype
            ));
        }
        if tensor.shape != shape.as_slice() {
            return Err(format!(
                "tensor '{name}' has shape {:?}; the configuration makes it {shape:?}",
                tensor.shape
            ));
        }
    }
    match unknown().next() {
        Some(name) => Err(format!(
            "tensor '{name}' is no parameter of this model: the configuration and the checkpoint \
             do not belong together"
        )),
        None => Ok(()),
    }
}
