//! A family that is there for tests alone, as evidence that a family is one file or folder and one row of the
//! registry: the next token by a product with the embedding of this one, the embedding frozen.

use schemars::{JsonSchema, json_schema};

use super::{
    fields,
    held::Holders,
    member::{Family, Member, ModelConfig, Object, Shortened},
    shape::{BatchShape, Positions},
    training::{EveryValue, Scope, StepOption, Training},
};
use crate::{
    Error,
    blocks::{
        Fill, ParameterSpec,
        launch::{Builder, Launch},
        linear::{Linear, Rows},
        loss::Loss,
        micro_batches,
        optimize::optimize,
        weight::Placer,
    },
    choice::Target,
    claim::{Claimed, Says},
    component::{ComponentName, Phase},
    explain::{Account, Balance, Facts, Named, Subject},
    op::Op,
    operation::{Operation, Optimizer, Transfer},
    plan::{Element, Init, Pass, Plan, StoredOrder},
    term::{Priced, Published, Term},
};

/// The row of the registry.
pub static FAMILY: Family = Family {
    name: "Toy",
    model_types: &["toy"],
    holders: &Holders::NONE,
    fields: &["width", "vocab_size"],
    presets: &[("toy", r#"{"model_type": "toy", "width": 4, "vocab_size": 11}"#)],
    options: &[INPUT],
    read: |object| {
        fields::refuse_unknown(object, FAMILY.fields)?;
        let [width, vocab_size] =
            ["width", "vocab_size"].map(|name| fields::positive(object, name));
        Ok(Toy { width: width?, vocab_size: vocab_size? }.into())
    },
    overridden: |_, _| {},
    // A file of it has no other fields than those that are read.
    reads: |_, _| Ok(()),
    read_adapters: None,
    schema: |_| json_schema!({ "type": "object" }),
};

const INPUT: StepOption = StepOption {
    key: "toy_input",
    flag: "toy-input",
    plural: "toy_inputs",
    noun: "gradient by the input",
    title: "input",
    about: "whether the head's gradient by its input is computed, which nothing needs",
    needs: "such gradient",
    values: &["skipped", "computed"],
    forward: false,
    every: EveryValue { flag: "both-inputs", about: "measure each point with it and without" },
};

#[derive(Debug, JsonSchema)]
struct Toy {
    width: u32,
    vocab_size: u32,
}

const TABLE: &str = "table";
const HEAD: &str = "head";

impl Member for Toy {
    fn family(&self) -> &'static Family {
        &FAMILY
    }

    fn fields(&self) -> Object {
        let values = [("width", self.width), ("vocab_size", self.vocab_size)];
        values.map(|(name, value)| (name.to_owned(), value.into())).into_iter().collect()
    }

    fn vocab_size(&self) -> u32 {
        self.vocab_size
    }

    fn positions(&self) -> Positions {
        Positions { field: "none", count: 1000, learned: false }
    }

    fn usual_shape(&self) -> [u32; 2] {
        [2, 8]
    }

    fn check_batch(&self, _: BatchShape) -> Result<(), String> {
        Ok(())
    }

    fn parameters(&self) -> Vec<ParameterSpec> {
        let spec = |name: &str, component, trained| ParameterSpec {
            name: name.to_owned(),
            shape: vec![self.vocab_size as usize, self.width as usize],
            component: ComponentName::new(&[component]),
            fill: Fill::Normal,
            trained,
            order: StoredOrder::Rows,
        };
        vec![spec(TABLE, "embedding", false), spec(HEAD, "lm_head", true)]
    }

    fn lower(&self, shape: BatchShape, training: Training, target: &Target) -> Result<Plan, Error> {
        let Self { width: d, vocab_size: v } = *self;
        let t = shape.tokens();
        let mut to = Builder::new(target);
        let placer = Placer::new(self.parameters(), training.scope == Scope::Step);
        let [tokens, targets] = ["tokens", "targets"]
            .map(|name| to.plan.buffer(name, Element::U32, t.into(), Init::Input));
        let table = placer.one(&mut to, &ComponentName::new(&["embedding"]), TABLE);
        let head = ComponentName::new(&["lm_head"]);
        let head = Linear::place(&mut to, &placer, &head, (HEAD, None), [d, v]);
        let [x, dx] = ["x", "dx"].map(|name| to.scratch(name, u64::from(t) * u64::from(d)));
        to.launch(&Launch {
            operation: Operation::Rows { transfer: Transfer::Take, t, d, first: 0, rows: v },
            component: &table.component,
            phase: Phase::Forward,
            window: "",
            scalars: &[],
            bindings: &[("tokens", tokens), ("token_weight", table.value), ("y", x)],
        });
        let component = ComponentName::new(&["loss"]);
        let (b, n, micro_batches) = (shape.batch(), shape.seq(), training.accumulate);
        let loss = Loss { component, b, n, v, targets, micro_batches };
        let windows = loss.forward(&mut to, |to, window| {
            head.forward(to, &window.rows, window.of(x, d), window.logits);
        })?;
        if training.scope == Scope::Step {
            for window in &windows {
                let rows: &Rows = &window.rows;
                loss.backward(&mut to, window);
                if training.options.of(&INPUT) == "computed" {
                    head.backward_input(&mut to, rows, window.p, window.of(dx, d), false);
                }
                let more = window.first != 0;
                head.backward_parameters(&mut to, rows, window.p, window.of(x, d), more);
            }
        }
        micro_batches::repeat(&mut to, training.accumulate, head.weights());
        if training.scope == Scope::Step {
            optimize(&mut to, training.optimizer, head.weights());
        }
        Ok(to.plan)
    }

    fn estimator(&self) -> &'static str {
        "nobody"
    }

    fn estimate(&self, shape: BatchShape, _: Training) -> Result<Published, Error> {
        let [t, d, v] = [shape.tokens(), self.width, self.vocab_size].map(u64::from);
        let head = ComponentName::new(&["lm_head"]);
        let term = |phase| {
            let line = (Priced::all_of(&["lm_head"]), phase, "2 T D V", vec![2, t, d, v]);
            Term::new(&head, &line)
        };
        let terms = vec![term(Phase::Forward)?, term(Phase::Backward)?];
        Ok(Published { terms, per_function: None, field: Vec::new() })
    }

    fn account(&self) -> &'static dyn Account {
        &ToyAccount
    }

    fn claims(&self) -> Vec<Claimed> {
        let text = "the head is the whole forward pass".into();
        vec![Claimed { text, source: "a test", says: Says::Dominates { component: "lm_head" } }]
    }

    fn shortened(&self) -> Result<Shortened, Error> {
        Err(Error::Config("a toy has no layers".to_owned()))
    }
}

