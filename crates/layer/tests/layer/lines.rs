//! Lines of the source, of kernels whose modules say which lines they are made of.

use flopmeter_core::{
    op::{Convention, OpCounts},
    recording::{Counted, CountedLine},
};
use flopmeter_layer::{EACH, NAME};

use crate::{
    process::{Stage, can_play},
    rare::LINED,
};

/// The lines that have FLOPs: number, text, how often they were executed, and the FLOPs.
fn with_flops(kernel: &Counted) -> Vec<(u32, &str, u64, u64)> {
    let lines = kernel.lines.iter().map(|CountedLine { line, text, executions, cost }| {
        let flops = cost.ops.flops(Convention::Ieee);
        (*line, text.as_deref().unwrap_or_default(), *executions, flops)
    });
    lines.filter(|&(.., flops)| flops > 0).collect()
}

#[test]
fn kernels_are_told_line_by_line_where_their_modules_say_lines() {
    if !can_play() {
        return;
    }
    let plain = Stage::new().play("lined", &[]);
    for asked in [&[][..], &[EACH]] {
        let with_layer = Stage::new().play_with("lined", &[NAME], asked);
        assert!(plain.left == with_layer.left, "its results differ");
        let [recording] = &with_layer.recordings[..] else { panic!("one device") };
        assert_eq!(recording.not_counted, []);
        let mut kernels: Vec<&Counted> = recording.kernels.iter().collect();
        assert_eq!(kernels.len(), 3);
        kernels.sort_by_key(|kernel| (kernel.lines.is_empty(), kernel.dispatches));
        for (kernel, dispatches) in kernels.iter().zip([1, 2, 1]) {
            assert_eq!(kernel.dispatches, dispatches);
            let invocations = 64 * dispatches;
            // Of the second workgroup, no number is less than 80.
            let roots = 16 * dispatches;
            let flops = invocations * 3 * 2 + roots;
            assert_eq!(kernel.cost.ops.flops(Convention::Ieee), flops);
            if kernel.lines.is_empty() {
                assert_eq!(kernel.file, None);
                continue;
            }
            let file = kernel.file.as_deref().unwrap_or_default();
            assert!(file.ends_with("kernel.comp"), "{file:?}");
            let rounds = invocations * 3;
            assert_eq!(
                with_flops(kernel),
                [
                    (5, "return x * 2.0;", rounds, rounds),
                    (11, "x = twice(x) + 1.0;", rounds, rounds),
                    (14, "x = sqrt(x);", roots, roots),
                ]
            );
            let stated: Vec<&str> = LINED.lines().map(str::trim).collect();
            for CountedLine { line, text, executions, cost } in &kernel.lines {
                assert_eq!(text.as_deref(), Some(stated[*line as usize - 1]));
                assert!(*executions > 0 && *cost != Default::default(), "{line}");
            }
            let ops: OpCounts = kernel.lines.iter().map(|line| line.cost.ops).sum();
            assert_eq!(ops.floating(), kernel.cost.ops.floating());
            let bytes = |line: &CountedLine| line.cost.traffic.storage_bytes();
            let bytes = kernel.lines.iter().map(bytes).sum::<u64>();
            assert_eq!(bytes, kernel.cost.traffic.storage_bytes());
        }
    }
}
