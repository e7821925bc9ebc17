//! Plans under narrow limits: tensors in windows give the same results as whole ones, and what does not
//! fit is refused in the plan's own terms before any device is asked.

use std::ops::ControlFlow;

use flopmeter::{
    check::{self, Verdict},
    choice::KernelSet,
    execute::{Executor, Limits},
    formula,
    measure::Session,
    model::{
        AskedShape, Batch, BatchShape, Model,
        lower::{Scope, Training, inputs, lower},
    },
    op::{Convention, OpCounts},
    operation::Operation,
    plan::{Pass, Plan},
};

const LIMITS: Limits = Limits { storage_bindings: 10, ..Limits::WEBGPU };

fn model(set: &[&str]) -> Model {
    Model::resolve("resnet-bk", set).unwrap()
}

fn plan(
    model: &Model,
    batch: u32,
    seq: u32,
    training: Training,
    limits: &Limits,
) -> Result<Plan, String> {
    let asked = AskedShape { batch: Some(batch), seq: Some(seq), ..AskedShape::default() };
    let shape = BatchShape::resolve(asked, &model.config).unwrap();
    lower(&model.config, shape, training, limits).map_err(|error| error.to_string())
}

/// Every parameter's gradient, its updated value and the loss, and the operations of it all.
fn run(
    gpu: &mut dyn Executor,
    model: &Model,
    [batch, seq]: [u32; 2],
    limits: &Limits,
) -> (Plan, Vec<Vec<f32>>, OpCounts) {
    let plan = plan(model, batch, seq, Training::default(), limits).unwrap();
    let asked = AskedShape { batch: Some(batch), seq: Some(seq), ..AskedShape::default() };
    let batch = Batch::load(None, asked, &model.config, 7).unwrap();
    let weights = model.weights(7).unwrap();
    let inputs = inputs(&weights, &batch);
    let mut session = Session::open(gpu, &plan, &inputs).unwrap();
    let measurement = session.measure(0, &mut |_| ControlFlow::Continue(())).unwrap();
    assert!(check::passes(&plan, &measurement).iter().all(|verdict| *verdict == Verdict::Match));
    let mut values: Vec<_> = plan
        .parameters
        .iter()
        .flat_map(|p| p.grad.iter().chain([&p.value]))
        .map(|slices| session.read(slices).unwrap())
        .collect();
    values.push(session.read(&plan.outputs["loss"].windows).unwrap());
    values.push(session.read(&plan.outputs["logits"].windows).unwrap());
    let ops = measurement.passes.iter().map(|pass| pass.cost.ops.floating()).sum();
    (plan, values, ops)
}

#[test]
fn logits_in_windows_are_the_logits() {
    common::on_every_executor(|gpu| {
        let model =
            model(&["vocab_size=200", "d_model=12", "num_experts=3", "top_k=2", "n_layers=1"]);
        let device = gpu.adapter().limits;
        let (whole, expected, ops) = run(&mut *gpu, &model, [3, 50], &device);
        // 64 rows of 200 logits to a window; offsets are those of the strictest adapter.
        let narrow = Limits { binding_bytes: 4 * 200 * 70, offset_alignment: 256, ..device };
        let (windowed, found, windowed_ops) = run(&mut *gpu, &model, [3, 50], &narrow);
        assert_eq!(whole.outputs["logits"].windows.len(), 1);
        assert_eq!(windowed.outputs["logits"].windows.len(), 3);
        // Smaller products may be computed by other kernels, which multiply and add where others fuse the two.
        let flops = [&windowed_ops, &ops].map(|ops| ops.flops(Convention::Ieee));
        assert_eq!(flops[0], flops[1], "windows cost no operation");
        assert_close(&found, &expected);
    });
}

/// Whether a pass is a product of extents that are multiples of four.
fn by_vectors(pass: &Pass) -> bool {
    match pass.operation {
        Operation::Linear { k, n, .. } => k.is_multiple_of(4) && n.is_multiple_of(4),
        _ => false,
    }
}

/// A sum over windows is the same chain of sums, cut and taken up again; a tile at a window's edge may
/// round differently, and what rounds differently differs by a few parts in 2^24.
fn assert_close(found: &[Vec<f32>], expected: &[Vec<f32>]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!(found.len(), expected.len());
        let scale = expected.iter().fold(0.0f32, |most, value| most.max(value.abs()));
        for (f, e) in found.iter().zip(expected) {
            assert!((f - e).abs() <= 1e-5 * scale, "{f} is not {e}");
        }
    }
}

