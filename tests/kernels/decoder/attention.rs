//! Grouped-query causal attention and its gradients, row by row and in tiles.

use proptest::prelude::*;

use common::Watched;
use flopmeter::execute::Executor;

use crate::launch::{Launch, dot, gradient, noise, on_shapes};

/// B, S, HEADS, KV_HEADS, WIDTH, WINDOW. Tiles of four rows, blocks of 32 and what is left over of both; one
/// head of keys, as many as of queries, and between; rows of one chunk of 64 elements, of two and of three.
const SHAPES: [[usize; 6]; 13] = [
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
    [1, 18, 1, 1, 68, 18],
    [1, 9, 1, 1, 132, 9],
];

/// Some of them: a bound changes what a score is, and not who computes it. Tiles, a width of none, several sequences,
/// several blocks, a window across blocks, rows of two chunks.
const BOUNDED: [[usize; 6]; 6] = [
    [1, 4, 4, 2, 4, 4],
    [2, 7, 3, 1, 3, 7],
    [2, 11, 6, 3, 8, 11],
    [1, 71, 1, 1, 4, 71],
    [1, 70, 1, 1, 2, 34],
    [1, 18, 1, 1, 68, 18],
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

    fn launch(&self, kernel: &str, lanes: usize) -> Launch {
        let dims = [
            ("B", self.b),
            ("S", self.s),
            ("HEADS", self.heads),
            ("KV_HEADS", self.kv_heads),
            ("WIDTH", self.width),
            ("WINDOW", self.window),
            ("CAPPED", self.cap.is_some().into()),
            ("BLOCK", if self.s < 36 { 4 } else { 32 }),
            ("LANES", lanes),
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
        for shape in BOUNDED {
            hold(&mut *gpu, shape, Some(1.5));
        }
    });
}

