//! GLSL as this preprocessor and glslang's read it: the same tokens of every text that glslang takes, and none in silence
//! of a text that it refuses. Knows of either only what it leaves of a text.

use std::{fs, process::Command};

use super::{
    tokens::{TokenKind, tokens},
    *,
};

/// What stands before each text: an extension for the files that it includes, and macros.
const BEFORE: &str = "#version 450
#extension GL_GOOGLE_include_directive : enable
#include \"outer.h\"
#define A 2
#define B 3
#define F(x) (x*2)
#define PAIR(a,b) a|b
#define G
#define f 5
#define e1 +5
#define PLUS +
#define MINUS -1.0
#define LINE __LINE__
#define TO_F F
#define ID(x) x
#define OCTAL 010
#define HAS defined(A)
#define PASTE(a,b) a##b
";

/// Conditions that glslang takes.
const CONDITIONS: &[&str] = &[
    "!0",
    "~0",
    "-1",
    "1+2*3==7",
    "1<<3==8",
    "8>>1>>1==2",
    "-7/2==-3",
    "-7%4==-3",
    "1||0&&0",
    "1|2^3&4",
    "5^3|1",
    "3>2>1",
    "defined A",
    "defined ( A )",
    "defined(Q)||defined(A)&&A==3",
    "0x10==16",
    "010==8",
    "OCTAL==8",
    "0777==511",
    "00==0",
    "0XFf==255",
    "4294967295>0",
    "4294967295<0",
    "2147483647+1<0",
    "-2147483648<0",
    "1<<31<0",
    "1<<32==0",
    "0x80000000>0",
    "(0x80000000)>>31==1",
    "-1>>1==-1",
    "(-2147483647-1)/-1==0",
    "F(3)==6",
    "F (3)==6",
    "F(F(1))==4",
    "TO_F(3)==6",
    "ID(F)(3)==6",
    "A+B==5",
    "__VERSION__==450",
    "__VERSION__>=430",
    "GL_core_profile",
    "defined GL_ES",
    "defined __LINE__",
    "defined(__FILE__)",
    "defined __VERSION__",
    "__LINE__>1",
    "__LINE__==20",
    "LINE==20",
    "1 /* c */",
    "1 // c",
    "true",
    "false==0",
    "UNKNOWN==0",
    "1 \\\n == 0",
    "A PLUS B==5",
    "-MINUS",
    "G 1",
];

/// Conditions that glslang refuses.
const REFUSED: &[&str] = &[
    "09==9",
    "4294967296>0",
    "1.0",
    "1 ? 1 : 0",
    "1/0",
    "0 && 1/0",
    "A B",
    "()",
    "(1",
    "1 == 1 )",
    "'a'",
    "0b1",
    "1L",
    "G",
    "defined",
    "defined(",
    "F(1",
    "HAS",
    "1u",
    "1 == 0x1U",
    "PASTE(A,B)",
    "defined PASTE(A,B)",
];

