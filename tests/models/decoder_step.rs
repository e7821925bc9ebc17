//! The algebra of a step, which needs no device, against the passes of a step: operation by operation, of small
//! decoders of every member with windows, experts and adapters as they come. What the passes execute is their
//! schedule, which is held against executions here and wherever a model runs.

use std::ops::ControlFlow;

use flopmeter::{
    check::{self, Verdict},
    choice::KernelSet,
    component::Phase,
    exact::Phases,
    execute::{Executor as _, Limits},
    family::Packing,
    family::decoder::{DecoderConfig, Recipe, Tokens, Work, WorkPass},
    formula::forms,
    measure::Session,
    model::{
        AskedShape, Batch, BatchShape, Model, ModelConfig, Optimizer, exact,
        lower::{Recompute, Training, inputs, lower},
    },
    op::{Convention, OpCounts},
    operation::{Function, Operation},
    plan::{Pass, Plan},
};
use serde_json::json;

const LIMITS: Limits = Limits { buffer_bytes: 1 << 31, storage_bindings: 10, ..Limits::WEBGPU };

fn plan(config: &ModelConfig, shape: [u32; 2], training: Training) -> Plan {
    plan_on(config, shape, training, &LIMITS)
}

fn plan_on(
    config: &ModelConfig,
    [batch, seq]: [u32; 2],
    training: Training,
    limits: &Limits,
) -> Plan {
    let accumulate = Some(training.accumulate);
    let asked = AskedShape { batch: Some(batch), seq: Some(seq), accumulate, longest: None };
    let shape = BatchShape::resolve(asked, config).unwrap();
    lower(config, shape, training, limits).unwrap()
}

fn work(config: &ModelConfig, [batch, seq]: [u32; 2], training: Training) -> Vec<Work> {
    let decoder = config.get::<DecoderConfig>().unwrap();
    let shape = [batch * training.accumulate, seq];
    decoder.step(&Tokens::of(shape, training), Recipe::of(training))
}

/// A way to train on rows of so many tokens, of which half hold several sequences.
fn training(seed: u64, seq: u32) -> Training {
    let optimizer = [Optimizer::AdamW, Optimizer::Adam, Optimizer::Sgd][seed as usize % 3];
    let accumulate = [1, 2, 3][seed as usize / 3 % 3];
    let recompute = [Recompute::None, Recompute::Layers][seed as usize / 9 % 2];
    let (mut lengths, mut left, mut dice) = (Vec::new(), seq, seed);
    while seed % 2 == 1 && left > 0 {
        let length = 1 + (dice % u64::from(left)) as u32;
        lengths.push(length);
        (left, dice) = (left - length, dice / 7 + 3);
    }
    Training { accumulate, recompute, packed: Packing::new(lengths), ..optimizer.into() }
}

/// What the mathematics asks of a phase, or of what is made again, by the passes and by the work without them.
fn algebra(plan: &Plan, work: &[Work], phase: Option<Phase>) -> [OpCounts; 2] {
    let of = |pass: &&Pass| (!pass.recomputed).then_some(pass.phase) == phase;
    let passes = plan.passes.iter().filter(of);
    let work = work.iter().filter(|work| work.pass.phase() == phase);
    [
        passes.map(|pass| forms(&pass.operation, &pass.schedule).algebraic).sum(),
        work.map(|work| work.each.times(u64::try_from(work.times).unwrap())).sum(),
    ]
}

#[test]
fn the_algebra_of_a_step_is_that_of_its_passes() {
    for seed in 0..600 {
        let (config, seq) = common::decoder::decoder(seed);
        let training = training(seed, seq);
        let (plan, work) = (plan(&config, [2, seq], training), work(&config, [2, seq], training));
        for phase in Phase::ALL.into_iter().map(Some).chain([None]) {
            let [passes, step] = algebra(&plan, &work, phase);
            assert_eq!(passes, step, "{phase:?} of seed {seed}: {:?}", config.to_json());
        }
        let again = plan.passes.iter().any(|pass| pass.recomputed);
        assert_eq!(again, training.recompute == Recompute::Layers);
    }
}

