//! What `--help` says beyond a line for each option: headings that options stand under, examples, and the options of
//! every command last.

use clap::{Arg, ArgAction, Command, builder::Styles};

use flopmeter::{
    family::{FAMILIES, Family},
    format::FORMATS,
};

/// Where the options of every command stand, behind all others.
const GENERAL: &str = "General";

/// What a family leaves open of a training step stands here too.
const STEP: &str = "Training step";

/// Every format stands here too.
const REPORT: &str = "Report";

/// Headings, each with its options. What has none is the command's own and stands first, under `Options`.
const HEADINGS: &[(&str, &[&str])] = &[
    (
        "Model",
        &[
            "batch",
            "seq",
            "pack",
            "set",
            "set-a",
            "set-b",
            "lora-rank",
            "lora-targets",
            "ffn-ratio",
        ],
    ),
    (STEP, &["optimizer", "phase", "inference", "accumulate", "recompute"]),
    ("Kernel", &["entry", "dispatch", "override", "bind", "watch", "dump"]),
    ("Data", &["input", "seed"]),
    (
        "Adapter and kernels",
        &["adapter", "adapter-a", "adapter-b", "kernels", "subgroup-size", "detect-races"],
    ),
    ("Price", &["convention", "steps", "tokens", "budget", "peak", "mfu", "devices"]),
    (
        "Time",
        &["repeat", "min-time", "roofline", "timeout", "count-only", "time-only", "per-dispatch"],
    ),
    ("What must hold", &["expect", "baseline", "allow", "fail-on", "strict"]),
    (REPORT, &["trace", "svg", "save-tensors"]),
    (GENERAL, &["quiet", "verbose", "color", "no-progress", "help", "version"]),
];

/// What a command can be asked, and how: an example for each of the most likely questions.
const EXAMPLES: &[(&str, &[(&str, &str)])] = &[
    (
        "profile",
        &[
            ("a training step of the default model", "flopmeter profile"),
            ("another shape", "flopmeter profile --batch 8 --seq 64 --set d_model=128"),
            ("a model of your own, with its weights", "flopmeter profile path/to/folder"),
            (
                "a large decoder without the hours",
                "flopmeter profile qwen2.5-3b --lora-rank 8 --seq 32 --extrapolate",
            ),
            ("a page with plots", "flopmeter profile --html step.html"),
        ],
    ),
    (
        "check",
        &[
            ("a kernel on every executor", "flopmeter check kernel.wgsl --dispatch 64"),
            ("a model of this crate, in seconds", "flopmeter check --batch 2 --seq 16"),
            ("on one adapter", "flopmeter check --adapter embedded --detect-races"),
            ("many kernels", "flopmeter check --suite kernels.txt --baseline kernels.json"),
        ],
    ),
    (
        "estimate",
        &[
            ("the estimate", "flopmeter estimate qwen2.5-0.5b --seq 512"),
            (
                "how far a budget goes",
                "flopmeter estimate --budget 1e17 --peak h100-bf16 --mfu 0.4",
            ),
        ],
    ),
    (
        "formulas",
        &[
            ("every formula for a model", "flopmeter formulas llama-3.1-8b --seq 8192"),
            ("with adapters", "flopmeter formulas qwen2.5-0.5b --lora-rank 8"),
        ],
    ),
    (
        "compare",
        &[
            ("two models", "flopmeter compare qwen2.5-0.5b llama-3.2-1b --seq 128"),
            (
                "one field of a model, measured",
                "flopmeter compare resnet-bk resnet-bk --set-b top_k=2 --measure",
            ),
            ("before and after", "flopmeter compare before.json after.json"),
        ],
    ),
    (
        "scale",
        &[
            ("how cost grows with the sequence", "flopmeter scale --axis seq=128,256,512"),
            (
                "measured, a point a file",
                "flopmeter scale --axis seq=32,64,128 --measure --out points",
            ),
        ],
    ),
    ("merge", &[("the points of all shards", "flopmeter merge points --json sweep.json")]),
    (
        "shader",
        &[
            ("what a shader takes", "flopmeter shader kernel.wgsl"),
            ("count a kernel", "flopmeter shader kernel.wgsl --dispatch 64 --bind 0.0=random:4096"),
            (
                "look for races",
                "flopmeter shader kernel.wgsl --dispatch 64 --bind 0.0=zeros:4096 --adapter embedded --detect-races",
            ),
        ],
    ),
    (
        "run",
        &[
            (
                "count and time a program that uses Vulkan",
                "flopmeter run -- ./program --its-option",
            ),
            ("run it once, to count", "flopmeter run --count-only --json run.json -- ./program"),
            ("a row for each dispatch", "flopmeter run --per-dispatch -- ./program"),
        ],
    ),
    ("roofline", &[("as a drawing", "flopmeter roofline --svg roofline.svg")]),
    (
        "adapters",
        &[
            ("with limits, and kernels that were timed", "flopmeter adapters -v"),
            ("the fastest kernels, found now", "flopmeter adapters --tune"),
            ("for another program", "flopmeter adapters --json -"),
        ],
    ),
    (
        "completions",
        &[
            (
                "where bash looks",
                "flopmeter completions bash > ~/.local/share/bash-completion/completions/flopmeter",
            ),
            (
                "where zsh looks, with that folder in its fpath",
                "flopmeter completions zsh > ~/.zfunc/_flopmeter",
            ),
            (
                "where fish looks",
                "flopmeter completions fish > ~/.config/fish/completions/flopmeter.fish",
            ),
        ],
    ),
    (
        "man",
        &[
            ("of one command", "flopmeter man profile"),
            ("all pages, for man to find", "flopmeter man --all /usr/local/share/man/man1"),
        ],
    ),
];

