//! The sources as text: which files there are, and what of a text is code, comment or string.

use std::{fs, path::Path};

/// A Rust file of `src` or `crates`.
pub struct Source {
    /// Its path from the root of the repository.
    pub path: String,
    pub text: String,
    /// The text with comments, strings and tests blanked out, each by as many bytes.
    pub code: String,
}

/// Every Rust file of `src` and `crates` but tests, by path.
pub fn sources() -> Vec<Source> {
    let sources = read(&["src", "crates"]);
    assert!(sources.len() > 100, "the sources of the crate are not here");
    sources
}

/// Every Rust file of tests, benches and examples, by path.
pub fn evidence() -> Vec<Source> {
    let crates = ["crates/core/tests", "crates/layer/tests"];
    let files = read(&[&["benches", "examples", "fuzz", "tests"][..], &crates].concat());
    assert!(files.len() > 100, "the tests of the crate are not here");
    files
}

/// The Rust files of some folders.
fn read(folders: &[&str]) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    for folder in folders {
        collect(&root.join(folder), &mut paths);
    }
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            let path = Path::new(&path).strip_prefix(root).unwrap();
            let path = path.to_str().unwrap().replace('\\', "/");
            let code = without_tests(&code(&text));
            Source { path, text, code }
        })
        .collect()
}

fn collect(folder: &Path, paths: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && !["target", "node_modules", "pkg", "tests"].contains(&name) {
            collect(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
}

/// A text with its comments and strings blanked out.
pub fn code(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let length = match bytes[at] {
            b'/' if bytes[at..].starts_with(b"//") => line(&bytes[at..]),
            b'/' if bytes[at..].starts_with(b"/*") => block(&bytes[at..]),
            b'"' => string(&bytes[at..]),
            b'r' if !at.checked_sub(1).is_some_and(|before| is_word(bytes[before])) => {
                raw_string(&bytes[at..])
            }
            b'\'' => character(&bytes[at..]),
            _ => 0,
        };
        for byte in &mut out[at..at + length] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        at += length.max(1);
    }
    String::from_utf8(out).unwrap()
}

pub fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn line(text: &[u8]) -> usize {
    text.iter().position(|&byte| byte == b'\n').unwrap_or(text.len())
}

/// The length of a block comment, those within it included.
fn block(text: &[u8]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        if text[at..].starts_with(b"/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if text[at..].starts_with(b"*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    at
}

fn string(text: &[u8]) -> usize {
    let mut at = 1;
    while at < text.len() && text[at] != b'"' {
        at += if text[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(text.len())
}

/// The length of a raw string, 0 where there is none.
fn raw_string(text: &[u8]) -> usize {
    let hashes = text[1..].iter().take_while(|&&byte| byte == b'#').count();
    if text.get(1 + hashes) != Some(&b'"') {
        return 0;
    }
    let end = [&b"\""[..], &vec![b'#'; hashes]].concat();
    let body = &text[2 + hashes..];
    let length = body.windows(end.len()).position(|window| window == end).unwrap_or(body.len());
    (2 + hashes + length + end.len()).min(text.len())
}

/// The length of a character literal, 0 where the quote begins a lifetime.
fn character(text: &[u8]) -> usize {
    if text.get(1) == Some(&b'\\') {
        return text[2..].iter().skip(1).position(|&byte| byte == b'\'').map_or(0, |n| n + 4);
    }
    // One character is up to four bytes.
    let close = text[1..].iter().take(5).position(|&byte| byte == b'\'');
    let one = |n: usize| std::str::from_utf8(&text[1..1 + n]).is_ok_and(|s| s.chars().count() == 1);
    close.filter(|&n| one(n)).map_or(0, |n| n + 2)
}

/// Code without the modules that are only compiled for tests.
fn without_tests(code: &str) -> String {
    let mut out = code.as_bytes().to_vec();
    let mut from = 0;
    while let Some(at) = code[from..].find("#[cfg(test)]").map(|at| from + at) {
        let after = code[at..].find(['{', ';']).map_or(code.len(), |n| at + n);
        let end = if code[after..].starts_with('{') { closing(code, after) } else { after + 1 };
        out[at..end].iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
        from = end;
    }
    String::from_utf8(out).unwrap()
}

/// Behind the brace that closes the one at `open`.
fn closing(code: &str, open: usize) -> usize {
    let mut depth = 0;
    for (at, byte) in code.bytes().enumerate().skip(open) {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => continue,
        }
        if depth == 0 {
            return at + 1;
        }
    }
    code.len()
}

#[test]
fn comments_strings_and_tests_are_no_code() {
    let text = r##"let a = "wgpu \" // no"; // wgpu
/* wgpu /* wgpu */ wgpu */ let b = '"'; let c: &'static str = r#"wgpu " wgpu"#; let d = '\'';
#[cfg(test)]
mod tests { fn wgpu() { if true {} } }
let e = wgpu;"##;
    let left = without_tests(&code(text));
    assert_eq!(left.len(), text.len());
    assert_eq!(left.matches("wgpu").count(), 1, "{left}");
    assert!(
        left.contains("let b =") && left.contains("let c: &'static str") && left.contains("let d")
    );
}
