//! Metered blocks: reads a function's body as runs of statements between the points where control
//! may part or meet, prices each run, and remembers where in the body it starts. How often a run
//! executes is not decided here.

use std::collections::BTreeMap;

use naga::{Block, Expression, Function, Handle, Span, Statement};

use super::{price::Pricer, root};
use crate::{
    flow::{Edge, Graph, Node},
    op::Price,
    source::{Source, SourceLine},
};

/// A place in a function's body: which statement, which of its blocks, which statement there, and so
/// on; the last number is the statement before which something may be inserted. Sorted, later places
/// come after earlier ones and inner ones after the statement around them.
pub(super) type Site = Vec<usize>;

/// A run of statements that execute one after the other.
#[derive(Debug)]
pub(super) struct Run {
    /// The edge of the graph that it is.
    pub(super) edge: usize,
    /// Where it starts.
    pub(super) site: Site,
    /// The innermost loop that it is in; one call executes once at most what is in none.
    pub(super) inner: Option<usize>,
    /// What one execution costs, by how many invocations execute it together.
    pub(super) charges: BTreeMap<u64, Charge>,
    /// From its first to its last statement.
    pub(super) span: Span,
    /// The functions that it calls, once for each call.
    pub(super) calls: Vec<Handle<Function>>,
}

/// What one execution costs; nothing that costs nothing.
#[derive(Debug, Default)]
pub(super) struct Charge {
    pub(super) price: Price,
    /// The same, by line of the source; what has no line is missing.
    pub(super) lines: BTreeMap<u32, Price>,
}

/// A function as a graph of runs.
#[derive(Debug)]
pub(super) struct Body {
    /// How control flows between the runs.
    pub(super) graph: Graph,
    /// Where it begins and ends.
    pub(super) ends: (Node, Node),
    /// The runs; an edge without one is a mere jump.
    pub(super) runs: Vec<Run>,
    /// The loops that control can get into.
    pub(super) loops: Vec<StatedLoop>,
}

/// A loop in a function.
#[derive(Debug)]
pub(super) struct StatedLoop {
    /// The statement that it is.
    pub(super) site: Site,
    /// Whether it is in another.
    pub(super) nested: bool,
    /// Where each of its rounds begins; one edge leads on from there.
    pub(super) head: Node,
    /// The line on which it begins.
    pub(super) line: Option<SourceLine>,
}

/// What has no price, and where it stands.
#[derive(Debug)]
pub(super) struct Unpriced {
    /// What it is.
    pub(super) what: String,
    /// Where it stands.
    pub(super) span: Span,
}

/// Divides a function into runs.
pub(super) fn read(
    function: &Function,
    pricer: &Pricer<'_>,
    source: Option<&Source>,
) -> Result<Body, Unpriced> {
    let mut graph = Graph::default();
    let ends = (graph.node(), graph.node());
    let charged = source.map_or_else(Vec::new, |_| root::charged(function, source));
    let (runs, loops) = (Vec::new(), Vec::new());
    let mut reader = Reader { function, pricer, source, charged, graph, runs, loops, open: None };
    let scope =
        Scope { exit: ends.1, leave: None, next: None, weight: START, entered: 0, inner: None };
    reader.begin(ends.0, vec![0], scope);
    reader.block(&function.body, &[], scope)?;
    reader.end(ends.1);
    Ok(Body { graph: reader.graph, ends, runs: reader.runs, loops: reader.loops })
}

/// How often a function's first run executes, in units that leave room for what is rarer.
const START: u64 = 1 << 24;
/// How much more often a loop's body is guessed to execute than what is around it.
const LOOP: u64 = 16;

/// Where control may go from inside a block, and how often the block is guessed to execute.
#[derive(Clone, Copy)]
struct Scope {
    exit: Node,
    leave: Option<Node>,
    next: Option<Node>,
    weight: u64,
    /// How often what is around the innermost loop is guessed to execute, where a `break` leaves a loop.
    entered: u64,
    /// The innermost loop.
    inner: Option<usize>,
}

