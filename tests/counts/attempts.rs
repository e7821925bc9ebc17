//! Executors that go wrong: whose own tally is another than their counters, or that end a kernel before its end.
//! Each is noticed, and what one cut off is run again where its user named none.

use flopmeter::{
    Error, KernelError,
    choice::KernelSet,
    estimate::Estimate,
    execute::{
        Adapter, Allocation, DeviceType, Dispatch, Embedded, Executor, Outcome, ProgramId, Sampler,
        Texture,
        cpu::{Cpu, SUBGROUP_LANES},
    },
    kernel::KernelModule,
    model::{AskedShape, Batch, Model, lower::Training},
    observe::{Attempts, KernelLaunch},
    op::{Convention, Op, OpCounts},
    profile::{Keep, Request, profile},
    result::{Report, ShaderReport},
    shader,
};

/// What is wrong with an executor.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wrong {
    /// Its tally has an addition more.
    Tally,
    /// Its counters say nothing of what ran, as if invocations had been lost.
    Lost,
    /// Its back end takes no kernel.
    BackEnd,
    /// It fails in a way that has nothing to do with kernels.
    Device,
}

/// The embedded executor, but for what is wrong with it; it calls itself a software adapter.
struct Spoilt {
    cpu: Cpu,
    adapter: Adapter,
    wrong: Wrong,
}

impl Spoilt {
    fn new(wrong: Wrong) -> Self {
        let cpu = common::embedded();
        let adapter = Adapter {
            name: "spoilt".to_owned(),
            device_type: DeviceType::Software,
            ..cpu.adapter().clone()
        };
        Self { cpu, adapter, wrong }
    }
}

impl Executor for Spoilt {
    fn adapter(&self) -> &Adapter {
        &self.adapter
    }

    fn compile(&mut self, kernel: &KernelModule) -> Result<ProgramId, Error> {
        if self.wrong == Wrong::BackEnd {
            let (kernel, adapter) = (kernel.name.clone(), self.adapter.name.clone());
            let problem = "no".to_owned();
            return Err(KernelError::BackEnd { kernel, adapter, problem }.into());
        }
        self.cpu.compile(kernel)
    }

    fn allocate(&mut self, label: &str, bytes: u64) -> Result<Allocation, Error> {
        self.cpu.allocate(label, bytes)
    }

    fn texture(&mut self, label: &str, texture: &Texture) -> Result<Allocation, Error> {
        self.cpu.texture(label, texture)
    }

    fn sampler(&mut self, label: &str, sampler: Sampler) -> Result<Allocation, Error> {
        self.cpu.sampler(label, sampler)
    }

    fn write(&mut self, buffer: Allocation, offset: u64, data: &[u8]) -> Result<(), Error> {
        self.cpu.write(buffer, offset, data)
    }

    fn read(&mut self, buffer: Allocation, offset: u64, size: u64) -> Result<Vec<u8>, Error> {
        self.cpu.read(buffer, offset, size)
    }

    fn dispatch(&mut self, dispatch: &Dispatch<'_>) -> Result<Outcome, Error> {
        match self.wrong {
            Wrong::Device => {
                return Err(Error::Device {
                    adapter: self.adapter.name.clone(),
                    during: dispatch.label.to_owned(),
                    problem: "unplugged".to_owned(),
                });
            }
            Wrong::Lost if dispatch.grid != [1; 3] => {
                let grid = [dispatch.grid[0].div_ceil(2), 1, 1];
                return self.cpu.dispatch(&Dispatch { grid, ..*dispatch });
            }
            Wrong::Lost | Wrong::Tally | Wrong::BackEnd => {}
        }
        let mut outcome = self.cpu.dispatch(dispatch)?;
        if let Some(witness) = outcome.witness.as_mut().filter(|_| self.wrong == Wrong::Tally) {
            witness.tally.ops = witness.tally.ops + OpCounts::f32(Op::Add, 1);
        }
        Ok(outcome)
    }

    fn clear(&mut self) {
        self.cpu.clear();
    }

    fn looks(&self) -> bool {
        true
    }
}

fn kernel() -> KernelModule {
    let source = "@group(0) @binding(0) var<storage, read_write> x: array<f32, 64>;
        @compute @workgroup_size(8) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
            x[id.x] = x[id.x] * 2.0;
        }";
    KernelModule::from_wgsl("twice", source, "main", &Default::default()).unwrap()
}

