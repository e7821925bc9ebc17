//! Conservation of flow: as often as control enters a point it leaves it, so most execution counts of a
//! function follow from a few. This file chooses which few to count and says how the rest follow. It
//! knows graphs and weights, and nothing of shaders.
//!
//! The choice is Knuth's (Donald Knuth and Francis Stevenson, "Optimal measurement points for program
//! frequency counts", 1973): edges outside a spanning tree of maximum weight are counted, and the tree is
//! solved from its leaves.

use std::{
    collections::BTreeMap,
    ops::{AddAssign, SubAssign},
};

use crate::keyed::keyed;

/// A number of executions as a sum of counters, each taken a whole number of times.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Flow(BTreeMap<u32, i64>);

impl Flow {
    /// As often as one counter says.
    pub(crate) fn counter(index: u32) -> Self {
        Self(BTreeMap::from([(index, 1)]))
    }

    /// The counters that it depends on.
    pub(crate) fn counters(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.keys().copied()
    }

    /// Each counter that it depends on, and how many times it takes it.
    pub(crate) fn terms(&self) -> impl Iterator<Item = (u32, i64)> + '_ {
        self.0.iter().map(|(&counter, &times)| (counter, times))
    }

    /// The same flow where every counter has a new name.
    pub(crate) fn renamed(&self, name: impl Fn(u32) -> u32) -> Self {
        Self(keyed(self.0.iter().map(|(&counter, &times)| (name(counter), times))))
    }

    /// Its value; `None` where the counters contradict each other.
    pub(crate) fn evaluate(&self, counters: &[u64]) -> Option<u64> {
        let sum = self.0.iter().try_fold(0_i128, |sum, (&counter, &times)| {
            sum.checked_add(i128::from(counters[counter as usize]) * i128::from(times))
        })?;
        u64::try_from(sum).ok()
    }

    fn add(&mut self, other: &Self, sign: i64) {
        for (&counter, &times) in &other.0 {
            let slot = self.0.entry(counter).or_default();
            *slot += sign * times;
            if *slot == 0 {
                self.0.remove(&counter);
            }
        }
    }
}

impl AddAssign<&Flow> for Flow {
    fn add_assign(&mut self, other: &Self) {
        self.add(other, 1);
    }
}

impl SubAssign<&Flow> for Flow {
    fn sub_assign(&mut self, other: &Self) {
        self.add(other, -1);
    }
}

/// A point through which control passes.
pub(crate) type Node = usize;

/// A way from one point to another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Edge {
    /// Where control comes from.
    pub(crate) from: Node,
    /// Where it goes.
    pub(crate) to: Node,
    /// How much it would cost to count here, for comparison; `None` where no counter can be placed.
    pub(crate) weight: Option<u64>,
}

/// The control flow of one function.
#[derive(Clone, Debug, Default)]
pub(crate) struct Graph {
    /// How many points there are.
    pub(crate) nodes: usize,
    /// The ways between them. Those without a weight form no cycle.
    pub(crate) edges: Vec<Edge>,
}

impl Graph {
    /// A new point.
    pub(crate) fn node(&mut self) -> Node {
        self.nodes += 1;
        self.nodes - 1
    }

