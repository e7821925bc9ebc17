//! Which kernel runs an operation on a device, how it is spread over invocations, and how many workgroups
//! that takes: every tile, lane and extent of the crate's kernels is decided here. Knows no model and no
//! buffer.

mod chunks;
mod class;
mod linear;
mod matrix;
mod set;
mod spread;
mod target;
mod team;

pub use class::Class;
pub use set::KernelSet;
pub use spread::{
    ATTENTION_BLOCK, ATTENTION_KEYS, ATTENTION_QUERIES, ATTENTION_TILE, CHUNK, Choice, LANES,
    LAYER_NORM_LANES_PER_COLUMN, LONG_LANES, PARTIALS, RECURSION_LANES, RESCALE,
    RMS_NORM_LANES_PER_COLUMN, ROW_LANES, SHARED_ATTENTION, SUBGROUP_LANES, WIDE_LANES,
};
pub use target::{Target, Winners};

use crate::{
    execute::Limits,
    operation::{
        AttentionStep, Direction, DotStage, EmbeddingStep, Function, LossStep, MixtureStep, Norm,
        NormStep, Operation, Optimizer, ResolventStep, SharedExpertStep, SortStep, Transfer,
    },
    registry::Kernel,
    schedule::Schedule,
};
use spread::{LEAST_SUBGROUP_LANES, by_four, each, folded, gridded, one, product, rows};

/// Chooses a kernel for an operation on a device with these limits. Where an extent is a multiple of four,
/// an invocation takes four elements at once.
pub fn choose(operation: &Operation, limits: &Limits) -> Choice {
    match *operation {
        Operation::Linear { result, m, k, n, g, precision, .. } => {
            linear::choose(result, precision, [m, k, n, g], limits)
        }
        Operation::Attention { step, b, s, heads, kv_heads, width, window, .. } => {
            attention(step, [b, s, heads, kv_heads, width], window < s, limits)
        }
        Operation::Norm { norm, step, m, d, .. } => self::norm(norm, step, [m, d], limits),
        Operation::Rope { direction, b, s, heads, width, rotary } => {
            // A pair's two elements lie half of what is turned apart, so four pairs are eight elements.
            let elements = product([b, s, heads, rotary]);
            let by_four = rotary.is_multiple_of(8) && width.is_multiple_of(4);
            let kernel = match (direction, by_four) {
                (Direction::Forward, false) => Kernel::RopeForward,
                (Direction::Forward, true) => Kernel::RopeForwardVec4,
                (Direction::Backward, false) => Kernel::RopeBackward,
                (Direction::Backward, true) => Kernel::RopeBackwardVec4,
            };
            each(kernel, elements / if by_four { 8 } else { 2 }, LANES)
        }
        Operation::Pointwise { function, p } => pointwise(function, p),
        Operation::DotProduct { stage, p: _ } => {
            let choice = match stage {
                DotStage::Shares | DotStage::Total if limits.parallel => team::dot_product(stage),
                DotStage::Shares => each(Kernel::MixBackwardScalePartials, PARTIALS.into(), LANES),
                DotStage::Total => one(Kernel::MixBackwardScale),
            };
            choice.with(|schedule| schedule.partials = Some(PARTIALS))
        }
        Operation::Loss { step, m, v } => loss(step, m, v, limits),
        Operation::Embedding { step, b, n, d, v, p } => match step {
            EmbeddingStep::Output => by_four(
                [Kernel::EmbeddingForward, Kernel::EmbeddingForwardVec4],
                product([b, n, d]),
                d,
            ),
            EmbeddingStep::Tokens => by_four(
                [Kernel::EmbeddingBackwardToken, Kernel::EmbeddingBackwardTokenVec4],
                product([v, d]),
                d,
            ),
            EmbeddingStep::Positions => {
                each(Kernel::EmbeddingBackwardPosition, product([p, d]), LANES)
            }
        },
        Operation::TokenSums { t, d } => {
            each(Kernel::EmbeddingBackwardRows, product([t, d]), LANES)
        }
        Operation::Mixture { step, t, e: _, k, d } => mixture(step, [t, k, d], limits),
        Operation::SharedExpert { step, t, d } => {
            let elements = product([t, d]);
            match step {
                SharedExpertStep::Weight => each(Kernel::SharedExpertWeight, t.into(), LANES),
                SharedExpertStep::Output => by_four(
                    [Kernel::SharedExpertForward, Kernel::SharedExpertForwardVec4],
                    elements,
                    d,
                ),
                SharedExpertStep::Input => by_four(
                    [Kernel::SharedExpertBackwardInput, Kernel::SharedExpertBackwardInputVec4],
                    elements,
                    d,
                ),
                SharedExpertStep::WeightGradient => {
                    each(Kernel::SharedExpertBackwardWeight, t.into(), LANES)
                }
            }
        }
        Operation::Resolvent { step, b, n } => resolvent(step, b, n, limits),
        Operation::Sort { step, a, g } => {
            let chunks = a.div_ceil(CHUNK);
            let choice = match step {
                SortStep::Clear => each(Kernel::GroupingClear, product([g, chunks]), LANES),
                SortStep::Count => each(Kernel::GroupingCount, a.into(), LANES),
                SortStep::Scan if limits.parallel => team::offsets(g),
                SortStep::Scan => one(Kernel::GroupingScan),
                SortStep::Place if limits.parallel => team::slots(a),
                // A lane that places looks at all of its neighbours: fewer lanes, fewer comparisons.
                SortStep::Place => {
                    gridded(Kernel::GroupingPlace, Schedule::of_lanes(LANES), [chunks, 1, 1])
                }
            };
            choice.with(|schedule| schedule.chunk = Some(CHUNK))
        }
        Operation::Rows { transfer, t, d, first: _, rows } => match transfer {
            Transfer::Take => each(Kernel::EmbeddingGather, product([t, d]), LANES),
            Transfer::Place => each(Kernel::EmbeddingScatter, product([rows, d]), LANES),
        },
        Operation::Columns { transfer, m, n, .. } => {
            let kernel = match transfer {
                Transfer::Take => Kernel::ColumnsTake,
                Transfer::Place => Kernel::ColumnsPlace,
            };
            each(kernel, product([m, n]), LANES)
        }
        Operation::Update { rule, p } => {
            let kernels = match rule {
                Optimizer::AdamW => [Kernel::OptimizerAdamw, Kernel::OptimizerAdamwVec4],
                Optimizer::Adam => [Kernel::OptimizerAdam, Kernel::OptimizerAdamVec4],
                Optimizer::Sgd => [Kernel::OptimizerSgd, Kernel::OptimizerSgdVec4],
            };
            by_four(kernels, p.into(), p)
        }
    }
}

