//! What each SPIR-V instruction costs, by the vocabulary of [`crate::op`]. An instruction that is not listed here
//! is refused by name and never costs zero. Nothing here knows how often anything executes.
//!
//! Prices are those of the naga rewriter. What SPIR-V has beside it:
//! - Names, places, moves, phis and control cost nothing, nor do instructions of non-semantic sets.
//! - Integer dot products are a multiplication per pair and the additions between them, in `int`, and one more
//!   addition where they accumulate. An addition with carry or borrow is one addition, a product of two words
//!   one multiplication. Dot products of small floats that accumulate multiply in the precision of the vectors and
//!   add, once for each product, in that of the sum.
//! - An operation on a cooperative matrix costs what it does to all the elements of the matrix, and
//!   [`SpirvPricer::together`] invocations pay for it once.

mod applied;
mod cooperative;
mod glsl;
mod image;
mod rays;

use rspirv::spirv::Op as Instr;

use super::{
    memory::{Direction, access},
    module::{Module, Type},
    words::{Id, Instruction},
};
use crate::{
    composition::{Priced, Shape, dot, dots, ops, quantize, traffic},
    op::{Op, Price, Scalar, Traffic},
};

/// Prices the instructions of a module.
pub(super) struct SpirvPricer<'a> {
    pub(super) module: &'a Module<'a>,
    /// Invocations of a whole subgroup, where that is known.
    pub(super) subgroup: Option<u32>,
    /// Invocations of a workgroup.
    pub(super) workgroup: u64,
}

