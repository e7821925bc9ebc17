//! Parameters placed in a plan, by what the family calls them.

use std::collections::BTreeMap;

use super::common::StepShape;
use crate::{
    blocks::{
        adapter::{Adapter, Adaption},
        attention::{Alike, grouped},
        feed_forward::FeedForward,
        gated::Gated,
        launch::Builder,
        linear::{self, Rows},
        norm::RowNorm,
        projection::Projection,
        rope::Rotation,
        weight::{Placer, Weight},
    },
    component::ComponentName,
    family::{
        Packing, Scope, Training,
        decoder::{
            adapted::Adapted,
            config::{DecoderConfig, Layer},
            linear::LinearLayer,
            names::last_name,
            rope::Rope,
        },
    },
    plan::{Element, Init, Slice},
};

/// A plan that parameters are placed in.
pub(super) struct Placing<'a> {
    pub(super) to: &'a mut Builder,
    pub(super) config: &'a DecoderConfig,
    pub(super) shape: StepShape,
    pub(super) micro_batches: u32,
    packed: Packing,
    placer: Placer,
    /// By the wavelengths that they follow from.
    rotations: Vec<(Rope, Rotation)>,
    /// By the names of the linear layers that they stand beside.
    adaptions: BTreeMap<String, Adaption>,
}

impl<'a> Placing<'a> {
    /// With gradients where the step is a whole one.
    pub(super) fn new(
        to: &'a mut Builder,
        config: &'a DecoderConfig,
        shape: StepShape,
        training: Training,
    ) -> Self {
        let adapted =
            config.adapted().into_iter().map(|Adapted { module, rank, scale, .. }| {
                let tensors = DecoderConfig::adapter_names(&module);
                let scale = scale as f32;
                (module, Adaption { tensors, rank, scale })
            });
        let placer = Placer::new(config.parameters(), training.scope == Scope::Step);
        let Training { accumulate: micro_batches, packed, .. } = training;
        let (rotations, adaptions) = (Vec::new(), adapted.collect());
        Self { to, config, shape, micro_batches, packed, placer, rotations, adaptions }
    }

    /// A buffer of T integers that the batch fills.
    pub(super) fn integers(&mut self, name: &str) -> Slice {
        self.to.plan.buffer(name, Element::U32, self.shape.t.into(), Init::Input)
    }

    /// All T tokens as one group of rows.
    pub(super) fn all_rows(&mut self) -> Rows {
        let groups = self.to.values("rows of all tokens", vec![0, self.shape.t]);
        Rows { m: self.shape.t, groups, window: String::new() }
    }

    /// The lengths of the sequences in a row.
    fn lengths(&self) -> Vec<u32> {
        match self.packed.is_none() {
            true => vec![self.shape.s],
            false => self.packed.lengths().to_vec(),
        }
    }

    /// The row of each token in the table of learned positions, by its place in its sequence.
    pub(super) fn places(&mut self) -> Slice {
        let first = self.config.architecture.rows_before_positions();
        let places = self.lengths().into_iter().flat_map(|length| 0..length);
        let row: Vec<u32> = places.map(|place| first + place).collect();
        self.to.values("places of tokens", row.repeat(self.shape.b as usize))
    }

    /// The sequences of all rows.
    pub(super) fn sequences(&self) -> Vec<Alike> {
        let lengths = self.lengths();
        grouped((0..self.shape.b).flat_map(|_| lengths.iter().copied()))
    }

    /// The angles of all positions in a layer.
    pub(super) fn rotation(&mut self, layer: Layer) -> Rotation {
        let rope = self.config.rope_of(layer);
        if let Some((_, placed)) = self.rotations.iter().find(|(known, _)| known == rope) {
            return *placed;
        }
        let whose = if *rope == self.config.rope { "" } else { " of layers that slide" };
        let config = self.config;
        let lengths = self.lengths();
        let longest = lengths.iter().copied().max().unwrap_or(0);
        let angles = rope.angles(config.rotary_width(), [longest, config.max_position_embeddings]);
        let magnitude = rope.magnitude(config.max_position_embeddings);
        let positions: Vec<u32> = lengths.into_iter().flat_map(|length| 0..length).collect();
        let shape = [self.shape.b, config.head_dim];
        let placed = Rotation::place(self.to, whose, shape, (positions, angles, magnitude));
        self.rotations.push((rope.clone(), placed));
        placed
    }

    /// The tensor of this name by itself.
    pub(super) fn tensor(&mut self, component: &ComponentName, name: &str) -> Weight {
        self.placer.one(self.to, component, name)
    }

