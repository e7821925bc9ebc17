//! Models that a file holds beside others, as a language model beside the tower that sees for it.

use serde_json::{Map, Value};

/// A model that another's file holds.
#[derive(Clone, Debug, PartialEq)]
pub struct HeldModel {
    /// The contents of its own `config.json`.
    pub object: Map<String, Value>,
    /// The field of the file that holds it; `None` where the file is its own.
    pub field: Option<&'static str>,
    /// What else the file holds, which is neither run nor counted.
    pub left_out: &'static [&'static str],
}

impl HeldModel {
    /// A model whose file is its own.
    pub fn alone(object: Map<String, Value>) -> Self {
        Self { object, field: None, left_out: &[] }
    }

    /// What is wrong with its fields, and where they are: what is beside it may have fields of the same names.
    pub fn said(&self, problem: String) -> String {
        match self.field {
            Some(field) => format!("{problem} (its fields are those of {field})"),
            None => problem,
        }
    }
}

/// Finds a family's model in a `config.json`, where that is a holder's; what is missing or makes no sense, in words.
pub type FindHeld = fn(&Map<String, Value>) -> Result<Option<HeldModel>, String>;

/// The models that hold one of a family's beside others.
#[derive(Debug)]
pub struct Holders {
    /// What `model_type` says of them.
    pub model_types: &'static [&'static str],
    /// Finds the one of the family.
    pub held: FindHeld,
}

impl Holders {
    /// There are none.
    pub const NONE: Self = Self { model_types: &[], held: |_| Ok(None) };
}

/// How a checkpoint names the tensors of a model, which it may hold beside others.
#[derive(Debug)]
pub struct StoredNames {
    /// How names begin in the model by itself, and in the checkpoint.
    pub prefixes: &'static [(&'static str, &'static str)],
    /// How the names of the others' tensors begin.
    pub beside: &'static [&'static str],
    /// How the names of tensors end that are no parameters.
    pub buffers: &'static [&'static str],
}

impl StoredNames {
    /// A checkpoint of the model alone.
    pub const ALONE: Self = Self { prefixes: &[], beside: &[], buffers: &[] };

    /// What the checkpoint calls a tensor.
    pub fn of(&self, tensor: &str) -> String {
        let stored = self.prefixes.iter().find_map(|(own, stored)| {
            tensor.strip_prefix(own).map(|rest| format!("{stored}{rest}"))
        });
        stored.unwrap_or_else(|| tensor.to_owned())
    }

    /// Whether a tensor of the checkpoint is another model's, or no parameter.
    pub fn is_beside(&self, stored: &str) -> bool {
        self.beside.iter().any(|start| stored.starts_with(start))
            || self.buffers.iter().any(|end| stored.ends_with(end))
    }
}
