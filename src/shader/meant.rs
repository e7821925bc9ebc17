//! What values, contents and paths mean, however they are spelled: two that mean the same are told as one text. Looks at
//! no file and no shader.

use std::path::{Component, Path, PathBuf};

use super::{BufferFill, MemberFill};

/// Numbers with commas between, each as it is printed: `1, 0.50` is `1,0.5`. What is no number stays as it is.
pub fn values(said: &str) -> String {
    said.split(',').map(number).collect::<Vec<_>>().join(",")
}

fn number(said: &str) -> String {
    let said = said.trim();
    // Integers are exact, and the zero below 0 is a float alone.
    let whole = said.parse::<i128>().ok().filter(|whole| *whole != 0 || !said.starts_with('-'));
    match (whole, said.parse::<f64>()) {
        (Some(whole), _) => whole.to_string(),
        (None, Ok(number)) => number.to_string(),
        (None, Err(_)) => said.to_owned(),
    }
}

/// What fills a binding, as [`BufferFill`] is said. What is none stays as it is.
pub fn fill(said: &str) -> String {
    said.parse().map_or_else(|_| said.to_owned(), |fill: BufferFill| of_fill(fill).to_string())
}

/// What fills a binding from files, by a hash of the bytes that it then holds. Those of a texture may be the texels of
/// another size or format, so that it has these before them.
pub fn contents(said: &str, hash: &str) -> String {
    format!("{}contents {hash}", size(said))
}

/// The size and the format of what is a texture.
#[cfg(feature = "textures")]
fn size(said: &str) -> String {
    match said.parse() {
        Ok(BufferFill::Texture(size, _)) => format!("texture:{size}:"),
        Ok(_) | Err(_) => String::new(),
    }
}

#[cfg(not(feature = "textures"))]
fn size(_: &str) -> String {
    String::new()
}

/// Whether a binding that is so filled holds what one holds that nothing is bound to.
pub fn is_zeros(said: &str) -> bool {
    matches!(said.parse(), Ok(BufferFill::Zeros(_)))
}

fn of_fill(fill: BufferFill) -> BufferFill {
    match fill {
        BufferFill::Values(said) => {
            BufferFill::Values(said.iter().map(|value| number(value)).collect())
        }
        BufferFill::File(file) => BufferFill::File(path(&file)),
        BufferFill::Members(members) => {
            let members = members.into_iter().map(|(name, fill)| (name, of_member(fill)));
            let mut members: Vec<(String, MemberFill)> = members.collect();
            members.sort_by(|(a, _), (b, _)| a.cmp(b));
            BufferFill::Members(members)
        }
        #[cfg(feature = "textures")]
        BufferFill::Texture(size, fill) => BufferFill::Texture(size, Box::new(of_member(*fill))),
        other => other,
    }
}

fn of_member(fill: MemberFill) -> MemberFill {
    match fill {
        MemberFill::Said(fill) => MemberFill::Said(of_fill(fill)),
        MemberFill::Whole(kind) => MemberFill::Whole(kind),
    }
}

/// A path without what goes nowhere: `./a/../b` is `b`. Links are not followed.
pub fn path(said: &Path) -> PathBuf {
    let mut parts: Vec<Component<'_>> = Vec::new();
    for part in said.components() {
        match (part, parts.last()) {
            (Component::CurDir, _) => {}
            (Component::ParentDir, Some(Component::Normal(_))) => {
                parts.pop();
            }
            (Component::ParentDir, Some(Component::RootDir)) => {}
            _ => parts.push(part),
        }
    }
    if parts.is_empty() { PathBuf::from(".") } else { parts.iter().collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_the_same_is_one_text() {
        for (said, meant) in [
            ("0.50", "0.5"),
            ("+5, 1e3,2.0", "5,1000,2"),
            ("-0,-0.0,0.0", "-0,-0,0"),
            ("18446744073709551615", "18446744073709551615"),
            ("x", "x"),
        ] {
            assert_eq!(values(said), meant);
        }
        for (said, meant) in [
            ("values:1,2.0", "values:1,2"),
            ("random:8", "random:8:0"),
            ("scale:0.50,n:8", "n:8,scale:0.5"),
            ("file:./a/../b.npy", "file:b.npy"),
            ("no fill", "no fill"),
        ] {
            assert_eq!(fill(said), meant);
        }
        for (said, meant) in
            [("./a.comp", "a.comp"), ("a/../../b", "../b"), ("/../a", "/a"), ("./", ".")]
        {
            assert_eq!(path(Path::new(said)), Path::new(meant));
        }
    }
}
