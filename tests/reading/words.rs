//! SPIR-V as a driver is given it: specialised, bound and counted by its own words, and GLSL that only a compiler
//! takes.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use common::{embedded, on_every_executor};
use flopmeter::{
    Error, KernelError,
    execute::Executor,
    observe::{KernelLaunch, Observed, Sequence},
    shader::ShaderFile,
};
use tempfile::TempDir;

use crate::run::{iota, ops};

/// A shader in a folder of its own: GLSL, and the SPIR-V that glslang makes of it.
pub struct Case {
    folder: TempDir,
}

impl Case {
    /// `None`, and says so, where glslangValidator is not here.
    pub fn new(glsl: &str, arguments: &[&str]) -> Option<Self> {
        let case = Self { folder: TempDir::new().unwrap() };
        fs::write(case.glsl(), glsl).unwrap();
        let mut command = Command::new("glslangValidator");
        command.args(["-V", "--quiet", "--target-env", "vulkan1.1"]).args(arguments).arg("-o");
        let Ok(output) = command.args([case.spirv(), case.glsl()]).output() else {
            common::skipped("GLSLANG", "glslangValidator cannot be started");
            return None;
        };
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        Some(case)
    }

    pub fn glsl(&self) -> PathBuf {
        self.folder.path().join("case.comp")
    }

    pub fn spirv(&self) -> PathBuf {
        self.folder.path().join("case.spv")
    }
}

/// What one workgroup of a shader's only entry point did, counted and plain from the same contents of its buffers, and
/// what it left in the first of them.
pub fn ran(
    executor: &mut dyn Executor,
    path: &Path,
    constants: &[(&str, f64)],
    buffers: &[Vec<u32>],
) -> Result<(Observed, Vec<f32>), Error> {
    let constants = constants.iter().map(|&(name, value)| (name.to_owned(), value)).collect();
    let kernel = ShaderFile::read(path)?.countable(None, &constants, &BTreeMap::new())?.0;
    let launches = [KernelLaunch { kernel: &*kernel, grid: [1; 3] }];
    let resources = kernel.resources();
    assert_eq!(resources.len(), buffers.len(), "each binding has its contents");
    let contents = buffers.iter().map(|words| bytemuck::cast_slice(words).to_vec());
    let under_way = Default::default();
    let sequence = Sequence::new(executor, &launches, resources.iter().zip(contents), &under_way)?;
    let first = (resources[0].group, resources[0].binding);
    let mut left = Vec::new();
    for repeats in [0, 1] {
        let mut series = sequence.observe(executor, repeats)?;
        left.push((series.launches.remove(0), sequence.buffers().read(executor, first)?.unwrap()));
        for (key, contents) in resources.iter().map(|r| (r.group, r.binding)).zip(buffers) {
            let bound = sequence.buffers().bound().iter();
            let bound = bound.filter(|bound| (bound.group, bound.binding) == key);
            for bound in bound.copied().collect::<Vec<_>>() {
                executor.write(bound.buffer, 0, bytemuck::cast_slice(contents))?;
            }
        }
    }
    let (plain, counted) = (left.pop().unwrap(), left.pop().unwrap());
    assert_eq!(plain.1, counted.1, "counting changed a result");
    assert_eq!(plain.0.cost, counted.0.cost);
    Ok((plain.0, bytemuck::pod_collect_to_vec(&plain.1)))
}

const SPECIALISED: &str = "#version 450
    layout(local_size_x_id = 7) in;
    layout(constant_id = 0) const uint N = 4;
    layout(constant_id = 1) const float SCALE = 1.0;
    const uint M = N * 2;
    layout(set = 0, binding = 3) buffer X { float x[]; };
    layout(set = 0, binding = 1) readonly buffer Y { float y[]; };
    void main() {
        float sum = 0.0;
        for (uint i = 0; i < M; i++) sum += y[i] * SCALE;
        x[gl_GlobalInvocationID.x] = sum;
    }";

#[test]
fn constants_are_what_a_pipeline_makes_them() {
    let Some(case) = Case::new(SPECIALISED, &[]) else { return };
    on_every_executor(|executor| {
        // Buffers go by their bindings, so y comes first.
        let buffers = [iota(16), vec![0; 4]];
        let given = [("N", 8.0), ("1", 0.5), ("7", 4.0)];
        let (observed, _) = ran(executor, &case.spirv(), &given, &buffers).unwrap();
        let floating = ops(&observed.cost);
        assert_eq!((floating["f32.add"], floating["f32.mul"]), (4 * 16, 4 * 16));
        assert_eq!(observed.cost.traffic.storage_load, 4 * 16 * 4);
    });
}

