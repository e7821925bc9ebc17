//! Ceilings: measured on every executor in work that was counted, or named as missing.

use std::ops::ControlFlow;

use flopmeter::{
    Error,
    roofline::{PROBES, Resource, measure},
};

#[test]
fn every_executor_has_ceilings_in_counted_work() {
    // These buffers are larger than the race detector can watch.
    common::on_every_executor_with_races(|executor| {
        let mut told = 0;
        let mut count = |_: &str| {
            told += 1;
            ControlFlow::Continue(())
        };
        let ceilings = measure(executor, 2, &mut count).unwrap();
        assert_eq!(told, PROBES * ceilings.rounds as usize, "what a bar shows comes to its end");
        for ceiling in &ceilings.ceilings {
            let (rate, seconds) = (ceiling.rate, ceiling.seconds);
            assert!(0.0 < rate.min && rate.min <= rate.median && rate.median <= rate.max);
            assert_eq!(rate.max, ceiling.work as f64 / seconds.min, "{}", ceiling.name);
        }
        let of = |entry: &str| {
            ceilings.ceilings.iter().find(|ceiling| ceiling.kernel.entry == entry).unwrap()
        };
        // 8 vectors of 4, 8 multiply-adds in each of 128 rounds. Before them, sums of vectors of 4: two and
        // one for each accumulator but the first; after them, 7 and 3 of the rest.
        let an_invocation = 2 * 8 * 4 * 8 * 128 + 4 * (2 + 7) + 4 * 7 + 3;
        let peak = of("fma_f32_vec4");
        assert_eq!(peak.work % (256 * an_invocation), 0, "whole workgroups of 256");
        assert!(peak.work > 0);
        // All of one buffer to another, all of two to a third.
        assert_eq!(of("copy").work, of("copy").buffer_bytes);
        let triad = of("triad");
        assert_eq!(triad.work, triad.buffer_bytes - 16, "but for the uniform");
        assert_eq!(of("copy").buffer_bytes / 2, 128 << 20);

        assert!(ceilings.best(Resource::Workgroup).unwrap() > 0.0);
        assert!(ceilings.submit_and_wait.min >= ceilings.empty_dispatch.min);
        assert!(ceilings.drift.first > 0.0 && ceilings.drift.last > 0.0);
        let formats = ceilings.ceilings.iter().filter(|c| c.resource.is_compute()).count();
        assert_eq!(formats + ceilings.missing.len(), 4, "measured or named as missing");
    });
}

#[test]
fn a_measurement_can_be_broken_off() {
    let mut cpu = common::embedded();
    let error = measure(&mut cpu, 1, &mut |_| ControlFlow::Break(())).unwrap_err();
    assert!(matches!(error, Error::Interrupted(_)), "{error}");
}
