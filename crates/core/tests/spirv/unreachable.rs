//! Statements that control never reaches: a text with them is read, counts as the text without them does, and what
//! naga writes of it is valid.

use std::{collections::BTreeMap, fmt::Write};

use flopmeter_core::{
    device::Limits, instrument::instrument, kernel::KernelModule, read::Parsed, table::BlockTable,
};

use crate::tools::complaint;

#[derive(Clone, Copy, PartialEq)]
enum Language {
    #[cfg(feature = "glsl")]
    Glsl,
    Wgsl,
}

impl Language {
    /// Reads a kernel with this body.
    fn read(self, body: &str) -> Result<KernelModule, String> {
        let parsed = match self {
            #[cfg(feature = "glsl")]
            Self::Glsl => Parsed::glsl(
                "case",
                &format!(
                    "#version 450
                    layout(local_size_x = 1) in;
                    layout(set = 0, binding = 0) buffer X {{ float x[]; }};
                    float more(float v) {{ return v + 1.0; }}
                    void raise(inout float v) {{ v += 1.0; }}
                    void main() {{ int i = int(x[3]); {body} }}"
                ),
            ),
            Self::Wgsl => Parsed::wgsl(
                "case",
                &format!(
                    "@group(0) @binding(0) var<storage, read_write> x: array<f32>;
                    fn more(v: f32) -> f32 {{ return v + 1.0; }}
                    fn raise(v: ptr<storage, f32, read_write>) {{ *v += 1.0; }}
                    @compute @workgroup_size(1) fn main() {{ var i = i32(x[3]); {body} }}"
                ),
            ),
        };
        let kernel =
            parsed.and_then(|parsed| KernelModule::from_parsed(&parsed, "main", &BTreeMap::new()));
        kernel.map_err(|error| error.to_string())
    }
}

/// The table of a kernel. What naga writes of it is valid, plain and counting.
fn table(kernel: &KernelModule) -> Result<BlockTable, String> {
    let counting = instrument(kernel, &Limits::WEBGPU).unwrap();
    for KernelModule { module, info, .. } in [kernel, &counting.kernel] {
        let options = naga::back::spv::Options::default();
        let words = naga::back::spv::write_vec(module, info, &options, None).unwrap();
        if let Some(complaint) = complaint(&words) {
            return Err(complaint);
        }
    }
    Ok(counting.table)
}

/// A body whose statements in `<>` are not reached counts as one without them.
fn equal(language: Language, marked: &str) {
    let with = marked.replace(['<', '>'], " ");
    let mut inside = false;
    let without: String = marked
        .chars()
        .map(|c| {
            inside = c == '<' || inside && c != '>';
            if inside || c == '>' { ' ' } else { c }
        })
        .collect();
    let [with, without] = [with, without].map(|body| {
        let table = language.read(&body).and_then(|kernel| table(&kernel));
        let table = table.unwrap_or_else(|problem| panic!("{body}\n{problem}"));
        format!("{table:#?}")
    });
    assert_eq!(with, without, "{marked}");
}

#[cfg(feature = "glsl")]
#[test]
fn glsl_counts_as_without_what_is_not_reached() {
    for body in [
        "for (int k = i; k != 4; k++) { x[0] += 1.0; break; <x[1] = more(2.0);> }",
        "return; <x[1] = more(2.0);>",
        "{ return; } <x[1] = more(more(2.0));>",
        "x[0] += 1.0; return; <float y = more(2.0); raise(y); x[0] = y * more(y);>",
        "return; <raise(x[0]); for (int k = 0; k != int(more(2.0)); k++) x[k] = more(1.0);>",
        "if (i == 2) return; else return; <x[1] = more(2.0);>",
        "while (x[0] != 1.0) { x[0] += 1.0; continue; <float y = more(2.0); x[0] = y;> }",
        "do { x[0] += 1.0; break; <x[1] = more(2.0);> } while (i != 3);",
        "switch (i) { case 0: x[0] += 1.0; break; <x[1] = more(2.0);> default: x[2] += 1.0; }",
        "switch (i) { case 0: { break; } <x[1] = more(2.0);> case 1: x[2] += 1.0; }",
        "switch (i) { case 0: if (i == 1) return; else break; <x[0] = 3.0;> default: x[2] += 1.0; }",
        "while (x[0] != 1.0) { if (i == 1) continue; else return; \
            <switch (i) { case 1: x[0] += 1.0; break; case 2: continue; default: break; }> }",
        "switch (i) { case 0: return; default: return; } <if (i == 1) { x[0] += more(1.0); }>",
    ] {
        equal(Language::Glsl, body);
    }
}

