//! Grouped-query causal attention and its gradients, row by row and in tiles.

use proptest::prelude::*;

use flopmeter::execute::Executor;

use crate::launch::{Launch, dot, gradient, noise, on_shapes};

/// B, S, HEADS, KV_HEADS, WIDTH, WINDOW. Tiles of four rows, blocks of 32 and what is left over of both; one
/// head of keys, as many as of queries, and between.
const SHAPES: [[usize; 6]; 11] = [
    [1, 1, 1, 1, 1, 1],
    [1, 1, 2, 1, 4, 1],
    [2, 7, 3, 1, 3, 7],
    [1, 4, 4, 2, 4, 4],
    [2, 11, 6, 3, 8, 11],
    [1, 37, 2, 1, 4, 37],
    [1, 71, 1, 1, 4, 71],
    [1, 40, 2, 2, 6, 40],
    [1, 9, 2, 1, 4, 1],
    [2, 13, 2, 1, 4, 5],
    [1, 70, 1, 1, 2, 34],
];

struct Case {
    b: usize,
    s: usize,
    heads: usize,
    kv_heads: usize,
    width: usize,
    window: usize,
    cap: Option<f64>,
}

struct Attended {
    o: Vec<f64>,
    lse: Vec<f64>,
}

impl Case {
    fn scale(&self) -> f64 {
        f64::from((1.0 / (self.width as f64).sqrt()) as f32)
    }

    /// The kernel's numbers: what a score is multiplied by in the exponent, q . k in tanh, and a gradient.
    fn scalars(&self) -> [(&'static str, f64); 3] {
        let scale = self.scale();
        let outer = self.cap.unwrap_or(scale);
        [("scale", outer), ("inner", scale / outer), ("slope", scale)]
    }

    /// What stands in the exponent for q . k.
    fn score(&self, product: f64) -> f64 {
        let scaled = self.scale() * product;
        self.cap.map_or(scaled, |cap| cap * (scaled / cap).tanh())
    }

    fn launch(&self, kernel: &str) -> Launch {
        let dims = [
            ("B", self.b),
            ("S", self.s),
            ("HEADS", self.heads),
            ("KV_HEADS", self.kv_heads),
            ("WIDTH", self.width),
            ("WINDOW", self.window),
            ("CAPPED", self.cap.is_some().into()),
            ("LANES", 8),
        ];
        let launch = Launch::new(kernel, &dims);
        self.scalars().iter().fold(launch, |launch, &(name, value)| launch.scalar(name, value))
    }

    /// Row i of head h of sequence b, in a tensor of so many heads.
    fn row<'a>(&self, x: &'a [f64], heads: usize, [b, i, h]: [usize; 3]) -> &'a [f64] {
        &x[((b * self.s + i) * heads + h) * self.width..][..self.width]
    }

    fn attend(&self, q: &[f64], k: &[f64], v: &[f64]) -> Attended {
        let mut o = vec![0.0; q.len()];
        let mut lse = vec![0.0; self.b * self.heads * self.s];
        let sharing = self.heads / self.kv_heads;
        for b in 0..self.b {
            for h in 0..self.heads {
                for i in 0..self.s {
                    let row = self.row(q, self.heads, [b, i, h]);
                    let key = |j| [b, j, h / sharing];
                    let first = (i + 1).saturating_sub(self.window);
                    let p: Vec<f64> = (first..=i)
                        .map(|j| self.score(dot(row, self.row(k, self.kv_heads, key(j)))).exp())
                        .collect();
                    let sum: f64 = p.iter().sum();
                    lse[(b * self.heads + h) * self.s + i] = sum.ln() / self.scalars()[0].1;
                    let out = &mut o[((b * self.s + i) * self.heads + h) * self.width..];
                    for (j, p) in p.iter().enumerate() {
                        let value = self.row(v, self.kv_heads, key(first + j));
                        out.iter_mut().zip(value).for_each(|(o, v)| *o += p / sum * v);
                    }
                }
            }
        }
        Attended { o, lse }
    }

    /// o . d_o of every row, as (B, HEADS, S).
    fn delta(&self, o: &[f64], d_o: &[f64]) -> Vec<f64> {
        let mut delta = vec![];
        for b in 0..self.b {
            for h in 0..self.heads {
                for i in 0..self.s {
                    let row = |x| self.row(x, self.heads, [b, i, h]);
                    delta.push(dot(row(o), row(d_o)));
                }
            }
        }
        delta
    }
}