/// The schedule that is stated without a device is what kernels execute on any, whichever are chosen, by any prices.
#[test]
fn the_schedule_of_a_step_is_that_of_its_passes_on_any_device() {
    for seed in 0..60 {
        let (config, seq) = common::decoder::decoder(seed);
        let training = training(seed, seq);
        let rows = 2 * training.accumulate;
        let stated = Convention::ALL.map(|convention| {
            exact(&config, [rows, seq], training, convention).unwrap().schedule.unwrap()
        });
        for set in [KernelSet::Portable, KernelSet::Subgroup, KernelSet::Workgroup] {
            let limits =
                set.on(&Limits { subgroup_lanes: Some(8), lockstep: true, ..LIMITS }).unwrap();
            let plan = plan_on(&config, [2, seq], training, &limits);
            let executed = Convention::ALL.map(|convention| {
                let mut executed = Phases::default();
                for pass in &plan.passes {
                    let ops = forms(&pass.operation, &pass.schedule).schedule();
                    executed.add(pass.phase, ops.flops(convention).into());
                }
                executed
            });
            assert_eq!(executed, stated, "{set:?}, seed {seed}: {:?}", config.to_json());
        }
    }
}

#[test]
fn an_operation_too_many_is_seen() {
    let (config, seq) = common::decoder::decoder(1);
    let plan = plan(&config, [1, seq], Training::default());
    let mut work = work(&config, [1, seq], Training::default());
    let spoilt = work.iter_mut().find(|work| work.pass == WorkPass::Forward).unwrap();
    spoilt.times += 1;
    let [passes, step] = algebra(&plan, &work, Some(Phase::Forward));
    assert_ne!(passes, step);
}

/// One pass left out of micro-batches, of layers that run again, or of packed sequences.
#[test]
fn a_pass_that_is_left_out_is_seen() {
    let long = |(_, seq): &(ModelConfig, u32)| *seq > 4;
    let (config, seq) = (0..).map(common::decoder::decoder).find(long).unwrap();
    let packed = Packing::new(vec![seq - 2, 2]);
    let (accumulate, recompute) = (2, Recompute::Layers);
    let training = Training { accumulate, recompute, packed, ..Training::default() };
    let work = work(&config, [1, seq], training);
    let differs = |plan: &Plan| {
        let phases = Phase::ALL.into_iter().map(Some).chain([None]);
        phases
            .filter(|&phase| algebra(plan, &work, phase)[0] != algebra(plan, &work, phase)[1])
            .count()
    };
    let whole = plan(&config, [1, seq], training);
    assert_eq!(differs(&whole), 0);
    let spoilt: [fn(&Pass) -> bool; 3] = [
        |pass| {
            let accumulates = matches!(
                pass.operation,
                Operation::Pointwise { function: Function::Accumulate, .. }
            );
            accumulates && pass.phase == Phase::Backward
        },
        |pass| pass.recomputed && matches!(pass.operation, Operation::Norm { .. }),
        |pass| !pass.recomputed && matches!(pass.operation, Operation::Attention { s: 2, .. }),
    ];
    for is_left_out in spoilt {
        let mut plan = whole.clone();
        let place = plan.passes.iter().position(is_left_out).unwrap();
        plan.passes.remove(place);
        assert_eq!(differs(&plan), 1);
    }
}

/// What a run left: FLOPs, bytes of buffers, and the bits of each gradient.
struct Left {
    flops: u64,
    bytes: u64,
    gradients: Vec<(String, Vec<u32>)>,
    logits: Vec<f32>,
}

