//! What a message of clap's about a slip of the keyboard leaves out: whose option it is that a command does not have.

use clap::{
    Command,
    builder::StyledStr,
    error::{ContextKind, ContextValue, Error},
};

/// The same message; of an option that other commands of the program have, with those in the place of one that only
/// looks alike.
pub(super) fn told(mut error: Error, program: &Command) -> Error {
    let Some(ContextValue::String(typed)) = error.get(ContextKind::InvalidArg) else {
        return error;
    };
    let name = typed.split('=').next().unwrap_or_default();
    let Some(name) = name.strip_prefix("--").map(str::to_owned) else { return error };
    if error.kind() != clap::error::ErrorKind::UnknownArgument {
        return error;
    }
    let has = |command: &&Command| {
        command.get_arguments().any(|argument| argument.get_long() == Some(&*name))
    };
    let owners: Vec<&str> = program.get_subcommands().filter(has).map(Command::get_name).collect();
    if owners.is_empty() {
        return error;
    }
    error.remove(ContextKind::SuggestedArg);
    error.remove(ContextKind::SuggestedCommand);
    error.remove(ContextKind::SuggestedSubcommand);
    let tip = StyledStr::from(format!("'--{name}' is an option of {}", owners.join(", ")));
    error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip]));
    // How this command is called says nothing of that option.
    error.remove(ContextKind::Usage);
    error
}
