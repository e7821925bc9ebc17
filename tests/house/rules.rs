//! What stands where: lengths, heads, and things that have one place.

use std::collections::BTreeSet;

use flopmeter::library::FILES;

use crate::source::{self, Source, evidence, sources};

/// Lines that a file may have, and half of all files.
const LONGEST: usize = 400;
const MEDIAN: usize = 150;

/// Where unsafe code is, and why.
const UNSAFE: [(&str, &str); 32] = [
    ("crates/layer/src/abi.rs", "is called by a loader, and gives it functions as pointers"),
    ("crates/layer/src/chain.rs", "follows a program's chains of structures"),
    ("crates/layer/src/claim.rs", "maps a file that others read when the process is gone"),
    ("crates/layer/src/copies.rs", "records copies into a program's command buffers"),
    ("crates/layer/src/device.rs", "calls Vulkan, in the place of a program"),
    ("crates/layer/src/extensions.rs", "answers a program in the place of a device"),
    ("crates/layer/src/features.rs", "adds to what a program asks its device for"),
    ("crates/layer/src/fixed.rs", "maps memory at an address of its own choice"),
    ("crates/layer/src/hooks/beside.rs", "calls Vulkan, in the place of a program"),
    ("crates/layer/src/hooks/command.rs", "calls Vulkan, in the place of a program"),
    ("crates/layer/src/hooks/flags.rs", "follows a program's chains of structures"),
    ("crates/layer/src/hooks/name.rs", "calls Vulkan, in the place of a program"),
    ("crates/layer/src/hooks/pipeline.rs", "calls Vulkan, in the place of a program"),
    ("crates/layer/src/hooks/pool.rs", "calls Vulkan, in the place of a program"),
    ("crates/layer/src/hooks/queue.rs", "calls Vulkan, in the place of a program"),
    ("crates/layer/src/hooks.rs", "finds functions of Vulkan by their names"),
    ("crates/layer/src/instance.rs", "calls Vulkan, in the place of a program"),
    ("crates/layer/src/link.rs", "has a loader's structures changed, as loaders ask"),
    ("crates/layer/src/memory.rs", "maps memory of a device"),
    ("crates/layer/src/queries.rs", "makes, writes and reads query pools"),
    ("crates/layer/src/room.rs", "lends work to a thread that has room for it on its stack"),
    ("crates/layer/src/unbothered.rs", "holds a signal back while it writes in a program's thread"),
    ("crates/web/src/abi.rs", "takes bytes from JavaScript as a pointer and a length"),
    ("src/cli/abort.rs", "holds a thread that aborts, in a handler of the signal"),
    ("src/cli/fault.rs", "has faults taken for aborts, in a handler of their signals"),
    (
        "src/cli/interrupt.rs",
        "leaves without the exit handlers of drivers, which crash where work is in flight",
    ),
    ("src/cli/signals.rs", "asks what is done with a signal, and sends one to a program"),
    ("src/execute/gpu/adapters.rs", "asks for cooperative matrices, which wgpu calls experimental"),
    ("src/execute/gpu/module.rs", "compiles kernels that are known to stay in bounds unguarded"),
    ("src/execute/gpu/spirv.rs", "hands words to a driver that nobody but us has read"),
    ("src/main.rs", "sets a variable of the environment, before there is a second thread"),
    ("src/tensors.rs", "maps files of weights, which do not fit memory, into it"),
];

/// Whether a text has a word of code.
fn has_word(code: &str, word: &str) -> bool {
    code.match_indices(word).any(|(at, _)| {
        let before = at.checked_sub(1).map(|before| code.as_bytes()[before]);
        let after = code.as_bytes().get(at + word.len()).copied();
        ![before, after].into_iter().flatten().any(source::is_word)
    })
}

/// The paths of the sources for which something holds.
fn those(holds: impl Fn(&Source) -> bool) -> Vec<String> {
    sources().into_iter().filter(|source| holds(source)).map(|source| source.path).collect()
}

#[test]
fn a_file_is_one_idea() {
    let mut lines: Vec<usize> = sources().iter().map(|s| s.text.lines().count()).collect();
    let longer = those(|source| source.text.lines().count() > LONGEST);
    assert_eq!(longer, [""; 0], "files of more than {LONGEST} lines");
    lines.sort_unstable();
    assert!(lines[lines.len() / 2] <= MEDIAN, "half of all files are longer than {MEDIAN} lines");
    let long = |(_, text): &&(&str, &str)| text.lines().count() > LONGEST;
    let shaders: Vec<&str> = FILES.iter().filter(long).map(|(stem, _)| *stem).collect();
    assert_eq!(shaders, [""; 0], "shaders of more than {LONGEST} lines");
}

