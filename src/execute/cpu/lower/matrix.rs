//! Linear algebra on matrices, written out in scalars by its definitions: products, determinants and
//! inverses. A matrix is its columns, one after the other.

use naga::TypeInner;

use super::Lowering;
use crate::{
    execute::cpu::{
        alu::Alu,
        program::{Kind, Num},
    },
    op::Op,
};

impl Lowering<'_> {
    pub(super) fn add(&mut self, kind: Kind, a: Num, b: Num) -> Num {
        let op = if kind.float() { Alu::AddF } else { Alu::AddI };
        self.counted(Op::Add, op, kind, &[a, b])
    }

    pub(super) fn sub(&mut self, kind: Kind, a: Num, b: Num) -> Num {
        let op = if kind.float() { Alu::SubF } else { Alu::SubI };
        self.counted(Op::Add, op, kind, &[a, b])
    }

    pub(super) fn mul(&mut self, kind: Kind, a: Num, b: Num) -> Num {
        let op = if kind.float() { Alu::MulF } else { Alu::MulI };
        self.counted(Op::Mul, op, kind, &[a, b])
    }

    /// n products, n - 1 sums.
    pub(super) fn dot(&mut self, kind: Kind, a: &[Num], b: &[Num]) -> Num {
        let mut sum = self.mul(kind, a[0], b[0]);
        for (a, b) in a.iter().zip(b).skip(1) {
            let product = self.mul(kind, *a, *b);
            sum = self.add(kind, sum, product);
        }
        sum
    }

    /// A product in which a matrix meets a matrix or a vector; `None` where no matrix does.
    pub(super) fn matrix_product(
        &mut self,
        kind: Kind,
        left: &TypeInner,
        a: &[Num],
        right: &TypeInner,
        b: &[Num],
    ) -> Option<Vec<Num>> {
        let matrix = |inner: &TypeInner| match *inner {
            TypeInner::Matrix { columns, rows, .. } => Some((columns as usize, rows as usize)),
            _ => None,
        };
        let vector = |inner: &TypeInner| matches!(inner, TypeInner::Vector { .. });
        match (matrix(left), matrix(right)) {
            (Some((inner, rows)), Some((columns, _))) => {
                let mut product = Vec::new();
                for column in 0..columns {
                    let column = &b[column * inner..][..inner];
                    for row in 0..rows {
                        let row: Vec<_> = (0..inner).map(|i| a[i * rows + row]).collect();
                        product.push(self.dot(kind, &row, column));
                    }
                }
                Some(product)
            }
            (Some((columns, rows)), None) if vector(right) => Some(
                (0..rows)
                    .map(|row| {
                        let row: Vec<_> = (0..columns).map(|i| a[i * rows + row]).collect();
                        self.dot(kind, &row, b)
                    })
                    .collect(),
            ),
            (None, Some((columns, rows))) if vector(left) => {
                Some((0..columns).map(|c| self.dot(kind, a, &b[c * rows..][..rows])).collect())
            }
            _ => None,
        }
    }

    /// a d - b c.
    fn minor(&mut self, kind: Kind, [a, b, c, d]: [Num; 4]) -> Num {
        let (ad, bc) = (self.mul(kind, a, d), self.mul(kind, b, c));
        self.sub(kind, ad, bc)
    }

    /// The determinant, by the first column; minors that it needs twice are computed once.
    pub(super) fn determinant(&mut self, kind: Kind, m: &[Num]) -> Num {
        match m.len() {
            4 => self.minor(kind, [m[0], m[1], m[2], m[3]]),
            9 => {
                let cofactors = [[4, 7, 5, 8], [7, 1, 8, 2], [1, 4, 2, 5]]
                    .map(|[a, b, c, d]| self.minor(kind, [m[a], m[b], m[c], m[d]]));
                self.dot(kind, &[m[0], m[3], m[6]], &cofactors)
            }
            _ => {
                // Minors of the last two rows, for each pair of columns.
                let minor = |this: &mut Self, p: usize, q: usize| {
                    this.minor(kind, [m[4 * p + 2], m[4 * q + 2], m[4 * p + 3], m[4 * q + 3]])
                };
                let [m01, m02, m03, m12, m13, m23] =
                    [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]
                        .map(|(p, q)| minor(self, p, q));
                let second = |column: usize| m[4 * column + 1];
                // x a - y b + z c.
                let triple = |this: &mut Self, [x, y, z]: [usize; 3], [a, b, c]: [Num; 3]| {
                    let xa = this.mul(kind, second(x), a);
                    let yb = this.mul(kind, second(y), b);
                    let zc = this.mul(kind, second(z), c);
                    let difference = this.sub(kind, xa, yb);
                    this.add(kind, difference, zc)
                };
                let c0 = triple(self, [1, 2, 3], [m23, m13, m12]);
                let c1 = triple(self, [0, 2, 3], [m23, m03, m02]);
                let c2 = triple(self, [0, 1, 3], [m13, m03, m01]);
                let c3 = triple(self, [0, 1, 2], [m12, m02, m01]);
                let products = [(0, c0), (4, c1), (8, c2), (12, c3)]
                    .map(|(i, cofactor)| self.mul(kind, m[i], cofactor));
                let left = self.sub(kind, products[0], products[1]);
                let right = self.sub(kind, products[2], products[3]);
                self.add(kind, left, right)
            }
        }
    }

    /// The inverse: the adjugate times one over the determinant. Signs are in how minors are written,
    /// save for the two of a 2x2 matrix.
    pub(super) fn inverse(&mut self, kind: Kind, m: &[Num]) -> Vec<Num> {
        let one = self.constant_num(
            kind,
            if kind == Kind::F64 { 1_f64.to_bits() } else { 1_f32.to_bits().into() },
        );
        let (adjugate, determinant) = match m.len() {
            4 => {
                let determinant = self.determinant(kind, m);
                let negative = [m[1], m[2]].map(|x| self.counted(Op::Neg, Alu::NegF, kind, &[x]));
                (vec![m[3], negative[0], negative[1], m[0]], determinant)
            }
            9 => {
                // Row r, column c of the adjugate is the cofactor of row c, column r.
                let mut adjugate = Vec::new();
                for c in 0..3 {
                    for r in 0..3 {
                        let (c1, c2) = ((r + 1) % 3, (r + 2) % 3);
                        let (r1, r2) = ((c + 1) % 3, (c + 2) % 3);
                        let at = |column: usize, row: usize| m[3 * column + row];
                        let corners = [at(c1, r1), at(c2, r1), at(c1, r2), at(c2, r2)];
                        adjugate.push(self.minor(kind, corners));
                    }
                }
                // The first column of the adjugate belongs to the first row of the matrix.
                let determinant = self.dot(kind, &[m[0], m[3], m[6]], &adjugate[..3]);
                (adjugate, determinant)
            }
            _ => {
                let pairs = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)];
                let at = |column: usize, row: usize| m[4 * column + row];
                let minors = |this: &mut Self, r: usize| {
                    pairs.map(|(p, q)| {
                        this.minor(kind, [at(p, r), at(q, r), at(p, r + 1), at(q, r + 1)])
                    })
                };
                let (upper, lower) = (minors(self, 0), minors(self, 2));
                let pair = |p: usize, q: usize| {
                    pairs.iter().position(|&known| known == (p, q)).unwrap_or_default()
                };
                let mut adjugate = Vec::new();
                for row in 0..4 {
                    for column in 0..4 {
                        // The cofactor of (row, column): three of the other row of its half, with
                        // the minors of the other half.
                        let other = [1, 0, 3, 2][row];
                        let half = if row < 2 { &lower } else { &upper };
                        let rest: Vec<usize> = (0..4).filter(|&c| c != column).collect();
                        let terms = [
                            (rest[0], half[pair(rest[1], rest[2])]),
                            (rest[1], half[pair(rest[0], rest[2])]),
                            (rest[2], half[pair(rest[0], rest[1])]),
                        ]
                        .map(|(c, minor)| self.mul(kind, at(c, other), minor));
                        adjugate.push(if (row + column) % 2 == 0 {
                            let difference = self.sub(kind, terms[0], terms[1]);
                            self.add(kind, difference, terms[2])
                        } else {
                            let difference = self.sub(kind, terms[1], terms[0]);
                            self.sub(kind, difference, terms[2])
                        });
                    }
                }
                let determinant = self.dot(kind, &[m[0], m[4], m[8], m[12]], &adjugate[..4]);
                (adjugate, determinant)
            }
        };
        let factor = self.counted(Op::Div, Alu::DivF, kind, &[one, determinant]);
        adjugate.into_iter().map(|x| self.mul(kind, x, factor)).collect()
    }
}