fn attention(
    step: AttentionStep,
    [b, s, heads, kv_heads, width]: [u32; 5],
    slides: bool,
    limits: &Limits,
) -> Choice {
    use AttentionStep::{Delta, KeyValue, Output, Query};
    let heads = match step {
        Output | Delta | Query => product([b, heads]),
        KeyValue => product([b, kv_heads]),
    };
    // Tiles begin at the first key, and a window's first key is another one for each row.
    if !width.is_multiple_of(4) || slides {
        let kernel = match step {
            Output => Kernel::AttentionForward,
            Delta => Kernel::AttentionBackwardDelta,
            Query => Kernel::AttentionBackwardQuery,
            KeyValue => Kernel::AttentionBackwardKeyValue,
        };
        return each(kernel, heads * u64::from(s), LONG_LANES)
            .with(|way| attended(way, 1, ATTENTION_BLOCK));
    }
    let alone = |kernel| {
        // Beside its own rows no tile of a shorter sequence meets a whole block.
        let meets_block = s >= ATTENTION_TILE + ATTENTION_BLOCK;
        let block = if meets_block { ATTENTION_BLOCK } else { ATTENTION_TILE };
        let tiles = heads * u64::from(s.div_ceil(ATTENTION_TILE));
        each(kernel, tiles, LONG_LANES).with(|way| attended(way, ATTENTION_TILE, block))
    };
    let together = |kernel, lanes, rows| {
        let grid = folded(heads * u64::from(s.div_ceil(rows)));
        gridded(kernel, Schedule::of_lanes(lanes), grid)
            .with(|way| attended(way, ATTENTION_TILE, ATTENTION_BLOCK))
    };
    let subgroup = |kernel, lanes| together(kernel, lanes, ATTENTION_TILE * lanes);
    let workgroup = |kernel, rows| together(kernel, ATTENTION_QUERIES * ATTENTION_KEYS, rows);
    let lanes = limits.subgroup_lanes.filter(|_| s >= SHARED_ATTENTION);
    match (step, limits.parallel, lanes) {
        // Only sums rows up, so it takes them one by one.
        (Delta, ..) => {
            let kernel = Kernel::AttentionBackwardDeltaVec4;
            each(kernel, heads * u64::from(s), LONG_LANES)
                .with(|way| attended(way, 1, ATTENTION_BLOCK))
        }
        (Output, true, _) => workgroup(Kernel::AttentionWorkgroupForwardVec4, ATTENTION_QUERIES),
        (Query, true, _) => {
            workgroup(Kernel::AttentionWorkgroupBackwardQueryVec4, ATTENTION_QUERIES)
        }
        (KeyValue, true, _) => {
            workgroup(Kernel::AttentionWorkgroupBackwardKeyValueVec4, ATTENTION_KEYS)
        }
        (Output, false, None) => alone(Kernel::AttentionForwardVec4),
        (Output, false, Some(LEAST_SUBGROUP_LANES)) => {
            subgroup(Kernel::AttentionSubgroup4ForwardVec4, LEAST_SUBGROUP_LANES)
        }
        (Output, false, Some(lanes)) => subgroup(Kernel::AttentionSubgroupForwardVec4, lanes),
        (Query, false, None) => alone(Kernel::AttentionBackwardQueryVec4),
        (Query, false, Some(LEAST_SUBGROUP_LANES)) => {
            subgroup(Kernel::AttentionSubgroup4BackwardQueryVec4, LEAST_SUBGROUP_LANES)
        }
        (Query, false, Some(lanes)) => subgroup(Kernel::AttentionSubgroupBackwardQueryVec4, lanes),
        (KeyValue, false, None) => alone(Kernel::AttentionBackwardKeyValueVec4),
        (KeyValue, false, Some(LEAST_SUBGROUP_LANES)) => {
            subgroup(Kernel::AttentionSubgroup4BackwardKeyValueVec4, LEAST_SUBGROUP_LANES)
        }
        (KeyValue, false, Some(lanes)) => {
            subgroup(Kernel::AttentionSubgroupBackwardKeyValueVec4, lanes)
        }
    }
}

