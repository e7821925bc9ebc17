//! The control flow of one function: its basic blocks, which of them can be reached, how deep they are nested
//! in loops, and the graph whose edges they are. A branch on a constant has one successor. Knows no prices.
//!
//! A block is an edge of the graph, from the point where control meets before it to the point where it parts
//! behind it: points that a branch joins are one. So no block has to be split and no merge instruction moved.

use std::{
    cmp::Reverse,
    collections::{HashMap, HashSet},
    ops::Range,
    slice::ChunksExact,
};

use rspirv::spirv::Op;

use super::{
    fold,
    module::{Function, Module, Type},
    silent::is_of_lines,
    words::{Id, Ids},
};
use crate::flow::{Edge, Forest, Graph, Node};

/// A basic block that can be reached.
#[derive(Clone, Debug)]
pub(super) struct BasicBlock {
    /// Its instructions, label and terminator included.
    pub(super) range: Range<usize>,
    /// The index of the instruction before which it may be counted.
    pub(super) site: usize,
    /// The innermost loop that it is in.
    pub(super) inner: Option<usize>,
}

/// A loop.
#[derive(Clone, Debug)]
pub(super) struct ReachedLoop {
    /// The indices of the instructions before which something executes each time before the loop does.
    pub(super) sites: Vec<usize>,
    /// Whether it is in another.
    pub(super) nested: bool,
}

/// A function's control flow.
pub(super) struct ControlFlow {
    /// The blocks that can be reached; the function begins with the first.
    pub(super) blocks: Vec<BasicBlock>,
    /// Its loops.
    pub(super) loops: Vec<ReachedLoop>,
    /// Block k is edge k.
    pub(super) graph: Graph,
    /// Where control enters and leaves the graph.
    pub(super) ends: (Node, Node),
}

/// A basic block as it stands.
pub(super) struct Stated {
    pub(super) label: Id,
    /// Its instructions, label and terminator included.
    pub(super) range: Range<usize>,
    /// The labels to which it may lead.
    pub(super) next: Vec<Id>,
}

impl Stated {
    /// The operands of its merge instruction, where it has this one.
    pub(super) fn merges<'a>(&self, module: &Module<'a>, op: Op) -> Option<&'a [u32]> {
        let at = self.range.end.checked_sub(2).filter(|at| self.range.contains(at))?;
        let merge = module.instructions[at];
        merge.is(op).then(|| merge.operands())
    }

    /// The index of the instruction with which it begins to end: its merge instruction, or else its terminator.
    fn behind(&self, module: &Module<'_>) -> usize {
        let merges = [Op::LoopMerge, Op::SelectionMerge];
        let merges = merges.into_iter().any(|op| self.merges(module, op).is_some());
        self.range.end - if merges { 2 } else { 1 }
    }

    /// Whether it ends with a switch.
    pub(super) fn switches(&self, module: &Module<'_>) -> bool {
        module.instructions[self.range.end - 1].is(Op::Switch)
    }
}

/// Reads a function's control flow.
///
/// # Errors
/// What is wrong with it.
pub(super) fn read(module: &Module<'_>, function: &Function) -> Result<ControlFlow, String> {
    let all = stated(module, function, &module.values)?;
    let by_label: Ids<usize> = all.iter().zip(0..).map(|(its, k)| (its.label, k)).collect();
    let known = |id: &Id| by_label.get(id).copied().ok_or(format!("%{id} is no label here"));
    let next = all.iter().map(|its| its.next.iter().map(known).collect());
    let next: Vec<Vec<usize>> = next.collect::<Result<_, String>>()?;
    let Walk { reached, loops, depth, inner } = walk(&next);

    // Point 2k is before block k, 2k + 1 behind it; then the way in and the way out.
    let (entry, exit) = (2 * all.len(), 2 * all.len() + 1);
    let mut points = Forest::new(2 * all.len() + 2);
    points.join(entry, 0);
    for &block in &reached {
        if next[block].is_empty() {
            points.join(2 * block + 1, exit);
        }
        for &to in &next[block] {
            points.join(2 * block + 1, 2 * to);
        }
    }
    let mut graph = Graph { nodes: 2 * all.len() + 2, edges: Vec::new() };
    let mut blocks = Vec::new();
    for &block in &reached {
        let (from, to) = (points.root(2 * block), points.root(2 * block + 1));
        let depth = depth[block];
        // A loop is worth sixteen rounds; where weights are equal, the way in is left uncounted.
        let weight = 4 * 16_u64.pow(depth.min(10)) + u64::from(block == 0);
        graph.edges.push(Edge { from, to, weight: Some(weight) });
        let range = all[block].range.clone();
        blocks.push(BasicBlock { site: site(module, &range), range, inner: inner[block] });
    }
    let loops = loops.into_iter().map(|Entered { from, nested }| {
        let sites = from.into_iter().map(|block| all[block].behind(module)).collect();
        ReachedLoop { sites, nested }
    });
    let loops = loops.collect();
    Ok(ControlFlow { blocks, loops, graph, ends: (points.root(entry), points.root(exit)) })
}

