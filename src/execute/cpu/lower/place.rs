//! Places: what pointers point to, and the loads and stores through them. A variable lives in registers
//! where all its indices are known, else in memory that each lane has for itself; buffers and workgroup
//! memory are addressed in bytes. Traffic is counted here.

use naga::{AddressSpace, ArraySize, Expression, GlobalVariable, Handle, TypeInner};

use super::{Frame, Lower, Lowered, Lowering, types};
use crate::execute::{
    Access,
    cpu::{
        alu::Alu,
        program::{Address, Bound, Inst, Kind, Memory, Num, Reg, Variable},
    },
};

/// Words that one instruction moves.
const MAX_WORDS: usize = 4;

/// What a pointer points to.
#[derive(Clone)]
pub(super) enum Place {
    /// A variable, or a part of one, in registers.
    Registers(Vec<Num>),
    /// A variable in each lane's own memory, from a word on; an index adds more.
    Lane { base: u32, index: Option<Sum>, size: u32 },
    /// Memory that invocations share, from a byte on.
    Memory { memory: usize, offset: u32, index: Index },
}

/// A sum of indices times strides, and whether all of them were within bounds.
#[derive(Clone, Copy)]
pub(super) struct Sum {
    value: Reg,
    valid: Reg,
}

/// The computed part of an address.
#[derive(Clone, Copy)]
pub(super) enum Index {
    None,
    One { index: Reg, stride: u32, bound: Bound },
    Sum(Sum),
}

/// In which direction memory is accessed.
#[derive(Clone, Copy)]
pub(super) enum Direction {
    Load,
    Store,
}

impl<'a> Lowering<'a> {
    /// Finds a place for a module-scope variable.
    pub(super) fn global(
        &mut self,
        handle: Handle<GlobalVariable>,
        variable: &GlobalVariable,
    ) -> Lower<Place> {
        let inner = &self.module.types[variable.ty].inner;
        let memory = match variable.space {
            AddressSpace::Private => {
                let init = match variable.init {
                    Some(init) => Some(self.constant_value(init)?),
                    None => None,
                };
                return self.variable(variable.ty, self.indexed.globals.contains(&handle), init);
            }
            AddressSpace::WorkGroup => {
                let offset = self.workgroup_bytes;
                let bytes = types::bytes(self.module, inner)?;
                self.workgroup_bytes = u32::try_from(u64::from(offset) + bytes)
                    .map_err(|_| "more workgroup memory than 4 GiB")?
                    .next_multiple_of(16);
                let memory = self.memory(Memory::WorkGroup);
                self.named(variable, memory, offset);
                return Ok(Place::Memory { memory, offset, index: Index::None });
            }
            AddressSpace::Uniform | AddressSpace::Storage { .. } => {
                if matches!(inner, TypeInner::BindingArray { .. }) {
                    return Err("an array of bindings".into());
                }
                let at = variable.binding.ok_or("a buffer without a binding")?;
                Memory::Buffer { group: at.group, binding: at.binding }
            }
            AddressSpace::Handle => {
                return Err(types::leaves(self.module, inner).err().unwrap_or_default());
            }
            AddressSpace::Function
            | AddressSpace::Immediate
            | AddressSpace::TaskPayload
            | AddressSpace::RayPayload
            | AddressSpace::IncomingRayPayload => {
                return Err(format!("a variable in the address space {:?}", variable.space));
            }
        };
        let memory = self.memory(memory);
        self.named(variable, memory, 0);
        Ok(Place::Memory { memory, offset: 0, index: Index::None })
    }

    fn named(&mut self, variable: &GlobalVariable, memory: usize, offset: u32) {
        let name = variable.name.clone().unwrap_or_default();
        self.variables.push(Variable { name, memory, offset });
    }

    fn memory(&mut self, memory: Memory) -> usize {
        self.memories.iter().position(|known| *known == memory).unwrap_or_else(|| {
            self.memories.push(memory);
            self.memories.len() - 1
        })
    }

    /// Finds a place for a variable of each lane's own, and gives it its first value.
    pub(super) fn variable(
        &mut self,
        ty: Handle<naga::Type>,
        indexed: bool,
        init: Option<Vec<Num>>,
    ) -> Lower<Place> {
        let inner = &self.module.types[ty].inner;
        let kinds = types::kinds(self.module, inner)?;
        let init: Vec<Num> = match init {
            Some(init) => init,
            None => kinds.iter().map(|kind| self.constant_num(*kind, 0)).collect(),
        };
        if !indexed {
            let nums: Vec<_> = kinds.iter().map(|kind| self.new_num(*kind, true)).collect();
            for (num, init) in nums.iter().zip(init) {
                self.inits.extend(num.regs().zip(init.regs()));
            }
            return Ok(Place::Registers(nums));
        }
        let (base, size) = (self.lane_words, types::words(self.module, inner)?);
        self.lane_words += size;
        let place = Place::Lane { base, index: None, size };
        self.store_value(&place, inner, &init)?;
        Ok(place)
    }

