//! Where the private counters of an invocation are looked at, so that none wraps without a word. Knows which loop
//! counts what, and no IR.
//!
//! A counter that an invocation keeps has 32 bits. It is looked at before each execution of the loop that counts it, and an
//! invocation that sees the last bit of one set says so. A counter that wraps has been seen so before, unless 2^31 are added
//! to it between two looks: by a single execution of the innermost loop that counts it or calls what does, or outside of
//! all loops. One that a loop of the entry point alone adds to begins at 0 and needs no look.

use std::collections::BTreeSet;

/// The bit of a counter that says it may wrap before it is looked at again.
pub(crate) const LAST_BIT: u32 = 31;

/// What a function or a loop counts by itself, outside the loops in it.
struct Increments<F> {
    counters: Vec<u32>,
    calls: Vec<F>,
}

/// A loop, and what it counts.
struct CountingLoop<F, S> {
    /// Where control comes from into it.
    sites: Vec<S>,
    /// Whether an invocation may execute it more than once.
    again: bool,
    own: Increments<F>,
}

/// A place, and the counters to look at there.
#[derive(Clone, Debug)]
pub(crate) struct Look<S> {
    pub(crate) site: S,
    pub(crate) counters: Vec<u32>,
}

/// The loops of an entry point and of the functions `F` that it calls, with places `S`.
pub(crate) struct Loops<F, S> {
    loops: Vec<CountingLoop<F, S>>,
    functions: Vec<(F, Increments<F>)>,
}

impl<F, S> Default for Loops<F, S> {
    fn default() -> Self {
        Self { loops: Vec::new(), functions: Vec::new() }
    }
}

impl<F: Copy + PartialEq, S: Clone> Loops<F, S> {
    /// Adds a function. `loops` are its loops, each with where control comes from into it and whether it is inside
    /// another; `runs` what its runs count, each with its innermost loop; `once` says whether an invocation executes
    /// the function once at most.
    pub(crate) fn add(
        &mut self,
        function: F,
        once: bool,
        loops: impl IntoIterator<Item = (Vec<S>, bool)>,
        runs: impl IntoIterator<Item = (Option<usize>, Option<u32>, Vec<F>)>,
    ) {
        let none = || Increments { counters: Vec::new(), calls: Vec::new() };
        let first = self.loops.len();
        self.loops.extend(loops.into_iter().map(|(sites, nested)| CountingLoop {
            sites,
            again: nested || !once,
            own: none(),
        }));
        let mut outside = none();
        for (inner, counter, calls) in runs {
            let own = inner.map_or(&mut outside, |inner| &mut self.loops[first + inner].own);
            own.counters.extend(counter);
            own.calls.extend(calls);
        }
        self.functions.push((function, outside));
    }

    /// What is to be looked at where. Of the counters only those of `kept` are left, each by its rank among them.
    pub(crate) fn looks(&self, kept: &BTreeSet<u32>) -> Vec<Look<S>> {
        let mut looks = Vec::new();
        for CountingLoop { sites, again, own } in &self.loops {
            let mut counters = if *again { own.counters.clone() } else { Vec::new() };
            // What a function that is called here counts outside its loops, this loop counts.
            let (mut called, mut todo) = (Vec::new(), own.calls.clone());
            while let Some(function) = todo.pop() {
                if called.contains(&function) {
                    continue;
                }
                called.push(function);
                for (_, own) in self.functions.iter().filter(|(its, _)| *its == function) {
                    counters.extend(&own.counters);
                    todo.extend(&own.calls);
                }
            }
            counters.sort_unstable();
            let ranks = kept.iter().zip(0..);
            let ranks = ranks.filter(|(counter, _)| counters.binary_search(counter).is_ok());
            let counters: Vec<u32> = ranks.map(|(_, rank)| rank).collect();
            if !counters.is_empty() {
                let at = |site: &S| Look { site: site.clone(), counters: counters.clone() };
                looks.extend(sites.iter().map(at));
            }
        }
        looks
    }
}

/// What is written at a place, with variables `V`.
pub(crate) enum Change<V> {
    /// `counter += 1`.
    Count(V),
    /// `to |= counter` for each counter.
    Look { at: Vec<V>, to: V },
}

/// What is written where: an increment at the place of each counter, and the looks at them, `overflow` being what they
/// leave their bits in. Where there is no such variable, nothing is looked at.
pub(crate) fn changes<S: Clone, V: Copy>(
    counters: impl IntoIterator<Item = (S, V)>,
    looks: &[Look<S>],
    overflow: Option<V>,
) -> Vec<(S, Change<V>)> {
    let (mut changes, mut variables) = (Vec::new(), Vec::new());
    for (site, variable) in counters {
        variables.push(variable);
        changes.push((site, Change::Count(variable)));
    }
    if let Some(to) = overflow {
        changes.extend(looks.iter().map(|Look { site, counters }| {
            // Counter 0 is not among them: it says how many invocations there were.
            let at = counters.iter().map(|&counter| variables[counter as usize - 1]).collect();
            (site.clone(), Change::Look { at, to })
        }));
    }
    changes
}
