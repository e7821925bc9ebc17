//! What model families leave open of a training step, as options of the command line: one for each option
//! that a family declares, and in a sweep one for all of its values.

use clap::{Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches};

use flopmeter::family::{Chosen, Family, StepOption};

/// A value of each option of which one was asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct StepOptions(Chosen);

/// The options of which every value was asked for.
#[derive(Clone, Debug, Default)]
pub struct EveryOption(Vec<&'static StepOption>);

/// An option that was given.
pub struct AskedOption {
    /// The family that has it.
    pub family: &'static Family,
    /// What it chooses.
    pub option: &'static StepOption,
    /// What was typed, without its dashes.
    pub flag: &'static str,
}

impl StepOptions {
    /// The values.
    pub fn chosen(&self) -> Chosen {
        self.0
    }

    /// The options, each as it was typed.
    pub fn asked(&self) -> impl Iterator<Item = AskedOption> {
        let chosen = self.0;
        Family::all_options()
            .filter(move |(_, option)| chosen.value(option.key).is_some())
            .map(|(family, option)| AskedOption { family, option, flag: option.flag })
    }
}

impl EveryOption {
    /// A choice with each value of these options, the others as they are chosen.
    pub fn choices(&self, chosen: Chosen) -> Vec<Chosen> {
        self.0.iter().fold(vec![chosen], |choices, option| {
            let each = |one: Chosen| Chosen::each(option).into_iter().map(move |v| one.and(v));
            choices.into_iter().flat_map(each).collect()
        })
    }

    /// The options, each as it was typed.
    pub fn asked(&self) -> impl Iterator<Item = AskedOption> {
        Family::all_options()
            .filter(|(_, option)| self.0.contains(option))
            .map(|(family, option)| AskedOption { family, option, flag: option.every.flag })
    }
}

impl FromArgMatches for StepOptions {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut options = Self::default();
        options.update_from_arg_matches(matches)?;
        Ok(options)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        for (_, option) in Family::all_options() {
            if let Some(name) = matches.get_one::<String>(option.key) {
                let value = option.choose(name);
                let value =
                    value.map_err(|why| Error::raw(clap::error::ErrorKind::InvalidValue, why))?;
                self.0 = self.0.and(value);
            }
        }
        Ok(())
    }
}

impl Args for StepOptions {
    fn augment_args(command: Command) -> Command {
        Family::all_options().fold(command, |command, (family, option)| {
            command.arg(
                Arg::new(option.key)
                    .long(option.flag)
                    .value_name("HOW")
                    .value_parser(option.values.to_vec())
                    .help(format!("{}: {}", family.name, option.about)),
            )
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for EveryOption {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut every = Self::default();
        every.update_from_arg_matches(matches)?;
        Ok(every)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        let asked = |option: &&StepOption| matches.get_flag(option.every.flag);
        self.0 = Family::all_options().map(|(_, option)| option).filter(asked).collect();
        Ok(())
    }
}

impl Args for EveryOption {
    fn augment_args(command: Command) -> Command {
        Family::all_options().fold(command, |command, (family, option)| {
            command.arg(
                Arg::new(option.every.flag)
                    .long(option.every.flag)
                    .action(ArgAction::SetTrue)
                    .requires("measure")
                    .conflicts_with(option.key)
                    .help(format!("{}: {}", family.name, option.every.about)),
            )
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}
