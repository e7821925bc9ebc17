//! Products of narrow operands: which passes of a step have them, what that costs, and how near its tensors come to those
//! of the equations.

use std::ops::ControlFlow;

use flopmeter::{
    check::{self, Verdict},
    choice::{KernelSet, Target},
    execute::{Executor as _, Limits},
    family::{Family, ModelConfig},
    formula::{Overhead, forms},
    measure::Session,
    model::{
        AskedShape, Batch, BatchShape, Model, Optimizer, exact,
        lower::{Recompute, Training, inputs, lower},
    },
    op::{Convention, Op, OpCounts, Scalar},
    operation::{Function, LinearResult, Operation, Precision},
    plan::{Pass, Plan},
};

use serde_json::json;

use crate::{
    golden::{DECODERS, step_within, whole},
    reference::{expected, gradient_error, relative_error},
};

fn training(precision: &str) -> Training {
    let options = Family::choose("precision", precision).unwrap();
    Training { options, ..Optimizer::AdamW.into() }
}

/// Half precision rounds a number by 2^-12 of itself at most, 2^-12.8 in the mean, and a product of two is off by that of
/// three roundings, 2^-12: 2.4e-4. Sums of independent terms keep that part of their norm, whatever their length (5 to 97
/// terms here), and a gradient is as many sums deep as there are products before it: 30 in the deepest of these models,
/// whose errors add up by their squares to 1.3e-3. Six times that is left to sums whose terms cancel, as those of the
/// gradients of norms, routers and gates do; an operand too many or too few is off by about all of its norm.
/// The slope of relu jumps where its input is 0, so that the references with one are of batches that leave none nearer to 0
/// than 3e-3 of their root mean square.
const TOLERANCE: f64 = 1.0 / 128.0;

/// The largest part of its norm by which the logits or a gradient is off.
fn worst<T: Into<Target>>(
    model: &str,
    training: Training,
    target: impl Fn(Limits) -> T,
    trained: usize,
) {
    step_within(model, training, target, |plan, session, file| {
        let mut errors = Vec::new();
        if training.accumulate == 1 {
            let logits = whole(plan, session, "logits");
            errors.push((relative_error(&logits, &expected(file, "logits")), "logits".to_owned()));
        }
        for parameter in &plan.parameters {
            let Some(slices) = &parameter.grad else { continue };
            let name = format!("grad/{}", parameter.name);
            let got = session.read(slices).unwrap();
            errors.push((gradient_error(file, &name, &got), name));
        }
        assert_eq!(errors.iter().filter(|(_, name)| name != "logits").count(), trained);
        let (error, name) = errors.into_iter().max_by(|a, b| a.0.total_cmp(&b.0)).unwrap();
        assert!(error < TOLERANCE, "{model}: {name} is off by {error:e} of its norm");
    });
}

#[test]
fn narrow_products_are_near_those_of_the_equations() {
    for (model, trained) in DECODERS {
        worst(model, training("f16"), |limits| limits, trained);
    }
}

/// What was rounded is not taken for what it no longer is.
#[test]
fn steps_in_pieces_round_what_they_multiply() {
    let narrow = training("f16");
    let again = Training { recompute: Recompute::Layers, ..narrow };
    worst("qwen2_full", again, |limits| limits, 27);
    worst("mistral_lora", again, |limits| limits, 28);
    worst("llama", Training { accumulate: 2, ..narrow }, |limits| limits, 21);
    // Less than the table of the vocabulary.
    worst("qwen2_lora", narrow, |limits| Limits { binding_bytes: 16_000, ..limits }, 8);
}

/// Kernels of cooperative matrices of so many rows and columns where an adapter has any.
fn matrices(side: u32, limits: Limits) -> Target {
    let limits = Limits { matrix_side: limits.matrix_side.and(Some(side)), ..limits };
    let matrices = Target::new(&limits, KernelSet::Matrix, None);
    matrices.unwrap_or_else(|_| Target::from(limits))
}

/// A sum by matrices is of products that are not rounded, so it is nearer to the equations than the bound for those that
/// are.
#[test]
fn products_by_matrices_are_near_those_of_the_equations() {
    worst("qwen2_full", training("f16"), |limits| matrices(16, limits), 27);
    let again = Training { recompute: Recompute::Layers, ..training("f16") };
    worst("qwen2_full", again, |limits| matrices(8, limits), 27);
}

fn is(pass: &Pass, its: Function) -> bool {
    matches!(pass.operation, Operation::Pointwise { function, .. } if function == its)
}

