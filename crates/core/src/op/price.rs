//! What something costs each time that it is executed.

use std::ops::{Add, AddAssign};

use super::{
    kind::{Op, Scalar},
    traffic::{Cost, Traffic},
};

/// What something costs each time that it is executed. A [`Cost`] has room for every kind of operation; an
/// instruction, or a few of them, has few kinds, and a price holds these alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Price {
    /// Each kind that occurs, in order.
    ops: Vec<(Scalar, Op, u64)>,
    traffic: Traffic,
}

impl Price {
    /// Whether invocations wait for each other.
    pub(crate) const fn has_barriers(&self) -> bool {
        self.traffic.barriers > 0
    }

    /// Operations on one scalar class.
    pub(crate) fn of(scalar: Scalar, ops: &[(Op, u64)]) -> Self {
        let mut price = Self::default();
        for &(op, count) in ops {
            price.charge(scalar, op, count);
        }
        price
    }

    /// Whether it is nothing.
    pub fn is_zero(&self) -> bool {
        self.ops.is_empty() && self.traffic.is_zero()
    }

    /// What so many executions cost.
    pub fn times(&self, times: u64) -> Cost {
        let mut cost = Cost::default();
        self.charge_to(&mut cost, times);
        cost
    }

    /// Adds what so many executions cost.
    pub(crate) fn charge_to(&self, cost: &mut Cost, times: u64) {
        for &(scalar, op, count) in &self.ops {
            cost.ops.charge(scalar, op, checked(count.checked_mul(times)));
        }
        cost.traffic = cost.traffic + self.traffic.times(times);
    }

    /// The price of something that is done `times` times.
    #[cfg(feature = "spirv-rewrite")]
    #[must_use]
    pub(crate) fn repeated(mut self, times: u64) -> Self {
        for (_, _, count) in &mut self.ops {
            *count = checked(count.checked_mul(times));
        }
        self.ops.retain(|&(_, _, count)| count > 0);
        self.traffic = self.traffic.times(times);
        self
    }

    fn charge(&mut self, scalar: Scalar, op: Op, count: u64) {
        if count == 0 {
            return;
        }
        match self.ops.binary_search_by_key(&(scalar, op), |&(scalar, op, _)| (scalar, op)) {
            Ok(at) => self.ops[at].2 = checked(self.ops[at].2.checked_add(count)),
            Err(at) => self.ops.insert(at, (scalar, op, count)),
        }
    }
}

/// A count that fits, as one of `OpCounts` must.
fn checked(count: Option<u64>) -> u64 {
    count.expect("an operation count fits in u64")
}

impl From<Traffic> for Price {
    fn from(traffic: Traffic) -> Self {
        Self { ops: Vec::new(), traffic }
    }
}

impl AddAssign<&Self> for Price {
    fn add_assign(&mut self, other: &Self) {
        for &(scalar, op, count) in &other.ops {
            self.charge(scalar, op, count);
        }
        self.traffic = self.traffic + other.traffic;
    }
}

impl Add for Price {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        self += &other;
        self
    }
}
