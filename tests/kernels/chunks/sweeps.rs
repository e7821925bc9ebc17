//! The two sweeps of the exact gradient by chunks, beside one lane's and beside double precision.

use common::bench::{Bench, grid, relative_error};
use flopmeter::choice::RESCALE;
use num_complex::Complex64;

use super::{SHAPES, Shared, placed, recursions};
use crate::bk_core::Case;

/// The left sums and the exact gradient after `recursions`, one lane a row or by chunks.
pub(super) fn sweeps(bench: &mut Bench<'_>, case: &Case, shared: Option<Shared>) -> [Vec<f32>; 2] {
    let Case { rows, n, .. } = *case;
    bench.input("dg", &case.dg);
    bench.output("left", rows * n * 2);
    bench.output("da", rows * n);
    for entry in ["backward_exact_left", "backward_exact"] {
        let shape = [("B", rows), ("N", n)];
        let (file, own, workgroups) = match shared {
            None => ("bk_core", [("LANES", 8), ("RESCALE", RESCALE as usize)], rows.div_ceil(8)),
            Some(Shared { lanes, chunk, .. }) => {
                ("bk_core_chunks_exact", [("LANES", lanes), ("CHUNK", chunk)], rows + 1)
            }
        };
        bench.run(&format!("{file}.{entry}"), &[&shape[..], &own].concat(), &[], grid(workgroups));
    }
    [bench.read("left"), bench.read("da")]
}

/// A sum of a chunk differs from that of one lane by roundings, and what comes into it decays from then on.
#[test]
fn sweeps_by_chunks_are_those_of_one_lane_and_of_double_precision() {
    common::on_every_executor(|gpu| {
        for (rows, n) in SHAPES {
            for (kind, case) in
                [("model", Case::model(rows, n)), ("general", Case::general(rows, n))]
            {
                let what = format!("{kind} B={rows} N={n}");
                let shared = Shared::usual(n);
                let mut bench = placed(&case, &mut *gpu);
                recursions(&mut bench, &case, None);
                let alone = sweeps(&mut bench, &case, None);
                let swept = sweeps(&mut bench, &case, Some(shared));
                for (name, alone, swept) in
                    [("left", &alone[0], &swept[0]), ("da", &alone[1], &swept[1])]
                {
                    let alone: Vec<_> = alone.iter().map(|&x| f64::from(x)).collect();
                    let error = relative_error(swept, &alone);
                    assert!(error < 1e-6, "{what}: {name} is off by {error:e}");
                }
                assert_eq!(
                    alone[0][..2 * shared.chunk.min(n)],
                    swept[0][..2 * shared.chunk.min(n)]
                );
                recursions(&mut bench, &case, Some(shared));
                let [_, da] = sweeps(&mut bench, &case, Some(shared));
                let error = relative_error(&da, &case.reference().1);
                assert!(error < 1e-4, "{what}: da is off by {error:e}");
            }
        }
    });
}

/// Thetas that decay make a factor larger than f32 can hold: of a sum of nothing it makes nothing, and of a small one what
/// one lane does. All of it are powers of two.
#[test]
fn a_factor_beyond_single_precision_meets_what_one_lane_has() {
    common::on_every_executor(|gpu| {
        let (n, zeros) = (1200, 1190);
        let shared = Shared::usual(n);
        let mut case = Case {
            z: Complex64::ZERO,
            a: vec![0.0; n],
            b: (1..n).map(|i| if i % 2 == 1 { 0.0625 } else { 16.0 }).collect(),
            ..Case::model(1, n)
        };
        case.dg[..zeros].fill([0.0; 2]);
        let mut bench = placed(&case, &mut *gpu);
        recursions(&mut bench, &case, Some(shared));
        let [left, _] = sweeps(&mut bench, &case, Some(shared));
        assert_eq!(left[..2 * zeros], vec![0.0; 2 * zeros]);
        assert!(left[2 * zeros..].iter().all(|x| x.is_finite()));
        case.dg[shared.chunk - 2] = [(-120.0_f32).exp2(), 0.0];
        let mut bench = placed(&case, &mut *gpu);
        recursions(&mut bench, &case, Some(shared));
        let [alone, _] = sweeps(&mut bench, &case, None);
        let [left, _] = sweeps(&mut bench, &case, Some(shared));
        assert!(alone[..2 * zeros].iter().any(|x| x.abs() > 1e6), "it grows");
        assert_eq!(left[..2 * zeros], alone[..2 * zeros]);
    });
}
