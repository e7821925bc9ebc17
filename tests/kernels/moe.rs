//! Routing, moving tokens to their experts and back, and the gradients.

use proptest::prelude::*;

use flopmeter::execute::Executor;

use crate::{
    grouping,
    launch::{Launch, dot, gradient, noise, on_shapes},
};

/// T, E, K, D.
const SHAPES: [[usize; 4]; 6] =
    [[1, 1, 1, 1], [5, 4, 1, 3], [7, 5, 3, 6], [3, 3, 3, 17], [65, 7, 2, 2], [9, 4, 2, 20]];

/// The K largest of each row of logits, of equals the first, and the softmax over them.
fn route(logits: &[f64], e: usize, k: usize) -> (Vec<u32>, Vec<f64>) {
    let (mut choice, mut gate) = (vec![], vec![]);
    for row in logits.chunks(e) {
        let mut ranked: Vec<usize> = (0..e).collect();
        ranked.sort_by(|&a, &b| row[b].total_cmp(&row[a]));
        ranked.truncate(k);
        let sum: f64 = ranked.iter().map(|&e| row[e].exp()).sum();
        gate.extend(ranked.iter().map(|&e| row[e].exp() / sum));
        choice.extend(ranked.iter().map(|&e| e as u32));
    }
    (choice, gate)
}

/// y from the experts' outputs by slot.
fn combine(ys: &[f64], slot: &[u32], gate: &[f64], k: usize, d: usize) -> Vec<f64> {
    let mut y = vec![0.0; slot.len() / k * d];
    for (a, &s) in slot.iter().enumerate() {
        for i in 0..d {
            y[a / k * d + i] += gate[a] * ys[s as usize * d + i];
        }
    }
    y
}

/// x by slot.
fn gather(x: &[f64], order: &[u32], k: usize, d: usize) -> Vec<f64> {
    order.iter().flat_map(|&a| x[a as usize / k * d..][..d].to_vec()).collect()
}

/// Runs what moves rows of `d` elements and holds its output against a reference.
#[track_caller]
fn hold_moved(
    gpu: &mut dyn Executor,
    launch: Launch,
    [items, lanes, d]: [usize; 3],
    (output, reference): (&str, &[f64]),
) {
    for ran in launch.output(output, items).run_by_one_and_four(gpu, items, lanes, d) {
        ran.assert_close(output, reference);
    }
}

#[test]
fn moving_tokens_and_the_gradients() {
    let any = (1..20_usize, 1..5_usize, 0..4_usize, 1..12_usize)
        .prop_map(|(t, k, unchosen, d)| [t, k + unchosen, k, d]);
    on_shapes(&SHAPES, any, |gpu, [t, e, k, d]| {
        for lanes in [64, 4] {
            let a = t * k;
            let launch = |entry: &str| {
                let dims = [("T", t), ("E", e), ("K", k), ("D", d), ("LANES", lanes)];
                Launch::new(&format!("moe.{entry}"), &dims)
            };
            let logits = noise(1, t * e);
            let (choice, gate) = route(&logits, e, k);
            let routed = launch("route")
                .floats("logits", &logits)
                .output("choice", a)
                .output("gate", a)
                .run(gpu, t, lanes);
            assert_eq!(routed.words("choice"), choice);
            routed.assert_close("gate", &gate);

            let grouping::Grouped { order, slot, .. } = grouping::stable(&choice, e);
            let (x, ys, dy, dxs) =
                (noise(2, t * d), noise(3, a * d), noise(4, t * d), noise(5, a * d));
            let launched = launch("gather").floats("x", &x).words("order", order.clone());
            let reference = gather(&x, &order, k, d);
            hold_moved(gpu, launched, [a * d, lanes, d], ("xs", &reference));
            let launched = launch("combine")
                .floats("ys", &ys)
                .words("slot", slot.clone())
                .floats("gate", &gate);
            let reference = combine(&ys, &slot, &gate, k, d);
            hold_moved(gpu, launched, [t * d, lanes, d], ("y", &reference));

            let loss = |ys: &[f64], gate: &[f64]| dot(&combine(ys, &slot, gate, k, d), &dy);
            let launched = launch("backward_combine")
                .floats("dy", &dy)
                .words("order", order.clone())
                .floats("gate", &gate);
            let reference = gradient(&ys, |ys| loss(ys, &gate));
            hold_moved(gpu, launched, [a * d, lanes, d], ("dys", &reference));
            let dgate = gradient(&gate, |gate| loss(&ys, gate));
            launch("backward_gate")
                .floats("dy", &dy)
                .floats("ys", &ys)
                .words("slot", slot.clone())
                .output("dgate", a)
                .run(gpu, a, lanes)
                .assert_close("dgate", &dgate);
            for (suffix, each) in [("", 1), ("_vec4", 4)] {
                if !d.is_multiple_of(each) {
                    continue;
                }
                let team = 1 << lanes.min(d / each).ilog2();
                let dims =
                    [("T", t), ("E", e), ("K", k), ("D", d), ("LANES", lanes), ("TEAM", team)];
                Launch::new(&format!("moe_workgroup.backward_gate{suffix}"), &dims)
                    .floats("dy", &dy)
                    .floats("ys", &ys)
                    .words("slot", slot.clone())
                    .output("dgate", a)
                    .run(gpu, a, lanes / team)
                    .assert_close("dgate", &dgate);
            }
            let launched =
                launch("backward_gather").floats("dxs", &dxs).words("slot", slot.clone());
            let reference = gradient(&x, |x| dot(&gather(x, &order, k, d), &dxs));
            hold_moved(gpu, launched, [t * d, lanes, d], ("dx", &reference));
            // The noise has no ties, so no small step changes who is chosen.
            let through_route = |logits: &[f64]| dot(&route(logits, e, k).1, &dgate);
            launch("backward_route")
                .floats("dgate", &dgate)
                .floats("gate", &gate)
                .words("choice", choice.clone())
                .output("dlogits", t * e)
                .run(gpu, t, lanes)
                .assert_close("dlogits", &gradient(&logits, through_route));

            let p = softmax(&logits, e);
            let over_all = |logits: &[f64]| {
                let p = softmax(logits, e);
                let chosen = choice.iter().enumerate().map(|(a, &c)| p[a / k * e + c as usize]);
                chosen.collect::<Vec<_>>()
            };
            let gate = over_all(&logits);
            let routed = launch("route_all")
                .floats("logits", &logits)
                .output("choice", a)
                .output("gate", a)
                .output("p", t * e)
                .run(gpu, t, lanes);
            assert_eq!(routed.words("choice"), choice);
            routed.assert_close("gate", &gate);
            routed.assert_close("p", &p);
            let through_route = |logits: &[f64]| dot(&over_all(logits), &dgate);
            launch("backward_route_all")
                .floats("dgate", &dgate)
                .floats("gate", &gate)
                .floats("p", &p)
                .words("choice", choice.clone())
                .output("dlogits", t * e)
                .run(gpu, t, lanes)
                .assert_close("dlogits", &gradient(&logits, through_route));
        }
    });
}