#[test]
fn a_value_that_goes_nowhere_is_refused_by_name() {
    let Some(case) = Case::new(SPECIALISED, &[]) else { return };
    let refused = |name: &str, value: f64, says: &str| {
        let values = [(name.to_owned(), value)].into();
        let error = ShaderFile::read(&case.spirv())
            .unwrap()
            .countable(None, &values, &BTreeMap::new())
            .unwrap_err();
        assert!(error.to_string().contains(says), "{error}");
    };
    refused("K", 1.0, "no specialisation constant 'K': it has 0 (N), 1 (SCALE), 7");
    refused("N", 0.5, "its constant 'N' is u32, and 0.5 is none");
    refused("0", -1.0, "its constant '0' is u32, and -1 is none");
    refused("1", 1e39, "its constant '1' is f32, and 1");
    refused("1", f64::NAN, "is f32, and NaN is none");
}

/// naga's reader knows no `memoryBarrierShared`.
const FENCED: &str = "#version 450
    layout(local_size_x = 64) in;
    layout(binding = 0) buffer X { float x[]; };
    shared float s[64];
    void main() {
        s[gl_LocalInvocationID.x] = x[gl_GlobalInvocationID.x];
        memoryBarrierShared();
        barrier();
        s[0] * s[1];
        x[gl_GlobalInvocationID.x] = s[63 - gl_LocalInvocationID.x] * 2.0;
    }";

#[test]
fn glsl_that_naga_does_not_take_goes_through_a_compiler() {
    let Some(case) = Case::new(FENCED, &[]) else { return };
    let kernel = ShaderFile::read(&case.glsl())
        .unwrap()
        .countable(None, &BTreeMap::new(), &BTreeMap::new())
        .unwrap()
        .0;
    assert!(kernel.compiler().is_some_and(|it| it.contains("lang")), "{:?}", kernel.compiler());
    assert_eq!(kernel.source().unwrap().text(), FENCED);
    on_every_executor(|executor| {
        let (observed, left) = ran(executor, &case.glsl(), &[], &[iota(64)]).unwrap();
        assert_eq!(left, (0..64).map(|i| 2.0 * (63 - i) as f32).collect::<Vec<_>>());
        assert_eq!(ops(&observed.cost)["f32.mul"], 2 * 64);
        assert_eq!(ops(&observed.lines[&9].cost)["f32.mul"], 64);
        assert_eq!(ops(&observed.lines[&10].cost)["f32.mul"], 64);
        assert_eq!(observed.lines[&10].cost.traffic.storage_store, 256);
        // The driver is given what the compiler wrote, of which naga's module does not say what is dead.
        if let Some(dead) = observed.dead {
            assert_eq!(ops(&dead)["f32.mul"], 64);
        }
    });
}

#[test]
fn glsl_that_no_compiler_takes_is_refused_in_the_words_of_both() {
    if Case::new(FENCED, &[]).is_none() {
        return;
    }
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("wrong.comp");
    fs::write(&path, "#version 450\nlayout(local_size_x = 1) in;\nvoid main() { missing(); }")
        .unwrap();
    let error = ShaderFile::read(&path).unwrap_err().to_string();
    assert!(error.contains("wrong.comp:3\n    3 | void main() { missing(); }\n"), "{error}");
    assert!(error.ends_with("asked first: Unknown function 'missing'"), "{error}");
    // What the compiler finds wrong is wrong; what naga does not know need not be.
    fs::write(&path, "#version 450\nlayout(local_size_x_id = 0) in;\nvoid main() { missing(); }")
        .unwrap();
    let error = ShaderFile::read(&path).unwrap_err().to_string();
    let first = "error: 'missing' : no matching overloaded function found\n  --> ";
    let line = "wrong.comp:3\n    3 | void main() { missing(); }\n";
    assert!(error.contains(first) && error.contains(line), "{error}");
    assert!(error.contains("glslangValidator says so"), "{error}");
    assert!(error.ends_with("asked first: Unexpected qualifier"), "{error}");
    // A line is one of the file, whatever the file says of its own.
    fs::write(&path, "#version 450\n#line 70\nvoid main() { missing(); }").unwrap();
    let error = ShaderFile::read(&path).unwrap_err().to_string();
    assert!(error.contains("wrong.comp:3\n    3 | void main() { missing(); }\n"), "{error}");
    fs::write(&path, "#version 450\nlayout(local_size_x_id = 0) in;\n").unwrap();
    let error = ShaderFile::read(&path).unwrap_err().to_string();
    assert!(error.contains("error: Linking compute stage: Missing entry point"), "{error}");
}

