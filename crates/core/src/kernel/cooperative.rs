//! Which cooperative matrices a kernel has, and which of them it multiplies: what an adapter has to have. Knows no
//! adapter, and no price.

use std::{collections::BTreeSet, fmt};

use naga::{Expression, Handle, Scalar, ScalarKind, TypeInner};

use super::KernelModule;

/// A multiply-add of cooperative matrices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CooperativeProduct {
    /// Rows of the first factor, columns of the second, and what both share: M, N and K.
    pub extent: [u32; 3],
    /// What the elements of the factors are.
    pub factors: Scalar,
    /// What the elements of the sum are.
    pub sum: Scalar,
}

impl fmt::Display for CooperativeProduct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |scalar: Scalar| {
            let letter = match scalar.kind {
                ScalarKind::Float | ScalarKind::AbstractFloat => 'f',
                ScalarKind::Sint | ScalarKind::AbstractInt => 'i',
                ScalarKind::Uint | ScalarKind::Bool => 'u',
            };
            format!("{letter}{}", 8 * u32::from(scalar.width))
        };
        let [m, n, k] = self.extent;
        write!(f, "{m}x{n}x{k} of {} onto {}", name(self.factors), name(self.sum))
    }
}

impl KernelModule {
    /// Whether it has cooperative matrices, which few adapters have.
    pub fn has_cooperative_matrices(&self) -> bool {
        let functions = self.module.functions.iter().map(|(_, function)| function);
        let functions = functions.chain([&self.entry_point().function]);
        let is_matrix = |ty: &naga::Type| matches!(ty.inner, TypeInner::CooperativeMatrix { .. });
        let loads =
            |(_, made): (_, &Expression)| matches!(made, Expression::CooperativeLoad { .. });
        self.module.types.iter().any(|(_, ty)| is_matrix(ty))
            || functions.into_iter().any(|function| function.expressions.iter().any(loads))
    }

    /// The multiply-adds of cooperative matrices that its functions have, each sort once.
    pub fn cooperative_products(&self) -> BTreeSet<CooperativeProduct> {
        let functions = self.module.functions.iter();
        let functions = functions.map(|(handle, function)| (function, &self.info[handle]));
        let entry = (&self.entry_point().function, self.info.get_entry_point(0));
        let mut products = BTreeSet::new();
        for (function, info) in functions.chain([entry]) {
            let matrix = |handle: Handle<Expression>| match *info[handle]
                .ty
                .inner_with(&self.module.types)
            {
                TypeInner::CooperativeMatrix { columns, rows, scalar, role: _ } => {
                    Some(([rows as u32, columns as u32], scalar))
                }
                _ => None,
            };
            for (_, made) in function.expressions.iter() {
                if let Expression::CooperativeMultiplyAdd { a, b, c } = *made
                    && let (Some(([m, k], factors)), Some(([_, n], _)), Some((_, sum))) =
                        (matrix(a), matrix(b), matrix(c))
                {
                    products.insert(CooperativeProduct { extent: [m, n, k], factors, sum });
                }
            }
        }
        products
    }
}
