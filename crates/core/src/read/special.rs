//! What `FrexpStruct` and `ModfStruct` of SPIR-V give: naga has types of its own for the two parts, which its SPIR-V reader
//! does not add to a module. Knows nothing of what is done with the parts.

use naga::{
    Expression, MathFunction, Module, PredeclaredType, TypeInner,
    proc::{ResolveContext, TypeResolution},
};

/// Adds the types that a module's functions need.
pub(super) fn declare(module: &mut Module) {
    // What is computed of a result has a type once the result has. One that has been added is not missing again.
    while let Some(missing) = missing(module)
        && !module.special_types.predeclared_types.contains_key(&missing)
    {
        module.generate_predeclared_type(missing);
    }
}

/// The first type that a module needs and has not.
fn missing(module: &Module) -> Option<PredeclaredType> {
    let functions = module.functions.iter().map(|(_, function)| function);
    let mut functions = functions.chain(module.entry_points.iter().map(|entry| &entry.function));
    functions.find_map(|function| {
        let context =
            ResolveContext::with_locals(module, &function.local_variables, &function.arguments);
        let mut types: Vec<TypeResolution> = Vec::new();
        let first = function.expressions.iter().find_map(|(_, expression)| {
            match context.resolve(expression, |before| Ok(&types[before.index()])) {
                Ok(ty) => {
                    types.push(ty);
                    None
                }
                Err(_) => Some(needed(expression, &types, module)),
            }
        });
        first.flatten()
    })
}

/// The type of what an expression gives that has none; none where that is for the validator to say.
fn needed(
    expression: &Expression,
    types: &[TypeResolution],
    module: &Module,
) -> Option<PredeclaredType> {
    let Expression::Math { fun, arg, .. } = *expression else { return None };
    let (size, scalar) = match *types[arg.index()].inner_with(&module.types) {
        TypeInner::Scalar(scalar) => (None, scalar),
        TypeInner::Vector { size, scalar } => (Some(size), scalar),
        _ => return None,
    };
    match fun {
        MathFunction::Frexp => Some(PredeclaredType::FrexpResult { size, scalar }),
        MathFunction::Modf => Some(PredeclaredType::ModfResult { size, scalar }),
        _ => None,
    }
}
