//! Token plus position embedding and the gradients of both tables.

use proptest::prelude::*;

use crate::{
    grouping,
    launch::{Launch, dice, dot, gradient, noise, on_shapes},
};

/// B, N, D, V, P.
const SHAPES: [[usize; 5]; 4] =
    [[1, 1, 1, 1, 1], [2, 3, 5, 7, 3], [3, 7, 8, 2, 11], [1, 17, 3, 50, 17]];

fn embed(tokens: &[u32], token: &[f64], position: &[f64], n: usize, d: usize) -> Vec<f64> {
    let row = |place: usize| {
        let (t, p) = (tokens[place] as usize * d, place % n * d);
        (0..d).map(move |d| token[t + d] + position[p + d])
    };
    (0..tokens.len()).flat_map(row).collect()
}

#[test]
fn embedding_and_its_gradients() {
    let any = (1..4_usize, 1..12_usize, 1..9_usize, 1..20_usize, 0..4_usize)
        .prop_map(|(b, n, d, v, unreached)| [b, n, d, v, n + unreached]);
    on_shapes(&SHAPES, any, |gpu, [b, n, d, v, p]| {
        let dims = [("B", b), ("N", n), ("D", d), ("V", v), ("P", p), ("LANES", 32)];
        let tokens = dice(1, b * n, v);
        let (token, position) = (noise(2, v * d), noise(3, p * d));
        let dy = noise(4, b * n * d);
        let forward = Launch::new("embedding.forward", &dims)
            .words("tokens", tokens.clone())
            .floats("token_weight", &token)
            .floats("position_weight", &position)
            .output("y", b * n * d);
        for ran in forward.run_by_one_and_four(gpu, b * n * d, 32, d) {
            ran.assert_close("y", &embed(&tokens, &token, &position, n, d));
        }

        let grouped = grouping::stable(&tokens, v);
        let slopes = gradient(&token, |token| dot(&embed(&tokens, token, &position, n, d), &dy));
        let backward = Launch::new("embedding.backward_token", &dims)
            .floats("dy", &dy)
            .words("offsets", grouped.offsets)
            .words("order", grouped.order)
            .output("dtoken", v * d);
        for ran in backward.run_by_one_and_four(gpu, v * d, 32, d) {
            ran.assert_close("dtoken", &slopes);
        }

        let slopes =
            gradient(&position, |position| dot(&embed(&tokens, &token, position, n, d), &dy));
        Launch::new("embedding.backward_position", &dims)
            .floats("dy", &dy)
            .output("dposition", p * d)
            .run(gpu, p * d, 32)
            .assert_close("dposition", &slopes);
    });
}
