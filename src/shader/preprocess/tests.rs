//! What the preprocessor makes of texts, and what it says of those that are wrong.

use std::time::{Duration, Instant};

use super::*;

/// The text and the places of its lines, of files of which the first is preprocessed.
fn pieces(
    files: &[(&str, &str)],
    defines: &[(&str, &str)],
    dialect: Dialect,
) -> Result<Vec<Piece>, Misread> {
    let text = |name: &str, is_first: bool| {
        let found = files.iter().find(|(file, _)| *file == name);
        found.map(|(name, text)| Text {
            name: (!is_first).then(|| (*name).to_owned()),
            path: PathBuf::from(name),
            identity: PathBuf::from(name),
            text: (*text).to_owned(),
        })
    };
    let first = text(files[0].0, true).unwrap();
    let defines = defines.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let mut read = |wanted: Inclusion<'_>| {
        text(wanted.stated, false).ok_or_else(|| format!("no {}", wanted.stated))
    };
    let mut is_defined = |_: &str, _: &str| None;
    let others = Others { read: &mut read, is_defined: &mut is_defined };
    preprocessed(&[first], dialect, &defines.collect(), others)
}

fn wgsl(text: &str, defines: &[(&str, &str)]) -> Result<String, String> {
    let pieces = pieces(&[("a", text)], defines, Dialect::Wgsl).map_err(|fault| fault.problem)?;
    let whole: String = pieces.iter().map(|piece| piece.text.as_str()).collect();
    assert_eq!(whole.lines().count(), text.lines().count(), "each line stays one");
    Ok(whole)
}

#[test]
fn branches_are_read_where_their_conditions_hold() {
    let text = "#if N > 2\na\n#elif N == 2\nb\n#else\nc\n#endif\nd";
    for (n, read) in [("3", "a"), ("2", "b"), ("1", "c")] {
        let whole = wgsl(text, &[("N", n)]).unwrap();
        assert_eq!(whole.split_whitespace().collect::<Vec<_>>(), [read, "d"], "N = {n}");
    }
    let nested = "#ifdef A\n#ifndef B\nx\n#else\ny\n#endif\n#elif nonsense (\nz\n#endif";
    assert_eq!(wgsl(nested, &[("A", "1")]).unwrap().trim(), "x");
    assert_eq!(wgsl(nested, &[("A", ""), ("B", "")]).unwrap().trim(), "y");
    let hidden = "#ifdef A\n#if (\n#else what\n#endif\n#define X 1\n#frob\n#endif\nX";
    assert!(wgsl(hidden, &[]).unwrap_err().contains("nothing stands behind #else"));
    assert_eq!(wgsl(&hidden.replace(" what", ""), &[]).unwrap().trim(), "X");
    assert_eq!(wgsl("#if !defined(A) && !defined B\nx\n#endif", &[]).unwrap().trim(), "x");
}

#[test]
fn macros_are_what_they_stand_for_outside_of_comments() {
    let text = "#define N 4u\n#define SQUARE(x) \\\n  ((x) * (x))\nN NN /* N */ SQUARE(N + f(1, 2)) SQUARE // N";
    let whole = wgsl(text, &[]).unwrap();
    let last = whole.lines().last().unwrap();
    assert_eq!(last.trim_end(), "4u NN         ((4u + f(1, 2)) * (4u + f(1, 2))) SQUARE");
    assert_eq!(wgsl("#define A B\n#define B A + B\nA", &[]).unwrap().trim(), "A + B");
    assert_eq!(wgsl("#define F() 1\nF() F( )", &[]).unwrap().trim(), "1 1");
    assert_eq!(wgsl("N\n#undef N\nN", &[("N", "7")]).unwrap(), "7\n\nN\n");
    assert_eq!(wgsl("#define N 7\n#define N  7 \nN", &[("N", "7")]).unwrap().trim(), "7");
    let bomb: String = (1..40).map(|n| format!("#define A{n} A{} A{}\n", n - 1, n - 1)).collect();
    assert!(wgsl(&format!("{bomb}A39"), &[]).unwrap_err().contains("more than"));
}

