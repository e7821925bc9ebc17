//! Products by cooperative matrices on the embedded executor: in subgroups of every size that shares them, of one matrix,
//! of blocks that are not whole and of long sums. No adapter is known to have run them.

use common::{Watched, bench::Bench};
use half::f16;

use crate::linear::{Case, relative_error};

/// M, K and N in matrices.
const SHAPES: [[usize; 3]; 4] = [[1, 1, 1], [2, 3, 4], [3, 2, 1], [1, 20, 3]];

const WIDTHS: [u32; 4] = [8, 16, 32, 64];

/// Relative to the norm of an output. A sum by matrices is off by f32's own rounding; kernels that round each product of
/// two halves are off by up to 2^-11 of each product more, and by less than that of the norm of their sum.
const OF_SUMS: f64 = 1e-6;
const OF_PRODUCTS: f64 = 1.0 / 2048.0;

const MATRICES: [(&str, usize); 2] = [("linear_matrix", 16), ("linear_matrix_8", 8)];

/// A kernel, and rows and columns of what it leaves.
struct Entry<'a> {
    entry: &'a str,
    output: &'a str,
    extent: [usize; 2],
}

impl Entry<'_> {
    /// What the equations make of what was there.
    fn expected(&self, case: &Case, start: Vec<f64>) -> Vec<f64> {
        match self.entry {
            "forward" => case.y(),
            "forward_plain" => case.plain_y(start),
            "backward_input" => case.dx(start),
            _ => case.dw(start),
        }
    }
}

/// What an entry leaves where an output starts from some numbers, or from nothing.
fn left(
    bench: &mut Bench<'_>,
    (file, side): (&str, Option<usize>),
    case: &Case,
    lanes: usize,
    of: &Entry<'_>,
    start: Option<&[f32]>,
) -> Vec<f32> {
    let [rows, columns] = of.extent;
    match start {
        Some(start) => bench.input(of.output, start),
        None => bench.output(of.output, rows * columns),
    }
    let accumulate = usize::from(start.is_some());
    let Case { m, k, n, .. } = *case;
    let (name, lanes, more) = match side {
        Some(side) => (format!("{file}.{}", of.entry), lanes, ("SIDE", side)),
        None => (format!("{file}.{}", of.entry), 64, ("COLUMN_LANES", 8)),
    };
    let [down, across] = side.map_or([8, 8], |side| [2 * side; 2]);
    let dims =
        [("M", m), ("K", k), ("N", n), ("G", 1), ("accumulate", accumulate), ("LANES", lanes)];
    let grid = [columns.div_ceil(across) as u32, rows.div_ceil(down) as u32, 1];
    bench.run(&name, &[&dims[..], &[more]].concat(), &[], grid);
    bench.read(of.output)
}

/// Holds what an entry left against what the other kernel did, and against the equations'.
type Held<'a> = &'a dyn Fn(&str, [&[f32]; 2], &[f64]);

/// Runs every entry by matrices, and beside it the kernel that rounds products: `held` gets both, and the equations' own.
fn each(width: u32, (file, side): (&str, usize), case: &Case, held: Held<'_>) {
    let mut cpu = Watched::of(width);
    let mut bench = Bench::new(&mut cpu);
    let Case { m, k, n, .. } = *case;
    bench.input("groups", &case.bounds);
    bench.input("b", &case.b);
    for (name, values) in [("x", &case.x), ("w", &case.w), ("dy", &case.dy)] {
        case.put_halves(&mut bench, name, values);
    }
    let of = |entry, output, extent| Entry { entry, output, extent };
    let entries = [
        of("forward", "y", [m, n]),
        of("forward_plain", "y", [m, n]),
        of("backward_input", "dx", [m, k]),
        of("backward_weight", "dw", [n, k]),
    ];
    for entry in &entries {
        let len = entry.extent.iter().product();
        let start: Vec<f32> = (0..len).map(|i| (i % 7) as f32 / 4.0).collect();
        let starts = [None, Some(&start[..])];
        for start in &starts[..if entry.entry == "forward" { 1 } else { 2 }] {
            let by =
                |bench: &mut Bench<'_>, how| left(bench, how, case, width as usize, entry, *start);
            let matrices = by(&mut bench, (file, Some(side)));
            let products = by(&mut bench, ("linear_f16", None));
            let start = start.map_or(vec![0.0; len], |its| its.iter().map(|&x| x.into()).collect());
            let name = format!("{file}.{} M={m} K={k} N={n} in {width}", entry.entry);
            held(&name, [&matrices, &products], &entry.expected(case, start));
        }
    }
}

#[test]
fn products_by_matrices_are_those_of_double_precision() {
    for shape in SHAPES {
        for (matrix, width) in MATRICES.into_iter().flat_map(|m| WIDTHS.map(|width| (m, width))) {
            let [m, k, n] = shape.map(|extent| extent * matrix.1);
            // What products are rounded to is another kernel's business.
            let narrow = Case::new([m, k, n], vec![0, m as u32]).narrowed();
            let case = Case { narrow: false, ..narrow };
            each(width, matrix, &case, &|name, [matrices, products], expected| {
                let error = relative_error(matrices, expected);
                assert!(error < OF_SUMS, "{name}: {error:e}");
                let products: Vec<f64> = products.iter().map(|&x| x.into()).collect();
                let apart = relative_error(matrices, &products);
                assert!(apart < OF_PRODUCTS, "{name}: {apart:e} from products that are rounded");
            });
        }
    }
}

/// Where half precision has every product, both kernels leave the same bits.
#[test]
fn products_that_need_no_rounding_are_the_same_either_way() {
    for (matrix, width) in [(MATRICES[0], 32), (MATRICES[1], 8)] {
        let [m, k, n] = [3, 2, 2].map(|extent| extent * matrix.1);
        let case = Case::new([m, k, n], vec![0, m as u32]);
        let eighths = |values: &[f32]| -> Vec<f32> {
            values.iter().map(|x| (16.0 * x).trunc() / 8.0).collect()
        };
        let [x, w, dy, b] = [&case.x, &case.w, &case.dy, &case.b].map(|values| eighths(values));
        let case = Case { x, w, dy, b, ..case };
        assert!(case.x.iter().all(|&x| f16::from_f32(x).to_f32() == x));
        each(width, matrix, &case, &|name, [matrices, products], expected| {
            assert_eq!(matrices, products, "{name}");
            let matrices: Vec<f64> = matrices.iter().map(|&x| x.into()).collect();
            assert_eq!(matrices, expected, "{name}");
        });
    }
}
