//! Cooperative matrices: lanes of a subgroup, which are neighbours, have shares of a matrix and multiply them together.
//! How an element comes from memory and goes back is not known here, only where it lies.

use super::{Apart, Machine, Mask, active};
use crate::execute::cpu::{
    alu::{Alu, CHUNK},
    program::{Multiply, Reg},
};

/// The index of an element, by its row and column, where the first has an index and columns, or rows, are so far apart;
/// beyond every array where no index is as large.
pub(super) fn index(first: u32, stride: u32, [row, column]: [u32; 2], row_major: bool) -> u32 {
    let [near, far] = if row_major { [column, row] } else { [row, column] }.map(u64::from);
    let index = u64::from(first) + near + far * u64::from(stride);
    index.try_into().unwrap_or(u32::MAX)
}

impl Machine<'_> {
    /// The first lanes of the subgroups that are active.
    fn subgroups(&self, mask: Mask<'_>) -> Vec<usize> {
        let firsts = (0..self.lanes).step_by(self.program.subgroup as usize);
        firsts.filter(|&lane| active(mask, lane / CHUNK, lane % CHUNK)).collect()
    }

    /// Finds subgroups that are not together where they have to be.
    pub(super) fn together(&mut self, same: &[Reg], site: usize, mask: Mask<'_>) {
        let width = self.program.subgroup as usize;
        for first in (0..self.lanes).step_by(width) {
            let is_active = |lane: usize| active(mask, lane / CHUNK, lane % CHUNK);
            let lanes = first..first + width;
            let found = if lanes.clone().any(|lane| is_active(lane) != is_active(first)) {
                Apart::Parted
            } else if is_active(first)
                && same.iter().any(|&reg| {
                    let word = self.word(reg, first);
                    lanes.clone().any(|lane| self.word(reg, lane) != word)
                })
            {
                Apart::Differing
            } else {
                continue;
            };
            self.apart.get_or_insert((found, site));
        }
    }

    /// The elements of a matrix that a subgroup has, column by column.
    fn gathered(&self, share: &[Reg], first: usize) -> Vec<f32> {
        let lanes = first..first + self.program.subgroup as usize;
        let words = share.iter().flat_map(|&reg| lanes.clone().map(move |lane| (reg, lane)));
        words.map(|(reg, lane)| f32::from_bits(self.word(reg, lane))).collect()
    }

    /// Each sum is one chain along what the factors share: it begins with the element of `c`, every product is rounded
    /// before it is added, and a sum of 16 bits is rounded to them at its end.
    pub(super) fn multiply(&mut self, multiply: &Multiply, mask: Mask<'_>) {
        let Multiply { a, b, c, to, extent: [m, n, k], half } = multiply;
        let width = self.program.subgroup as usize;
        for first in self.subgroups(mask) {
            let [a, b, mut c] = [a, b, c].map(|share| self.gathered(share, first));
            for column in 0..*n {
                let sums = &mut c[column * m..][..*m];
                for inner in 0..*k {
                    let factor = b[column * k + inner];
                    for (sum, element) in sums.iter_mut().zip(&a[inner * m..][..*m]) {
                        *sum += element * factor;
                    }
                }
            }
            for (element, sum) in c.into_iter().enumerate() {
                let word = sum.to_bits();
                let word = if *half { Alu::RoundHalf.one([word; 3]) } else { word };
                self.set_word(to[element / width], first + element % width, word);
            }
        }
    }
}