#[test]
fn weights_in_windows_are_the_weights() {
    let small = [
        "hidden_size=128",
        "intermediate_size=160",
        "vocab_size=200",
        "num_hidden_layers=2",
        "num_attention_heads=4",
        "num_key_value_heads=2",
    ];
    let cut = ["q_proj", "o_proj", "gate_proj", "up_proj", "down_proj", "lm_head"];
    let adapters = ["lora.q_proj.A", "lora.o_proj.B"];
    let fused = ["lora.qkv_proj.A", "lora.qkv_proj.B", "lora.gate_up_proj.B"];
    let qwen = "qwen2.5-0.5b";
    common::on_every_executor(|gpu| {
        for (name, set, cut) in [
            (qwen, &[][..], &cut[..]),
            (qwen, &["tie_word_embeddings=false"], &cut),
            (qwen, &["lora_rank=72", "lora_targets=q_proj,k_proj,v_proj,o_proj"], &adapters),
            ("phi-3-mini", &[], &cut),
            ("phi-3-mini", &["lora_rank=72", "lora_targets=qkv_proj,gate_up_proj"], &fused),
        ] {
            let model = Model::resolve(name, small.iter().chain(set)).unwrap();
            let device = gpu.adapter().limits;
            let (_, expected, ops) = run(&mut *gpu, &model, [1, 7], &device);
            // 64 rows of 128 to a window, 48 of 160 and 112 of 72.
            let narrow = Limits { binding_bytes: 4 * 128 * 64, offset_alignment: 256, ..device };
            let (plan, found, cut_ops) = run(&mut *gpu, &model, [1, 7], &narrow);
            assert!(
                plan.passes
                    .iter()
                    .all(|pass| !by_vectors(pass) || pass.kernel.parts().1.ends_with("_vec4"))
            );
            for part in cut {
                let windows = |kernel: &str| {
                    let passes = plan.passes.iter().filter(|pass| {
                        pass.component.to_string().ends_with(part)
                            && pass.kernel.to_string() == kernel
                    });
                    passes.count()
                };
                assert!(windows("columns.place") >= 2 && windows("columns.take") >= 2, "{part}");
            }
            assert_eq!(cut_ops, ops, "windows cost no operation");
            assert_close(&found, &expected);
            // Two windows of most tensors to a buffer: the same launches, on other buffers.
            let short = Limits { buffer_bytes: 4 * 128 * 130, ..narrow };
            let (parts, found_in_parts, _) = run(&mut *gpu, &model, [1, 7], &short);
            let launches = |plan: &Plan| -> Vec<_> {
                plan.passes.iter().map(|p| (p.label.clone(), p.dims(), p.grid)).collect()
            };
            assert_eq!(launches(&parts), launches(&plan));
            assert_eq!((parts.bytes(), &found_in_parts), (plan.bytes(), &found));
            assert!(parts.buffers.iter().all(|buffer| 4 * buffer.len <= short.buffer_bytes));
            for name in parts.buffers.iter().map(|buffer| &buffer.name) {
                let as_many = parts.buffers.iter().filter(|buffer| &buffer.name == name).count();
                assert_eq!(as_many, 1, "{name}");
            }
            // Windows of 64, 64, 64 and 8 rows.
            let lens: Vec<_> = parts.parameters[0].value.iter().map(|s| s.len / 128).collect();
            assert_eq!(lens, [128, 72]);
            if let Some(grad) = &parts.parameters[0].grad {
                assert_eq!(grad.iter().map(|s| s.len / 128).collect::<Vec<_>>(), [128, 72]);
                let names =
                    ["m", "v"].map(|m| format!("{m}/model.embed_tokens.weight, part 2 of 2"));
                assert!(names.iter().all(|name| parts.buffers.iter().any(|b| &b.name == name)));
            }
        }
    });
}

