//! Places: what pointers point to. A variable lives in registers where all its indices are known, else in
//! memory that each lane has for itself; buffers and workgroup memory are addressed in bytes. What is
//! loaded and stored there is not known here.

use naga::{AddressSpace, ArraySize, Expression, GlobalVariable, Handle, TypeInner};

use super::{Frame, Index, Lower, Lowered, Lowering, Pointee, Sum, types};
use crate::execute::cpu::{
    alu::Alu,
    program::{ARE_STRAYS_TOLD, Address, Inst, Limit, Memory, Num, Reg, Variable},
};

impl<'a> Lowering<'a> {
    /// Finds a place for a module-scope variable.
    pub(super) fn global(
        &mut self,
        handle: Handle<GlobalVariable>,
        variable: &GlobalVariable,
    ) -> Lower<Pointee> {
        let inner = &self.module.types[variable.ty].inner;
        if variable.space != AddressSpace::Private && types::has_matrix(self.module, inner) {
            return Err("a cooperative matrix in memory that invocations share".into());
        }
        let memory = match variable.space {
            AddressSpace::Private => {
                let init = match variable.init {
                    Some(init) => Some(self.constant_value(init)?),
                    None => None,
                };
                let name = variable.name.as_deref();
                let indexed = self.indexed.globals.contains(&handle);
                return self.variable(name, variable.ty, indexed, init);
            }
            AddressSpace::WorkGroup => {
                let offset = self.workgroup_bytes;
                let bytes = types::bytes(self.types(), inner)?;
                let end = u64::from(offset) + bytes;
                u32::try_from(end * u64::from(self.spread))
                    .map_err(|_| "more workgroup memory than 4 GiB")?;
                self.workgroup_bytes = (end as u32).next_multiple_of(16);
                let memory = self.memory(Memory::WorkGroup);
                self.named(variable, memory, offset);
                return Ok(Pointee::Memory { memory, offset, index: Index::None });
            }
            AddressSpace::Uniform | AddressSpace::Storage { .. } => {
                if matches!(inner, TypeInner::BindingArray { .. }) {
                    return Err("an array of bindings".into());
                }
                let at = variable.binding.ok_or("a buffer without a binding")?;
                Memory::Buffer { group: at.group, binding: at.binding }
            }
            #[cfg(feature = "textures")]
            AddressSpace::Handle => return self.handle(variable, inner),
            #[cfg(not(feature = "textures"))]
            AddressSpace::Handle => {
                return Err(types::leaves(self.types(), inner).err().unwrap_or_default());
            }
            AddressSpace::Immediate => Memory::Immediate,
            AddressSpace::Function
            | AddressSpace::TaskPayload
            | AddressSpace::RayPayload
            | AddressSpace::IncomingRayPayload => {
                return Err(format!("a variable in the address space {:?}", variable.space));
            }
        };
        let memory = self.memory(memory);
        self.named(variable, memory, 0);
        Ok(Pointee::Memory { memory, offset: 0, index: Index::None })
    }

    pub(super) fn named(&mut self, variable: &GlobalVariable, memory: usize, offset: u32) {
        let name = variable.name.clone().unwrap_or_default();
        let offset = offset * self.spread(memory);
        self.variables.push(Variable { name, memory: Some(memory), offset });
    }

    pub(super) fn memory(&mut self, memory: Memory) -> usize {
        self.memories.iter().position(|known| *known == memory).unwrap_or_else(|| {
            self.memories.push(memory);
            self.memories.len() - 1
        })
    }

    /// Finds a place for a variable of each lane's own, and gives it its first value.
    pub(super) fn variable(
        &mut self,
        name: Option<&str>,
        ty: Handle<naga::Type>,
        indexed: bool,
        init: Option<Vec<Num>>,
    ) -> Lower<Pointee> {
        let inner = &self.module.types[ty].inner;
        let kinds = types::kinds(self.types(), inner)?;
        let init: Vec<Num> = match init {
            Some(init) => init,
            None => kinds.iter().map(|kind| self.constant_num(*kind, 0)).collect(),
        };
        if !indexed {
            let nums: Vec<_> = kinds.iter().map(|kind| self.new_num(*kind, true)).collect();
            for (num, init) in nums.iter().zip(init) {
                self.inits.extend(num.regs().zip(init.regs()));
            }
            return Ok(Pointee::Registers(nums));
        }
        let size = types::words(self.types(), inner)?;
        let base = self.own_words(name, size);
        let place = Pointee::Lane { base, index: None, size };
        self.store_value(&place, inner, &init)?;
        Ok(place)
    }

    /// Words of each lane's own memory, for what has a name. Returns where they begin.
    pub(super) fn own_words(&mut self, name: Option<&str>, words: u32) -> u32 {
        let base = self.lane_words;
        self.lane_words += words;
        if ARE_STRAYS_TOLD {
            let name = name.unwrap_or_default().to_owned();
            self.variables.push(Variable { name, memory: None, offset: base });
        }
        base
    }

