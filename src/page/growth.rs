//! How cost grows along an axis, as curves: the exact count, or the estimate where there is none, as
//! lines, what was measured as points.

use super::{Cell, Column, Curve, Figure, Mark, Plot, Row, Section, Table};
use crate::{
    component::Phase,
    result::{ScalePoint, ScaleReport},
    sweep::Axis,
};

/// The curves along an axis, with every other axis at its first value; `None` where there are not two points.
pub(super) fn picture(report: &ScaleReport, axis: &Axis) -> Option<Section> {
    let first = report.points.first()?;
    // A neighbour of the first point differs from it in this axis alone.
    let is_along = |point: &&ScalePoint| {
        let mut others = point.at.iter().filter(|(key, _)| **key != axis.key);
        others.all(|(key, value)| first.at.get(key) == Some(value))
            && point.bill.training == first.bill.training
    };
    let points: Vec<&ScalePoint> = report.points.iter().filter(is_along).collect();
    if points.len() < 2 {
        return None;
    }
    let is_exact = points.iter().all(|point| point.bill.exact.is_some());
    let wanted = || Phase::ALL.map(Some).into_iter().chain([None]).enumerate();
    let at = |point: &ScalePoint| point.at.get(&axis.key).map(|&value| f64::from(value));
    let mut lines = Vec::new();
    let mut dots = Vec::new();
    let mut rows = Vec::new();
    for (series, phase) in wanted() {
        let mut line = Vec::new();
        for point in &points {
            let Some(x) = at(point) else { continue };
            let figures = point.bill.total(phase).unwrap_or_default();
            let exact = point.bill.exact(None, phase);
            let drawn = if is_exact { exact } else { Some(u128::from(figures.estimate)) };
            // Neither axis has a place for nothing.
            if let Some(flops) = drawn.filter(|&flops| flops > 0) {
                line.push((x, flops as f64));
            }
            if let Some(measured) = figures.measured.filter(|&flops| flops > 0) {
                let (label, y) = (String::new(), measured as f64);
                dots.push(Mark { series, label, x, y, bound: None });
            }
            rows.push(Row::new([
                Cell::text(phase.map_or("total", Phase::name)),
                Cell::Number(x, 0),
                exact.map_or(Cell::Missing, Cell::Count),
                Cell::whole(figures.estimate),
                Cell::count(figures.measured),
            ]));
        }
        if !line.is_empty() {
            lines.push(Curve { series, points: line });
        }
    }
    let name = &axis.key;
    let data = Table {
        columns: vec![
            Column::text("phase", "phase"),
            Column::number(name.clone(), name.clone()),
            Column::number("exact", "exact"),
            Column::number("estimate", "estimate"),
            Column::number("measured", "measured"),
        ],
        rows,
        ..Table::default()
    };
    let drawn = if is_exact { "the exact count" } else { "the estimate" };
    let description = format!(
        "FLOPs of a step against {name}, both logarithmic, so that a power is a straight line: {drawn} as \
         lines, what was measured as points. Other axes are at their first values."
    );
    let series = wanted().map(|(_, phase)| phase.map_or("total", Phase::name).to_owned());
    let figure = Figure::Curves { x: name.clone(), y: "FLOPs".to_owned(), lines, points: dots };
    let plot = Plot { description, series: series.collect(), key: Vec::new(), figure, data };
    Some(Section::plot("How cost grows", plot))
}
