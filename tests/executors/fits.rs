//! What an adapter cannot carry is refused by name before it runs, and what it can is right up to there.

use std::{collections::BTreeMap, fmt::Write as _};

use flopmeter::{
    Error, KernelError,
    execute::{Bound, DeviceType, Dispatch, Executor, cpu::Cpu},
    kernel::KernelModule,
};

fn kernel(source: &str) -> KernelModule {
    KernelModule::from_wgsl("fits", source, "main", &BTreeMap::new()).unwrap()
}

/// What a kernel leaves of the numbers 0, 1, 2, ... in one workgroup of so many invocations.
fn left(executor: &mut dyn Executor, source: &str, invocations: u32) -> Result<Vec<u32>, Error> {
    let program = executor.compile(&kernel(source))?;
    let words: Vec<u32> = (0..invocations).collect();
    let size = 4 * u64::from(invocations);
    let buffer = executor.allocate("x", size)?;
    executor.write(buffer, 0, bytemuck::cast_slice(&words))?;
    let bindings = [Bound { group: 0, binding: 0, buffer, offset: 0, size }];
    executor.dispatch(&Dispatch { label: "fits", program, bindings: &bindings, grid: [1; 3] })?;
    Ok(bytemuck::pod_collect_to_vec(&executor.read(buffer, 0, size)?))
}

#[test]
fn workgroup_memory_beyond_the_limit_is_refused() {
    common::on_every_executor(|executor| {
        let limit = executor.adapter().limits.workgroup_bytes;
        let source = |words: u32| {
            format!(
                "@group(0) @binding(0) var<storage, read_write> x: array<u32>;
                var<workgroup> memory: array<u32, {words}>;
                @compute @workgroup_size(1) fn main() {{ memory[x[0]] = 7u; x[0] = memory[0]; }}"
            )
        };
        assert_eq!(left(executor, &source(limit / 4), 1).unwrap(), [7]);
        for words in [limit / 4 + 1, 100_000] {
            let error = left(executor, &source(words), 1).unwrap_err();
            assert!(matches!(error, Error::Core(KernelError::BackEnd { .. })), "{error}");
            assert!(error.to_string().contains(&format!("this adapter has {limit}")), "{error}");
        }
    });
}

#[test]
fn a_grid_of_more_workgroups_than_an_adapter_launches_is_refused() {
    common::on_every_executor(|executor| {
        let software = executor.adapter().device_type == DeviceType::Software;
        assert_eq!(executor.adapter().limits.grid.is_some(), software);
        if !software {
            return;
        }
        let program =
            executor.compile(&kernel("@compute @workgroup_size(1) fn main() {}")).unwrap();
        let grid = [2048, 2048, 1024];
        let dispatch = Dispatch { label: "colossus", program, bindings: &[], grid };
        let error = executor.dispatch(&dispatch).unwrap_err().to_string();
        assert!(error.contains("colossus") && error.contains("2048 x 2048 x 1024"), "{error}");
    });
}

/// Ways to stand deep within oneself: the kernel, and what it leaves of the number i in n levels.
fn deep(way: &str, n: u32) -> (String, fn(u32, u32) -> u32) {
    let mut source = "@group(0) @binding(0) var<storage, read_write> x: array<u32>;\n".to_owned();
    let main = "@compute @workgroup_size(128) fn main(@builtin(local_invocation_index) i: u32) {
        let number = x[i];\n";
    let close = |source: &mut String, n: u32| source.extend((0..n).map(|_| "}"));
    match way {
        // Half of the conditions are in a function that the innermost of the others calls.
        "conditions" => {
            let half = n / 2;
            source.push_str("fn inner(i: u32, number: u32) {\n");
            for level in half..n {
                let _ = writeln!(source, "if (number > {level}u) {{ x[i] = {};", 1001 + level);
            }
            close(&mut source, n - half + 1);
            source.push_str(main);
            source.push_str("x[i] = 1000u;\n");
            for level in 0..half {
                let _ = writeln!(source, "if (number > {level}u) {{ x[i] = {};", 1001 + level);
            }
            source.push_str("inner(i, number);");
            close(&mut source, half + 1);
            (source, |i, n| 1000 + i.min(n))
        }
        "guards" => {
            source.push_str(main);
            for level in 0..n {
                let _ = writeln!(source, "if (number == {level}u) {{ return; }} x[i] += 1u;");
            }
            source.push('}');
            (source, |i, n| i + i.min(n))
        }
        "cases" => {
            source.push_str(main);
            source.push_str("switch number {\n");
            for level in 0..n {
                let _ = writeln!(source, "case {level}u: {{ x[i] += {level}u; }}");
            }
            source.push_str("default: { x[i] = 0u; } } }");
            (source, |i, n| if i < n { 2 * i } else { 0 })
        }
        other => panic!("no way {other}"),
    }
}

#[test]
fn what_stands_too_deep_within_itself_is_refused_and_the_rest_is_right() {
    common::on_every_executor(|executor| {
        for way in ["conditions", "guards", "cases"] {
            let mut refused = 0;
            for n in [10, 60, 76, 77, 78, 79, 80, 81, 82, 100] {
                let (source, expected) = deep(way, n);
                match left(executor, &source, 128) {
                    Ok(words) => {
                        let expected: Vec<u32> = (0..128).map(|i| expected(i, n)).collect();
                        assert_eq!(words, expected, "{n} {way}");
                    }
                    Err(Error::Core(KernelError::BackEnd { problem, .. })) => {
                        assert!(executor.adapter().limits.nesting.is_some(), "{problem}");
                        assert!(problem.contains("deep within each other"), "{problem}");
                        refused += 1;
                    }
                    Err(error) => panic!("{n} {way}: {error}"),
                }
                executor.clear();
            }
            assert!(refused < 7, "{way}: {refused} are refused");
        }
    });
}

/// What an adapter refuses runs there.
#[test]
fn the_embedded_executor_keeps_any_depth_apart() {
    let mut embedded = Cpu::new(8).unwrap();
    let (source, expected) = deep("conditions", 120);
    let expected: Vec<u32> = (0..128).map(|i| expected(i, 120)).collect();
    assert_eq!(left(&mut embedded, &source, 128).unwrap(), expected);
}

#[test]
fn half_precision_is_computed_in_or_refused_in_words() {
    common::on_every_executor(|executor| {
        let source = "enable f16;
            @group(0) @binding(0) var<storage, read_write> x: array<u32>;
            @compute @workgroup_size(1) fn main() { x[0] = u32(f16(x[1]) * 40h); }";
        match left(executor, source, 2) {
            Ok(found) => assert_eq!(found, [40, 1]),
            Err(error) => {
                assert!(!common::narrows(executor), "{error}");
                assert!(matches!(error, Error::Core(KernelError::BackEnd { .. })), "{error}");
                let says =
                    ["half precision (f16), which this adapter does not", &executor.adapter().name];
                assert!(says.iter().all(|says| error.to_string().contains(says)), "{error}");
            }
        }
    });
}
