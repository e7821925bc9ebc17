//! How near to its adapter's ceilings a kernel comes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Ceilings, Resource};
use crate::op::{Convention, Cost, OpCounts, Scalar};

/// The part of the attainable from which on a kernel is bound by a ceiling.
const NEAR: f64 = 0.5;

/// Which ceiling a kernel meets first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum BoundBy {
    /// Arithmetic.
    Compute,
    /// Storage traffic.
    Memory,
    /// Traffic of workgroup memory.
    Workgroup,
    /// None: it takes more than twice as long as any of them asks for, by latency or for too little work.
    None,
}

/// Where a kernel stands under its adapter's ceilings.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Placement {
    /// What the kernel's mix of operations and traffic allows: the least of the peak and, for storage and workgroup
    /// memory, of intensity times bandwidth.
    pub attainable_flops_per_second: f64,
    /// How much of the attainable it attained. Above 1 where caches served what memory could not: traffic
    /// is what a kernel asks for, not what crosses the memory bus.
    pub share: f64,
    /// What limits it.
    pub bound: BoundBy,
}

impl Ceilings {
    /// FLOP/s or bytes a second of the best run of the best kernel, where one ran.
    pub fn best(&self, resource: Resource) -> Option<f64> {
        let rates = self.ceilings.iter().filter(|ceiling| ceiling.resource == resource);
        rates.map(|ceiling| ceiling.rate.max).reduce(f64::max)
    }