/// So many rows of attention together meet their keys in blocks of so many.
fn attended(schedule: &mut Schedule, tile: u32, block: u32) {
    schedule.tile = Some(tile);
    schedule.block = Some(block);
}

fn norm(norm: Norm, step: NormStep, [m, d]: [u32; 2], limits: &Limits) -> Choice {
    let per_column = match norm {
        Norm::Layer => LAYER_NORM_LANES_PER_COLUMN,
        Norm::Rms => RMS_NORM_LANES_PER_COLUMN,
    };
    let shared = if limits.parallel { team::norm(norm, step, [m, d]) } else { None };
    let choice = shared.unwrap_or_else(|| {
        let by_four = d.is_multiple_of(4);
        let quads = if by_four { d / 4 } else { d };
        let (rows, columns) = (u64::from(m), product([quads, per_column]));
        match (norm, step, by_four) {
            (Norm::Layer, NormStep::Output, _) => each(Kernel::LayerNormForward, rows, LANES),
            (Norm::Layer, NormStep::Input, _) => each(Kernel::LayerNormBackwardInput, rows, LANES),
            (Norm::Layer, NormStep::Parameters, _) => {
                each(Kernel::LayerNormBackwardParams, product([d, per_column]), LANES)
            }
            (Norm::Rms, NormStep::Output, false) => each(Kernel::RmsNormForward, rows, LANES),
            (Norm::Rms, NormStep::Output, true) => each(Kernel::RmsNormForwardVec4, rows, LANES),
            (Norm::Rms, NormStep::Input, false) => each(Kernel::RmsNormBackwardInput, rows, LANES),
            (Norm::Rms, NormStep::Input, true) => {
                each(Kernel::RmsNormBackwardInputVec4, rows, LANES)
            }
            (Norm::Rms, NormStep::Parameters, false) => {
                each(Kernel::RmsNormBackwardParams, columns, WIDE_LANES)
            }
            (Norm::Rms, NormStep::Parameters, true) => {
                each(Kernel::RmsNormBackwardParamsVec4, columns, WIDE_LANES)
            }
        }
    });
    choice.with(|schedule| schedule.lanes_per_column = Some(per_column))
}

fn loss(step: LossStep, m: u32, v: u32, limits: &Limits) -> Choice {
    if limits.parallel
        && let Some(choice) = team::loss(step, m, v)
    {
        return choice;
    }
    match (step, v.is_multiple_of(4)) {
        (LossStep::Rows, false) => rows(Kernel::CrossEntropyForward, m),
        (LossStep::Rows, true) => rows(Kernel::CrossEntropyForwardVec4, m),
        (LossStep::Gradient, false) => rows(Kernel::CrossEntropyBackward, m),
        (LossStep::Gradient, true) => rows(Kernel::CrossEntropyBackwardVec4, m),
        (LossStep::Mean, _) => one(Kernel::CrossEntropyMean),
    }
}

