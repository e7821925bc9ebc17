//! The corpus itself: published packages that ship compute shaders, fetched by cargo, and every module that
//! naga can parse in them. What is done with the modules is others' business.
//!
//! The packages are listed in `packages/Cargo.toml`; nothing of them is compiled or copied. Most ship their
//! shaders with conditionals and macros, so each file is tried as it is, and with each of the names that its
//! conditionals ask for.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use flopmeter::kernel::KernelModule;
use naga::{Module, ShaderStage};
use serde_json::Value;

use super::preprocess::{self, Macros};

const PACKAGES: [&str; 3] = ["llama-cpp-sys-2", "vello_shaders", "web-rwkv"];

/// What some hosts always define: one choice of those that their shaders leave open.
const CHOICES: [&str; 7] = [
    "INIT_SRC0_SHMEM_FLOAT",
    "INIT_SRC1_SHMEM_FLOAT",
    "MUL_ACC_FLOAT",
    "Q8_1_T",
    "SCALAR",
    "TYPE_F32",
    "USE_WORKGROUP_REDUCTION",
];

/// What the hosts of these shaders define from outside: sizes and types.
const VALUES: &[(&str, &str)] = &[
    ("ACT", "sigmoid"),
    // In a comment that the host replaces.
    (
        "ACTIVATION_DEFINE",
        "\nfn sigmoid(x: vec4<f32>) -> vec4<f32> { return 1.0 / (1.0 + exp(-x)); }",
    ),
    ("ACT_OUT", "sigmoid"),
    ("ACT_X", "sigmoid"),
    ("ACT_Y", "sigmoid"),
    ("BIAS", "0.0"),
    ("EPS", "1.0e-5"),
    ("INPUT_TYPE", "f32"),
    ("N", "16"),
    ("OUTPUT_TYPE", "f32"),
    ("SCALE", "1.0"),
    ("WEIGHT_TYPE", "f32"),
    ("ACC_TYPE", "f32"),
    ("BATCH_N", "2"),
    ("BLOCK_SIZE", "64u"),
    ("BLOCK_SIZE_X", "8u"),
    ("BLOCK_SIZE_Y", "8u"),
    ("DATA_TYPE", "f32"),
    ("DST_INNER_TYPE", "f32"),
    ("DST_TYPE", "f32"),
    ("D_SPLIT", "4"),
    ("HEAD_DIM_QK", "64"),
    ("HEAD_DIM_V", "64"),
    ("HEAD_SIZE", "16u"),
    ("INT8_BLOCK_SIZE", "128u"),
    ("KV_TILE", "32"),
    ("KV_TYPE", "f32"),
    ("K_TILE", "32"),
    ("K_TYPE", "f32"),
    ("MASK_TYPE", "f32"),
    ("MAX_SUBGROUP_SIZE", "32u"),
    ("MIN_SUBGROUP_SIZE", "32u"),
    ("NF4_BLOCK_SIZE", "64u"),
    ("NUM_COLS", "1"),
    ("N_EXPERTS", "8"),
    ("ORDER", "0"),
    ("OUTPUTS_PER_WG", "4"),
    ("Q_TILE", "8"),
    ("Q_TYPE", "f32"),
    ("SRC0_INNER_TYPE", "f32"),
    ("SRC0_TYPE", "f32"),
    ("SRC1_INNER_TYPE", "f32"),
    ("SRC1_TYPE", "f32"),
    ("SRC_INNER_TYPE", "f32"),
    ("SRC_TYPE", "f32"),
    ("S_V", "64"),
    ("THREADS_PER_OUTPUT", "16"),
    ("TILE_K", "16"),
    ("TILE_M", "4"),
    ("TILE_N", "4"),
    ("TOKENS_PER_TILE", "4"),
    ("TOKENS_PER_WG", "4"),
    ("TYPE", "f32"),
    ("V_TYPE", "f32"),
    ("WG_SIZE", "64"),
    ("WORKGROUP_SIZE", "64"),
    ("WORKGROUP_SIZE_M", "8"),
    ("WORKGROUP_SIZE_N", "8"),
    ("SAMPLE_SIZE", "4"),
];

/// What a variant of a file is: its text and module, or why it is none.
pub type Variant = Result<(String, Module), String>;

/// Visits every variant of every file with a compute entry point, by the file's name; false where the corpus
/// is not here.
pub fn each(visit: &mut dyn FnMut(&str, Variant)) -> bool {
    let Some(packages) = fetched() else { return false };
    for (package, folder) in &packages {
        let mut files = Vec::new();
        collect(folder, &mut files);
        files.sort();
        for file in files {
            let text = fs::read_to_string(&file).unwrap();
            if text.contains("@compute") {
                let name = format!("{package}/{}", file.strip_prefix(folder).unwrap().display());
                for variant in variants(&file, &text) {
                    visit(&name, variant);
                }
            }
        }
    }
    true
}

