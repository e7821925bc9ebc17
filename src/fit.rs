//! How a quantity grows: the exponents of y = c x1^e1 x2^e2 that fit samples best, by least squares of
//! logarithms. Knows numbers only.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A power law that was fitted to samples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PowerLaw {
    /// One for each variable.
    pub exponents: Vec<Exponent>,
    /// Root mean square of what the law leaves of the logarithms: 0.01 is about one percent of y.
    pub residual: f64,
    /// How many samples it was fitted to.
    pub samples: usize,
}

/// The slope of ln y over the logarithm of one variable.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Exponent {
    /// Its value.
    pub value: f64,
    /// Its standard error; `None` where there are no more samples than it takes to draw the law.
    pub standard_error: Option<f64>,
}

/// A value and the one or two variables that it was found at, all of them positive.
pub type Sample = (Vec<f64>, f64);

impl PowerLaw {
    /// Fits samples of the same variables. `None` where they do not tell the variables apart: too few
    /// samples, or a variable that stays the same or goes with the other.
    pub fn fit(samples: &[Sample]) -> Option<Self> {
        let variables = samples.first()?.0.len();
        assert!((1..=2).contains(&variables), "more would need a solver");
        let count = samples.len() as f64;
        let mean = |of: &dyn Fn(&Sample) -> f64| {
            samples.iter().map(|sample| of(sample).ln()).sum::<f64>() / count
        };
        let centre: Vec<f64> = (0..variables).map(|i| mean(&|(x, _)| x[i])).collect();
        let height = mean(&|(_, y)| *y);
        let centred: Vec<Sample> = samples
            .iter()
            .map(|(x, y)| {
                let x = x.iter().zip(&centre).map(|(x, centre)| x.ln() - centre);
                (x.collect(), y.ln() - height)
            })
            .collect();

        let moment = |i: usize, j: usize| centred.iter().map(|(x, _)| x[i] * x[j]).sum::<f64>();
        let along = |i: usize| centred.iter().map(|(x, y)| x[i] * y).sum::<f64>();
        let inverse = inverse(variables, moment)?;
        let slope: Vec<f64> =
            inverse.iter().map(|row| (0..variables).map(|j| row[j] * along(j)).sum()).collect();
        let law = |x: &[f64]| slope.iter().zip(x).map(|(slope, x)| slope * x).sum::<f64>();
        let left: f64 = centred.iter().map(|(x, y)| (y - law(x)).powi(2)).sum();
        let spare = samples.len().checked_sub(variables + 1).filter(|&spare| spare > 0);
        let exponents = slope.iter().enumerate().map(|(i, &value)| Exponent {
            value,
            standard_error: spare.map(|spare| (left / spare as f64 * inverse[i][i]).sqrt()),
        });
        Some(Self {
            exponents: exponents.collect(),
            residual: (left / count).sqrt(),
            samples: samples.len(),
        })
    }
}

/// The inverse of a symmetric matrix of one or two rows; `None` where it is as good as singular.
fn inverse(rows: usize, m: impl Fn(usize, usize) -> f64) -> Option<Vec<[f64; 2]>> {
    // Relative to the variables' own spread; logarithms of whole numbers are never that close.
    const SINGULAR: f64 = 1e-9;
    if rows == 1 {
        return (m(0, 0) > 0.0).then(|| vec![[1.0 / m(0, 0), 0.0]]);
    }
    let spread = m(0, 0) * m(1, 1);
    let determinant = spread - m(0, 1) * m(0, 1);
    (spread > 0.0 && determinant > SINGULAR * spread).then(|| {
        vec![
            [m(1, 1) / determinant, -m(0, 1) / determinant],
            [-m(0, 1) / determinant, m(0, 0) / determinant],
        ]
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Logarithms and their sums round in the last places of numbers up to about 40.
    const ROUNDING: f64 = 1e-9;

    fn exponents(law: &PowerLaw) -> Vec<f64> {
        law.exponents.iter().map(|exponent| exponent.value).collect()
    }

    #[test]
    fn squares_are_squares_and_lines_lines() {
        let law = |y: fn(f64) -> f64| {
            PowerLaw::fit(&[1.0, 2.0, 4.0, 8.0].map(|x| (vec![x], y(x)))).unwrap()
        };
        for (law, expected) in
            [(law(|x| 3.0 * x * x), 2.0), (law(|x| 5.0 * x), 1.0), (law(|_| 7.0), 0.0)]
        {
            assert!((exponents(&law)[0] - expected).abs() < ROUNDING, "{law:?}");
            assert!(law.residual < ROUNDING && law.samples == 4, "{law:?}");
        }
    }

    /// ln y is 0, 1, 1 at ln x = 0, 1, 2: the slope is 1/2, the residuals -1/6, 1/3, -1/6.
    #[test]
    fn what_is_left_is_said() {
        let samples = [(0.0_f64, 0.0_f64), (1.0, 1.0), (2.0, 1.0)];
        let law = PowerLaw::fit(&samples.map(|(x, y)| (vec![x.exp()], y.exp()))).unwrap();
        assert!((exponents(&law)[0] - 0.5).abs() < ROUNDING);
        assert!((law.residual - (1.0_f64 / 18.0).sqrt()).abs() < ROUNDING);
        let error = law.exponents[0].standard_error.unwrap();
        assert!((error - (1.0_f64 / 12.0).sqrt()).abs() < ROUNDING);
    }

    #[test]
    fn samples_that_tell_nothing_give_no_law() {
        let none = |samples: &[Sample]| assert_eq!(PowerLaw::fit(samples), None);
        none(&[]);
        none(&[(vec![2.0], 3.0)]);
        none(&[(vec![2.0], 3.0), (vec![2.0], 4.0)]);
        none(&[(vec![1.0, 2.0], 3.0), (vec![2.0, 4.0], 4.0), (vec![4.0, 8.0], 4.0)]);
        let drawn = PowerLaw::fit(&[(vec![2.0], 3.0), (vec![4.0], 4.0)]).unwrap();
        assert_eq!(drawn.exponents[0].standard_error, None);
    }

    proptest! {
        #[test]
        fn a_grid_of_a_power_law_gives_its_exponents(
            a in -1.0_f64..4.0, b in -1.0_f64..4.0, scale in 1.0_f64..1e9,
            xs in prop::sample::subsequence(vec![1.0_f64, 3.0, 8.0, 64.0], 2..4),
            ys in prop::sample::subsequence(vec![2.0_f64, 5.0, 128.0], 2..3),
        ) {
            let grid = xs.iter().flat_map(|&x| ys.iter().map(move |&y| [x, y]));
            let samples: Vec<_> =
                grid.map(|[x, y]| (vec![x, y], scale * x.powf(a) * y.powf(b))).collect();
            let law = PowerLaw::fit(&samples).unwrap();
            let found = exponents(&law);
            prop_assert!((found[0] - a).abs() < ROUNDING && (found[1] - b).abs() < ROUNDING);
        }
    }
}
