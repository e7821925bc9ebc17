//! Models as users have them, from weights to updated parameters, against tensors computed elsewhere in
//! double precision: `tests/golden/` holds each model and what must come out of it.

use std::{collections::BTreeSet, fs, ops::ControlFlow, path::Path};

use flopmeter::{
    check::{self, Verdict},
    choice::{KernelSet, Target},
    execute::{Executor, Limits},
    family::Family,
    measure::Session,
    model::{
        AskedShape, Batch, Model, Optimizer,
        lower::{Recompute, Scope, Training, inputs, lower},
    },
    plan::{BufferId, Pass, Plan, Slice},
    registry::Kernel,
    tensors::TensorFile,
};
use serde_json::{Map, Value};

use crate::reference::{assert_close, compare, expected, relative_error};

const MODELS: [&str; 2] = ["resnet_bk_dense", "resnet_bk_top1"];

/// Every member of the family of which there is a reference, and how many of its parameters are trained.
pub const DECODERS: [(&str, usize); 33] = [
    ("qwen2_full", 27),
    ("qwen2_lora", 8),
    ("qwen2_yarn", 27),
    ("llama", 21),
    ("mistral_lora", 28),
    ("qwen3", 24),
    ("mixtral", 41),
    ("qwen2_moe", 73),
    ("qwen3_moe", 62),
    ("gemma2", 24),
    ("gemma3", 41),
    ("phi3", 15),
    ("phi3_lora", 12),
    ("smollm3", 38),
    ("gemma", 20),
    ("olmo2", 25),
    ("olmo2_lora", 16),
    ("granite", 27),
    ("granite_lora", 16),
    ("olmo3", 47),
    ("olmo3_lora", 12),
    ("starcoder2", 35),
    ("starcoder2_lora", 30),
    ("gpt2", 28),
    ("gpt2_lora", 24),
    ("opt", 36),
    ("opt_lora", 30),
    ("stablelm", 32),
    ("stablelm_lora", 36),
    ("gpt_neox", 28),
    ("gpt_neox_lora", 24),
    ("phi", 33),
    ("phi_lora", 24),
];

fn folder(model: &str) -> String {
    format!("{}/tests/golden/{model}", env!("CARGO_MANIFEST_DIR"))
}

/// What a golden model's file says, with fields changed; null removes one.
pub fn fields(model: &str, changes: &[(&str, Value)]) -> Map<String, Value> {
    let text = fs::read_to_string(Path::new(&folder(model)).join("config.json")).unwrap();
    let mut fields: Map<String, Value> = serde_json::from_str(&text).unwrap();
    for (name, value) in changes {
        match value {
            Value::Null => drop(fields.remove(*name)),
            value => drop(fields.insert((*name).to_owned(), value.clone())),
        }
    }
    fields
}

fn training(optimizer: Optimizer, bk_gradient: &str) -> Training {
    let options = Family::choose("bk_gradient", bk_gradient).unwrap();
    Training { options, ..optimizer.into() }
}

