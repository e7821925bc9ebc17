//! Shader files that are continued in others. WGSL includes nothing, so a file says in its first line which other
//! file beside it goes on where it ends: `// Continued in products.wgsl.` Lines of either stay what they are in
//! their own file. Knows nothing of what a shader computes.

use std::borrow::Cow;

/// How the first line of a file begins that is continued in another, and how it ends.
const BEGINS: &str = "// Continued in ";
const ENDS: &str = ".wgsl.";

/// Files that may follow one another.
const MOST: usize = 16;

/// The file that a text is continued in, by its first line; `None` where it says nothing of the kind.
pub fn continuation(text: &str) -> Option<String> {
    let stem = text.lines().next()?.trim_end().strip_prefix(BEGINS)?.strip_suffix(ENDS)?;
    let plain = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    (!stem.is_empty() && stem.chars().all(plain)).then(|| format!("{stem}.wgsl"))
}

/// A file's name and text.
pub type File<'a> = (String, Cow<'a, str>);

/// A file, the one that it is continued in, and so on. `read` gets the text of a file beside it.
///
/// # Errors
/// As `read`; where files follow each other without an end, which its message says.
pub fn whole<'a, E: From<String>>(
    first: File<'a>,
    mut read: impl FnMut(&str) -> Result<Cow<'a, str>, E>,
) -> Result<Vec<File<'a>>, E> {
    let mut files = vec![first];
    while let Some(next) = files.last().and_then(|(_, text)| continuation(text)) {
        if files.len() == MOST || files.iter().any(|(name, _)| *name == next) {
            let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
            let chain = names.join(", ");
            return Err(format!("{chain} are continued in {next} and come to no end").into());
        }
        let text = read(&next)?;
        files.push((next, text));
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_says_where_a_file_goes_on() {
        assert_eq!(continuation("// Continued in b_c.wgsl.\nfn"), Some("b_c.wgsl".to_owned()));
        for other in
            ["", "\n// Continued in b.wgsl.", "// Continued in ../b.wgsl.", "// Continued in b"]
        {
            assert_eq!(continuation(other), None, "{other}");
        }
    }

    #[test]
    fn files_follow_one_another_to_an_end() {
        let text = |name: &str| match name {
            "a.wgsl" => Ok("// Continued in b.wgsl.\na".into()),
            "b.wgsl" => Ok("// Continued in c.wgsl.\nb".into()),
            "c.wgsl" => Ok("c".into()),
            "round.wgsl" => Ok("// Continued in round.wgsl.".into()),
            other => Err(format!("no {other}")),
        };
        let whole = |name: &str| whole((name.to_owned(), text(name)?), text);
        let names = |files: Vec<File>| files.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(
            whole("a.wgsl").map(names),
            Ok(["a.wgsl", "b.wgsl", "c.wgsl"].map(String::from).to_vec())
        );
        assert!(whole("round.wgsl").unwrap_err().contains("no end"));
        assert_eq!(whole("d.wgsl").map(names), Err("no d.wgsl".to_owned()));
    }
}
