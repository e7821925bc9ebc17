//! What a formula charges: FLOPs by part of the decoder and pass. Their sum is the formula's value, so that
//! the difference to the exact count can be told part by part.

use std::{collections::BTreeMap, ops::Deref};

use super::case::{Case, Keys};
use crate::family::decoder::{Part, Place, WorkPass};

/// What FLOPs are charged for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum What {
    /// The embedding's table, as if looking up were a matrix product.
    Table,
    /// That of learned positions, likewise.
    Positions,
    /// A part of the decoder.
    Part(Part),
}

impl From<Part> for What {
    fn from(part: Part) -> Self {
        Self::Part(part)
    }
}

impl From<Place> for What {
    fn from(place: Place) -> Self {
        Self::Part(Part::Linear(place))
    }
}

/// The passes of a matrix product in which its weight is trained.
pub(super) const THREE: [WorkPass; 3] = [WorkPass::Forward, WorkPass::Input, WorkPass::Weight];
/// Those in which it is frozen.
pub(super) const TWO: [WorkPass; 2] = [WorkPass::Forward, WorkPass::Input];
/// Those in which the layer runs again.
pub(super) const FOUR: [WorkPass; 4] =
    [WorkPass::Forward, WorkPass::Again, WorkPass::Input, WorkPass::Weight];

/// The projections of attention.
pub(super) const PROJECTIONS: [Place; 4] = [Place::Query, Place::Key, Place::Value, Place::Output];
/// Every linear layer of a dense decoder.
pub(super) const DENSE: [Place; 6] =
    [Place::Query, Place::Key, Place::Value, Place::Output, Place::Mlp, Place::Head];

/// A formula's charges for one case, whose symbols it gives too.
pub struct Charges<'a> {
    case: &'a Case<'a>,
    charges: BTreeMap<(What, WorkPass), i128>,
    keys: Keys,
    heads: i128,
}

impl<'a> Deref for Charges<'a> {
    type Target = Case<'a>;

    fn deref(&self) -> &Case<'a> {
        self.case
    }
}

impl<'a> Charges<'a> {
    pub(super) fn new(case: &'a Case<'a>) -> Self {
        let heads = case.n * case.d;
        Self { case, charges: BTreeMap::new(), keys: Keys::Sequence, heads }
    }

    /// The case that is charged.
    pub(super) const fn case(&self) -> &'a Case<'a> {
        self.case
    }

    /// Which keys attention's products were charged for.
    pub(super) const fn keys(&self) -> Keys {
        self.keys
    }

    /// How wide its heads were charged, together.
    pub(super) const fn heads(&self) -> i128 {
        self.heads
    }

    /// Everything that was charged.
    pub fn charges(&self) -> &BTreeMap<(What, WorkPass), i128> {
        &self.charges
    }

    /// The formula's value.
    pub fn value(&self) -> i128 {
        self.charges.values().sum()
    }

    pub(super) fn add(&mut self, what: impl Into<What>, pass: WorkPass, flops: i128) {
        *self.charges.entry((what.into(), pass)).or_default() += flops;
    }

    /// The same FLOPs in each of the passes.
    pub(super) fn each(&mut self, passes: &[WorkPass], what: impl Into<What>, flops: i128) {
        let what = what.into();
        for &pass in passes {
            self.add(what, pass, flops);
        }
    }

    /// 2 FLOPs for each of these weights and each token, in each of the passes.
    pub(super) fn weights(&mut self, passes: &[WorkPass], what: impl Into<What>, weights: i128) {
        self.each(passes, what, 2 * weights * self.case.t);
    }

    /// The same for linear layers as wide as they are.
    pub(super) fn linears(&mut self, passes: &[WorkPass], places: &[Place]) {
        for &place in places {
            self.weights(passes, place, self.case.weights(place));
        }
    }

    /// Every linear layer as it is: 2 W T a pass.
    pub(super) fn every_linear(&mut self, passes: &[WorkPass]) {
        let mut places = DENSE.to_vec();
        if self.case.has_experts() {
            places.extend([Place::Router, Place::Shared, Place::SharedGate]);
        }
        self.linears(passes, &places);
    }

    /// Every parameter but those of an untied table: the linear layers, biases, norms and learned positions.
    pub(super) fn parameters(&mut self, passes: &[WorkPass]) {
        self.weights(passes, What::Positions, self.case.positions);
        self.every_linear(passes);
        self.weights(passes, Part::Bias, self.case.biases);
        self.weights(passes, Part::Norm, self.case.norms);
    }

    /// The MLP as three matrices of H by I, which SwiGLU has, whether the model's has a gate or not.
    pub(super) fn three_matrices(&mut self, passes: &[WorkPass]) {
        self.three_matrices_of(self.case.i, passes);
    }

    /// The same of this width, where the model's has no gate.
    pub(super) fn three_matrices_of(&mut self, width: i128, passes: &[WorkPass]) {
        let Case { h, l, config, .. } = *self.case;
        let weights = match config.architecture.names().gate {
            Some(_) => self.case.weights(Place::Mlp),
            None => 3 * l * h * width,
        };
        self.weights(passes, Place::Mlp, weights);
    }

    /// Attention's products at so many times L n d B S^2, forward and backward. The whole square is 4 and 8.
    pub(super) fn square(&mut self, forward: i128, backward: i128) {
        self.square_of(self.case.n * self.case.d, forward, backward);
    }

    /// The same with heads that are together so wide.
    pub(super) fn square_of(&mut self, heads: i128, forward: i128, backward: i128) {
        self.attention(Keys::Sequence, heads, forward, backward);
    }

    /// Attention's products with heads that are together so wide, for each pair of a query and one of these keys.
    pub(super) fn attention(&mut self, keys: Keys, heads: i128, forward: i128, backward: i128) {
        (self.keys, self.heads) = (keys, heads);
        let unit = heads * self.case.pairs(keys);
        self.add(Part::Square, WorkPass::Forward, forward * unit);
        self.add(Part::Square, WorkPass::Input, backward * unit);
    }

    /// k and v as wide as q, four matrices of H by n d.
    pub(super) fn multi_head(&mut self, passes: &[WorkPass]) {
        let Case { l, h, n, d, .. } = *self.case;
        for place in PROJECTIONS {
            self.weights(passes, place, l * h * n * d);
        }
    }
}