    /// The norm whose module is of this name.
    pub(super) fn norm(&mut self, place: (ComponentName, &'static str), module: &str) -> RowNorm {
        let rule = self.config.architecture.norm_rule();
        let eps = self.config.norm_eps as f32;
        RowNorm::place(self.to, &self.placer, place, module, rule, eps)
    }

    /// A linear layer and its adapter: those of a layer's `part` stand there and in `part.lora`.
    pub(super) fn projection(
        &mut self,
        part: &ComponentName,
        (linear, name): (&LinearLayer, &'static str),
        module: &str,
    ) -> Projection {
        let placed = self.dense(&part.part(&[name]), linear, module);
        let adapter = match linear.fused {
            Some(_) => None,
            None => self.adapter(part.part(&["lora", name]), module, [linear.k, linear.n]),
        };
        Projection { linear: placed, adapter }
    }

    /// A linear layer without what stands beside it.
    pub(super) fn dense(
        &mut self,
        component: &ComponentName,
        linear: &LinearLayer,
        module: &str,
    ) -> linear::Linear {
        let shape = [linear.k, linear.n];
        let bias = linear.bias.then(|| format!("{module}.bias"));
        let names = (&*format!("{module}.weight"), bias.as_deref());
        match linear.fused {
            Some(_) => linear::Linear::place_next(self.to, &self.placer, component, names, shape),
            None => linear::Linear::place(self.to, &self.placer, component, names, shape),
        }
    }

    /// The adapter beside the linear layer of this name, where it has one.
    pub(super) fn adapter(
        &mut self,
        component: ComponentName,
        module: &str,
        shape: [u32; 2],
    ) -> Option<Adapter> {
        let adaption = self.adaptions.get(module)?;
        let [inputs, outputs] = shape;
        let shape = (inputs, &[("", outputs)][..]);
        Some(Adapter::place(self.to, &self.placer, component, adaption, shape))
    }

    /// The adapter beside the module of this name of layer `index`, which several linear layers are fused in, where there
    /// is such a module and it has one: it stands in the layer's `part.lora`.
    pub(super) fn fused_adapter(
        &mut self,
        part: &ComponentName,
        index: u32,
        module: Option<&'static str>,
    ) -> Option<Adapter> {
        let module = module?;
        let parts = LinearLayer::parts_of(self.config, self.config.layers[index as usize], module);
        let first = parts.first()?;
        let adaption = self.adaptions.get(&first.module(index))?;
        let outputs: Vec<_> = parts.iter().map(|part| (last_name(part.name), part.n)).collect();
        let component = part.part(&["lora", last_name(module)]);
        Some(Adapter::place(self.to, &self.placer, component, adaption, (first.k, &outputs)))
    }

    /// A network without a gate, of two linear layers of layer `index`.
    pub(super) fn feed_forward(
        &mut self,
        part: &ComponentName,
        index: u32,
        [up, down]: [&LinearLayer; 2],
    ) -> FeedForward {
        let mut place = |linear: &LinearLayer, name| {
            self.projection(part, (linear, name), &linear.module(index))
        };
        let (up, down) = (place(up, "up_proj"), place(down, "down_proj"));
        let activation = self.config.activation;
        FeedForward { component: part.part(&[activation.name()]), activation, up, down }
    }

    /// A gated network of three linear layers of layer `index`.
    pub(super) fn gated(
        &mut self,
        part: &ComponentName,
        index: u32,
        linears: &[LinearLayer],
    ) -> Gated {
        const NAMES: [&str; 3] = ["gate_proj", "up_proj", "down_proj"];
        let mut place = |at: usize| {
            let linear = &linears[at];
            let module = linear.module(index);
            if !linear.is_routed() {
                return self.projection(part, (linear, NAMES[at]), &module);
            }
            let component = part.part(&[NAMES[at]]);
            let tensor = |copy: u32| format!("{}.weight", module.replace("{}", &copy.to_string()));
            let tensors: Vec<String> = (0..linear.copies).map(tensor).collect();
            let name = module.replace(".{}", "");
            let weight = self.placer.stacked(self.to, &component, &name, &tensors);
            let LinearLayer { n, k, copies: g, .. } = *linear;
            let linear = linear::Linear { component, weight, bias: None, n, k, g };
            Projection { linear, adapter: None }
        };
        let [gate, up, down] = [0, 1, 2].map(&mut place);
        let fused = self.fused_adapter(part, index, self.config.architecture.names().gate_up);
        let activation = self.config.activation;
        Gated { component: part.part(&[activation.name()]), activation, gate, up, down, fused }
    }
}