fn shader_report(executor: &mut dyn Executor) -> Result<ShaderReport, Error> {
    let (kernel, fills) = (kernel(), Default::default());
    let launches = [KernelLaunch { kernel: &kernel, grid: [8, 1, 1] }];
    let request = shader::ShaderRequest {
        launches: &launches,
        fills: &fills,
        dumps: &[],
        runs: 1.into(),
        under_way: &Default::default(),
    };
    let run = shader::run(executor, &request)?;
    Ok(ShaderReport::new(&launches, &Default::default(), &run, Convention::Ieee))
}

fn profile_report(executor: &mut dyn Executor) -> Result<Report, Error> {
    let small = ["d_model=8", "n_layers=1", "n_seq=6", "vocab_size=20", "num_experts=2"];
    let model = Model::resolve("resnet-bk", small)?;
    let batch = Batch::load(
        None,
        AskedShape { batch: Some(2), seq: None, ..AskedShape::default() },
        &model.config,
        0,
    )?;
    let weights = model.weights(0)?;
    let estimate = Estimate::new(&model.config, batch.shape, Training::default())?;
    let request = Request {
        model: &model,
        weights: &weights,
        batch: &batch,
        data: "seed 0",
        estimate: &estimate,
        convention: Convention::Ieee,
        runs: 0.into(),
        extrapolate: false,
        kernels: KernelSet::Auto,
        winners: None,
    };
    let go_on = &mut |_: flopmeter::measure::Progress<'_>| std::ops::ControlFlow::Continue(());
    profile(executor, request, Keep::Nothing, go_on).map(|(report, _)| report)
}

#[test]
fn a_wrong_tally_fails_a_kernels_and_a_models_report() {
    assert!(shader_report(&mut common::embedded()).unwrap().holds());
    let spoilt = shader_report(&mut Spoilt::new(Wrong::Tally)).unwrap();
    assert!(!spoilt.holds());
    let [difference] = &spoilt.tally.unwrap().differences[..] else { panic!("one kernel") };
    assert_eq!(
        (&*difference.label, &*difference.why),
        ("twice", "f32.add: the count says 0, the tally says 1")
    );

    let honest = profile_report(&mut common::embedded()).unwrap();
    assert!(honest.holds());
    let passes = honest.passes.len() as u64;
    assert_eq!(honest.provenance.tally.unwrap().verdict.r#match, passes);
    let spoilt = profile_report(&mut Spoilt::new(Wrong::Tally)).unwrap();
    assert!(!spoilt.holds() && spoilt.verdict.holds());
    assert_eq!(spoilt.provenance.tally.unwrap().verdict.mismatch, passes);
}

fn attempts(wrong: Wrong, may_move: bool) -> Attempts {
    let embedded = Embedded::from(SUBGROUP_LANES);
    Attempts::new(Box::new(Spoilt::new(wrong)), may_move.then_some(embedded))
}

#[test]
fn what_an_adapter_did_not_run_to_its_end_runs_again_where_none_was_named() {
    let right = shader_report(&mut common::embedded()).unwrap();
    for (wrong, says) in
        [(Wrong::Lost, "of 64 invocations"), (Wrong::BackEnd, "cannot be compiled")]
    {
        let mut both = attempts(wrong, true);
        let (report, moved) =
            both.run(|executor, moved| Ok((shader_report(executor)?, moved.cloned()))).unwrap();
        let moved = moved.unwrap();
        assert!(moved.adapter == "spoilt" && moved.why.contains(says), "{}", moved.why);
        assert_eq!((report.ops, &report.adapter), (right.ops, &right.adapter));
        assert_eq!(both.executor().adapter().name, "embedded");

        // A model is run again from its first pass, and the error names the pass.
        let (report, moved) =
            both.run(|executor, moved| Ok((profile_report(executor)?, moved.cloned()))).unwrap();
        assert!(report.holds() && moved.unwrap().why.starts_with("pass '"));

        let error = attempts(wrong, false).run(|executor, _| shader_report(executor)).unwrap_err();
        assert!(error.to_string().contains(says), "{error}");
    }
    // A device that is gone, or a kernel that is wrong, is so everywhere.
    let error = attempts(Wrong::Device, true).run(|executor, _| shader_report(executor));
    assert!(error.unwrap_err().to_string().contains("unplugged"));
}

#[test]
fn what_went_well_is_not_run_again() {
    let mut runs = 0;
    let mut both = Attempts::new(Box::new(common::embedded()), None);
    let moved = both.run(|_, moved| {
        runs += 1;
        Ok(moved.cloned())
    });
    assert_eq!((moved.unwrap(), runs), (None, 1));
}
