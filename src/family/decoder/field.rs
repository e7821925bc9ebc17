//! What the field quotes without an estimator: the rule of 6 FLOPs for each parameter and token, and the
//! matrix products alone, as PyTorch's FlopCounterMode counts them.

use super::{config::DecoderConfig, recipe::Tokens};
use crate::{
    Error,
    term::{FieldFormula, PALM, overflow, product},
};

/// The rules for a model and these tokens, of which the forward pass has so many FLOPs of matrix products. Parameters are those of the model's own that a token passes, a tied embedding
/// once.
pub(super) fn formulas(
    config: &DecoderConfig,
    tokens: &Tokens,
    products: u128,
) -> Result<Vec<FieldFormula>, Error> {
    let [t, square] = tokens.factors()?;
    let [l, heads] = [config.num_hidden_layers(), config.query_width()].map(u64::from);
    let n = u64::try_from(config.active_parameters()).map_err(|_| overflow("6 N T"))?;
    let sum = |name: &str, summands: &[Vec<u64>]| {
        summands
            .iter()
            .try_fold(0u64, |sum, factors| sum.checked_add(product(factors)?))
            .ok_or_else(|| overflow(name))
    };
    let products = u64::try_from(products).map_err(|_| overflow("the matrix products"))?;

    let whose = match u128::from(n) == config.base_parameters() {
        true => "all parameters",
        false => "the parameters that a token passes",
    };
    let rule = vec![6, n, t];
    // For each token; all heads together are n d wide.
    let attention = vec![12, l, heads, square];
    let square = if tokens.is_packed() { "B sum S^2" } else { "S T" };
    Ok(vec![
        FieldFormula {
            name: "6 N T".into(),
            formula: format!("6 N T; N = {n}, {whose}, the embedding's table included").into(),
            of: "step".into(),
            flops: sum("6 N T", std::slice::from_ref(&rule))?,
        },
        FieldFormula {
            name: PALM.into(),
            formula: format!("6 N T + 12 L n d {square} (PaLM, appendix B)").into(),
            of: "step".into(),
            flops: sum(PALM, &[rule, attention])?,
        },
        FieldFormula {
            name: "matrix products".into(),
            formula: "2 M N K of every product, causal or not (PyTorch's FlopCounterMode)".into(),
            of: "forward".into(),
            flops: products,
        },
    ])
}
