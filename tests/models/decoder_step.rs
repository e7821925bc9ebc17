//! The algebra of a step, which needs no device, against the passes of a step: operation by operation, of small
//! decoders of every member with windows, experts and adapters as they come. What the passes execute is their
//! schedule, which is held against executions here and wherever a model runs.

use std::ops::ControlFlow;

use flopmeter::{
    check::{self, Verdict},
    execute::{Executor as _, Limits},
    family::decoder::{DecoderConfig, Recipe, Tokens, Work, WorkPass},
    formula::forms,
    measure::Session,
    model::{
        AskedShape, Batch, BatchShape, Model, ModelConfig, Optimizer,
        lower::{self, Scope, inputs, lower},
    },
    op::{Convention, OpCounts},
    plan::{Phase, Plan},
};
use serde_json::json;

const LIMITS: Limits = Limits { buffer_bytes: 1 << 31, storage_bindings: 10, ..Limits::WEBGPU };

fn plan(config: &ModelConfig, [batch, seq]: [u32; 2], optimizer: Optimizer) -> Plan {
    let asked = AskedShape { batch: Some(batch), seq: Some(seq) };
    let shape = BatchShape::resolve(asked, config).unwrap();
    let training = lower::Training { scope: Scope::Step, optimizer, ..Default::default() };
    lower(config, shape, training, &LIMITS).unwrap()
}

fn work(config: &ModelConfig, [batch, seq]: [u32; 2], optimizer: Optimizer) -> Vec<Work> {
    let decoder = config.get::<DecoderConfig>().unwrap();
    let training = Recipe { optimizer, ..Recipe::default() };
    decoder.step(&Tokens::new(batch, seq), training)
}

/// What the mathematics asks of each phase, by the passes and by the work without them.
fn algebra(plan: &Plan, work: &[Work], phase: Phase) -> [OpCounts; 2] {
    let passes = plan.passes.iter().filter(|pass| pass.phase == phase);
    let work = work.iter().filter(|work| work.pass.phase() == Some(phase));
    [
        passes.map(|pass| forms(&pass.operation, &pass.schedule).algebraic).sum(),
        work.map(|work| work.each.times(u64::try_from(work.times).unwrap())).sum(),
    ]
}

#[test]
fn the_algebra_of_a_step_is_that_of_its_passes() {
    for seed in 0..600 {
        let (config, seq) = common::decoder::decoder(seed);
        let optimizer = [Optimizer::AdamW, Optimizer::Adam, Optimizer::Sgd][seed as usize % 3];
        let (plan, work) = (plan(&config, [2, seq], optimizer), work(&config, [2, seq], optimizer));
        for phase in Phase::ALL {
            let [passes, step] = algebra(&plan, &work, phase);
            assert_eq!(passes, step, "{phase} of seed {seed}: {:?}", config.to_json());
        }
    }
}

#[test]
fn an_operation_too_many_is_seen() {
    let (config, seq) = common::decoder::decoder(1);
    let plan = plan(&config, [1, seq], Optimizer::AdamW);
    let mut work = work(&config, [1, seq], Optimizer::AdamW);
    let spoilt = work.iter_mut().find(|work| work.pass == WorkPass::Forward).unwrap();
    spoilt.times += 1;
    let [passes, step] = algebra(&plan, &work, Phase::Forward);
    assert_ne!(passes, step);
}

/// Runs a seeded step, holds every pass against its closed form, and says what ran.
fn run(config: &ModelConfig, shape: [u32; 2]) -> u64 {
    let mut executor = common::embedded();
    let asked = AskedShape { batch: Some(shape[0]), seq: Some(shape[1]) };
    let model = Model {
        name: "a decoder".to_owned(),
        config: config.clone(),
        checkpoint: None,
        adapter: None,
    };
    let batch = Batch::load(None, asked, config, 3).unwrap();
    let limits = executor.adapter().limits;
    let plan = lower(config, batch.shape, lower::Training::default(), &limits).unwrap();
    let weights = model.weights(3).unwrap();
    let inputs = inputs(&weights, &batch);
    let mut session = Session::open(&mut executor, &plan, &inputs).unwrap();
    let measurement = session.measure(0, &mut |_| ControlFlow::Continue(())).unwrap();
    for (pass, verdict) in plan.passes.iter().zip(check::passes(&plan, &measurement)) {
        assert_eq!(verdict, Verdict::Match, "{}: {:?}", pass.label, config.to_json());
    }
    measurement.passes.iter().map(|pass| pass.cost.ops.flops(Convention::Ieee)).sum()
}

#[test]
fn what_runs_is_what_the_forms_say() {
    for seed in 1000..1024 {
        let (config, seq) = common::decoder::decoder(seed);
        assert!(run(&config, [2, seq]) > 0);
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
    let costs = [1, 2, 3].map(|chosen| run(&mixture(chosen), [1, 16]));
    // One expert more for each token: 16 tokens of three products, forward and twice backward, and what
    // stands around them.
    assert!(costs[0] < costs[1]);
    let products = 3 * 3 * 2 * 16 * 16 * 12;
    assert!(costs[1] - costs[0] > products && costs[2] - costs[1] > products);
}
