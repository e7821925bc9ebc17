//! An option for each format that a report can be written in, made from the formats themselves.

use std::path::PathBuf;

use clap::{Arg, ArgMatches, Args, Command, Error, FromArgMatches, value_parser};

use flopmeter::format::{FORMATS, Format};

/// In which formats a report is to be written, and where.
#[derive(Debug)]
pub struct Exports(pub Vec<(&'static Format, PathBuf)>);

impl Exports {
    /// The options of a command whose table goes to standard error: with a report anywhere else there is none.
    pub fn beside(command: Command) -> Command {
        let first = FORMATS.iter().find_map(|format| Some((format, format.about.split_once(';')?)));
        let Some((format, (about, _))) = first else { return command };
        let help = format!(
            "{about}; a PATH of any format is in place of the table on standard error, - is standard output"
        );
        command.mut_arg(format.name, |option| option.help(help))
    }
}

impl Args for Exports {
    fn augment_args(command: Command) -> Command {
        FORMATS.iter().fold(command, |command, format| {
            let option = Arg::new(format.name).long(format.name).help(format.about);
            command.arg(option.value_name("PATH").value_parser(value_parser!(PathBuf)))
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Exports {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let asked = |format: &'static Format| {
            Some((format, matches.get_one::<PathBuf>(format.name)?.clone()))
        };
        Ok(Self(FORMATS.iter().filter_map(asked).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
