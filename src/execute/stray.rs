//! How an invocation touches memory, and where an access out of bounds went: what was touched, at which byte, by which
//! invocation. Plain data, which executors that check accesses fill in.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How an invocation touches memory.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// It reads.
    Load,
    /// It writes.
    Store,
    /// It reads atomically.
    AtomicLoad,
    /// It writes, or reads and writes, atomically.
    AtomicUpdate,
}

impl Access {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Load, Self::Store, Self::AtomicLoad, Self::AtomicUpdate];

    /// Whether two accesses of different invocations to one place, not ordered, are a race: one of them
    /// writes, and not both are atomic.
    #[must_use]
    pub const fn races_with(self, other: Self) -> bool {
        (self.writes() || other.writes()) && !(self.is_atomic() && other.is_atomic())
    }

    const fn writes(self) -> bool {
        matches!(self, Self::Store | Self::AtomicUpdate)
    }

    const fn is_atomic(self) -> bool {
        matches!(self, Self::AtomicLoad | Self::AtomicUpdate)
    }
}

/// An access out of bounds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Stray {
    /// What it does.
    pub access: Access,
    /// The variable, or the value with a name, that it was meant for; empty where that has none.
    pub variable: String,
    /// At which byte of the variable; `None` where an index within it is beyond what has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub byte: Option<u64>,
    /// Bytes that the variable has; `None` where it is no buffer.
    pub bytes: Option<u64>,
    /// At which texel, where the variable is a texture and that is outside of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub texel: Option<Texel>,
    /// The invocation, by its global id.
    pub invocation: [u32; 3],
}

/// A place in a texture, or beside it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Texel {
    /// Its coordinates, and its layer where the texture has layers.
    pub at: Vec<i32>,
    /// The extents of the texture along them.
    pub extent: Vec<u32>,
}

impl fmt::Display for Texel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at: Vec<String> = self.at.iter().map(i32::to_string).collect();
        f.write_str(&at.join(" "))
    }
}

impl fmt::Display for Stray {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { access, variable, byte, bytes, texel, invocation: [x, y, z] } = self;
        let does = match access {
            Access::Load => "loads",
            Access::Store => "stores",
            Access::AtomicLoad => "loads atomically",
            Access::AtomicUpdate => "updates atomically",
        };
        match (texel, byte) {
            (Some(texel), _) => {
                let extents = texel.extent.iter().map(u32::to_string).collect::<Vec<_>>();
                let extents = extents.join(" x ");
                write!(f, "{does} texel {texel} of '{variable}', which has {extents} texels")?;
            }
            (None, Some(byte)) => write!(f, "{does} at byte {byte} of '{variable}'")?,
            // Within an array of arrays, the place may lie in the variable none the less.
            (None, None) if variable.is_empty() => write!(f, "{does} at an index out of bounds")?,
            (None, None) => write!(f, "{does} at an index out of bounds of '{variable}'")?,
        }
        if let (Some(_), Some(bytes)) = (byte, bytes) {
            write!(f, ", which has {bytes} bytes")?;
        }
        write!(f, ", in invocation {x} {y} {z}")
    }
}