#[test]
fn every_product_is_narrow_and_costs_as_much_as_a_wide_one() {
    let limits = Limits { buffer_bytes: 1 << 31, storage_bindings: 10, ..Limits::WEBGPU };
    for seed in 0..60 {
        let (config, seq) = common::decoder::decoder(seed);
        let recompute = [Recompute::None, Recompute::Layers][seed as usize % 2];
        let accumulate = [1, 2][seed as usize / 2 % 2];
        let asked = AskedShape {
            batch: Some(2),
            seq: Some(seq),
            accumulate: Some(accumulate),
            longest: None,
        };
        let shape = BatchShape::resolve(asked, &config).unwrap();
        let [wide, narrow] = ["f32", "f16"].map(|precision| {
            let training = Training { recompute, accumulate, ..training(precision) };
            (lower(&config, shape, training, limits).unwrap(), training)
        });
        let exact =
            |training| exact(&config, [2 * accumulate, seq], training, Convention::Ieee).unwrap();
        assert_eq!(exact(wide.1).algebraic, exact(narrow.1).algebraic, "seed {seed}");
        let (narrow, training) = narrow;
        assert!(exact(training).schedule.is_some(), "seed {seed}: the plan's algebra is another");

        let [mut halves, mut products, mut unscaled] = [0; 3];
        for pass in &narrow.passes {
            let forms = forms(&pass.operation, &pass.schedule);
            let ops = forms.schedule();
            halves += ops.get(Scalar::F16, Op::Mul);
            if let Operation::Linear { result, precision, .. } = pass.operation {
                let is_sum = result == LinearResult::Bias;
                assert_eq!(precision == Precision::Single, is_sum, "{}", pass.label);
            }
            unscaled += forms.extra(Overhead::LossScale).get(Scalar::F32, Op::Mul);
            if is(pass, Function::Narrow) {
                let Operation::Pointwise { p, .. } = pass.operation else { unreachable!() };
                assert_eq!(ops, OpCounts::of(Scalar::F16, Op::Convert, p.into()));
            }
        }
        for pass in &wide.0.passes {
            if let Operation::Linear { .. } = pass.operation {
                products +=
                    forms(&pass.operation, &pass.schedule).schedule().get(Scalar::F32, Op::Fma);
            }
            assert!(!is(pass, Function::Narrow) && !is(pass, Function::Unscale), "{}", pass.label);
        }
        assert_eq!(halves, products, "seed {seed}: f16.mul for each f32.fma");
        let trained = narrow.parameters.iter().filter_map(|p| p.grad.as_ref()).flatten();
        assert_eq!(unscaled, trained.map(|slice| slice.len).sum::<u64>(), "seed {seed}");
    }
}

/// A count held against the form of the other precision, or of products that are widened where none is.
#[test]
fn a_form_of_another_precision_is_noticed() {
    let precision = |pass: &mut Pass| match &mut pass.operation {
        Operation::Linear { precision: precision @ Precision::Half, .. } => {
            *precision = Precision::Single;
            true
        }
        _ => false,
    };
    let (config, _) = common::decoder::decoder(1);
    spoilt(config, 5, |limits| limits.into(), precision);
    let wide = json!({
        "model_type": "qwen2", "hidden_size": 32, "num_attention_heads": 4, "num_key_value_heads": 2,
        "num_hidden_layers": 1, "intermediate_size": 48, "vocab_size": 32,
    });
    let config = ModelConfig::from_json(wide.as_object().unwrap()).unwrap();
    spoilt(config, 16, |limits| matrices(16, limits), |pass| pass.schedule.side.take().is_some());
}

/// Measures a step, whose forms all hold, and spoils one pass.
fn spoilt(
    config: ModelConfig,
    seq: u32,
    target: impl Fn(Limits) -> Target,
    spoil: impl FnMut(&mut Pass) -> bool,
) {
    let mut executor = common::embedded();
    let model = Model { config, ..Model::resolve("qwen2.5-0.5b", Vec::<String>::new()).unwrap() };
    let asked = AskedShape { batch: Some(1), seq: Some(seq), accumulate: None, longest: None };
    let batch = Batch::load(None, asked, &model.config, 0).unwrap();
    let target = target(executor.adapter().limits);
    let mut plan = lower(&model.config, batch.shape, training("f16"), target).unwrap();
    let weights = model.weights(0).unwrap();
    let inputs = inputs(&weights, &batch);
    let mut session = Session::open(&mut executor, &plan, &inputs).unwrap();
    let measurement = session.measure(0, &mut |_| ControlFlow::Continue(())).unwrap();
    drop(session);
    let wrong = |plan: &Plan| {
        let verdicts = check::passes(plan, &measurement);
        verdicts.into_iter().filter(|verdict| *verdict != Verdict::Match).count()
    };
    assert_eq!(wrong(&plan), 0);
    assert!(plan.passes.iter_mut().any(spoil), "no such pass");
    assert_eq!(wrong(&plan), 1);
}
