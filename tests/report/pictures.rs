//! What the pictures of kernels' reports show: of each kernel the roofs that may bind it, and of two runs what moved.

use flopmeter::{
    format::html,
    observe::Spread,
    op::Convention,
    page::{Cell, Content, Figure, Page, Paged as _, Plot},
    result::{ChangeReport, KernelFigures, KernelRun, RanKernels, ShaderReport},
    roofline::{Ceiling, Ceilings, Resource},
};

use crate::{case::ceilings, saved};

/// The plots of a page by their titles.
fn plots(page: &Page) -> Vec<(&str, &Plot)> {
    let plots = page.sections.iter().filter_map(|section| match &section.content {
        Content::Plot(plot) => Some((section.title, plot)),
        Content::Facts(_) | Content::Table(_) => None,
    });
    plots.collect()
}

/// The written ceilings, and so many bytes a second of workgroup memory.
pub fn with_workgroup(rate: f64) -> Ceilings {
    let mut under = ceilings();
    let rate = Spread { min: rate, median: rate, max: rate };
    let storage = under.ceilings.last().unwrap();
    let name = "workgroup load".to_owned();
    let workgroup = Ceiling { name, resource: Resource::Workgroup, rate, ..storage.clone() };
    under.ceilings.push(workgroup);
    under
}

/// The kernel under those ceilings, as if it had moved so many bytes of workgroup memory.
pub fn sharing(bytes: u64, rate: f64) -> ShaderReport {
    let mut report = saved::shader_report();
    report.traffic.workgroup_load = bytes;
    report.place(with_workgroup(rate));
    report
}

#[test]
fn a_kernel_that_uses_workgroup_memory_stands_under_a_roof_of_its_own() {
    let page = sharing(40, 4e7).page(false);
    let (_, plot) = plots(&page).into_iter().find(|(title, _)| *title == "Roofline").unwrap();
    // 20 FLOP for 40 bytes at 40 MB/s.
    assert!(plot.description.contains("20.0 MFLOP/s"), "{}", plot.description);
    let drawn = html::render(&page);
    assert!(drawn.contains("main (workgroup)"), "{drawn}");
    let Figure::Curves { points, .. } = &plot.figure else { panic!("{plot:?}") };
    let bound = points[0].bound.as_ref().unwrap();
    assert_eq!(bound.y, 20.0 / 40.0 * 4e7);
    assert!(plot.series[bound.series].contains("workgroup memory"), "{:?}", plot.series);
    assert!(plot.figure.shows(bound.series));
    let at = plot.data.columns.iter().position(|its| its.key == "workgroup_gflops_per_second");
    assert_eq!(plot.data.rows[0].cells[at.unwrap()], Cell::Number(0.02, 2));
    assert!(plot.key.iter().any(|line| line.contains("20.0 MFLOP/s")), "{:?}", plot.key);
    let alone = sharing(0, 4e7).page(false);
    assert!(!html::render(&alone).contains("(workgroup)"));
    // A roof that is far above all others would press them flat: it is said, and not drawn.
    let page = sharing(40, 4e10).page(false);
    assert!(!html::render(&page).contains("(workgroup)"));
    let (_, plot) = plots(&page).into_iter().find(|(title, _)| *title == "Roofline").unwrap();
    assert!(plot.description.ends_with("20.0 GFLOP/s: which is too far up to be drawn."));
}

/// The kernel before and after, as if it had cost so many bytes and taken so long.
pub fn changed(bytes: u64, seconds: f64) -> ChangeReport {
    let run = |report: ShaderReport| KernelRun::from(RanKernels::Shader(Box::new(report)));
    let mut after = saved::shader_report();
    after.traffic.storage_load += bytes;
    let times = |time: f64| time * seconds / 1.5e-3;
    after.seconds = after.seconds.map(times);
    after.spread = after.spread.map(|Spread { min, median, max }| {
        let [min, median, max] = [min, median, max].map(times);
        Spread { min, median, max }
    });
    ChangeReport::new(&run(saved::shader_report()), &run(after), Convention::Ieee).unwrap()
}

#[test]
fn a_change_is_drawn_by_each_figure_that_moved() {
    let titles = |bytes, seconds| -> Vec<String> {
        let page = changed(bytes, seconds).page(false);
        plots(&page).into_iter().map(|(title, _)| title.to_owned()).collect()
    };
    assert_eq!(titles(0, 1.5e-3), [""; 0]);
    assert_eq!(titles(16, 1.5e-3), ["Bytes, A beside B"]);
    assert_eq!(titles(16, 2.5e-3), ["Bytes, A beside B", "Time, A beside B"]);
    let drawn = html::render(&changed(1000, 2.5e-3).page(false));
    for axis in ["2.00 ms\n", "1.0 kB\n"] {
        assert!(drawn.contains(axis), "{axis}: {drawn}");
    }
    let page = changed(16, 2.5e-3).page(false);
    let (_, times) = plots(&page)[1];
    let Figure::Times(times) = &times.figure else { panic!("{times:?}") };
    let said = times.iter().map(|time| (&*time.name, time.series, time.seconds, time.spread));
    let spread = |of: Option<KernelFigures>| of.unwrap().spread.map(|its| (its.min, its.max));
    let total = changed(16, 2.5e-3).total;
    let a = ("main A", 0, 1.5e-3, spread(total.a));
    let b = ("main B", 1, 1.5e-3 * (2.5e-3 / 1.5e-3), spread(total.b));
    assert_eq!(said.collect::<Vec<_>>(), [a, b]);
}
