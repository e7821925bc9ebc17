//! The operations that stand for their classes, with the tensors that their kernels bind: sizes that keep an adapter
//! busy and take little time there. Knows no kernel.

use crate::{
    choice::Class,
    execute::Limits,
    operation::{
        AttentionStep, LinearResult, LossStep, Norm, NormStep, Operation, Precision, Wanted,
    },
};

/// An operation that stands for its class.
#[derive(Clone, Debug, PartialEq)]
pub struct Specimen {
    /// The class.
    pub class: Class,
    /// The operation.
    pub operation: Operation,
    /// The tensors of numbers that its kernels may bind, each with its elements.
    pub tensors: Vec<(&'static str, u64)>,
    /// Those of numbers in half precision.
    pub halves: Vec<(&'static str, u64)>,
    /// Those of whole numbers, with their contents.
    pub words: Vec<(&'static str, Vec<u32>)>,
}

/// The sizes of the specimens.
struct Sizes {
    /// Rows and columns of a product's outputs, and the terms of each.
    products: &'static [[u32; 3]],
    /// Sequences of attention, their tokens, heads, and heads of keys and values.
    attention: [[u32; 4]; 2],
    /// Rows of a norm and their elements, which the gradients of biases have, too.
    rows: [u32; 2],
    /// Rows of cross entropy, and the vocabulary.
    loss: [u32; 2],
}

/// What keeps a GPU busy.
const GPU: Sizes = Sizes {
    products: &[[512, 512, 1024], [2048, 2048, 1024]],
    attention: [[16, 64, 14, 2], [1, 1024, 14, 2]],
    rows: [4096, 1024],
    loss: [256, 32768],
};

/// What keeps a processor busy, which takes for large products what is fastest for small ones.
const PROCESSOR: Sizes = Sizes {
    products: &[[256, 256, 128]],
    attention: [[4, 32, 4, 2], [1, 128, 4, 2]],
    rows: [256, 256],
    loss: [32, 2048],
};

/// Elements of a head.
const WIDTH: u32 = 64;

/// A specimen of each class of products of numbers in half precision, for an adapter with these limits.
pub fn narrow_specimens(limits: &Limits) -> Vec<Specimen> {
    let Sizes { products, .. } = if limits.parallel { GPU } else { PROCESSOR };
    let all = [0, 1].into_iter().flat_map(|odd| products.iter().map(move |&size| (size, odd)));
    all.flat_map(|(size, odd)| three_products(size, odd, Precision::Half)).collect()
}

/// The three products of a layer of so many rows, columns and terms, or of one less of those that are odd.
fn three_products(
    [rows, columns, terms]: [u32; 3],
    odd: u32,
    precision: Precision,
) -> impl Iterator<Item = Specimen> {
    let [columns, terms] = [columns - odd, terms - odd];
    // Columns of an input's gradient are inputs, and a weight's are summed over rows.
    let products = [
        (LinearResult::Output, [rows, terms, columns]),
        (LinearResult::Input, [rows, columns, terms]),
        (LinearResult::Weight, [terms, columns, rows - odd]),
    ];
    products.into_iter().filter_map(move |(result, size)| product(result, size, precision))
}

/// A specimen of each class of other operations, for an adapter with these limits.
pub fn specimens(limits: &Limits) -> Vec<Specimen> {
    let Sizes { products, attention: sequences, rows, loss: logits } =
        if limits.parallel { GPU } else { PROCESSOR };
    let mut specimens = Vec::new();
    for odd in [0, 1] {
        for &size in products {
            specimens.extend(three_products(size, odd, Precision::Single).map(Some));
        }
        let [m, d] = [rows[0], rows[1] - odd];
        specimens.push(product(LinearResult::Bias, [m, d, d], Precision::Single));
        for norm in [Norm::Rms, Norm::Layer] {
            let steps = [NormStep::Output, NormStep::Input, NormStep::Parameters];
            specimens.extend(steps.map(|step| self::norm(norm, step, [m, d])));
        }
        let [m, v] = [logits[0], logits[1] - odd];
        specimens.extend([LossStep::Rows, LossStep::Gradient].map(|step| loss(step, [m, v])));
    }
    for sizes in sequences {
        let steps = [AttentionStep::Output, AttentionStep::Query, AttentionStep::KeyValue];
        specimens.extend(steps.map(|step| attention(step, sizes)));
    }
    specimens.into_iter().flatten().collect()
}

/// A product of M rows, K inputs and N outputs.
fn product(result: LinearResult, [m, k, n]: [u32; 3], precision: Precision) -> Option<Specimen> {
    let of = |a: u32, b: u32| u64::from(a) * u64::from(b);
    let (x, w, y) = (of(m, k), of(n, k), of(m, n));
    let (factors, others) = match result {
        LinearResult::Output | LinearResult::PlainOutput => {
            (vec![("x", x), ("w", w)], vec![("b", n.into()), ("y", y)])
        }
        LinearResult::Input => (vec![("dy", y), ("w", w)], vec![("dx", x)]),
        LinearResult::Weight => (vec![("dy", y), ("x", x)], vec![("dw", w)]),
        LinearResult::Bias => (vec![("dy", y)], vec![("db", n.into())]),
    };
    let operation = Operation::Linear { result, m, k, n, g: 1, accumulate: false, precision };
    let (tensors, halves) = match precision {
        Precision::Single => ([factors, others].concat(), Vec::new()),
        Precision::Half => (others, factors),
    };
    let specimen = of_class(operation, tensors, vec![("groups", vec![0, m])])?;
    Some(Specimen { halves, ..specimen })
}

/// A step of attention over B sequences of S tokens.
fn attention(step: AttentionStep, [b, s, heads, kv_heads]: [u32; 4]) -> Option<Specimen> {
    let [q, k] = [heads, kv_heads].map(|heads| u64::from(b * s) * u64::from(heads * WIDTH));
    let row = u64::from(b * s) * u64::from(heads);
    let queries = ["q", "o", "d_o", "dq"].map(|name| (name, q));
    let keys = ["k", "v", "dk", "dv"].map(|name| (name, k));
    let rows = ["lse", "delta"].map(|name| (name, row));
    let (width, window, capped, wanted) = (WIDTH, s, false, Wanted::ALL);
    let operation =
        Operation::Attention { step, b, s, heads, kv_heads, width, window, capped, wanted };
    of_class(operation, [&queries[..], &keys, &rows].concat(), Vec::new())
}

/// A norm of M rows of D.
fn norm(norm: Norm, step: NormStep, [m, d]: [u32; 2]) -> Option<Specimen> {
    let all = ["x", "dy", "y", "dx"].map(|name| (name, u64::from(m) * u64::from(d)));
    let columns = ["weight", "bias", "dweight", "dbias"].map(|name| (name, d.into()));
    let rows = ["rstd", "mean"].map(|name| (name, m.into()));
    let operation = Operation::Norm { norm, step, m, d, accumulate: false };
    of_class(operation, [&all[..], &columns, &rows].concat(), Vec::new())
}

/// Cross entropy of M rows over a vocabulary of V.
fn loss(step: LossStep, [m, v]: [u32; 2]) -> Option<Specimen> {
    let all = ["logits", "p"].map(|name| (name, u64::from(m) * u64::from(v)));
    let rows = ["denominator", "loss"].map(|name| (name, m.into()));
    let targets = (0..m).map(|row| row % v).collect();
    of_class(Operation::Loss { step, m, v }, [all, rows].concat(), vec![("targets", targets)])
}

/// A specimen of an operation; `None` where that belongs to no class.
fn of_class(
    operation: Operation,
    tensors: Vec<(&'static str, u64)>,
    words: Vec<(&'static str, Vec<u32>)>,
) -> Option<Specimen> {
    let class = Class::of(&operation)?;
    Some(Specimen { class, operation, tensors, halves: Vec::new(), words })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_class_has_one_specimen_at_the_most() {
        for parallel in [false, true] {
            let limits = Limits { parallel, ..Limits::WEBGPU };
            let (specimens, narrow) = (specimens(&limits), narrow_specimens(&limits));
            let all = [&specimens[..], &narrow].concat();
            for (i, specimen) in all.iter().enumerate() {
                let twin = all[..i].iter().find(|other| other.class == specimen.class);
                assert_eq!(twin, None, "{}", specimen.class);
            }
            // A processor is busy with gradients of weights whose sums are long, which are not timed.
            let least = if parallel { 12 } else { 4 };
            assert_eq!(specimens.len(), least + 2 * (1 + 6 + 2) + 6);
            assert_eq!(narrow.len(), least);
        }
    }
}
