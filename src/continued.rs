//! Shader files that are continued in others. WGSL includes nothing, so a file says in its first line which other
//! file beside it goes on where it ends: `// Continued in products.wgsl.` It may have another file stand for one that
//! follows: `// Continued in linear.wgsl, with operands_f16.wgsl for operands.wgsl.` That file may itself be continued in
//! the one that it stands for, which it then stands before. Lines of each stay what they are in their own file. Knows
//! nothing of what a shader computes.

use std::borrow::Cow;

/// How the first line of a file begins that is continued in another, what stands around files that stand for others, and
/// how it ends.
const BEGINS: &str = "// Continued in ";
const WITH: &str = ", with ";
const FOR: &str = " for ";
const ENDS: &str = ".";

/// Files that may follow one another.
const MOST: usize = 16;

/// What the first line of a text says of how it goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Continuation {
    /// The file that it is continued in.
    pub next: String,
    /// A file that stands for another wherever that would follow, in this order.
    pub instead: Option<[String; 2]>,
}

/// How a text is continued, by its first line; `None` where it says nothing of the kind.
pub fn continuation(text: &str) -> Option<Continuation> {
    let line = text.lines().next()?.trim_end().strip_prefix(BEGINS)?.strip_suffix(ENDS)?;
    let plain = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    let file = |name: &str| {
        let stem = name.strip_suffix(".wgsl")?;
        (!stem.is_empty() && stem.chars().all(plain)).then(|| name.to_owned())
    };
    let Some((next, instead)) = line.split_once(WITH) else {
        return Some(Continuation { next: file(line)?, instead: None });
    };
    let (stands, other) = instead.split_once(FOR)?;
    Some(Continuation { next: file(next)?, instead: Some([file(stands)?, file(other)?]) })
}

/// A file's name and text.
pub type File<'a> = (String, Cow<'a, str>);

/// A file, the one that it is continued in, and so on. `read` gets the text of a file beside it. Directives stand before all
/// else, so a file that needs one to be read by itself loses it behind a first file that has the same.
///
/// # Errors
/// As `read`; where files follow each other without an end, which its message says.
pub fn whole<'a, E: From<String>>(
    first: File<'a>,
    mut read: impl FnMut(&str) -> Result<Cow<'a, str>, E>,
) -> Result<Vec<File<'a>>, E> {
    let mut files = vec![first];
    let mut instead: Vec<[String; 2]> = Vec::new();
    while let Some(on) = files.last().and_then(|(_, text)| continuation(text)) {
        instead.extend(on.instead);
        let mut next = on.next;
        // One that stands for another may have yet another stand for it.
        for _ in 0..instead.len() {
            let stands = instead.iter().find(|[stands, other]| {
                *other == next && files.iter().all(|(name, _)| name != stands)
            });
            let Some([stands, _]) = stands else { break };
            next.clone_from(stands);
        }
        if files.len() == MOST || files.iter().any(|(name, _)| *name == next) {
            let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
            let chain = names.join(", ");
            return Err(format!("{chain} are continued in {next} and come to no end").into());
        }
        let text = without(read(&next)?, &files[0].1);
        files.push((next, text));
    }
    Ok(files)
}

/// A text without its lines that enable an extension which `first` enables in the same words.
fn without<'a>(text: Cow<'a, str>, first: &str) -> Cow<'a, str> {
    let enables = |line: &str| line.starts_with("enable ") && line.ends_with(';');
    let stated = |line: &str| enables(line) && first.lines().any(|its| its == line);
    if !text.lines().any(stated) {
        return text;
    }
    let lines = text.split('\n').map(|line| if stated(line) { "" } else { line });
    Cow::Owned(lines.collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_says_where_a_file_goes_on() {
        let next = |text| continuation(text).map(|on| (on.next, on.instead));
        assert_eq!(next("// Continued in b_c.wgsl.\nfn"), Some(("b_c.wgsl".to_owned(), None)));
        let instead = Some(["d.wgsl", "c.wgsl"].map(String::from));
        let stated = "// Continued in b.wgsl, with d.wgsl for c.wgsl.";
        assert_eq!(next(stated), Some(("b.wgsl".to_owned(), instead)));
        for other in [
            "",
            "\n// Continued in b.wgsl.",
            "// Continued in ../b.wgsl.",
            "// Continued in b",
            "// Continued in b.wgsl, with d.wgsl.",
            "// Continued in b.wgsl, with d for c.wgsl.",
        ] {
            assert_eq!(continuation(other), None, "{other}");
        }
    }

    #[test]
    fn files_follow_one_another_to_an_end() {
        let text = |name: &str| match name {
            "a.wgsl" => Ok("// Continued in b.wgsl.\na".into()),
            "b.wgsl" => Ok("// Continued in c.wgsl.\nb".into()),
            "c.wgsl" | "d.wgsl" => Ok("c".into()),
            "before.wgsl" => Ok("// Continued in c.wgsl.\n".into()),
            "first.wgsl" => Ok("// Continued in a.wgsl, with before.wgsl for c.wgsl.".into()),
            "other.wgsl" => Ok("// Continued in a.wgsl, with d.wgsl for c.wgsl.\n".into()),
            "twice.wgsl" => Ok("// Continued in first.wgsl, with d.wgsl for before.wgsl.".into()),
            "round.wgsl" => Ok("// Continued in round.wgsl.".into()),
            other => Err(format!("no {other}")),
        };
        let whole = |name: &str| whole((name.to_owned(), text(name)?), text);
        let names = |files: Vec<File>| files.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(
            whole("a.wgsl").map(names),
            Ok(["a.wgsl", "b.wgsl", "c.wgsl"].map(String::from).to_vec())
        );
        assert_eq!(
            whole("other.wgsl").map(names),
            Ok(["other.wgsl", "a.wgsl", "b.wgsl", "d.wgsl"].map(String::from).to_vec())
        );
        let before = ["first.wgsl", "a.wgsl", "b.wgsl", "before.wgsl", "c.wgsl"];
        assert_eq!(whole("first.wgsl").map(names), Ok(before.map(String::from).to_vec()));
        let twice = ["twice.wgsl", "first.wgsl", "a.wgsl", "b.wgsl", "d.wgsl"];
        assert_eq!(whole("twice.wgsl").map(names), Ok(twice.map(String::from).to_vec()));
        let of = |text: &'static str| without(text.into(), "enable f16;\na");
        assert_eq!(of("b\nenable f16;\nc\n"), "b\n\nc\n");
        assert_eq!(of("enable subgroups;\nc\n"), "enable subgroups;\nc\n");
        assert!(whole("round.wgsl").unwrap_err().contains("no end"));
        assert_eq!(whole("e.wgsl").map(names), Err("no e.wgsl".to_owned()));
    }
}