/// Runs a golden model's step and hands over what it leaves on the device.
pub fn step(model: &str, training: Training, look: impl Fn(&Plan, &mut Session<'_>, &TensorFile)) {
    step_within(model, training, |limits| limits, look);
}

/// The same numbers where layers run again, with adapters and without, and where no binding holds more than `bytes`, which
/// is less than the logits take.
pub fn a_step_in_pieces_is_the_step(model: &str, bytes: u64) {
    let again = Training { recompute: Recompute::Layers, ..Optimizer::AdamW.into() };
    for (model, training, bytes) in [
        (&*format!("{model}_lora"), again, u64::MAX),
        (model, again, u64::MAX),
        (model, Optimizer::AdamW.into(), bytes),
    ] {
        let cut =
            |limits: Limits| Limits { binding_bytes: bytes.min(limits.binding_bytes), ..limits };
        step_within(model, training, cut, |plan, session, file| {
            let windows = plan.outputs["logits"].windows.len();
            assert_eq!(windows > 1, bytes != u64::MAX);
            compare(plan, session, file, "grad", Some("after"));
        });
    }
}

/// The same under limits that are not the executor's own, or with other kernels.
pub fn step_within<T: Into<Target>>(
    model: &str,
    training: Training,
    target: impl Fn(Limits) -> T,
    look: impl Fn(&Plan, &mut Session<'_>, &TensorFile),
) {
    common::on_every_executor(|executor| {
        let folder = folder(model);
        let model = Model::resolve(&folder, Vec::<String>::new()).unwrap();
        let accumulate = Some(training.accumulate);
        let asked = AskedShape { accumulate, ..AskedShape::default() };
        let batch = Path::new(&folder).join("batch.safetensors");
        let batch = Batch::load(Some(&batch), asked, &model.config, 0).unwrap();
        let target = target(executor.adapter().limits);
        let plan = lower(&model.config, batch.shape, training, target).unwrap();
        let weights = model.weights(0).unwrap();
        let inputs = inputs(&weights, &batch);
        let mut session = Session::open(&mut *executor, &plan, &inputs).unwrap();
        let measurement = session.measure(0, &mut |_| ControlFlow::Continue(())).unwrap();
        for (pass, verdict) in plan.passes.iter().zip(check::passes(&plan, &measurement)) {
            assert_eq!(verdict, Verdict::Match, "{}", pass.label);
        }
        let expected = TensorFile::open(&Path::new(&folder).join("expected.safetensors")).unwrap();
        look(&plan, &mut session, &expected);
    });
}

pub fn whole(plan: &Plan, session: &mut Session<'_>, output: &str) -> Vec<f32> {
    session.read(&plan.outputs[output].windows).unwrap()
}

fn named(plan: &Plan, buffer: &str) -> Slice {
    let index = plan.buffers.iter().position(|b| b.name == buffer).unwrap();
    Slice { buffer: BufferId(index as u32), offset: 0, len: plan.buffers[index].len }
}

#[test]
fn logits_loss_and_resolvent_are_those_of_the_equations() {
    for model in MODELS {
        step(model, training(Optimizer::AdamW, "hybrid"), |plan, session, file| {
            assert_close("logits", &whole(plan, session, "logits"), &expected(file, "logits"));
            assert_close("loss", &whole(plan, session, "loss"), &expected(file, "loss"));
            let g = session.read(&[named(plan, "layer_0.bk_core.g")]).unwrap();
            assert_close("bk/G", &g, &expected(file, "bk/G"));
        });
    }
}

#[test]
fn recursions_by_chunks_are_those_of_the_equations() {
    let chunks = |limits: Limits| Target::new(&limits, KernelSet::Chunks, None).unwrap();
    let training = training(Optimizer::AdamW, "exact");
    step_within("resnet_bk_top1", training, chunks, |plan, session, file| {
        let g = session.read(&[named(plan, "layer_0.bk_core.g")]).unwrap();
        assert_close("bk/G", &g, &expected(file, "bk/G"));
        let shares = |pass: &&Pass| pass.kernel == Kernel::BkCoreChunksThetaRecursion;
        let shared = plan.passes.iter().find(shares).unwrap();
        assert!(shared.schedule.chunk < Some(shared.dims()["N"]), "a row is several chunks");
    });
}

#[test]
fn hybrid_gradients_and_adamw_are_those_of_the_equations() {
    for model in MODELS {
        step(model, training(Optimizer::AdamW, "hybrid"), |plan, session, file| {
            compare(plan, session, file, "grad", Some("after"));
        });
    }
}

#[test]
fn plain_gradient_descent_is_that_of_the_equations() {
    for model in MODELS {
        step(model, training(Optimizer::Sgd, "hybrid"), |plan, session, file| {
            compare(plan, session, file, "grad", Some("after_sgd"));
        });
    }
}

#[test]
fn exact_gradients_are_those_of_the_equations() {
    for model in MODELS {
        step(model, training(Optimizer::AdamW, "exact"), |plan, session, file| {
            compare(plan, session, file, "grad_exact", None);
        });
    }
}

#[test]
fn decoders_are_those_of_transformers_and_peft() {
    for (model, trained) in DECODERS {
        step(model, training(Optimizer::AdamW, "hybrid"), |plan, session, file| {
            assert_close("logits", &whole(plan, session, "logits"), &expected(file, "logits"));
            assert_close("loss", &whole(plan, session, "loss"), &expected(file, "loss"));
            let gradients = plan.parameters.iter().filter(|p| p.grad.is_some()).count();
            assert_eq!(gradients, trained);
            compare(plan, session, file, "grad", Some("after"));
        });
    }
}

/// A sequence at a time, whose gradients are summed, instead of all together.
#[test]
fn micro_batches_are_the_batch() {
    let sequences = |model| if model == "qwen3" { 3 } else { 2 };
    let decoders = DECODERS.map(|(model, _)| model);
    for model in decoders.into_iter().chain(["resnet_bk_top1"]) {
        let accumulate = sequences(model);
        let training = Training { accumulate, ..training(Optimizer::AdamW, "hybrid") };
        step(model, training, |plan, session, file| {
            let scratch = plan.buffers.iter().filter(|b| b.name.contains("of micro-batch")).count();
            assert_eq!(scratch, 2 * (accumulate as usize - 1), "tokens and targets of each");
            assert_close("loss", &whole(plan, session, "loss"), &expected(file, "loss"));
            compare(plan, session, file, "grad", Some("after"));
        });
    }
}

#[test]
fn layers_that_run_again_are_those_of_the_equations() {
    for model in MODELS {
        for (gradient, grad, after) in
            [("hybrid", "grad", Some("after")), ("exact", "grad_exact", None)]
        {
            let training = training(Optimizer::AdamW, gradient);
            let training = Training { recompute: Recompute::Layers, ..training };
            step(model, training, |plan, session, file| {
                assert!(plan.passes.iter().any(|pass| pass.recomputed));
                assert_close("loss", &whole(plan, session, "loss"), &expected(file, "loss"));
                compare(plan, session, file, grad, after);
            });
        }
    }
}

/// In how many buffers a tensor lies.
fn buffers(slices: &[Slice]) -> usize {
    slices.iter().map(|slice| slice.buffer).collect::<BTreeSet<_>>().len()
}

/// The same numbers where the vocabulary's tables and the logits are cut into windows, and where no
/// buffer holds them.
#[test]
#[ignore = "slow: runs four models, each in many pieces"]
fn tables_in_windows_are_the_tables() {
    // Less than the table, and no less than any other tensor but the logits.
    let bytes = [("qwen2_full", 8_200), ("qwen2_lora", 16_000)];
    for (parts, (model, bytes)) in
        bytes.map(|of| (1, of)).into_iter().chain(bytes.map(|of| (2, of)))
    {
        let cut = |limits: Limits| match parts {
            1 => Limits { binding_bytes: bytes, ..limits },
            _ => Limits { buffer_bytes: bytes, ..limits },
        };
        let training = training(Optimizer::AdamW, "hybrid");
        step_within(model, training, cut, |plan, session, file| {
            let table = |name: &str| name.contains("embed_tokens") || name.contains("lm_head");
            for table in plan.parameters.iter().filter(|p| table(&p.name)) {
                assert_eq!(buffers(&table.value), parts, "{model}: {}", table.name);
                assert!(table.grad.iter().all(|grad| buffers(grad) == parts), "{model}");
            }
            let passes = |kernel: &str| {
                plan.passes.iter().filter(|pass| pass.kernel.to_string() == kernel).count()
            };
            assert_eq!(passes("embedding.gather"), 2, "{model}");
            assert!(passes("columns.place") >= 2, "{model}");
            assert_close("logits", &whole(plan, session, "logits"), &expected(file, "logits"));
            assert_close("loss", &whole(plan, session, "loss"), &expected(file, "loss"));
            compare(plan, session, file, "grad", Some("after"));
        });
    }
}

/// The same numbers where no buffer holds the logits.
#[test]
fn logits_longer_than_a_buffer_are_the_logits() {
    // As much as the experts' weights, and less than the logits.
    let cut = |limits: Limits| Limits { buffer_bytes: 8_192, ..limits };
    let training = training(Optimizer::AdamW, "hybrid");
    step_within("resnet_bk_top1", training, cut, |plan, session, file| {
        assert_eq!(buffers(&plan.outputs["logits"].windows), 2);
        assert_close("logits", &whole(plan, session, "logits"), &expected(file, "logits"));
        assert_close("loss", &whole(plan, session, "loss"), &expected(file, "loss"));
        compare(plan, session, file, "grad", Some("after"));
    });
}

/// Asserts that a golden model's logits notice each of these fields that are set to something else.
pub fn each_makes_other_logits(model: &str, fields: &[&str]) {
    let folder = folder(model);
    let logits = |set: &[&str]| {
        let model = Model::resolve(&folder, set).unwrap();
        let batch = Path::new(&folder).join("batch.safetensors");
        let batch = Batch::load(Some(&batch), AskedShape::default(), &model.config, 0).unwrap();
        let mut executor = common::embedded();
        let training = Training { scope: Scope::Forward, ..Optimizer::AdamW.into() };
        let limits = executor.adapter().limits;
        let plan = lower(&model.config, batch.shape, training, limits).unwrap();
        let weights = model.weights(0).unwrap();
        let inputs = inputs(&weights, &batch);
        let mut session = Session::open(&mut executor, &plan, &inputs).unwrap();
        session.measure(0, &mut |_| ControlFlow::Continue(())).unwrap();
        whole(&plan, &mut session, "logits")
    };
    let own: Vec<f64> = logits(&[]).into_iter().map(f64::from).collect();
    for field in fields {
        assert!(relative_error(&logits(&[field]), &own) > 1e-3, "{field}");
    }
}

#[test]
fn every_parameter_of_the_checkpoint_is_placed_once() {
    for name in MODELS.into_iter().chain(DECODERS.map(|(name, _)| name)) {
        let gpu = common::embedded();
        let model = Model::resolve(&folder(name), Vec::<String>::new()).unwrap();
        let batch = Batch::load(None, AskedShape::default(), &model.config, 0).unwrap();
        let training = training(Optimizer::AdamW, "hybrid");
        let plan = lower(&model.config, batch.shape, training, gpu.adapter().limits).unwrap();
        let mut placed: Vec<_> =
            plan.parameters.iter().map(|p| (p.name.clone(), p.shape.clone())).collect();
        let mut specified: Vec<_> =
            model.config.parameters().into_iter().map(|p| (p.name, p.shape)).collect();
        placed.sort();
        specified.sort();
        assert_eq!(placed, specified);
    }
}
