//! What a user may type of `flopmeter compare`, and which of it two saved reports have no use for.

use clap::{ArgMatches, Args};

use flopmeter::{op::Convention, result::GrowthLimit};

use super::{
    Common, Exports, Model, Setup, Timed, Tuned, Variant, Work, given, options_of,
    values::Conventions,
};

#[derive(Debug, Args)]
pub struct Compare {
    /// A preset, a model's folder, or a saved report (.json) of profile or estimate; or one of shader,
    /// check of kernels or run
    #[arg(value_name = "A")]
    a: String,
    /// What to hold against it, likewise
    #[arg(value_name = "B")]
    b: String,
    #[command(flatten)]
    variant: Variant,
    /// Override a field of A's configuration only (repeatable)
    #[arg(long = "set-a", value_name = "KEY=VALUE")]
    set_a: Vec<String>,
    /// Override a field of B's configuration only (repeatable)
    #[arg(long = "set-b", value_name = "KEY=VALUE")]
    set_b: Vec<String>,
    #[command(flatten)]
    setup: Setup,
    /// Run models for real; otherwise they are estimated
    #[arg(long)]
    pub measure: bool,
    /// Who runs A, as --adapter of profile [default: auto]
    #[arg(long, value_name = "NAME", requires = "measure")]
    adapter_a: Option<String>,
    /// Who runs B [default: auto]
    #[arg(long, value_name = "NAME", requires = "measure")]
    adapter_b: Option<String>,
    #[command(flatten)]
    pub tuned: Tuned,
    /// How operations become FLOPs; a file has one's own prices [default: as in the
    /// first saved report, else ieee]
    #[arg(long, value_name = "NAME|FILE.toml", value_parser = Conventions)]
    pub convention: Option<Convention>,
    /// Timed runs of the plain kernels; 0 counts only. A GPU's clock is raised before each, by work of
    /// no interest
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub repeat: u32,
    #[command(flatten)]
    pub timed: Timed,
    /// Exit code 1 where B has more of something than A: more:flops, more:bytes or more:time, with :PERCENT for what is
    /// tolerated (repeatable); of a suite, each of its kernels. A time is more only where it lies outside of how far apart
    /// the runs were. A B that does not hold by its own checks fails, too
    #[arg(long = "fail-on", value_name = "LIMIT")]
    pub limits: Vec<GrowthLimit>,
    #[command(flatten)]
    pub exports: Exports,
    /// The options that were given and that are about models, not about reports.
    #[arg(skip)]
    pub of_models: Vec<String>,
}

/// One of the two that are compared.
#[derive(Debug)]
pub struct Side {
    /// `A` or `B`.
    pub letter: char,
    /// What it is and how it would run.
    pub work: Work,
    /// Who runs it, where that was said.
    pub adapter: Option<String>,
    /// Whether anything was said that is about it alone.
    pub is_changed: bool,
}

impl Compare {
    /// Remembers which options were given.
    pub(super) fn note_options(&mut self, matches: &ArgMatches) {
        self.of_models = of_models(matches);
    }

    /// Both sides, each with what is said of both and of it alone.
    pub fn sides(&self) -> [Side; 2] {
        let side = |letter, name: &String, set: &[String], adapter: &Option<String>| {
            let mut variant = self.variant.clone();
            variant.overrides.extend_from_slice(set);
            let model = Model { name: name.clone(), variant };
            Side {
                letter,
                work: Work { model, setup: self.setup.clone() },
                adapter: adapter.clone(),
                is_changed: !set.is_empty() || adapter.is_some(),
            }
        };
        [
            side('A', &self.a, &self.set_a, &self.adapter_a),
            side('B', &self.b, &self.set_b, &self.adapter_b),
        ]
    }
}

/// The options of `compare` that were given and that two reports have no use for.
fn of_models(matches: &ArgMatches) -> Vec<String> {
    let of_reports = [options_of::<Common>(&[]), options_of::<Exports>(&[])].concat();
    let names = of_reports.iter().map(|its| its.get_id().as_str());
    let of_reports: Vec<&str> = names.chain(["a", "b", "limits", "convention"]).collect();
    given(matches, options_of::<Compare>(&of_reports))
}
