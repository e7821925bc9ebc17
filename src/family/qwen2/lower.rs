//! Qwen2 as launches: its parameters placed, what each layer saves for its backward pass, and the order
//! of a training step, full or of adapters only. Shape letters: B batch, S sequence, T = B*S tokens,
//! H hidden, n heads, kv key and value heads, d = H/n, I intermediate, V vocabulary, r rank.

mod adapter;
mod backward;
mod forward;
mod table;

use super::{
    config::{EMBEDDING, FINAL_NORM, HEAD, Qwen2Config},
    lora::{Lora, Module},
};
use crate::{
    Error,
    blocks::{
        grouping::Grouping,
        launch::Builder,
        linear::{Linear, Rows},
        loss::Loss,
        optimize::optimize,
        weight::{Placer, Weight},
    },
    execute::Limits,
    family::{
        shape::BatchShape,
        training::{Scope, Training},
    },
    plan::{ComponentName, Element, Init, Plan, Slice},
};
use adapter::Adapter;
use table::Table;

/// The extents of one training step.
#[derive(Clone, Copy)]
struct Shape {
    b: u32,
    s: u32,
    t: u32,
    h: u32,
    heads: u32,
    kv_heads: u32,
    /// d, the width of a head.
    width: u32,
    i: u32,
    v: u32,
    eps: f32,
}

impl Shape {
    /// The width of all key, or all value, heads.
    const fn kv(self) -> u32 {
        self.kv_heads * self.width
    }

    /// Elements of a tensor (T,width).
    fn elements(self, width: u32) -> u64 {
        u64::from(self.t) * u64::from(width)
    }
}

/// The model with its parameters placed.
struct Model {
    shape: Shape,
    tokens: Slice,
    loss: Loss,
    embedding: Table,
    layers: Vec<Layer>,
    final_norm: Norm,
    /// Over the embedding's own table where they are tied.
    head: Linear,
    tied: bool,
    /// All T tokens as one group of rows.
    all_tokens: Rows,
    /// Of the rotary positions' angles (S,d/2).
    cosine: Slice,
    sine: Slice,
    /// Whether anything below the adapters of the first layer is trained.
    full: bool,
}

/// One layer's parameters.
struct Layer {
    name: ComponentName,
    attention_norm: Norm,
    q: Projection,
    k: Projection,
    v: Projection,
    o: Projection,
    feed_forward_norm: Norm,
    gate: Linear,
    up: Linear,
    down: Linear,
    /// Whether the gradient by the layer's input has a use.
    below: bool,
}

/// A projection of attention, with an adapter beside it or without.
struct Projection {
    linear: Linear,
    adapter: Option<Adapter>,
}

/// An RMS norm's parameter.
struct Norm {
    component: ComponentName,
    /// Tells norms of one component apart.
    place: &'static str,
    weight: Weight,
}

/// What an RMS norm leaves for its backward pass.
struct Normed {
    x: Slice,
    y: Slice,
    rstd: Slice,
}

/// What one layer leaves for its backward pass.
struct Saved {
    attention_normed: Normed,
    q: Slice,
    k: Slice,
    v: Slice,
    o: Slice,
    lse: Slice,
    /// What the adapters of q, k, v and o made between their products.
    adapted: [Option<Slice>; 4],
    feed_forward_normed: Normed,
    gate: Slice,
    up: Slice,
    activated: Slice,
}

/// Lowers a training step, or its forward part.
pub(super) fn lower(
    config: &Qwen2Config,
    shape: BatchShape,
    training: Training,
    limits: &Limits,
) -> Result<Plan, Error> {
    let mut to = Builder { plan: Plan::default(), limits: *limits };
    let model = Model::place(&mut to, config, shape, training.scope);
    let mut h = model.embed(&mut to);
    let mut saved = Vec::with_capacity(model.layers.len());
    for layer in &model.layers {
        let (out, layer) = model.layer(&mut to, layer, h);
        h = out;
        saved.push(layer);
    }
    let normed = model.norm(&mut to, &model.final_norm, h);
    let windows = model.loss.forward(&mut to, |to, window| {
        let x = window.of(normed.y, model.shape.h);
        model.head.forward(to, &window.rows, x, window.logits);
    })?;
    if training.scope == Scope::Step {
        model.backward(&mut to, &normed, &windows, &saved);
        optimize(&mut to, training.optimizer, model.weights());
    }
    Ok(to.plan)
}

