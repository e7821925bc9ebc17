//! Every kernel around the matrix products on small, odd shapes: values against plain f64 references,
//! gradients against finite differences of the same references. The bench holds every launch's count
//! against its closed form besides.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod bk_core;
mod chunks;
mod column_sums;
mod cross_entropy;
mod decoder;
mod elementwise;
mod embedding;
mod grouping;
mod launch;
mod layer_norm;
mod linear;
mod matrix;
mod moe;
mod narrow;
mod norm;
mod optimizer;

use std::collections::BTreeSet;

use common::computes;
use flopmeter::{library, plan::Dims, registry::Kernel};

#[test]
fn every_entry_point_has_a_row_and_every_row_an_entry_point() {
    let mut found = BTreeSet::new();
    for (stem, source) in library::sources() {
        let module = naga::front::wgsl::parse_str(source.text()).unwrap();
        found.extend(module.entry_points.into_iter().map(|entry| format!("{stem}.{}", entry.name)));
    }
    let rows: BTreeSet<_> = Kernel::ALL.iter().map(Kernel::to_string).collect();
    assert_eq!(rows, found);
}

#[test]
fn every_kernel_loads_and_has_a_closed_form() {
    let names = "A B BLOCK CAPPED CHUNK COLUMN COLUMN_LANES D E FIRST G HEADS K KV_HEADS LANES LANES_PER_COLUMN M N P \
                 PARTIALS RESCALE ROTARY ROUNDS ROWS S T TEAM TILE V WIDTH WINDOW accumulate";
    let dims: Dims = names.split_whitespace().map(|name| (name.to_owned(), 4)).collect();
    for &kernel in Kernel::ALL {
        library::load(&kernel.name(), &dims).unwrap_or_else(|e| panic!("{e}"));
        let forms = computes::forms(kernel, &dims);
        assert_eq!(forms.is_some(), kernel.parts().0 != "roofline", "{kernel}");
    }
}
