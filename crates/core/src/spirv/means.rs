//! What a counting module may use of its device, and where its counters are.

/// Where a counting module finds its counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counters {
    /// A buffer at this device address, a multiple of 64. Needs the feature `bufferDeviceAddress`.
    Address(u64),
    /// A storage buffer that is bound here.
    Binding {
        /// Descriptor set.
        set: u32,
        /// Binding within the set.
        binding: u32,
    },
}

/// What a counting module may use of its device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Means {
    /// Where the counters are.
    pub counters: Counters,
    /// Whether storage buffers have 64-bit atomics (`shaderInt64` and `shaderBufferInt64Atomics`).
    pub wide_atomics: bool,
    /// Whether compute shaders have subgroup arithmetic. Without it every invocation adds for itself.
    pub subgroups: bool,
}
