//! ResNet-BK as launches: its parameters placed, what each layer saves for its backward pass, and
//! the order of a training step. Shape letters as everywhere: B batch, N sequence, D width,
//! E experts, K chosen, V vocabulary, T = B*N tokens, A = T*K assignments of tokens to experts.

mod backward;
mod forward;

use super::{config::ResNetBkConfig, gradient::is_exact};
use crate::{
    Error,
    blocks::{
        grouping::Grouping,
        launch::Builder,
        linear::{Linear, Rows},
        loss::Loss,
        micro_batches,
        norm::{NormRule, Normed, RowNorm},
        optimize::optimize,
        weight::{Placer, Weight},
    },
    choice::Target,
    component::ComponentName,
    family::{
        shape::BatchShape,
        training::{Scope, Training},
    },
    plan::{Element, Init, Plan, Slice},
};

/// The spectral parameter at which the resolvent is taken: z = i.
const Z: [(&str, f32); 2] = [("z_re", 0.0), ("z_im", 1.0)];

/// PyTorch's default epsilon of a layer norm.
const EPS: f32 = 1e-5;

/// The extents of one training step.
#[derive(Clone, Copy)]
struct Shape {
    b: u32,
    n: u32,
    d: u32,
    e: u32,
    k: u32,
    v: u32,
    /// Learned positions, at least N.
    p: u32,
    t: u32,
    a: u32,
}

/// The model with its parameters placed.
struct Model {
    shape: Shape,
    tokens: Slice,
    loss: Loss,
    token_embedding: Weight,
    position_embedding: Weight,
    layers: Vec<Layer>,
    final_norm: RowNorm,
    lm_head: Linear,
    /// All T tokens as one group of rows.
    all_tokens: Rows,
    /// The off-diagonals b and c of H: N-1 ones, and one element where N = 1.
    off_diagonal: Slice,
    /// -b c, which all layers share.
    coupling: Slice,
}

/// One layer's parameters.
struct Layer {
    name: ComponentName,
    norm: RowNorm,
    router: Linear,
    hidden: Linear,
    output: Linear,
    v_proj: Linear,
    output_proj: Linear,
    bk_scale: Weight,
}

/// What one layer leaves for its backward pass.
struct Saved {
    normed: Normed,
    choice: Slice,
    gate: Slice,
    grouping: Grouping,
    /// The experts' rows: all A assignments, grouped by expert.
    assignments: Rows,
    gathered: Slice,
    activated: Slice,
    expert_output: Slice,
    /// The mixture's output f (T,D).
    mixture: Slice,
    v: Slice,
    bk: Resolvent,
    s: Slice,
}

/// What BK-Core leaves for its backward pass. theta and phi are complex mantissas beside powers of
/// two.
struct Resolvent {
    theta: Slice,
    theta_exponent: Slice,
    theta_inverse: Slice,
    phi: Slice,
    phi_exponent: Slice,
    g: Slice,
    features: Slice,
}

/// Lowers a training step, or its forward part.
pub(super) fn lower(
    config: &ResNetBkConfig,
    shape: BatchShape,
    training: Training,
    target: &Target,
) -> Result<Plan, Error> {
    let mut to = Builder::new(target);
    let model = Model::place(&mut to, config, shape, training);
    let mut h = model.embed(&mut to);
    model.couple(&mut to);
    let mut saved = Vec::with_capacity(model.layers.len());
    for layer in &model.layers {
        let (out, layer) = model.layer(&mut to, layer, h);
        h = out;
        saved.push(layer);
    }
    let normed = model.final_norm.forward(&mut to, h);
    let windows = model.loss.forward(&mut to, |to, window| {
        let x = window.of(normed.y, model.shape.d);
        model.lm_head.forward(to, &window.rows, x, window.logits);
    })?;
    if training.scope == Scope::Step {
        model.backward(&mut to, &normed, &windows, &saved, is_exact(training));
    }
    micro_batches::repeat(&mut to, training.accumulate, model.weights());
    if training.scope == Scope::Step {
        optimize(&mut to, training.optimizer, model.weights());
    }
    Ok(to.plan)
}