/// Examples of a command: what each is for, and what one types.
pub fn examples(command: &str) -> &'static [(&'static str, &'static str)] {
    EXAMPLES.iter().find(|(name, _)| *name == command).map_or(&[], |(_, examples)| examples)
}

/// A command with headings, examples, and its general options last.
pub fn with_help(command: Command) -> Command {
    let help = Arg::new("help").long("help").short('h').help("Print this, and end").global(true);
    let version = Arg::new("version").long("version").short('V').help("Print the version, and end");
    let command = command
        .disable_help_flag(true)
        .disable_version_flag(true)
        .arg(help.action(ArgAction::Help))
        .arg(version.action(ArgAction::Version));
    let names: Vec<String> = command.get_subcommands().map(|c| c.get_name().to_owned()).collect();
    names.into_iter().fold(command.mut_args(headed), |command, name| {
        command.mut_subcommand(name, |command| {
            let after = format!("{}{}", listed(command.get_name()), listed_presets(&command));
            command.mut_args(headed).after_help(after)
        })
    })
}

/// An option under its heading.
fn headed(arg: Arg) -> Arg {
    let Some(name) = arg.get_long() else { return arg };
    let mut options = Family::all_options().map(|(_, option)| option);
    let heading = if FORMATS.iter().any(|format| format.name == name) {
        Some(REPORT)
    } else if options.any(|option| option.flag == name || option.every.flag == name) {
        Some(STEP)
    } else {
        let mut headings = HEADINGS.iter();
        headings.find(|(_, options)| options.contains(&name)).map(|(heading, _)| *heading)
    };
    match heading {
        Some(heading) => arg.help_heading(heading),
        None => arg,
    }
}

/// The examples of a command, as they stand behind its options.
fn listed(command: &str) -> String {
    let styles = Styles::styled();
    let (title, typed) = (styles.get_header(), styles.get_literal());
    let lines = examples(command).iter().map(|(what, line)| {
        format!("\n  {typed}{line}{typed:#}\n          {}{}", what[..1].to_uppercase(), &what[1..])
    });
    format!("{title}Examples:{title:#}{}", lines.collect::<String>())
}

/// The models that a command takes by name, each family's with what it is called; none of a command that takes no model.
pub fn presets(command: &Command) -> impl Iterator<Item = (&'static str, String)> {
    let takes_model = command.get_arguments().any(|arg| arg.get_long() == Some("set"));
    FAMILIES.iter().filter(move |_| takes_model).map(|family| {
        let names = family.presets.iter().map(|(name, _)| *name);
        (family.name, names.collect::<Vec<_>>().join(", "))
    })
}

/// The same as they stand behind the examples.
fn listed_presets(command: &Command) -> String {
    let styles = Styles::styled();
    let (title, typed) = (styles.get_header(), styles.get_literal());
    let lines = presets(command)
        .map(|(family, names)| format!("\n  {family}\n          {typed}{names}{typed:#}"));
    let lines: String = lines.collect();
    match lines.as_str() {
        "" => lines,
        lines => format!("\n\n{title}Presets:{title:#}{lines}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::command;

    #[test]
    fn every_command_has_examples_and_each_can_be_typed() {
        let mut seen = 0;
        for subcommand in command().get_subcommands() {
            let name = subcommand.get_name();
            assert!(!examples(name).is_empty(), "{name} has no example");
            for (_, line) in examples(name) {
                assert!(line.starts_with(&format!("flopmeter {name}")), "{line}");
                // What a shell does with the output is no argument.
                let (typed, _) = line.split_once(" > ").unwrap_or((line, ""));
                let parsed = command().try_get_matches_from(typed.split(' '));
                assert!(parsed.is_ok(), "{line}: {}", parsed.unwrap_err());
                seen += 1;
            }
        }
        let stated: usize = EXAMPLES.iter().map(|(_, examples)| examples.len()).sum();
        assert_eq!(seen, stated, "examples of commands that are not there");
    }

    #[test]
    fn headings_name_options_that_are_there() {
        let mut program = command();
        program.build();
        let of = |command: &Command| -> Vec<String> {
            command.get_arguments().filter_map(|arg| arg.get_long().map(str::to_owned)).collect()
        };
        let mut there = of(&program);
        there.extend(program.get_subcommands().flat_map(of));
        for option in HEADINGS.iter().flat_map(|(_, options)| *options) {
            assert!(there.iter().any(|name| name == option), "no command has --{option}");
        }
    }

    #[test]
    fn general_options_are_the_last() {
        let mut program = command();
        program.build();
        for subcommand in program.get_subcommands().filter(|c| c.get_name() != "help") {
            let help = subcommand.clone().render_help().to_string();
            let (_, general) = help.split_once("\nGeneral:\n").expect("general options");
            let (options, examples) = general.split_once("\nExamples:\n").expect("examples");
            assert!(!options.contains(":\n"), "{help}");
            assert!(options.contains("--quiet") && options.contains("--help"), "{help}");
            assert!(examples.contains("flopmeter "), "{help}");
        }
    }
}