    /// The place that a pointer expression names, and the type of what is there.
    pub(super) fn place(
        &mut self,
        frame: &mut Frame<'a>,
        pointer: Handle<Expression>,
    ) -> Lower<(Place, TypeInner)> {
        let inner = self.pointee(frame, pointer)?;
        match self.lowered(frame, pointer)? {
            Lowered::Place(place) => Ok((place, inner)),
            Lowered::Value(_) => Err("a pointer that is none".into()),
        }
    }

    /// The type of what a pointer points to.
    pub(super) fn pointee(
        &self,
        frame: &Frame<'a>,
        pointer: Handle<Expression>,
    ) -> Lower<TypeInner> {
        match *frame.info[pointer].ty.inner_with(&self.module.types) {
            TypeInner::Pointer { base, .. } => Ok(self.module.types[base].inner.clone()),
            TypeInner::ValuePointer { size: Some(size), scalar, .. } => {
                Ok(TypeInner::Vector { size, scalar })
            }
            TypeInner::ValuePointer { size: None, scalar, .. } => Ok(TypeInner::Scalar(scalar)),
            ref other => Err(format!("a pointer of type {other:?}")),
        }
    }

    /// The part of a place with a known index.
    pub(super) fn part(&mut self, place: Place, inner: &TypeInner, index: u32) -> Lower<Place> {
        if let Place::Memory { memory, offset, index: sum } = place {
            // A runtime-sized array ends nowhere that is known here.
            if matches!(inner, TypeInner::Array { size: ArraySize::Dynamic, .. }) {
                let index = self.constant(index);
                return self.indexed(Place::Memory { memory, offset, index: sum }, inner, index);
            }
            let part = types::part(self.module, inner, index);
            let bytes = match (part, inner) {
                (Ok(part), _) => part.bytes,
                // The last member of a buffer may have no size.
                (Err(_), TypeInner::Struct { members, .. }) => members[index as usize].offset,
                (Err(problem), _) => return Err(problem),
            };
            return Ok(Place::Memory { memory, offset: offset + bytes, index: sum });
        }
        let part = types::part(self.module, inner, index)?;
        Ok(match place {
            Place::Registers(nums) => {
                let element = types::element(self.module, inner, index)?;
                let count = types::leaves(self.module, &element)?.len();
                let range = part.scalars..part.scalars + count;
                Place::Registers(nums.get(range).ok_or("an index out of bounds")?.to_vec())
            }
            Place::Lane { base, index, size } => {
                Place::Lane { base: base + part.words, index, size: size - part.words }
            }
            memory @ Place::Memory { .. } => memory,
        })
    }

    /// The part of a place with a computed index.
    pub(super) fn indexed(&mut self, place: Place, inner: &TypeInner, index: Reg) -> Lower<Place> {
        match place {
            Place::Registers(_) => Err("a computed index into a variable in registers".into()),
            Place::Lane { base, index: sum, size } => {
                let stride = types::stride(self.module, inner)?.words;
                let count = types::count(self.module, inner)?.ok_or("a variable without a size")?;
                let count = self.constant(count);
                let sum = self.sum(sum, index, stride, count);
                Ok(Place::Lane { base, index: Some(sum), size })
            }
            Place::Memory { memory, offset, index: before } => {
                let stride = match inner {
                    TypeInner::Array { stride, .. } => *stride,
                    other => types::stride(self.module, other)?.bytes,
                };
                let bound = match types::count(self.module, inner)? {
                    Some(count) => Bound::Known(count),
                    None => Bound::Runtime { memory, offset, stride },
                };
                let before = match before {
                    Index::None => {
                        let index = Index::One { index, stride, bound };
                        return Ok(Place::Memory { memory, offset, index });
                    }
                    Index::One { index, stride, bound } => {
                        let length = self.length(bound);
                        self.sum(None, index, stride, length)
                    }
                    Index::Sum(sum) => sum,
                };
                let length = self.length(bound);
                let sum = self.sum(Some(before), index, stride, length);
                Ok(Place::Memory { memory, offset, index: Index::Sum(sum) })
            }
        }
    }

    pub(super) fn length(&mut self, bound: Bound) -> Reg {
        match bound {
            Bound::Known(count) => self.constant(count),
            Bound::Runtime { .. } => {
                let to = self.register(false);
                self.emit(Inst::Length { to, bound });
                to
            }
        }
    }

    fn sum(&mut self, before: Option<Sum>, index: Reg, stride: u32, length: Reg) -> Sum {
        let stride = self.constant(stride);
        let value = self.alu(Alu::MulI, &[index, stride]);
        let valid = self.alu(Alu::LtU, &[index, length]);
        match before {
            None => Sum { value, valid },
            Some(before) => Sum {
                value: self.alu(Alu::AddI, &[before.value, value]),
                valid: self.alu(Alu::And, &[before.valid, valid]),
            },
        }
    }

