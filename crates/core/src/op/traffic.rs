//! Which memory was touched, and how often; and what that and operations come to together.

use std::{iter::Sum, ops::Add};

#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::counts::OpCounts;

macro_rules! traffic {
    ($($(#[$doc:meta])* $field:ident = $name:literal,)*) => {
        /// Memory touched beside the arithmetic. Private and function memory are not memory.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(JsonSchema))]
        #[serde(default, deny_unknown_fields)]
        pub struct Traffic {
            $($(#[$doc])*
            #[serde(rename = $name, skip_serializing_if = "is_zero")]
            pub $field: u64,)*
        }

        impl Traffic {
            /// The same traffic, `times` times.
            #[must_use]
            pub fn times(self, times: u64) -> Self {
                Self { $($field: self.$field.checked_mul(times).expect("traffic fits in u64"),)* }
            }
        }

        impl Add for Traffic {
            type Output = Self;

            fn add(self, other: Self) -> Self {
                Self { $($field: self.$field.checked_add(other.$field).expect("traffic fits in u64"),)* }
            }
        }
    };
}

/// Whether a count is 0: serialised structures leave such fields out. By reference, as serde passes it.
pub fn is_zero(value: &u64) -> bool {
    *value == 0
}

traffic! {
    /// Bytes loaded from storage buffers.
    storage_load = "storage.load_bytes",
    /// Bytes stored to storage buffers.
    storage_store = "storage.store_bytes",
    /// Bytes loaded from uniform buffers.
    uniform_load = "uniform.load_bytes",
    /// Bytes loaded from textures: texels of the format that the kernel states, else as the kernel receives them.
    texture_load = "texture.load_bytes",
    /// Bytes stored to textures.
    texture_store = "texture.store_bytes",
    /// Bytes loaded from workgroup memory.
    workgroup_load = "workgroup.load_bytes",
    /// Bytes stored to workgroup memory.
    workgroup_store = "workgroup.store_bytes",
    /// Atomic operations in any address space.
    atomics = "atomics",
    /// Barriers at which the invocations of a workgroup wait for each other, once a workgroup.
    barriers = "barriers",
}

impl Traffic {
    /// Bytes that cross to and from storage buffers and textures, the denominator of arithmetic intensity.
    ///
    /// # Panics
    /// Where they exceed 64 bits, as for [`Self::bytes`].
    pub fn storage_bytes(&self) -> u64 {
        let parts = [self.storage_load, self.storage_store, self.texture_load, self.texture_store];
        let sum: u128 = parts.into_iter().map(u128::from).sum();
        u64::try_from(sum).expect("traffic fits in u64")
    }

    /// Bytes loaded and stored in every address space.
    ///
    /// # Panics
    /// Where they exceed 64 bits, as no device moves but an edited report may say: see [`Self::wide_bytes`].
    pub fn bytes(&self) -> u64 {
        u64::try_from(self.wide_bytes()).expect("traffic fits in u64")
    }

    /// The same, however many they are.
    pub fn wide_bytes(&self) -> u128 {
        let storage =
            [self.storage_load, self.storage_store, self.texture_load, self.texture_store];
        let others = [self.uniform_load, self.workgroup_load, self.workgroup_store];
        storage.into_iter().chain(others).map(u128::from).sum()
    }

    /// Whether nothing was touched.
    pub fn is_zero(&self) -> bool {
        *self == Self::default()
    }
}

/// Operations and traffic together: what executing a piece of a kernel costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Cost {
    /// Operations by kind.
    pub ops: OpCounts,
    /// Memory touched.
    pub traffic: Traffic,
}

impl Cost {
    /// The same cost, `times` times.
    #[must_use]
    pub fn times(self, times: u64) -> Self {
        Self { ops: self.ops.times(times), traffic: self.traffic.times(times) }
    }

    /// The same cost, summed over invocations, with the barriers at which all invocations of a workgroup waited
    /// counted once for the workgroup, which has `size` of them.
    #[must_use]
    pub fn barriers_once(mut self, size: u64) -> Self {
        self.traffic.barriers /= size.max(1);
        self
    }

    /// Whether it costs nothing.
    pub fn is_zero(&self) -> bool {
        self.ops.is_zero() && self.traffic.is_zero()
    }
}

impl Add for Cost {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { ops: self.ops + other.ops, traffic: self.traffic + other.traffic }
    }
}

impl Sum for Cost {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::default(), Add::add)
    }
}