/// Whether control goes from one case of a switch to another without leaving the switch: a case has a way in beside
/// the switch itself.
pub(super) fn falls_through(module: &Module<'_>, blocks: &[Stated]) -> bool {
    let mut switches = blocks.iter().filter(|its| its.switches(module)).peekable();
    if switches.peek().is_none() {
        return false;
    }
    let mut ways: Ids<Vec<Id>> = Ids::default();
    for from in blocks {
        from.next.iter().for_each(|&to| ways.entry(to).or_default().push(from.label));
    }
    // Where a loop is a case, its own way back leads there, too.
    let back = |its: &Stated| Some((its.label, *its.merges(module, Op::LoopMerge)?.get(1)?));
    let backs: Ids<Id> = blocks.iter().filter_map(back).collect();
    switches.any(|switch| {
        let end = switch.merges(module, Op::SelectionMerge).and_then(|operands| operands.first());
        switch.next.iter().filter(|&case| Some(case) != end).any(|case| {
            let (mut from, back) = (ways.get(case).into_iter().flatten(), backs.get(case));
            from.any(|from| *from != switch.label && Some(from) != back)
        })
    })
}

/// The basic blocks of a function, each with where it leads where constants have these values.
///
/// # Errors
/// What is wrong with the function.
pub(super) fn stated(
    module: &Module<'_>,
    function: &Function,
    values: &Ids<u64>,
) -> Result<Vec<Stated>, String> {
    let (mut blocks, mut open) = (Vec::new(), None);
    for index in function.range.clone() {
        let instruction = module.instructions[index];
        match instruction.op() {
            Some(Op::Label) if open.is_none() => open = instruction.result().map(|id| (id, index)),
            Some(Op::Label) => return Err("a block begins inside another".into()),
            Some(
                Op::Branch
                | Op::BranchConditional
                | Op::Switch
                | Op::Return
                | Op::ReturnValue
                | Op::Unreachable
                | Op::Kill
                | Op::TerminateInvocation,
            ) => {
                let (label, start) = open.take().ok_or("a block ends that did not begin")?;
                let next = successors(module, values, index)?;
                blocks.push(Stated { label, range: start..index + 1, next });
            }
            _ => {}
        }
    }
    match (open, blocks.is_empty()) {
        (None, false) => Ok(blocks),
        (Some((id, _)), _) => Err(format!("the block %{id} ends in no way that is known")),
        (None, true) => Err(format!("'{}' has no body", module.name(function.id))),
    }
}

/// The arms of a switch with these operands: each a literal, of two words where the selector has 64 bits, and a label.
///
/// # Errors
/// Where the type of the selector is not known.
pub(super) fn arms<'a>(
    module: &Module<'_>,
    operands: &'a [u32],
) -> Result<ChunksExact<'a, u32>, String> {
    let selector = module.ty(module.value_type(operands[0])?)?;
    let wide = matches!(selector, Type::Int { width: 64, .. });
    Ok(operands[2..].chunks_exact(if wide { 3 } else { 2 }))
}

