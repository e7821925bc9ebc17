//! A kernel as WGSL text that browsers accept. naga's writer does the printing; this file mends what browsers
//! refuse in its output or miss from it. Knows nothing of counting.

mod sizes;

use std::num::NonZeroU32;

use naga::{
    AddressSpace, ArraySize, Module, StorageAccess, Type, TypeInner, back::wgsl,
    proc::IndexableLength,
};

use crate::{
    Error,
    kernel::{KernelModule, ResourceKind},
};

/// The decimal that naga prints for [`f32::MAX`]: the shortest that reads back as it in Rust. It lies above the
/// value itself, so WGSL refuses it; [`HEXADECIMAL_MAX`] is exact.
const DECIMAL_MAX: &str = "340282350000000000000000000000000000000f";
const HEXADECIMAL_MAX: &str = "0x1.fffffep+127f";

impl KernelModule {
    /// Prints the kernel as WGSL with one entry point. A pipeline is made of the text without naming the entry
    /// point, because naga renames some.
    ///
    /// Every binding that the kernel names is named in the text too, so that a pipeline with an automatic
    /// layout keeps it.
    ///
    /// # Errors
    /// Where the kernel uses something that naga's writer cannot print.
    pub fn to_wgsl(&self) -> Result<String, Error> {
        let refused = |problem: String| Error::Kernel { kernel: self.name.clone(), problem };
        let mut module = self.module.clone();
        fix_array_lengths(&mut module);
        for (_, variable) in module.global_variables.iter_mut() {
            // naga prints atomic access as a word of its own dialect.
            if let AddressSpace::Storage { access } = &mut variable.space
                && access.contains(StorageAccess::ATOMIC)
            {
                *access = StorageAccess::LOAD | StorageAccess::STORE;
            }
        }
        let text = wgsl::write_string(&module, &self.info, wgsl::WriterFlags::empty())
            .map_err(|error| refused(format!("it cannot be printed as WGSL: {error}")))?;
        let text = text.replace(DECIMAL_MAX, HEXADECIMAL_MAX);
        let mut text = sizes::with_sizes(&text, &module).map_err(refused)?;
        self.name_bindings(&mut text);
        let mut directives: String =
            self.directives.iter().map(|directive| format!("{directive}\n")).collect();
        // The counters are added up by subgroups where the limits say that there are some.
        if text.contains("subgroup") && !directives.contains("enable subgroups;") {
            directives.push_str("enable subgroups;\n");
        }
        text.insert_str(0, &directives);
        Ok(text)
    }

    /// Names every binding at the start of the entry point: `_ = &x;` in the source is part of an automatic
    /// layout, and naga does not print it.
    fn name_bindings(&self, text: &mut String) {
        let mut uses = String::new();
        for resource in &self.resources {
            let declaration =
                format!("@group({}) @binding({}) \nvar", resource.group, resource.binding);
            let mut found = text.match_indices(&declaration);
            // Where entry points of one file share a binding, both variables are printed and one of them is
            // used, which the text says by itself.
            let (Some((at, _)), None) = (found.next(), found.next()) else { continue };
            let rest = &text[at + declaration.len()..];
            let mut words = rest.split(['>', ' ']).filter_map(|word| word.strip_suffix(':'));
            let Some(name) = words.next() else { continue };
            match resource.kind {
                ResourceKind::Opaque => uses.push_str(&format!("    _ = {name};\n")),
                _ => uses.push_str(&format!("    _ = (&{name});\n")),
            }
        }
        // The entry point is the last function, and its body opens at the first line that ends so.
        if let Some(entry) = text.rfind("@compute")
            && let Some(body) = text[entry..].find("{\n")
        {
            text.insert_str(entry + body + 2, &uses);
        }
    }
}

/// Writes the lengths of arrays that overrides determine as numbers: naga does not print the former.
fn fix_array_lengths(module: &mut Module) {
    let known = |(handle, ty): (_, &Type)| {
        let TypeInner::Array { base, size: size @ ArraySize::Pending(_), stride } = ty.inner else {
            return None;
        };
        let IndexableLength::Known(length) = size.resolve(module.to_ctx()).ok()? else {
            return None;
        };
        let size = ArraySize::Constant(NonZeroU32::new(length)?);
        Some((
            handle,
            Type { name: ty.name.clone(), inner: TypeInner::Array { base, size, stride } },
        ))
    };
    let lengths: Vec<_> = module.types.iter().filter_map(known).collect();
    for (handle, ty) in lengths {
        module.types.replace(handle, ty);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crate::{device::Limits, instrument::instrument, kernel::KernelModule};

    fn printed(source: &str, overrides: &[(&str, f64)]) -> String {
        let overrides: BTreeMap<_, _> =
            overrides.iter().map(|&(name, value)| (name.to_owned(), value)).collect();
        let kernel = KernelModule::from_wgsl("k", source, "main", &overrides).unwrap();
        instrument(&kernel, &Limits::WEBGPU).unwrap().kernel.to_wgsl().unwrap()
    }

    #[test]
    fn a_counting_kernel_is_printed_without_naga_dialect_and_reads_back() {
        let text = printed(
            "@group(0) @binding(0) var<storage, read_write> x: array<f32>;
            @group(0) @binding(1) var<storage, read_write> y: array<f32>;
            @group(0) @binding(2) var<uniform> z: vec4<f32>;
            @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
                _ = &y;
                _ = z.x;
                x[id.x] = max(x[id.x] + 1.0, -0x1.fffffep+127f);
            }",
            &[],
        );
        assert!(!text.contains("var<storage, atomic"), "{text}");
        assert!(text.contains("0x1.fffffep+127f"), "{text}");
        for name in ["x", "y", "z", "flopmeter_counters"] {
            assert!(text.contains(&format!("_ = (&{name});")), "{name}: {text}");
        }
        assert!(!text.contains("subgroups"), "{text}");
        naga::front::wgsl::parse_str(&text).unwrap();
    }

    #[test]
    fn an_array_whose_length_an_override_determines_is_printed_with_its_length() {
        let text = printed(
            "override N: u32;
            @group(0) @binding(0) var<storage, read_write> x: array<f32>;
            var<workgroup> shared_x: array<f32, N>;
            @compute @workgroup_size(N) fn main(@builtin(local_invocation_index) i: u32) {
                shared_x[i] = x[i];
                workgroupBarrier();
                x[i] = shared_x[N - 1 - i] * 2.0;
            }",
            &[("N", 32.0)],
        );
        assert!(text.contains("array<f32, 32>"), "{text}");
    }
}
