//! What one application of a function costs that an instruction applies to the elements of a matrix. No counter of
//! an invocation sees how often it is applied, so it has a price where all ways through it cost the same. Knows
//! nothing of matrices.

use std::collections::HashMap;

use rspirv::spirv::Op as Instr;

use super::SpirvPricer;
use crate::{
    composition::Priced,
    flow::Node,
    op::Price,
    spirv::{cfg, words::Id},
};

impl SpirvPricer<'_> {
    pub(super) fn applied(&self, function: Id) -> Priced {
        let name = self.module.name(function);
        let body = self.module.functions.iter().find(|its| its.id == function);
        let body = body.ok_or_else(|| format!("%{function} is no function"))?;
        let flow = cfg::read(self.module, body)?;
        let mut edges = Vec::new();
        for (block, edge) in flow.blocks.iter().zip(&flow.graph.edges) {
            let mut cost = Price::default();
            for instruction in &self.module.instructions[block.range.clone()] {
                let calls = [
                    Instr::FunctionCall,
                    Instr::CooperativeMatrixLoadTensorNV,
                    Instr::CooperativeMatrixPerElementOpNV,
                    Instr::CooperativeMatrixReduceNV,
                ];
                if calls.into_iter().any(|op| instruction.is(op)) {
                    return Err(format!("'{name}', which elements are given to, calls others"));
                }
                cost += &self.price(*instruction)?;
            }
            edges.push((edge.from, edge.to, cost));
        }
        // What it costs to come to each point, by the first way that leads there.
        let (entry, exit) = flow.ends;
        let mut costs: HashMap<Node, Price> = HashMap::from([(entry, Price::default())]);
        let mut reached = vec![entry];
        while let Some(point) = reached.pop() {
            for &(_, to, ref cost) in edges.iter().filter(|&&(from, _, _)| from == point) {
                let there = costs[&point].clone() + cost.clone();
                costs.entry(to).or_insert_with(|| {
                    reached.push(to);
                    there
                });
            }
        }
        let agrees = |(from, to, cost): &(Node, Node, Price)| {
            let there = costs.get(from).map(|before| before.clone() + cost.clone());
            there.is_some() && costs.get(to) == there.as_ref()
        };
        match costs.get(&exit) {
            Some(cost) if edges.iter().all(agrees) => Ok(cost.clone()),
            _ => Err(format!(
                "the ways through '{name}' cost differently, and it is not seen which of them an element goes"
            )),
        }
    }
}