/// The softmax of each row of E logits.
fn softmax(logits: &[f64], e: usize) -> Vec<f64> {
    let rows = logits.chunks(e).flat_map(|row| {
        let sum: f64 = row.iter().map(|logit| logit.exp()).sum();
        row.iter().map(move |logit| logit.exp() / sum)
    });
    rows.collect()
}

#[test]
fn an_expert_for_all_tokens_and_its_gradients() {
    let any = (1..20_usize, 1..12_usize).prop_map(|(t, d)| [t, d]);
    on_shapes(&[[1, 1], [5, 8], [65, 3]], any, |gpu, [t, d]| {
        for lanes in [64, 8] {
            let launch = |entry: &str| {
                let dims = [("T", t), ("D", d), ("LANES", lanes)];
                Launch::new(&format!("shared_expert.{entry}"), &dims)
            };
            let (logits, ys, dy) = (noise(1, t), noise(2, t * d), noise(3, t * d));
            let sigmoid = |logit: f64| 1.0 / (1.0 + (-logit).exp());
            let gate: Vec<f64> = logits.iter().map(|&logit| sigmoid(logit)).collect();
            launch("weight")
                .floats("logits", &logits)
                .output("gate", t)
                .run(gpu, t, lanes)
                .assert_close("gate", &gate);
            let given = noise(4, t * d);
            let output = |logits: &[f64], ys: &[f64]| -> Vec<f64> {
                let added = |i: usize| given[i] + sigmoid(logits[i / d]) * ys[i];
                (0..t * d).map(added).collect()
            };
            let launched =
                launch("forward").floats("gate", &gate).floats("ys", &ys).floats("y", &given);
            for ran in launched.run_by_one_and_four(gpu, t * d, lanes, d) {
                ran.assert_close("y", &output(&logits, &ys));
            }
            let back = |entry| launch(entry).floats("gate", &gate).floats("dy", &dy);
            let dys = gradient(&ys, |ys| dot(&output(&logits, ys), &dy));
            hold_moved(gpu, back("backward_input"), [t * d, lanes, d], ("dys", &dys));
            let dlogits = gradient(&logits, |logits| dot(&output(logits, &ys), &dy));
            back("backward_weight")
                .floats("ys", &ys)
                .output("dlogits", t)
                .run(gpu, t, lanes)
                .assert_close("dlogits", &dlogits);
        }
    });
}

/// The choice that the kernel makes for one token.
fn choice(gpu: &mut dyn Executor, logits: &[f64], k: usize) -> Vec<u32> {
    let dims = [("T", 1), ("E", logits.len()), ("K", k), ("D", 1), ("LANES", 32)];
    let routed = Launch::new("moe.route", &dims)
        .floats("logits", logits)
        .output("choice", k)
        .output("gate", k)
        .run(gpu, 1, 32);
    routed.words("choice")
}

#[test]
fn of_equal_logits_the_lower_index_is_first() {
    common::on_every_executor(|gpu| {
        assert_eq!(choice(gpu, &[1.0, 2.0, 2.0, -0.0, 0.0, 2.0], 5), [1, 2, 5, 0, 3]);
    });
}

#[test]
fn whatever_the_logits_are_different_experts_are_chosen() {
    let (nan, inf) = (f64::NAN, f64::INFINITY);
    common::on_every_executor(|gpu| {
        for logits in [[nan; 4], [-inf; 4], [1.0, nan, inf, nan], [nan, -inf, 0.0, inf]] {
            let mut chosen = choice(gpu, &logits, 4);
            chosen.sort_unstable();
            assert_eq!(chosen, [0, 1, 2, 3], "{logits:?}");
        }
    });
}
