//! Every published formula on one decoder beside the exact count of a training step, as one serialisable
//! value.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    Error,
    exact::{Exact, Phases},
    family::{
        ModelConfig, Packing, Recompute, Scope, Training,
        decoder::{DecoderConfig, Recipe, Tokens},
        is_one, nearest, one,
    },
    forecast::{Forecast, Question, Recomputed, Step},
    model::{self, ModelName, NotRun},
    op::Convention,
    operation::Optimizer,
    published::{FormulaRow, Judged, judge},
};

/// Published formulas and the exact count.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FormulasReport {
    /// Name and version of this layout.
    #[schemars(extend("const" = Self::SCHEMA))]
    pub schema: Cow<'static, str>,
    /// What the model is called.
    #[serde(flatten)]
    pub model: ModelName,
    /// What it is, as its `config.json`.
    pub model_config: Map<String, Value>,
    /// B.
    pub batch: u32,
    /// S.
    pub seq: u32,
    /// The lengths of the sequences in a row, where several are packed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub packed: Vec<u32>,
    /// How it is trained.
    pub training: TrainingSummary,
    /// What the model's files hold or ask for that is in no figure.
    #[serde(flatten)]
    pub not_run: NotRun,
    /// What the exact count is.
    pub definition: Cow<'static, str>,
    /// How operations became FLOPs in it.
    #[serde(default)]
    pub convention: Convention,
    /// What a training step costs by closed forms.
    pub exact: Exact,
    /// What was asked about many such steps, by the exact count and by 6 N T.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub forecasts: Vec<Forecast>,
    /// The formulas that apply, the farthest off first, then those that do not.
    pub formulas: Vec<FormulaRow>,
    /// Whether these were asked for by name, so that all is wanted of them.
    #[serde(skip)]
    pub(crate) named: bool,
}

/// What trains, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TrainingSummary {
    /// In words.
    pub trains: String,
    /// N, all parameters but the adapters'.
    pub parameters: u128,
    /// Those of them that one token passes, which is N of the rules: of all experts of a layer, as many as it is routed to.
    #[serde(default)]
    pub active_parameters: u128,
    /// N without the embeddings' modules: without the tables, and where the head is tied without the head.
    pub parameters_without_embedding: u128,
    /// N without the tables and without the head.
    pub parameters_of_layers: u128,
    /// How many parameters training changes.
    pub trained_parameters: u128,
    /// How parameters follow their gradients.
    pub optimizer: Optimizer,
    /// Micro-batches that a step takes, whose gradients are summed before the update.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub accumulate: u32,
    /// `layers` where the forward pass of each layer runs again in the backward pass, else `none`.
    pub recompute: Cow<'static, str>,
}

impl TrainingSummary {
    /// The parameters that one token passes; all of them in a report that was saved before they were told apart.
    pub fn active(&self) -> u128 {
        if self.active_parameters == 0 { self.parameters } else { self.active_parameters }
    }
}

impl FormulasReport {
    /// Name and version of the layout of its JSON file.
    pub const SCHEMA: &'static str = "flopmeter.formulas/1";

    /// What the exact count is, and what a ratio divides.
    pub const DEFINITION: &str = "Closed forms, priced without running anything: no kernel was executed \
        for this report. Exact is what the mathematics of a step asks for, \
        causal attention with its pairs alone, frozen weights without a gradient, the optimizer included \
        (algebraic in JSON) and what is recomputed (recomputed in JSON). Schedule is what this crate's kernels \
        execute for it. Products are the matrix products alone, attention over the whole square, as PyTorch's \
        FlopCounterMode counts them. A ratio is a formula's value over the exact count of what the \
        formula speaks of, such as a step, a forward pass or their products alone; its causes add up to the \
        difference. Counts do not depend on the type of numbers that kernels compute with.";

    /// Evaluates every formula, beside the exact count by a convention.
    pub fn new(
        model: ModelName,
        config: &DecoderConfig,
        tokens: &Tokens,
        training: Recipe,
        convention: Convention,
    ) -> Self {
        let Judged { exact, rows } = judge(config, tokens, training, convention);
        let exact = Exact { schedule: schedule(config, tokens, training, convention), ..exact };
        let packed = if tokens.lengths.len() > 1 { tokens.lengths.clone() } else { Vec::new() };
        let parameters = config.base_parameters();
        let table = u128::from(config.vocab_size) * u128::from(config.hidden_size);
        let embeddings = table + config.position_parameters();
        let head = if config.tie_word_embeddings { 0 } else { table };
        let trained_parameters = match config.adapters.is_some() {
            true => config.adapter_parameters(),
            false => config.base_parameters(),
        };
        Self {
            schema: Self::SCHEMA.into(),
            model,
            model_config: with_head_dim(config),
            batch: tokens.batch,
            seq: u32::try_from(tokens.seq()).unwrap_or(u32::MAX),
            packed,
            training: TrainingSummary {
                trains: config.trains(),
                parameters,
                active_parameters: config.active_parameters(),
                parameters_without_embedding: parameters - embeddings,
                parameters_of_layers: parameters - embeddings - head,
                trained_parameters,
                optimizer: training.optimizer,
                accumulate: training.micro_batches,
                recompute: if training.recompute { "layers" } else { "none" }.into(),
            },
            not_run: NotRun::default(),
            definition: Self::DEFINITION.into(),
            convention,
            exact,
            named: false,
            forecasts: Vec::new(),
            formulas: rows,
        }
    }

