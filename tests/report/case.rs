//! What the tests of reports report on: a lowered plan whose measurement is made up from its closed forms,
//! so that nothing depends on a device.

use std::{collections::BTreeMap, sync::Arc};

use common::computes;
use flopmeter::{
    component::Phase,
    estimate::Estimate,
    execute::{Adapter, Backend, Clock, DeviceType, Limits},
    formula::forms,
    measure::{ChosenKernel, Measurement},
    model::{
        AskedShape, BatchShape, ModelConfig, ResNetBkConfig,
        lower::{self, Training},
    },
    observe::{Observed, TimeSource, Timing},
    op::{Convention, Cost, Op, OpCounts, Scalar, Traffic},
    plan::{Dims, KernelName, Pass, Plan},
    profile::{KeptTensor, Run},
    registry::Kernel,
    result::{Profiled, Report},
    roofline::{Ceiling, Ceilings, Drift, Missing, Resource, Spread},
    schedule::Schedule,
};

pub const LIMITS: Limits = Limits {
    buffer_bytes: 1 << 31,
    offset_alignment: 64,
    invocations: 1024,
    workgroup_bytes: 32768,
    storage_bindings: 16,
    bind_groups: 8,
    ..Limits::WEBGPU
};

pub const SMALL: ResNetBkConfig =
    ResNetBkConfig { d_model: 8, n_layers: 2, n_seq: 6, vocab_size: 20, num_experts: 3, top_k: 2 };

/// A few passes of a step, written down: what a report looks like must not change with a lowering.
pub fn few_passes() -> Plan {
    use Phase::{Backward, Forward, Optimizer};
    let linear = |component, kernel, phase, n, k| {
        let dims = vec![("M", 12), ("N", n), ("K", k), ("G", 1), ("accumulate", 0)];
        (component, kernel, phase, dims)
    };
    let passes = [
        (
            "embedding",
            "embedding.forward",
            Forward,
            vec![("B", 2), ("N", 6), ("D", 8), ("V", 20), ("P", 6)],
        ),
        linear("layer_0.moe.router", "linear.forward", Forward, 3, 8),
        ("layer_0.moe.experts.relu", "relu.forward", Forward, vec![("P", 384)]),
        linear("layer_0.v_proj", "linear.forward", Forward, 1, 8),
        ("layer_0.mix", "mix.forward", Forward, vec![("P", 96)]),
        linear("layer_1.v_proj", "linear.forward", Forward, 1, 8),
        ("layer_1.mix", "mix.forward", Forward, vec![("P", 96)]),
        linear("lm_head", "linear.forward", Forward, 20, 8),
        linear("lm_head", "linear.backward_input", Backward, 20, 8),
        linear("lm_head", "linear.backward_weight", Backward, 20, 8),
        linear("lm_head", "linear.backward_bias", Backward, 20, 8),
        ("lm_head", "optimizer.adamw", Optimizer, vec![("P", 160)]),
        ("lm_head", "optimizer.adamw", Optimizer, vec![("P", 20)]),
    ];
    let pass = |(component, name, phase, dims): (&str, &str, Phase, Vec<(&str, u32)>)| {
        let kernel = Kernel::try_from(name.parse::<KernelName>().unwrap()).unwrap();
        let dims: Dims = dims.into_iter().map(|(name, size)| (name.into(), size)).collect();
        Pass {
            label: format!("{phase} {component} {name}"),
            recomputed: false,
            operation: computes::operation(kernel, &dims).unwrap(),
            kernel,
            schedule: Schedule::of_lanes(64),
            component: component.into(),
            phase,
            scalars: BTreeMap::new(),
            bindings: BTreeMap::new(),
            grid: [2, 1, 1],
        }
    };
    Plan { passes: passes.map(pass).into(), ..Plan::default() }
}

/// A step lowered, and a measurement of it.
pub struct Case {
    pub config: ModelConfig,
    pub shape: BatchShape,
    pub training: Training,
    pub plan: Plan,
    pub measurement: Measurement,
}

impl Case {
    pub fn new(
        config: ModelConfig,
        batch: u32,
        seq: Option<u32>,
        training: Training,
        limits: &Limits,
    ) -> Self {
        let accumulate = Some(training.accumulate);
        let asked = AskedShape { batch: Some(batch), seq, accumulate, longest: None };
        let shape = BatchShape::resolve(asked, &config).unwrap();
        let plan = lower::lower(&config, shape, training, limits).unwrap();
        let measurement = measured(&plan, *limits);
        Self { config, shape, training, plan, measurement }
    }

