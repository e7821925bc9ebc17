//! What a shader is written in: told by its first bytes, then by the ending of its name. Reads no more of it.

use std::path::Path;

/// What a shader is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    Wgsl,
    Wesl,
    Glsl,
    SpirV,
}

/// The endings that say what a file is written in.
const ENDINGS: [(&str, Language); 5] = [
    ("wgsl", Language::Wgsl),
    ("wesl", Language::Wesl),
    ("glsl", Language::Glsl),
    ("comp", Language::Glsl),
    ("spv", Language::SpirV),
];

/// The endings of files that are shaders, without their dots.
pub fn shader_endings() -> impl Iterator<Item = &'static str> {
    ENDINGS.into_iter().map(|(ending, _)| ending)
}

impl Language {
    /// SPIR-V begins with its magic number and GLSL with `#version`; without either, the ending says it, and what ends
    /// otherwise is WGSL.
    pub(super) fn of(bytes: &[u8], path: &Path) -> Self {
        const MAGIC: u32 = 0x0723_0203;
        if bytes.starts_with(&MAGIC.to_le_bytes()) || bytes.starts_with(&MAGIC.to_be_bytes()) {
            return Self::SpirV;
        }
        if begins_with_version(bytes) {
            return Self::Glsl;
        }
        let found = ENDINGS.into_iter().find(|(known, _)| ending(path) == Some(known));
        found.map_or(Self::Wgsl, |(_, language)| language)
    }
}

fn ending(path: &Path) -> Option<&str> {
    path.extension()?.to_str()
}

/// What a file is written in, by its ending, where that is no language of shaders that are read here, and how it comes
/// to be in one.
pub(super) fn foreign(path: &Path) -> Option<(&'static str, &'static str)> {
    const BY_HAND: &str = "translate it to one of these";
    Some(match ending(path)? {
        "cu" | "cuh" => ("CUDA", BY_HAND),
        "ptx" => ("PTX", BY_HAND),
        "hip" => ("HIP", BY_HAND),
        "cl" => ("OpenCL", "compile it to SPIR-V for Vulkan, as clspv does"),
        "metal" => ("Metal", BY_HAND),
        "hlsl" => (
            "HLSL",
            "compile it to SPIR-V, as dxc -spirv -T cs_6_0 or glslangValidator -D -V -S comp does",
        ),
        _ => return None,
    })
}

/// The stage of GLSL that a file is for by its ending, where that is no compute shader.
pub(super) fn other_stage(path: &Path) -> Option<&'static str> {
    Some(match ending(path)? {
        "vert" => "vertex",
        "tesc" => "tessellation control",
        "tese" => "tessellation evaluation",
        "geom" => "geometry",
        "frag" => "fragment",
        "task" => "task",
        "mesh" => "mesh",
        _ => return None,
    })
}

/// What helps with a text that is no WGSL, where it is WESL.
pub(super) fn hint(text: &str) -> Option<&'static str> {
    let mut lines = text.lines().map(str::trim_start);
    let is_wesl = lines.any(|line| line.starts_with("import ") || line.starts_with("@if("));
    is_wesl
        .then_some("import and @if are of WESL, which is read from a file whose name ends in .wesl")
}

/// Whether the first line that is neither empty nor a `//` comment is GLSL's version.
fn begins_with_version(bytes: &[u8]) -> bool {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut lines = bytes.split(|&byte| byte == b'\n').map(|line| line.trim_ascii());
    let first = lines.find(|line| !line.is_empty() && !line.starts_with(b"//"));
    first
        .and_then(|line| line.strip_prefix(b"#"))
        .is_some_and(|directive| directive.trim_ascii_start().starts_with(b"version"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_told_by_its_first_bytes_and_then_by_its_ending() {
        let language = |bytes: &[u8], path: &str| Language::of(bytes, Path::new(path));
        for magic in [[3, 2, 0x23, 7], [7, 0x23, 2, 3]] {
            assert_eq!(language(&magic, "x.wgsl"), Language::SpirV);
        }
        for version in ["#version 450", "// a\n\n  # version 310 es\nvoid"] {
            assert_eq!(language(version.as_bytes(), "-"), Language::Glsl);
        }
        assert_eq!(language("\u{feff}#version 450".as_bytes(), "-"), Language::Glsl);
        assert_eq!(language(b"#define A\n", "x.comp"), Language::Glsl);
        assert_eq!(language(b"fn", "x.glsl"), Language::Glsl);
        assert_eq!(language(b"fn", "x.spv"), Language::SpirV);
        assert_eq!(language(b"fn", "x.wesl"), Language::Wesl);
        assert_eq!(language(b"// #version 450\nfn", "x"), Language::Wgsl);
        assert_eq!(language(b"import", "-"), Language::Wgsl);
    }
}
