//! Arrays as NumPy saves them (`.npy`, versions 1.0 to 3.0): what their header says of them, and the header of one
//! that is written. Whatever is not understood is refused by name. Knows neither bindings nor archives.

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::Path,
};

use super::elements::{Elements, count, placed};
use crate::kernel::{Layout, Number, NumberKind};

/// What every such file begins with, before the two bytes of its version.
pub(super) const MAGIC: &[u8; 6] = b"\x93NUMPY";

/// The longest header that is read; NumPy itself refuses to evaluate longer ones than 10,000 bytes.
const LONGEST: u32 = 1 << 16;

/// What a header says.
#[derive(Debug, PartialEq, Eq)]
struct Header {
    element: Number,
    /// Elements along each dimension; empty where the array is a single number.
    shape: Vec<u64>,
}

/// The bytes of a buffer that holds the elements of the array in `file`, which is read from behind its
/// magic, if its shape `is_right`. The error says what is not understood or does not fit.
pub(super) fn bytes(
    file: &mut (impl Read + Seek),
    layout: &Layout,
    is_right: impl FnOnce(&[u64]) -> Result<(), String>,
    fits: impl FnOnce(u64) -> Result<(), String>,
) -> Result<Vec<u8>, String> {
    let Header { element, shape } = header(file)?;
    is_right(&shape)?;
    let count = count(&shape)?;
    let of_shape = |why| format!("{why}: the shape of its array is {}", tuple(&shape));
    layout.bytes(count).map_err(of_shape).and_then(fits)?;
    let width = u64::from(element.width);
    let begin = file.stream_position().map_err(in_words)?;
    let held = file.seek(SeekFrom::End(0)).map_err(in_words)?.saturating_sub(begin);
    if Some(held) != count.checked_mul(width) {
        return Err(format!("it holds {held} bytes behind its header, not {count} x {width}"));
    }
    file.seek(SeekFrom::Start(begin)).map_err(in_words)?;
    let mut elements = Vec::new();
    file.read_to_end(&mut elements).map_err(in_words)?;
    placed(&Elements { element, shape: &shape, bytes: &elements }, layout, |_| Ok(()))
}

/// The shape of the array that a file holds, as NumPy prints it; `None` where it holds none that is understood.
pub(super) fn shape(path: &Path) -> Option<String> {
    let mut file = File::open(path).ok()?;
    let mut magic = [0; MAGIC.len()];
    file.read_exact(&mut magic).ok().filter(|()| magic == *MAGIC)?;
    Some(tuple(&header(&mut file).ok()?.shape))
}

fn tuple(shape: &[u64]) -> String {
    match shape {
        [one] => format!("({one},)"),
        several => {
            let extents: Vec<String> = several.iter().map(u64::to_string).collect();
            format!("({})", extents.join(", "))
        }
    }
}

/// The numbers in the bytes of a buffer as an `.npy` file of version 1.0, without the padding between them.
///
/// # Errors
/// Where they are of several types, of which an array has one.
pub fn npy(layout: &Layout, bytes: &[u8]) -> Result<Vec<u8>, String> {
    let size = bytes.len() as u64;
    let (element, extents) = layout.array(size).ok_or(
        "its numbers are of several types, and an .npy array has one: write the bytes under another name",
    )?;
    let kind = match element.kind {
        NumberKind::Float => 'f',
        NumberKind::Signed => 'i',
        NumberKind::Unsigned => 'u',
    };
    let shape: Vec<String> = extents.iter().map(|extent| format!("{extent},")).collect();
    let mut header = format!(
        "{{'descr': '<{kind}{}', 'fortran_order': False, 'shape': ({}), }}",
        element.width,
        shape.join(" ")
    );
    // The elements begin at a multiple of 64 bytes, and a line feed is before them.
    let before = MAGIC.len() + 4;
    while !(before + header.len() + 1).is_multiple_of(64) {
        header.push(' ');
    }
    header.push('\n');
    let length = u16::try_from(header.len()).map_err(|error| error.to_string())?;
    let mut file = [&MAGIC[..], &[1, 0], &length.to_le_bytes(), header.as_bytes()].concat();
    layout.each(size, |at, number| {
        let at = at as usize;
        let value = bytes.get(at..at + usize::from(number.width));
        file.extend(value.ok_or("its bytes end within a number")?);
        Ok::<(), String>(())
    })?;
    Ok(file)
}

