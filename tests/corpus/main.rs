//! Shaders that nobody here wrote: every compute entry point that naga can parse in published packages is
//! instrumented, which must give a valid module or a refusal that names what is in the way.
//!
//! The packages are listed in `packages/Cargo.toml`; cargo fetches them, nothing of them is compiled or
//! copied. Most ship their shaders with conditionals and macros, so each file is tried as it is, and with
//! each of the names that its conditionals ask for.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say where")]
#![allow(clippy::print_stdout, reason = "the counts are what this test is read for")]

mod preprocess;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use flopmeter::{Error, execute::Limits, instrument::instrument, kernel::KernelModule};
use naga::ShaderStage;
use preprocess::Macros;
use serde_json::Value;

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

/// An adapter as they commonly are, without and with subgroups.
fn limits() -> [Limits; 2] {
    let common = Limits {
        binding_bytes: 1 << 30,
        buffer_bytes: 1 << 30,
        offset_alignment: 256,
        workgroups: 65535,
        invocations: 1024,
        workgroup_bytes: 32 << 10,
        storage_bindings: 16,
        bind_groups: 4,
        bindings_per_group: 1000,
        subgroup_lanes: None,
    };
    [common, Limits { subgroup_lanes: Some(32), ..common }]
}

#[derive(Default)]
struct Tally {
    /// Entry points, by package, file and name, that are instrumented in at least one variant.
    instrumented: BTreeSet<String>,
    /// Entry points refused by name, and why.
    refused: BTreeMap<String, String>,
    failed: BTreeMap<String, String>,
    files: usize,
    unreadable: BTreeMap<String, String>,
    modules: usize,
    seconds: Vec<f64>,
}

#[test]
fn published_shaders_are_instrumented_or_refused_by_name() {
    let Some(packages) = fetched() else { return };
    let mut tally = Tally::default();
    for (name, folder) in &packages {
        let mut files = Vec::new();
        collect(folder, &mut files);
        files.sort();
        for file in files {
            try_file(name, folder, &file, &mut tally);
        }
    }
    tally.refused.retain(|entry, _| !tally.instrumented.contains(entry));
    let Tally { instrumented, refused, failed, files, unreadable, modules, seconds } = &mut tally;
    seconds.sort_by(f64::total_cmp);
    println!("{files} files with compute entry points, {modules} modules instrumented");
    println!(
        "entry points: {} instrumented, {} refused, {} failed; {} files that naga cannot parse",
        instrumented.len(),
        refused.len(),
        failed.len(),
        unreadable.len()
    );
    for (entry, why) in refused.iter().chain(failed.iter()).chain(unreadable.iter()) {
        println!("  {entry}: {}", why.lines().take(4).collect::<Vec<_>>().join(" "));
    }
    println!("instrumenting took {:.0} us (median)", 1e6 * seconds[seconds.len() / 2]);
    assert!(failed.is_empty(), "{failed:#?}");
    assert!(instrumented.len() >= 100, "the corpus is no corpus");
}

/// Where cargo keeps the packages; none, with a word, where there is no network and they are not here.
fn fetched() -> Option<Vec<(&'static str, PathBuf)>> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/packages/Cargo.toml");
    let cargo = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO"));
        command.args(arguments).arg("--locked").arg("--manifest-path").arg(&manifest);
        command.output().unwrap()
    };
    let target = "x86_64-unknown-linux-gnu";
    let fetch = cargo(&["fetch", "--quiet", "--target", target]);
    if !fetch.status.success() {
        let message = String::from_utf8_lossy(&fetch.stderr);
        assert!(
            std::env::var_os("FLOPMETER_REQUIRE_CORPUS").is_none_or(|v| v != "1"),
            "the corpus is required: {message}"
        );
        println!("SKIPPED: no corpus: {message}");
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

fn try_file(package: &str, folder: &Path, file: &Path, tally: &mut Tally) {
    let text = fs::read_to_string(file).unwrap();
    if !text.contains("@compute") {
        return;
    }
    tally.files += 1;
    let name = format!("{package}/{}", file.strip_prefix(folder).unwrap().display());
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
    let names = preprocess::asked(&text);
    let single = names.iter().map(|name| BTreeSet::from([name.clone()]));
    let pairs =
        names.iter().flat_map(|a| names.range(..a.clone()).map(|b| [a.clone(), b.clone()].into()));
    let variants = std::iter::once(BTreeSet::new()).chain(single).chain(pairs);
    let mut problem = None;
    let mut parsed = BTreeSet::new();
    let choices: BTreeSet<String> = CHOICES.iter().map(|&name| name.to_owned()).collect();
    let variants = variants.flat_map(|variant| [variant.clone(), &variant | &choices]);
    for defined in variants {
        let mut macros = values.clone();
        for name in defined {
            macros.entry(name).or_default();
        }
        let Some(source) = preprocess::preprocess(file, &folders, &macros) else { continue };
        if !parsed.insert(source.clone()) {
            continue;
        }
        match naga::front::wgsl::parse_str(&source) {
            Ok(module) => {
                if let Err(error) = try_module(&name, &source, &module, tally) {
                    problem.get_or_insert(error);
                }
            }
            Err(error) => {
                problem.get_or_insert(error.emit_to_string(&source));
            }
        }
    }
    let entries = tally.instrumented.iter().chain(tally.refused.keys()).chain(tally.failed.keys());
    let known = entries.into_iter().any(|entry| entry.starts_with(&name));
    if let (false, Some(problem)) = (known, problem) {
        tally.unreadable.insert(name, problem);
    }
}

/// Instruments each compute entry point of a module; the error says why the module is not valid itself.
fn try_module(
    name: &str,
    source: &str,
    module: &naga::Module,
    tally: &mut Tally,
) -> Result<(), String> {
    // What has no default gets a size that fits a workgroup.
    let open = module.overrides.iter().filter(|(_, o)| o.init.is_none());
    let overrides: BTreeMap<String, f64> =
        open.filter_map(|(_, o)| Some((o.name.clone()?, 64.0))).collect();
    let entries = module.entry_points.iter().filter(|e| e.stage == ShaderStage::Compute);
    for entry in entries {
        let label = format!("{name} {}", entry.name);
        let kernel = KernelModule::from_module(name, source, module, &entry.name, &overrides)
            .map_err(|error| error.to_string())?;
        for limits in limits() {
            let start = Instant::now();
            let result = instrument(&kernel, &limits);
            tally.seconds.push(start.elapsed().as_secs_f64());
            match result {
                // That it is valid is checked on the way.
                Ok(instrumented) => {
                    let table = instrumented.table;
                    let none = table.decode(&vec![0; table.bytes() as usize]).unwrap();
                    assert!(table.cost(&none).is_zero(), "{label}: what was not run costs nothing");
                    tally.instrumented.insert(label.clone());
                    tally.modules += 1;
                }
                Err(error @ Error::Uncountable { .. }) => {
                    tally.refused.insert(label.clone(), error.to_string());
                }
                Err(error) => {
                    tally.failed.insert(label.clone(), error.to_string());
                }
            }
        }
    }
    Ok(())
}
