//! Additions to clap's messages about mistyped options: which command has an option that this command lacks, that an
//! option with one value is repeated for several, and what a whole number is.

use std::{
    error::Error as _,
    num::{IntErrorKind, ParseIntError},
};

use clap::{
    Arg, ArgAction, Command,
    builder::StyledStr,
    error::{ContextKind, ContextValue, Error, ErrorKind},
};

/// The same message, with its addition.
pub(super) fn told(error: Error, program: &Command) -> Error {
    match error.kind() {
        ErrorKind::UnknownArgument => of_another(error, program),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            of_several(of_number(error, program), program)
        }
        _ => error,
    }
}

/// The message about what is no whole number, in the words of this program.
fn of_number(error: Error, program: &Command) -> Error {
    let problem = error.source().and_then(|source| source.downcast_ref::<ParseIntError>());
    let tip = match problem.map(ParseIntError::kind) {
        None => return error,
        Some(IntErrorKind::PosOverflow) => "that is too large: say a smaller number",
        Some(_) => "say a whole number, without a point or a unit, as in 128",
    };
    let mut told = Error::new(ErrorKind::ValueValidation).with_cmd(program);
    for kind in [ContextKind::InvalidArg, ContextKind::InvalidValue] {
        if let Some(typed) = error.get(kind) {
            told.insert(kind, typed.clone());
        }
    }
    let tips = ContextValue::StyledStrs(vec![StyledStr::from(tip)]);
    told.insert(ContextKind::Suggested, tips);
    told
}

/// The message about several values with commas between, with how they are said where each of them is one.
fn of_several(mut error: Error, program: &Command) -> Error {
    let (Some(ContextValue::String(option)), Some(ContextValue::String(typed))) =
        (error.get(ContextKind::InvalidArg), error.get(ContextKind::InvalidValue))
    else {
        return error;
    };
    let Some(name) = option.strip_prefix("--").and_then(|name| name.split(' ').next()) else {
        return error;
    };
    let parts: Vec<&str> = typed.split(',').collect();
    let is_it = |it: &Arg| {
        it.get_long() == Some(name)
            && matches!(it.get_action(), ArgAction::Append)
            && takes_each(it, &parts)
    };
    if !program.get_subcommands().flat_map(Command::get_arguments).any(is_it) {
        return error;
    }
    let said: Vec<String> = parts.iter().map(|part| format!("--{name} {part}")).collect();
    let tip = format!("'--{name}' takes one value and is repeated for others: {}", said.join(" "));
    error.remove(ContextKind::SuggestedValue);
    let tips = ContextValue::StyledStrs(vec![StyledStr::from(tip)]);
    error.insert(ContextKind::Suggested, tips);
    error
}

/// Whether an option takes each of several values.
fn takes_each(option: &Arg, values: &[&str]) -> bool {
    let alone = Arg::new("value").value_parser(option.get_value_parser().clone());
    let command = Command::new("").no_binary_name(true).arg(alone.allow_hyphen_values(true));
    let takes = |value: &&str| command.clone().try_get_matches_from([value]).is_ok();
    values.len() > 1 && values.iter().all(takes)
}

/// The message about an option that other commands of the program have, with those in the place of one that only looks
/// alike.
fn of_another(mut error: Error, program: &Command) -> Error {
    let Some(ContextValue::String(typed)) = error.get(ContextKind::InvalidArg) else {
        return error;
    };
    let name = typed.split('=').next().unwrap_or_default();
    let Some(name) = name.strip_prefix("--").map(str::to_owned) else { return error };
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