    pub fn small() -> Self {
        Self::new(ModelConfig::from(SMALL), 2, None, Training::default(), &LIMITS)
    }

    /// A case that stays what it is.
    pub fn fixed() -> Self {
        let (small, plan) = (Self::small(), few_passes());
        Self { measurement: measured(&plan, LIMITS), plan, ..small }
    }

    pub fn report(&self, convention: Convention, loss: f32) -> Report {
        let estimate = Estimate::new(&self.config, self.shape, self.training.optimizer).unwrap();
        let subject = Profiled {
            model: &"example".into(),
            data: "weights and tokens from seed 0",
            config: &self.config,
            shape: self.shape,
            training: self.training,
            convention,
        };
        Report::new(subject, &self.plan, &self.measurement, &estimate, Some(loss))
    }

    pub fn spoil(&mut self, pass: usize, ops: OpCounts) {
        let cost = &mut self.measurement.passes[pass].cost;
        cost.ops = cost.ops + ops;
    }
}

/// A measurement in which every pass did exactly what its closed form says.
pub fn measured(plan: &Plan, limits: Limits) -> Measurement {
    let who = Arc::new(adapter("Example", limits));
    let passes = plan.passes.iter().enumerate().map(|(i, pass)| Observed {
        dead: None,
        adapter: Arc::clone(&who),
        lines: BTreeMap::new(),
        cost: Cost {
            ops: forms(&pass.operation, &pass.schedule).schedule().with(Scalar::Int, Op::Add, 100),
            traffic: Traffic {
                storage_load: 8 * (i as u64 + 1),
                storage_store: 4,
                ..Traffic::default()
            },
        },
        uneven_barriers: Vec::new(),
        witness: None,
        counted_seconds: 0.0,
        from_layer: None,
        seconds: Some(1e-5 * (i as f64 + 1.0)),
    });
    Measurement {
        adapter: adapter("Example", limits).into(),
        passes: passes.collect(),
        kernels: vec![ChosenKernel {
            kernel: "linear.forward".parse().unwrap(),
            tile: [("LANES".to_owned(), 64)].into(),
            passes: 4,
        }],
        timing: Timing {
            source: TimeSource::Timestamps,
            repeats: 3,
            min_seconds: None,
            plain_seconds: Some(0.25),
            spread: Some(Spread { min: 0.24, median: 0.25, max: 0.27 }),
            counted_seconds: 0.275,
            warm_up: None,
        },
    }
}

pub fn adapter(name: &str, limits: Limits) -> Adapter {
    Adapter {
        name: name.into(),
        backend: Backend::Vulkan,
        device_type: DeviceType::Software,
        driver: "example 1.0".into(),
        limits,
    }
}

/// A run by an executor of this name, with one gradient.
pub fn run(name: &str) -> Run {
    let mut measurement = Case::fixed().measurement;
    measurement.adapter = adapter(name, LIMITS).into();
    let gradient = KeptTensor { name: "grad/w".into(), shape: vec![2], data: vec![0.5, -1.0] };
    Run { measurement, loss: Some(2.0), tensors: vec![gradient] }
}

/// Ceilings, written down.
pub fn ceilings() -> Ceilings {
    let spread = |median: f64| Spread { min: 0.5 * median, median, max: 1.5 * median };
    let ceiling = |name: &str, resource, rate| Ceiling {
        name: name.to_owned(),
        resource,
        kernel: "roofline.example".parse().unwrap(),
        work: 1 << 20,
        buffer_bytes: 1 << 28,
        rate: spread(rate),
        seconds: spread(0.001),
        clock: Clock::Timestamps,
    };
    Ceilings {
        adapter: adapter("Example", LIMITS),
        repeats: 3,
        rounds: 1,
        ceilings: vec![
            ceiling("multiply-add f32", Resource::F32, 1e8),
            ceiling("storage copy", Resource::Storage, 5e6),
        ],
        missing: vec![Missing { name: "multiply-add f16".into(), why: "it has none".into() }],
        empty_dispatch: spread(1e-5),
        empty_dispatch_clock: Clock::Wall,
        submit_and_wait: spread(1e-4),
        drift: Drift { first: 1e8, last: 0.9e8 },
        warning: None,
    }
}
