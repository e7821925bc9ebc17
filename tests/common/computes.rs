//! What each of the crate's kernels computes when it is launched with dimensions by name: the way back from
//! a kernel to its operation, for tests that launch kernels which no plan would choose.

use flopmeter::{
    choice::{ATTENTION_BLOCK, ATTENTION_TILE},
    formula::{self, Forms},
    operation::{
        AttentionStep, Direction, DotStage, EmbeddingStep, Function, LinearResult, LossStep,
        MixtureStep, Norm, NormStep, Operation, Optimizer, Precision, ResolventStep,
        SharedExpertStep, SortStep, Transfer, Wanted,
    },
    plan::Dims,
    registry::Kernel,
    schedule::Schedule,
};

/// Whether a kernel multiplies numbers in half precision.
pub fn is_narrow(kernel: Kernel) -> bool {
    let (file, _) = kernel.parts();
    file.ends_with("_f16") || file.starts_with("linear_matrix")
}

/// The operation, or `None` of a kernel that measures a device and belongs to no model.
///
/// # Panics
/// Where a dimension is missing.
pub fn operation(kernel: Kernel, dims: &Dims) -> Option<Operation> {
    let dim = |name: &str| {
        *dims.get(name).unwrap_or_else(|| panic!("{kernel} has no dimension '{name}'"))
    };
    let linear = |result| Operation::Linear {
        result,
        m: dim("M"),
        k: dim("K"),
        n: dim("N"),
        g: dim("G"),
        accumulate: dim("accumulate") > 0,
        precision: match is_narrow(kernel) {
            true => Precision::Half,
            false => Precision::Single,
        },
    };
    let attention = |step| Operation::Attention {
        step,
        b: dim("B"),
        s: dim("S"),
        heads: dim("HEADS"),
        kv_heads: dim("KV_HEADS"),
        width: dim("WIDTH"),
        window: dim("WINDOW"),
        capped: dim("CAPPED") > 0,
        wanted: Wanted::ALL,
    };
    let norm = |norm, step| Operation::Norm {
        norm,
        step,
        m: dim("M"),
        d: dim("D"),
        accumulate: dim("accumulate") > 0,
    };
    let rope = |direction| Operation::Rope {
        direction,
        b: dim("B"),
        s: dim("S"),
        heads: dim("HEADS"),
        width: dim("WIDTH"),
        rotary: dim("ROTARY"),
    };
    let pointwise = |function| Operation::Pointwise { function, p: dim("P") };
    let loss = |step| Operation::Loss { step, m: dim("M"), v: dim("V") };
    let embedding = |step| Operation::Embedding {
        step,
        b: dim("B"),
        n: dim("N"),
        d: dim("D"),
        v: dim("V"),
        p: dim("P"),
    };
    let rows = |transfer| Operation::Rows {
        transfer,
        t: dim("T"),
        d: dim("D"),
        first: dim("FIRST"),
        rows: dim("ROWS"),
    };
    let mixture =
        |step| Operation::Mixture { step, t: dim("T"), e: dim("E"), k: dim("K"), d: dim("D") };
    let shared = |step| Operation::SharedExpert { step, t: dim("T"), d: dim("D") };
    let resolvent = |step| Operation::Resolvent { step, b: dim("B"), n: dim("N") };
    let sort = |step| Operation::Sort { step, a: dim("A"), g: dim("G") };
    Some(match kernel {
        Kernel::LinearForward
        | Kernel::LinearF16Forward
        | Kernel::LinearF16ForwardColumns
        | Kernel::LinearF16ForwardVec4
        | Kernel::LinearWorkgroupF16ForwardVec4
        | Kernel::LinearOddF16Forward
        | Kernel::LinearOddSubgroupForward
        | Kernel::LinearMatrixForward
        | Kernel::LinearMatrix8Forward
        | Kernel::LinearForwardColumns
        | Kernel::LinearForwardVec4
        | Kernel::LinearSubgroupForwardVec4
        | Kernel::LinearSubgroup4ForwardVec4
        | Kernel::LinearWorkgroupForwardVec4
        | Kernel::LinearOddForward => linear(LinearResult::Output),
        Kernel::LinearForwardPlain
        | Kernel::LinearF16ForwardPlain
        | Kernel::LinearF16ForwardPlainColumns
        | Kernel::LinearF16ForwardPlainVec4
        | Kernel::LinearWorkgroupF16ForwardPlainVec4
        | Kernel::LinearOddF16ForwardPlain
        | Kernel::LinearOddSubgroupForwardPlain
        | Kernel::LinearMatrixForwardPlain
        | Kernel::LinearMatrix8ForwardPlain
        | Kernel::LinearForwardPlainColumns
        | Kernel::LinearForwardPlainVec4
        | Kernel::LinearSubgroupForwardPlainVec4
        | Kernel::LinearSubgroup4ForwardPlainVec4
        | Kernel::LinearWorkgroupForwardPlainVec4
        | Kernel::LinearOddForwardPlain => linear(LinearResult::PlainOutput),
        Kernel::LinearBackwardInput
        | Kernel::LinearF16BackwardInput
        | Kernel::LinearF16BackwardInputColumns
        | Kernel::LinearF16BackwardInputVec4
        | Kernel::LinearWorkgroupF16BackwardInputVec4
        | Kernel::LinearOddF16BackwardInput
        | Kernel::LinearOddSubgroupBackwardInput
        | Kernel::LinearMatrixBackwardInput
        | Kernel::LinearMatrix8BackwardInput
        | Kernel::LinearBackwardInputColumns
        | Kernel::LinearBackwardInputVec4
        | Kernel::LinearSubgroupBackwardInputVec4
        | Kernel::LinearSubgroup4BackwardInputVec4
        | Kernel::LinearWorkgroupBackwardInputVec4
        | Kernel::LinearOddBackwardInput => linear(LinearResult::Input),
        Kernel::LinearBackwardWeight
        | Kernel::LinearF16BackwardWeight
        | Kernel::LinearF16BackwardWeightVec4
        | Kernel::LinearOddF16BackwardWeight
        | Kernel::LinearOddSubgroupBackwardWeight
        | Kernel::LinearMatrixBackwardWeight
        | Kernel::LinearMatrix8BackwardWeight
        | Kernel::LinearSharesF16BackwardWeight
        | Kernel::LinearSharesF16BackwardWeightVec4
        | Kernel::LinearBackwardWeightVec4
        | Kernel::LinearSubgroupBackwardWeightVec4
        | Kernel::LinearSubgroup4BackwardWeightVec4
        | Kernel::LinearOddBackwardWeight
        | Kernel::LinearSharesBackwardWeight
        | Kernel::LinearSharesBackwardWeightVec4 => linear(LinearResult::Weight),
        Kernel::LinearBackwardBias
        | Kernel::LinearBackwardBiasVec4
        | Kernel::LinearSumsBackwardBias
        | Kernel::LinearSumsBackwardBiasVec4 => linear(LinearResult::Bias),
        Kernel::HalfNarrow | Kernel::HalfNarrowVec4 => pointwise(Function::Narrow),
        Kernel::AttentionForward
        | Kernel::AttentionForwardVec4
        | Kernel::AttentionWorkgroupForwardVec4
        | Kernel::AttentionSubgroupForwardVec4
        | Kernel::AttentionSubgroup4ForwardVec4 => attention(AttentionStep::Output),
        Kernel::AttentionBackwardDelta | Kernel::AttentionBackwardDeltaVec4 => {
            attention(AttentionStep::Delta)
        }
        Kernel::AttentionBackwardQuery
        | Kernel::AttentionBackwardQueryVec4
        | Kernel::AttentionWorkgroupBackwardQueryVec4
        | Kernel::AttentionSubgroupBackwardQueryVec4
        | Kernel::AttentionSubgroup4BackwardQueryVec4 => attention(AttentionStep::Query),
        Kernel::AttentionBackwardKeyValue
        | Kernel::AttentionBackwardKeyValueVec4
        | Kernel::AttentionWorkgroupBackwardKeyValueVec4
        | Kernel::AttentionSubgroupBackwardKeyValueVec4
        | Kernel::AttentionSubgroup4BackwardKeyValueVec4 => attention(AttentionStep::KeyValue),
        Kernel::BkCorePotential => resolvent(ResolventStep::Potential),
        Kernel::BkCoreBackwardPotential => resolvent(ResolventStep::PotentialGradient),
        Kernel::BkCoreCouple => resolvent(ResolventStep::Couple),
        Kernel::BkCoreThetaRecursion
        | Kernel::BkCoreWorkgroupThetaRecursion
        | Kernel::BkCoreChunksThetaRecursion => resolvent(ResolventStep::Theta),
        Kernel::BkCorePhiRecursion
        | Kernel::BkCoreWorkgroupPhiRecursion
        | Kernel::BkCoreChunksPhiRecursion => resolvent(ResolventStep::Phi),
        Kernel::BkCoreResolvent => resolvent(ResolventStep::Diagonal),
        Kernel::BkCoreBackwardFeatures => resolvent(ResolventStep::DiagonalGradient),
        Kernel::BkCoreBackwardHybrid => resolvent(ResolventStep::HybridGradient),
        Kernel::BkCoreBackwardExactLeft | Kernel::BkCoreChunksExactBackwardExactLeft => {
            resolvent(ResolventStep::ExactLeft)
        }
        Kernel::BkCoreBackwardExact | Kernel::BkCoreChunksExactBackwardExact => {
            resolvent(ResolventStep::ExactGradient)
        }
        Kernel::ColumnsTake => Operation::Columns {
            transfer: Transfer::Take,
            m: dim("M"),
            n: dim("N"),
            v: dim("V"),
            column: dim("COLUMN"),
        },
        Kernel::ColumnsPlace => Operation::Columns {
            transfer: Transfer::Place,
            m: dim("M"),
            n: dim("N"),
            v: dim("V"),
            column: dim("COLUMN"),
        },
        Kernel::CrossEntropyForward
        | Kernel::CrossEntropyForwardVec4
        | Kernel::CrossEntropyWorkgroupForward
        | Kernel::CrossEntropyWorkgroupForwardVec4 => loss(LossStep::Rows),
        Kernel::CrossEntropyBackward | Kernel::CrossEntropyBackwardVec4 => loss(LossStep::Gradient),
        Kernel::CrossEntropyMean | Kernel::CrossEntropyWorkgroupMean => loss(LossStep::Mean),
        Kernel::EmbeddingForward | Kernel::EmbeddingForwardVec4 => embedding(EmbeddingStep::Output),
        Kernel::EmbeddingBackwardToken | Kernel::EmbeddingBackwardTokenVec4 => {
            embedding(EmbeddingStep::Tokens)
        }
        Kernel::EmbeddingBackwardPosition => embedding(EmbeddingStep::Positions),
        Kernel::EmbeddingBackwardRows => Operation::TokenSums { t: dim("T"), d: dim("D") },
        Kernel::EmbeddingGather => rows(Transfer::Take),
        Kernel::EmbeddingScatter => rows(Transfer::Place),
        Kernel::GroupingClear => sort(SortStep::Clear),
        Kernel::GroupingCount => sort(SortStep::Count),
        Kernel::GroupingScan | Kernel::GroupingWorkgroupScan => sort(SortStep::Scan),
        Kernel::GroupingPlace | Kernel::GroupingWorkgroupPlace => sort(SortStep::Place),
        Kernel::LayerNormForward
        | Kernel::LayerNormWorkgroupForward
        | Kernel::LayerNormWorkgroupForwardVec4 => norm(Norm::Layer, NormStep::Output),
        Kernel::LayerNormBackwardInput
        | Kernel::LayerNormWorkgroupBackwardInput
        | Kernel::LayerNormWorkgroupBackwardInputVec4 => norm(Norm::Layer, NormStep::Input),
        Kernel::LayerNormBackwardParams | Kernel::LayerNormWorkgroupBackwardParamsVec4 => {
            norm(Norm::Layer, NormStep::Parameters)
        }
        Kernel::RmsNormForward
        | Kernel::RmsNormForwardVec4
        | Kernel::RmsNormWorkgroupForward
        | Kernel::RmsNormWorkgroupForwardVec4 => norm(Norm::Rms, NormStep::Output),
        Kernel::RmsNormBackwardInput
        | Kernel::RmsNormBackwardInputVec4
        | Kernel::RmsNormWorkgroupBackwardInput
        | Kernel::RmsNormWorkgroupBackwardInputVec4 => norm(Norm::Rms, NormStep::Input),
        Kernel::RmsNormBackwardParams
        | Kernel::RmsNormBackwardParamsVec4
        | Kernel::RmsNormWorkgroupBackwardParamsVec4 => norm(Norm::Rms, NormStep::Parameters),
        Kernel::MixForward | Kernel::MixForwardVec4 => pointwise(Function::ScaledSum),
        Kernel::MixBackward | Kernel::MixBackwardVec4 => pointwise(Function::ScaledSumGradient),
        Kernel::MixAdd | Kernel::MixAddVec4 => pointwise(Function::Sum),
        Kernel::ReluForward | Kernel::ReluForwardVec4 => pointwise(Function::Relu),
        Kernel::ReluBackward | Kernel::ReluBackwardVec4 => pointwise(Function::ReluGradient),
        Kernel::SwigluForward | Kernel::SwigluForwardVec4 => pointwise(Function::SwiGlu),
        Kernel::SwigluBackward | Kernel::SwigluBackwardVec4 => pointwise(Function::SwiGluGradient),
        Kernel::MixAccumulate | Kernel::MixAccumulateVec4 => pointwise(Function::Accumulate),
        Kernel::MixAddMultiple | Kernel::MixAddMultipleVec4 => pointwise(Function::AddMultiple),
        Kernel::MixMultipleGradient | Kernel::MixMultipleGradientVec4 => {
            pointwise(Function::AddMultipleGradient)
        }
        Kernel::MixScale => pointwise(Function::Multiple),
        Kernel::MixPlusOne => pointwise(Function::PlusOne),
        Kernel::GeluErfForward | Kernel::GeluErfForwardVec4 => pointwise(Function::ErfGelu),
        Kernel::GeluErfBackward | Kernel::GeluErfBackwardVec4 => {
            pointwise(Function::ErfGeluGradient)
        }
        Kernel::GeluForward | Kernel::GeluForwardVec4 => pointwise(Function::TanhGelu),
        Kernel::GeluBackward | Kernel::GeluBackwardVec4 => pointwise(Function::TanhGeluGradient),
        Kernel::GegluForward | Kernel::GegluForwardVec4 => pointwise(Function::GeGlu),
        Kernel::GegluBackward | Kernel::GegluBackwardVec4 => pointwise(Function::GeGluGradient),
        Kernel::SoftCapForward | Kernel::SoftCapForwardVec4 => pointwise(Function::SoftCap),
        Kernel::SoftCapBackward | Kernel::SoftCapBackwardVec4 => {
            pointwise(Function::SoftCapGradient)
        }
        Kernel::MixBackwardScalePartials | Kernel::MixWorkgroupBackwardScalePartials => {
            Operation::DotProduct { stage: DotStage::Shares, p: dim("P") }
        }
        Kernel::MixBackwardScale | Kernel::MixWorkgroupBackwardScale => {
            Operation::DotProduct { stage: DotStage::Total, p: dim("P") }
        }
        Kernel::MoeRoute => mixture(MixtureStep::Route),
        Kernel::MoeBackwardRoute => mixture(MixtureStep::RouteGradient),
        Kernel::MoeRouteAll => mixture(MixtureStep::RouteOverAll),
        Kernel::MoeBackwardRouteAll => mixture(MixtureStep::RouteOverAllGradient),
        Kernel::SharedExpertWeight => shared(SharedExpertStep::Weight),
        Kernel::SharedExpertForward | Kernel::SharedExpertForwardVec4 => {
            shared(SharedExpertStep::Output)
        }
        Kernel::SharedExpertBackwardInput | Kernel::SharedExpertBackwardInputVec4 => {
            shared(SharedExpertStep::Input)
        }
        Kernel::SharedExpertBackwardWeight => shared(SharedExpertStep::WeightGradient),
        Kernel::MoeGather | Kernel::MoeGatherVec4 => mixture(MixtureStep::Gather),
        Kernel::MoeBackwardGather | Kernel::MoeBackwardGatherVec4 => {
            mixture(MixtureStep::GatherGradient)
        }
        Kernel::MoeCombine | Kernel::MoeCombineVec4 => mixture(MixtureStep::Combine),
        Kernel::MoeBackwardCombine | Kernel::MoeBackwardCombineVec4 => {
            mixture(MixtureStep::CombineGradient)
        }
        Kernel::MoeBackwardGate
        | Kernel::MoeWorkgroupBackwardGate
        | Kernel::MoeWorkgroupBackwardGateVec4 => mixture(MixtureStep::GateGradient),
        Kernel::OptimizerSgd | Kernel::OptimizerSgdVec4 => {
            Operation::Update { rule: Optimizer::Sgd, p: dim("P") }
        }
        Kernel::OptimizerAdam | Kernel::OptimizerAdamVec4 => {
            Operation::Update { rule: Optimizer::Adam, p: dim("P") }
        }
        Kernel::OptimizerAdamw | Kernel::OptimizerAdamwVec4 => {
            Operation::Update { rule: Optimizer::AdamW, p: dim("P") }
        }
        Kernel::RopeForward | Kernel::RopeForwardVec4 => rope(Direction::Forward),
        Kernel::RopeBackward | Kernel::RopeBackwardVec4 => rope(Direction::Backward),
        Kernel::RooflineFmaF32
        | Kernel::RooflineFmaF32Vec4
        | Kernel::RooflineFmaF16Vec4
        | Kernel::RooflineFmaF64Vec4
        | Kernel::RooflineCopy
        | Kernel::RooflineTriad
        | Kernel::RooflineWorkgroupLoad
        | Kernel::RooflineNothing => return None,
    })
}