/// Each compute entry point of a module as a kernel, by the file's and its own name.
///
/// # Errors
/// Why the module is not valid itself.
pub fn kernels(
    name: &str,
    source: &str,
    module: &Module,
) -> Result<Vec<(String, KernelModule)>, String> {
    // What has no default gets a size that fits a workgroup.
    let open = module.overrides.iter().filter(|(_, o)| o.init.is_none());
    let overrides: BTreeMap<String, f64> =
        open.filter_map(|(_, o)| Some((o.name.clone()?, 64.0))).collect();
    let entries = module.entry_points.iter().filter(|e| e.stage == ShaderStage::Compute);
    entries
        .map(|entry| {
            let label = format!("{name} {}", entry.name);
            let kernel =
                KernelModule::from_module(name, Some(source), module, &entry.name, &overrides);
            Ok((label, kernel.map_err(|error| error.to_string())?))
        })
        .collect()
}

/// Each entry point once, in the first variant of its file that has it; none where the corpus is not here.
pub fn first_variants() -> Option<BTreeMap<String, KernelModule>> {
    let mut first = BTreeMap::new();
    let here = each(&mut |name, variant| {
        let kernels = variant.and_then(|(source, module)| kernels(name, &source, &module));
        for (label, kernel) in kernels.unwrap_or_default() {
            first.entry(label).or_insert(kernel);
        }
    });
    here.then_some(first)
}

/// Where cargo keeps the packages; none, with a word, where there is no network and they are not here.
fn fetched() -> Option<Vec<(&'static str, PathBuf)>> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/packages/Cargo.toml");
    let cargo = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO"));
        command.args(arguments).arg("--locked").arg("--manifest-path").arg(&manifest);
        command.output().unwrap()
    };
    let target = "x86_64-unknown-linux-gnu";
    let fetch = cargo(&["fetch", "--quiet", "--target", target]);
    if !fetch.status.success() {
        let message = String::from_utf8_lossy(&fetch.stderr);
        crate::skipped("CORPUS", &message);
        return None;
    }
    let metadata = cargo(&["metadata", "--format-version", "1", "--filter-platform", target]);
    let metadata: Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let folder = |name: &str| {
        let mut packages = metadata["packages"].as_array().unwrap().iter();
        let package = packages.find(|package| package["name"] == name).unwrap();
        Path::new(package["manifest_path"].as_str().unwrap()).parent().unwrap().to_owned()
    };
    Some(PACKAGES.map(|name| (name, folder(name))).into())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "wgsl") {
            files.push(path);
        }
    }
}

/// What naga makes of a file under each choice of the names that its conditionals ask for, each text once.
fn variants(file: &Path, text: &str) -> Vec<Variant> {
    let parent = file.parent().unwrap();
    let folders = [parent, &parent.join("shared")];
    let declared = |name: &str| {
        let code = text.lines().map(|line| line.split("//").next().unwrap_or_default());
        code.into_iter().any(|line| {
            ["const ", "override ", "let "].iter().any(|word| {
                let after = line.split_once(word).and_then(|(_, after)| after.strip_prefix(name));
                after.is_some_and(|rest| rest.starts_with([' ', ':', '=']))
            })
        })
    };
    let values = VALUES.iter().filter(|(name, _)| !declared(name));
    let values: Macros = values.map(|&(name, value)| (name.into(), value.into())).collect();
    let names = preprocess::asked(text);
    let single = names.iter().map(|name| BTreeSet::from([name.clone()]));
    let pairs =
        names.iter().flat_map(|a| names.range(..a.clone()).map(|b| [a.clone(), b.clone()].into()));
    let defined = std::iter::once(BTreeSet::new()).chain(single).chain(pairs);
    let choices: BTreeSet<String> = CHOICES.iter().map(|&name| name.to_owned()).collect();
    let mut sources = BTreeSet::new();
    let mut variants = Vec::new();
    for defined in defined.flat_map(|defined| [defined.clone(), &defined | &choices]) {
        let mut macros = values.clone();
        for name in defined {
            macros.entry(name).or_default();
        }
        let Some(source) = preprocess::preprocess(file, &folders, &macros) else { continue };
        if sources.insert(source.clone()) {
            let parsed = naga::front::wgsl::parse_str(&source);
            variants.push(match parsed {
                Ok(module) => Ok((source, module)),
                Err(error) => Err(error.emit_to_string(&source)),
            });
        }
    }
    variants
}
