//! `flopmeter completions` and `flopmeter man`: what shells and `man` are to know, made from the arguments
//! themselves.

use std::path::Path;

use anyhow::Context as _;
use clap::Command;
use clap_mangen::{
    Man,
    roff::{Roff, bold, roman},
};

use super::{
    Outcome,
    args::{self, Completions, Manual},
    output::{self, Sink},
};

/// What the program is called where it is installed.
const NAME: &str = env!("CARGO_PKG_NAME");

/// How commands end.
const EXIT_STATUS: [(&str, &str); 3] = [
    ("0", "Everything holds."),
    ("1", "It ran, and a check failed."),
    ("2", "It could not run: one message on standard error says why, and nothing was written."),
];

/// How `run` ends.
const EXIT_STATUS_OF_RUN: [(&str, &str); 3] = [
    ("0", "The program succeeded."),
    ("1", "The program succeeded, --strict was given, and something that it ran was not counted."),
    ("2", "The program could not be started. Where it ran and failed, its own exit status."),
];

/// Files of a model, which is a folder.
const MODEL_FILES: [(&str, &str); 4] = [
    ("MODEL/config.json", "The configuration, as Hugging Face writes it."),
    (
        "MODEL/model.safetensors",
        "The weights, where there are any; model.safetensors.index.json and its shards likewise.",
    ),
    (
        "MODEL/adapter_config.json",
        "The adapters of a model that trains adapters alone, as peft writes it.",
    ),
    ("MODEL/adapter_model.safetensors", "Their weights."),
];

/// The files of `run`.
const LAYER_FILES: [(&str, &str); 1] = [(
    "libflopmeter_layer.so",
    "The Vulkan layer: beside the program, in deps beside it, or in ../lib.",
)];

/// Commands that are read about together.
const SEE_ALSO: [(&str, &[&str]); 7] = [
    ("profile", &["check", "estimate"]),
    ("check", &["profile", "shader"]),
    ("estimate", &["formulas", "profile"]),
    ("formulas", &["estimate"]),
    ("scale", &["merge"]),
    ("merge", &["scale"]),
    ("shader", &["check", "compare", "roofline"]),
];

/// A script that completes the program's arguments in a shell.
pub fn completions(asked: &Completions) -> super::Result {
    let mut script = Vec::new();
    clap_complete::generate(asked.shell, &mut args::command(), NAME, &mut script);
    Sink::Standard.write_bytes(&script)?;
    Ok(Outcome::Holds)
}

/// The manual page of the program, or of one of its commands; or all pages, each in its file of a folder.
pub fn man(asked: &Manual) -> super::Result {
    let mut program = args::command();
    // Only then do commands know of what they share.
    program.build();
    if let Some(folder) = &asked.all {
        write_all(&program, folder)?;
        return Ok(Outcome::Holds);
    }
    let command = match asked.command.as_deref() {
        None => &program,
        Some(name) => {
            let known: Vec<&str> = program.get_subcommands().map(Command::get_name).collect();
            let missing = format!("no command '{name}'; there are {}", known.join(", "));
            program.find_subcommand(name).context(missing)?
        }
    };
    output::print(&String::from_utf8(page(command)?)?)?;
    Ok(Outcome::Holds)
}

/// Writes the page of the program and those of its commands.
fn write_all(program: &Command, folder: &Path) -> super::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    for command in std::iter::once(program).chain(program.get_subcommands()) {
        let name = command.get_display_name().unwrap_or(command.get_name());
        Sink::File(folder.join(format!("{name}.1"))).write_bytes(&page(command)?)?;
    }
    Ok(())
}

/// The manual page of a command.
fn page(command: &Command) -> super::Result<Vec<u8>> {
    let name = command.get_name();
    let whole = name == NAME;
    // The examples have a section of their own.
    let page = Man::new(command.clone().flatten_help(false).after_help(""));
    let page = page.source(concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION")));
    let mut text = Vec::new();
    page.render_title(&mut text)?;
    page.render_name_section(&mut text)?;
    synopsis(command).to_writer(&mut text)?;
    page.render_description_section(&mut text)?;
    page.render_options_section(&mut text)?;
    if whole {
        page.render_subcommands_section(&mut text)?;
    }
    let mut roff = Roff::default();
    let is_run = name == "run";
    let exit = if is_run { EXIT_STATUS_OF_RUN } else { EXIT_STATUS };
    section(&mut roff, "EXIT STATUS", exit);
    let has_model = command.get_arguments().any(|arg| arg.get_long() == Some("set"));
    let presets: Vec<(&str, String)> = args::presets(command).collect();
    section(&mut roff, "PRESETS", presets.iter().map(|(family, names)| (*family, names.as_str())));
    let models = MODEL_FILES.into_iter().filter(|_| whole || has_model);
    section(&mut roff, "FILES", models.chain(LAYER_FILES.into_iter().filter(|_| whole || is_run)));
    let commands = command.get_subcommands().map(Command::get_name);
    let examples = commands.chain([name]).flat_map(args::examples);
    section(&mut roff, "EXAMPLES", examples.map(|(what, typed)| (*typed, *what)));
    let others = SEE_ALSO.iter().filter(|&&(of, _)| of == name).flat_map(|(_, others)| *others);
    let others = others.map(|other| format!("{NAME}-{other}(1)"));
    let program = (!whole).then(|| format!("{NAME}(1)"));
    let all = whole.then(|| command.get_subcommands().map(Command::get_name));
    let all = all.into_iter().flatten().filter(|name| *name != "help");
    let all = all.map(|name| format!("{NAME}-{name}(1)"));
    let also: Vec<String> = program.into_iter().chain(others).chain(all).collect();
    roff.control("SH", ["SEE ALSO"]);
    roff.text([roman(also.join(", "))]);
    roff.to_writer(&mut text)?;
    Ok(text)
}

/// How a command is called, as its help has it; the options have a section of their own.
fn synopsis(command: &Command) -> Roff {
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ").trim_start_matches(NAME).trim();
    let mut roff = Roff::default();
    roff.control("SH", ["SYNOPSIS"]);
    roff.text([bold(NAME), roman(" "), roman(usage)]);
    roff
}

/// A section of terms, each with what it means; none where there is nothing to say.
fn section<'a>(roff: &mut Roff, title: &str, terms: impl IntoIterator<Item = (&'a str, &'a str)>) {
    let mut terms = terms.into_iter().peekable();
    if terms.peek().is_some() {
        roff.control("SH", [title]);
    }
    for (term, meaning) in terms {
        roff.control("TP", []);
        roff.text([bold(term)]);
        roff.text([roman(meaning)]);
    }
}
