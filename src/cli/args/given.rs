//! Which options of a command were typed. A default that was typed is, too.

use clap::{Arg, ArgMatches, Command, parser::ValueSource};

/// Those of `all` that were typed and are none of `but`, which names them as Rust does.
pub(super) fn given(matches: &ArgMatches, all: &Command, but: &[&str]) -> Vec<String> {
    let is_typed = |argument: &&Arg| {
        let id = argument.get_id().as_str();
        !but.contains(&id) && matches.value_source(id) == Some(ValueSource::CommandLine)
    };
    let typed = all.get_arguments().filter(is_typed);
    typed.filter_map(|argument| Some(format!("--{}", argument.get_long()?))).collect()
}
