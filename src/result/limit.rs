//! By how much a figure may grow from one report to the next. Knows figures, not whose they are.

use std::{fmt, str::FromStr};

use super::{Examined, Finding, FindingKind};
use crate::observe::Spread;

/// A limit on a figure's growth, as a user says it: `more:flops`, `more:bytes` or `more:time`, and `:PERCENT` behind it
/// for how much more is tolerated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GrowthLimit {
    figure: LimitedFigure,
    /// Percent more than before that is tolerated.
    percent: f64,
}

/// What may be limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LimitedFigure {
    Flops,
    Bytes,
    Time,
}

/// What a report says of the figures that may be limited.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Limited<'a> {
    pub(super) flops: Option<u64>,
    /// By which count the FLOPs are, where it is not what ran.
    pub(super) flops_by: &'static str,
    pub(super) bytes: Option<u64>,
    pub(super) seconds: Option<f64>,
    /// Who timed it, where it was timed: a time is compared with one of the same.
    pub(super) timed_on: Option<&'a [String]>,
    /// How far apart the timed runs were, where that is known.
    pub(super) spread: Option<Spread>,
}

impl LimitedFigure {
    const fn name(self) -> &'static str {
        match self {
            Self::Flops => "flops",
            Self::Bytes => "bytes",
            Self::Time => "time",
        }
    }

    fn of(self, figures: &Limited<'_>) -> Option<f64> {
        match self {
            Self::Flops => figures.flops.map(|flops| flops as f64),
            Self::Bytes => figures.bytes.map(|bytes| bytes as f64),
            Self::Time => figures.seconds,
        }
    }
}

impl FromStr for GrowthLimit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const FORM: &str =
            "more:flops, more:bytes or more:time, with :PERCENT for what is tolerated";
        let rest =
            text.strip_prefix("more:").ok_or_else(|| format!("'{text}' is none of {FORM}"))?;
        let (name, percent) = rest.split_once(':').unwrap_or((rest, "0"));
        let known = [LimitedFigure::Flops, LimitedFigure::Bytes, LimitedFigure::Time];
        let figure = known.into_iter().find(|figure| figure.name() == name);
        let figure = figure.ok_or_else(|| format!("'{name}' cannot be limited: say {FORM}"))?;
        let percent = percent.trim_end_matches('%').parse().ok();
        let percent = percent.filter(|percent: &f64| percent.is_finite() && *percent >= 0.0);
        let percent = percent
            .ok_or_else(|| format!("'{rest}' ends with no percentage from 0 up: say {FORM}"))?;
        Ok(Self { figure, percent })
    }
}

impl fmt::Display for GrowthLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "more:{}:{}", self.figure.name(), self.percent)
    }
}

impl GrowthLimit {
    /// Whether it is about a time, which not every report has.
    pub fn is_of_time(&self) -> bool {
        self.figure == LimitedFigure::Time
    }