#[test]
fn numbers_and_tokens_stay_what_they_are() {
    let text = "#define f 5\n#define e1 +5\n2.f + 1.e1 + .5f + 0x1e+f + x.f";
    assert_eq!(wgsl(text, &[]).unwrap().trim(), "2.f + 1.e1 + .5f + 0x1e+5 + x. 5");
    let text = "#define M -1.0\n#define PLUS +\n#define ONE 1\nv-M i+PLUS ONE.5 ONE+M v/M(M)";
    assert_eq!(wgsl(text, &[]).unwrap().trim(), "v- -1.0 i+ + 1 .5 1+ -1.0 v/ -1.0(-1.0)");
    let text = "#define A B\n#define B(x) (x*v)\n#define ID(x) x\nA(3.0) ID(B)(3.0) A /* */\n\n (2.0) B\n)";
    let lines: Vec<String> =
        wgsl(text, &[]).unwrap().lines().map(|its| its.trim().to_owned()).collect();
    assert_eq!(lines[3..], ["(3.0*v) (3.0*v) (2.0*v) B", "", "", ")"]);
    assert_eq!(wgsl("#define S(a) #a\n#define P(a, b) a##b\nx", &[]).unwrap().trim(), "x");
    // A comment within a directive goes on with it, and a line that no macro changes is left as it is.
    assert_eq!(wgsl("#define Y /* a\n b */ 3.0\nY", &[]).unwrap(), "\n\n3.0\n");
    assert_eq!(wgsl("#define Y\nx /* a */ + 1 // Y", &[]).unwrap(), "\nx /* a */ + 1 // Y\n");
    // Backslashes and numbers that begin with 0 are what they are in WGSL.
    let text = "// \\\n#if 010 == 10 && true && 0x80000000 > 0\nx\n#endif";
    assert_eq!(wgsl(text, &[]).unwrap().lines().nth(2), Some("x"));
}

#[test]
fn files_are_looked_for_beside_all_that_include_them() {
    let mut asked = Vec::new();
    let file = |name: &str, text: &str| Text {
        name: Some(name.to_owned()),
        path: PathBuf::from(name),
        identity: PathBuf::from(name),
        text: text.to_owned(),
    };
    let mut read = |wanted: Inclusion<'_>| {
        asked.push(wanted.beside.iter().map(|path| path.display().to_string()).collect::<Vec<_>>());
        Ok(file(
            wanted.stated,
            if wanted.stated == "b" { "#include \"c\"\n#include <d>" } else { "" },
        ))
    };
    let first = file("a", "#include \"b\"");
    let others = Others { read: &mut read, is_defined: &mut |_, _| None };
    preprocessed(&[first], Dialect::Wgsl, &BTreeMap::new(), others).unwrap();
    assert_eq!(asked, [vec!["a"], vec!["b", "a"], vec![]]);
}

#[test]
fn glsl_has_the_lines_and_conditions_of_glslang() {
    let glsl = |text: &str, defines: &[(&str, &str)]| {
        let pieces = pieces(&[("a", text)], defines, Dialect::Glsl).map_err(|fault| fault.problem);
        pieces.map(|pieces| pieces.into_iter().map(|piece| piece.text).collect::<String>())
    };
    for (text, left) in [
        ("#if 010 == 8\nx\n#endif", "x"),
        ("// --- \\\n#define FAST\n#ifdef FAST\nx\n#endif\ny", "y"),
        ("\n#if __LINE__ > 1\nx\n#endif", "x"),
        ("#define L __LINE__\nL __LINE__ __FILE__", "2 2 0"),
        ("#line 100\n__LINE__\n#line 7 3\n__LINE__ __FILE__", "100\n\n7 3"),
        ("#if true\nx\n#else\ny\n#endif", "y"),
        ("#if 0x80000000 > 0 || 1<<31 > 0 || 2147483647+1 > 0\nx\n#else\ny\n#endif", "y"),
        (
            "#version 450\n#if __VERSION__ == 450 && !defined __VERSION__\nx\n#endif",
            "#version 450\n\nx",
        ),
        ("va\\\nl", "val"),
    ] {
        let found = glsl(text, &[]).unwrap();
        assert_eq!(found.trim(), left, "{text}");
        assert_eq!(found.lines().count(), text.lines().count(), "{text}");
    }
    let tile = glsl("#if TILE == 8\nx\n#endif", &[("TILE", "010")]).unwrap();
    assert_eq!(tile.trim(), "x");
    let hidden = glsl("#version 450\n#define HAVE GL_EXT_x\n#if HAVE\nx\n#endif", &[]);
    assert!(hidden.unwrap_err().contains("whether 'GL_EXT_x' is defined"));
    assert!(glsl("x\r#if 0\r\ny\n", &[]).unwrap_err().contains("line 1: it has a carriage return"));
    assert_eq!(glsl("x\r\ny\r", &[]).unwrap(), "x\ny\r\n");
    // An included file has its own lines, and the one that includes it goes on with its own.
    let files = [("a", "#line 50\n#include \"b\"\n__LINE__"), ("b", "\n__LINE__\n#line 9\n")];
    let pieces = pieces(&files, &[], Dialect::Glsl).unwrap();
    let whole: String = pieces.iter().map(|piece| piece.text.as_str()).collect();
    assert_eq!(whole.split_whitespace().collect::<Vec<_>>(), ["2", "51"]);
}

