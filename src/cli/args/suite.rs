//! What a line of a suite may say: a kernel and what `check` can be asked of it.

use std::path::PathBuf;

use clap::{
    Arg, CommandFactory as _, Parser,
    error::{ContextKind, ContextValue, ErrorKind},
};

use flopmeter::family::ModelConfig;

use super::{Check, Common, Kernels, options_of, slip};

/// A kernel of a suite.
#[derive(Debug, Parser)]
#[command(no_binary_name = true, disable_help_flag = true, disable_version_flag = true)]
pub struct SuiteLine {
    /// A shader
    #[arg(value_name = "KERNEL")]
    pub file: PathBuf,
    #[command(flatten)]
    pub kernels: Kernels,
}

impl SuiteLine {
    /// Reads a line that has been split into words.
    ///
    /// # Errors
    /// What is wrong with it, in a sentence.
    pub fn parse(words: &[String]) -> Result<Self, String> {
        let line = Self::try_parse_from(words).map_err(|error| {
            if let Some(problem) = of_check(&error) {
                return problem;
            }
            let error = slip::told(error, &Self::command());
            let meant = match error.get(ContextKind::SuggestedArg) {
                Some(ContextValue::String(meant)) => format!(": did you mean '{meant}'?"),
                // Those on other arguments are about how a program is called, too.
                Some(_) | None => match error.get(ContextKind::Suggested) {
                    Some(ContextValue::StyledStrs(tips))
                        if error.kind() != ErrorKind::UnknownArgument =>
                    {
                        tips.iter().map(|tip| format!(": {tip}")).collect()
                    }
                    Some(_) | None => String::new(),
                },
            };
            let text = error.render().to_string();
            // What follows is about how a program is called, and this is none.
            let text = text.split("\n\n").next().unwrap_or_default();
            let text = text.strip_prefix("error: ").unwrap_or(text);
            text.split_whitespace().collect::<Vec<_>>().join(" ") + &meant
        })?;
        let name = line.file.to_str().unwrap_or_default();
        if !line.file.exists() && ModelConfig::preset(name).is_some() {
            return Err(format!(
                "'{name}' is a model, and a line of a suite is about a shader: check it by itself with flopmeter check {name}"
            ));
        }
        if line.file.as_os_str() == "-" {
            return Err("a kernel of a suite is a file, and - is standard input".to_owned());
        }
        if line.kernels.dispatches.is_empty() {
            return Err(Kernels::WITHOUT_GRID.to_owned());
        }
        if line.kernels.has_limits() && line.kernels.baseline.is_none() {
            let problem = "--fail-on in a line is about a --baseline in it; behind --suite it is about all kernels";
            return Err(problem.to_owned());
        }
        Ok(line)
    }
}

/// What is wrong with an option that a line of a suite does not take and that `check` has.
fn of_check(error: &clap::Error) -> Option<String> {
    let ContextValue::String(typed) = error.get(ContextKind::InvalidArg)? else { return None };
    let option = typed.split('=').next()?;
    let is_it = |argument: &Arg| {
        let long = argument.get_long().map(|long| format!("--{long}"));
        let short = argument.get_short().map(|short| format!("-{short}"));
        [long, short].iter().flatten().any(|its| its == option)
    };
    let has = |all: Vec<Arg>| all.iter().any(is_it);
    match error.kind() {
        ErrorKind::UnknownArgument if has(Check::about_models()) => {
            Some(format!("{option} is about models, and a line is about a shader: leave it out"))
        }
        ErrorKind::UnknownArgument
            if has(options_of::<Check>(&["suite"])) || has(options_of::<Common>(&[])) =>
        {
            Some(format!("{option} is not for one kernel: say it behind --suite, for all"))
        }
        _ => None,
    }
}