#[test]
fn costs_without_lines_are_charged_to_a_listing() {
    let Some(case) = Case::new(FENCED, &[]) else { return };
    let kernel = ShaderFile::read(&case.spirv())
        .unwrap()
        .countable(None, &BTreeMap::new(), &BTreeMap::new())
        .unwrap()
        .0;
    let listing: Vec<String> = kernel.source().unwrap().text().lines().map(str::to_owned).collect();
    let Some(mut gpu) = common::gpu() else { return };
    if gpu.spirv().is_none() {
        return;
    }
    let (observed, _) = ran(&mut gpu, &case.spirv(), &[], &[iota(64)]).unwrap();
    let products =
        observed.lines.iter().filter(|(_, line)| ops(&line.cost).contains_key("f32.mul"));
    let products: Vec<&String> = products.map(|(&n, _)| &listing[n as usize - 1]).collect();
    assert_eq!(products.len(), 2);
    assert!(products.iter().all(|line| line.contains("OpFMul")), "{products:?}");
    let whole: u64 = observed.lines.values().map(|line| line.cost.traffic.bytes()).sum();
    assert_eq!(whole, observed.cost.traffic.bytes());
}

/// More rounds than Mesa 22.3 gives an invocation.
#[test]
fn a_loop_that_an_adapter_cuts_off_is_no_count() {
    let Some(case) = Case::new(
        "#version 450
        layout(local_size_x = 8) in;
        layout(binding = 0) buffer X { float x[]; };
        void main() {
            float sum = 0.0;
            for (uint i = 0; i < floatBitsToUint(x[1]); i++) sum += x[0];
            x[2 + gl_LocalInvocationID.x] = sum;
        }",
        &[],
    ) else {
        return;
    };
    on_every_executor(|executor| {
        let cuts = executor.adapter().limits.loop_rounds;
        for rounds in [1_000, 100_000] {
            let data = vec![1_f32.to_bits(), rounds, 0, 0, 0, 0, 0, 0, 0, 0];
            let done = ran(executor, &case.spirv(), &[], &[data]);
            match cuts.filter(|&most| rounds > most) {
                None => {
                    let (observed, left) = done.unwrap();
                    assert_eq!(ops(&observed.cost)["f32.add"], 8 * u64::from(rounds));
                    assert_eq!(left[2..], [rounds as f32; 8]);
                }
                Some(budget) => {
                    let Err(Error::Core(KernelError::Cut { invocations, budget: its, .. })) = done
                    else {
                        panic!("{rounds} rounds of {budget} are counted as {done:?}");
                    };
                    assert_eq!((invocations, its), (8, budget));
                }
            }
        }
    });
}

#[test]
fn what_a_device_lacks_is_refused_by_its_name() {
    let Some(case) = Case::new(
        "#version 450
        #extension GL_EXT_shader_explicit_arithmetic_types_int8 : require
        layout(local_size_x = 1) in;
        layout(binding = 0) buffer X { uint x[]; };
        void main() { x[0] = uint(uint8_t(x[1]) + uint8_t(x[2])); }",
        &[],
    ) else {
        return;
    };
    let refused = |executor: &mut dyn Executor, says: &str| {
        let error = ran(executor, &case.spirv(), &[], &[vec![1; 4]]).unwrap_err();
        assert!(error.kernel().is_some_and(KernelError::is_of_the_adapter) || says.is_empty());
        assert!(error.to_string().contains(says), "{error}");
    };
    if let Some(mut gpu) = common::gpu().filter(|gpu| gpu.spirv().is_some()) {
        refused(&mut gpu, "the capability Int8");
    }
    refused(&mut embedded(), "");
}