#[test]
fn what_is_wrong_is_said_with_its_line() {
    for (text, says) in [
        ("a\n#if 1\nb", "line 2: its #if has no #endif"),
        ("#if 1\n#ifdef X\n#endif\n", "line 1: its #if has no #endif"),
        ("a\n#endif", "line 2: #endif ends no #if"),
        ("#else", "line 1: #else is within no #if"),
        (
            "#if 1\n#else\n#elif 1\n#endif",
            "line 3: #elif stands behind the #else of the #if on line 1",
        ),
        ("\n#frob x", "line 2: #frob is no directive: there are #define"),
        ("#import a::b", "line 1: #import is a directive of naga_oil"),
        ("#ifdef", "line 1: #ifdef takes one name"),
        ("#ifdef A B", "line 1: #ifdef takes one name, not 'A B'"),
        ("#define", "line 1: #define takes NAME"),
        ("#define 1", "line 1: #define takes NAME"),
        ("#define A-B", "line 1: #define takes NAME"),
        ("#define A(1) 2", "line 1: #define takes NAME"),
        ("#define A #x\nA", "line 2: the macro 'A' has a # in it"),
        ("#define A(x) 1##x\nA(2)", "line 2: the macro 'A' pastes 1 with ##"),
        ("#define A(x) a##x\nA()", "line 2: the macro 'A' pastes nothing with ##"),
        ("#define A(x) a##x\nA(1.5)", "line 2: the macro 'A' pastes 1.5 with ##"),
        ("#define A 1\n#define A 2", "line 2: 'A' is defined as '1' already"),
        ("#define F(x) x\nF(1, 2)", "line 2: the macro 'F' takes 1 arguments, not 2"),
        ("#define F(x) x\nF(1\n+ 2", "line 2: the arguments of the macro 'F' do not end"),
        (
            "#define F(x) x\nF(1\n#if 1\n)\n#endif",
            "line 2: a directive stands within the arguments",
        ),
        ("#if 1 +\n#endif", "line 1: #if '1 +' is no condition: a number is missing"),
        ("#if defined(\n#endif", "line 1: #if 'defined(': say defined(NAME)"),
        ("#include x", "line 1: #include takes \"FILE\" or <FILE>, not 'x'"),
        ("#include \"x\"", "line 1: no x"),
        ("#error too small", "line 1: #error too small"),
    ] {
        let error = wgsl(text, &[]).unwrap_err();
        assert!(error.contains(says), "{text:?}: {error}");
    }
}

#[test]
fn included_files_stand_where_they_are_included() {
    let files = [
        ("a", "1\n#include \"b\"\n#include <b>\nN"),
        ("b", "#ifndef N\n#define N 9\n#include \"c\"\n#endif\nb"),
        ("c", "#pragma once\nc"),
    ];
    let pieces = pieces(&files, &[], Dialect::Wgsl).unwrap();
    let places = pieces.iter().map(|piece| (piece.file.as_deref(), piece.skipped));
    let places: Vec<_> = places.collect();
    assert_eq!(
        places,
        [
            (None, 0),
            (Some("b"), 0),
            (Some("c"), 0),
            (Some("b"), 3),
            (None, 2),
            (Some("b"), 0),
            (None, 3)
        ]
    );
    let whole: String = pieces.iter().map(|piece| piece.text.as_str()).collect();
    assert_eq!(whole.split_whitespace().collect::<Vec<_>>(), ["1", "c", "b", "b", "9"]);
    let stated: String = pieces.iter().map(|piece| piece.stated.as_str()).collect();
    assert!(stated.starts_with("1\n#include \"b\"\n#ifndef N\n"), "{stated}");
    assert_eq!(stated.lines().count(), whole.lines().count());
}

#[test]
fn a_condition_that_does_not_end_is_told_where_it_begins() {
    let files = [("a", "#if 1\n#endif\n\n#include \"b\"\nx"), ("b", "\n#if 1\ny")];
    for dialect in [Dialect::Glsl, Dialect::Wgsl] {
        let fault = pieces(&files, &[], dialect).unwrap_err();
        assert_eq!(fault.path, Path::new("b"));
        assert!(fault.problem.contains("line 2: its #if has no #endif"), "{fault:?}");
    }
    let closed = [("a", "#include \"b\"\nx\n#endif"), files[1]];
    assert!(pieces(&closed, &[], Dialect::Glsl).is_ok());
    assert!(pieces(&closed, &[], Dialect::Wgsl).is_err());
}

