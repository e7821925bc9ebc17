//! Sequences that are packed one behind the other into each row of a batch: none attends to another, and each begins
//! at position 0. Knows no model.

use std::{
    borrow::Cow,
    fmt,
    sync::{Mutex, PoisonError},
};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The lengths of the sequences in a row; none where a row is one sequence. Each list is kept once, for as long as
/// the process runs, so that a step's description can be copied like its other numbers.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Packing(&'static [u32]);

/// Every list there is.
static KEPT: Mutex<Vec<&'static [u32]>> = Mutex::new(Vec::new());

impl Packing {
    /// Sequences of these lengths.
    pub fn new(lengths: Vec<u32>) -> Self {
        if lengths.is_empty() {
            return Self::default();
        }
        let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
        let known = kept.iter().copied().find(|known| **known == *lengths);
        Self(known.unwrap_or_else(|| {
            let list: &'static [u32] = lengths.leak();
            kept.push(list);
            list
        }))
    }

    /// The lengths, in order.
    pub const fn lengths(self) -> &'static [u32] {
        self.0
    }

    /// Whether nothing is packed.
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
    pub const fn is_none(&self) -> bool {
        self.0.is_empty()
    }

    /// The longest of the sequences, where any are packed.
    pub fn longest(self) -> Option<u32> {
        self.0.iter().copied().max()
    }

    /// Tokens of all sequences of a row, where any are packed.
    pub fn tokens(self) -> Option<u64> {
        (!self.is_none()).then(|| self.0.iter().map(|&length| u64::from(length)).sum())
    }

    /// Whether the sequences fill a row of so many tokens.
    ///
    /// # Errors
    /// Why they do not, in words.
    pub(crate) fn check(self, seq: u32) -> Result<(), String> {
        let Some(tokens) = self.tokens() else { return Ok(()) };
        if self.0.contains(&0) {
            return Err(format!("sequences of {self} are packed, one of them without a token"));
        }
        if tokens != u64::from(seq) {
            return Err(format!(
                "the packed sequences of {self} are {tokens} tokens together, but seq is {seq}: make them \
                 agree"
            ));
        }
        Ok(())
    }
}

impl fmt::Display for Packing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lengths: Vec<String> = self.0.iter().map(u32::to_string).collect();
        f.write_str(&lengths.join(", "))
    }
}

impl fmt::Debug for Packing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Packing {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Packing {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(Self::new)
    }
}

impl JsonSchema for Packing {
    fn schema_name() -> Cow<'static, str> {
        "Packing".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Vec::<u32>::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_lists_are_kept_once() {
        let [one, two] = [0, 1].map(|_| Packing::new(vec![5, 9, 2]));
        assert!(std::ptr::eq(one.lengths(), two.lengths()));
        assert_ne!(one, Packing::new(vec![5, 9]));
        assert_eq!((one.tokens(), Packing::new(Vec::new()).tokens()), (Some(16), None));
    }

    #[test]
    fn lengths_that_do_not_add_up_are_refused() {
        let check = |lengths: &[u32], seq| Packing::new(lengths.to_vec()).check(seq);
        assert_eq!(check(&[512, 300, 212], 1024), Ok(()));
        assert_eq!(check(&[], 7), Ok(()));
        assert!(
            check(&[512, 300], 1024).unwrap_err().contains("812 tokens together, but seq is 1024")
        );
        assert!(check(&[4, 0], 4).unwrap_err().contains("without a token"));
        assert!(check(&[u32::MAX, 1], 0).is_err());
    }
}
