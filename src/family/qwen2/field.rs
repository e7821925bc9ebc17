//! What the field quotes without an estimator: the rule of 6 FLOPs for each parameter and token, and the
//! matrix products alone, as PyTorch's FlopCounterMode counts them.

use super::config::Qwen2Config;
use crate::{
    Error,
    family::shape::BatchShape,
    term::{FieldFormula, PALM, overflow, product},
};

/// The rules for a model of this shape. Parameters are all of the model's own, a tied embedding once.
pub(super) fn formulas(
    config: &Qwen2Config,
    shape: BatchShape,
) -> Result<Vec<FieldFormula>, Error> {
    let t = u64::from(shape.tokens());
    let s = u64::from(shape.seq());
    let [h, kv, i, v, l] = [
        config.hidden_size,
        config.kv_width(),
        config.intermediate_size,
        config.vocab_size,
        config.num_hidden_layers,
    ]
    .map(u64::from);
    let n = u64::try_from(config.base_parameters()).map_err(|_| overflow("6 N T"))?;
    let sum = |name: &str, summands: &[Vec<u64>]| {
        summands
            .iter()
            .try_fold(0u64, |sum, factors| sum.checked_add(product(factors)?))
            .ok_or_else(|| overflow(name))
    };
    let adapters: u64 = config
        .lora
        .iter()
        .flat_map(|lora| lora.targets.iter())
        .map(|module| config.module_shape(module).map(u64::from).iter().sum::<u64>())
        .sum();
    let r = config.lora.map_or(0, |lora| u64::from(lora.rank));

    let rule = vec![6, n, t];
    // 12 L n d S for each token; all heads together are H wide.
    let attention = vec![12, l, h, s, t];
    let products = [
        vec![2, t, l, h, h + kv], // q and o; k and v
        vec![2, t, l, h, h + kv],
        vec![4, t, l, s, h], // scores and values, the whole square
        vec![6, t, l, h, i],
        vec![2, t, l, r, adapters],
        vec![2, t, h, v],
    ];
    Ok(vec![
        FieldFormula {
            name: "6 N T".into(),
            formula: "6 N T; N: the model's parameters".into(),
            of: "step".into(),
            flops: sum("6 N T", std::slice::from_ref(&rule))?,
        },
        FieldFormula {
            name: PALM.into(),
            formula: "6 N T + 12 L H S T (PaLM, appendix B)".into(),
            of: "step".into(),
            flops: sum(PALM, &[rule, attention])?,
        },
        FieldFormula {
            name: "matrix products".into(),
            formula: "2 M N K of every product, causal or not (PyTorch's FlopCounterMode)".into(),
            of: "forward".into(),
            flops: sum("the matrix products", &products)?,
        },
    ])
}