#[test]
fn attention_and_its_gradients() {
    let any = (
        1..3_usize,
        1..26_usize,
        1..3_usize,
        1..4_usize,
        prop_oneof![1..6_usize, Just(4), Just(8)],
        prop_oneof![1..26_usize, Just(usize::MAX)],
    )
        .prop_map(|(b, s, kv_heads, sharing, width, window)| {
            [b, s, kv_heads * sharing, kv_heads, width, window.min(s)]
        });
    on_shapes(&SHAPES, any, |gpu, shape| hold(gpu, shape, None));
}

#[test]
fn bounded_scores_and_their_gradients() {
    common::on_every_executor(|gpu| {
        for shape in SHAPES {
            hold(&mut *gpu, shape, Some(1.5));
        }
    });
}

/// Holds every kernel that takes such a shape against the reference.
fn hold(gpu: &mut dyn Executor, shape: [usize; 6], cap: Option<f64>) {
    let [b, s, heads, kv_heads, width, window] = shape;
    let case = Case { b, s, heads, kv_heads, width, window, cap };
    let (queries, keys) = (b * s * heads * width, b * s * kv_heads * width);
    let q: Vec<f64> = noise(1, queries).iter().map(|q| 3.0 * q).collect();
    let [k, v] = [2, 3].map(|seed| noise(seed, keys));
    let d_o = noise(4, queries);
    let attended = case.attend(&q, &k, &v);
    let delta = case.delta(&attended.o, &d_o);
    let loss = |q: &[f64], k: &[f64], v: &[f64]| dot(&case.attend(q, k, v).o, &d_o);
    let dq = gradient(&q, |q| loss(q, &k, &v));
    let dk = gradient(&k, |k| loss(&q, k, &v));
    let dv = gradient(&v, |v| loss(&q, &k, v));

    let subgroups = gpu.adapter().limits.subgroup_lanes.is_some_and(|lanes| lanes >= 8);
    for (file, suffix, rows) in [
        ("attention", "", s),
        ("attention", "_vec4", s.div_ceil(4)),
        ("attention_subgroup", "_vec4", 8 * s.div_ceil(32)),
    ] {
        let lanes = 8;
        let tiled = !suffix.is_empty();
        if tiled && (!width.is_multiple_of(4) || window < s) || file != "attention" && !subgroups {
            continue;
        }
        let launch = |entry: &str| {
            case.launch(&format!("{file}.{entry}{suffix}"))
                .floats("q", &q)
                .floats("k", &k)
                .floats("v", &v)
        };
        let forward = launch("forward").output("o", queries).output("lse", b * heads * s).run(
            gpu,
            b * heads * rows,
            lanes,
        );
        forward.assert_close("o", &attended.o);
        forward.assert_close("lse", &attended.lse);

        let back = |entry| launch(entry).floats("d_o", &d_o).floats("lse", &attended.lse);
        if file == "attention" {
            launch("backward_delta")
                .floats("o", &attended.o)
                .floats("d_o", &d_o)
                .output("delta", b * heads * s)
                .run(gpu, b * heads * s, lanes)
                .assert_close("delta", &delta);
        }
        back("backward_query")
            .floats("delta", &delta)
            .output("dq", queries)
            .run(gpu, b * heads * rows, lanes)
            .assert_close("dq", &dq);
        let key_value = back("backward_key_value")
            .floats("delta", &delta)
            .output("dk", keys)
            .output("dv", keys)
            .run(gpu, b * kv_heads * rows, lanes);
        key_value.assert_close("dk", &dk);
        key_value.assert_close("dv", &dv);
    }
}

#[test]
fn large_scores_do_not_overflow() {
    on_shapes(&[[33, 4], [7, 3]], Just([9, 4]), |gpu, [s, width]| {
        let case = Case { b: 1, s, heads: 1, kv_heads: 1, width, window: s, cap: None };
        let q: Vec<f64> = noise(1, s * width).iter().map(|q| 500.0 * q).collect();
        let [k, v] = [2, 3].map(|seed| noise(seed, s * width));
        let tiled = width.is_multiple_of(4);
        let (suffix, rows) = if tiled { ("_vec4", s.div_ceil(4)) } else { ("", s) };
        case.launch(&format!("attention.forward{suffix}"))
            .floats("q", &q)
            .floats("k", &k)
            .floats("v", &v)
            .output("o", s * width)
            .output("lse", s)
            .run(gpu, rows, 8)
            .assert_near("o", &case.attend(&q, &k, &v).o, 1e-4);
    });
}
