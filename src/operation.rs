//! What a pass computes, as mathematics states it: an operation and its sizes. Everything that depends on
//! what is computed (a closed form, the choice of a kernel, an explanation) matches on [`Operation`]
//! without a wildcard, so that the compiler finds what a new operation still lacks. Knows neither kernels
//! nor devices nor models.

mod letters;
mod optimizer;
mod step;

use serde::{Deserialize, Serialize};

pub use letters::{LETTERS, meaning};
pub use optimizer::Optimizer;
pub use step::{
    AttentionStep, Direction, DotStage, EmbeddingStep, Function, LinearResult, LossStep,
    MixtureStep, Norm, NormStep, Precision, ResolventStep, SharedExpertStep, SortStep, Transfer,
    Wanted,
};

/// An operation with its sizes, by their shape letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// A linear layer y (M,N) = x (M,K) w^T + b, or one of its gradients. The M rows fall into G groups, each
    /// with a weight of its own.
    Linear {
        /// What of it is computed.
        result: LinearResult,
        /// Rows.
        m: u32,
        /// Input features.
        k: u32,
        /// Output features.
        n: u32,
        /// Groups.
        g: u32,
        /// Whether the result is added to what is there.
        accumulate: bool,
        /// How wide the operands of the product are.
        #[serde(default, skip_serializing_if = "Precision::is_single")]
        precision: Precision,
    },
    /// Causal attention over B sequences of S tokens; groups of HEADS / KV_HEADS queries share keys and
    /// values.
    Attention {
        /// What of it is computed.
        step: AttentionStep,
        /// Sequences.
        b: u32,
        /// Tokens of a sequence.
        s: u32,
        /// Heads of queries.
        heads: u32,
        /// Heads of keys and values.
        kv_heads: u32,
        /// Elements of a head.
        width: u32,
        /// The keys that a query meets at most, itself included; S where it meets all up to itself.
        window: u32,
        /// Whether scores are kept within a bound c, as c tanh(score / c).
        capped: bool,
        /// The gradients that have a use.
        wanted: Wanted,
    },
    /// A normalisation of M rows of D.
    Norm {
        /// By what a row is divided.
        norm: Norm,
        /// What of it is computed.
        step: NormStep,
        /// Rows.
        m: u32,
        /// Elements of a row.
        d: u32,
        /// Whether the gradient is added to what is there.
        accumulate: bool,
    },
    /// Rotary positions: of each head (B,S,HEADS,WIDTH) the first ROTARY elements are turned, pair by pair, by their
    /// position's angles.
    Rope {
        /// Forth, or back for the gradient.
        direction: Direction,
        /// Sequences.
        b: u32,
        /// Tokens of a sequence.
        s: u32,
        /// Heads.
        heads: u32,
        /// Elements of a head.
        width: u32,
        /// Those of them that are turned.
        rotary: u32,
    },
    /// The same function of each of P elements.
    Pointwise {
        /// Which.
        function: Function,
        /// Elements.
        p: u32,
    },
    /// The sum of P products, in two stages.
    DotProduct {
        /// Which of the two.
        stage: DotStage,
        /// Elements of either factor.
        p: u32,
    },
    /// Mean cross entropy of M rows over a vocabulary of V.
    Loss {
        /// What of it is computed.
        step: LossStep,
        /// Rows.
        m: u32,
        /// Vocabulary.
        v: u32,
    },
    /// The sum of a token's and a position's embedding, for B sequences of N tokens.
    Embedding {
        /// What of it is computed.
        step: EmbeddingStep,
        /// Sequences.
        b: u32,
        /// Tokens of a sequence.
        n: u32,
        /// Elements of an embedding.
        d: u32,
        /// Vocabulary.
        v: u32,
        /// Learned positions.
        p: u32,
    },
    /// The sum of those of T rows of D that belong to the same token.
    TokenSums {
        /// Rows.
        t: u32,
        /// Elements of a row.
        d: u32,
    },
    /// A mixture around its experts: T tokens of width D, each through K of E experts.
    Mixture {
        /// What of it is computed.
        step: MixtureStep,
        /// Tokens.
        t: u32,
        /// Experts.
        e: u32,
        /// Experts of a token.
        k: u32,
        /// Elements of a token.
        d: u32,
    },
    /// The expert that each of T tokens passes, beside those that it chooses: its output of width D times the
    /// token's own weight, a sigmoid.
    SharedExpert {
        /// What of it is computed.
        step: SharedExpertStep,
        /// Tokens.
        t: u32,
        /// Elements of a token.
        d: u32,
    },
    /// BK-Core: the diagonal of a tridiagonal matrix's resolvent, B matrices of N by N.
    Resolvent {
        /// What of it is computed.
        step: ResolventStep,
        /// Matrices.
        b: u32,
        /// Diagonal elements of a matrix.
        n: u32,
    },
    /// A stable sort of A items by keys below G.
    Sort {
        /// Which part of it.
        step: SortStep,
        /// Items.
        a: u32,
        /// Keys.
        g: u32,
    },
    /// Rows FIRST .. FIRST + ROWS of a table of width D, taken for T tokens or put back.
    Rows {
        /// Taken or put back.
        transfer: Transfer,
        /// Tokens.
        t: u32,
        /// Elements of a row.
        d: u32,
        /// The first row.
        first: u32,
        /// Rows.
        rows: u32,
    },
    /// Columns COLUMN .. COLUMN + N of a tensor (M,V), taken out of it or put back.
    Columns {
        /// Taken or put back.
        transfer: Transfer,
        /// Rows.
        m: u32,
        /// Columns that move.
        n: u32,
        /// Columns of the tensor.
        v: u32,
        /// The first that moves.
        column: u32,
    },
    /// One step of an optimizer over P parameters.
    Update {
        /// Which optimizer.
        rule: Optimizer,
        /// Parameters.
        p: u32,
    },
}

