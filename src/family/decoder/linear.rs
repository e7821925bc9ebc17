//! The linear layers of a decoder: which there are, how large, and who passes them.

use super::{
    architecture::Architecture,
    config::{DecoderConfig, Experts, Layer, Mlp},
};

/// What a linear layer does in its decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// Queries.
    Query,
    /// Keys.
    Key,
    /// Values.
    Value,
    /// What attention adds to the hidden state.
    Output,
    /// The matrices of a dense MLP or of a routed expert: gate, up and down, or up and down alone.
    Mlp,
    /// The logits of the experts.
    Router,
    /// The three matrices of the expert that every token passes.
    Shared,
    /// The weight of that expert.
    SharedGate,
    /// The logits of the next token.
    Head,
}

impl Place {
    /// Whether it stands in the MLP's half of a layer, where it may carry an adapter.
    pub(super) const fn is_of_mlp(self) -> bool {
        match self {
            Self::Mlp | Self::Shared | Self::SharedGate => true,
            Self::Query | Self::Key | Self::Value | Self::Output | Self::Router | Self::Head => {
                false
            }
        }
    }
}

/// One linear layer, or the same one of each expert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinearLayer {
    /// Name within its layer, with `{}` for the number of the expert; `lm_head` for the head.
    pub name: &'static str,
    /// What holds the layers, each under its number.
    pub layers: &'static str,
    /// The name of the module of which it is some rows, those that follow on the part before; `None` where it is a
    /// module by itself.
    pub fused: Option<&'static str>,
    /// What it does.
    pub place: Place,
    /// Inputs.
    pub k: u32,
    /// Outputs.
    pub n: u32,
    /// Whether it has a bias.
    pub bias: bool,
    /// How many there are, each with weights of its own.
    pub copies: u32,
    /// How many of them each token passes.
    pub passed: u32,
}

impl LinearLayer {
    /// The linear layers of a layer, in the order of its data flow.
    pub fn of_layer(config: &DecoderConfig, layer: Layer) -> Vec<Self> {
        let h = config.hidden_size;
        let (q, kv) = (config.query_width(), config.kv_width());
        let biases = config.biases;
        let names = config.architecture.names();
        let one = |name, place, [k, n]: [u32; 2], bias| Self {
            name,
            layers: names.layers,
            fused: names.fused(name),
            place,
            k,
            n,
            bias,
            copies: 1,
            passed: 1,
        };
        let [query, key, value, output] = names.attention;
        let mut linears = vec![
            one(query, Place::Query, [h, q], biases.qkv),
            one(key, Place::Key, [h, kv], biases.qkv),
            one(value, Place::Value, [h, kv], biases.qkv),
            one(output, Place::Output, [q, h], biases.o),
        ];
        match layer.mlp {
            Mlp::Dense { width } => {
                let gate = names.gate.map(|gate| (gate, [h, width]));
                let others = [(names.up, [h, width]), (names.down, [width, h])];
                let matrices = gate.into_iter().chain(others);
                linears
                    .extend(matrices.map(|(name, shape)| one(name, Place::Mlp, shape, biases.mlp)));
            }
            Mlp::Experts(experts) => {
                let Experts { count, chosen, width, shared, rescaled: _ } = experts;
                let [router, names] = of_experts(config);
                linears.push(one(router[0], Place::Router, [h, count], false));
                for (name, [k, n]) in names.iter().zip([[h, width], [h, width], [width, h]]) {
                    linears.push(Self {
                        copies: count,
                        passed: chosen,
                        ..one(name, Place::Mlp, [k, n], false)
                    });
                }
                if let Some(width) = shared {
                    let names = [
                        "mlp.shared_expert.gate_proj",
                        "mlp.shared_expert.up_proj",
                        "mlp.shared_expert.down_proj",
                    ];
                    for (name, shape) in names.into_iter().zip([[h, width], [h, width], [width, h]])
                    {
                        linears.push(one(name, Place::Shared, shape, false));
                    }
                    linears.push(one("mlp.shared_expert_gate", Place::SharedGate, [h, 1], false));
                }
            }
        }
        linears
    }

