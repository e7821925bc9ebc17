//! How often something runs to be timed: so many times, or for a while and until its times agree; and how often before
//! that, until it is warm. Knows times, not what took them.

/// How often something runs to be timed.
///
/// ```
/// use flopmeter::observe::Runs;
///
/// let three = Runs::from(3);
/// assert!(!three.are_enough(&[1.0, 1.0], 2.0) && three.are_enough(&[1.0, 9.0, 1.0], 11.0));
///
/// let longer = three.for_seconds(10.0);
/// assert!(!longer.are_enough(&[1.0, 1.0, 1.0], 3.0));
/// assert!(longer.are_enough(&[1.0; 10], 10.0));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Runs {
    /// So many at the least.
    least: u32,
    /// Seconds that all of them take together at the least; 0 where only their number was asked for.
    seconds: f64,
    /// Seconds that untimed runs take before at the least, until their times settle.
    warming: f64,
}

impl From<u32> for Runs {
    /// So many runs, whatever they take.
    fn from(runs: u32) -> Self {
        Self { least: runs, seconds: 0.0, warming: 0.0 }
    }
}

impl Runs {
    /// Times agree where the middle half of them lies this near together, as a share of their median.
    pub const AGREEMENT: f64 = 0.02;
    /// Runs end after this many times the seconds asked for, whether their times agree or not.
    pub const PATIENCE: f64 = 4.0;
    /// The share of the seconds asked for in which something runs untimed before, until its caches are warm.
    const WARM_UP: f64 = 0.1;
    /// Runs end after so many in any case: a clock may say that none of them took any time.
    pub const MOST: usize = 1_000_000;

    /// At least as many runs, and more until they took `seconds` together and their times agree. `seconds` is positive
    /// and finite. What is not timed at all stays so.
    pub fn for_seconds(self, seconds: f64) -> Self {
        // The middle half of fewer says nothing.
        let least = if self.none() { 0 } else { self.least.max(4) };
        Self { least, seconds, warming: Self::WARM_UP * seconds }
    }

    /// Whether nothing is timed.
    pub const fn none(self) -> bool {
        self.least == 0
    }

    /// Seconds that all of them take together at the least; `None` where only their number was asked for.
    pub fn min_seconds(self) -> Option<f64> {
        (self.seconds > 0.0).then_some(self.seconds)
    }

    /// The least number of runs.
    pub const fn least(self) -> u32 {
        self.least
    }

    /// Whether untimed runs that took `times`, and their user `waited` seconds altogether, are enough before those that
    /// are timed.
    pub fn are_warm(self, times: &[f64], waited: f64) -> bool {
        let has_end = waited >= Self::PATIENCE * self.warming || times.len() >= Self::MOST;
        has_end || waited >= self.warming && have_settled(times)
    }

    /// Whether no further run is needed after runs that took `times`, and their user `waited` seconds altogether.
    pub fn are_enough(self, times: &[f64], waited: f64) -> bool {
        if times.len() < self.least as usize {
            return false;
        }
        let has_end = waited >= Self::PATIENCE * self.seconds || times.len() >= Self::MOST;
        self.none() || has_end || waited >= self.seconds && is_due(times.len()) && agree(times)
    }
}

/// Whether the last two of some times lie near together.
fn have_settled(times: &[f64]) -> bool {
    let &[.., before, last] = times else { return false };
    (before - last).abs() <= Runs::AGREEMENT * last
}

/// Whether to look at so many times: all of the first, and later sixteen times on the way to twice as many, so that
/// looking takes less than what it looks at.
const fn is_due(times: usize) -> bool {
    let step = 1 << times.ilog2().saturating_sub(4);
    times.is_multiple_of(step)
}

/// Whether the middle half of some times lies near together.
fn agree(times: &[f64]) -> bool {
    let mut sorted = times.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let quarter = sorted.len() / 4;
    let (low, high) = (sorted[quarter], sorted[sorted.len() - 1 - quarter]);
    high - low <= Runs::AGREEMENT * sorted[sorted.len() / 2]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outliers_do_not_keep_times_from_agreeing() {
        assert!(agree(&[1.0, 1.01, 1.0, 9.0, 1.0, 1.0, 1.0, 1.0]));
        assert!(!agree(&[1.0, 1.1, 1.2, 1.3, 1.0, 1.1, 1.2, 1.3]));
    }

    #[test]
    fn runs_go_on_until_they_agree_or_patience_ends() {
        let runs = Runs::from(3).for_seconds(2.0);
        let unsteady = [0.5, 1.0, 0.5, 1.0];
        assert!(!runs.are_enough(&unsteady, 3.0));
        assert!(!runs.are_enough(&unsteady, 7.9));
        assert!(runs.are_enough(&unsteady, 8.0));
        assert!(runs.are_enough(&[0.5; 4], 2.0));
        assert!(!runs.are_enough(&[0.5; 3], 8.0), "three say nothing of a middle half");
    }

    #[test]
    fn untimed_runs_go_on_until_two_in_a_row_agree_or_patience_ends() {
        let runs = Runs::from(3).for_seconds(2.0);
        assert!(!runs.are_warm(&[0.1], 0.1));
        assert!(!runs.are_warm(&[0.25], 0.25), "one agrees with nothing");
        assert!(!runs.are_warm(&[0.2, 0.1], 0.3));
        assert!(runs.are_warm(&[0.2, 0.1, 0.101], 0.401));
        assert!(runs.are_warm(&[0.4, 0.1, 0.3], 0.8));
        assert!(Runs::from(3).are_warm(&[], 0.0), "a number of runs has none before it");
    }

    #[test]
    fn many_times_are_not_sorted_at_each_of_them() {
        assert!((1..=32).all(is_due));
        let looked = (1..=1 << 20).filter(|&times| is_due(times)).count();
        assert_eq!(looked, 31 + 15 * 16 + 1);
    }

    #[test]
    fn what_is_not_timed_stays_so() {
        assert!(Runs::from(0).for_seconds(2.0).are_enough(&[], 0.0));
    }
}