/// Runs a seeded step and holds every pass against its closed form.
fn run(config: &ModelConfig, shape: [u32; 2], training: Training) -> Left {
    let accumulate = Some(training.accumulate);
    let asked =
        AskedShape { batch: Some(shape[0]), seq: Some(shape[1]), accumulate, longest: None };
    let batch = Batch::load(None, asked, config, 3).unwrap();
    run_on(config, &batch, training)
}

/// The same on a batch.
fn run_on(config: &ModelConfig, batch: &Batch, training: Training) -> Left {
    let mut executor = common::embedded();
    let model = Model {
        name: "a decoder".into(),
        config: config.clone(),
        checkpoint: None,
        adapter: None,
        not_read: None,
        not_run: Default::default(),
    };
    let limits = executor.adapter().limits;
    let plan = lower(config, batch.shape, training, limits).unwrap();
    let weights = model.weights(3).unwrap();
    let inputs = inputs(&weights, batch);
    let mut session = Session::open(&mut executor, &plan, &inputs).unwrap();
    let measurement = session.measure(0, &mut |_| ControlFlow::Continue(())).unwrap();
    for (pass, verdict) in plan.passes.iter().zip(check::passes(&plan, &measurement)) {
        assert_eq!(verdict, Verdict::Match, "{}: {:?}", pass.label, config.to_json());
    }
    let flops = measurement.passes.iter().map(|pass| pass.cost.ops.flops(Convention::Ieee)).sum();
    let gradients = plan.parameters.iter().filter_map(|p| Some((p.name.clone(), p.grad.as_ref()?)));
    let gradients = gradients.map(|(name, slices)| {
        let values = session.read(slices).unwrap();
        (name, values.into_iter().map(f32::to_bits).collect())
    });
    let gradients = gradients.collect();
    let logits = plan.outputs.get("logits").map(|of| session.read(&of.windows).unwrap());
    Left { flops, bytes: plan.bytes(), gradients, logits: logits.unwrap_or_default() }
}

/// [`runs_as_stated`] for the model of a folder with each of these overrides.
pub fn each_runs_as_stated(folder: &str, sets: &[&[&str]]) {
    for set in sets {
        runs_as_stated(&Model::resolve(folder, set.iter()).unwrap().config, 11);
    }
}

/// Runs a step in each way of training, and holds what ran against what is stated without a device.
pub fn runs_as_stated(config: &ModelConfig, seq: u32) {
    let packed = || Packing::new(vec![seq - 2, 2]);
    for (accumulate, recompute, packed) in [
        (1, Recompute::None, Packing::default()),
        (2, Recompute::Layers, Packing::default()),
        (1, Recompute::None, packed()),
        (2, Recompute::Layers, packed()),
    ] {
        let training = Training { accumulate, recompute, packed, ..Training::default() };
        let stated = exact(config, [2 * accumulate, seq], training, Convention::Ieee).unwrap();
        let executed = run(config, [2, seq], training).flops;
        assert_eq!(stated.schedule.unwrap().total, u128::from(executed), "{training:?}");
    }
}

#[test]
fn what_runs_is_what_the_forms_say() {
    for seed in 1000..1018 {
        let (config, seq) = common::decoder::decoder(seed);
        assert!(run(&config, [2, seq], training(seed, seq)).flops > 0);
    }
}

/// The same kernels on the same numbers leave the same bits, in less memory.
#[test]
fn layers_that_run_again_change_no_gradient() {
    let mut seen = 0;
    for seed in 2000..2016 {
        let (config, seq) = common::decoder::decoder(seed);
        let kept = run(&config, [2, seq], Training::default());
        let recompute = Recompute::Layers;
        let again = run(&config, [2, seq], Training { recompute, ..Training::default() });
        assert!(again.gradients == kept.gradients, "seed {seed}: {:?}", config.to_json());
        assert!(again.flops > kept.flops);
        let layers = config.get::<DecoderConfig>().unwrap().num_hidden_layers();
        if layers > 1 {
            assert!(again.bytes < kept.bytes, "seed {seed}: {} and {}", again.bytes, kept.bytes);
            seen += 1;
        }
    }
    assert!(seen > 4, "models of several layers");
}

