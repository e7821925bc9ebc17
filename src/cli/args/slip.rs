//! Additions to clap's messages about mistyped options and commands: which command has an option that this command lacks,
//! what an option of other tools is called here, where a program stands, that an option with one value is repeated for
//! several, and what a whole number is.

use std::{
    error::Error as _,
    num::{IntErrorKind, ParseIntError},
};

use clap::{
    Arg, ArgAction, Command,
    builder::StyledStr,
    error::{ContextKind, ContextValue, Error, ErrorKind},
};

use flopmeter::op::Scalar;

/// What other tools call an option, the option of this program that is meant, and how that is said.
const ELSEWHERE: [(&[&str], &str, &str); 5] = [
    (
        &["push-constant", "push-constants"],
        "immediate",
        "push constants are set with '--immediate NAME=VALUE'",
    ),
    (
        &["workgroups", "groups", "grid"],
        "dispatch",
        "how many workgroups run is said with '--dispatch X[,Y[,Z]]'",
    ),
    (
        &["tolerance", "rtol", "atol"],
        "expect",
        "how far floats may be off stands behind the file, as in '--expect 0.0=want.npy:1e-5'",
    ),
    (
        &["max-flops", "max-ops", "limit"],
        "baseline",
        "a report is the limit: '--json kept.json' once, then '--baseline kept.json --fail-on more:flops'",
    ),
    (&["list"], "formula", "without '--formula', all formulas are listed"),
];

/// The same message, with its addition.
pub(super) fn told(error: Error, program: &Command) -> Error {
    match error.kind() {
        ErrorKind::UnknownArgument => unknown(error, program),
        ErrorKind::InvalidSubcommand => of_words(error, program),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            of_several(of_type(of_number(error, program)), program)
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
    let commands = program.get_subcommands().chain([program]);
    if !commands.flat_map(Command::get_arguments).any(is_it) {
        return error;
    }
    let said: Vec<String> = parts.iter().map(|part| format!("--{name} {part}")).collect();
    let tip = format!("'--{name}' takes one value and is repeated for others: {}", said.join(" "));
    suggest(&mut error, [tip]);
    error
}

/// Whether an option takes each of several values.
fn takes_each(option: &Arg, values: &[&str]) -> bool {
    let alone = Arg::new("value").value_parser(option.get_value_parser().clone());
    let command = Command::new("").no_binary_name(true).arg(alone.allow_hyphen_values(true));
    let takes = |value: &&str| command.clone().try_get_matches_from([value]).is_ok();
    values.len() > 1 && values.iter().all(takes)
}

/// The message about a type of numbers that is not among the values, where another type would be suggested for it.
fn of_type(mut error: Error) -> Error {
    let Some(ContextValue::String(typed)) = error.get(ContextKind::InvalidValue) else {
        return error;
    };
    let is_type = Scalar::ALL.iter().any(|known| known.name() == typed);
    if is_type && error.get(ContextKind::SuggestedValue).is_some() {
        let tip = format!("'{typed}' is a type of numbers that is not among these");
        suggest(&mut error, [tip]);
    }
    error
}

/// The message about an argument that a command does not take.
fn unknown(error: Error, program: &Command) -> Error {
    let Some(ContextValue::String(typed)) = error.get(ContextKind::InvalidArg) else {
        return error;
    };
    let typed = typed.clone();
    let here = usage(&error).and_then(|usage| {
        usage.split_whitespace().find_map(|word| program.find_subcommand(word).cloned())
    });
    match typed.split('=').next().and_then(|typed| typed.strip_prefix("--")) {
        Some(name) => of_another(error, name, here.as_ref(), program),
        None => of_program(error, &typed, here.as_ref()),
    }
}

/// How the command is called that an error is about.
fn usage(error: &Error) -> Option<String> {
    match error.get(ContextKind::Usage)? {
        ContextValue::StyledStr(usage) => Some(usage.to_string()),
        _ => None,
    }
}

/// The message about an option that the program has under another name, or for other commands, in the place of one that
/// only looks alike.
fn of_another(mut error: Error, name: &str, here: Option<&Command>, program: &Command) -> Error {
    let has = |command: &Command, name: &str| {
        command.get_arguments().any(|argument| argument.get_long() == Some(name))
    };
    let mut elsewhere = ELSEWHERE.iter().filter(|(names, ..)| names.contains(&name));
    let tip = elsewhere.find(|(_, own, _)| here.is_some_and(|here| has(here, own)));
    if let Some((_, _, tip)) = tip {
        suggest(&mut error, [(*tip).to_owned()]);
        return error;
    }
    let owners = program.get_subcommands().filter(|command| has(command, name));
    let owners: Vec<&str> = owners.map(Command::get_name).collect();
    if owners.is_empty() {
        // An option is no value here.
        error.remove(ContextKind::Suggested);
        return error;
    }
    suggest(&mut error, [format!("'--{name}' is an option of {}", owners.join(", "))]);
    // How this command is called says nothing of that option.
    error.remove(ContextKind::Usage);
    error
}

/// The message about a program that does not stand behind `--`, where the command takes one there.
fn of_program(mut error: Error, typed: &str, here: Option<&Command>) -> Error {
    let takes_program = |command: &&Command| command.get_positionals().any(Arg::is_last_set);
    if let Some(here) = here.filter(takes_program).filter(|_| !typed.starts_with('-')) {
        let tip = format!(
            "a program stands behind --, and its arguments behind it: flopmeter {} -- {typed}",
            here.get_name()
        );
        suggest(&mut error, [tip]);
    }
    error
}

/// The message about what is no command, with the commands that say of themselves that they are about it.
fn of_words(mut error: Error, program: &Command) -> Error {
    let Some(ContextValue::String(typed)) = error.get(ContextKind::InvalidSubcommand) else {
        return error;
    };
    let wanted = typed.strip_suffix('s').unwrap_or(typed).to_owned();
    let about = |command: &Command| command.get_about().map(ToString::to_string);
    let tips: Vec<String> = program
        .get_subcommands()
        .filter_map(|command| {
            let about = about(command)?;
            let mut words = about.split(|c: char| !c.is_alphanumeric());
            words.any(|word| word == wanted).then(|| format!("{}: {about}", command.get_name()))
        })
        .collect();
    if !tips.is_empty() {
        suggest(&mut error, tips);
    }
    error
}

/// Puts tips in the place of what clap suggests.
fn suggest(error: &mut Error, tips: impl IntoIterator<Item = String>) {
    for suggested in [
        ContextKind::SuggestedArg,
        ContextKind::SuggestedCommand,
        ContextKind::SuggestedSubcommand,
        ContextKind::SuggestedValue,
    ] {
        error.remove(suggested);
    }
    let tips = tips.into_iter().map(StyledStr::from).collect();
    error.insert(ContextKind::Suggested, ContextValue::StyledStrs(tips));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::command;

    #[test]
    fn what_other_tools_say_is_an_option_of_some_command_and_not_their_word() {
        let program = command();
        let is_option = |name: &str| {
            let mut arguments = program.get_subcommands().flat_map(Command::get_arguments);
            arguments.any(|argument| argument.get_long() == Some(name))
        };
        for (names, own, _) in ELSEWHERE {
            assert!(is_option(own), "no command has --{own}");
            for name in names {
                assert!(!is_option(name), "--{name} is an option of this program");
            }
        }
    }
}
