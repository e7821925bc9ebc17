//! Shader modules from naga IR: which of wgpu's guards a kernel is compiled with. Knows nothing of what a kernel
//! computes.

use std::borrow::Cow;

use naga::{
    AddressSpace, Module, StorageAccess,
    compact::{KeepUnused, compact},
    valid::{Capabilities, ValidationFlags, Validator},
};
use wgpu::{Features, ShaderModule, ShaderModuleDescriptor, ShaderRuntimeChecks, ShaderSource};

use crate::{
    execute::Limits,
    kernel::{KernelModule, hide_ends},
};

/// What a kernel's entry point uses of its module: the rest may take formats that a device lacks. A module loses none of the
/// bindings that the kernel is given, though all that names one may be an expression without a use.
fn used(kernel: &KernelModule) -> Module {
    let module = kernel.for_back_ends().into_owned();
    let mut used = module.clone();
    compact(&mut used, KeepUnused::No);
    let is_bound = |group: u32, binding: u32| {
        let mut bindings = used.global_variables.iter().filter_map(|(_, its)| its.binding);
        bindings.any(|its| (its.group, its.binding) == (group, binding))
    };
    let keeps_all = kernel.resources.iter().all(|its| is_bound(its.group, its.binding));
    if keeps_all { used } else { module }
}

/// Formats that some devices lack.
const FORMATS: [(Features, Capabilities, &str); 3] = [
    (Features::SHADER_F16, Capabilities::SHADER_FLOAT16, "half precision (f16)"),
    (Features::SHADER_F64, Capabilities::FLOAT64, "double precision (f64)"),
    (Features::SHADER_INT64, Capabilities::SHADER_INT64, "integers of 64 bits"),
];

/// Whether a device with these features computes in the formats of a kernel.
///
/// # Errors
/// In which it does not, and what does.
pub(super) fn formats(features: Features, kernel: &KernelModule) -> Result<(), String> {
    let lacking = FORMATS.iter().filter(|(feature, ..)| !features.contains(*feature));
    let lacking: Vec<_> = lacking.map(|&(_, capability, format)| (capability, format)).collect();
    if lacking.is_empty() {
        return Ok(());
    }
    // A number may be narrow within an expression alone, where no type of the module says so. The kernel is valid on
    // devices that have everything.
    let module = used(kernel);
    let needs = |capabilities: Capabilities| {
        let without = Capabilities::all().difference(capabilities);
        Validator::new(ValidationFlags::all(), without).validate(&module).is_err()
    };
    if !needs(lacking.iter().map(|(capability, _)| *capability).collect()) {
        return Ok(());
    }
    let needed = lacking.iter().filter(|(capability, _)| needs(*capability));
    let needed: Vec<&str> = needed.map(|(_, format)| *format).collect();
    Err(format!(
        "it computes in {}, which this adapter does not: take another adapter, the embedded executor, or a kernel that \
         does without",
        needed.join(" and ")
    ))
}

/// The module of a kernel for a device. wgpu clamps what a kernel indexes and counts the rounds of its loops, so that no kernel
/// reaches beyond its own memory or runs for ever. A kernel that is known to do neither goes without: on an NVIDIA
/// H200 that made our attention 1.5 times as fast and a step of Qwen2.5-0.5B 1.15 times.
///
/// A device that ends loops by itself gets the guards in any case: without them a kernel on Mesa 22.3 cannot tell that its
/// loops were ended.
///
/// On a device whose compiler computes wrong trip counts for some loops, the ends of loops are hidden from the compiler. A
/// kernel that is proven is left as it is, since the counts of its loops are compared with a closed form.
pub(super) fn of(
    device: &wgpu::Device,
    limits: &Limits,
    foresees_wrong: bool,
    kernel: &KernelModule,
) -> ShaderModule {
    let mut module = used(kernel);
    if foresees_wrong && !kernel.is_proven {
        hide_ends(&mut module);
    }
    for (_, variable) in module.global_variables.iter_mut() {
        if let AddressSpace::Storage { access } = &mut variable.space {
            // Nothing asks whether a buffer is accessed atomically, but wgpu has a layout say the same of it.
            access.remove(StorageAccess::ATOMIC);
        }
    }
    let descriptor = ShaderModuleDescriptor {
        label: Some(&kernel.name),
        source: ShaderSource::Naga(Cow::Owned(module)),
    };
    if !kernel.is_proven || limits.loop_rounds.is_some() {
        return device.create_shader_module(descriptor);
    }
    #[expect(
        unsafe_code,
        reason = "the kernel is one of the crate's own, whose loops end and whose accesses stay within bounds: the \
                  tests run each on the embedded executor, which checks every access; buffers stay guarded by the \
                  device's own robustness, which wgpu switches on whatever is said here"
    )]
    unsafe {
        let checks = ShaderRuntimeChecks {
            bounds_checks: false,
            force_loop_bounding: false,
            ..ShaderRuntimeChecks::checked()
        };
        device.create_shader_module_trusted(descriptor, checks)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{
        library,
        plan::{Dims, KernelName},
    };

    /// A ceiling in single precision is measured on an adapter that has no other precision, though one file has all.
    #[test]
    fn an_entry_point_takes_the_formats_that_it_uses() {
        let dims = Dims::from([("LANES".into(), 64), ("ROUNDS".into(), 2)]);
        let problem = |entry: &'static str, features| {
            let name = KernelName { file: "roofline".into(), entry: entry.into() };
            formats(features, &library::load(&name, &dims).unwrap()).err().unwrap_or_default()
        };
        assert_eq!(problem("fma_f32_vec4", Features::empty()), "");
        assert_eq!(problem("copy", Features::empty()), "");
        assert_eq!(problem("fma_f16_vec4", Features::SHADER_F16), "");
        assert!(problem("fma_f16_vec4", Features::SHADER_F64).contains("half precision"));
        assert!(problem("fma_f64_vec4", Features::SHADER_F16).contains("double precision"));
    }

    #[test]
    fn integers_of_64_bits_are_a_format() {
        let source = "@group(0) @binding(0) var<storage, read_write> x: array<u32>;
            @compute @workgroup_size(1) fn main() { x[0] = u32(u64(x[0]) * 3lu >> 32u); }";
        let kernel = KernelModule::from_wgsl("wide", source, "main", &BTreeMap::new()).unwrap();
        let problem = formats(Features::empty(), &kernel).unwrap_err();
        assert!(problem.contains("integers of 64 bits"), "{problem}");
        assert_eq!(formats(Features::SHADER_INT64, &kernel), Ok(()));
    }
}
