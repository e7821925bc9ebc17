//! Reports as files: what is written reads back as it was, follows the schema in the repository, and
//! what is no such file is refused by name.

use std::{fmt::Debug, fs, path::Path};

use flopmeter::{
    check::Verdict,
    estimate::Estimate,
    execute,
    forecast::{Extent, Peak, Question},
    format::{self, table::Terminal},
    instrument::instrument,
    kernel::KernelModule,
    model::{
        AskedShape, BatchShape, Model, Optimizer,
        lower::{Scope, Training},
    },
    observe::{KernelLaunch, Observed, Series, Spread, TimeSource, Timing},
    op::{Convention, Op, OpCounts},
    page::Paged,
    result::{
        self, AdapterList, Agreement, ChangeReport, Document, KernelRun, Origin, RanKernels,
        Report, RooflineReport, RunReport, ShaderReport, Tool, to_json, to_signed_json,
    },
    shader::{self, Binding},
};
use serde_json::{Value, json};

use crate::case::{Case, LIMITS, adapter, ceilings, run};
use crate::{ran::run_report, sweep};

/// One kernel's report, without a device: as if each of its blocks had been executed ten times.
pub fn shader_report() -> ShaderReport {
    let source = "@group(0) @binding(0) var<storage, read_write> x: array<f32>;\n\
                  @compute @workgroup_size(8)\n\
                  fn main(@builtin(global_invocation_id) id: vec3<u32>) {\n\
                  \x20   // a | b, <b> & \"c\"\n\
                  \x20   x[id.x] = fma(x[id.x], 2.0, 1.0);\n\
                  }\n";
    let kernel =
        KernelModule::from_wgsl("twice.wgsl", source, "main", &Default::default()).unwrap();
    let table = instrument(&kernel, &LIMITS).unwrap().table;
    let executions = vec![10; table.blocks().len()];
    let launches = [KernelLaunch { kernel: &kernel, grid: [2, 1, 1] }];
    let observed = Observed {
        dead: None,
        adapter: adapter("Example", LIMITS).into(),
        cost: table.cost(&executions),
        lines: table.lines(&executions),
        uneven_barriers: Vec::new(),
        seconds: Some(1.5e-3),
        counted_seconds: 2e-3,
        witness: None,
        from_layer: None,
    };
    let spread = Some(Spread { min: 1.25e-3, median: 1.5e-3, max: 1.75e-3 });
    let timing = Timing {
        source: TimeSource::Wall,
        repeats: 3,
        min_seconds: None,
        plain_seconds: Some(1.5e-3),
        spread,
        counted_seconds: 2e-3,
        warm_up: None,
    };
    let run = shader::ShaderRun {
        in_bytes: Default::default(),
        series: Series {
            launches: vec![observed],
            seconds: vec![spread],
            total_seconds: spread,
            timing,
        },
        bindings: vec![Binding {
            group: 0,
            binding: 0,
            name: "x".into(),
            bytes: 64,
            fill: Some("iota:16".into()),
            zeros: Vec::new(),
            contents: None,
        }],
        leeways: Default::default(),
        layouts: Default::default(),
        dumps: Default::default(),
    };
    let overrides = [("scale".to_owned(), 0.1)].into();
    ShaderReport::new(&launches, &overrides, &run, Convention::Ieee)
}

fn adapters() -> AdapterList {
    let limits = execute::Limits { subgroup_lanes: Some(8), ..LIMITS };
    AdapterList::new(vec![adapter("Example", LIMITS), adapter("Other", limits)], &[])
}

/// Two runs that disagree on a loss and on a count.
pub fn agreement() -> Agreement {
    let mut runs = [run("One"), run("Two")];
    runs[1].loss = Some(3.0);
    runs[1].measurement.passes[2].cost.traffic.atomics += 1;
    Agreement::new(&Case::fixed().plan, &runs)
}

/// The published estimate of a preset's step.
pub fn estimate(model: &str, overrides: &[&str]) -> Estimate {
    let overrides = overrides.iter();
    let model = Model::resolve(model, overrides).unwrap();
    let shape = BatchShape::resolve(AskedShape::default(), &model.config).unwrap();
    Estimate::new(&model.config, shape, Optimizer::AdamW).unwrap()
}