    /// The modules of a layer, in the same order: its linear layers, those that are fused as one.
    pub fn modules_of(config: &DecoderConfig, layer: Layer) -> Vec<Self> {
        let mut modules: Vec<Self> = Vec::new();
        for linear in Self::of_layer(config, layer) {
            match (modules.last_mut(), linear.fused) {
                (Some(last), Some(name)) if last.name == name => last.n += linear.n,
                (_, Some(name)) => modules.push(Self { name, fused: None, ..linear }),
                (_, None) => modules.push(linear),
            }
        }
        modules
    }

    /// The linear layers of a layer that are fused in the module of this name.
    pub fn parts_of(config: &DecoderConfig, layer: Layer, module: &str) -> Vec<Self> {
        let linears = Self::of_layer(config, layer).into_iter();
        linears.filter(|linear| linear.fused == Some(module)).collect()
    }

    /// The head, which a tied model shares with its embedding.
    pub fn head(config: &DecoderConfig) -> Self {
        Self {
            name: "lm_head",
            layers: "",
            fused: None,
            place: Place::Head,
            k: config.hidden_size,
            n: config.vocab_size,
            bias: config.biases.head,
            copies: 1,
            passed: 1,
        }
    }

    /// Weights that one token passes: K N of each copy that it passes.
    pub fn active(&self) -> u128 {
        u128::from(self.k) * u128::from(self.n) * u128::from(self.passed)
    }

    /// Numbers in all copies, biases included.
    pub fn parameters(&self) -> u128 {
        let bias = if self.bias { u128::from(self.n) } else { 0 };
        u128::from(self.copies) * (u128::from(self.k) * u128::from(self.n) + bias)
    }

    /// The name of its module in layer `layer`.
    pub fn module(&self, layer: u32) -> String {
        if self.place == Place::Head {
            return self.name.to_owned();
        }
        format!("{}.{layer}.{}", self.layers, self.fused.unwrap_or(self.name))
    }

    /// Whether it is an expert's, whose tokens a router chooses.
    pub fn is_routed(&self) -> bool {
        self.name.contains("{}")
    }

    /// Whether it is a module by itself in Hugging Face's code. Routed experts and their router are fused
    /// there, and carry no adapter.
    pub fn is_module(&self) -> bool {
        match self.place {
            Place::Query
            | Place::Key
            | Place::Value
            | Place::Output
            | Place::Shared
            | Place::SharedGate
            | Place::Head => true,
            Place::Mlp => !self.is_routed(),
            Place::Router => false,
        }
    }
}

/// The names of a router, and of an expert's three matrices in the order gate, up, down.
fn of_experts(config: &DecoderConfig) -> [[&'static str; 3]; 2] {
    match config.architecture {
        Architecture::Mixtral => [
            ["block_sparse_moe.gate"; 3],
            [
                "block_sparse_moe.experts.{}.w1",
                "block_sparse_moe.experts.{}.w3",
                "block_sparse_moe.experts.{}.w2",
            ],
        ],
        Architecture::Llama
        | Architecture::Mistral
        | Architecture::Qwen2
        | Architecture::Qwen3
        | Architecture::Qwen2Moe
        | Architecture::Qwen3Moe
        | Architecture::Gemma2
        | Architecture::Gemma3
        | Architecture::Phi3
        | Architecture::SmolLm3
        | Architecture::StableLm
        | Architecture::Gemma
        | Architecture::Olmo2
        | Architecture::Granite
        | Architecture::Olmo3
        | Architecture::Starcoder2
        | Architecture::Gpt2
        | Architecture::Opt
        | Architecture::GptNeoX
        | Architecture::Phi => [
            ["mlp.gate"; 3],
            ["mlp.experts.{}.gate_proj", "mlp.experts.{}.up_proj", "mlp.experts.{}.down_proj"],
        ],
    }
}