fn in_words(error: std::io::Error) -> String {
    format!("it cannot be read: {error}")
}

/// Reads version, length and header.
fn header(file: &mut impl Read) -> Result<Header, String> {
    let cut = |error: std::io::Error| format!("its header is cut short: {error}");
    let mut version = [0; 2];
    file.read_exact(&mut version).map_err(cut)?;
    let length = match version {
        [1, 0] => {
            let mut length = [0; 2];
            file.read_exact(&mut length).map_err(cut)?;
            u32::from(u16::from_le_bytes(length))
        }
        [2 | 3, 0] => {
            let mut length = [0; 4];
            file.read_exact(&mut length).map_err(cut)?;
            u32::from_le_bytes(length)
        }
        [major, minor] => {
            return Err(format!("its format is {major}.{minor}; 1.0 to 3.0 are understood"));
        }
    };
    if length > LONGEST {
        return Err(format!("its header takes {length} bytes, more than {LONGEST}"));
    }
    let mut text = vec![0; length as usize];
    file.read_exact(&mut text).map_err(cut)?;
    let text = String::from_utf8(text).map_err(|_| "its header is no UTF-8")?;
    parsed(&text)
}

/// A header's dictionary.
fn parsed(text: &str) -> Result<Header, String> {
    let malformed = || format!("its header is not understood: {}", text.trim_end());
    let mut rest = Literal(text);
    let (mut element, mut is_fortran, mut shape) = (None, None, None);
    if !rest.eat('{') {
        return Err(malformed());
    }
    while !rest.eat('}') {
        let key = rest.string().ok_or_else(malformed)?;
        if !rest.eat(':') {
            return Err(malformed());
        }
        match key {
            "descr" => {
                let structured = "its elements are records, and only plain numbers are understood";
                element = Some(number(rest.string().ok_or(structured)?)?);
            }
            "fortran_order" => is_fortran = Some(rest.boolean().ok_or_else(malformed)?),
            "shape" => shape = Some(rest.tuple().ok_or_else(malformed)?),
            _ => return Err(format!("its header has a key '{key}', which is not understood")),
        }
        if !rest.eat(',') {
            if !rest.eat('}') {
                return Err(malformed());
            }
            break;
        }
    }
    let (Some(element), Some(is_fortran), Some(shape)) = (element, is_fortran, shape) else {
        return Err(malformed());
    };
    if !rest.0.trim().is_empty() {
        return Err(malformed());
    }
    if is_fortran && shape.len() > 1 {
        return Err("its elements are in Fortran order, columns first, and shaders have rows \
                    first: save numpy.ascontiguousarray of it"
            .to_owned());
    }
    Ok(Header { element, shape })
}

/// The type that a `descr` names: byte order, kind and width.
fn number(descr: &str) -> Result<Number, String> {
    let refused = |why: &str| format!("its elements are '{descr}', {why}");
    let unknown = || refused("which is no type that is understood");
    let mut letters = descr.chars();
    let (order, kind) = letters.next().zip(letters.next()).ok_or_else(unknown)?;
    let width: u8 = letters.as_str().parse().map_err(|_| unknown())?;
    let (kind, widths): (_, &[u8]) = match kind {
        'f' => (NumberKind::Float, &[2, 4, 8]),
        'i' => (NumberKind::Signed, &[1, 2, 4, 8]),
        'u' => (NumberKind::Unsigned, &[1, 2, 4, 8]),
        'b' => return Err(refused("booleans, which no buffer holds: save them as uint32")),
        'c' => return Err(refused("complex numbers: save a view of them as floats")),
        _ => return Err(unknown()),
    };
    if !widths.contains(&width) {
        return Err(unknown());
    }
    match (order, width) {
        ('<', _) | ('|', 1) => Ok(Number { kind, width }),
        ('>', _) => Err(refused("which is big-endian: save them little-endian")),
        _ => Err(unknown()),
    }
}

