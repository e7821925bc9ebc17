//! Emitting: registers are handed out, instructions put into runs and runs into blocks, and what is emitted
//! is counted. Knows no expressions.

use naga::Barrier;

use super::{Lower, Lowering, MAX_DEPTH};
use crate::{
    execute::{
        Access,
        cpu::{
            alu::Alu,
            program::{Address, Block, Given, Inst, Kind, Node, Num, Reg, Virtual},
        },
    },
    op::{Op, OpCounts, Scalar},
};

impl Lowering<'_> {
    pub(super) fn register(&mut self, variable: bool) -> Reg {
        self.virtuals.push(Virtual { variable, given: None });
        Reg(self.virtuals.len() as u32 - 1)
    }

    pub(super) fn given(&mut self, given: Given) -> Reg {
        if let Some(reg) = self.given.get(&given) {
            return *reg;
        }
        self.virtuals.push(Virtual { variable: false, given: Some(given) });
        let reg = Reg(self.virtuals.len() as u32 - 1);
        self.given.insert(given, reg);
        reg
    }

    pub(super) fn constant(&mut self, word: u32) -> Reg {
        self.given(Given::Constant(word))
    }

    pub(super) fn new_num(&mut self, kind: Kind, variable: bool) -> Num {
        let low = self.register(variable);
        let high = kind.wide().then(|| self.register(variable));
        Num { low, high }
    }

    pub(super) fn constant_num(&mut self, kind: Kind, bits: u64) -> Num {
        let low = self.constant(bits as u32);
        let high = kind.wide().then(|| self.constant((bits >> 32) as u32));
        Num { low, high }
    }

    pub(super) fn num(&self, low: Reg) -> Num {
        Num { low, high: None }
    }

    pub(super) fn emit(&mut self, inst: Inst) {
        self.instructions += 1;
        self.insts.push(inst);
    }

    /// Emits a 32-bit operation that is not counted by itself.
    pub(super) fn alu(&mut self, op: Alu, operands: &[Reg]) -> Reg {
        let to = self.register(false);
        self.alu_to(op, to, operands);
        to
    }

    pub(super) fn alu_to(&mut self, op: Alu, to: Reg, operands: &[Reg]) {
        let mut from = [operands[0]; 3];
        from[..operands.len()].copy_from_slice(operands);
        self.emit(Inst::Alu { op, to, from });
    }

    pub(super) fn copy(&mut self, to: Num, from: Num) {
        for (to, from) in to.regs().zip(from.regs()) {
            self.alu_to(Alu::Copy, to, &[from]);
        }
    }

    /// Emits an operation on scalars of one type; nothing is counted.
    pub(super) fn plain(&mut self, op: Alu, kind: Kind, operands: &[Num]) -> Num {
        if !kind.wide() || op == Alu::Select {
            let high = operands[0].high.map(|_| {
                let halves: Vec<_> = operands.iter().map(|num| num.pair()[1]).collect();
                self.alu(op, &halves)
            });
            let lows: Vec<_> = operands.iter().map(|num| num.low).collect();
            let low = self.alu(op, &lows);
            return Num { low: self.narrow(op, kind, low), high };
        }
        let to = self.new_num(if op.gives_u32() { Kind::U32 } else { kind }, false);
        let mut from = [operands[0].pair(); 3];
        for (slot, operand) in from.iter_mut().zip(operands) {
            *slot = operand.pair();
        }
        self.emit(Inst::Wide { op, to: to.pair(), from });
        to
    }

    /// Brings a result back to the 16 bits of its type.
    pub(super) fn narrow(&mut self, op: Alu, kind: Kind, value: Reg) -> Reg {
        match kind {
            _ if op.gives_u32() || matches!(op, Alu::Select | Alu::Copy) => value,
            Kind::F16 => self.alu(Alu::RoundHalf, &[value]),
            Kind::I16 => self.alu(Alu::SignExtendHalf, &[value]),
            Kind::U16 => {
                let low = self.constant(0xffff);
                self.alu(Alu::And, &[value, low])
            }
            Kind::F32 | Kind::F64 | Kind::I32 | Kind::I64 | Kind::U32 | Kind::U64 | Kind::Bool => {
                value
            }
        }
    }

    /// Emits an operation and counts it.
    pub(super) fn counted(&mut self, count: Op, op: Alu, kind: Kind, operands: &[Num]) -> Num {
        self.count(kind, count, 1);
        self.plain(op, kind, operands)
    }

    pub(super) fn count(&mut self, kind: Kind, op: Op, times: u64) {
        let scalar = match kind {
            Kind::F16 => Scalar::F16,
            Kind::F32 => Scalar::F32,
            Kind::F64 => Scalar::F64,
            Kind::I16 | Kind::I32 | Kind::I64 | Kind::U16 | Kind::U32 | Kind::U64 | Kind::Bool => {
                Scalar::Int
            }
        };
        self.cost.ops = self.cost.ops + OpCounts::of(scalar, op, times);
    }

    /// Reports an access to the race search.
    pub(super) fn watched(&mut self, at: Address, bytes: u32, access: Access) {
        self.seen(at, bytes, access, false);
    }

    /// The same, of an access of one lane or of a subgroup together.
    pub(super) fn seen(&mut self, at: Address, bytes: u32, access: Access, together: bool) {
        let Some(watch) = &mut self.watch else { return };
        watch.unit = watch.unit.min(bytes);
        watch.accesses.insert(access);
        self.released = Barrier::empty();
        if matches!(access, Access::Store | Access::AtomicUpdate) {
            watch.written.insert(at.memory);
        }
        self.emit(Inst::Watch { at, bytes, access, together });
    }

    /// A place to count accesses out of bounds of the statement being lowered.
    pub(super) fn site(&mut self) -> usize {
        if self.sites.last() != Some(&self.line) || self.sites.is_empty() {
            self.sites.push(self.line.clone());
        }
        self.sites.len() - 1
    }

    /// Ends a run of instructions.
    pub(super) fn flush(&mut self) {
        let insts = std::mem::take(&mut self.insts);
        let cost = std::mem::take(&mut self.cost);
        if !insts.is_empty() || !cost.is_zero() {
            self.block.push(Node::Run { insts, cost: Some(self.costs.len()) });
            self.costs.push(cost);
        }
    }

    pub(super) fn push(&mut self, node: Node) {
        self.flush();
        self.block.push(node);
    }

    /// Lowers something into a block of its own.
    pub(super) fn inside<T>(&mut self, f: impl FnOnce(&mut Self) -> Lower<T>) -> Lower<(Block, T)> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(format!(
                "more than {MAX_DEPTH} blocks within each other, called ones included"
            ));
        }
        self.flush();
        // Control flow parts here, and meets below.
        self.released = Barrier::empty();
        let outer = std::mem::take(&mut self.block);
        let result = f(self);
        self.released = Barrier::empty();
        self.depth -= 1;
        self.flush();
        let block = std::mem::replace(&mut self.block, outer);
        Ok((block, result?))
    }
}
