//! Conversions: of values to another type, and of bits to another reading.

use naga::{Expression, Handle, Scalar, ScalarKind};

use super::{Frame, Lower, Lowering, types};
use crate::{
    execute::cpu::{
        alu::Alu,
        program::{Inst, Kind, Num},
    },
    op::Op,
};

impl<'a> Lowering<'a> {
    pub(super) fn cast(
        &mut self,
        frame: &mut Frame<'a>,
        operand: Handle<Expression>,
        kind: ScalarKind,
        convert: Option<u8>,
    ) -> Lower<Vec<Num>> {
        let from = self.kind(frame, operand)?;
        let value = self.value(frame, operand)?;
        let Some(width) = convert else { return self.bitcast(from, kind, value) };
        let to = types::kind(Scalar { kind, width })?;
        if from == to {
            return Ok(value);
        }
        // A conversion is the business of the float that comes of it, else of the one that goes in.
        let counts_as = if to.float() { to } else { from };
        Ok(value
            .into_iter()
            .map(|num| {
                self.count(counts_as, Op::Convert, 1);
                self.converted(from, to, num)
            })
            .collect())
    }

    /// Another reading of the same bits. Only half-precision values are not held as their bits.
    fn bitcast(&mut self, from: Kind, kind: ScalarKind, value: Vec<Num>) -> Lower<Vec<Num>> {
        match (from, kind) {
            (Kind::F16, ScalarKind::Float) => Ok(value),
            (Kind::F16, _) => {
                let num = |low| Num { low, high: None };
                Ok(value.into_iter().map(|n| num(self.alu(Alu::ToHalfBits, &[n.low]))).collect())
            }
            (Kind::U16 | Kind::I16, ScalarKind::Float) => {
                let num = |low| Num { low, high: None };
                Ok(value.into_iter().map(|n| num(self.alu(Alu::FromHalfBits, &[n.low]))).collect())
            }
            (Kind::U16, ScalarKind::Sint) => {
                let num = |low| Num { low, high: None };
                Ok(value
                    .into_iter()
                    .map(|n| num(self.alu(Alu::SignExtendHalf, &[n.low])))
                    .collect())
            }
            (Kind::I16, ScalarKind::Uint) => {
                let low = self.constant(0xffff);
                let num = |low| Num { low, high: None };
                Ok(value.into_iter().map(|n| num(self.alu(Alu::And, &[n.low, low]))).collect())
            }
            _ => Ok(value),
        }
    }

    /// A scalar of another type with the same value, or the nearest.
    pub(super) fn converted(&mut self, from: Kind, to: Kind, num: Num) -> Num {
        if from.wide() || to.wide() {
            let result = self.new_num(to, false);
            let (to_pair, from_pair) = (result.pair(), num.pair());
            self.emit(Inst::Convert { kinds: [from, to], to: to_pair, from: from_pair });
            return result;
        }
        let (zero, one) = (self.constant(0), self.constant(1));
        let low = num.low;
        let to_int = |this: &mut Self, clamped: Option<(f32, f32)>, op: Alu| {
            let mut low = low;
            if let Some((least, most)) = clamped {
                let least = this.constant(least.to_bits());
                let most = this.constant(most.to_bits());
                low = this.alu(Alu::MaxF, &[low, least]);
                low = this.alu(Alu::MinF, &[low, most]);
            }
            this.alu(op, &[low])
        };
        let result = match (from, to) {
            (Kind::F16 | Kind::F32, Kind::F16) => self.alu(Alu::RoundHalf, &[low]),
            (Kind::F16 | Kind::F32, Kind::F32) => low,
            (Kind::F32, Kind::I32) => to_int(self, None, Alu::FToS),
            (Kind::F32, Kind::U32) => to_int(self, None, Alu::FToU),
            (Kind::F32, Kind::I16) => to_int(self, Some((-32768.0, 32767.0)), Alu::FToS),
            (Kind::F32, Kind::U16) => to_int(self, Some((0.0, 65535.0)), Alu::FToU),
            // The last integers that are halves, too.
            (Kind::F16, Kind::I32) => to_int(self, Some((-65504.0, 65504.0)), Alu::FToS),
            (Kind::F16, Kind::I16) => to_int(self, Some((-32768.0, 32752.0)), Alu::FToS),
            (Kind::F16, Kind::U16 | Kind::U32) => to_int(self, Some((0.0, 65504.0)), Alu::FToU),
            (Kind::F16 | Kind::F32, Kind::Bool) => self.alu(Alu::NeF, &[low, zero]),
            (Kind::I16 | Kind::I32, Kind::F16 | Kind::F32) => {
                let value = self.alu(Alu::SToF, &[low]);
                self.narrow(Alu::SToF, to, value)
            }
            (Kind::U16 | Kind::U32, Kind::F16 | Kind::F32) => {
                let value = self.alu(Alu::UToF, &[low]);
                self.narrow(Alu::UToF, to, value)
            }
            (Kind::Bool, Kind::F16 | Kind::F32) => {
                let bit = self.alu(Alu::And, &[low, one]);
                self.alu(Alu::UToF, &[bit])
            }
            (Kind::Bool, _) => self.alu(Alu::And, &[low, one]),
            (_, Kind::Bool) => self.alu(Alu::Ne, &[low, zero]),
            (_, Kind::I16 | Kind::U16) => self.narrow(Alu::AddI, to, low),
            _ => low,
        };
        self.num(result)
    }
}
