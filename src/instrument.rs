//! instrument

use crate::{Error, execute::Limits, kernel::KernelModule, op::Cost};

/// x
pub struct Instrumented {
    /// x
    pub kernel: KernelModule,
    /// x
    pub counters: CounterBinding,
    /// x
    pub table: BlockTable,
}
/// x
pub struct CounterBinding {
    /// x
    pub group: u32,
    /// x
    pub binding: u32,
}
/// x
pub struct BlockTable {}

impl BlockTable {
    /// x
    pub fn bytes(&self) -> u64 {
        4
    }
    /// x
    pub fn decode(&self, _raw: &[u8]) -> Vec<u64> {
        vec![]
    }
    /// x
    pub fn cost(&self, _executions: &[u64]) -> Cost {
        Cost::default()
    }
}

/// x
pub fn instrument(_kernel: &KernelModule, _limits: &Limits) -> Result<Instrumented, Error> {
    todo!()
}
