//! The progress bar: which pass runs, on standard error, where that is a terminal.

use std::{ops::ControlFlow, time::Duration};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use flopmeter::measure::{Progress, Stage};

use super::{args::Common, interrupt};

/// A bar over all passes of all runs of one plan.
pub struct Bar {
    bar: ProgressBar,
    runs: u64,
}

impl Bar {
    /// For one counted run and so many timed ones at the least.
    pub fn new(common: &Common, runs: u32) -> Self {
        // On anything but a terminal indicatif draws nothing.
        let target = if common.quiet || common.no_progress {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr()
        };
        let bar = ProgressBar::with_draw_target(None, target);
        let style = ProgressStyle::with_template("{bar:24} {percent:>3} % {elapsed:>4} {wide_msg}");
        bar.set_style(style.expect("the template is valid"));
        bar.set_message("preparing");
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { bar, runs: u64::from(runs) + 1 }
    }

    /// Shows the pass that comes next; breaks off where the user asked to stop.
    pub fn show(&self, progress: Progress<'_>) -> ControlFlow<()> {
        if interrupt::asked() {
            return ControlFlow::Break(());
        }
        let Progress { stage, pass, index, passes } = progress;
        let (run, what) = match stage {
            Stage::Counting => (0, "counting".to_owned()),
            Stage::Witnessing => (0, "watching".to_owned()),
            Stage::Warming => (1, "warming up".to_owned()),
            Stage::Timing(repeat) => (u64::from(repeat) + 1, format!("timing {}", repeat + 1)),
        };
        interrupt::during(pass.label.clone());
        self.bar.set_length(self.runs.max(run + 1) * passes as u64);
        self.bar.set_position(run * passes as u64 + index as u64);
        self.bar.set_message(format!("{what}: {}", pass.label));
        ControlFlow::Continue(())
    }

    /// Shows how much of something that is no pass is done.
    pub fn reach(&self, done: usize, of: usize) {
        self.bar.set_length(of as u64);
        self.bar.set_position(done as u64);
    }

    /// Says what comes next that is no pass; breaks off where the user asked to stop.
    pub fn say(&self, what: &str) -> ControlFlow<()> {
        interrupt::during(what);
        self.bar.set_message(what.to_owned());
        if interrupt::asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
