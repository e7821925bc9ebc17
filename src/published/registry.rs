//! Every table of formulas, in the order in which they are evaluated.

use super::{
    adapters, formula::Formula, frameworks, hub, laboratories, megatron, papers, profilers, rules,
};

/// Every formula, group by group.
pub fn formulas() -> impl Iterator<Item = &'static Formula> {
    let groups: [&[Formula]; 8] = [
        rules::FORMULAS,
        papers::FORMULAS,
        megatron::FORMULAS,
        hub::FORMULAS,
        frameworks::FORMULAS,
        laboratories::FORMULAS,
        adapters::FORMULAS,
        profilers::FORMULAS,
    ];
    groups.into_iter().flatten()
}