/// Texts, each of which becomes others.
const TEXTS: &[&str] = &[
    "2.f + .5f + 1.e1 + 1.0e1 + 0x1fu + 1e2",
    "v-MINUS v- -MINUS -G-v i+PLUS +PLUS+ A.5 A.x F(1)2 B<PAIR(A,<)=1",
    "TO_F(3.0) ID(F)(3.0) ID(ID)(2.0) TO_F G (2) ID(TO_F)(2.0) ID(TO_F)\n(2.0)",
    "#define H(a,,b) 1",
    "#define H(a,) 1",
    "#define H(a,a) 1",
    "#if 0\n#ifdef 1 2\n#endif\n#ifndef\n#endif\n#endif\nx",
    "F (v) + F\n(v) F /* c */ \n\n ( v )",
    "float F=1.0; F",
    "PAIR(v,\n v*2.0 // c , )\n /* ) */ ) after",
    "PAIR((v,2.0),max(v,1.0)) PAIR(,) PAIR(a[1],b)",
    "LINE LINE __LINE__ + \n__LINE__ PAIR(LINE,\n3\n) PAIR(__LINE__,\n__LINE__) ID(\n1) LINE",
    "#line 100\n__LINE__\n__LINE__\n#line __LINE__+10 7\n__LINE__",
    "va\\\nl A\\\nA __LINE__",
    "// --- \\\n#define FAST\n#ifdef FAST\nx\n#endif\n__LINE__",
    "// note \\\n#if 0\ny\n// \\\n#endif",
    "/\\\n/ x\ny",
    "#define Y /* a\n b */ 3.0\nY __LINE__",
    "#define Y 3.0 // c \\\n + 1.0\nY",
    "#define Y 1.0 \\\n + v \\\n + 3.0\nY",
    "/* a */ # /* b */ define /* c */ Y /* d */ 3.0 /* e */\nY",
    "#def\\\nine Y 3.0\nY",
    "/* x\n#define Y 4.0\n*/ Y x/**/y/*\n*/z",
    "#define S(a) #a\n#define P(a,b) a##b\nx",
    "#define foo (foo+1.0)\nfoo ID(foo)\n#define a1 b1\n#define b1 a1\na1 b1",
    "#undef A\n#define A 3.0\nA\n#undef NOTHING",
    "#define A   2\n#define A 2 // again\nA",
    "#define BOTH v,2.0\n#define P(x) PAIR(x)\nP(BOTH)",
    "#define a 5.0\n#define P(a) (a*v)\nP(3.0) a",
    "#if 0\n#if foo bar (\n#elif\n#bad\n#error no\n#include \"none\"\n#endif\n ' x\n#endif\ny",
    "#if 1\nx\n#elif BAD(\ny\n#elif 1/0\nz\n#else\nw\n#endif",
    "\t#\tif\t1\n\tx\n\t#\tendif\n#\n# \ny",
    "x\r\ny A \\\r\n z\r\n#define Y 1 \\\r\n + 2\r\nY",
    "#define D D(\n#define E )(][\nD E",
    "#include \"outer.h\"\nOUTER INNER __LINE__",
    "#line 5 \"name\"\n__LINE__ __FILE__\n#line A*8\"A\" // c\n__LINE__ __FILE__\n#line 9\nLINE __FILE__\n#line 9 2\n__FILE__",
    "#line 5 \"name\" 3\nx",
    "#line 5 \"name\nx",
    "#line \"name\"\nx",
    "# 5 \"name\"\nx",
    "#extension GL_GOOGLE_include_directive : disable\n#line 5 \"name\"\nx",
    "#extension GL_GOOGLE_cpp_style_line_directive : require\n#line 5 \"name\"\n__LINE__",
    "#include \"open.h\"\nx\n#endif\ny",
    "#include \"open.h\"\nx\n#else\nz\n#endif\ny",
    "#include \"open.h\"\nx",
    "#if 0\n#include \"close.h\"\nx\n#endif\ny",
    "#if 1\n#include \"close.h\"\nx",
    "#if 1\nx\n#include \"else.h\"\ny\n#endif\nz",
    "#include \"close.h\"",
    "#define GL_X 1\nGL_X",
    "#define GL_X",
    "#undef GL_core_profile",
    "#undef GL_EXT_x",
    "#define defined 1",
    "#undef defined",
    "#define __LINE__ 1\n#define __VERSION__ 2\n__LINE__ __VERSION__",
    "PASTE(x,y) PASTE( x , y ) PASTE(x,1) PASTE(x1,2u) PASTE(x y,z w) PASTE(P,F(3)) PASTE(OCTA,L)",
    "PASTE(A,B) ID(PASTE(x,y)) PASTE(I,D)(3) PASTE(TO,_F)(3.0) PASTE(TO,_F)\n(3.0) PASTE(PASTE,x)(1,2)",
    "#define P(a,b) a ## b a b x##a##_##b\nP(A,B)",
    "#define P(a,b) P(a##b) PASTE(a,b)\nP(A,B)",
    "#define L(a) x##a a\n#define M(a) L(a)\nL(__LINE__) M(__LINE__) L(LINE) M(\nLINE) PAIR(__LINE__ LINE,\n__LINE__)",
    "#define P x##y __LINE__##x v##__LINE__\nP",
    "PASTE(1,2)",
    "PASTE(1,x)",
    "PASTE(,y)",
    "PASTE((x),y)",
    "PASTE(x)",
    "#define P(a) a##\nP(x)",
    "#define P(a) ##a\nP(x)",
    "#define P(a) #a\nP(x)",
    "#define P #\nP",
    "PAIR(A)",
    "PAIR(1,2,3)",
    "F(",
    "PAIR(v,\n#ifdef A\n1.0\n#endif\n)",
];

