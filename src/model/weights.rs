//! The values of a model's parameters: from checkpoints, every tensor of them checked, or seeded. NaN and
//! infinity are values like any other; who profiles a broken model is told by its loss.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    iter,
};

use half::{bf16, f16};

use super::seed::Stream;
use crate::{
    Error,
    blocks::{Fill, ParameterSpec},
    family::{StoredNames, nearest},
    plan::{Blocks, counted_by_rows},
    tensors::{Dtype, Tensor, TensorFile},
};

/// Elements that are made at once.
const BLOCK: usize = 1 << 20;

/// Where parameters get their values. A file's tensors stay where they are until they are asked for.
#[derive(Debug, Default)]
pub struct Weights {
    files: Vec<TensorFile>,
    sources: BTreeMap<String, Source>,
}

#[derive(Clone, Debug)]
enum Source {
    Stored {
        /// In which file.
        file: usize,
        /// What it is called there.
        name: String,
        /// As what rows, columns and blocks it lies there, where its columns are rows.
        exchanged: Option<[usize; 3]>,
    },
    Seeded {
        seed: u64,
        elements: u64,
        fill: Fill,
    },
}

/// A parameter as files store it.
#[derive(Debug)]
pub struct Stored<'a> {
    /// What the files call it.
    name: String,
    /// What other files call it.
    otherwise: Vec<String>,
    parameter: &'a ParameterSpec,
    needed: bool,
}

impl<'a> Stored<'a> {
    /// A parameter that the files must hold by this name.
    pub fn needed(name: String, parameter: &'a ParameterSpec) -> Self {
        Self { name, otherwise: Vec::new(), parameter, needed: true }
    }

    /// A parameter that the files may hold by another name; where they do not, it keeps the values that it has.
    pub fn optional(name: String, parameter: &'a ParameterSpec) -> Self {
        Self { name, otherwise: Vec::new(), parameter, needed: false }
    }

    /// The same, which some files name in one of these ways.
    pub fn otherwise(mut self, names: &[StoredNames]) -> Self {
        self.otherwise = names.iter().map(|names| names.of(&self.parameter.name)).collect();
        self
    }
}

impl Weights {
    /// Values drawn from each parameter's own distribution; a name and a seed always give the same.
    pub fn seed(&mut self, seed: u64, parameters: &[ParameterSpec]) {
        self.sources.extend(parameters.iter().map(|parameter| {
            let ParameterSpec { name, fill, .. } = parameter;
            (name.clone(), Source::Seeded { seed, elements: parameter.elements(), fill: *fill })
        }));
    }

    /// The values in safetensors files, which together hold these parameters and no others, as F32,
    /// BF16 or F16, and may hold others that are `passed` over.
    ///
    /// # Errors
    /// [`Error::File`] naming the file and the tensor that is missing, misshapen, of another type
    /// or not part of the model.
    pub fn read(
        &mut self,
        files: Vec<TensorFile>,
        parameters: &[Stored<'_>],
        passed: impl Fn(&str) -> bool,
    ) -> Result<(), Error> {
        let found = locate(&files, parameters, &passed)
            .map_err(|(file, problem)| Error::File { path: files[file].path().into(), problem })?;
        let first = self.files.len();
        self.sources.extend(parameters.iter().zip(found).filter_map(|(stored, file)| {
            let Stored { name, parameter, .. } = stored;
            let (name, exchanged) = (name.clone(), parameter.order.exchanged(&parameter.shape));
            Some((parameter.name.clone(), Source::Stored { file: first + file?, name, exchanged }))
        }));
        self.files.extend(files);
        Ok(())
    }

    /// A parameter's values as f32; `None` where the model has no such parameter.
    pub fn blocks(&self, name: &str) -> Option<Blocks<'_>> {
        Some(match self.sources.get(name)? {
            Source::Stored { file, name, exchanged } => {
                let tensor = self.files[*file].get(name)?;
                match *exchanged {
                    Some(extents) => by_columns(tensor, extents),
                    None => widened(tensor),
                }
            }
            &Source::Seeded { seed, elements, fill } => {
                let mut stream = Stream::new(seed, name);
                Box::new((0..elements).step_by(BLOCK).map(move |first| {
                    let count = (elements - first).min(BLOCK as u64) as usize;
                    let mut bytes = Vec::with_capacity(count * size_of::<f32>());
                    for _ in 0..count {
                        bytes.extend_from_slice(&stream.value(fill).to_le_bytes());
                    }
                    Cow::Owned(bytes)
                }))
            }
        })
    }