    /// Places what cost `cost` and took `seconds`; `None` where it neither computed nor touched storage,
    /// took no time, or computed in a format that has no ceiling.
    pub fn place(&self, cost: &Cost, convention: Convention, seconds: f64) -> Option<Placement> {
        let flops = cost.ops.flops(convention) as f64;
        let memory = cost.traffic.storage_bytes() as f64 / self.best(Resource::Storage)?;
        // Each format at its own peak, one after the other.
        let mut compute = 0.0;
        for scalar in Scalar::ALL {
            let of_scalar = cost.ops.iter().filter(|(its, ..)| *its == scalar);
            let ops = of_scalar.map(|(scalar, op, count)| OpCounts::of(scalar, op, count));
            let flops = ops.sum::<OpCounts>().flops(convention);
            let resource = match scalar {
                Scalar::F16 => Resource::F16,
                Scalar::F32 => Resource::F32,
                Scalar::F64 => Resource::F64,
                // No ceiling is measured in these, so nothing is placed that computes in them.
                Scalar::Bf16 | Scalar::F8 if flops > 0 => return None,
                Scalar::Bf16 | Scalar::F8 | Scalar::Int => continue,
            };
            if flops > 0 {
                compute += flops as f64 / self.best(resource)?;
            }
        }
        let bytes = cost.traffic.workgroup_load + cost.traffic.workgroup_store;
        let workgroup = self.best(Resource::Workgroup).map_or(0.0, |rate| bytes as f64 / rate);
        let least = compute.max(memory).max(workgroup);
        (least > 0.0 && seconds > 0.0).then(|| Placement {
            attainable_flops_per_second: flops / least,
            share: least / seconds,
            bound: match least {
                _ if least < NEAR * seconds => BoundBy::None,
                _ if least == compute => BoundBy::Compute,
                _ if least == memory => BoundBy::Memory,
                _ => BoundBy::Workgroup,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        execute::{Adapter, Backend, Clock, DeviceType, Limits},
        op::{Op, Traffic},
        roofline::{Ceiling, Drift, Spread},
    };

    /// 100 FLOP/s in single and 50 in double precision, 10 bytes a second.
    fn ceilings() -> Ceilings {
        let even = |value| Spread { min: value, median: value, max: value };
        let ceiling = |resource, rate| Ceiling {
            name: String::new(),
            resource,
            kernel: "roofline.copy".parse().expect("a kernel's name"),
            work: 1,
            buffer_bytes: 1,
            rate: even(rate),
            seconds: even(1.0),
            clock: Clock::Wall,
        };
        let limits = Limits::WEBGPU;
        let [name, driver] = [(); 2].map(|()| String::new());
        let (backend, device_type) = (Backend::Noop, DeviceType::Other);
        let adapter = Adapter { name, backend, device_type, driver, limits };
        Ceilings {
            adapter,
            repeats: 1,
            rounds: 1,
            ceilings: vec![
                ceiling(Resource::F32, 80.0),
                ceiling(Resource::F32, 100.0),
                ceiling(Resource::F64, 50.0),
                ceiling(Resource::Storage, 10.0),
                ceiling(Resource::Workgroup, 40.0),
            ],
            missing: Vec::new(),
            empty_dispatch: even(0.0),
            empty_dispatch_clock: Clock::Wall,
            submit_and_wait: even(0.0),
            drift: Drift { first: 100.0, last: 100.0 },
            warning: None,
        }
    }

    fn place(ops: OpCounts, bytes: u64, seconds: f64) -> Option<Placement> {
        let traffic = Traffic { storage_load: bytes, ..Traffic::default() };
        ceilings().place(&Cost { ops, traffic }, Convention::Ieee, seconds)
    }

    #[test]
    fn the_lower_roof_binds() {
        // 20 FLOP a byte: the peak is reached before the bandwidth.
        let compute = place(OpCounts::f32(Op::Fma, 100), 10, 4.0);
        let expected =
            Placement { attainable_flops_per_second: 100.0, share: 0.5, bound: BoundBy::Compute };
        assert_eq!(compute, Some(expected));
        // 2 FLOP a byte allow 20 FLOP/s; half the time would do.
        let memory = place(OpCounts::f32(Op::Add, 200), 100, 20.0);
        let expected =
            Placement { attainable_flops_per_second: 20.0, share: 0.5, bound: BoundBy::Memory };
        assert_eq!(memory, Some(expected));
    }

    #[test]
    fn a_copy_is_held_against_the_bandwidth_alone() {
        let copy = place(OpCounts::ZERO, 100, 5.0);
        let expected =
            Placement { attainable_flops_per_second: 0.0, share: 2.0, bound: BoundBy::Memory };
        assert_eq!(copy, Some(expected), "twice the bandwidth: caches");
        assert_eq!(place(OpCounts::ZERO, 0, 5.0), None);
    }

    #[test]
    fn workgroup_memory_is_a_roof() {
        let traffic = Traffic { workgroup_load: 150, workgroup_store: 50, ..Traffic::default() };
        let cost = Cost { ops: OpCounts::f32(Op::Add, 100), traffic };
        let placed = ceilings().place(&cost, Convention::Ieee, 8.0).expect("it computes");
        let expected = Placement {
            attainable_flops_per_second: 20.0,
            share: 0.625,
            bound: BoundBy::Workgroup,
        };
        assert_eq!(placed, expected);
    }

    #[test]
    fn what_is_far_below_all_roofs_is_bound_by_none() {
        let placed = place(OpCounts::f32(Op::Fma, 100), 10, 4.1).expect("it computes");
        assert!(placed.share < 0.5);
        assert_eq!(placed.bound, BoundBy::None);
    }

    #[test]
    fn the_best_run_is_the_ceiling() {
        let mut ceilings = ceilings();
        ceilings.ceilings[1].rate = Spread { min: 10.0, median: 90.0, max: 120.0 };
        assert_eq!(ceilings.best(Resource::F32), Some(120.0));
    }

    #[test]
    fn formats_are_held_against_their_own_peaks() {
        let ops = OpCounts::f32(Op::Add, 100).with(Scalar::F64, Op::Add, 100);
        let mixed = place(ops, 0, 3.0).expect("both have a peak");
        assert_eq!((mixed.share, mixed.bound), (1.0, BoundBy::Compute));
        assert_eq!(place(OpCounts::of(Scalar::F16, Op::Add, 1), 0, 1.0), None, "no f16 here");
    }
}