/// Whether numbers are as close as roundings leave them. The gradient by a bias of keys that no positions turn is nothing
/// but those.
fn assert_close(name: &str, got: impl Iterator<Item = f64>, want: &[f64]) {
    let scale = want.iter().map(|w| w * w).sum::<f64>().sqrt();
    let error = got.zip(want).map(|(g, w)| (g - w).powi(2)).sum::<f64>().sqrt();
    assert!(error <= 1e-4 * scale + 1e-10, "{name}: off by {error:e}, of a norm of {scale:e}");
}

/// Two sequences in one row give what each gives by itself: their logits, and the mean of their gradients.
pub fn sequences_of_a_row_do_not_meet(config: &ModelConfig, lengths: [u32; 2]) {
    let longest = lengths.iter().copied().max();
    let shape = |seq| {
        let asked = AskedShape { batch: Some(1), seq: Some(seq), longest, ..AskedShape::default() };
        BatchShape::resolve(asked, config).unwrap()
    };
    let alone = lengths.map(|seq| Batch::seeded(shape(seq), config, u64::from(seq)));
    let [one, two] = &alone;
    let row = Batch {
        shape: shape(lengths[0] + lengths[1]),
        tokens: [&one.tokens[..], &two.tokens].concat(),
        targets: [&one.targets[..], &two.targets].concat(),
    };
    let packed = Packing::new(lengths.to_vec());
    let row = run_on(config, &row, Training { packed, ..Training::default() });
    let [one, two] = alone.map(|batch| run_on(config, &batch, Training::default()));
    let logits = [one.logits, two.logits].concat().into_iter().map(f64::from);
    let widened = row.logits.iter().copied().map(f64::from);
    assert_close("logits", widened, &logits.collect::<Vec<_>>());
    let shares = lengths.map(|length| f64::from(length) / f64::from(lengths[0] + lengths[1]));
    for ((name, got), (a, b)) in row.gradients.iter().zip(one.gradients.iter().zip(&two.gradients))
    {
        let wide = |bits: &u32| f64::from(f32::from_bits(*bits));
        let mean = a.1.iter().zip(&b.1);
        let mean = mean.map(|(a, b)| shares[0] * wide(a) + shares[1] * wide(b));
        assert_close(name, got.iter().map(wide), &mean.collect::<Vec<_>>());
    }
}

#[test]
fn packed_sequences_do_not_meet() {
    for seed in 3000..3016 {
        let (config, seq) = common::decoder::decoder(seed);
        sequences_of_a_row_do_not_meet(&config, [1 + seed as u32 % seq, seq]);
    }
}

/// Routing decides which experts' weights are met, never how often: an expert's products are as many rows as
/// tokens were sent to it, and together they are T K.
#[test]
fn experts_cost_the_same_whoever_is_chosen() {
    let mixture = |chosen: u32| {
        let fields = json!({
            "model_type": "mixtral", "hidden_size": 16, "num_hidden_layers": 1,
            "num_attention_heads": 2, "num_key_value_heads": 1, "intermediate_size": 12,
            "vocab_size": 20, "num_local_experts": 4, "num_experts_per_tok": chosen,
        });
        ModelConfig::from_json(fields.as_object().unwrap()).unwrap()
    };
    let costs = [1, 2, 3].map(|chosen| run(&mixture(chosen), [1, 16], Training::default()).flops);
    // One expert more for each token: 16 tokens of three products, forward and twice backward, and what
    // stands around them.
    assert!(costs[0] < costs[1]);
    let products = 3 * 3 * 2 * 16 * 16 * 12;
    assert!(costs[1] - costs[0] > products && costs[2] - costs[1] > products);
}
