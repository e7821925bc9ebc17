//! The crate's own kernels as values, one row for each entry point of a file in `shaders/`. A plan names
//! a kernel by its [`Kernel`], so a kernel that does not exist cannot be named; a test holds the rows
//! against the entry points that naga finds. Knows names alone: bindings, overrides and workgroup sizes
//! are reflected from the shader where it is loaded.

mod name;

pub use name::KernelName;

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! kernels {
    ($($file:literal { $($kernel:ident $entry:literal,)* })*) => {
        /// One of the crate's own kernels.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "KernelName", into = "KernelName")]
        pub enum Kernel {$($(
            #[doc = concat!("`", $entry, "` of `shaders/", $file, ".wgsl`.")]
            $kernel,
        )*)*}

        impl Kernel {
            /// Every kernel, file by file.
            pub const ALL: &[Self] = &[$($(Self::$kernel,)*)*];

            /// The stem of its file, and its entry point.
            pub const fn parts(self) -> (&'static str, &'static str) {
                match self {$($(
                    Self::$kernel => ($file, $entry),
                )*)*}
            }
        }
    };
}

kernels! {
    "attention" {
        AttentionForward "forward",
        AttentionBackwardDelta "backward_delta",
        AttentionBackwardQuery "backward_query",
        AttentionBackwardKeyValue "backward_key_value",
        AttentionForwardVec4 "forward_vec4",
        AttentionBackwardDeltaVec4 "backward_delta_vec4",
        AttentionBackwardQueryVec4 "backward_query_vec4",
        AttentionBackwardKeyValueVec4 "backward_key_value_vec4",
    }
    "attention_subgroup" {
        AttentionSubgroupForwardVec4 "forward_vec4",
        AttentionSubgroupBackwardQueryVec4 "backward_query_vec4",
        AttentionSubgroupBackwardKeyValueVec4 "backward_key_value_vec4",
    }
    "attention_subgroup_4" {
        AttentionSubgroup4ForwardVec4 "forward_vec4",
        AttentionSubgroup4BackwardQueryVec4 "backward_query_vec4",
        AttentionSubgroup4BackwardKeyValueVec4 "backward_key_value_vec4",
    }
    "attention_workgroup" {
        AttentionWorkgroupForwardVec4 "forward_vec4",
        AttentionWorkgroupBackwardQueryVec4 "backward_query_vec4",
        AttentionWorkgroupBackwardKeyValueVec4 "backward_key_value_vec4",
    }
    "bk_core" {
        BkCorePotential "potential",
        BkCoreBackwardPotential "backward_potential",
        BkCoreCouple "couple",
        BkCoreThetaRecursion "theta_recursion",
        BkCorePhiRecursion "phi_recursion",
        BkCoreResolvent "resolvent",
        BkCoreBackwardFeatures "backward_features",
        BkCoreBackwardHybrid "backward_hybrid",
        BkCoreBackwardExactLeft "backward_exact_left",
        BkCoreBackwardExact "backward_exact",
    }
    "bk_core_chunks" {
        BkCoreChunksThetaRecursion "theta_recursion",
        BkCoreChunksPhiRecursion "phi_recursion",
    }
    "bk_core_chunks_exact" {
        BkCoreChunksExactBackwardExactLeft "backward_exact_left",
        BkCoreChunksExactBackwardExact "backward_exact",
    }
    "bk_core_workgroup" {
        BkCoreWorkgroupThetaRecursion "theta_recursion",
        BkCoreWorkgroupPhiRecursion "phi_recursion",
    }
    "columns" {
        ColumnsPlace "place",
        ColumnsTake "take",
    }
    "cross_entropy" {
        CrossEntropyForward "forward",
        CrossEntropyForwardVec4 "forward_vec4",
        CrossEntropyBackward "backward",
        CrossEntropyBackwardVec4 "backward_vec4",
        CrossEntropyMean "mean",
    }
    "cross_entropy_workgroup" {
        CrossEntropyWorkgroupForward "forward",
        CrossEntropyWorkgroupForwardVec4 "forward_vec4",
        CrossEntropyWorkgroupMean "mean",
    }
    "embedding" {
        EmbeddingForward "forward",
        EmbeddingForwardVec4 "forward_vec4",
        EmbeddingBackwardToken "backward_token",
        EmbeddingBackwardTokenVec4 "backward_token_vec4",
        EmbeddingBackwardPosition "backward_position",
        EmbeddingGather "gather",
        EmbeddingBackwardRows "backward_rows",
        EmbeddingScatter "scatter",
    }
    "geglu" {
        GegluForward "forward",
        GegluForwardVec4 "forward_vec4",
        GegluBackward "backward",
        GegluBackwardVec4 "backward_vec4",
    }
    "gelu" {
        GeluForward "forward",
        GeluForwardVec4 "forward_vec4",
        GeluBackward "backward",
        GeluBackwardVec4 "backward_vec4",
    }
    "gelu_erf" {
        GeluErfForward "forward",
        GeluErfForwardVec4 "forward_vec4",
        GeluErfBackward "backward",
        GeluErfBackwardVec4 "backward_vec4",
    }
    "grouping" {
        GroupingClear "clear",
        GroupingCount "count",
        GroupingScan "scan",
        GroupingPlace "place",
    }
    "grouping_workgroup" {
        GroupingWorkgroupScan "scan",
        GroupingWorkgroupPlace "place",
    }
    "half" {
        HalfNarrow "narrow",
        HalfNarrowVec4 "narrow_vec4",
    }
    "layer_norm" {
        LayerNormForward "forward",
        LayerNormBackwardInput "backward_input",
        LayerNormBackwardParams "backward_params",
    }
    "layer_norm_workgroup" {
        LayerNormWorkgroupForward "forward",
        LayerNormWorkgroupForwardVec4 "forward_vec4",
        LayerNormWorkgroupBackwardInput "backward_input",
        LayerNormWorkgroupBackwardInputVec4 "backward_input_vec4",
        LayerNormWorkgroupBackwardParamsVec4 "backward_params_vec4",
    }
    "linear" {
        LinearForward "forward",
        LinearForwardPlain "forward_plain",
        LinearBackwardInput "backward_input",
        LinearBackwardWeight "backward_weight",
        LinearBackwardBias "backward_bias",
        LinearBackwardBiasVec4 "backward_bias_vec4",
        LinearForwardColumns "forward_columns",
        LinearForwardPlainColumns "forward_plain_columns",
        LinearBackwardInputColumns "backward_input_columns",
        LinearForwardVec4 "forward_vec4",
        LinearForwardPlainVec4 "forward_plain_vec4",
        LinearBackwardInputVec4 "backward_input_vec4",
        LinearBackwardWeightVec4 "backward_weight_vec4",
    }
    "linear_f16" {
        LinearF16Forward "forward",
        LinearF16ForwardPlain "forward_plain",
        LinearF16BackwardInput "backward_input",
        LinearF16BackwardWeight "backward_weight",
        LinearF16ForwardColumns "forward_columns",
        LinearF16ForwardPlainColumns "forward_plain_columns",
        LinearF16BackwardInputColumns "backward_input_columns",
        LinearF16ForwardVec4 "forward_vec4",
        LinearF16ForwardPlainVec4 "forward_plain_vec4",
        LinearF16BackwardInputVec4 "backward_input_vec4",
        LinearF16BackwardWeightVec4 "backward_weight_vec4",
    }
    "linear_matrix" {
        LinearMatrixForward "forward",
        LinearMatrixForwardPlain "forward_plain",
        LinearMatrixBackwardInput "backward_input",
        LinearMatrixBackwardWeight "backward_weight",
    }
    "linear_matrix_8" {
        LinearMatrix8Forward "forward",
        LinearMatrix8ForwardPlain "forward_plain",
        LinearMatrix8BackwardInput "backward_input",
        LinearMatrix8BackwardWeight "backward_weight",
    }
    "linear_odd" {
        LinearOddForward "forward",
        LinearOddForwardPlain "forward_plain",
        LinearOddBackwardInput "backward_input",
        LinearOddBackwardWeight "backward_weight",
    }
    "linear_odd_f16" {
        LinearOddF16Forward "forward",
        LinearOddF16ForwardPlain "forward_plain",
        LinearOddF16BackwardInput "backward_input",
        LinearOddF16BackwardWeight "backward_weight",
    }
    "linear_odd_subgroup" {
        LinearOddSubgroupForward "forward",
        LinearOddSubgroupForwardPlain "forward_plain",
        LinearOddSubgroupBackwardInput "backward_input",
        LinearOddSubgroupBackwardWeight "backward_weight",
    }
    "linear_shares" {
        LinearSharesBackwardWeight "backward_weight",
        LinearSharesBackwardWeightVec4 "backward_weight_vec4",
    }
    "linear_shares_f16" {
        LinearSharesF16BackwardWeight "backward_weight",
        LinearSharesF16BackwardWeightVec4 "backward_weight_vec4",
    }
    "linear_subgroup" {
        LinearSubgroupForwardVec4 "forward_vec4",
        LinearSubgroupForwardPlainVec4 "forward_plain_vec4",
        LinearSubgroupBackwardInputVec4 "backward_input_vec4",
        LinearSubgroupBackwardWeightVec4 "backward_weight_vec4",
    }
    "linear_subgroup_4" {
        LinearSubgroup4ForwardVec4 "forward_vec4",
        LinearSubgroup4ForwardPlainVec4 "forward_plain_vec4",
        LinearSubgroup4BackwardInputVec4 "backward_input_vec4",
        LinearSubgroup4BackwardWeightVec4 "backward_weight_vec4",
    }
    "linear_sums" {
        LinearSumsBackwardBias "backward_bias",
        LinearSumsBackwardBiasVec4 "backward_bias_vec4",
    }
    "linear_workgroup" {
        LinearWorkgroupForwardVec4 "forward_vec4",
        LinearWorkgroupForwardPlainVec4 "forward_plain_vec4",
        LinearWorkgroupBackwardInputVec4 "backward_input_vec4",
    }
    "linear_workgroup_f16" {
        LinearWorkgroupF16ForwardVec4 "forward_vec4",
        LinearWorkgroupF16ForwardPlainVec4 "forward_plain_vec4",
        LinearWorkgroupF16BackwardInputVec4 "backward_input_vec4",
    }
    "mix" {
        MixForward "forward",
        MixForwardVec4 "forward_vec4",
        MixBackward "backward",
        MixBackwardVec4 "backward_vec4",
        MixBackwardScalePartials "backward_scale_partials",
        MixBackwardScale "backward_scale",
        MixAdd "add",
        MixAddVec4 "add_vec4",
        MixAddMultiple "add_multiple",
        MixAddMultipleVec4 "add_multiple_vec4",
        MixMultipleGradient "multiple_gradient",
        MixMultipleGradientVec4 "multiple_gradient_vec4",
        MixAccumulate "accumulate",
        MixAccumulateVec4 "accumulate_vec4",
        MixScale "scale",
        MixPlusOne "plus_one",
    }
    "mix_workgroup" {
        MixWorkgroupBackwardScalePartials "backward_scale_partials",
        MixWorkgroupBackwardScale "backward_scale",
    }
    "moe" {
        MoeRoute "route",
        MoeGather "gather",
        MoeGatherVec4 "gather_vec4",
        MoeCombine "combine",
        MoeCombineVec4 "combine_vec4",
        MoeBackwardCombine "backward_combine",
        MoeBackwardCombineVec4 "backward_combine_vec4",
        MoeBackwardGate "backward_gate",
        MoeBackwardGather "backward_gather",
        MoeBackwardGatherVec4 "backward_gather_vec4",
        MoeBackwardRoute "backward_route",
        MoeRouteAll "route_all",
        MoeBackwardRouteAll "backward_route_all",
    }
    "moe_workgroup" {
        MoeWorkgroupBackwardGate "backward_gate",
        MoeWorkgroupBackwardGateVec4 "backward_gate_vec4",
    }
    "optimizer" {
        OptimizerSgd "sgd",
        OptimizerSgdVec4 "sgd_vec4",
        OptimizerAdam "adam",
        OptimizerAdamVec4 "adam_vec4",
        OptimizerAdamw "adamw",
        OptimizerAdamwVec4 "adamw_vec4",
    }
    "relu" {
        ReluForward "forward",
        ReluForwardVec4 "forward_vec4",
        ReluBackward "backward",
        ReluBackwardVec4 "backward_vec4",
    }
    "rms_norm" {
        RmsNormForward "forward",
        RmsNormForwardVec4 "forward_vec4",
        RmsNormBackwardInput "backward_input",
        RmsNormBackwardInputVec4 "backward_input_vec4",
        RmsNormBackwardParams "backward_params",
        RmsNormBackwardParamsVec4 "backward_params_vec4",
    }
    "rms_norm_workgroup" {
        RmsNormWorkgroupForward "forward",
        RmsNormWorkgroupForwardVec4 "forward_vec4",
        RmsNormWorkgroupBackwardInput "backward_input",
        RmsNormWorkgroupBackwardInputVec4 "backward_input_vec4",
        RmsNormWorkgroupBackwardParamsVec4 "backward_params_vec4",
    }
    "roofline" {
        RooflineFmaF32 "fma_f32",
        RooflineFmaF32Vec4 "fma_f32_vec4",
        RooflineFmaF16Vec4 "fma_f16_vec4",
        RooflineFmaF64Vec4 "fma_f64_vec4",
        RooflineCopy "copy",
        RooflineTriad "triad",
        RooflineWorkgroupLoad "workgroup_load",
        RooflineNothing "nothing",
    }
    "rope" {
        RopeForward "forward",
        RopeForwardVec4 "forward_vec4",
        RopeBackward "backward",
        RopeBackwardVec4 "backward_vec4",
    }
    "shared_expert" {
        SharedExpertWeight "weight",
        SharedExpertForward "forward",
        SharedExpertForwardVec4 "forward_vec4",
        SharedExpertBackwardInput "backward_input",
        SharedExpertBackwardInputVec4 "backward_input_vec4",
        SharedExpertBackwardWeight "backward_weight",
    }
    "soft_cap" {
        SoftCapForward "forward",
        SoftCapForwardVec4 "forward_vec4",
        SoftCapBackward "backward",
        SoftCapBackwardVec4 "backward_vec4",
    }
    "swiglu" {
        SwigluForward "forward",
        SwigluForwardVec4 "forward_vec4",
        SwigluBackward "backward",
        SwigluBackwardVec4 "backward_vec4",
    }
}

impl Kernel {
    /// Its name in reports.
    pub fn name(self) -> KernelName {
        let (file, entry) = self.parts();
        KernelName { file: file.to_owned(), entry: entry.to_owned() }
    }
}

impl fmt::Display for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (file, entry) = self.parts();
        write!(f, "{file}.{entry}")
    }
}

impl From<Kernel> for KernelName {
    fn from(kernel: Kernel) -> Self {
        kernel.name()
    }
}

impl TryFrom<KernelName> for Kernel {
    type Error = String;

    fn try_from(name: KernelName) -> Result<Self, String> {
        let found = Self::ALL.iter().find(|kernel| kernel.parts() == (&*name.file, &*name.entry));
        found.copied().ok_or_else(|| format!("there is no kernel '{name}'"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_that_does_not_exist_is_refused() {
        let read = |text: &str| serde_json::from_str::<Kernel>(text);
        assert_eq!(read("\"relu.forward\"").unwrap(), Kernel::ReluForward);
        let error = read("\"relu.sideways\"").unwrap_err().to_string();
        assert!(error.contains("there is no kernel 'relu.sideways'"), "{error}");
    }
}
