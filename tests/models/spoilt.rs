//! Golden models whose checkpoints hold other tensors than they did, and what is read of them.

use std::{collections::BTreeMap, fs, path::Path};

use flopmeter::{Error, model::Model, tensors::TensorFile};
use safetensors::{Dtype, tensor::TensorView};
use tempfile::TempDir;

/// The tensors of a checkpoint: of each the type of its numbers, its extents and its bytes.
pub type Tensors = BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)>;

/// A golden folder with its tensors changed.
pub fn spoilt(golden: &str, change: impl FnOnce(&mut Tensors)) -> TempDir {
    let golden = Path::new(golden);
    let folder = tempfile::tempdir().unwrap();
    fs::copy(golden.join("config.json"), folder.path().join("config.json")).unwrap();
    let file = TensorFile::open(&golden.join("model.safetensors")).unwrap();
    let read = |name: String| {
        let tensor = file.get(&name).unwrap();
        (name, (tensor.dtype, tensor.shape.to_vec(), tensor.bytes.to_vec()))
    };
    let mut tensors = file.names().into_iter().map(read).collect();
    change(&mut tensors);
    let views = tensors.iter().map(|(name, (dtype, shape, bytes))| {
        (name, TensorView::new(*dtype, shape.clone(), bytes).unwrap())
    });
    let bytes = safetensors::serialize(views, None).unwrap();
    fs::write(folder.path().join("model.safetensors"), bytes).unwrap();
    folder
}

/// What stands in the weights of a folder, by the names that its model has for them.
pub fn weights(folder: &str) -> Result<BTreeMap<String, Vec<f32>>, Error> {
    let model = Model::resolve::<&str>(folder, [])?;
    let weights = model.weights(0)?;
    let parameters = model.config.parameters().into_iter();
    let named = |name: String| (name.clone(), weights.values(&name).unwrap());
    Ok(parameters.map(|parameter| named(parameter.name)).collect())
}
