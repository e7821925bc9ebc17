//! What a change is judged by: how much more it may cost, whether the second run holds by its own checks, and whether the
//! two can be held against each other at all. Comparing them is somebody else's business.

use std::path::Path;

use super::{
    ChangeReport, Examined, Finding, FindingKind, GrowthLimit, KernelFigures, KernelPair,
    LineFigures, LinePair, limit::Limited,
};

impl ChangeReport {
    /// Judges the second run by how much its figures may have grown: those of each kernel of a suite, else those of all.
    pub fn judge(&mut self, limits: &[GrowthLimit]) {
        let limited = |figures: Option<KernelFigures>, adapters| Limited {
            flops: figures.map(|its| its.flops),
            flops_by: "",
            bytes: figures.map(|its| its.bytes),
            seconds: figures.and_then(|its| its.seconds),
            timed_on: Some(adapters),
            spread: figures.and_then(|its| its.spread),
        };
        let judged = |limit: &GrowthLimit, pair: &KernelPair, kernel: Option<&str>| {
            let before = limited(pair.a, &self.a.adapters);
            let Examined { what, findings } =
                limit.judge(&before, &limited(pair.b, &self.b.adapters));
            let place = self.worst_line(kernel);
            let findings = findings.into_iter().map(|finding| finding.at(place.clone()));
            Examined { what, findings: findings.collect() }
        };
        let of_kernel = |limit, pair: &KernelPair| match (pair.a, pair.b) {
            // What is gone costs nothing, and what is new is no more than it was.
            (_, None) | (None, Some(_)) => Vec::new(),
            (Some(_), Some(_)) => {
                let findings = judged(limit, pair, Some(&pair.name)).findings.into_iter();
                let named = findings
                    .map(|its| Finding { text: format!("{}: {}", pair.name, its.text), ..its });
                named.collect()
            }
        };
        let is_timed =
            |figures: Option<KernelFigures>| figures.is_some_and(|it| it.seconds.is_some());
        let are_timed = is_timed(self.total.a) && is_timed(self.total.b);
        let checks = limits.iter().map(|limit| {
            let of_all = judged(limit, &self.total, None);
            // What has no time is one thing to say, and not one of each kernel.
            if !self.b.suite || limit.is_of_time() && !are_timed {
                return of_all;
            }
            Examined {
                what: format!("{}, each kernel of the suite", of_all.what),
                findings: self.kernels.iter().flat_map(|pair| of_kernel(limit, pair)).collect(),
            }
        });
        let checks: Vec<Examined> = checks.collect();
        self.checks.extend(checks);
        let both = [self.sound(), self.whole(), self.has_all(), self.ended_alike()].into_iter();
        self.checks.extend(both.filter(|check| !limits.is_empty() && !check.holds()));
    }

    /// Whether the second run holds by what its own report was judged by: what a kernel costs that races or is wrong says
    /// nothing of the one that is meant.
    fn sound(&self) -> Examined {
        let findings = self.b.findings.iter().map(|finding| Finding {
            text: format!("by its own checks, B does not hold: {}", finding.text),
            ..finding.clone()
        });
        Examined { what: "B holds by its own checks".to_owned(), findings: findings.collect() }
    }

    /// Whether both programs ended alike: one that ended early executed less, and is no better for it.
    fn ended_alike(&self) -> Examined {
        let ended = [("A", &self.a), ("B", &self.b)].into_iter();
        let ended = ended.filter(|_| self.a.ended != self.b.ended);
        let findings = ended.filter_map(|(name, run)| {
            let text = format!("{}, and the other did not", run.ended_in_words(name)?);
            Some(Finding::new(FindingKind::Missing, text))
        });
        Examined { what: "both programs ended alike".to_owned(), findings: findings.collect() }
    }

    /// Whether the first report of a suite has every kernel of the second, which is no more than nothing otherwise.
    fn has_all(&self) -> Examined {
        let new = self.kernels.iter().filter(|pair| self.b.suite && pair.a.is_none());
        let findings = new.map(|pair| {
            let text = format!(
                "A has no counts of B's {}: save A again with the kernels that there are now",
                pair.name
            );
            Finding::new(FindingKind::Missing, text)
        });
        Examined { what: "A has every kernel of B".to_owned(), findings: findings.collect() }
    }

    /// Whether both runs were counted whole: less is no less where some of it is not known.
    fn whole(&self) -> Examined {
        let missing = [("A", &self.a), ("B", &self.b)].into_iter().flat_map(|(name, run)| {
            run.not_counted.iter().map(move |why| {
                Finding::new(FindingKind::Missing, format!("not all of {name} was counted: {why}"))
            })
        });
        Examined { what: "both were counted whole".to_owned(), findings: missing.collect() }
    }

    /// Whether the second run holds by everything that it was judged by.
    pub fn holds(&self) -> bool {
        self.checks.iter().all(Examined::holds)
    }

    /// The line of the second source, or of this kernel of a suite, whose FLOPs grew most, else whose bytes or executions
    /// did, with its file; where nothing grew, the first that costs something else than before. Lines that replace others
    /// grew by what they cost together beyond those.
    pub(super) fn worst_line(&self, kernel: Option<&str>) -> Option<(String, u32)> {
        let cost = |side: &Option<LineFigures>| {
            let part = |of: fn(&LineFigures) -> u64| side.as_ref().map_or(0, |its| of(its).into());
            [part(|its| its.flops), part(|its| its.bytes), part(|its| its.executions)]
        };
        let is_changed = |pair: &LinePair| pair.a.is_none() || pair.b.is_none();
        let own = self.lines.iter().filter(|pair| pair.kernel.as_deref() == kernel);
        let own: Vec<&LinePair> = own.collect();
        let places = own.chunk_by(|a, b| is_changed(a) && is_changed(b)).map(|lines| {
            let grown = lines.iter().fold([0_i128; 3], |sum, pair| {
                let [a, b] = [cost(&pair.a), cost(&pair.b)];
                std::array::from_fn(|part| sum[part] + b[part] - a[part])
            });
            (grown, lines.iter().filter_map(|pair| pair.b.as_ref()).max_by_key(|its| its.flops))
        });
        let (grown, worst) = places.max_by_key(|(grown, _)| *grown)?;
        let first = || own.iter().find_map(|pair| pair.b.as_ref());
        let LineFigures { file, line, .. } = if grown > [0; 3] { worst } else { first() }?;
        let shader = Path::new(&self.b.what);
        let path = match (file, self.b.suite) {
            (None, _) => shader.to_owned(),
            (Some(file), false) => shader.with_file_name(file),
            (Some(file), true) => file.into(),
        };
        Some((path.display().to_string(), *line))
    }
}