    /// The flow of every edge, given that control enters at `entry` and leaves at `exit` as often as
    /// `executions` says. `count` names a new counter for an edge that must be counted.
    pub(crate) fn solve(
        &self,
        (entry, exit): (Node, Node),
        executions: &Flow,
        mut count: impl FnMut(usize) -> u32,
    ) -> Vec<Flow> {
        let mut heaviest_first: Vec<usize> = (0..self.edges.len()).collect();
        heaviest_first.sort_unstable_by_key(|&edge| {
            (std::cmp::Reverse(self.edges[edge].weight.unwrap_or(u64::MAX)), edge)
        });
        let mut tree = Forest::new(self.nodes);
        let mut flows: Vec<Option<Flow>> = vec![None; self.edges.len()];
        for edge in heaviest_first {
            let Edge { from, to, weight } = self.edges[edge];
            if !tree.join(from, to) {
                assert!(weight.is_some(), "jumps that cannot be counted form no cycle");
                flows[edge] = Some(Flow::counter(count(edge)));
            }
        }

        // What flows into a node less what flows out of it, over the edges known so far; it ends at zero.
        let mut surplus = vec![Flow::default(); self.nodes];
        surplus[entry] += executions;
        surplus[exit] -= executions;
        let mut unknown: Vec<Vec<usize>> = vec![Vec::new(); self.nodes];
        for (index, edge) in self.edges.iter().enumerate() {
            match &flows[index] {
                Some(flow) => {
                    surplus[edge.to] += flow;
                    surplus[edge.from] -= flow;
                }
                None => {
                    unknown[edge.from].push(index);
                    unknown[edge.to].push(index);
                }
            }
        }
        let mut leaves: Vec<Node> = (0..self.nodes).filter(|&n| unknown[n].len() == 1).collect();
        while let Some(leaf) = leaves.pop() {
            let Some(edge) = unknown[leaf].pop() else { continue };
            let Edge { from, to, .. } = self.edges[edge];
            let mut flow = Flow::default();
            if leaf == from {
                flow += &surplus[leaf];
            } else {
                flow -= &surplus[leaf];
            }
            surplus[to] += &flow;
            surplus[from] -= &flow;
            let other = if leaf == from { to } else { from };
            unknown[other].retain(|&e| e != edge);
            if unknown[other].len() == 1 {
                leaves.push(other);
            }
            flows[edge] = Some(flow);
        }
        flows.into_iter().map(|flow| flow.expect("a tree is solved from its leaves")).collect()
    }
}

/// Sets of nodes that are joined already.
pub(crate) struct Forest(Vec<Node>);

impl Forest {
    pub(crate) fn new(nodes: usize) -> Self {
        Self((0..nodes).collect())
    }

    pub(crate) fn root(&mut self, mut node: Node) -> Node {
        while self.0[node] != node {
            self.0[node] = self.0[self.0[node]];
            node = self.0[node];
        }
        node
    }

    /// Joins two nodes; false where they were joined before.
    pub(crate) fn join(&mut self, a: Node, b: Node) -> bool {
        let (a, b) = (self.root(a), self.root(b));
        self.0[a] = b;
        a != b
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Any walk through any graph: the few counted edges give back how often each was taken.
        #[test]
        fn every_walk_is_recovered(
            nodes in 2_usize..12,
            seeds in prop::collection::vec((0_usize..12, 0_usize..12, 0_u64..100), 1..30),
            steps in prop::collection::vec(0_usize..1000, 0..200),
        ) {
            let mut graph = Graph { nodes, edges: Vec::new() };
            // A chain keeps the exit within reach; it is also all that may go uncounted.
            for from in 0..nodes - 1 {
                graph.edges.push(Edge { from, to: from + 1, weight: None });
            }
            for (from, to, weight) in seeds {
                graph.edges.push(Edge { from: from % nodes, to: to % nodes, weight: Some(weight) });
            }
            let mut taken = vec![0_u64; graph.edges.len()];
            let mut at = 0;
            let mut take = |edge: usize| {
                taken[edge] += 1;
                graph.edges[edge].to
            };
            for step in steps {
                let out: Vec<usize> =
                    (0..graph.edges.len()).filter(|&e| graph.edges[e].from == at).collect();
                if !out.is_empty() {
                    at = take(out[step % out.len()]);
                }
            }
            while at != nodes - 1 {
                at = take(at);
            }
            let mut counters = vec![1_u64];
            let flows = graph.solve((0, nodes - 1), &Flow::counter(0), |edge| {
                counters.push(taken[edge]);
                counters.len() as u32 - 1
            });
            let found: Vec<_> = flows.iter().map(|flow| flow.evaluate(&counters)).collect();
            prop_assert_eq!(found, taken.into_iter().map(Some).collect::<Vec<_>>());
        }
    }

    #[test]
    fn contradicting_counters_are_no_count() {
        let mut flow = Flow::counter(0);
        flow -= &Flow::counter(1);
        assert_eq!(flow.evaluate(&[3, 2]), Some(1));
        assert_eq!(flow.evaluate(&[2, 3]), None);
    }
}