    /// The same report of the formulas with these names alone, in their order.
    ///
    /// # Errors
    /// [`Error::Config`] where a formula has none of the names, with those that may be meant.
    pub fn only(mut self, names: &[String]) -> Result<Self, Error> {
        let names: Vec<&str> = names.iter().map(|name| name.trim()).collect();
        /// So many names that contain what was typed, or a part of it, may be meant by it.
        const MEANT: usize = 6;
        let known = || self.formulas.iter().map(|row| row.id.as_str());
        if let Some(name) = names.iter().find(|name| !known().any(|id| id == **name)) {
            let small = name.to_lowercase();
            let mut meant: Vec<&str> = nearest(&small, known()).into_iter().collect();
            let shares =
                |id: &str| id.split('-').any(|part| small.split('-').any(|its| its == part));
            let alike = known().filter(|id| small.len() > 1 && id.contains(&small) || shares(id));
            alike.take(MEANT).for_each(|id| {
                if !meant.contains(&id) {
                    meant.push(id);
                }
            });
            let meant: Vec<String> = meant.iter().map(|id| format!("'{id}'")).collect();
            let meant = match meant.is_empty() {
                true => {
                    let mut all: Vec<&str> = known().collect();
                    all.sort_unstable();
                    format!("; there are {}", all.join(", "))
                }
                false => format!("; did you mean {}?", meant.join(" or ")),
            };
            return Err(Error::Config(format!("no formula '{name}'{meant}")));
        }
        self.formulas.retain(|row| names.contains(&row.id.as_str()));
        self.named = true;
        Ok(self)
    }

    /// The same report, and what it says about many such steps: by the exact count first, then by 6 N T with
    /// each of the three meanings of N.
    ///
    /// # Errors
    /// [`Error::Config`] where the question makes no sense, or a step's FLOPs overflow 64 bits.
    pub fn with_forecast(mut self, question: Question) -> Result<Self, Error> {
        let tokens = self.batch * self.seq;
        let [executed, _] = Scope::Step.flops(&self.exact);
        let six = |parameters: u128| 6 * parameters * u128::from(tokens);
        let training = &self.training;
        let narrow = |flops: u128| {
            u64::try_from(flops).map_err(|_| {
                Error::Config(format!(
                    "a step of {flops} FLOPs overflows 64 bits: lower batch or seq"
                ))
            })
        };
        let again = narrow(self.exact.recomputed)?;
        // No token passes the others.
        let inactive = training.parameters - training.active();
        let rule = |count, n: u128| (count, six(n - inactive), Recomputed::Beside(again));
        let counts = [
            ("exact", executed, Recomputed::Among(again)),
            rule("6 N T, N all parameters", training.parameters),
            rule("6 N T, N without embedding", training.parameters_without_embedding),
            rule("6 N T, N of the layers", training.parameters_of_layers),
        ];
        let forecasts = counts.into_iter().map(|(count, flops, recomputed)| {
            let flops = narrow(flops)?;
            let step = Step { flops, recomputed, tokens, training: true, seconds: None };
            Forecast::new(count, step, question)
        });
        self.forecasts = forecasts.collect::<Result<_, _>>()?;
        Ok(self)
    }
}

/// The fields of a model, with the width of heads also where its file leaves that to be derived.
fn with_head_dim(config: &DecoderConfig) -> Map<String, Value> {
    let mut fields = config.to_json();
    fields.entry("head_dim").or_insert_with(|| config.head_dim.into());
    fields
}

/// What the kernels of such a step execute; `None` where no kernel could run it, and where it computes gradients that
/// have no use, which ours never do.
fn schedule(
    config: &DecoderConfig,
    tokens: &Tokens,
    recipe: Recipe,
    convention: Convention,
) -> Option<Phases> {
    let Recipe { optimizer, recompute, micro_batches, input_gradients } = recipe;
    if input_gradients {
        return None;
    }
    let packed = match tokens.lengths.len() {
        0 | 1 => Packing::default(),
        _ => Packing::new(tokens.lengths.clone()),
    };
    let recompute = if recompute { Recompute::Layers } else { Recompute::None };
    let training = Training { accumulate: micro_batches, recompute, packed, ..optimizer.into() };
    let shape = [tokens.batch, u32::try_from(tokens.seq()).ok()?];
    model::schedule(&ModelConfig::from(config.clone()), shape, training, convention)
}
