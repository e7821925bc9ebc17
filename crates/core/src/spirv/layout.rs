//! How the numbers of a block lie: types and decorations as a layout, with the names of members. Knows nothing of what
//! is bound.

use rspirv::spirv::Decoration;

use super::{
    memory::bytes,
    module::{Module, Type},
    words::Id,
};
use crate::kernel::{Layout, LayoutMember, Number, NumberKind, Numbers, Tail};

/// How the numbers of a structure lie; `None` where it has something that is no number.
pub(super) fn of(module: &Module<'_>, ty: Id) -> Option<Layout> {
    let Type::Struct { members } = module.types.get(&ty)? else { return None };
    let (&last, before) = members.split_last()?;
    let offset = |at: usize| module.member(ty, at as u32, Decoration::Offset).map(u64::from);
    let laid = members.iter().enumerate().map(|(at, &of)| {
        let (name, offset) = (module.member_name(ty, at as u32), offset(at)?);
        Some(LayoutMember { name, offset, layout: of_member(module, ty, at, of)? })
    });
    let laid = laid.collect::<Option<_>>()?;
    if let Type::RuntimeArray { element } = *module.types.get(&last)? {
        let placed = (0..before.len()).map(|at| Some((offset(at)?, member(module, ty, at)?)));
        let fixed = Numbers::Members(placed.collect::<Option<_>>()?);
        let at = before.len();
        let tail = tail(module, last, element, (ty, at), offset(at)?)?;
        return Some(Layout::new(fixed, tail.offset + tail.stride, Some(tail), laid));
    }
    Some(Layout::new(structure(module, ty)?, bytes(module, ty).ok()?, None, laid))
}

fn of_member(module: &Module<'_>, ty: Id, at: usize, of_type: Id) -> Option<Layout> {
    match *module.types.get(&of_type)? {
        Type::Struct { .. } => of(module, of_type),
        Type::RuntimeArray { element } => {
            let tail = tail(module, of_type, element, (ty, at), 0)?;
            Some(Layout::new(Numbers::Members(Vec::new()), tail.stride, Some(tail), Vec::new()))
        }
        _ => {
            let numbers = member(module, ty, at)?;
            let end = numbers.end();
            Some(Layout::new(numbers, end, None, Vec::new()))
        }
    }
}

/// A member of a structure: what says how matrices in it lie, in arrays of them too.
type Held = (Id, usize);

fn tail(module: &Module<'_>, array: Id, element: Id, held: Held, offset: u64) -> Option<Tail> {
    let stride = module.decoration(array, Decoration::ArrayStride)?.into();
    Some(Tail { offset, stride, element: shape(module, element, held)? })
}

/// A member of a structure.
fn member(module: &Module<'_>, ty: Id, at: usize) -> Option<Numbers> {
    let Type::Struct { members } = module.types.get(&ty)? else { return None };
    shape(module, members[at], (ty, at))
}

fn structure(module: &Module<'_>, ty: Id) -> Option<Numbers> {
    let Type::Struct { members } = module.types.get(&ty)? else { return None };
    let placed = (0..members.len()).map(|at| {
        let offset = module.member(ty, at as u32, Decoration::Offset)?;
        Some((offset.into(), member(module, ty, at)?))
    });
    placed.collect::<Option<_>>().map(Numbers::Members)
}

/// A type within a member of a structure.
fn shape(module: &Module<'_>, ty: Id, held: Held) -> Option<Numbers> {
    match module.types.get(&ty)? {
        Type::Int { .. } | Type::Float { .. } => Some(Numbers::Scalar(number(module, ty)?)),
        &Type::Vector { component, count } => Some(vector(number(module, component)?, count)),
        &Type::Matrix { column, columns } => matrix(module, column, columns, held),
        &Type::Array { element, length } => {
            let stride = module.decoration(ty, Decoration::ArrayStride)?.into();
            let count = module.constant(length).ok()?;
            Some(Numbers::Repeat { count, stride, of: Box::new(shape(module, element, held)?) })
        }
        Type::Struct { .. } => structure(module, ty),
        Type::Void
        | Type::Bool
        | Type::RuntimeArray { .. }
        | Type::Pointer { .. }
        | Type::Cooperative { .. }
        | Type::Other(_) => None,
    }
}

/// The components of a column lie together, or those of a row do.
fn matrix(module: &Module<'_>, column: Id, columns: u32, (ty, at): Held) -> Option<Numbers> {
    let stride = u64::from(module.member(ty, at as u32, Decoration::MatrixStride)?);
    let Type::Vector { component, count } = *module.types.get(&column)? else { return None };
    let number = number(module, component)?;
    let rows = module.member(ty, at as u32, Decoration::RowMajor).is_some();
    let (vectors, count) = if rows { (count, columns) } else { (columns, count) };
    let of = vector(number, count);
    Some(Numbers::Repeat { count: vectors.into(), stride, of: Box::new(of) })
}

fn vector(number: Number, count: u32) -> Numbers {
    let stride = number.width.into();
    Numbers::Repeat { count: count.into(), stride, of: Box::new(Numbers::Scalar(number)) }
}

fn number(module: &Module<'_>, ty: Id) -> Option<Number> {
    let (kind, width) = match *module.types.get(&ty)? {
        Type::Int { width, signed: true } => (NumberKind::Signed, width),
        Type::Int { width, signed: false } => (NumberKind::Unsigned, width),
        Type::Float { width, encoding: None } => (NumberKind::Float, width),
        _ => return None,
    };
    Some(Number { kind, width: (width / 8) as u8 })
}