    /// A parameter's values, row-major; `None` where the model has no such parameter.
    pub fn values(&self, name: &str) -> Option<Vec<f32>> {
        let mut all = Vec::new();
        for block in self.blocks(name)? {
            let (values, _) = block.as_chunks();
            all.extend(values.iter().map(|&value| f32::from_le_bytes(value)));
        }
        Some(all)
    }
}

/// A tensor's elements as f32, which holds each value of the narrower types.
fn widened(tensor: Tensor<'_>) -> Blocks<'_> {
    let f32_of: fn(u16) -> f32 = match tensor.dtype {
        Dtype::BF16 => |bits| bf16::from_bits(bits).to_f32(),
        Dtype::F16 => |bits| f16::from_bits(bits).to_f32(),
        _ => return Box::new(iter::once(Cow::Borrowed(tensor.bytes))),
    };
    let (halves, _) = tensor.bytes.as_chunks();
    Box::new(halves.chunks(BLOCK).map(move |block| {
        let values = block.iter().map(|&half| f32_of(u16::from_le_bytes(half)));
        Cow::Owned(values.flat_map(f32::to_le_bytes).collect())
    }))
}

/// The columns of a matrix, of blocks of so many elements, one behind the other, as f32.
fn by_columns(tensor: Tensor<'_>, [rows, columns, block]: [usize; 3]) -> Blocks<'_> {
    let element = if tensor.dtype == Dtype::F32 { size_of::<f32>() } else { size_of::<u16>() };
    let width = block * element;
    let all = rows * columns;
    let at_once = (BLOCK / block.max(1)).max(1);
    Box::new((0..all).step_by(at_once).map(move |first| {
        let taken = first..all.min(first + at_once);
        let mut bytes = Vec::with_capacity(taken.len() * width);
        for at in taken {
            let from = counted_by_rows(at, [rows, columns]);
            bytes.extend_from_slice(&tensor.bytes[from * width..][..width]);
        }
        let picked = Tensor { bytes: &bytes, ..tensor };
        Cow::Owned(widened(picked).collect::<Vec<_>>().concat())
    }))
}

/// In which file each parameter is, if in one, or which file is not what it should be, and why.
fn locate(
    files: &[TensorFile],
    parameters: &[Stored<'_>],
    passed: &dyn Fn(&str) -> bool,
) -> Result<Vec<Option<usize>>, (usize, String)> {
    let known: BTreeSet<&str> = parameters.iter().map(|stored| stored.name.as_str()).collect();
    let names: Vec<(usize, String)> = files
        .iter()
        .enumerate()
        .flat_map(|(file, tensors)| tensors.names().into_iter().map(move |name| (file, name)))
        .collect();
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    for (file, name) in &names {
        if places.insert(name, *file).is_some() {
            return Err((*file, format!("tensor '{name}' lies in another shard too")));
        }
    }
    let unknown =
        || names.iter().filter(|(_, name)| !known.contains(name.as_str()) && !passed(name));
    let mut found = Vec::with_capacity(parameters.len());
    for Stored { name, parameter, needed, .. } in parameters {
        let shape = parameter.stored_shape();
        let Some(&file) = places.get(name.as_str()) else {
            if !needed {
                found.push(None);
                continue;
            }
            let instead = nearest(name, unknown().map(|(_, name)| name.as_str()))
                .map_or_else(String::new, |other| {
                    format!("; the file has '{other}' instead, which the model does not")
                });
            let problem = format!("tensor '{name}' (F32, shape {shape:?}) is missing{instead}");
            return Err((0, problem));
        };
        let tensor = files[file].get(name).expect("a file has the tensors that it names");
        if !matches!(tensor.dtype, Dtype::F32 | Dtype::BF16 | Dtype::F16) {
            return Err((
                file,
                format!(
                    "tensor '{name}' is {:?}; F32, BF16 or F16 is expected: convert the checkpoint",
                    tensor.dtype
                ),
            ));
        }
        if tensor.shape != shape.as_slice() {
            return Err((
                file,
                format!(
                    "tensor '{name}' has shape {:?}; the configuration makes it {shape:?}",
                    tensor.shape
                ),
            ));
        }
        found.push(Some(file));
    }
    let Some((file, name)) = unknown().next() else { return Ok(found) };
    let problem = match parameters.iter().find(|stored| stored.otherwise.contains(name)) {
        Some(Stored { name: own, .. }) => format!(
            "tensor '{name}' is there twice: '{own}' is the same parameter; remove one of them"
        ),
        None => format!(
            "tensor '{name}' is no parameter of this model: the configuration and the checkpoint \
             do not belong together"
        ),
    };
    Err((*file, problem))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{component::ComponentName, plan::StoredOrder};

    #[test]
    fn a_long_tensor_comes_in_blocks() {
        let spec = ParameterSpec {
            name: "long".to_owned(),
            shape: vec![2, BLOCK, 1],
            component: ComponentName::new(&[]),
            fill: Fill::Uniform(1.0),
            trained: true,
            order: StoredOrder::Rows,
        };
        let longer = ParameterSpec { shape: vec![2 * BLOCK + 1], ..spec.clone() };
        for (spec, lens) in [(spec, &[BLOCK, BLOCK][..]), (longer, &[BLOCK, BLOCK, 1])] {
            let mut weights = Weights::default();
            weights.seed(7, &[spec]);
            let blocks: Vec<_> = weights.blocks("long").into_iter().flatten().collect();
            assert!(blocks.iter().map(|block| block.len() / 4).eq(lens.iter().copied()));
            let mut stream = Stream::new(7, "long");
            let bytes = blocks.concat();
            let (values, _) = bytes.as_chunks();
            let fill = Fill::Uniform(1.0);
            assert!(values.iter().all(|&value| f32::from_le_bytes(value) == stream.value(fill)));
        }
    }

    #[test]
    fn a_long_matrix_comes_by_columns_whatever_its_type() {
        let shape = [3, BLOCK];
        let value = |at: usize| (at % 251) as f32;
        let bytes: [Vec<u8>; 3] = [
            (0..3 * BLOCK).flat_map(|at| value(at).to_le_bytes()).collect(),
            (0..3 * BLOCK).flat_map(|at| bf16::from_f32(value(at)).to_le_bytes()).collect(),
            (0..3 * BLOCK).flat_map(|at| f16::from_f32(value(at)).to_le_bytes()).collect(),
        ];
        for (dtype, bytes) in [Dtype::F32, Dtype::BF16, Dtype::F16].into_iter().zip(&bytes) {
            let tensor = Tensor { dtype, shape: &shape, bytes };
            let blocks: Vec<_> = by_columns(tensor, [3, BLOCK, 1]).collect();
            assert!(blocks.len() > 1 && blocks.iter().all(|block| block.len() <= 4 * BLOCK));
            let turned = blocks.concat();
            let (turned, _) = turned.as_chunks();
            assert_eq!(turned.len(), 3 * BLOCK);
            let is_turned = |(at, &bytes): (usize, _)| {
                f32::from_le_bytes(bytes) == value(at % 3 * BLOCK + at / 3)
            };
            assert!(turned.iter().enumerate().all(is_turned), "{dtype:?}");
        }
    }

    #[test]
    fn rows_of_heads_come_part_by_part() {
        // Two heads of one row each, and three rows of two numbers: q, k, v of the first, then of the second.
        let order = StoredOrder::Heads(2);
        let shape = [6, 2];
        let stored: Vec<f32> = (0..12_u8).map(f32::from).collect();
        let bytes: Vec<u8> = stored.iter().flat_map(|value| value.to_le_bytes()).collect();
        let tensor = Tensor { dtype: Dtype::F32, shape: &shape, bytes: &bytes };
        let bytes =
            by_columns(tensor, order.exchanged(&shape).unwrap()).collect::<Vec<_>>().concat();
        let (taken, _) = bytes.as_chunks();
        let taken: Vec<f32> = taken.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
        assert_eq!(taken, [0., 1., 6., 7., 2., 3., 8., 9., 4., 5., 10., 11.]);
        assert_eq!((order.shape(&shape), order.exchanged(&[6])), (vec![6, 2], Some([2, 3, 1])));
    }
}