struct ToyAccount;

impl Account for ToyAccount {
    fn of_pass(&self, pass: &Pass, _: Op) -> Option<Subject> {
        (pass.component == "loss").then_some(Subject::Named(Named::one("what the toy is told")))
    }

    fn of_term(&self, _: &[&str], product: ComponentName) -> Option<Subject> {
        Some(Subject::Product(product))
    }

    fn aside(&self, _: &Named, _: Phase, _: Balance, _: &Facts) -> &'static str {
        ", as a toy would say"
    }
}

#[cfg(feature = "embedded")]
mod tests {
    use std::{collections::BTreeMap, ops::ControlFlow};

    use super::*;
    use crate::{
        choice::KernelSet,
        estimate::Estimate,
        execute::{self, cpu::SUBGROUP_LANES},
        family::{Choices, Chosen},
        model::{Batch, Model},
        op::Convention,
        profile::{Keep, Request, profile},
        result::{Fate, Report, ScaleReport, to_json},
        sweep::{Axis, Sweep},
    };

    /// A step of the preset, really run.
    fn report(options: Chosen) -> Report {
        let model = Model::resolve("toy", ["width=6"]).unwrap();
        let batch = Batch::load(None, Default::default(), &model.config, 3).unwrap();
        let training = Training { options, ..Training::default() };
        let estimate = Estimate::new(&model.config, batch.shape, training).unwrap();
        let request = Request {
            model: &model,
            weights: &model.weights(3).unwrap(),
            batch: &batch,
            data: "seeded",
            estimate: &estimate,
            convention: Convention::Ieee,
            runs: 0.into(),
            extrapolate: false,
            kernels: KernelSet::Auto,
            winners: None,
        };
        let mut cpu = execute::open("embedded", SUBGROUP_LANES).unwrap();
        profile(cpu.as_mut(), request, Keep::Nothing, &mut |_| ControlFlow::Continue(())).unwrap().0
    }

