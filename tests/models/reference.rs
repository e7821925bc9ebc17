//! The reference of a golden folder, computed elsewhere in double precision, and how far what a step leaves is from it.

use flopmeter::{measure::Session, plan::Plan, tensors::TensorFile};

/// Relative to the norm of the whole tensor, since a tensor's small elements are differences of its
/// large ones: 2^-24 a rounding, some hundreds of roundings deep.
const TOLERANCE: f64 = 1e-4;

/// A tensor of the reference, in the order that the model has.
pub fn expected(file: &TensorFile, name: &str) -> Vec<f64> {
    let tensor = file.get(name).unwrap_or_else(|| panic!("'{name}' is not in the golden file"));
    let (values, rest) = tensor.bytes.as_chunks();
    assert!(rest.is_empty());
    let values: Vec<_> = values.iter().map(|&value| f64::from(f32::from_le_bytes(value))).collect();
    if is_by_heads(name) {
        let row = values.len() / (3 * HEADS);
        let rows = (0..3).flat_map(|part| (0..HEADS).map(move |head| (head * 3 + part) * row));
        return rows.flat_map(|from| values[from..][..row].to_vec()).collect();
    }
    if !is_by_inputs(name) {
        return values;
    }
    let columns = tensor.shape[1];
    (0..columns).flat_map(|column| values.iter().skip(column).step_by(columns)).copied().collect()
}

/// Whether a tensor lies by rows of inputs in its file, as weights of GPT-2's linear layers do.
pub fn is_by_inputs(name: &str) -> bool {
    let layers = ["c_attn.weight", "c_fc.weight", "c_proj.weight"];
    name.contains("transformer.h.") && layers.iter().any(|layer| name.ends_with(layer))
}

/// The heads of the golden GPT-NeoX.
const HEADS: usize = 4;

/// Whether a tensor has rows of queries, keys and values head by head in its file.
fn is_by_heads(name: &str) -> bool {
    name.contains("query_key_value") && !name.ends_with("lora_A.weight")
}

pub fn assert_close(name: &str, got: &[f32], want: &[f64]) {
    assert_small(name, relative_error(got, want));
}

fn assert_small(name: &str, error: f64) {
    assert!(error <= TOLERANCE, "{name}: off by {error:e} of its norm");
}

/// How far a tensor is from another, as a part of the norm of the latter.
pub fn relative_error(got: &[f32], want: &[f64]) -> f64 {
    part_of(norm(want), got, want)
}

/// How far a gradient is from that of the reference, as a part of its norm.
pub fn gradient_error(file: &TensorFile, name: &str, got: &[f32]) -> f64 {
    part_of(gradient_norm(file, name), got, &expected(file, name))
}

/// The norm that the error of a gradient is a part of: its own, or that of the query's bias in the place of the key's where
/// that is nothing, a sum of terms that are as large.
fn gradient_norm(file: &TensorFile, name: &str) -> f64 {
    let of = if is_nothing(name) { name.replace("k_proj", "q_proj") } else { name.to_owned() };
    norm(&expected(file, &of))
}

/// Whether a gradient is nothing but roundings: a key's bias adds the same to all scores of a query, where positions turn
/// nothing, which softmax does not see.
fn is_nothing(name: &str) -> bool {
    name.contains("model.decoder.") && name.ends_with("k_proj.bias")
}

fn part_of(norm_of_it: f64, got: &[f32], want: &[f64]) -> f64 {
    assert_eq!(got.len(), want.len());
    let off: Vec<f64> = got.iter().zip(want).map(|(&g, &w)| f64::from(g) - w).collect();
    let error = norm(&off);
    if error == 0.0 { 0.0 } else { error / norm_of_it }
}

fn norm(values: &[f64]) -> f64 {
    values.iter().map(|v| v * v).sum::<f64>().sqrt()
}

/// The elements whose reference gradient is more than a rounding. Adam divides a gradient by
/// its own size, and so makes a step of what is nothing but the reference's rounding: Hugging Face's routers
/// take their softmax in single precision whatever the model's type is, which leaves an expert that no token
/// chose a gradient of 1e-11 in the place of 0. Such an element may differ by no more than a step.
fn moved(got: &[f32], want: &[f64], grad: &[f64], rounding: f64) -> (Vec<f32>, Vec<f64>) {
    const STEP: f64 = 1e-3;
    let elements = got.iter().zip(want).zip(grad);
    let (real, noise): (Vec<_>, Vec<_>) = elements.partition(|(_, grad)| grad.abs() > rounding);
    assert!(noise.iter().all(|((got, want), _)| (f64::from(**got) - **want).abs() <= STEP));
    real.into_iter().map(|((&got, &want), _)| (got, want)).unzip()
}

/// Compares every parameter's gradient and updated value with the tensors under two prefixes.
pub fn compare(
    plan: &Plan,
    session: &mut Session<'_>,
    file: &TensorFile,
    grad: &str,
    after: Option<&str>,
) {
    for parameter in &plan.parameters {
        let name = &parameter.name;
        let Some(slices) = &parameter.grad else { continue };
        let got = session.read(slices).unwrap();
        let grad = format!("{grad}/{name}");
        assert_small(&grad, gradient_error(file, &grad, &got));
        if let Some(after) = after {
            let got = session.read(&parameter.value).unwrap();
            let want = expected(file, &format!("{after}/{name}"));
            // Of a key's bias, what positions do not turn is nothing but roundings.
            let keys = ["k_proj.bias", "query_key_value.bias"];
            let is_of_keys = keys.iter().any(|bias| grad.ends_with(bias));
            let part = if is_of_keys { TOLERANCE } else { f64::from(f32::EPSILON) / 2.0 };
            let rounding = part * gradient_norm(file, &grad);
            let (got, want) = moved(&got, &want, &expected(file, &grad), rounding);
            assert_close(&format!("{after}/{name}"), &got, &want);
        }
    }
}
