//! `@size` of structure members, which naga's writer leaves out. What a source says of sizes and alignments is in the offsets
//! of naga's members alone; the text has to say it again, or a browser lays the structure out as another one.

use naga::{Handle, Module, StructMember, Type, TypeInner, proc::Layouter};

/// A text in which each structure that a writer printed is laid out as in the module.
///
/// # Errors
/// Where a structure has another layout than the text could say.
pub(super) fn with_sizes(text: &str, module: &Module) -> Result<String, String> {
    let mut layouter = Layouter::default();
    layouter.update(module.to_ctx()).map_err(|error| error.to_string())?;
    let written = module.types.iter().filter(|&(handle, _)| !is_of_wgsl(module, handle));
    let mut structures = written.filter_map(|(_, ty)| match &ty.inner {
        TypeInner::Struct { members, span } => Some(sizes(members, *span, module, &layouter)),
        _ => None,
    });
    let mut sized = String::with_capacity(text.len());
    // Those of the structure's members that are still to come.
    let mut members = Vec::new().into_iter();
    for line in text.split_inclusive('\n') {
        if line.starts_with("struct ") {
            members = structures.next().ok_or("there is a structure of no type")?.into_iter();
        } else if line.starts_with('}') {
            members = Vec::new().into_iter();
        } else if let Some(Some(size)) = members.next() {
            sized.push_str(&format!("    @size({size})"));
        }
        sized.push_str(line);
    }
    match structures.next() {
        None => Ok(sized),
        Some(_) => Err("a structure is not printed".to_owned()),
    }
}

/// Whether WGSL itself declares a structure, which then is not printed.
fn is_of_wgsl(module: &Module, ty: Handle<Type>) -> bool {
    module.special_types.predeclared_types.values().any(|&known| known == ty)
}

/// The size of each member, where it is not its type's: up to where the next one begins, or the structure ends.
fn sizes(
    members: &[StructMember],
    span: u32,
    module: &Module,
    layouter: &Layouter,
) -> Vec<Option<u32>> {
    let whole = members.iter().map(|member| layouter[member.ty].alignment).max();
    let size = |(index, member): (usize, &StructMember)| {
        let end = member.offset + layouter[member.ty].size;
        let (natural, stated) = match members.get(index + 1) {
            Some(next) => (layouter[next.ty].alignment.round_up(end), next.offset),
            None if module.types[member.ty].inner.is_dynamically_sized(&module.types) => {
                return None;
            }
            None => (whole?.round_up(end), span),
        };
        (natural != stated).then(|| stated - member.offset)
    };
    members.iter().enumerate().map(size).collect()
}

#[cfg(test)]
mod tests {
    use naga::TypeInner;

    use crate::kernel::KernelModule;

    /// Offsets and sizes of every structure, in the order of their names.
    fn layouts(kernel: &KernelModule) -> Vec<(String, Vec<u32>, u32)> {
        let mut all: Vec<_> = kernel
            .module
            .types
            .iter()
            .filter_map(|(_, ty)| match &ty.inner {
                TypeInner::Struct { members, span } => Some((
                    ty.name.clone().unwrap_or_default(),
                    members.iter().map(|member| member.offset).collect(),
                    *span,
                )),
                _ => None,
            })
            .collect();
        all.sort();
        all
    }

    #[test]
    fn a_structure_is_printed_with_the_layout_that_it_has() {
        let source = "
            struct Inner { @size(16) a: f32, b: vec2<f32>, @align(32) c: u32, @size(20) d: f32 }
            struct Plain { a: f32, b: vec3<f32>, c: f32 }
            struct Outer { @size(64) n: u32, inner: array<Inner, 3>, plain: Plain, rest: array<Inner> }
            @group(0) @binding(0) var<storage, read_write> x: Outer;
            @compute @workgroup_size(1)
            fn main(@builtin(global_invocation_id) id: vec3<u32>) {
                let parts = modf(x.plain.c);
                x.rest[id.x].d = x.inner[1].b.y * 2.0 + parts.fract;
            }";
        let kernel = KernelModule::from_wgsl("k", source, "main", &Default::default()).unwrap();
        let text = kernel.to_wgsl().unwrap();
        let again = KernelModule::from_wgsl("k", &text, "main", &Default::default()).unwrap();
        let own = |(name, _, _): &(String, Vec<u32>, u32)| !name.starts_with("__");
        let [before, after] =
            [&kernel, &again].map(|of| layouts(of).into_iter().filter(own).collect::<Vec<_>>());
        assert_eq!(before, after, "{text}");
        assert!(before.iter().any(|(name, _, span)| name == "Inner" && *span == 64), "{before:?}");
        assert_eq!(text.matches("@size(").count(), 4, "{text}");
    }
}