    /// One index for a sum: out of every bound where it was invalid.
    fn whole(&mut self, Sum { value, valid }: Sum) -> Reg {
        let nowhere = self.constant(u32::MAX);
        self.alu(Alu::Select, &[nowhere, value, valid])
    }

    /// The address of a place in memory.
    pub(super) fn address(&mut self, memory: usize, offset: u32, index: Index) -> Address {
        let site = self.site();
        let (index, stride, bound) = match index {
            Index::None => (self.constant(0), 0, Bound::Known(1)),
            Index::One { index, stride, bound } => (index, stride, bound),
            Index::Sum(sum) => (self.whole(sum), 1, Bound::Known(u32::MAX)),
        };
        Address { memory, offset, index, stride, bound, site }
    }

    /// Loads what a pointer points to.
    pub(super) fn load(
        &mut self,
        frame: &mut Frame<'a>,
        pointer: Handle<Expression>,
    ) -> Lower<Vec<Num>> {
        let (place, inner) = self.place(frame, pointer)?;
        self.touched(frame, pointer, &inner, Direction::Load)?;
        self.load_value(&place, &inner)
    }

    /// Counts the traffic of an access.
    pub(super) fn touched(
        &mut self,
        frame: &Frame<'a>,
        pointer: Handle<Expression>,
        inner: &TypeInner,
        direction: Direction,
    ) -> Lower<()> {
        let space = frame.info[pointer].ty.inner_with(&self.module.types).pointer_space();
        let traffic = &mut self.cost.traffic;
        if matches!(inner, TypeInner::Atomic(_)) {
            traffic.atomics += 1;
            return Ok(());
        }
        let bytes = types::bytes(self.module, inner)?;
        match (space, direction) {
            (Some(AddressSpace::Storage { .. }), Direction::Load) => traffic.storage_load += bytes,
            (Some(AddressSpace::Storage { .. }), Direction::Store) => {
                traffic.storage_store += bytes;
            }
            (Some(AddressSpace::WorkGroup), Direction::Load) => traffic.workgroup_load += bytes,
            (Some(AddressSpace::WorkGroup), Direction::Store) => traffic.workgroup_store += bytes,
            (Some(AddressSpace::Uniform), Direction::Load) => traffic.uniform_load += bytes,
            (Some(AddressSpace::Function | AddressSpace::Private), _) => {}
            (other, _) => return Err(format!("an access to the address space {other:?}")),
        }
        Ok(())
    }

    pub(super) fn load_value(&mut self, place: &Place, inner: &TypeInner) -> Lower<Vec<Num>> {
        let leaves = types::leaves(self.module, inner)?;
        let nums: Vec<Num> = leaves.iter().map(|leaf| self.new_num(leaf.kind, false)).collect();
        match place {
            Place::Registers(from) => {
                for (to, from) in nums.iter().zip(from) {
                    self.copy(*to, *from);
                }
            }
            Place::Lane { base, index, size } => {
                let index = self.lane_index(*index);
                let regs = nums.iter().flat_map(|num| num.regs());
                for (word, to) in (0..).zip(regs.collect::<Vec<_>>()) {
                    let (base, bound, site) = (base + word, size - word, self.site());
                    self.emit(Inst::LaneLoad { base, index, bound, to, site });
                }
            }
            Place::Memory { memory, offset, index } => {
                let at = self.address(*memory, *offset, *index);
                for (at, piece) in pieces(at, &leaves, &nums) {
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
        place: &Place,
        inner: &TypeInner,
        value: &[Num],
    ) -> Lower<()> {
        match place {
            Place::Registers(to) => {
                for (to, from) in to.iter().zip(value) {
                    self.copy(*to, *from);
                }
            }
            Place::Lane { base, index, size } => {
                let index = self.lane_index(*index);
                for (word, from) in (0..).zip(value.iter().flat_map(|num| num.regs())) {
                    let (base, bound, site) = (base + word, size - word, self.site());
                    self.emit(Inst::LaneStore { base, index, bound, from, site });
                }
            }
            Place::Memory { memory, offset, index } => {
                let leaves = types::leaves(self.module, inner)?;
                let at = self.address(*memory, *offset, *index);
                for (at, piece) in pieces(at, &leaves, value) {
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
fn pieces(at: Address, leaves: &[types::Leaf], nums: &[Num]) -> Vec<(Address, Piece)> {
    let mut pieces: Vec<(Address, Piece)> = Vec::new();
    let mut end = None;
    for (leaf, num) in leaves.iter().zip(nums) {
        let offset = at.offset + leaf.offset;
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
