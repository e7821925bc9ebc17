//! Subgroup operations, component by component.

use naga::{CollectiveOperation, Direction, Expression, GatherMode, Handle, SubgroupOperation};

use super::{Frame, Lower, Lowered, Lowering};
use crate::{
    execute::cpu::{
        alu::Alu,
        program::{Inst, Kind, Num, Reg, Subgroup},
    },
    op::Op,
};

impl<'a> Lowering<'a> {
    pub(super) fn ballot(
        &mut self,
        frame: &mut Frame<'a>,
        result: Handle<Expression>,
        predicate: Option<Handle<Expression>>,
    ) -> Lower<()> {
        let predicate = match predicate {
            Some(predicate) => self.scalar(frame, predicate)?,
            None => self.constant(u32::MAX),
        };
        self.count(Kind::U32, Op::Bit, 1);
        let to = [(); 4].map(|()| self.register(false));
        let zero = self.constant(0);
        self.emit(Inst::Subgroup {
            op: Subgroup::Ballot,
            wide: false,
            to,
            from: [predicate; 2],
            index: [zero; 2],
        });
        let value = to.map(|low| Num { low, high: None }).to_vec();
        frame.expressions.insert(result, Lowered::Value(value));
        Ok(())
    }

    pub(super) fn gather(
        &mut self,
        frame: &mut Frame<'a>,
        mode: GatherMode,
        argument: Handle<Expression>,
        result: Handle<Expression>,
    ) -> Lower<()> {
        let value = self.value(frame, argument)?;
        let (op, index) = match mode {
            GatherMode::BroadcastFirst => (Subgroup::First, self.constant(0)),
            GatherMode::Broadcast(index) | GatherMode::Shuffle(index) => {
                (Subgroup::Lane, self.scalar(frame, index)?)
            }
            GatherMode::ShuffleDown(delta) => (Subgroup::Down, self.scalar(frame, delta)?),
            GatherMode::ShuffleUp(delta) => (Subgroup::Up, self.scalar(frame, delta)?),
            GatherMode::ShuffleXor(mask) => (Subgroup::Xor, self.scalar(frame, mask)?),
            GatherMode::QuadBroadcast(index) => (Subgroup::Quad, self.scalar(frame, index)?),
            GatherMode::QuadSwap(direction) => {
                let mask = match direction {
                    Direction::X => 1,
                    Direction::Y => 2,
                    Direction::Diagonal => 3,
                };
                (Subgroup::Xor, self.constant(mask))
            }
        };
        self.moved(frame, op, &value, [index; 2], result);
        Ok(())
    }

    pub(super) fn collective(
        &mut self,
        frame: &mut Frame<'a>,
        op: SubgroupOperation,
        collective: CollectiveOperation,
        argument: Handle<Expression>,
        result: Handle<Expression>,
    ) -> Lower<()> {
        let kind = self.kind(frame, argument)?;
        let value = self.value(frame, argument)?;
        let one: u64 = match kind {
            Kind::F64 => 1_f64.to_bits(),
            Kind::F16 | Kind::F32 => 1_f32.to_bits().into(),
            _ => 1,
        };
        // Each with what changes nothing: bits of the widest; narrower types take the low ones.
        let (least, most): (u64, u64) = match kind {
            Kind::F64 => (f64::NEG_INFINITY.to_bits(), f64::INFINITY.to_bits()),
            Kind::F16 | Kind::F32 => {
                (f32::NEG_INFINITY.to_bits().into(), f32::INFINITY.to_bits().into())
            }
            Kind::I64 => (i64::MIN as u64, i64::MAX as u64),
            Kind::I32 | Kind::I16 => (i32::MIN as u32 as u64, i32::MAX as u32 as u64),
            Kind::U64 | Kind::U32 | Kind::U16 | Kind::Bool => (0, u64::MAX),
        };
        let by_kind = |f: Alu, s: Alu, u: Alu| match (kind.float(), kind.signed()) {
            (true, _) => f,
            (false, true) => s,
            (false, false) => u,
        };
        let (count, alu, neutral) = match op {
            SubgroupOperation::All | SubgroupOperation::And => (Op::Bit, Alu::And, u64::MAX),
            SubgroupOperation::Any | SubgroupOperation::Or => (Op::Bit, Alu::Or, 0),
            SubgroupOperation::Xor => (Op::Bit, Alu::Xor, 0),
            SubgroupOperation::Add => (Op::Add, by_kind(Alu::AddF, Alu::AddI, Alu::AddI), 0),
            SubgroupOperation::Mul => (Op::Mul, by_kind(Alu::MulF, Alu::MulI, Alu::MulI), one),
            SubgroupOperation::Min => (Op::MinMax, by_kind(Alu::MinF, Alu::MinS, Alu::MinU), most),
            SubgroupOperation::Max => (Op::MinMax, by_kind(Alu::MaxF, Alu::MaxS, Alu::MaxU), least),
        };
        let how = match collective {
            CollectiveOperation::Reduce => Subgroup::Reduce(alu),
            CollectiveOperation::InclusiveScan => Subgroup::Inclusive(alu),
            CollectiveOperation::ExclusiveScan => Subgroup::Exclusive(alu),
        };
        self.count(kind, count, value.len() as u64);
        let neutral = self.constant_num(kind, neutral).pair();
        self.moved(frame, how, &value, neutral, result);
        Ok(())
    }

    fn moved(
        &mut self,
        frame: &mut Frame<'a>,
        op: Subgroup,
        value: &[Num],
        index: [Reg; 2],
        result: Handle<Expression>,
    ) {
        let mut moved = Vec::new();
        for num in value {
            let low = self.register(false);
            let high = num.high.map(|_| self.register(false));
            let to = Num { low, high };
            let [a, b] = to.pair();
            self.emit(Inst::Subgroup {
                op,
                wide: num.high.is_some(),
                to: [a, b, a, a],
                from: num.pair(),
                index,
            });
            moved.push(to);
        }
        frame.expressions.insert(result, Lowered::Value(moved));
    }
}