/// The labels to which a terminator may lead where constants have these values.
///
/// # Errors
/// Where it is no terminator that is known.
fn successors(
    module: &Module<'_>,
    values: &Ids<u64>,
    terminator: usize,
) -> Result<Vec<Id>, String> {
    let instruction = module.instructions[terminator];
    let operands = instruction.operands();
    Ok(match instruction.op() {
        Some(Op::Branch) => operands.to_vec(),
        Some(Op::BranchConditional) => match values.get(&operands[0]) {
            Some(0) => vec![operands[2]],
            Some(_) => vec![operands[1]],
            None => operands[1..3].to_vec(),
        },
        Some(Op::Switch) => {
            let arms = arms(module, operands)?;
            let value = |arm: &[u32]| match *arm {
                [low, high, _] => u64::from(low) | u64::from(high) << 32,
                _ => u64::from(arm[0]),
            };
            let label = |arm: &[u32]| arm[arm.len() - 1];
            match values.get(&operands[0]) {
                Some(&selected) => {
                    // A narrow literal is sign-extended to a word.
                    let ty = module.value_type(operands[0])?;
                    let selects = |arm: &&[u32]| fold::narrowed(module, ty, value(arm)) == selected;
                    let arm = arms.into_iter().find(selects);
                    vec![arm.map_or(operands[1], label)]
                }
                None => [operands[1]].into_iter().chain(arms.map(label)).collect(),
            }
        }
        _ => Vec::new(),
    })
}

/// The blocks of a function as control walks them.
struct Walk {
    /// Those that it reaches from the first, in their order.
    reached: Vec<usize>,
    loops: Vec<Entered>,
    /// In how many loops each block is.
    depth: Vec<u32>,
    /// The innermost loop of each.
    inner: Vec<Option<usize>>,
}

/// Where control comes from into a loop.
struct Entered {
    /// The blocks outside it that lead to its head.
    from: Vec<usize>,
    /// Whether it is in another.
    nested: bool,
}

fn walk(next: &[Vec<usize>]) -> Walk {
    #[derive(Clone, Copy, PartialEq)]
    enum State {
        Unseen,
        Open,
        Done,
    }
    let mut state = vec![State::Unseen; next.len()];
    let (mut stack, mut back) = (vec![(0, 0)], Vec::new());
    state[0] = State::Open;
    while let Some((block, way)) = stack.pop() {
        let Some(&to) = next[block].get(way) else {
            state[block] = State::Done;
            continue;
        };
        stack.push((block, way + 1));
        match state[to] {
            State::Unseen => {
                state[to] = State::Open;
                stack.push((to, 0));
            }
            State::Open => back.push((block, to)),
            State::Done => {}
        }
    }
    let reached: Vec<usize> = (0..next.len()).filter(|&k| state[k] != State::Unseen).collect();
    let mut previous = vec![Vec::new(); next.len()];
    for &block in &reached {
        for &to in &next[block] {
            previous[to].push(block);
        }
    }
    // The loop of a way back is all from which its end is reached without its head.
    let mut loops: HashMap<usize, HashSet<usize>> = HashMap::new();
    for (latch, head) in back {
        let body = loops.entry(head).or_insert_with(|| HashSet::from([head]));
        let mut todo = vec![latch];
        while let Some(block) = todo.pop() {
            if body.insert(block) {
                todo.extend(&previous[block]);
            }
        }
    }
    // Outer loops first.
    let mut loops: Vec<(usize, HashSet<usize>)> = loops.into_iter().collect();
    loops.sort_unstable_by_key(|(head, body)| (Reverse(body.len()), *head));
    let (mut depth, mut inner) = (vec![0; next.len()], vec![None; next.len()]);
    let mut entered = Vec::new();
    for (index, (head, body)) in loops.into_iter().enumerate() {
        let from = previous[head].iter().copied().filter(|block| !body.contains(block)).collect();
        entered.push(Entered { from, nested: inner[head].is_some() });
        for block in body {
            depth[block] += 1;
            inner[block] = Some(index);
        }
    }
    Walk { reached, loops: entered, depth, inner }
}

/// Behind what must open a block: its label, phis, variables, and the lines among them.
fn site(module: &Module<'_>, range: &Range<usize>) -> usize {
    let opens = |index: &usize| {
        let instruction = module.instructions[*index];
        matches!(instruction.op(), Some(Op::Label | Op::Phi | Op::Variable))
            || is_of_lines(module, instruction)
    };
    range.clone().find(|index| !opens(index)).unwrap_or(range.end - 1)
}