fn pointwise(function: Function, p: u32) -> Choice {
    let kernels = match function {
        Function::Relu => [Kernel::ReluForward, Kernel::ReluForwardVec4],
        Function::ReluGradient => [Kernel::ReluBackward, Kernel::ReluBackwardVec4],
        Function::SwiGlu => [Kernel::SwigluForward, Kernel::SwigluForwardVec4],
        Function::SwiGluGradient => [Kernel::SwigluBackward, Kernel::SwigluBackwardVec4],
        Function::ScaledSum => [Kernel::MixForward, Kernel::MixForwardVec4],
        Function::ScaledSumGradient => [Kernel::MixBackward, Kernel::MixBackwardVec4],
        Function::Narrow => [Kernel::HalfNarrow, Kernel::HalfNarrowVec4],
        Function::Sum => [Kernel::MixAdd, Kernel::MixAddVec4],
        Function::AddMultiple => [Kernel::MixAddMultiple, Kernel::MixAddMultipleVec4],
        Function::AddMultipleGradient => {
            [Kernel::MixMultipleGradient, Kernel::MixMultipleGradientVec4]
        }
        Function::Accumulate => [Kernel::MixAccumulate, Kernel::MixAccumulateVec4],
        Function::ErfGelu => [Kernel::GeluErfForward, Kernel::GeluErfForwardVec4],
        Function::ErfGeluGradient => [Kernel::GeluErfBackward, Kernel::GeluErfBackwardVec4],
        Function::TanhGelu => [Kernel::GeluForward, Kernel::GeluForwardVec4],
        Function::TanhGeluGradient => [Kernel::GeluBackward, Kernel::GeluBackwardVec4],
        Function::GeGlu => [Kernel::GegluForward, Kernel::GegluForwardVec4],
        Function::GeGluGradient => [Kernel::GegluBackward, Kernel::GegluBackwardVec4],
        Function::SoftCap => [Kernel::SoftCapForward, Kernel::SoftCapForwardVec4],
        Function::SoftCapGradient => [Kernel::SoftCapBackward, Kernel::SoftCapBackwardVec4],
        // Of an adapter's few columns, or of one row: not worth a kernel of its own.
        Function::Multiple | Function::Unscale => return each(Kernel::MixScale, p.into(), LANES),
        Function::PlusOne => return each(Kernel::MixPlusOne, p.into(), LANES),
    };
    by_four(kernels, p.into(), p)
}

fn mixture(step: MixtureStep, [t, k, d]: [u32; 3], limits: &Limits) -> Choice {
    let (tokens, assignments) = (product([t, d]), product([t, k, d]));
    match step {
        MixtureStep::Route => each(Kernel::MoeRoute, t.into(), LANES),
        MixtureStep::RouteGradient => each(Kernel::MoeBackwardRoute, t.into(), LANES),
        MixtureStep::RouteOverAll => each(Kernel::MoeRouteAll, t.into(), LANES),
        MixtureStep::RouteOverAllGradient => each(Kernel::MoeBackwardRouteAll, t.into(), LANES),
        MixtureStep::GateGradient if limits.parallel => team::gate(product([t, k]), d),
        MixtureStep::GateGradient => each(Kernel::MoeBackwardGate, product([t, k]), LANES),
        MixtureStep::Gather => by_four([Kernel::MoeGather, Kernel::MoeGatherVec4], assignments, d),
        MixtureStep::GatherGradient => {
            by_four([Kernel::MoeBackwardGather, Kernel::MoeBackwardGatherVec4], tokens, d)
        }
        MixtureStep::Combine => by_four([Kernel::MoeCombine, Kernel::MoeCombineVec4], tokens, d),
        MixtureStep::CombineGradient => {
            by_four([Kernel::MoeBackwardCombine, Kernel::MoeBackwardCombineVec4], assignments, d)
        }
    }
}

fn resolvent(step: ResolventStep, b: u32, n: u32, limits: &Limits) -> Choice {
    let (rows, elements) = (u64::from(b), product([b, n]));
    let choice = match step {
        ResolventStep::Potential => each(Kernel::BkCorePotential, elements, LANES),
        ResolventStep::PotentialGradient => each(Kernel::BkCoreBackwardPotential, elements, LANES),
        ResolventStep::Couple => each(Kernel::BkCoreCouple, n.saturating_sub(1).into(), LANES),
        ResolventStep::Theta if limits.parallel => {
            team::by_workgroup(Kernel::BkCoreWorkgroupThetaRecursion, rows)
        }
        ResolventStep::Phi if limits.parallel => {
            team::by_workgroup(Kernel::BkCoreWorkgroupPhiRecursion, rows)
        }
        ResolventStep::Theta => each(Kernel::BkCoreThetaRecursion, rows, LANES),
        ResolventStep::Phi => each(Kernel::BkCorePhiRecursion, rows, LANES),
        ResolventStep::Diagonal => each(Kernel::BkCoreResolvent, elements, LANES),
        ResolventStep::DiagonalGradient => each(Kernel::BkCoreBackwardFeatures, elements, LANES),
        ResolventStep::HybridGradient => each(Kernel::BkCoreBackwardHybrid, elements, LANES),
        ResolventStep::ExactLeft => each(Kernel::BkCoreBackwardExactLeft, rows, LANES),
        ResolventStep::ExactGradient => each(Kernel::BkCoreBackwardExact, rows, LANES),
    };
    choice.with(|schedule| schedule.rescale = Some(RESCALE))
}
