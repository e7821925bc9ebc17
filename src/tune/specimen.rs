//! The operations that stand for their classes, with the tensors that their kernels bind: sizes that keep an adapter
//! busy and take little time there. Knows no kernel.

use crate::{
    choice::Class,
    execute::Limits,
    operation::{LinearResult, Operation},
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
    /// Those of whole numbers, with their contents.
    pub words: Vec<(&'static str, Vec<u32>)>,
}

/// A specimen of each class that has more than one kernel anywhere, for an adapter with these limits: a GPU is given more
/// work than a processor, which takes for large products what is fastest for small ones.
pub fn specimens(limits: &Limits) -> Vec<Specimen> {
    let mut specimens = Vec::new();
    // Rows and columns of a product's outputs, and the terms of each.
    let sizes: &[[u32; 3]] =
        if limits.parallel { &[[512, 512, 1024], [2048, 2048, 1024]] } else { &[[256, 256, 128]] };
    for &[rows, columns, terms] in sizes {
        for odd in [0, 1] {
            let [columns, terms] = [columns - odd, terms - odd];
            // Columns of an input's gradient are inputs, and a weight's are summed over rows.
            specimens.extend(product(LinearResult::Output, [rows, terms, columns]));
            specimens.extend(product(LinearResult::Input, [rows, columns, terms]));
            specimens.extend(product(LinearResult::Weight, [terms, columns, rows - odd]));
        }
    }
    specimens
}

/// A product of M rows, K inputs and N outputs.
fn product(result: LinearResult, [m, k, n]: [u32; 3]) -> Option<Specimen> {
    let [x, w, y] = [[m, k], [n, k], [m, n]].map(|[a, b]| u64::from(a) * u64::from(b));
    let b = n.into();
    let tensors =
        vec![("x", x), ("dx", x), ("w", w), ("dw", w), ("y", y), ("dy", y), ("b", b), ("db", b)];
    let operation = Operation::Linear { result, m, k, n, g: 1, accumulate: false };
    of(operation, tensors, vec![("groups", vec![0, m])])
}

/// A specimen of an operation; `None` where it belongs to no class.
fn of(
    operation: Operation,
    tensors: Vec<(&'static str, u64)>,
    words: Vec<(&'static str, Vec<u32>)>,
) -> Option<Specimen> {
    let class = Class::of(&operation)?;
    Some(Specimen { class, operation, tensors, words })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_class_has_one_probe_at_the_most() {
        for parallel in [false, true] {
            let specimens = specimens(&Limits { parallel, ..Limits::WEBGPU });
            for (i, specimen) in specimens.iter().enumerate() {
                let twin = specimens[..i].iter().find(|other| other.class == specimen.class);
                assert_eq!(twin, None, "{}", specimen.class);
            }
            assert!(specimens.len() >= 6, "{}", specimens.len());
        }
    }
}