/// A report with one of each verdict, of a model with adapters.
fn profile() -> Report {
    let mut case = Case::fixed();
    case.spoil(3, flopmeter::op::OpCounts::f32(flopmeter::op::Op::Tanh, u64::from(u32::MAX)));
    let adapters = Model::resolve("qwen2.5-0.5b", ["lora_rank=3"]).unwrap();
    let mut report = case.report(Convention::Primitive, 1.0 / 3.0);
    let pass = &mut report.passes[2];
    (pass.exact_ops, pass.algebraic_ops) = (None, None);
    pass.verdict = Verdict::NotComparable { reason: "no second opinion".into() };
    report.verdict.r#match -= 1;
    report.verdict.not_comparable += 1;
    Report { model_config: adapters.config, ..report }
}

/// A report whose passes have their places under ceilings.
pub fn placed() -> Report {
    let mut report = Case::fixed().report(Convention::Ieee, 3.25);
    report.place(ceilings());
    report
}

/// Where a report comes from, the same on every day.
pub fn origin() -> Origin {
    let command = ["flopmeter", "profile", "--repeat", "0"].map(str::to_owned).to_vec();
    Origin { tool: Tool::FLOPMETER, command, date: "2026-01-02T03:04:05Z".to_owned() }
}

/// Writes a report and reads it again: an equal value, and a file that follows its schema.
fn reads_back<D: Document + PartialEq + Debug>(report: &D) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.json");
    let mut origin = origin();
    if !serde_json::to_value(report).unwrap()["command"].is_null() {
        // A report that says itself what was run.
        origin.command.clear();
    }
    let text = to_signed_json(report, &origin);
    fs::write(&path, &text).unwrap();
    assert_eq!(result::load::<D>(&path).unwrap(), *report);

    let mut written: Value = serde_json::from_str(&text).unwrap();
    let schemas = result::schemas();
    let (_, schema) = schemas.iter().find(|(name, _)| *name == D::SCHEMA).unwrap();
    let schema = jsonschema::validator_for(schema.as_value()).unwrap();
    let errors: Vec<String> = schema.iter_errors(&written).map(|e| e.to_string()).collect();
    assert!(errors.is_empty(), "{}: {errors:?}", D::SCHEMA);
    // And the schema is one that a file can fail.
    written["schema"] = json!("flopmeter.other/1");
    assert!(!schema.is_valid(&written), "{}", D::SCHEMA);
}

#[test]
fn a_saved_report_reads_back_as_it_was() {
    reads_back(&Case::fixed().report(Convention::Ieee, 3.25));
    reads_back(&profile());
    reads_back(&placed());
    reads_back(&RooflineReport::new(ceilings()));
    let peak = Some(Peak::new(67e12, 0.3).unwrap());
    let question = Question { extent: Some(Extent::Steps(1000)), budget: Some(1 << 60), peak };
    reads_back(&estimate("resnet-bk", &[]).with_forecast(question).unwrap());
    let bare = Question { budget: Some(1 << 60), ..Question::default() };
    let step = estimate("qwen2.5-0.5b", &["lora_rank=8"]);
    let training = Training { scope: Scope::Forward, ..step.training() };
    reads_back(&Estimate::new(step.config(), step.shape(), training).unwrap());
    reads_back(&step.with_forecast(bare).unwrap());
    let report = Case::fixed().report(Convention::Ieee, 3.25);
    reads_back(&report.with_forecast(question).unwrap());
    reads_back(&sweep::scale());
    reads_back(&sweep::compare());
    reads_back(&agreement());
    reads_back(&shader_report());
    reads_back(&adapters());
    reads_back(&run_report());
}

#[test]
fn a_loss_that_is_not_finite_is_still_known_to_be_none() {
    let report = Case::fixed().report(Convention::Ieee, f32::NAN);
    let read: Report = serde_json::from_str(&to_json(&report)).unwrap();
    assert_eq!((read.loss, read.loss_is_finite), (None, Some(false)));
    assert!(format::table::render(&read.page(false), Terminal::PIPE).contains("not finite"));
}

/// Why a file with these contents is no profile.
fn refusal(contents: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("saved.json");
    fs::write(&path, contents).unwrap();
    let message = result::load::<Report>(&path).unwrap_err().to_string();
    assert!(message.contains("saved.json"), "{message}");
    message
}