#[test]
fn wgsl_counts_as_without_what_is_not_reached() {
    let leaves = "switch i { case 0 { continue; } case 1 { continue; } default { return; } }";
    // Its `continue` is what makes the module invalid where this is not reached.
    let switch = "switch i { case 1 { x[0] += 1.0; } case 2 { continue; } default { } }";
    for body in [
        "for (var k = i; k != 4; k++) { x[0] += 1.0; break; <x[1] = more(2.0);> }".to_owned(),
        "return; <raise(&x[1]); x[1] = more(2.0);>".to_owned(),
        format!("loop {{ x[0] += 1.0; {leaves} <{switch}> }}"),
        format!("loop {{ x[0] += 1.0; {leaves} <{switch}> continuing {{ i += 1; }} }}"),
        format!("loop {{ if i == 3 {{ {leaves} <{switch}> }} else {{ {leaves} }} <{switch}> }}"),
        format!("loop {{ if i == 3 {{ break; }} {{ {leaves} }} <{switch}> }} x[2] = 3.0;"),
        format!("loop {{ loop {{ if x[1] == 1.0 {{ return; }} }} <{switch}> }} <x[1] = 2.0;>"),
        format!("loop {{ loop {{ if x[1] == 1.0 {{ break; }} }} {leaves} <x[1] = more(2.0);> }}"),
        format!("loop {{ {{ {leaves} <{switch}> }} <if x[1] == 1.0 {{ {switch} }}> }}"),
        format!("if i == 3 {{ loop {{ if i == 3 {{ break; }} {leaves} <{switch} {switch}> }} }}"),
        format!("loop {{ loop {{ continuing {{ break if i == 2; }} }} {leaves} <{switch}> }}"),
    ] {
        equal(Language::Wgsl, &body);
    }
}

/// WGSL has what a body evaluates be used between its rounds.
#[test]
fn what_is_used_between_rounds_stays() {
    let body = "loop {
        if i == 2 { break; } else { return; }
        let y = more(x[0]);
        let z = y * 2.0;
        continuing { x[1] = z; break if y == 1.0; }
    }";
    let kernel = Language::Wgsl.read(body).unwrap();
    table(&kernel).unwrap();
}

/// Writes random bodies with every way to leave something.
struct Writer {
    language: Language,
    state: u64,
    body: String,
    /// Statements that may still be written.
    fuel: u32,
}

/// What a statement may do at its place.
#[derive(Clone, Copy, Default)]
struct Place {
    breaks: bool,
    continues: bool,
    returns: bool,
    depth: u32,
}

impl Writer {
    fn body(language: Language, seed: u64) -> String {
        let mut writer = Self { language, state: seed, body: String::new(), fuel: 30 };
        let place = Place { returns: true, ..Place::default() };
        (0..4).for_each(|_| writer.statement(place));
        writer.body
    }

    fn roll(&mut self, sides: u32) -> u32 {
        self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(0x9e37_79b9);
        (self.state >> 40) as u32 % sides
    }

    fn block(&mut self, place: Place) {
        self.body.push('{');
        for _ in 0..self.roll(3) + 1 {
            self.statement(place);
        }
        self.body.push('}');
    }

    fn statement(&mut self, place: Place) {
        if self.fuel == 0 {
            return;
        }
        self.fuel -= 1;
        let inner = Place { depth: place.depth + 1, ..place };
        match self.roll(if place.depth > 3 { 6 } else { 13 }) {
            0 => self.body.push_str("x[0] += 1.0;"),
            1 => self.body.push_str("x[1] = more(x[0]);"),
            2 if place.breaks => self.body.push_str("break;"),
            3 if place.continues => self.body.push_str("continue;"),
            4 if place.returns => self.body.push_str("return;"),
            2..=5 => self.body.push_str("x[2] *= 2.0;"),
            6 => self.block(inner),
            7 | 8 => {
                let limit = self.roll(9);
                let _ = write!(self.body, "if (i == {limit})");
                self.block(inner);
                if self.roll(2) == 0 {
                    self.body.push_str("else");
                    self.block(inner);
                }
            }
            9 | 10 => self.switch(inner),
            _ => self.repeat(inner),
        }
    }

    fn switch(&mut self, place: Place) {
        self.body.push_str("switch (i) {");
        for case in ["case 1:", "case 3:", "default:"] {
            self.body.push_str(case);
            self.block(Place { breaks: true, ..place });
            // WGSL knows no other end of a case.
            if self.language != Language::Wgsl && self.roll(3) > 0 {
                self.body.push_str("break;");
            }
        }
        self.body.push('}');
    }

    fn repeat(&mut self, place: Place) {
        let inner = Place { breaks: true, continues: true, ..place };
        if self.language == Language::Wgsl && self.roll(2) == 0 {
            self.body.push_str("loop {");
            self.block(inner);
            self.body.push_str("continuing {");
            self.block(Place { depth: place.depth, ..Place::default() });
            let _ = write!(self.body, "break if i == {}; }} }}", self.state % 7);
            return;
        }
        self.body.push_str("while (x[0] != 3.0)");
        self.block(inner);
    }
}

fn random(language: Language) {
    for seed in 0..200 {
        let body = Writer::body(language, seed);
        let table = language.read(&body).and_then(|kernel| table(&kernel));
        assert!(table.is_ok(), "seed {seed}: {body}\n{}", table.err().unwrap_or_default());
    }
}

#[test]
fn random_wgsl_is_written_as_valid_modules() {
    random(Language::Wgsl);
}

#[cfg(feature = "glsl")]
#[test]
fn random_glsl_is_written_as_valid_modules() {
    random(Language::Glsl);
}
