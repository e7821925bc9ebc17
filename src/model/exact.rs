//! What a training step costs by closed forms alone, without a device: the family's own forms, which know no plan, and
//! beside them what the kernels of a plan execute that nothing runs.

use std::collections::BTreeMap;

use super::lower::{Scope, Training, lower};
use crate::{
    exact::{Exact, ExactItem, Phases},
    execute::Limits,
    family::{BatchShape, ModelConfig, Shortened},
    formula::forms,
    op::{Convention, OpCounts},
};

/// A device whose buffers hold everything that kernels can index, and whose kernels share nothing between invocations. The
/// kernels that other devices choose by default execute as many FLOPs; the set `chunks`, which executes more, is not chosen
/// by default.
const BOUNDLESS: Limits = Limits {
    binding_bytes: u64::MAX,
    buffer_bytes: u64::MAX,
    workgroups: u32::MAX,
    ..Limits::WEBGPU
};

/// What a training step of B sequences of N tokens costs by a convention, as far as its scope goes, where the family has
/// forms of its own.
pub fn exact(
    config: &ModelConfig,
    shape: [u32; 2],
    training: Training,
    convention: Convention,
) -> Option<Exact> {
    let own = config.exact(shape, training, convention)?;
    let exact = Exact { schedule: schedule(config, shape, training, convention), ..own };
    Some(match training.scope {
        Scope::Step => exact,
        Scope::Forward => exact.forward(),
    })
}

/// The parts of that count, as far as the scope of training goes; none where the family has no forms of its own.
pub fn exact_items(
    config: &ModelConfig,
    shape: [u32; 2],
    training: Training,
    convention: Convention,
) -> Vec<ExactItem> {
    let scope = training.scope;
    let mut items = config.exact_items(shape, training, convention);
    items.retain(|item| item.phase.map_or(scope.is_step(), |phase| scope.has(phase)));
    items
}

/// What the kernels of such a step execute, by a convention. There is nothing where the family has no forms of its own, and
/// where no kernel could run the step, whose tensors have more elements than 32 bits index.
pub fn schedule(
    config: &ModelConfig,
    [batch, seq]: [u32; 2],
    training: Training,
    convention: Convention,
) -> Option<Phases> {
    let training = Training { scope: Scope::Step, ..training };
    // Prices may hide a difference, and these hide none of an operation that matters.
    let by_family = config.exact([batch, seq], training, Convention::Ieee)?.algebraic;
    let longest = training.packed.longest().unwrap_or(seq);
    let shape = BatchShape::checked(batch, seq, training.accumulate, longest, config).ok()?;
    // Layers that are alike cost alike, so few of them are lowered, however many there are.
    let (config, stand_ins) = match config.shortened() {
        Ok(Shortened { config, stand_ins }) => (config, stand_ins),
        Err(_) => (config.clone(), Vec::new()),
    };
    let plan = lower(&config, shape, training, BOUNDLESS).ok()?;
    let mut layers: BTreeMap<u32, u128> = BTreeMap::new();
    for layer in stand_ins {
        *layers.entry(layer).or_default() += 1;
    }
    let times = |layer: u32| layers.get(&layer).copied().unwrap_or(1);
    let [mut algebraic, mut schedule] = [Phases::default(); 2];
    for pass in &plan.passes {
        let times = pass.component.layer.map_or(1, times);
        let forms = forms(&pass.operation, &pass.schedule);
        let flops = |ops: OpCounts, by| times * u128::from(ops.flops(by));
        schedule.add(pass.phase, flops(forms.schedule(), convention));
        if !pass.recomputed {
            algebraic.add(pass.phase, flops(forms.algebraic, Convention::Ieee));
        }
    }
    // Sizes that a plan cannot state make another step.
    (algebraic == by_family).then_some(schedule)
}
