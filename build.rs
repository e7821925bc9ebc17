//! Says where cargo leaves the Vulkan layer that the program carries: a library of its own, which it builds in full
//! before anything that depends on it, since a library for C is linked and not only described. Knows nothing of layers.

use std::{env, fs, path::PathBuf};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let of = |name| env::var_os(name).map(PathBuf::from).unwrap_or_default();
    let (prefix, suffix) = match env::var("CARGO_CFG_TARGET_OS").as_deref() {
        Ok("windows") => ("", ".dll"),
        Ok("macos" | "ios") => ("lib", ".dylib"),
        _ => ("lib", ".so"),
    };
    // target/PROFILE/build/PACKAGE/out
    let deps = of("OUT_DIR").ancestors().nth(3).map(|profile| profile.join("deps"));
    let library = deps.unwrap_or_default().join(format!("{prefix}flopmeter_layer{suffix}"));
    // Nothing is linked where the crate is only checked. Whoever finds it empty looks for a file.
    let _ = fs::File::create_new(&library);
    println!("cargo::rustc-env=FLOPMETER_LAYER={}", library.display());
}
