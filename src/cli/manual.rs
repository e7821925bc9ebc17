//! `flopmeter completions` and `flopmeter man`: what shells and `man` are to know, made from the arguments
//! themselves.

use anyhow::Context as _;
use clap::CommandFactory as _;
use clap_mangen::Man;

use super::{
    Outcome,
    args::{Arguments, Completions, Manual},
    output,
};

/// What the program is called where it is installed.
const NAME: &str = env!("CARGO_PKG_NAME");

/// A script that completes the program's arguments in a shell.
pub fn completions(asked: &Completions) -> super::Result {
    let mut script = Vec::new();
    clap_complete::generate(asked.shell, &mut Arguments::command(), NAME, &mut script);
    output::Sink::Standard.write_bytes(&script)?;
    Ok(Outcome::Holds)
}

/// The manual page of the program, or of one of its commands.
pub fn man(asked: &Manual) -> super::Result {
    let mut program = Arguments::command();
    // Only then do commands know of what they share.
    program.build();
    let page = match asked.command.as_deref() {
        None => program,
        Some(name) => {
            let known: Vec<&str> = program.get_subcommands().map(clap::Command::get_name).collect();
            let missing = format!("no command '{name}'; there are {}", known.join(", "));
            program.find_subcommand(name).context(missing)?.clone().flatten_help(false)
        }
    };
    let mut text = Vec::new();
    Man::new(page).render(&mut text)?;
    output::Sink::Standard.write_bytes(&text)?;
    Ok(Outcome::Holds)
}
