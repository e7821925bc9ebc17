//! Which options of a command were typed. A default that was typed is, too.

use clap::{Arg, ArgMatches, parser::ValueSource};

/// Those of some options that were typed.
pub(super) fn given(matches: &ArgMatches, some: impl IntoIterator<Item = Arg>) -> Vec<String> {
    let is_typed = |argument: &Arg| {
        matches.value_source(argument.get_id().as_str()) == Some(ValueSource::CommandLine)
    };
    let typed = some.into_iter().filter(is_typed);
    typed.filter_map(|argument| Some(format!("--{}", argument.get_long()?))).collect()
}

/// The options that a part of a command has, but for some that are named as Rust names them.
pub(super) fn options_of<T: clap::Args>(but: &[&str]) -> Vec<Arg> {
    let all = T::augment_args(clap::Command::new(""));
    all.get_arguments().filter(|its| !but.contains(&its.get_id().as_str())).cloned().collect()
}
