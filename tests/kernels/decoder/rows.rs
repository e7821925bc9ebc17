//! Tables and products in windows: rows gathered and their gradients scattered, columns placed and
//! taken, multiples.

use proptest::prelude::*;

use crate::launch::{Launch, dice, noise, on_shapes};

const LANES: usize = 32;

/// T, D, V, and where the table is cut.
const TABLES: [[usize; 4]; 4] = [[1, 1, 1, 0], [6, 5, 7, 3], [21, 4, 2, 1], [17, 3, 50, 50]];

#[test]
fn rows_are_gathered_and_their_gradients_scattered_by_windows() {
    let any = (1..30_usize, 1..9_usize, 1..20_usize, 0..20_usize)
        .prop_map(|(t, d, v, cut)| [t, d, v, cut.min(v)]);
    on_shapes(&TABLES, any, |gpu, [t, d, v, cut]| {
        let tokens = dice(1, t, v);
        let (table, dy) = (noise(2, v * d), noise(3, t * d));
        let windows = [0..cut, cut..v].into_iter().filter(|rows| !rows.is_empty());
        let windows: Vec<_> = windows.collect();

        // What no window has yet written is another window's to write.
        let mut y = vec![f64::INFINITY; t * d];
        for rows in &windows {
            let dims =
                [("T", t), ("D", d), ("FIRST", rows.start), ("ROWS", rows.len()), ("LANES", LANES)];
            y = Launch::new("embedding.gather", &dims)
                .words("tokens", tokens.clone())
                .floats("token_weight", &table[rows.start * d..rows.end * d])
                .floats("y", &y)
                .run(gpu, t * d, LANES)
                .floats("y");
        }
        let row = |token: &u32| table[*token as usize * d..][..d].to_vec();
        assert_eq!(y, tokens.iter().flat_map(row).collect::<Vec<_>>());

        let mut order: Vec<u32> = (0..t as u32).collect();
        order.sort_by_key(|&place| tokens[place as usize]);
        let below = |v: usize| tokens.iter().filter(|&&token| (token as usize) < v).count() as u32;
        let dsum = Launch::new("embedding.backward_rows", &[("T", t), ("D", d), ("LANES", LANES)])
            .floats("dy", &dy)
            .words("order", order)
            .words("keys", tokens.clone())
            .output("dsum", t * d)
            .run(gpu, t * d, LANES);
        let mut expected = vec![0.0; v * d];
        for (place, &token) in tokens.iter().enumerate() {
            (0..d).for_each(|i| expected[token as usize * d + i] += dy[place * d + i]);
        }
        for rows in windows {
            let dims =
                [("T", t), ("D", d), ("FIRST", rows.start), ("ROWS", rows.len()), ("LANES", LANES)];
            Launch::new("embedding.scatter", &dims)
                .words("dsum", dsum.words("dsum"))
                .words("offsets", (0..=v).map(below).collect())
                .output("dtoken", rows.len() * d)
                .run(gpu, rows.len() * d, LANES)
                .assert_close("dtoken", &expected[rows.start * d..rows.end * d]);
        }
    });
}

#[test]
fn columns_are_placed_and_taken() {
    let any = (1..9_usize, 1..9_usize, 0..9_usize, 0..9_usize)
        .prop_map(|(m, n, before, behind)| [m, n, before, behind]);
    on_shapes(&[[1, 1, 0, 0], [3, 5, 2, 4]], any, |gpu, [m, n, before, behind]| {
        let v = before + n + behind;
        let dims = [("M", m), ("N", n), ("V", v), ("COLUMN", before), ("LANES", LANES)];
        let (part, whole) = (noise(1, m * n), noise(2, m * v));
        let window = |i: usize| i % v >= before && i % v < before + n;
        let placed: Vec<f64> = (0..m * v)
            .map(|i| if window(i) { part[i / v * n + i % v - before] } else { whole[i] })
            .collect();
        Launch::new("columns.place", &dims)
            .floats("part", &part)
            .floats("whole", &whole)
            .run(gpu, m * n, LANES)
            .assert_close("whole", &placed);
        Launch::new("columns.take", &dims)
            .floats("whole", &placed)
            .output("part", m * n)
            .run(gpu, m * n, LANES)
            .assert_close("part", &part);
    });
}

#[test]
fn a_multiple_is_taken_in_place() {
    on_shapes(&[1, 33], 1..200_usize, |gpu, p| {
        let x = noise(1, p);
        Launch::new("mix.scale", &[("P", p), ("LANES", LANES)])
            .scalar("factor", 0.375)
            .floats("scaled", &x)
            .run(gpu, p, LANES)
            .assert_close("scaled", &x.iter().map(|x| 0.375 * x).collect::<Vec<_>>());
    });
}