#[test]
fn subgroups_of_four_share_blocks() {
    let mut cpu = Watched::of(4);
    for shape in SHAPES {
        hold(&mut cpu, shape, None);
    }
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

    let subgroup = gpu.adapter().limits.subgroup_lanes.unwrap_or(1);
    // With the invocations of a workgroup, and those that take a head's queries and its keys.
    for (file, suffix, lanes, [to_queries, to_keys]) in [
        ("attention", "", 8, [s; 2]),
        ("attention", "_vec4", 8, [s.div_ceil(4); 2]),
        ("attention_subgroup", "_vec4", 8, [8 * s.div_ceil(32); 2]),
        ("attention_subgroup", "_vec4", 32, [32 * s.div_ceil(128); 2]),
        ("attention_subgroup_4", "_vec4", 4, [4 * s.div_ceil(16); 2]),
        ("attention_subgroup_4", "_vec4", 16, [16 * s.div_ceil(64); 2]),
        ("attention_workgroup", "_vec4", 128, [128 * s.div_ceil(16), 128 * s.div_ceil(8)]),
    ] {
        let tiled = !suffix.is_empty();
        let least = match file {
            "attention_subgroup" => 8,
            "attention_subgroup_4" => 4,
            _ => 1,
        };
        if tiled && (!width.is_multiple_of(4) || window < s) || subgroup < least {
            continue;
        }
        let launch = |entry: &str| {
            case.launch(&format!("{file}.{entry}{suffix}"), lanes)
                .floats("q", &q)
                .floats("k", &k)
                .floats("v", &v)
        };
        let forward = launch("forward").output("o", queries).output("lse", b * heads * s).run(
            gpu,
            b * heads * to_queries,
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
            .run(gpu, b * heads * to_queries, lanes)
            .assert_close("dq", &dq);
        let key_value = back("backward_key_value")
            .floats("delta", &delta)
            .output("dk", keys)
            .output("dv", keys)
            .run(gpu, b * kv_heads * to_keys, lanes);
        key_value.assert_close("dk", &dk);
        key_value.assert_close("dv", &dv);
    }
}

/// Long sequences and wide heads, where finite differences would take too long: what workgroups and subgroups of
/// four compute is what invocations that take their rows alone do, and the same bits a second time.
#[test]
fn rows_together_agree_with_rows_alone() {
    let any = (1..3_usize, 1..150_usize, 1..3_usize, 1..4_usize, 1..65_usize, any::<bool>())
        .prop_map(|(b, s, kv_heads, sharing, quads, capped)| {
            ([b, s, kv_heads * sharing, kv_heads, 4 * quads], capped)
        });
    let long = ([1, 131, 4, 2, 64], false);
    on_shapes(&[long, ([2, 66, 3, 1, 256], true)], any, |gpu, (shape, capped)| {
        let [b, s, heads, kv_heads, width] = shape;
        let case = Case { b, s, heads, kv_heads, width, window: s, cap: capped.then_some(1.5) };
        let (queries, keys) = (b * s * heads * width, b * s * kv_heads * width);
        let launch = |file: &str, entry: &str, lanes| {
            let launch = case.launch(&format!("{file}.{entry}_vec4"), lanes);
            let launch = launch.floats("q", &noise(1, queries)).floats("k", &noise(2, keys));
            launch.floats("v", &noise(3, keys))
        };
        let rows = b * heads * s;
        let attended = launch("attention", "forward", 8)
            .output("o", queries)
            .output("lse", rows)
            .run(gpu, b * heads * s.div_ceil(4), 8);
        let entries = [
            ("forward", &[("o", queries), ("lse", rows)][..], heads, 16),
            ("backward_query", &[("dq", queries)], heads, 16),
            ("backward_key_value", &[("dk", keys), ("dv", keys)], kv_heads, 8),
        ];
        for (entry, outputs, heads, tile) in entries {
            let launch = |file, lanes| {
                let mut launch = launch(file, entry, lanes);
                if entry != "forward" {
                    launch = launch
                        .floats("d_o", &noise(4, queries))
                        .floats("lse", &attended.floats("lse"))
                        .floats("delta", &noise(5, rows));
                }
                outputs.iter().fold(launch, |launch, &(name, len)| launch.output(name, len))
            };
            let alone = launch("attention", 8).run(gpu, b * heads * s.div_ceil(4), 8);
            let subgroups = gpu.adapter().limits.subgroup_lanes.is_some_and(|lanes| lanes >= 4);
            let files = [("attention_workgroup", 128, tile), ("attention_subgroup_4", 4, 16)];
            for (file, lanes, tile) in &files[..1 + usize::from(subgroups)] {
                let together = launch(file, *lanes);
                let workgroups = b * heads * s.div_ceil(*tile);
                let again = together.clone().run(gpu, workgroups, 1);
                let together = together.run(gpu, workgroups, 1);
                for &(name, _) in outputs {
                    together.assert_close(name, &alone.floats(name));
                    assert_eq!(together.words(name), again.words(name), "{file} {name}");
                }
            }
        }
    });
}

#[test]
fn large_scores_do_not_overflow() {
    on_shapes(&[[33, 4], [7, 3]], Just([9, 4]), |gpu, [s, width]| {
        let case = Case { b: 1, s, heads: 1, kv_heads: 1, width, window: s, cap: None };
        let q: Vec<f64> = noise(1, s * width).iter().map(|q| 500.0 * q).collect();
        let [k, v] = [2, 3].map(|seed| noise(seed, s * width));
        let tiled = width.is_multiple_of(4);
        let (suffix, rows) = if tiled { ("_vec4", s.div_ceil(4)) } else { ("", s) };
        case.launch(&format!("attention.forward{suffix}"), 8)
            .floats("q", &q)
            .floats("k", &k)
            .floats("v", &v)
            .output("o", s * width)
            .output("lse", s)
            .run(gpu, rows, 8)
            .assert_near("o", &case.attend(&q, &k, &v).o, 1e-4);
    });
}