impl SpirvPricer<'_> {
    fn of(&self, value: Id) -> Result<Shape, String> {
        self.module.shape(self.module.value_type(value)?)
    }

    /// What executing an instruction costs: not what a function that it calls does.
    pub(super) fn price(&self, instruction: Instruction<'_>) -> Priced {
        let operands = instruction.operands();
        let refused = || Err(format!("{} has no price", instruction.name()));
        let Some(op) = instruction.op() else {
            return match (instruction.newer, operands) {
                (Some(_), &[one, _, sum, ..]) => self.mixed_dot(one, sum),
                _ => refused(),
            };
        };
        if is_free(op) {
            return Ok(Price::default());
        }
        if let Some(price) = rays::price(op) {
            return Ok(price);
        }
        let result_type = instruction.result_type().unwrap_or(0);
        let matrix = self.cooperative(instruction).is_some();
        let each = |kind: Op| Ok(self.module.shape(result_type)?.each(kind, 1));
        let each_of = |value: usize, kind: Op| Ok(self.of(operands[value])?.each(kind, 1));
        match op {
            Instr::ImageFetch
            | Instr::ImageRead
            | Instr::ImageWrite
            | Instr::ImageSampleImplicitLod
            | Instr::ImageSampleExplicitLod
            | Instr::ImageSampleDrefImplicitLod
            | Instr::ImageSampleDrefExplicitLod
            | Instr::ImageSampleProjImplicitLod
            | Instr::ImageSampleProjExplicitLod
            | Instr::ImageSampleProjDrefImplicitLod
            | Instr::ImageSampleProjDrefExplicitLod
            | Instr::ImageGather
            | Instr::ImageDrefGather => self.of_image(op, instruction),
            Instr::SampledImage
            | Instr::Image
            | Instr::ImageQuerySize
            | Instr::ImageQuerySizeLod
            | Instr::ImageQueryLevels
            | Instr::ImageQuerySamples => Ok(Price::default()),
            Instr::ExtInst => self.extended(instruction),
            Instr::Load if !matrix => access(self.module, operands[0], Direction::Load),
            Instr::Store if !matrix => access(self.module, operands[0], Direction::Store),
            // Where each invocation keeps its part.
            Instr::Load | Instr::Store => Ok(Price::default()),
            Instr::CopyMemory => Ok(access(self.module, operands[0], Direction::Store)?
                + access(self.module, operands[1], Direction::Load)?),
            Instr::CooperativeMatrixLoadKHR
            | Instr::CooperativeMatrixStoreKHR
            | Instr::CooperativeMatrixMulAddKHR
            | Instr::CooperativeMatrixLoadTensorNV
            | Instr::CooperativeMatrixStoreTensorNV
            | Instr::CooperativeMatrixConvertNV
            | Instr::CooperativeMatrixPerElementOpNV
            | Instr::CooperativeMatrixReduceNV => self.of_matrices(op, instruction),
            Instr::ConvertFToU
            | Instr::ConvertFToS
            | Instr::ConvertSToF
            | Instr::ConvertUToF
            | Instr::UConvert
            | Instr::SConvert
            | Instr::FConvert
            | Instr::SatConvertSToU
            | Instr::SatConvertUToS => self.conversion(operands[0], result_type),
            Instr::QuantizeToF16 => Ok(quantize(self.of(operands[0])?)),
            Instr::SNegate | Instr::FNegate => each(Op::Neg),
            Instr::IAdd | Instr::FAdd | Instr::ISub | Instr::FSub => each(Op::Add),
            Instr::IMul
            | Instr::FMul
            | Instr::VectorTimesScalar
            | Instr::MatrixTimesScalar
            | Instr::OuterProduct => each(Op::Mul),
            Instr::UDiv | Instr::SDiv | Instr::FDiv => each(Op::Div),
            Instr::UMod | Instr::SRem | Instr::SMod | Instr::FRem => each(Op::Rem),
            // GLSL's mod(), x - y floor(x / y), as it is priced in GLSL that no compiler has read before.
            Instr::FMod => {
                let Shape { scalar, count } = self.module.shape(result_type)?;
                let parts = [Op::Div, Op::Round, Op::Mul, Op::Add];
                Ok(ops(scalar, &parts.map(|op| (op, count))))
            }
            Instr::VectorTimesMatrix | Instr::MatrixTimesVector => {
                let at = usize::from(op == Instr::VectorTimesMatrix);
                let factors = self.of(operands[at])?;
                let outputs = self.module.shape(result_type)?.count;
                Ok(dots(factors.scalar, outputs, factors.count / outputs))
            }
            Instr::MatrixTimesMatrix => {
                let Type::Matrix { columns, .. } =
                    *self.module.ty(self.module.value_type(operands[0])?)?
                else {
                    return Err("a product of matrices without one".into());
                };
                let result = self.module.shape(result_type)?;
                Ok(dots(result.scalar, result.count, columns.into()))
            }
            Instr::FmaKHR => each(Op::Fma),
            Instr::Dot => Ok(dot(self.of(operands[0])?)),
            Instr::SDot | Instr::UDot | Instr::SUDot => self.integer_dot(operands[0], 0),
            Instr::SDotAccSat | Instr::UDotAccSat | Instr::SUDotAccSat => {
                self.integer_dot(operands[0], 1)
            }
            Instr::IAddCarry | Instr::ISubBorrow => each_of(0, Op::Add),
            Instr::UMulExtended | Instr::SMulExtended => each_of(0, Op::Mul),
            Instr::Any | Instr::All => {
                let joints = self.of(operands[0])?.count - 1;
                Ok(ops(Scalar::Int, &[(Op::Bit, joints)]))
            }
            Instr::IsNan
            | Instr::IsInf
            | Instr::IEqual
            | Instr::INotEqual
            | Instr::UGreaterThan
            | Instr::SGreaterThan
            | Instr::UGreaterThanEqual
            | Instr::SGreaterThanEqual
            | Instr::ULessThan
            | Instr::SLessThan
            | Instr::ULessThanEqual
            | Instr::SLessThanEqual
            | Instr::FOrdEqual
            | Instr::FUnordEqual
            | Instr::FOrdNotEqual
            | Instr::FUnordNotEqual
            | Instr::FOrdLessThan
            | Instr::FUnordLessThan
            | Instr::FOrdGreaterThan
            | Instr::FUnordGreaterThan
            | Instr::FOrdLessThanEqual
            | Instr::FUnordLessThanEqual
            | Instr::FOrdGreaterThanEqual
            | Instr::FUnordGreaterThanEqual
            | Instr::LogicalEqual
            | Instr::LogicalNotEqual => each_of(0, Op::Compare),
            Instr::LogicalOr
            | Instr::LogicalAnd
            | Instr::LogicalNot
            | Instr::ShiftRightLogical
            | Instr::ShiftRightArithmetic
            | Instr::ShiftLeftLogical
            | Instr::BitwiseOr
            | Instr::BitwiseXor
            | Instr::BitwiseAnd
            | Instr::Not
            | Instr::BitFieldInsert
            | Instr::BitFieldSExtract
            | Instr::BitFieldUExtract
            | Instr::BitReverse
            | Instr::BitCount => each(Op::Bit),
            // A choice between structs, arrays or pointers is no arithmetic.
            Instr::Select => match self.module.types.get(&result_type) {
                Some(Type::Struct { .. } | Type::Array { .. } | Type::Pointer { .. }) => {
                    Ok(Price::default())
                }
                _ => each(Op::Select),
            },
            // This one does not wait.
            Instr::MemoryBarrier => Ok(Price::default()),
            Instr::ControlBarrier if self.module.waits_for_subgroup(instruction) => {
                Ok(Price::default())
            }
            Instr::ControlBarrier => Ok(traffic(Traffic { barriers: 1, ..Traffic::default() })),
            Instr::AtomicLoad | Instr::AtomicStore | Instr::AtomicExchange => Ok(atomic()),
            Instr::AtomicCompareExchange => Ok(atomic() + each(Op::Compare)?),
            Instr::AtomicIIncrement
            | Instr::AtomicIDecrement
            | Instr::AtomicIAdd
            | Instr::AtomicISub
            | Instr::AtomicFAddEXT => Ok(atomic() + each(Op::Add)?),
            Instr::AtomicSMin
            | Instr::AtomicUMin
            | Instr::AtomicSMax
            | Instr::AtomicUMax
            | Instr::AtomicFMinEXT
            | Instr::AtomicFMaxEXT => Ok(atomic() + each(Op::MinMax)?),
            Instr::AtomicAnd | Instr::AtomicOr | Instr::AtomicXor => Ok(atomic() + each(Op::Bit)?),
            // These move data between invocations.
            Instr::GroupNonUniformElect
            | Instr::GroupNonUniformBroadcast
            | Instr::GroupNonUniformBroadcastFirst
            | Instr::GroupNonUniformShuffle
            | Instr::GroupNonUniformShuffleXor
            | Instr::GroupNonUniformShuffleUp
            | Instr::GroupNonUniformShuffleDown
            | Instr::GroupNonUniformQuadBroadcast
            | Instr::GroupNonUniformQuadSwap
            | Instr::GroupNonUniformRotateKHR
            | Instr::SubgroupReadInvocationKHR
            | Instr::SubgroupFirstInvocationKHR => Ok(Price::default()),
            Instr::GroupNonUniformAll
            | Instr::GroupNonUniformAny
            | Instr::GroupNonUniformAllEqual
            | Instr::GroupNonUniformBallot
            | Instr::GroupNonUniformInverseBallot
            | Instr::GroupNonUniformBallotBitExtract
            | Instr::GroupNonUniformBallotBitCount
            | Instr::GroupNonUniformBallotFindLSB
            | Instr::GroupNonUniformBallotFindMSB
            | Instr::SubgroupBallotKHR
            | Instr::SubgroupAllKHR
            | Instr::SubgroupAnyKHR
            | Instr::SubgroupAllEqualKHR
            | Instr::GroupNonUniformQuadAllKHR
            | Instr::GroupNonUniformQuadAnyKHR
            | Instr::GroupNonUniformPartitionEXT => Ok(ops(Scalar::Int, &[(Op::Bit, 1)])),
            Instr::GroupNonUniformIAdd | Instr::GroupNonUniformFAdd => each(Op::Add),
            Instr::GroupNonUniformIMul | Instr::GroupNonUniformFMul => each(Op::Mul),
            Instr::GroupNonUniformSMin
            | Instr::GroupNonUniformUMin
            | Instr::GroupNonUniformFMin
            | Instr::GroupNonUniformSMax
            | Instr::GroupNonUniformUMax
            | Instr::GroupNonUniformFMax => each(Op::MinMax),
            Instr::GroupNonUniformBitwiseAnd
            | Instr::GroupNonUniformBitwiseOr
            | Instr::GroupNonUniformBitwiseXor
            | Instr::GroupNonUniformLogicalAnd
            | Instr::GroupNonUniformLogicalOr
            | Instr::GroupNonUniformLogicalXor => each(Op::Bit),
            _ => refused(),
        }
    }

    /// Under the float that it makes, else under the float that it reads, else as `int.convert`; none to the
    /// same type, or to one that is only signed otherwise.
    fn conversion(&self, value: Id, ty: Id) -> Priced {
        let (from, to) = (self.of(value)?, self.module.shape(ty)?);
        if self.module.value_type(value)? == ty {
            return Ok(Price::default());
        }
        let scalar = if to.scalar.is_float() { to.scalar } else { from.scalar };
        Ok(Shape { scalar, count: from.count }.each(Op::Convert, 1))
    }

    /// Of vectors, or of four bytes in a word.
    fn integer_dot(&self, value: Id, accumulated: u64) -> Priced {
        let pairs = match *self.module.ty(self.module.value_type(value)?)? {
            Type::Vector { count, .. } => count.into(),
            _ => 4,
        };
        Ok(ops(Scalar::Int, &[(Op::Mul, pairs), (Op::Add, pairs - 1 + accumulated)]))
    }

    /// Of vectors, added to a number.
    fn mixed_dot(&self, vector: Id, sum: Id) -> Priced {
        let (pairs, sum) = (self.of(vector)?, self.of(sum)?);
        let added = Shape { scalar: sum.scalar, count: pairs.count };
        Ok(pairs.each(Op::Mul, 1) + added.each(Op::Add, 1))
    }
}