#[test]
fn files_that_include_each_other_come_to_no_end() {
    let round = [("a", "#include \"b\""), ("b", "\n#include \"a\"")];
    let fault = pieces(&round, &[], Dialect::Wgsl).unwrap_err();
    assert_eq!(fault.path, Path::new("b"));
    for says in ["line 2", "a, b", "include a", "no end", "#pragma once"] {
        assert!(fault.problem.contains(says), "{fault:?}");
    }
    let once = [("a", "#pragma once\n#include \"b\""), ("b", "#include \"a\"\nx")];
    assert!(pieces(&once, &[], Dialect::Wgsl).is_ok());
}

#[test]
fn glsl_is_left_its_own_directives() {
    let text = "#version 450\n#extension GL_GOOGLE_include_directive : require\n#define N(x) \\\n x\n\
                #if A && __VERSION__ > 400\nN(A\n  + 1)\n#endif";
    let pieces = pieces(&[("a", text)], &[("A", "2")], Dialect::Glsl).unwrap();
    assert_eq!(pieces[0].text, "#version 450\n\n\n\n\n2   + 1\n\n\n");
    assert!(
        has_directives("/* */ #if", Dialect::Wgsl) && !has_directives("/*\n#if\n*/", Dialect::Wgsl)
    );
    assert!(includes(" # include <x>", Dialect::Glsl) && !includes("// #include", Dialect::Glsl));
}

#[test]
fn long_arguments_are_read_once() {
    // Read anew for each of its lines, this takes minutes, and about a second where each is read once.
    let lines = 1 << 16;
    let numbers: String = (0..lines).map(|n| format!("{n},\n")).collect();
    let text = format!("#define F(a, b) b\nF(1, f(\n{numbers}0))\n__LINE__");
    let begin = Instant::now();
    let pieces = pieces(&[("a", &text)], &[], Dialect::Glsl).unwrap();
    assert!(begin.elapsed() < Duration::from_secs(30), "{:?}", begin.elapsed());
    let whole = &pieces[0].text;
    assert!(whole.starts_with("\nf( 0, 1, 2, ") && whole.ends_with(&format!("\n{}\n", lines + 4)));
    assert_eq!(whole.lines().count(), text.lines().count());
}

#[test]
fn a_compiler_says_what_it_defines() {
    let text = "#version 450 core\n#define HAVE GL_EXT_a\n#if HAVE && !defined(GL_EXT_b) && GL_EXT_a == 1\nx\n\
                #endif\n#ifdef GL_EXT_b\ny\n#endif\n#ifndef GL_EXT_a\nz\n#endif";
    let first = Text {
        name: None,
        path: PathBuf::from("a"),
        identity: PathBuf::from("a"),
        text: text.to_owned(),
    };
    let mut asked = Vec::new();
    let mut is_defined = |version: &str, name: &str| {
        asked.push((version.to_owned(), name.to_owned()));
        Some(name == "GL_EXT_a")
    };
    let others = Others { read: &mut |_| Err("none".into()), is_defined: &mut is_defined };
    let pieces = preprocessed(&[first], Dialect::Glsl, &BTreeMap::new(), others).unwrap();
    let left: Vec<_> = pieces[0].text.lines().skip(1).flat_map(str::split_whitespace).collect();
    assert_eq!(left, ["x"]);
    let of = |name: &str| ("450 core".to_owned(), name.to_owned());
    assert_eq!(asked, [of("GL_EXT_b"), of("GL_EXT_a")], "each once");
}

#[test]
fn glsl_has_the_macros_of_a_compiler_for_vulkan() {
    let glsl = |text: &str, defines: &[(&str, &str)]| {
        let pieces = pieces(&[("a", text)], defines, Dialect::Glsl).map_err(|fault| fault.problem);
        pieces.map(|pieces| pieces.into_iter().map(|piece| piece.text).collect::<String>())
    };
    let last = |text: &str| glsl(text, &[]).unwrap().lines().last().unwrap().to_owned();
    assert_eq!(last("#version 460\nVULKAN GL_core_profile __VERSION__"), "100 1 460");
    assert_eq!(
        last("#version 310 es\n#if GL_ES && !defined GL_core_profile\nx\n#endif\nGL_ES"),
        "1"
    );
    assert_eq!(glsl("VULKAN", &[("VULKAN", "7")]).unwrap().trim(), "7");
    for condition in
        ["#ifdef GL_EXT_x", "#ifndef GL_EXT_x", "#if defined(GL_EXT_x)", "#if 0\n#elif GL_EXT_x"]
    {
        let text = format!("#version 450\n{condition}\nx\n#endif");
        assert!(glsl(&text, &[]).unwrap_err().contains("whether 'GL_EXT_x' is defined"), "{text}");
        assert!(glsl(&text, &[("GL_EXT_x", "1")]).is_ok());
    }
    // Another language has none of them.
    assert_eq!(wgsl("#ifdef GL_EXT_x\n#endif\nVULKAN", &[]).unwrap().trim(), "VULKAN");
}
