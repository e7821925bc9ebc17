//! Which kernels win where they are timed, by a clock that says what the test wants, and what becomes of a file in
//! which winners are kept.

use std::{collections::BTreeMap, fs, ops::ControlFlow, path::Path};

use flopmeter::{
    Error,
    choice::{Class, KernelSet, Target, Winners},
    execute::{Adapter, Executor, Limits, cpu::Cpu},
    operation::{LinearResult, Operation, Precision},
    tune::{
        self, Contest, Kept, Specimen, Stopwatch, Timekeeper, Unusable, Variant, keep, kept,
        narrow_specimens, specimens, tune,
    },
};

/// Says for each file of kernels how long its kernels take; of a file that it does not know, that it is not taken.
struct FakeClock {
    seconds: BTreeMap<&'static str, Vec<f64>>,
    /// The classes that were timed.
    asked: Vec<Class>,
}

impl FakeClock {
    fn new<const N: usize>(seconds: [(&'static str, [f64; 5]); N]) -> Self {
        let seconds = seconds.map(|(file, times)| (file, times.to_vec()));
        Self { seconds: BTreeMap::from(seconds), asked: Vec::new() }
    }
}

impl Timekeeper for FakeClock {
    fn time(
        &mut self,
        specimen: &Specimen,
        variants: &[Variant],
    ) -> Result<Vec<Result<Vec<f64>, String>>, Error> {
        self.asked.push(specimen.class);
        let time = |variant: &Variant| {
            let file = variant.choice.kernel.name().file;
            self.seconds.get(&*file).cloned().ok_or_else(|| format!("{file} does not compile"))
        };
        Ok(variants.iter().map(time).collect())
    }
}

/// An adapter with subgroups of eight, so that every set of kernels runs there.
const LIMITS: Limits = Limits { subgroup_lanes: Some(8), ..Limits::WEBGPU };

const EVEN: Class = Class::Product {
    result: LinearResult::Output,
    by_four: true,
    large: false,
    precision: Precision::Single,
};

/// What came of timing products forward whose extents are multiples of four.
fn even(clock: &mut FakeClock) -> Contest {
    let contests =
        tune(&LIMITS, &specimens(&LIMITS), clock, &mut |_| ControlFlow::Continue(())).unwrap();
    contests.into_iter().find(|contest| contest.class == EVEN).unwrap()
}

#[test]
fn the_fastest_kernel_of_a_class_wins_every_time() {
    let times = [
        ("linear_subgroup", [3.0; 5]),
        ("linear", [2.0; 5]),
        ("linear_workgroup", [1.0, 1.1, 1.0, 1.0, 1.2]),
    ];
    let contest = even(&mut FakeClock::new(times));
    assert_eq!(contest.winner, Some(KernelSet::Workgroup));
    assert_eq!(contest.taken().unwrap().kernel.file, "linear_workgroup");
    let files = contest.contenders.iter().map(|one| one.kernel.file.as_str());
    assert_eq!(files.collect::<Vec<_>>(), ["linear_subgroup", "linear", "linear_workgroup"]);
    let middle: Vec<f64> = contest.contenders.iter().map(|one| one.seconds.median).collect();
    assert_eq!(middle, [3.0, 2.0, 1.0]);
    assert_eq!(contest, even(&mut FakeClock::new(times)), "the same times, the same winner");
}

#[test]
fn a_tie_and_a_noisy_clock_keep_the_default() {
    let flat =
        [("linear_subgroup", [1.0; 5]), ("linear", [1.0; 5]), ("linear_workgroup", [1.0; 5])];
    assert_eq!(even(&mut FakeClock::new(flat)).winner, None);
    let noisy = [
        ("linear_subgroup", [1.0, 1.5, 1.2, 1.0, 1.1]),
        ("linear", [0.7, 1.4, 0.8, 1.3, 0.9]),
        ("linear_workgroup", [0.9, 1.6, 0.9, 1.1, 0.9]),
    ];
    assert_eq!(even(&mut FakeClock::new(noisy)).winner, None);
}

#[test]
fn a_kernel_that_does_not_compile_is_dropped_and_named() {
    let clock = [("linear_subgroup", [2.0; 5]), ("linear", [1.0; 5])];
    let contest = even(&mut FakeClock::new(clock));
    assert_eq!(contest.winner, Some(KernelSet::Portable));
    let [dropped] = &contest.dropped[..] else { panic!("{:?}", contest.dropped) };
    assert_eq!(dropped.kernel.to_string(), "linear_workgroup.forward_vec4");
    assert_eq!(dropped.why, "linear_workgroup does not compile");

    // The default's place is then the next one's.
    let contest = even(&mut FakeClock::new([("linear", [1.0; 5])]));
    assert_eq!(contest.winner, Some(KernelSet::Portable));
    assert_eq!(contest.dropped.len(), 2);

    let contest = even(&mut FakeClock::new([]));
    assert_eq!((contest.winner, contest.taken()), (None, None));
}

/// What came of timing products of halves forward, whose extents are multiples of four, where there are matrices.
fn halves(clock: &mut FakeClock) -> Vec<Contest> {
    let limits = Limits { matrix_side: Some(16), ..LIMITS };
    tune(&limits, &narrow_specimens(&limits), clock, &mut |_| ControlFlow::Continue(())).unwrap()
}

#[test]
fn matrices_are_a_candidate_for_products_of_halves() {
    let narrow = Class::Product {
        result: LinearResult::Output,
        by_four: true,
        large: false,
        precision: Precision::Half,
    };
    let forward = |contests: Vec<Contest>| {
        contests.into_iter().find(|contest| contest.class == narrow).unwrap()
    };
    let times =
        [("linear_f16", [2.0; 5]), ("linear_workgroup_f16", [3.0; 5]), ("linear_matrix", [1.0; 5])];
    let contests = halves(&mut FakeClock::new(times));
    // Odd products are no whole matrices, and those by weights have long sums here, which are not timed.
    let with =
        |contest: &&Contest| contest.contenders.iter().any(|one| one.kernels == KernelSet::Matrix);
    assert_eq!(contests.iter().filter(with).count(), 2);
    let contest = forward(contests);
    // They are timed, and chosen by those who ask for them alone.
    assert_eq!(contest.winner, None);
    assert_eq!(contest.taken().unwrap().kernel.to_string(), "linear_f16.forward_vec4");

    // An adapter that does not take it.
    let contests = halves(&mut FakeClock::new([times[0], times[1]]));
    let contest = forward(contests.clone());
    assert_eq!(contest.winner, None);
    let [dropped] = &contest.dropped[..] else { panic!("{:?}", contest.dropped) };
    assert_eq!(dropped.kernel.to_string(), "linear_matrix.forward");
    assert_eq!(dropped.why, "linear_matrix does not compile");

    // Of single numbers nothing is timed anew, and what was found of them stays.
    let (_, found) = found();
    let both = found.clone().with(contests);
    assert_eq!([found.has_narrow(), both.has_narrow()], [false, true]);
    assert_eq!(both.contests[..1], found.contests);
    assert_eq!((found.narrow_by_single(), both.narrow_by_single()), (None, Some(2.0)));
    let text = serde_json::to_string(&found).unwrap();
    assert!(!text.contains("precision"), "a file of before: {text}");
    let winners = Winners::from_iter([(narrow, KernelSet::Matrix)]);
    let product = |m| Operation::Linear {
        result: LinearResult::Output,
        m,
        k: 128,
        n: 64,
        g: 1,
        accumulate: false,
        precision: Precision::Half,
    };
    let chosen = |limits: &Limits, m| {
        let target = Target::new(limits, KernelSet::Auto, Some(&winners)).unwrap();
        target.choose(&product(m)).kernel.name().file
    };
    let limits = Limits { matrix_side: Some(16), ..LIMITS };
    assert_eq!(chosen(&limits, 64), "linear_matrix");
    assert_eq!(chosen(&limits, 65), "linear_f16", "no whole matrices");
    assert_eq!(chosen(&LIMITS, 64), "linear_f16", "a winner that cannot run");
}

#[test]
fn who_stops_the_tuning_is_obeyed() {
    let mut clock = FakeClock::new([]);
    let mut heard = Vec::new();
    let stopped = tune(&LIMITS, &specimens(&LIMITS), &mut clock, &mut |class| {
        heard.push(class.to_owned());
        if heard.len() == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert!(matches!(stopped, Err(Error::Interrupted(class)) if class == heard[2]));
    assert_eq!(clock.asked.len(), 2);
}

/// An adapter and what was found on it.
fn found() -> (Adapter, Kept) {
    let mut adapter = Cpu::new(32).unwrap().adapter().clone();
    adapter.name = "Example: GPU / 1".to_owned();
    adapter.limits = LIMITS;
    let times = [("linear_subgroup", [2.0; 5]), ("linear", [1.0; 5])];
    let contests = vec![even(&mut FakeClock::new(times))];
    let kept = Kept::new(&adapter, contests);
    (adapter, kept)
}

fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn what_was_found_is_kept_for_the_same_adapter_driver_and_version() {
    let folder = tempfile::tempdir().unwrap();
    let folder = &folder.path().join("not/there/yet");
    let (adapter, found) = found();
    assert_eq!(kept(folder, &adapter), Ok(None));
    let path = keep(folder, &adapter, &found).unwrap();
    assert_eq!(files(folder), ["example--gpu---1-embedded.json"], "nothing else is left there");
    assert_eq!(kept(folder, &adapter), Ok(Some(found.clone())));
    assert_eq!(found.winners(), Winners::from_iter([(EVEN, KernelSet::Portable)]));

    let other = Adapter { driver: "another".to_owned(), ..adapter.clone() };
    assert_eq!(kept(folder, &other), Err(Unusable::OtherDriver(adapter.driver.clone())));
    let narrow = Limits { subgroup_lanes: Some(4), ..LIMITS };
    let narrow = kept(folder, &Adapter { limits: narrow, ..adapter.clone() });
    assert!(matches!(narrow, Err(Unusable::OtherDriver(_))), "{narrow:?}");

    let text = fs::read_to_string(&path).unwrap();
    let version = format!("\"version\": \"{}\"", env!("CARGO_PKG_VERSION"));
    assert!(text.contains(&version), "{text}");
    fs::write(&path, text.replace(&version, "\"version\": \"0.0.1\"")).unwrap();
    let stale = kept(folder, &adapter).unwrap_err();
    assert_eq!(stale, Unusable::OtherVersion("0.0.1".to_owned()));
    assert!(stale.to_string().contains("0.0.1"), "{stale}");

    // What another version laid out in another way is of that version first of all.
    fs::write(&path, "{\"version\": \"9.9.9\", \"contests\": 7}").unwrap();
    assert_eq!(kept(folder, &adapter), Err(Unusable::OtherVersion("9.9.9".to_owned())));
}

#[test]
fn a_file_that_is_no_such_file_is_said_to_be_none() {
    let folder = tempfile::tempdir().unwrap();
    let (adapter, found) = found();
    let path = keep(folder.path(), &adapter, &found).unwrap();
    let whole = fs::read_to_string(&path).unwrap();
    let unknown = whole.replace("\"winner\": \"portable\"", "\"winner\": \"fastest\"");
    assert_ne!(unknown, whole);
    for broken in [&whole[..whole.len() / 2], "", "[]", "{\"version\": 7}", &unknown] {
        fs::write(&path, broken).unwrap();
        let unreadable = kept(folder.path(), &adapter);
        assert!(matches!(unreadable, Err(Unusable::Unreadable(_))), "{broken}: {unreadable:?}");
    }
    keep(folder.path(), &adapter, &found).unwrap();
    assert_eq!(kept(folder.path(), &adapter), Ok(Some(found)), "written over");
}

#[test]
fn a_folder_that_cannot_be_written_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let (adapter, found) = found();
    let error = keep(&file, &adapter, &found).unwrap_err().to_string();
    assert!(error.contains("file"), "{error}");
}

#[test]
fn kernels_are_timed_on_an_executor_and_each_winner_can_be_chosen() {
    let mut cpu = Cpu::new(8).unwrap();
    let limits = cpu.adapter().limits;
    let few: Vec<Specimen> =
        specimens(&limits).into_iter().filter(|specimen| specimen.class == EVEN).collect();
    let mut stopwatch = Stopwatch::new(&mut cpu);
    let contests =
        tune::tune(&limits, &few, &mut stopwatch, &mut |_| ControlFlow::Continue(())).unwrap();
    let [contest] = &contests[..] else { panic!("{contests:?}") };
    assert_eq!(contest.contenders.len(), 3, "{contest:?}");
    assert!(contest.contenders.iter().all(|one| one.seconds.min > 0.0 && one.flops > 0));
    let kept = Kept::new(cpu.adapter(), contests.clone());
    let target = Target::new(&limits, KernelSet::Auto, Some(&kept.winners())).unwrap();
    let chosen = target.choose(&few[0].operation).kernel.name();
    assert_eq!(chosen, contest.taken().unwrap().kernel);
}