impl Model {
    fn place(
        to: &mut Builder,
        config: &ResNetBkConfig,
        batch: BatchShape,
        training: Training,
    ) -> Self {
        let shape = Shape {
            b: batch.batch(),
            n: batch.seq(),
            d: config.d_model,
            e: config.num_experts,
            k: config.top_k,
            v: config.vocab_size,
            p: config.n_seq,
            t: batch.tokens(),
            a: batch.tokens() * config.top_k,
        };
        let placer = Placer::new(config.parameters(), training.scope == Scope::Step);
        let t = u64::from(shape.t);
        let tokens = to.plan.buffer("tokens", Element::U32, t, Init::Input);
        let targets = to.plan.buffer("targets", Element::U32, t, Init::Input);
        let all = to.values("rows of all tokens", vec![0, shape.t]);
        let ones = vec![1.0f32.to_bits(); (shape.n as usize - 1).max(1)];
        let off_diagonal =
            to.plan.buffer("off_diagonal", Element::F32, ones.len() as u64, Init::Values(ones));
        let coupling = to.scratch("coupling", off_diagonal.len);
        let embedding = ComponentName::new(&["embedding"]);
        let token_embedding = placer.one(to, &embedding, "token_embedding.weight");
        let position_embedding = placer.one(to, &embedding, "position_embedding.weight");
        let layers = (0..config.n_layers).map(|i| Layer::place(to, &placer, shape, i)).collect();
        let final_norm =
            norm(to, &placer, ComponentName::new(&["final_layernorm"]), "layer_norm_final");
        let lm_head =
            dense(to, &placer, &ComponentName::new(&["lm_head"]), "lm_head", [shape.d, shape.v]);
        Self {
            shape,
            tokens,
            loss: Loss {
                component: ComponentName::new(&["loss"]),
                b: shape.b,
                n: shape.n,
                v: shape.v,
                targets,
                micro_batches: training.accumulate,
            },
            token_embedding,
            position_embedding,
            layers,
            final_norm,
            lm_head,
            all_tokens: Rows { m: shape.t, groups: all, window: String::new() },
            off_diagonal,
            coupling,
        }
    }

    /// Every parameter tensor, in the order of the forward pass.
    fn weights(&self) -> impl Iterator<Item = &Weight> {
        [&self.token_embedding, &self.position_embedding]
            .into_iter()
            .chain(self.layers.iter().flat_map(Layer::weights))
            .chain(self.final_norm.weights())
            .chain(self.lm_head.weights())
    }
}

impl Layer {
    fn place(to: &mut Builder, placer: &Placer, shape: Shape, index: u32) -> Self {
        let Shape { d, e, .. } = shape;
        let name = ComponentName::of_layer(index, &[]);
        let block = format!("blocks.{index}");
        let bk = format!("{block}.bk_layer");
        let at = |path: &[&'static str]| name.part(path);
        // An expert is two linear layers; those of all experts are stacked into one.
        let experts = |to: &mut Builder, part: &'static str, position: u32, [k, n]: [u32; 2]| {
            let component = at(&["moe", "experts", part]);
            let mut stack = |tensor: &str| {
                let names: Vec<_> = (0..e)
                    .map(|expert| format!("{bk}.moe_ffn.experts.{expert}.{position}.{tensor}"))
                    .collect();
                let all = format!("{bk}.moe_ffn.experts.*.{position}.{tensor}");
                placer.stacked(to, &component, &all, &names)
            };
            Linear {
                weight: stack("weight"),
                bias: Some(stack("bias")),
                component: component.clone(),
                n,
                k,
                g: e,
            }
        };
        Self {
            norm: norm(to, placer, at(&["layer_norm"]), &format!("{block}.layer_norm")),
            router: dense(
                to,
                placer,
                &at(&["moe", "router"]),
                &format!("{bk}.moe_ffn.gating_network"),
                [d, e],
            ),
            hidden: experts(to, "hidden", 0, [d, 2 * d]),
            output: experts(to, "output", 3, [2 * d, d]),
            v_proj: dense(to, placer, &at(&["v_proj"]), &format!("{bk}.v_proj"), [d, 1]),
            output_proj: dense(
                to,
                placer,
                &at(&["output_proj"]),
                &format!("{bk}.output_proj"),
                [2, d],
            ),
            bk_scale: placer.one(to, &at(&["mix"]), &format!("{bk}.bk_scale")),
            name,
        }
    }

    fn weights(&self) -> impl Iterator<Item = &Weight> {
        let linears = [&self.router, &self.hidden, &self.output, &self.v_proj, &self.output_proj];
        self.norm
            .weights()
            .chain(linears.into_iter().flat_map(Linear::weights))
            .chain([&self.bk_scale])
    }
}

fn norm(to: &mut Builder, placer: &Placer, component: ComponentName, module: &str) -> RowNorm {
    RowNorm::place(to, placer, (component, ""), module, NormRule::Layer, EPS)
}

fn dense(
    to: &mut Builder,
    placer: &Placer,
    component: &ComponentName,
    name: &str,
    [k, n]: [u32; 2],
) -> Linear {
    let (weight, bias) = (format!("{name}.weight"), format!("{name}.bias"));
    Linear::place(to, placer, component, (&weight, Some(&bias)), [k, n])
}