/// The rest of a Python literal, of which as much is understood as headers have.
struct Literal<'a>(&'a str);

impl<'a> Literal<'a> {
    /// Takes a character if it comes next.
    fn eat(&mut self, wanted: char) -> bool {
        let rest = self.0.trim_start().strip_prefix(wanted);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    /// A string without escapes.
    fn string(&mut self) -> Option<&'a str> {
        let text = self.0.trim_start();
        let quote = text.chars().next().filter(|quote| matches!(quote, '\'' | '"'))?;
        let (string, rest) = text[1..].split_once(quote)?;
        self.0 = rest;
        (!string.contains('\\')).then_some(string)
    }

    /// `True` or `False`.
    fn boolean(&mut self) -> Option<bool> {
        let text = self.0.trim_start();
        let values = [("True", true), ("False", false)];
        let (rest, value) =
            values.into_iter().find_map(|(name, value)| Some((text.strip_prefix(name)?, value)))?;
        self.0 = rest;
        Some(value)
    }

    /// A tuple of whole numbers.
    fn tuple(&mut self) -> Option<Vec<u64>> {
        let mut numbers = Vec::new();
        self.eat('(').then_some(())?;
        while !self.eat(')') {
            let text = self.0.trim_start();
            let end = text.find(|letter: char| !letter.is_ascii_digit())?;
            numbers.push(text[..end].parse().ok()?);
            self.0 = &text[end..];
            if !self.eat(',') {
                return self.eat(')').then_some(numbers);
            }
        }
        Some(numbers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_as_numpy_writes_them() {
        const F32: Number = Number { kind: NumberKind::Float, width: 4 };
        let read = |descr: &str, order: &str, shape: &str| {
            let entries = format!("'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, ");
            parsed(&format!("{{{entries}}}          \n"))
        };
        for (shape, extents) in
            [("()", &[][..]), ("(64,)", &[64]), ("(3, 4)", &[3, 4]), ("(0, 7)", &[0, 7])]
        {
            let header = Header { element: F32, shape: extents.to_vec() };
            assert_eq!(read("'<f4'", "False", shape), Ok(header), "{shape}");
        }
        assert_eq!(read("'<f4'", "True", "(64,)").map(|header| header.shape), Ok(vec![64]));
        for (descr, order, shape, says) in [
            ("'<f4'", "True", "(3, 4)", "Fortran order"),
            ("'>f4'", "False", "(3,)", "big-endian"),
            ("'<c8'", "False", "(3,)", "complex"),
            ("'|b1'", "False", "(3,)", "booleans"),
            ("'<f3'", "False", "(3,)", "'<f3', which is no type"),
            ("'|O'", "False", "(3,)", "'|O', which is no type"),
            ("'<U5'", "False", "(3,)", "'<U5', which is no type"),
            ("[('x', '<f4')]", "False", "(3,)", "records"),
            ("'<f4'", "false", "(3,)", "not understood"),
            ("'<f4'", "False", "(-3,)", "not understood"),
            ("'<f4'", "False", "3", "not understood"),
        ] {
            let error = read(descr, order, shape).unwrap_err();
            assert!(error.contains(says), "{descr} {order} {shape}: {error}");
        }
        for text in ["", "{", "{}", "{'descr': '<f4'}", "{'x': 1}"] {
            assert!(parsed(text).is_err(), "{text}");
        }
    }
}