#[test]
fn a_file_that_is_no_such_report_is_refused_and_said_why() {
    let whole = to_json(&Case::fixed().report(Convention::Ieee, 3.25));
    let says = |contents: &str, what: &str| {
        let message = refusal(contents);
        assert!(message.contains(what), "{message:?} does not say {what:?}");
    };
    // Cut anywhere, it is said to be cut; what is left is a report only where nothing but its end of
    // line is gone.
    for end in (97..whole.len() - 2).step_by(97).filter(|&end| whole.is_char_boundary(end)) {
        says(&whole[..end], "cut short");
    }
    says("not json", "no report of flopmeter");
    says("[1, 2]", "no report of flopmeter");
    says("{\"total_flops\": 3}", "no report of flopmeter");
    says(
        &whole.replace("flopmeter.profile/1", "flopmeter.profile/2"),
        "version flopmeter.profile/2",
    );
    says(&to_json(&shader_report()), "'flopmeter.shader/1', where a report 'flopmeter.profile/1'");
    says("{\"schema\": \"flopmeter.profile/1\"}", "missing field");
    says(&whole.replace("\"f32.fma\"", "\"f32.fmla\""), "unknown operation 'f32.fmla'");
    says(&whole.replace("\"total\": 16212", "\"total\": 16213"), "do not add up");
    says(&whole.replace("\"top_k\": 2", "\"top_k\": 20"), "top_k = 20");
    let missing = result::load::<Report>(Path::new("/nonexistent/r.json")).unwrap_err().to_string();
    assert!(missing.contains("/nonexistent/r.json: cannot be read"), "{missing}");
}

#[test]
fn an_estimate_whose_terms_do_not_add_up_is_refused() {
    let text = to_json(&estimate("resnet-bk", &[]));
    let spoilt = text.replacen("\"flops\": 262144,", "\"flops\": 262145,", 1);
    assert_ne!(text, spoilt);
    let error = serde_json::from_str::<Estimate>(&spoilt).unwrap_err().to_string();
    assert!(error.contains("do not add up"), "{error}");
}

/// Where they differ, `FLOPMETER_WRITE_SCHEMAS=1 cargo test --test report schemas` writes them anew.
#[test]
fn the_schemas_in_the_repository_are_those_of_the_types() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas");
    let write = std::env::var_os("FLOPMETER_WRITE_SCHEMAS").is_some_and(|value| value == "1");
    let mut names = Vec::new();
    for (name, schema) in result::schemas() {
        let path = folder.join(format!("{}.json", name.replace('/', "-")));
        let text = to_json(&schema);
        if write {
            fs::write(&path, &text).unwrap();
        }
        let kept = fs::read_to_string(&path).unwrap_or_default();
        // Whole schemas would bury the name of the one that differs.
        assert!(kept == text, "{} is not what the types say", path.display());
        names.push(path);
    }
    let mut kept: Vec<_> =
        fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    kept.sort();
    assert_eq!(kept, names, "a schema of no report");
}

/// Two runs of a program, as if it had been changed between them.
pub fn run_change() -> ChangeReport {
    let run = |report: RunReport| KernelRun {
        file: Some("saved.json".into()),
        ..RanKernels::Program(Box::new(report)).into()
    };
    let (before, mut after) = (run_report(), run_report());
    let [first, ..] = &mut after.kernels[..] else { panic!("{after:?}") };
    first.ops = first.ops.map(|ops| ops + OpCounts::f32(Op::Fma, 7));
    first.flops = first.flops.map(|flops| flops + 14);
    first.name = "renamed".into();
    after.totals.ops = after.totals.ops.map(|ops| ops + OpCounts::f32(Op::Fma, 7));
    after.totals.flops = after.totals.flops.map(|flops| flops + 14);
    ChangeReport::new(&run(before), &run(after), Convention::Ieee).unwrap()
}

#[test]
fn programs_are_compared_kernel_by_kernel() {
    let change = run_change();
    let of = |name: &str| change.kernels.iter().find(|pair| pair.name == name).unwrap();
    assert!(of("renamed").a.is_none() && of("renamed").b.is_some());
    let gone: Vec<_> = change.kernels.iter().filter(|pair| pair.b.is_none()).collect();
    assert_eq!(gone.len(), 1);
    let [a, b] = [change.total.a, change.total.b].map(|figures| figures.unwrap().flops);
    assert_eq!(b - a, 14);
    let moved: Vec<_> = change.moved().map(|pair| (&*pair.name, pair.b - pair.a)).collect();
    assert_eq!(moved, [("f32.fma", 7)]);
    assert_eq!(change.lines, []);
    assert!(change.holds(), "nothing was asked of it");

    let shader = KernelRun::from(RanKernels::Shader(Box::new(shader_report())));
    let program = KernelRun::from(RanKernels::Program(Box::new(run_report())));
    let refused = ChangeReport::new(&shader, &program, Convention::Ieee).unwrap_err().to_string();
    assert!(refused.contains("have two of a kind"), "{refused}");
}
