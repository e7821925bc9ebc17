//! Accesses: loads and stores through places, cut into instructions. Traffic is counted here.

use naga::{AddressSpace, Expression, Handle, Span, TypeInner};

use super::{Frame, Lower, Lowering, Pointee, Sum, types};
use crate::execute::{
    Access,
    cpu::program::{Address, Inst, Kind, Num, Reg},
};

/// Words that one instruction moves.
const MAX_WORDS: usize = 4;

/// In which direction memory is accessed.
#[derive(Clone, Copy)]
pub(super) enum Transferred {
    Load,
    Store,
}

impl<'a> Lowering<'a> {
    /// Loads what a pointer points to; the load is at a span.
    pub(super) fn load(
        &mut self,
        frame: &mut Frame<'a>,
        pointer: Handle<Expression>,
        span: Span,
    ) -> Lower<Vec<Num>> {
        let (place, inner) = self.place(frame, pointer)?;
        let inner = self.kernel.plain.seen(inner, span);
        self.touched(frame, pointer, &inner, Transferred::Load)?;
        self.load_value(&place, &inner)
    }

    /// Counts the traffic of an access.
    pub(super) fn touched(
        &mut self,
        frame: &Frame<'a>,
        pointer: Handle<Expression>,
        inner: &TypeInner,
        direction: Transferred,
    ) -> Lower<()> {
        let space = frame.info[pointer].ty.inner_with(&self.module.types).pointer_space();
        if matches!(inner, TypeInner::Atomic(_)) {
            self.cost.traffic.atomics += 1;
            return Ok(());
        }
        let leaves = types::leaves(self.types(), inner)?;
        let traffic = &mut self.cost.traffic;
        let bytes = leaves.iter().map(|leaf| u64::from(leaf.kind.bytes())).sum::<u64>();
        match (space, direction) {
            (Some(AddressSpace::Storage { .. }), Transferred::Load) => {
                traffic.storage_load += bytes
            }
            (Some(AddressSpace::Storage { .. }), Transferred::Store) => {
                traffic.storage_store += bytes;
            }
            (Some(AddressSpace::WorkGroup), Transferred::Load) => traffic.workgroup_load += bytes,
            (Some(AddressSpace::WorkGroup), Transferred::Store) => traffic.workgroup_store += bytes,
            (Some(AddressSpace::Uniform), Transferred::Load) => traffic.uniform_load += bytes,
            (Some(AddressSpace::Function | AddressSpace::Private | AddressSpace::Immediate), _) => {
            }
            (other, _) => return Err(format!("an access to the address space {other:?}")),
        }
        Ok(())
    }

    pub(super) fn load_value(&mut self, place: &Pointee, inner: &TypeInner) -> Lower<Vec<Num>> {
        let leaves = types::leaves(self.types(), inner)?;
        let nums: Vec<Num> = leaves.iter().map(|leaf| self.new_num(leaf.kind, false)).collect();
        match place {
            Pointee::Registers(from) => {
                for (to, from) in nums.iter().zip(from) {
                    self.copy(*to, *from);
                }
            }
            Pointee::Lane { base, index, size } => {
                let index = self.lane_index(*index);
                let regs = nums.iter().flat_map(|num| num.regs());
                for (word, to) in (0..).zip(regs.collect::<Vec<_>>()) {
                    let (base, bound, site) = (base + word, size - word, self.site());
                    self.emit(Inst::LaneLoad { base, index, bound, to, site });
                }
            }
            Pointee::Memory { memory, offset, index } => {
                let at = self.address(*memory, *offset, *index);
                for (at, piece) in pieces(at, self.spread(at.memory), &leaves, &nums) {
                    self.watched(at, piece.bytes(), Access::Load);
                    self.emit(match piece {
                        Piece::Words(to) => Inst::Load { at, to: to.into() },
                        Piece::Half(kind, to) => Inst::LoadHalf { at, kind, to },
                    });
                }
            }
        }
        Ok(nums)
    }

    pub(super) fn store_value(
        &mut self,
        place: &Pointee,
        inner: &TypeInner,
        value: &[Num],
    ) -> Lower<()> {
        match place {
            Pointee::Registers(to) => {
                for (to, from) in to.iter().zip(value) {
                    self.copy(*to, *from);
                }
            }
            Pointee::Lane { base, index, size } => {
                let index = self.lane_index(*index);
                for (word, from) in (0..).zip(value.iter().flat_map(|num| num.regs())) {
                    let (base, bound, site) = (base + word, size - word, self.site());
                    self.emit(Inst::LaneStore { base, index, bound, from, site });
                }
            }
            Pointee::Memory { memory, offset, index } => {
                let leaves = types::leaves(self.types(), inner)?;
                let at = self.address(*memory, *offset, *index);
                for (at, piece) in pieces(at, self.spread(at.memory), &leaves, value) {
                    self.watched(at, piece.bytes(), Access::Store);
                    self.emit(match piece {
                        Piece::Words(from) => Inst::Store { at, from: from.into() },
                        Piece::Half(kind, from) => Inst::StoreHalf { at, kind, from },
                    });
                }
            }
        }
        Ok(())
    }

    fn lane_index(&mut self, index: Option<Sum>) -> Reg {
        match index {
            None => self.constant(0),
            Some(sum) => self.whole(sum),
        }
    }
}

/// What one instruction moves of a value.
enum Piece {
    Words(Vec<Reg>),
    Half(Kind, Reg),
}

impl Piece {
    fn bytes(&self) -> u32 {
        match self {
            Self::Words(regs) => 4 * regs.len() as u32,
            Self::Half(..) => 2,
        }
    }
}

/// Splits an access into instructions: runs of adjacent words, and 16-bit values one by one.
fn pieces(at: Address, spread: u32, leaves: &[types::Leaf], nums: &[Num]) -> Vec<(Address, Piece)> {
    let mut pieces: Vec<(Address, Piece)> = Vec::new();
    let mut end = None;
    for (leaf, num) in leaves.iter().zip(nums) {
        let offset = at.offset + leaf.offset * spread;
        if leaf.kind.bytes() == 2 {
            pieces.push((Address { offset, ..at }, Piece::Half(leaf.kind, num.low)));
            end = None;
            continue;
        }
        for (word, reg) in (0..).zip(num.regs()) {
            let offset = offset + 4 * word;
            match pieces.last_mut() {
                Some((_, Piece::Words(regs))) if end == Some(offset) && regs.len() < MAX_WORDS => {
                    regs.push(reg);
                }
                _ => pieces.push((Address { offset, ..at }, Piece::Words(vec![reg]))),
            }
            end = Some(offset + 4);
        }
    }
    pieces
}
