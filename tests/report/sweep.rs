//! Sweeps and comparisons on fixed data, without a device: what they look like, that they read back, and
//! that points which were shared out come together again as if they had never been apart.

use flopmeter::{
    execute::Adapter,
    family::{Choices, Chosen, Family},
    format::table::{self, Terminal},
    model::{
        AskedShape, BatchShape, Model, Optimizer,
        lower::{Scope, Training},
    },
    op::Convention,
    page::Paged as _,
    result::{
        self, Candidate, CompareReport, Conditions, Fate, PointFolder, Reason, Report, ScaleReport,
    },
    sweep::{Point, Shard, Sweep, SweepPoint},
};
use proptest::prelude::*;

use crate::case::{Case, LIMITS};

fn gradient(how: &str) -> Chosen {
    Family::choose("bk_gradient", how).unwrap()
}

fn sweep(model: &str, set: &[String], axes: &[String], options: Vec<Chosen>) -> Sweep {
    let bare = Sweep {
        model: model.to_owned(),
        set: set.to_vec(),
        batch: None,
        seq: None,
        scope: Scope::Step,
        optimizer: Optimizer::AdamW,
        accumulate: 1,
        recompute: Default::default(),
        packed: Default::default(),
        options: Choices(options),
        axes: Vec::new(),
    };
    bare.along(axes.iter().map(|axis| axis.parse().unwrap()).collect()).unwrap()
}

/// The fixed report as if of a step `times` as long: all but the optimizer costs so much more, and what
/// belongs to a layer the square of it.
fn longer(times: u32) -> Report {
    let mut report = Case::fixed().report(Convention::Ieee, 3.25);
    report.seq *= times;
    for row in &mut report.components {
        let factor = match row.phase {
            flopmeter::component::Phase::Optimizer => 1,
            _ if row.name.layer.is_some() => u64::from(times).pow(2),
            _ => u64::from(times),
        };
        row.measured *= factor;
        row.estimate *= factor;
        row.traffic = row.traffic.times(factor);
        row.seconds = row.seconds.map(|seconds| seconds * f64::from(times));
    }
    report
}

/// Three points that ran, with numbers that somebody can follow, and one that did not.
pub fn scale() -> ScaleReport {
    let gradients = vec![gradient("hybrid")];
    let set = ["n_layers=2", "n_seq=48", "vocab_size=20"].map(str::to_owned);
    let sweep = sweep("resnet-bk", &set, &["seq=6,12,24,96".to_owned()], gradients);
    let points = sweep.points().into_iter().zip([Some(1), Some(2), Some(4), None]);
    let fates = points.map(|(point, times)| {
        let fate = match times {
            Some(times) => Fate::Measured(Box::new(longer(times))),
            None => Fate::Skipped(Reason::Refused, "it is too long".to_owned()),
        };
        (point, fate)
    });
    ScaleReport::new(sweep.clone(), Convention::Ieee, fates)
}

/// A step and one twice as long.
pub fn compare() -> CompareReport {
    let [a, b] = [longer(2), longer(1)].map(|report| Candidate::measured(&report));
    CompareReport::new(a, b).unwrap()
}

#[test]
fn a_sweep_reads_as_agreed() {
    insta::assert_snapshot!(table::render(&scale().page(false), Terminal::PIPE));
}

#[test]
fn a_comparison_reads_as_agreed() {
    insta::assert_snapshot!(table::render(&compare().page(false), Terminal::PIPE));
}

#[test]
fn a_grid_says_both_gradients_apart() {
    let gradients = vec![gradient("hybrid"), gradient("exact")];
    let axes = ["seq=4,8", "d_model=2,4"].map(str::to_owned);
    let sweep = sweep("resnet-bk", &["vocab_size=9".to_owned()], &axes, gradients);
    let fates = sweep.points().into_iter().map(|point| (point, Fate::Estimated));
    let report = ScaleReport::new(sweep.clone(), Convention::Ieee, fates);
    // A power law is fitted to each point once, not once for each gradient.
    assert!(report.laws.iter().all(|law| law.points == 4 && law.exponents.len() == 2));
    let text = table::render(&report.page(false), Terminal::PIPE);
    assert_eq!(text.matches("exact").count(), 4 + 1, "{text}");
    assert!(text.contains("grows with seq^") && text.contains("grows with d_model^"), "{text}");
}