impl Model {
    fn place(to: &mut Builder, config: &Qwen2Config, batch: BatchShape, scope: Scope) -> Self {
        let shape = Shape {
            b: batch.batch(),
            s: batch.seq(),
            t: batch.tokens(),
            h: config.hidden_size,
            heads: config.num_attention_heads,
            kv_heads: config.num_key_value_heads,
            width: config.head_width(),
            i: config.intermediate_size,
            v: config.vocab_size,
            eps: config.rms_norm_eps as f32,
        };
        let placer = Placer::new(config.parameters(), scope == Scope::Step);
        let t = u64::from(shape.t);
        let tokens = to.plan.buffer("tokens", Element::U32, t, Init::Input);
        let targets = to.plan.buffer("targets", Element::U32, t, Init::Input);
        let all = to.values("rows of all tokens", vec![0, shape.t]);
        let [cosine, sine] = angles(to, config, shape);
        let weight = placer.one(to, &ComponentName::new(&["embedding"]), EMBEDDING);
        let embedding = Table { weight, v: shape.v, h: shape.h };
        let layers =
            (0..config.num_hidden_layers).map(|i| Layer::place(to, &placer, config, i)).collect();
        let final_norm =
            Norm::place(to, &placer, ComponentName::new(&["final_norm"]), "", FINAL_NORM);
        let component = ComponentName::new(&["lm_head"]);
        let weight = if config.tie_word_embeddings {
            embedding.weight.clone()
        } else {
            placer.one(to, &component, HEAD)
        };
        let Shape { b, s: n, h, v, .. } = shape;
        let head = Linear { component, weight, bias: None, n: v, k: h, g: 1 };
        Self {
            shape,
            tokens,
            loss: Loss { component: ComponentName::new(&["cross_entropy"]), b, n, v, targets },
            embedding,
            layers,
            final_norm,
            head,
            tied: config.tie_word_embeddings,
            all_tokens: Rows { m: shape.t, groups: all, window: String::new() },
            cosine,
            sine,
            full: config.lora.is_none(),
        }
    }

    /// Every parameter tensor once, in the order of the forward pass.
    fn weights(&self) -> impl Iterator<Item = &Weight> {
        let head = (!self.tied).then_some(&self.head.weight);
        [&self.embedding.weight]
            .into_iter()
            .chain(self.layers.iter().flat_map(Layer::weights))
            .chain([&self.final_norm.weight])
            .chain(head)
    }
}

impl Layer {
    fn place(to: &mut Builder, placer: &Placer, config: &Qwen2Config, index: u32) -> Self {
        let name = ComponentName::of_layer(index, &[]);
        let block = format!("model.layers.{index}");
        let mut projection = |module: Module| {
            let component = name.part(&["attention", module.name()]);
            let tensor = format!("{block}.self_attn.{}", module.name());
            let [k, n] = config.module_shape(module);
            let (weight, bias) = (format!("{tensor}.weight"), format!("{tensor}.bias"));
            let names = (weight.as_str(), (module != Module::O).then_some(bias.as_str()));
            let linear = Linear::place(to, placer, &component, names, [k, n]);
            let lora = config.lora.filter(|lora| lora.targets.has(module));
            let adapter = lora.map(|lora| Adapter::place(to, placer, &lora, index, module, [k, n]));
            Projection { linear, adapter }
        };
        let [q, k, v, o] = Module::ALL.map(&mut projection);
        let component = name.part(&["norm"]);
        let mut norm = |place, tensor| {
            Norm::place(to, placer, component.clone(), place, &format!("{block}.{tensor}.weight"))
        };
        let attention_norm = norm("before attention", "input_layernorm");
        let feed_forward_norm = norm("before feed-forward", "post_attention_layernorm");
        let mut product = |part: &'static str, [k, n]: [u32; 2]| {
            let component = name.part(&["feed_forward", part]);
            let weight = format!("{block}.mlp.{part}.weight");
            Linear::place(to, placer, &component, (&weight, None), [k, n])
        };
        let (h, i) = (config.hidden_size, config.intermediate_size);
        Self {
            attention_norm,
            q,
            k,
            v,
            o,
            feed_forward_norm,
            gate: product("gate_proj", [h, i]),
            up: product("up_proj", [h, i]),
            down: product("down_proj", [i, h]),
            below: index > 0 || config.lora.is_none(),
            name,
        }
    }

    fn weights(&self) -> impl Iterator<Item = &Weight> {
        let products = [&self.gate, &self.up, &self.down];
        [&self.attention_norm.weight]
            .into_iter()
            .chain([&self.q, &self.k, &self.v, &self.o].into_iter().flat_map(Projection::weights))
            .chain([&self.feed_forward_norm.weight])
            .chain(products.into_iter().flat_map(Linear::weights))
    }
}

impl Projection {
    fn weights(&self) -> impl Iterator<Item = &Weight> {
        self.linear.weights().chain(self.adapter.iter().flat_map(Adapter::weights))
    }
}

impl Norm {
    fn place(
        to: &mut Builder,
        placer: &Placer,
        component: ComponentName,
        place: &'static str,
        tensor: &str,
    ) -> Self {
        let weight = placer.one(to, &component, tensor);
        Self { component, place, weight }
    }
}

/// Cosine and sine (S,d/2) of every position's angles: position / theta^(2j/d), the pairs being an
/// element of a head's first half and the one d/2 further on.
fn angles(to: &mut Builder, config: &Qwen2Config, shape: Shape) -> [Slice; 2] {
    let pairs = shape.width / 2;
    let angles: Vec<f64> = (0..shape.s)
        .flat_map(|position| (0..pairs).map(move |pair| (position, pair)))
        .map(|(position, pair)| {
            let exponent = -2.0 * f64::from(pair) / f64::from(shape.width);
            f64::from(position) * config.rope_theta.powf(exponent)
        })
        .collect();
    let mut table = |name: &str, of: fn(f64) -> f64| {
        let values: Vec<u32> = angles.iter().map(|&angle| (of(angle) as f32).to_bits()).collect();
        to.plan.buffer(name, Element::F32, values.len() as u64, Init::Values(values))
    };
    [table("cosine", f64::cos), table("sine", f64::sin)]
}
