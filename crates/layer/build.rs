//! Keeps the layer in the process until its end: loaders unload layers with the last instance, and the layer still
//! has to write down what it counted when the process ends. And leaves debugging information out of an optimised layer,
//! of which it would be the most: the program carries the library whole.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let elf = ["linux", "android", "freebsd"];
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| elf.contains(&os.as_str())) {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
        if std::env::var("PROFILE").is_ok_and(|profile| profile == "release") {
            println!("cargo:rustc-cdylib-link-arg=-Wl,--strip-debug");
        }
    }
}