/// What a machine would find at a point, every pass as its closed form says.
fn found(sweep: &Sweep, point: &Point) -> Option<Report> {
    let (model, asked) = sweep.resolve(point).unwrap();
    BatchShape::resolve(asked, &model.config).ok()?;
    let training = sweep.training(point);
    let case = Case::new(model.config, asked.batch.unwrap(), asked.seq, training, &LIMITS);
    let place = SweepPoint { sweep: sweep.clone(), at: point.at.clone() };
    let report = case.report(Convention::Ieee, 1.0);
    Some(Report { sweep: Some(place), model: model.name, ..report })
}

fn conditions(sweep: &Sweep, adapter: Adapter) -> Conditions {
    Conditions {
        sweep: sweep.clone(),
        convention: Convention::Ieee,
        repeats: 3,
        min_seconds: None,
        data: "weights and tokens from seed 0".to_owned(),
        sources: None,
        adapter,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn points_that_were_shared_out_come_together_to_the_bit(
        qwen in any::<bool>(),
        seqs in prop::sample::subsequence(vec![2_u32, 5, 9, 40], 1..4),
        batches in prop::sample::subsequence(vec![1_u32, 2, 3], 1..3),
        shards in 1_usize..4,
        both in any::<bool>(),
    ) {
        let (model, set) = match qwen {
            // 40 is more than the model has learned.
            false => ("resnet-bk", vec!["d_model=4", "n_layers=1", "vocab_size=9", "n_seq=9"]),
            true => ("qwen2.5-0.5b", vec![
                "hidden_size=8", "num_attention_heads=2", "num_key_value_heads=1",
                "num_hidden_layers=2", "intermediate_size=6", "vocab_size=9", "lora_rank=2",
            ]),
        };
        let set: Vec<String> = set.into_iter().map(str::to_owned).collect();
        let list = |values: &[u32]| values.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
        let axes = [format!("seq={}", list(&seqs)), format!("batch={}", list(&batches))];
        let gradients = match (qwen, both) {
            (true, true) => ["f32", "f16"].map(|how| Family::choose("precision", how).unwrap()).to_vec(),
            (true, false) => vec![Family::choose("precision", "f32").unwrap()],
            (false, true) => vec![gradient("hybrid"), gradient("exact")],
            (false, false) => vec![gradient("hybrid")],
        };
        let sweep = sweep(model, &set, &axes, gradients);
        let adapter = Case::fixed().measurement.adapter;
        let points = sweep.points();
        let alone = points.iter().map(|point| {
            let fate = match found(&sweep, point) {
                Some(report) => Fate::Measured(Box::new(report)),
                None => Fate::Skipped(Reason::Refused, "it is too long".to_owned()),
            };
            (point.clone(), fate)
        });
        let alone = ScaleReport::new(sweep.clone(), Convention::Ieee, alone.collect::<Vec<_>>());

        let mut folders = Vec::new();
        for index in 0..shards {
            let folder = tempfile::tempdir().unwrap();
            let shard: Shard = format!("{index}/{shards}").parse().unwrap();
            let conditions = conditions(&sweep, Adapter::clone(&adapter));
            let files = PointFolder::open(folder.path(), conditions, crate::saved::origin()).unwrap();
            for (_, point) in points.iter().enumerate().filter(|(i, _)| shard.has(*i)) {
                match found(&sweep, point) {
                    Some(report) => {
                        files.write(point, &report).unwrap();
                        prop_assert_eq!(files.kept(point).unwrap(), Some(Box::new(report)));
                    }
                    None => files.write_refused(point, "it is too long").unwrap(),
                }
            }
            folders.push(folder);
        }
        // A machine that had no point has no file.
        let full = folders.iter().filter(|f| std::fs::read_dir(f.path()).unwrap().count() > 0);
        let paths: Vec<_> = full.map(|folder| folder.path().to_owned()).collect();
        prop_assert_eq!(result::merge(&paths, false).unwrap(), alone);
    }
}

#[test]
fn two_estimates_are_compared_without_a_device() {
    let estimated = |set: &str| {
        let model = Model::resolve("resnet-bk", [set]).unwrap();
        let shape = BatchShape::resolve(AskedShape::default(), &model.config).unwrap();
        let estimate =
            flopmeter::estimate::Estimate::new(&model.config, shape, Optimizer::AdamW).unwrap();
        Candidate::estimated(model.name, Training::default(), &estimate)
    };
    let report = CompareReport::new(estimated("n_layers=4"), estimated("n_layers=2")).unwrap();
    assert!(report.holds() && report.convention.is_none());
    let layers = report.components.iter().find(|pair| pair.name == "layer_*.bk_core").unwrap();
    assert_eq!(layers.speedup.estimate, Some(2.0));
}