fn atomic() -> Price {
    traffic(Traffic { atomics: 1, ..Traffic::default() })
}

/// Whether an instruction costs nothing whatever it is about: names, places, moves, control and clocks.
pub(super) fn is_free(op: Instr) -> bool {
    matches!(
        op,
        Instr::Nop
            | Instr::Undef
            | Instr::Line
            | Instr::NoLine
            | Instr::Label
            | Instr::Phi
            | Instr::LoopMerge
            | Instr::SelectionMerge
            | Instr::Branch
            | Instr::BranchConditional
            | Instr::Switch
            | Instr::Return
            | Instr::ReturnValue
            | Instr::Unreachable
            | Instr::Kill
            | Instr::TerminateInvocation
            | Instr::Function
            | Instr::FunctionParameter
            | Instr::FunctionEnd
            | Instr::FunctionCall
            | Instr::Variable
            | Instr::AccessChain
            | Instr::InBoundsAccessChain
            | Instr::PtrAccessChain
            | Instr::InBoundsPtrAccessChain
            | Instr::RawAccessChainNV
            | Instr::ArrayLength
            | Instr::ImageTexelPointer
            | Instr::VectorExtractDynamic
            | Instr::VectorInsertDynamic
            | Instr::VectorShuffle
            | Instr::CompositeConstruct
            | Instr::CompositeConstructReplicateEXT
            | Instr::CompositeExtract
            | Instr::CompositeInsert
            | Instr::CopyObject
            | Instr::CopyLogical
            | Instr::Transpose
            | Instr::Bitcast
            | Instr::ConvertPtrToU
            | Instr::ConvertUToPtr
            | Instr::PtrEqual
            | Instr::PtrNotEqual
            | Instr::PtrDiff
            | Instr::LifetimeStart
            | Instr::LifetimeStop
            | Instr::AssumeTrueKHR
            | Instr::ExpectKHR
            | Instr::ReadClockKHR
            | Instr::CooperativeMatrixLengthKHR
            | Instr::CooperativeMatrixTransposeNV
            | Instr::CreateTensorLayoutNV
            | Instr::TensorLayoutSetDimensionNV
            | Instr::TensorLayoutSetStrideNV
            | Instr::TensorLayoutSliceNV
            | Instr::TensorLayoutSetClampValueNV
            | Instr::TensorLayoutSetBlockSizeNV
            | Instr::CreateTensorViewNV
            | Instr::TensorViewSetDimensionNV
            | Instr::TensorViewSetStrideNV
            | Instr::TensorViewSetClipNV
    )
}