/// The tokens of a text behind its preprocessor, as many to a line as it has.
fn parts(text: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    let tokens = lines.flat_map(tokens).filter(|token| token.kind != TokenKind::Blank);
    tokens.map(|token| token.text.into_owned()).collect()
}

/// What this preprocessor leaves of a file.
fn own(path: &Path) -> Result<Vec<String>, String> {
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).map_err(|error| error.to_string())?;
        Ok(Text { name: None, identity: path.clone(), path, text })
    };
    let mut include = |wanted: Inclusion<'_>| {
        let mut folders = wanted.beside.iter().filter_map(|file| file.parent());
        let found = folders.find(|folder| folder.join(wanted.stated).exists());
        read(found.ok_or("no file")?.join(wanted.stated))
    };
    let first = read(path.to_owned())?;
    let others = Others { read: &mut include, is_defined: &mut |_, _| None };
    let pieces = preprocessed(&[first], Dialect::Glsl, &BTreeMap::new(), others);
    let pieces = pieces.map_err(|fault| fault.problem)?;
    Ok(parts(&pieces.into_iter().map(|piece| piece.text).collect::<String>()))
}

#[test]
fn glslang_reads_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.comp");
    fs::create_dir(folder.path().join("sub")).unwrap();
    for (name, text) in [
        ("outer.h", "#include \"sub/inner.h\"\n"),
        ("beside.h", "#define OUTER outer\n"),
        ("sub/inner.h", "#include \"beside.h\"\n#include \"own.h\"\n"),
        ("sub/own.h", "#define INNER __LINE__"),
        ("own.h", "#define INNER wrong"),
        ("open.h", "#if 0\nin open\n"),
        ("close.h", "#endif\nin close\n"),
        ("else.h", "#else\nin else\n"),
    ] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let asked = |its: &&str| format!("#if {its}\n{its}\n#endif\n");
    let all = CONDITIONS.iter().map(asked).collect::<String>();
    let refused = REFUSED.iter().map(asked);
    let mut told = Vec::new();
    for text in TEXTS.iter().map(|&text| text.to_owned()).chain(refused).chain([all]) {
        fs::write(&path, format!("{BEFORE}{text}\n")).unwrap();
        let called = Command::new("glslangValidator").arg("-E").arg(&path).output();
        let Ok(output) = called else {
            let required = std::env::var_os("FLOPMETER_REQUIRE_GLSLANG").is_some_and(|v| v == "1");
            assert!(!required, "glslangValidator is required and is not on the path");
            println!("SKIPPED: no glslangValidator is on the path");
            return;
        };
        let left = String::from_utf8_lossy(&output.stdout).into_owned();
        let of_both = match (output.status.success(), own(&path)) {
            (false, Err(_)) => continue,
            (false, own) => (own, vec!["nothing: glslang refuses it".to_owned()]),
            (true, own) => (own, parts(&left)),
        };
        if of_both.0.as_ref() != Ok(&of_both.1) {
            told.push(format!("{text}\n{of_both:?}\n{}", String::from_utf8_lossy(&output.stderr)));
        }
    }
    assert!(told.is_empty(), "{}", told.join("\n\n"));
}