impl Operation {
    /// The sizes by name, as kernels and reports call them.
    pub fn dims(&self) -> Vec<(&'static str, u32)> {
        match *self {
            Self::Linear { result: _, m, k, n, g, accumulate, precision: _ } => {
                vec![("M", m), ("N", n), ("K", k), ("G", g), ("accumulate", accumulate.into())]
            }
            Self::Attention {
                step: _,
                b,
                s,
                heads,
                kv_heads,
                width,
                window,
                capped,
                wanted: _,
            } => {
                vec![
                    ("B", b),
                    ("S", s),
                    ("HEADS", heads),
                    ("KV_HEADS", kv_heads),
                    ("WIDTH", width),
                    ("WINDOW", window),
                    ("CAPPED", capped.into()),
                ]
            }
            Self::Norm { norm: _, step: _, m, d, accumulate } => {
                vec![("M", m), ("D", d), ("accumulate", accumulate.into())]
            }
            Self::Rope { direction: _, b, s, heads, width, rotary } => {
                vec![("B", b), ("S", s), ("HEADS", heads), ("WIDTH", width), ("ROTARY", rotary)]
            }
            Self::Pointwise { function: _, p }
            | Self::DotProduct { stage: _, p }
            | Self::Update { rule: _, p } => vec![("P", p)],
            Self::Loss { step: _, m, v } => vec![("M", m), ("V", v)],
            Self::Embedding { step: _, b, n, d, v, p } => {
                vec![("B", b), ("N", n), ("D", d), ("V", v), ("P", p)]
            }
            Self::TokenSums { t, d } | Self::SharedExpert { step: _, t, d } => {
                vec![("T", t), ("D", d)]
            }
            Self::Mixture { step: _, t, e, k, d } => {
                vec![("T", t), ("E", e), ("K", k), ("D", d)]
            }
            Self::Resolvent { step: _, b, n } => vec![("B", b), ("N", n)],
            Self::Sort { step: _, a, g } => vec![("A", a), ("G", g)],
            Self::Rows { transfer: _, t, d, first, rows } => {
                vec![("T", t), ("D", d), ("FIRST", first), ("ROWS", rows)]
            }
            Self::Columns { transfer: _, m, n, v, column } => {
                vec![("M", m), ("N", n), ("V", v), ("COLUMN", column)]
            }
        }
    }
}