    #[test]
    fn a_family_is_its_file_and_one_row() {
        let report = report(Chosen::default());
        assert!(report.holds() && report.loss.is_some_and(f32::is_finite));
        // 2 T D V ran as charged in either phase, T = 2 x 8.
        let head = |phase| {
            let found =
                report.causes.iter().find(|c| c.phase == phase && c.subject.starts_with("lm_head"));
            found.map(|cause| (cause.measured, cause.estimate))
        };
        let product = 2 * 16 * 6 * 11;
        assert_eq!(head(Phase::Forward), Some((product, product)));
        assert_eq!(head(Phase::Backward), Some((product, product)));
        let told = report.causes.iter().filter(|cause| cause.subject == "what the toy is told");
        assert_eq!(told.count(), 2, "{:#?}", report.causes);
        let differences: i128 = report.causes.iter().map(|cause| cause.difference).sum();
        let (measured, estimate) = (report.totals.measured.total(), report.totals.estimate.total());
        assert_eq!(differences, i128::from(measured) - i128::from(estimate));

        let json = to_json(&report);
        assert!(
            json.contains(r#""toy_input": "skipped""#) && json.contains(r#""model_type": "toy""#)
        );
        assert_eq!(serde_json::from_str::<Report>(&json).unwrap(), report);
    }

    #[test]
    fn an_option_of_a_family_is_its_own() {
        let product = 2 * 16 * 6 * 11;
        let [without, with] = [("skipped", 0), ("computed", product)].map(|(value, more)| {
            (report(INPUT.choose(value).unwrap()).totals.measured.backward, more)
        });
        assert_eq!(with.0 - without.0, with.1 - without.1);
        assert!(INPUT.choose("perhaps").unwrap_err().contains("skipped, computed"));
    }

    #[test]
    fn its_claims_are_judged_on_its_sweeps() {
        let sweep = Sweep {
            model: "toy".to_owned(),
            set: Vec::new(),
            batch: None,
            seq: None,
            scope: Scope::Step,
            optimizer: Optimizer::Sgd,
            accumulate: 1,
            recompute: Default::default(),
            packed: Default::default(),
            options: Choices(Chosen::each(&INPUT)),
            axes: vec![Axis { key: "width".into(), field: "width".into(), values: vec![2, 4] }],
        };
        let fates = sweep.points().into_iter().map(|point| (point, Fate::Estimated));
        let report = ScaleReport::new(sweep.clone(), Convention::Ieee, fates);
        assert_eq!(report.points.len(), 4);
        let claims: BTreeMap<&str, _> =
            report.claims.iter().map(|c| (&*c.claim, c.judged[0].ruling)).collect();
        assert_eq!(claims["the head is the whole forward pass"], crate::result::Ruling::Holds);
        let json = to_json(&report);
        let read: ScaleReport = serde_json::from_str(&json).unwrap();
        assert_eq!((read.sweep, read.claims), (report.sweep, report.claims));
    }

    #[test]
    fn every_family_has_room_for_its_options() {
        for family in super::super::FAMILIES {
            assert!(family.options.len() <= super::super::MOST_OPTIONS, "{}", family.name);
            for (name, _) in family.presets {
                assert!(ModelConfig::preset(name).is_some(), "{name}");
            }
        }
    }
}