    /// The place that a pointer expression names, and the type of what is there.
    pub(super) fn place(
        &mut self,
        frame: &mut Frame<'a>,
        pointer: Handle<Expression>,
    ) -> Lower<(Pointee, TypeInner)> {
        let inner = self.pointee(frame, pointer)?;
        match self.lowered(frame, pointer)? {
            Lowered::Pointee(place) => Ok((place, inner)),
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
    pub(super) fn part(&mut self, place: Pointee, inner: &TypeInner, index: u32) -> Lower<Pointee> {
        if let Pointee::Memory { memory, offset, index: sum } = place {
            // A runtime-sized array ends nowhere that is known here.
            if matches!(inner, TypeInner::Array { size: ArraySize::Dynamic, .. }) {
                let index = self.constant(index);
                return self.indexed(Pointee::Memory { memory, offset, index: sum }, inner, index);
            }
            let part = types::part(self.types(), inner, index);
            let bytes = match (part, inner) {
                (Ok(part), _) => part.bytes,
                // The last member of a buffer may have no size.
                (Err(_), TypeInner::Struct { members, .. }) => members[index as usize].offset,
                (Err(problem), _) => return Err(problem),
            };
            return Ok(Pointee::Memory { memory, offset: offset + bytes, index: sum });
        }
        let part = types::part(self.types(), inner, index)?;
        Ok(match place {
            Pointee::Registers(nums) => {
                let element = types::element(self.types(), inner, index)?;
                let count = types::leaves(self.types(), &element)?.len();
                let range = part.scalars..part.scalars + count;
                Pointee::Registers(nums.get(range).ok_or("an index out of bounds")?.to_vec())
            }
            Pointee::Lane { base, index, size } => {
                Pointee::Lane { base: base + part.words, index, size: size - part.words }
            }
            memory @ Pointee::Memory { .. } => memory,
        })
    }

    /// The part of a place with a computed index.
    pub(super) fn indexed(
        &mut self,
        place: Pointee,
        inner: &TypeInner,
        index: Reg,
    ) -> Lower<Pointee> {
        match place {
            Pointee::Registers(_) => Err("a computed index into a variable in registers".into()),
            Pointee::Lane { base, index: sum, size } => {
                let stride = types::stride(self.types(), inner)?.words;
                let count =
                    types::count(self.types(), inner)?.ok_or("a variable without a size")?;
                let count = self.constant(count);
                let sum = self.sum(sum, index, stride, count);
                Ok(Pointee::Lane { base, index: Some(sum), size })
            }
            Pointee::Memory { memory, offset, index: before } => {
                let stride = match inner {
                    TypeInner::Array { stride, .. } => *stride,
                    other => types::stride(self.types(), other)?.bytes,
                };
                let bound = match types::count(self.types(), inner)? {
                    Some(count) => Limit::Known(count),
                    None => Limit::Runtime { memory, offset, stride },
                };
                let before = match before {
                    Index::None => {
                        let index = Index::One { index, stride, bound };
                        return Ok(Pointee::Memory { memory, offset, index });
                    }
                    Index::One { index, stride, bound } => {
                        let length = self.length(bound);
                        self.sum(None, index, stride, length)
                    }
                    Index::Sum(sum) => sum,
                };
                let length = self.length(bound);
                let sum = self.sum(Some(before), index, stride, length);
                Ok(Pointee::Memory { memory, offset, index: Index::Sum(sum) })
            }
        }
    }

    pub(super) fn length(&mut self, bound: Limit) -> Reg {
        match bound {
            Limit::Known(count) => self.constant(count),
            Limit::Runtime { .. } => {
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
    pub(super) fn whole(&mut self, Sum { value, valid }: Sum) -> Reg {
        let nowhere = self.constant(u32::MAX);
        self.alu(Alu::Select, &[nowhere, value, valid])
    }

    /// The address of a place in memory.
    pub(super) fn address(&mut self, memory: usize, offset: u32, index: Index) -> Address {
        let (site, spread) = (self.site(), self.spread(memory));
        let (index, stride, bound) = match index {
            Index::None => (self.constant(0), 0, Limit::Known(1)),
            Index::One { index, stride, bound } => (index, stride, bound),
            Index::Sum(sum) => (self.whole(sum), 1, Limit::Known(u32::MAX)),
        };
        let [offset, stride] = [offset, stride].map(|bytes| bytes * spread);
        Address { memory, offset, index, stride, bound, site, texel: None }
    }

    /// How many bytes of a memory there are for each of those that naga has.
    pub(super) fn spread(&self, memory: usize) -> u32 {
        if self.memories[memory] == Memory::WorkGroup { self.spread } else { 1 }
    }
}
