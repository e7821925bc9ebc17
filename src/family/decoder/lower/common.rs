//! What every part of a decoder has in common where it is lowered.

use crate::{
    blocks::linear::Rows,
    family::decoder::{
        config::DecoderConfig,
        linear::{LinearLayer, Place},
    },
};

/// The extents that every part has in common.
#[derive(Clone, Copy)]
pub(super) struct StepShape {
    pub(super) b: u32,
    pub(super) s: u32,
    pub(super) t: u32,
    pub(super) h: u32,
}

impl StepShape {
    /// Elements of a tensor (T,width).
    pub(super) fn elements(self, width: u32) -> u64 {
        u64::from(self.t) * u64::from(width)
    }
}

/// What every layer shares.
pub(super) struct Common {
    pub(super) shape: StepShape,
    /// All T tokens as one group of rows.
    pub(super) rows: Rows,
}

/// The linear layers of a layer that stand at `place`, in the order of its data flow.
pub(super) fn linears_at(config: &DecoderConfig, index: u32, place: Place) -> Vec<LinearLayer> {
    let layer = config.layers[index as usize];
    let linears = LinearLayer::of_layer(config, layer).into_iter();
    linears.filter(|linear| linear.place == place).collect()
}