    /// Holds the figures of one report against those of the report before it. A time is more only where it lies outside
    /// of how far the runs were apart anyway.
    pub(super) fn judge(&self, before: &Limited<'_>, after: &Limited<'_>) -> Examined {
        let Self { figure, percent } = *self;
        let name = figure.name();
        let by = match figure {
            LimitedFigure::Flops => after.flops_by,
            LimitedFigure::Bytes | LimitedFigure::Time => "",
        };
        let more = if percent > 0.0 {
            format!(" (up to {percent} % more is allowed)")
        } else {
            String::new()
        };
        let shown = match figure {
            LimitedFigure::Flops | LimitedFigure::Time => name,
            LimitedFigure::Bytes => "bytes of storage and texture traffic",
        };
        let pair = figure.of(before).zip(figure.of(after));
        let counts = match figure {
            LimitedFigure::Flops => before.flops.zip(after.flops),
            LimitedFigure::Bytes => before.bytes.zip(after.bytes),
            LimitedFigure::Time => None,
        };
        // Counts beyond 2^53 are rounded where a share of them is taken. They are compared as they are where none is, and
        // said as they are.
        let is_more = |(a, b): (f64, f64)| match counts {
            Some((a, b)) if percent == 0.0 => b > a,
            _ => b > a * (1.0 + percent / 100.0),
        };
        // Nothing is no part of something.
        let grown = |(a, b): (f64, f64)| (a > 0.0).then(|| 100.0 * (b - a) / a);
        let overlap = match (figure, before.spread, after.spread) {
            (LimitedFigure::Time, Some(a), Some(b)) => Some([a, b]).filter(|_| b.min <= a.max),
            _ => None,
        };
        let what = match overlap.filter(|_| pair.is_some_and(is_more)) {
            Some(runs) => {
                let [a, b] =
                    runs.map(|its| format!("{:.1} to {:.1} us", its.min * 1e6, its.max * 1e6));
                let grown =
                    pair.and_then(grown).map_or_else(String::new, |by| format!(" by {by:.2} %"));
                format!(
                    "no more time than before{more}: the median grew{grown}, and the runs overlap, {a} before and {b} now"
                )
            }
            None => format!("no more {shown} than before{by}{more}"),
        };
        let elsewhere = match (figure, before.timed_on, after.timed_on) {
            (LimitedFigure::Time, Some(a), Some(b)) if a != b => Some((a, b)),
            _ => None,
        };
        let text = match pair {
            Some(_) if let Some((a, b)) = elsewhere => Some(format!(
                "times of different adapters cannot be compared: A ran on {}, B on {}",
                a.join(", "),
                b.join(", ")
            )),
            None => Some(match figure {
                LimitedFigure::Flops => {
                    "flops cannot be compared: both reports must have them, by one estimator or \
                     by the exact count"
                        .to_owned()
                }
                LimitedFigure::Bytes => {
                    "bytes cannot be compared: both reports must have them, of kernels that ran"
                        .to_owned()
                }
                LimitedFigure::Time => {
                    let of = match (figure.of(before), figure.of(after)) {
                        (None, None) => "neither A nor B was",
                        (None, Some(_)) => "A was not",
                        (Some(_), _) => "B was not",
                    };
                    format!("times cannot be compared: {of} timed")
                }
            }),
            Some((a, b)) => {
                let more = is_more((a, b)) && overlap.is_none();
                let grown = grown((a, b)).map_or_else(String::new, |by| format!(", +{by:.2} %"));
                more.then(|| match counts {
                    Some((a, b)) => format!("{shown} went from {a} to {b}{grown}{by}"),
                    None => {
                        format!("time went from {:.3} us to {:.3} us{grown}", a * 1e6, b * 1e6)
                    }
                })
            }
        };
        let finding = text.map(|text| Finding::new(FindingKind::More, text));
        Examined { what, findings: finding.into_iter().collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(limit: &str, [a, b]: [Limited<'_>; 2]) -> bool {
        limit.parse::<GrowthLimit>().unwrap().judge(&a, &b).holds()
    }

    #[test]
    fn a_figure_may_grow_by_what_is_tolerated() {
        let flops = |flops| Limited { flops: Some(flops), ..Limited::default() };
        assert!(holds("more:flops", [flops(100), flops(100)]));
        assert!(holds("more:flops", [flops(100), flops(1)]));
        assert!(!holds("more:flops", [flops(100), flops(101)]));
        assert!(holds("more:flops:1", [flops(100), flops(101)]));
        assert!(!holds("more:flops:1%", [flops(100), flops(102)]));
        assert!(!holds("more:flops", [flops(0), flops(1)]));
        assert!(!holds("more:flops", [flops(1 << 60), flops((1 << 60) + 1)]));
        assert!(!holds("more:bytes", [flops(1), flops(1)]), "what is not known does not hold");
    }

    #[test]
    fn a_count_is_said_to_the_last_digit() {
        let flops = |flops| Limited { flops: Some(flops), ..Limited::default() };
        let (a, b) = ((1 << 53) + 1, (1 << 60) + 1);
        let said = "more:flops".parse::<GrowthLimit>().unwrap().judge(&flops(a), &flops(b));
        let said = &said.findings[0].text;
        assert!(said.contains("from 9007199254740993 to 1152921504606846977,"), "{said}");
    }

    #[test]
    fn a_time_is_more_only_outside_of_its_spread() {
        let time = |min, median, max| Limited {
            seconds: Some(median),
            spread: Some(Spread { min, median, max }),
            ..Limited::default()
        };
        let overlapping = [time(1.0, 2.0, 3.0), time(2.5, 4.0, 5.0)];
        assert!(holds("more:time", overlapping));
        let said = "more:time".parse::<GrowthLimit>().unwrap();
        let said = said.judge(&overlapping[0], &overlapping[1]).what;
        let spread = "no more time than before: the median grew by 100.00 %, and the runs overlap, 1000000.0 to \
                      3000000.0 us before and 2500000.0 to 5000000.0 us now";
        assert_eq!(said, spread);
        assert!(!holds("more:time", [time(1.0, 2.0, 3.0), time(3.5, 4.0, 5.0)]));
        assert!(holds("more:time:150", [time(1.0, 2.0, 3.0), time(3.5, 4.0, 5.0)]));
        // Times of another adapter say nothing, whichever is less.
        let [one, other] = ["one", "other"].map(|name| [name.to_owned()]);
        let on = |names, time| Limited { timed_on: Some(names), ..time };
        let (slow, fast) = (time(3.5, 4.0, 5.0), time(1.0, 2.0, 3.0));
        assert!(!holds("more:time", [on(&one, slow), on(&other, fast)]));
        assert!(holds("more:time", [on(&one, slow), on(&one, fast)]));
    }

    #[test]
    fn what_is_no_limit_is_refused() {
        for text in ["flops", "more", "more:ops", "more:flops:x", "more:time:-1", "less:flops"] {
            let error = text.parse::<GrowthLimit>().unwrap_err();
            assert!(error.contains("more:flops"), "{text}: {error}");
        }
    }
}