#[test]
fn a_forward_plan_has_no_gradients() {
    let training = Training { scope: Scope::Forward, ..Training::default() };
    let forward = plan(&model(&[]), 2, 8, training, &LIMITS).unwrap();
    let step = plan(&model(&[]), 2, 8, Training::default(), &LIMITS).unwrap();
    assert!(forward.parameters.iter().all(|parameter| parameter.grad.is_none()));
    let labels =
        |plan: &Plan| plan.passes.iter().map(|pass| pass.label.clone()).collect::<Vec<_>>();
    assert!(labels(&step).starts_with(&labels(&forward)));
    assert!(forward.bytes() < step.bytes());
}

#[test]
fn labels_and_buffers_have_names_of_their_own() {
    let plan = plan(&model(&["top_k=2"]), 2, 8, Training::default(), &LIMITS).unwrap();
    let count = |names: Vec<&String>| names.iter().collect::<std::collections::BTreeSet<_>>().len();
    assert_eq!(count(plan.passes.iter().map(|pass| &pass.label).collect()), plan.passes.len());
    assert_eq!(count(plan.buffers.iter().map(|buffer| &buffer.name).collect()), plan.buffers.len());
}

#[test]
fn a_plan_survives_json() {
    let plan = plan(&model(&[]), 2, 8, Training::default(), &LIMITS).unwrap();
    let json = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<Plan>(&json).unwrap(), plan);
}

#[test]
fn what_exceeds_an_adapter_is_named() {
    let refused = |set: &[&str], limits: &Limits, says: &[&str]| {
        let error = plan(&model(set), 2, 64, Training::default(), limits).unwrap_err();
        for words in says {
            assert!(error.contains(words), "{error}");
        }
    };
    let narrow = Limits { binding_bytes: 1 << 16, ..LIMITS };
    refused(&[], &narrow, &["logits", "65536", "vocab_size"]);
    refused(&["vocab_size=256", "d_model=128"], &narrow, &["token_embedding", "65536", "smaller"]);
    let small = Limits { buffer_bytes: 1 << 20, ..LIMITS };
    refused(&[], &small, &["logits", "1048576", "vocab_size"]);
    let table = ["vocab_size=3000", "d_model=128"];
    refused(&table, &small, &["token_embedding.weight", "1048576", "one buffer", "smaller"]);
    let flat = Limits { workgroups: 100, ..LIMITS };
    refused(&[], &flat, &["workgroups", "100"]);
    // More elements than a kernel can index, on an adapter that would hold them.
    let huge = Limits { buffer_bytes: u64::MAX, binding_bytes: u64::MAX, ..LIMITS };
    refused(&["vocab_size=1000000", "d_model=5000"], &huge, &["token_embedding.weight", "smaller"]);
}

/// Whatever kernels are chosen, a pass executes as many FLOPs by every list of prices, if not of the same operations.
#[test]
fn flops_are_those_of_any_set_of_kernels() {
    let models: [(&str, &[&str], u32, u32); 5] = [
        ("resnet-bk", &[], 32, 128),
        ("resnet-bk", &["d_model=13", "vocab_size=201", "n_layers=1"], 3, 5),
        ("resnet-bk", &["d_model=512", "vocab_size=1030", "n_layers=1"], 1, 1),
        ("qwen2.5-0.5b", &["num_hidden_layers=1", "vocab_size=1000"], 1, 300),
        ("mixtral-8x7b", &["num_hidden_layers=1", "vocab_size=1000"], 2, 7),
    ];
    let mut others = 0;
    for (name, set, batch, seq) in models {
        let model = Model::resolve(name, set).unwrap();
        let [portable, workgroup] = [KernelSet::Portable, KernelSet::Workgroup].map(|kernels| {
            let limits =
                kernels.on(&Limits { buffer_bytes: 1 << 40, binding_bytes: 1 << 40, ..LIMITS });
            plan(&model, batch, seq, Training::default(), &limits.unwrap()).unwrap()
        });
        assert_eq!(portable.passes.len(), workgroup.passes.len());
        for (one, other) in portable.passes.iter().zip(&workgroup.passes) {
            others += u32::from(one.kernel != other.kernel);
            let flops = |pass: &Pass| {
                let exact = formula::forms(&pass.operation, &pass.schedule).schedule();
                Convention::ALL.map(|convention| exact.flops(convention))
            };
            assert_eq!(
                flops(one),
                flops(other),
                "{}: {} and {}",
                one.label,
                one.kernel,
                other.kernel
            );
        }
    }
    assert!(others > 20, "only {others} passes have kernels of their own");
}