#[test]
fn a_test_is_one_idea() {
    let long = |file: &Source| file.text.lines().count() > LONGEST;
    let longer: Vec<String> = evidence().into_iter().filter(long).map(|file| file.path).collect();
    assert_eq!(longer, [""; 0], "tests of more than {LONGEST} lines");
}

#[test]
fn every_file_says_what_it_is_for() {
    let mut silent = those(|source| !source.text.starts_with("//! "));
    let tests = evidence().into_iter().filter(|file| !file.text.starts_with("//! "));
    silent.extend(tests.map(|file| file.path));
    assert_eq!(silent, [""; 0], "files that do not open with `//!`");
}

#[test]
fn adapters_are_the_business_of_one_folder() {
    let elsewhere = those(|source| {
        has_word(&source.code, "wgpu") && !source.path.starts_with("src/execute/gpu")
    });
    assert_eq!(elsewhere, [""; 0], "files that say wgpu");
}

#[test]
fn a_kernel_is_a_row_and_where_it_is_chosen() {
    let named: BTreeSet<String> =
        those(|source| source.code.contains("Kernel::") && has_word(&source.code, "Kernel"))
            .into_iter()
            .collect();
    let variants = |path: &str| path == "src/registry.rs" || path.starts_with("src/choice");
    let elsewhere: Vec<&String> = named.iter().filter(|path| !variants(path)).collect();
    assert_eq!(
        elsewhere, [""; 0],
        "files that name a kernel by itself: a variant is a row and its choice"
    );
    assert!(named.contains("src/choice/linear.rs"), "{named:?}");
}

/// Who may name a family, beside the families: what is published about decoders, and the command that lists it; and
/// the room that resolves the name of a model.
const FAMILIAR: [&str; 6] = [
    "src/cli/estimate.rs",
    "src/cli/formulas.rs",
    "src/model",
    "src/page/trial.rs",
    "src/published",
    "src/result/formulas.rs",
];

#[test]
fn reports_and_explanations_know_no_family() {
    let rooms = ["resnet_bk", "decoder", "qwen2", "ResNetBkConfig", "DecoderConfig", "Qwen2Config"];
    let named = those(|source| rooms.iter().any(|room| has_word(&source.code, room)));
    let may = |path: &String| {
        path.starts_with("src/family") || FAMILIAR.iter().any(|place| path.starts_with(place))
    };
    let elsewhere: Vec<&String> = named.iter().filter(|path| !may(path)).collect();
    assert_eq!(elsewhere, [""; 0], "files that name a family of models");
    assert!(named.iter().any(|path| path == "src/family.rs"), "{named:?}");
}

#[test]
fn unsafe_code_is_where_it_was_argued_for() {
    let found = those(|source| has_word(&source.code, "unsafe"));
    assert_eq!(found, UNSAFE.map(|(path, _)| path));
    for source in sources().iter().filter(|source| found.contains(&source.path)) {
        assert!(source.text.contains("unsafe_code,\n"), "{}: no reason beside it", source.path);
    }
}

#[test]
fn only_the_command_line_names_flags() {
    // Style sheets have names that begin so, too.
    let flag = |text: &str| {
        text.match_indices("--").any(|(at, _)| {
            let (before, after) = (text[..at].chars().next_back(), text[at + 2..].chars().next());
            before.is_none_or(|c| c == ' ' || c == '`' || c == '"' || c == '(')
                && after.is_some_and(|c| c.is_ascii_lowercase())
        })
    };
    let outside = those(|source| {
        let style = source.path.starts_with("src/format/");
        // Compilers of GLSL have flags of their own.
        let others = source.path == "src/shader/glslang.rs";
        let own = others || source.path.starts_with("src/cli") || source.path == "src/main.rs";
        !style && !own && source.text.lines().any(flag)
    });
    assert_eq!(
        outside, [""; 0],
        "files that name a flag of the command line: a hint belongs in src/cli"
    );
}

#[test]
fn words_are_whole() {
    assert!(has_word("use wgpu::Device;", "wgpu"));
    assert!(!has_word("fn unsafely() { my_wgpu() }", "unsafe"));
    assert!(!has_word("my_wgpu()", "wgpu"));
}