/// The schedule.
pub fn schedule(kernel: Kernel, dims: &Dims) -> Schedule {
    let dim = |name: &str| dims.get(name).copied();
    let (tile, block) = match kernel {
        Kernel::AttentionForwardVec4 => (Some(ATTENTION_TILE), dim("BLOCK")),
        Kernel::AttentionWorkgroupForwardVec4
        | Kernel::AttentionSubgroupForwardVec4
        | Kernel::AttentionSubgroup4ForwardVec4 => (Some(ATTENTION_TILE), Some(ATTENTION_BLOCK)),
        Kernel::AttentionForward => (Some(1), Some(ATTENTION_BLOCK)),
        _ => (None, None),
    };
    Schedule {
        lanes: dim("LANES").unwrap_or(1),
        column_lanes: dim("COLUMN_LANES"),
        lanes_per_column: dim("LANES_PER_COLUMN"),
        // A product of one slice has its sums to itself; a team of one lane begins with a term.
        team: dim("TEAM").filter(|&team| team > 1 || !kernel.parts().0.starts_with("linear")),
        partials: dim("PARTIALS"),
        chunk: dim("CHUNK"),
        tile,
        block,
        side: dim("SIDE"),
        rescale: dim("RESCALE"),
    }
}

/// What such a launch costs; `None` where [`operation`] is.
pub fn forms(kernel: Kernel, dims: &Dims) -> Option<Forms> {
    Some(formula::forms(&operation(kernel, dims)?, &schedule(kernel, dims)))
}