/// Two views of one buffer, as kernels have them that load vectors and store scalars.
#[test]
fn views_of_one_buffer_are_one_binding() {
    let Some(case) = Case::new(
        "#version 450
        layout(local_size_x = 4) in;
        layout(binding = 0) buffer X { float x[]; };
        layout(binding = 0) readonly buffer V { vec4 v[]; };
        void main() { x[4 + gl_LocalInvocationID.x] = dot(v[0], vec4(2.0)); }",
        &[],
    ) else {
        return;
    };
    let Some(mut gpu) = common::gpu().filter(|gpu| gpu.spirv().is_some()) else { return };
    let (observed, left) = ran(&mut gpu, &case.spirv(), &[], &[iota(8)]).unwrap();
    assert_eq!(left[4..], [12.0; 4]);
    assert_eq!(observed.cost.traffic.storage_load, 4 * 16);
    let ops = ops(&observed.cost);
    assert_eq!((ops["f32.mul"], ops["f32.add"]), (4 * 4, 4 * 3));
}

/// Runs eight invocations of a text, compiled to SPIR-V, on the numbers from 0 to 7 in `x`, on every executor, and holds
/// what is counted and what is left of them.
fn on_eight_numbers(text: &str, holds: impl Fn(BTreeMap<String, u64>, Vec<f32>)) {
    let head = "#version 450
        layout(local_size_x = 8) in;
        layout(binding = 0) buffer X { float x[]; };";
    let Some(case) = Case::new(&format!("{head}\n{text}"), &[]) else { return };
    on_every_executor(|executor| {
        let (observed, left) = ran(executor, &case.spirv(), &[], &[iota(8)]).unwrap();
        holds(ops(&observed.cost), left);
    });
}

/// naga's SPIR-V reader leads a case that falls through to the case that is listed behind it, which it may not be.
#[test]
fn a_case_that_falls_through_is_right_or_refused() {
    let text = fs::read_to_string("tests/cases/glsl_fallthrough.comp").unwrap();
    let Some(case) = Case::new(&text, &[]) else { return };
    let right = crate::run::case("glsl_fallthrough.comp");
    on_every_executor(|executor| {
        let done = ran(executor, &case.spirv(), &[], &[iota(8)]);
        if executor.spirv().is_none() {
            let error = done.unwrap_err().to_string();
            assert!(error.contains("falls through") && error.contains("Vulkan"), "{error}");
            return;
        }
        let (observed, left) = done.unwrap();
        let from_glsl = crate::run::ran(executor, &right, [1; 3], &[iota(8)]);
        assert_eq!(left, from_glsl.floats());
        assert_eq!(observed.cost.ops.floating(), from_glsl.cost.ops.floating());
    });
}

/// naga's SPIR-V reader has a case that is the default fall through to the case that it lists behind it.
#[test]
fn a_case_that_is_the_default_does_not_fall_through() {
    on_eight_numbers(
        "float of(float y, uint i) {
            switch (i) {
                case 0: default: return y * 2.0;
                case 1: return y * 3.0 + 1.0;
                case 2: return y + 5.0;
            }
        }
        void main() {
            uint i = gl_LocalInvocationID.x;
            float y = x[i];
            switch (i % 4u) {
                case 0u: case 3u: default: break;
                case 1u: y = y * 7.0;
            }
            x[i] = of(y, i);
        }",
        |ops, left| {
            assert_eq!(left, [0.0, 22.0, 7.0, 6.0, 8.0, 70.0, 12.0, 14.0]);
            assert_eq!((ops["f32.mul"], ops["f32.add"]), (2 + 7, 2));
        },
    );
}

#[test]
fn loops_and_plain_cases_do_not_fall_through() {
    on_eight_numbers(
        "void main() {
            uint i = gl_LocalInvocationID.x;
            for (int k = 0; k < 3; k++) {
                switch (i) {
                    case 0: x[i] += 1.0; break;
                    case 1: case 2: for (int j = 0; j < 2; j++) { if (x[i] > 9.0) break; x[i] *= 2.0; } break;
                    case 3: do { x[i] += 2.0; } while (x[i] < 8.0); break;
                    case 4: continue;
                    default: x[i] -= 1.0;
                }
                x[i] += 0.5;
            }
        }",
        |ops, left| {
            assert_eq!((left[0], left[4], left[5]), (4.5, 4.0, 3.5));
            assert!(ops["f32.mul"] > 0);
        },
    );
}
