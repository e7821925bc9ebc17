//! The symbols that formulas are written in, for one decoder, shape and way to train it.

use crate::family::decoder::{
    Architecture, DecoderConfig, LinearLayer, Mlp, Place, Recipe, Tokens,
};

/// Which keys a query is charged for in attention's products.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    /// All of its sequence, or a part of these: multiples of S^2.
    Sequence,
    /// As many as the layer's window holds, or S where that is fewer or there is none.
    Window,
    /// As many as the model has positions, `max_position_embeddings`.
    Positions,
}

/// A decoder, the tokens of a step, and how it is trained, in symbols. Whole numbers of 128 bits, with which
/// no formula overflows.
pub struct Case<'a> {
    /// The decoder.
    pub config: &'a DecoderConfig,
    /// The tokens of a step.
    pub tokens: &'a Tokens,
    /// How it is trained.
    pub training: Recipe,
    /// T.
    pub t: i128,
    /// B S^2: of packed sequences, whose S is each one's length, B times the sum of their squares.
    pub square: i128,
    /// H.
    pub h: i128,
    /// L.
    pub l: i128,
    /// n.
    pub n: i128,
    /// k, the key and value heads.
    pub k: i128,
    /// d.
    pub d: i128,
    /// I.
    pub i: i128,
    /// V.
    pub v: i128,
    /// N, all parameters but the adapters', a tied table once.
    pub parameters: i128,
    /// P, the adapters' parameters.
    pub adapters: i128,
    /// Numbers in the table of learned positions.
    pub positions: i128,
    /// Parameters of all norms.
    pub norms: i128,
    /// Parameters of all biases.
    pub biases: i128,
    places: Vec<(Place, i128)>,
}

impl<'a> Case<'a> {
    /// The symbols of a decoder.
    pub fn new(config: &'a DecoderConfig, tokens: &'a Tokens, training: Recipe) -> Self {
        let mut places: Vec<(Place, i128)> = Vec::new();
        let (mut norms, mut biases) = (whole(config.last_norm_parameters()), 0);
        let mut add = |place: Place, weights: i128| match places
            .iter_mut()
            .find(|(known, _)| *known == place)
        {
            Some((_, sum)) => *sum += weights,
            None => places.push((place, weights)),
        };
        for (layer, count) in config.kinds() {
            let count = i128::from(count);
            for linear in LinearLayer::of_layer(config, layer) {
                add(linear.place, count * whole(linear.active()));
                if linear.bias {
                    biases += count * i128::from(linear.n);
                }
            }
            norms += count * whole(config.norm_parameters());
        }
        let head = LinearLayer::head(config);
        add(Place::Head, whole(head.active()));
        if head.bias {
            biases += i128::from(head.n);
        }
        Self {
            config,
            tokens,
            training,
            t: whole(tokens.count()),
            square: whole(tokens.square()),
            h: config.hidden_size.into(),
            l: config.num_hidden_layers().into(),
            n: config.num_attention_heads.into(),
            k: config.num_key_value_heads.into(),
            d: config.head_dim.into(),
            i: config.intermediate_size.into(),
            v: config.vocab_size.into(),
            parameters: whole(config.base_parameters()),
            adapters: whole(config.adapter_parameters()),
            positions: whole(config.position_parameters()),
            norms,
            biases,
            places,
        }
    }

    /// Weights of the linear layers of a place that one token passes, in all layers.
    pub fn weights(&self, place: Place) -> i128 {
        self.places.iter().find(|(known, _)| *known == place).map_or(0, |(_, weights)| *weights)
    }

    /// Pairs of a query and one of these keys, in all layers.
    pub(super) fn pairs(&self, keys: Keys) -> i128 {
        match keys {
            Keys::Sequence => self.l * self.square,
            Keys::Window => {
                let layers = self.config.layers.iter();
                layers.map(|layer| whole(self.tokens.square_within(layer.window))).sum()
            }
            Keys::Positions => self.l * self.t * i128::from(self.config.max_position_embeddings),
        }
    }

    /// V H, the numbers in the embedding's table.
    pub const fn table(&self) -> i128 {
        self.v * self.h
    }

    /// Whether the head is the embedding's table.
    pub const fn tied(&self) -> bool {
        self.config.tie_word_embeddings
    }

    /// Whether adapters alone are trained.
    pub const fn has_adapters(&self) -> bool {
        self.config.adapters.is_some()
    }

    /// Whether any layer has experts.
    pub fn has_experts(&self) -> bool {
        self.config.layers.iter().any(|layer| matches!(layer.mlp, Mlp::Experts(_)))
    }

    /// The member of the family.
    pub const fn architecture(&self) -> Architecture {
        self.config.architecture
    }
}

fn whole(number: u128) -> i128 {
    i128::try_from(number).unwrap_or(i128::MAX)
}

/// For formulas that know no experts.
pub(super) fn dense(case: &Case<'_>) -> Option<&'static str> {
    case.has_experts().then_some("the formula has no term for experts, and the model has them")
}

/// For formulas whose functions read fields that configurations of GPT-2, of OPT and of GPT-NeoX have not.
pub(super) fn llama_like(case: &Case<'_>) -> Option<&'static str> {
    match case.architecture() {
        Architecture::Gpt2 => Some(
            "the function reads num_key_value_heads or intermediate_size, which a gpt2 has not, and raises",
        ),
        Architecture::Opt => Some(
            "the function reads num_key_value_heads or intermediate_size, which an opt has not, and raises",
        ),
        Architecture::GptNeoX => {
            Some("the function reads num_key_value_heads, which a gpt_neox has not, and raises")
        }
        _ => None,
    }
}

/// For formulas without conditions.
pub(super) fn always(_: &Case<'_>) -> Option<&'static str> {
    None
}