impl Scope {
    /// The scope of an arm, with a guess at how seldom it is taken: one that leaves is likely a guard.
    /// It is also where a counter does least harm: behind a loop that a `return` left early, llvmpipe
    /// was seen to take a millisecond for one increment.
    ///
    /// A loop is left as often as it is entered, and counted where it is entered: Mesa 25 was seen to
    /// compile for minutes where a loop of known length counts before it breaks, since it tries to unroll it.
    fn taken(self, arm: &Block) -> Self {
        let weight = match arm.last() {
            Some(Statement::Break) => (self.weight / 64).max(self.entered.saturating_add(1)),
            Some(Statement::Return { .. } | Statement::Continue) => self.weight / 64,
            _ => self.weight / 2,
        };
        Self { weight, ..self }
    }
}

struct Reader<'a> {
    function: &'a Function,
    pricer: &'a Pricer<'a>,
    source: Option<&'a Source>,
    /// Where each expression is charged; empty where there is no source.
    charged: Vec<Span>,
    graph: Graph,
    runs: Vec<Run>,
    loops: Vec<StatedLoop>,
    /// The run being read, from which node it starts and its weight; `None` where control cannot be.
    open: Option<(Node, u64, Run)>,
}

impl Reader<'_> {
    fn begin(&mut self, from: Node, site: Site, Scope { weight, inner, .. }: Scope) {
        let run = Run {
            edge: usize::MAX,
            site,
            inner,
            charges: BTreeMap::new(),
            span: Span::UNDEFINED,
            calls: Vec::new(),
        };
        self.open = Some((from, weight, run));
    }

    /// Ends the open run, if control gets here at all.
    fn end(&mut self, to: Node) {
        if let Some((from, weight, mut run)) = self.open.take() {
            run.edge = self.graph.edges.len();
            // Rather count where there are statements than in the arm that an `if` does not have: an
            // `else` that the source did not ask for has made whole loops several times slower.
            let idle = run.span == Span::UNDEFINED;
            let weight = if idle { weight.saturating_mul(4) } else { weight };
            self.graph.edges.push(Edge { from, to, weight: Some(weight) });
            self.runs.push(run);
        }
    }

    fn jump(&mut self, from: Node, to: Node) {
        self.graph.edges.push(Edge { from, to, weight: None });
    }

    /// Reads a block that is a statement's arm, from `from` on; ends it at `to`.
    fn arm(
        &mut self,
        block: &Block,
        path: &[usize],
        (from, to): (Node, Node),
        scope: Scope,
    ) -> Result<(), Unpriced> {
        self.begin(from, [path, &[0]].concat(), scope);
        self.block(block, path, scope)?;
        self.end(to);
        Ok(())
    }

    fn block(&mut self, block: &Block, path: &[usize], scope: Scope) -> Result<(), Unpriced> {
        for (index, (statement, &span)) in block.span_iter().enumerate() {
            if self.open.is_none() {
                // Nothing executes after a statement that always leaves.
                return Ok(());
            }
            let together = || self.pricer.together_at(statement);
            self.pay(span, span, self.pricer.statement(statement, span), together)?;
            let inside = |arm: usize| [path, &[index, arm]].concat();
            let after = || [path, &[index + 1]].concat();
            match statement {
                Statement::Emit(range) => {
                    for expression in range.clone() {
                        self.emit(expression)?;
                    }
                }
                Statement::Block(block) => self.block(block, &inside(0), scope)?,
                Statement::If { condition: _, accept, reject } => {
                    let (fork, join) = (self.graph.node(), self.graph.node());
                    self.end(fork);
                    for (arm, block) in [accept, reject].into_iter().enumerate() {
                        let scope = scope.taken(block);
                        self.arm(block, &inside(arm), (fork, join), scope)?;
                    }
                    self.begin(join, after(), scope);
                }
                Statement::Switch { selector: _, cases } => {
                    let (fork, join) = (self.graph.node(), self.graph.node());
                    self.end(fork);
                    let mut fallen = None;
                    for (arm, case) in cases.iter().enumerate() {
                        // One more value for the case below: `case 1, 2:`.
                        if case.body.is_empty() && case.fall_through && fallen.is_none() {
                            continue;
                        }
                        let head = fallen.take().unwrap_or_else(|| self.graph.node());
                        self.jump(fork, head);
                        let to = if case.fall_through {
                            *fallen.insert(self.graph.node())
                        } else {
                            join
                        };
                        let scope =
                            Scope { leave: Some(join), entered: 0, ..scope.taken(&case.body) };
                        self.arm(&case.body, &inside(arm), (head, to), scope)?;
                    }
                    self.begin(join, after(), scope);
                }
                Statement::Loop { body, continuing, break_if } => {
                    let [head, next, join] = std::array::from_fn(|_| self.graph.node());
                    self.end(head);
                    let line =
                        self.source.zip(self.line(span)).map(|(source, line)| source.place(line));
                    let (site, nested) = ([path, &[index]].concat(), scope.inner.is_some());
                    self.loops.push(StatedLoop { site, nested, head, line });
                    let weight = scope.weight.saturating_mul(LOOP).min(u64::MAX / 4);
                    let its = Some(self.loops.len() - 1);
                    let inner = Scope { weight, entered: scope.weight, inner: its, ..scope };
                    let inside_body = Scope { leave: Some(join), next: Some(next), ..inner };
                    self.arm(body, &inside(0), (head, next), inside_body)?;
                    let inner = Scope { leave: None, next: None, ..inner };
                    if break_if.is_some() {
                        let latch = self.graph.node();
                        self.arm(continuing, &inside(1), (next, latch), inner)?;
                        self.jump(latch, head);
                        self.jump(latch, join);
                    } else {
                        self.arm(continuing, &inside(1), (next, head), inner)?;
                    }
                    self.begin(join, after(), scope);
                }
                Statement::Break => self.leave(scope.leave, span)?,
                Statement::Continue => self.leave(scope.next, span)?,
                Statement::Return { value: _ } | Statement::Kill => self.end(scope.exit),
                Statement::Call { function, arguments: _, result: _ } => {
                    if let Some((_, _, run)) = &mut self.open {
                        run.calls.push(*function);
                    }
                }
                Statement::ControlBarrier(_)
                | Statement::MemoryBarrier(_)
                | Statement::Store { .. }
                | Statement::ImageStore { .. }
                | Statement::Atomic { .. }
                | Statement::ImageAtomic { .. }
                | Statement::WorkGroupUniformLoad { .. }
                | Statement::RayQuery { .. }
                | Statement::RayPipelineFunction(_)
                | Statement::SubgroupBallot { .. }
                | Statement::SubgroupGather { .. }
                | Statement::SubgroupCollectiveOperation { .. }
                | Statement::CooperativeStore { .. } => {}
            }
        }
        Ok(())
    }

    fn leave(&mut self, to: Option<Node>, span: Span) -> Result<(), Unpriced> {
        let what = "a jump out of nothing";
        self.end(to.ok_or_else(|| Unpriced { what: what.into(), span })?);
        Ok(())
    }

    /// Evaluates an expression.
    fn emit(&mut self, expression: Handle<Expression>) -> Result<(), Unpriced> {
        let span = self.function.expressions.get_span(expression);
        let charged = self.charged.get(expression.index()).copied().unwrap_or(span);
        let together = || self.pricer.together(expression);
        self.pay(span, charged, self.pricer.expression(expression), together)
    }

    /// The line of the whole source on which a span begins.
    fn line(&self, span: Span) -> Option<u32> {
        self.source?.line(span)
    }

    /// Adds the price of what is at `span`, and is executed by so many invocations together, to the open run, and to the
    /// line on which `charged` begins.
    fn pay(
        &mut self,
        span: Span,
        charged: Span,
        price: Result<Price, String>,
        together: impl FnOnce() -> Result<u64, String>,
    ) -> Result<(), Unpriced> {
        let unpriced = |what| Unpriced { what, span };
        let price = price.map_err(unpriced)?;
        let line = self.line(charged);
        if let Some((_, _, run)) = &mut self.open {
            run.span.subsume(span);
            if !price.is_zero() {
                let charge = run.charges.entry(together().map_err(unpriced)?).or_default();
                charge.price += &price;
                if let Some(line) = line {
                    *charge.lines.entry(line).or_default() += &price;
                }
            }
        }
        Ok(())
    }
}
