//! What a module asks of its host, and the same module with values written into it.

use std::collections::BTreeMap;

use flopmeter_core::{
    kernel::{Layout, LayoutMember, OutlinedMember, ResourceKind},
    spirv::{Capability, SpirvModule},
};
use rspirv::{
    binary::Assemble as _,
    dr::{Builder, Operand},
    spirv::{
        AddressingModel, Decoration, ExecutionMode, ExecutionModel, FunctionControl, MemoryModel,
    },
};

use crate::{
    hand::module_of,
    tools::{glslang, validate},
};

const SOURCE: &str = "#version 450
    layout(local_size_x_id = 7, local_size_y = 2) in;
    layout(constant_id = 0) const uint N = 4;
    layout(constant_id = 1) const bool FAST = false;
    layout(constant_id = 2) const float SCALE = 0.5;
    const uint M = N * 2;
    struct Particle { vec3 at; uint kind; };
    layout(set = 1, binding = 5) readonly buffer All { uint count; Particle all[]; };
    layout(set = 0, binding = 2) buffer Out { float x[]; };
    layout(set = 0, binding = 0) uniform Size { mat3 turn; uvec2 size; };
    layout(set = 0, binding = 9) buffer Unused { float y[]; };
    layout(push_constant) uniform Push { uint first; float factor; };
    shared float rows[M];
    void main() {
        rows[0] = all[first].at.x * SCALE * factor + turn[0].x;
        x[size.x] = FAST ? rows[0] : rows[0] + float(count);
    }";

fn module(values: &[(&str, f64)]) -> Option<SpirvModule> {
    let module = SpirvModule { name: "case".to_owned(), words: glslang(SOURCE, &[])? };
    let values: BTreeMap<_, _> =
        values.iter().map(|&(name, value)| (name.to_owned(), value)).collect();
    Some(module.specialized(&values).unwrap())
}

#[test]
fn a_module_says_what_it_binds_and_how_it_lies() {
    let Some(module) = module(&[("7", 16.0)]) else { return };
    assert_eq!(module.entries().unwrap(), ["main"]);
    let interface = module.interface("main").unwrap();
    assert_eq!(interface.workgroup_size, [16, 2, 1]);
    assert_eq!((interface.immediate_bytes, interface.workgroup_bytes), (8, 8 * 4));
    assert!(interface.capabilities.contains(&Capability::Shader));
    let resources: Vec<_> = interface
        .resources
        .iter()
        .map(|r| {
            (
                r.group,
                r.binding,
                r.name.as_str(),
                r.kind == ResourceKind::Storage { writable: true },
            )
        })
        .collect();
    assert_eq!(resources, [(0, 0, "Size", false), (0, 2, "Out", true), (1, 5, "All", false)]);
    let parts = interface.layouts[&(1, 5)].parts();
    let each = parts.1.unwrap();
    assert_eq!((parts.0.bytes, parts.0.scalars, each.bytes, each.scalars), (16, 1, 16, 4));
    let (size, none) = interface.layouts[&(0, 0)].parts();
    assert_eq!((size.bytes, size.scalars, none), (48 + 8, 9 + 2, None));
    assert!(module.interface("other").is_err());
}

#[test]
fn members_are_listed_by_their_names() {
    let Some(module) = module(&[]) else { return };
    let interface = module.interface("main").unwrap();
    let named = |layout: &Layout| -> Vec<(String, u64, u64)> {
        let of = |member: &LayoutMember| {
            let bytes = member.layout.bytes(member.layout.least_scalars()).unwrap();
            (member.name.clone(), member.offset, bytes)
        };
        layout.members().iter().map(of).collect()
    };
    let expected = |members: &[(&str, u64, u64)]| -> Vec<(String, u64, u64)> {
        members.iter().map(|&(name, offset, bytes)| (name.to_owned(), offset, bytes)).collect()
    };
    let (push, layout) = interface.immediates.as_ref().unwrap();
    assert_eq!(push, "Push");
    assert_eq!(named(layout), expected(&[("first", 0, 4), ("factor", 4, 4)]));
    let size = &interface.layouts[&(0, 0)];
    assert_eq!(named(size), expected(&[("turn", 0, 48), ("size", 48, 8)]));
    assert_eq!(named(&interface.layouts[&(1, 5)]), expected(&[("count", 0, 4), ("all", 16, 16)]));

    let outline = module.outline(&BTreeMap::new()).unwrap();
    let listed = |members: &[OutlinedMember]| {
        let listed = members.iter().map(|m| format!("{} {} {}", m.offset, m.name, m.r#type));
        listed.collect::<Vec<_>>()
    };
    assert_eq!(listed(&outline.immediates), ["0 Push.first u32", "4 Push.factor f32"]);
    let bindings: Vec<_> = outline.bindings.iter().map(|its| listed(&its.members)).collect();
    assert_eq!(bindings[0], ["0 turn mat3x3<f32>", "48 size vec2<u32>"]);
    assert_eq!(bindings[1], ["0 x array<f32>"]);
    assert_eq!(bindings[2], ["0 count u32", "16 all[].at vec3<f32>", "28 all[].kind u32"]);
}

/// How far apart their columns or rows are, the member of the structure says that the array is.
#[test]
fn arrays_of_matrices_lie_as_their_member_says() {
    let source = "#version 450
        layout(local_size_x = 1) in;
        layout(binding = 0) buffer E { mat4 e[]; };
        layout(binding = 1) buffer F { float n; mat3x2 f[2][2]; layout(row_major) mat3x2 r[2]; };
        layout(binding = 2) uniform U { mat3 bones[3]; };
        struct Part { mat2 turn[2]; uint kind; };
        layout(binding = 3) buffer P { Part parts[]; };
        void main() { e[1] = mat4(n + bones[1][2].x + f[1][0][1].y + r[1][2].x); parts[1].kind = 1; }";
    let Some(words) = glslang(source, &[]) else { return };
    let module = SpirvModule { name: "case".to_owned(), words };
    let interface = module.interface("main").unwrap();
    let laid = |binding: u32, bytes: u64| {
        let mut at = Vec::new();
        let layout = &interface.layouts[&(0, binding)];
        let each = layout.each(bytes, |offset, _| {
            at.push(offset);
            Ok::<_, ()>(())
        });
        each.unwrap();
        (layout.bytes(at.len() as u64), at)
    };
    let expected = |base: u64, vectors: u64, stride: u64, count: u64| {
        let components = move |vector| (0..count).map(move |at| base + vector * stride + at * 4);
        (0..vectors).flat_map(components).collect::<Vec<u64>>()
    };
    assert_eq!(laid(0, 128), (Ok(128), expected(0, 8, 16, 4)));
    let columns = expected(8, 4 * 3, 8, 2);
    let rows = expected(112, 2 * 2, 16, 3);
    assert_eq!(laid(1, 176), (Ok(176), [vec![0], columns, rows].concat()));
    assert_eq!(laid(2, 144), (Ok(144), expected(0, 9, 16, 3)));
    let part = |base: u64| [expected(base, 4, 8, 2), vec![base + 32]].concat();
    assert_eq!(laid(3, 80), (Ok(80), [part(0), part(40)].concat()));
    let outline = module.outline(&BTreeMap::new()).unwrap();
    let types = outline.bindings.iter().map(|its| its.members[0].r#type.as_str());
    let bones = "array<mat3x3<f32>, 3>";
    assert_eq!(
        types.collect::<Vec<_>>(),
        ["array<mat4x4<f32>>", "f32", bones, "array<mat2x2<f32>, 2>"]
    );
}

/// What a compiler left without names goes by its place.
#[test]
fn members_without_names_go_by_their_places() {
    let Some(words) = glslang(SOURCE, &["-s", "-g0"]) else { return };
    let module = SpirvModule { name: "case".to_owned(), words };
    let interface = module.interface("main").unwrap();
    let (push, layout) = interface.immediates.unwrap();
    let names: Vec<_> = layout.members().iter().map(|member| &*member.name).collect();
    assert_eq!((&*push, &names[..]), ("", &["_0", "_1"][..]));
}

#[test]
fn values_are_written_where_a_pipeline_would_give_them() {
    let Some(plain) = module(&[]) else { return };
    let defaults: Vec<_> =
        plain.constants().unwrap().iter().map(|c| (c.number, c.default)).collect();
    assert_eq!(defaults, [(0, 4.0), (1, 0.0), (2, 0.5), (7, 1.0)]);
    let given = module(&[("N", 40.0), ("FAST", 1.0), ("2", -3.0)]).unwrap();
    validate(&given.words);
    let values: Vec<_> = given.constants().unwrap().iter().map(|c| (c.number, c.default)).collect();
    assert_eq!(values, [(0, 40.0), (1, 1.0), (2, -3.0), (7, 1.0)]);
    assert_eq!(given.interface("main").unwrap().workgroup_bytes, 80 * 4);
    for (name, value) in
        [("N", 1.5), ("N", -1.0), ("N", 0.0), ("N", 4_294_967_296.0), ("2", 1e39), ("K", 1.0)]
    {
        let refused = plain.specialized(&[(name.to_owned(), value)].into());
        assert!(refused.is_err(), "{name} = {value}");
    }
    // Settled, it has no constant to specialise, and is what it was specialised to.
    let words = given.settled().unwrap().words;
    let settled = SpirvModule { name: given.name.clone(), words };
    validate(&settled.words);
    assert!(settled.constants().unwrap().is_empty());
    let interface = settled.interface("main").unwrap();
    assert_eq!((interface.workgroup_size, interface.workgroup_bytes), ([1, 2, 1], 80 * 4));
}

/// Names of SPIR-V need not differ.
#[test]
fn a_value_goes_to_one_constant_and_a_constant_has_one_value() {
    let words = module_of(
        1,
        |b| {
            let uint = b.type_int(32, 0);
            for (number, name) in [(5, "A"), (6, "A"), (7, "B"), (8, "6")] {
                let constant = b.spec_constant_bit32(uint, 1);
                b.name(constant, name);
                b.decorate(constant, Decoration::SpecId, [Operand::LiteralBit32(number)]);
            }
        },
        |_, ()| (),
    );
    let module = SpirvModule { name: "case".to_owned(), words };
    let given = |values: &[(&str, f64)]| {
        let values = values.iter().map(|&(name, value)| (name.to_owned(), value)).collect();
        let given = module.specialized(&values).map_err(|error| error.to_string())?;
        Ok(given.constants().unwrap().iter().map(|its| its.default).collect::<Vec<_>>())
    };
    let refused = |values: &[(&str, f64)], parts: &[&str]| {
        let why: String = given(values).unwrap_err();
        assert!(parts.iter().all(|&part| why.contains(part)), "{why}");
    };
    // A number before a name.
    assert_eq!(given(&[("5", 2.0), ("6", 3.0), ("B", 4.0)]), Ok(vec![2.0, 3.0, 4.0, 1.0]));
    refused(&[("A", 2.0)], &["called 'A'", "5 or 6"]);
    refused(&[("7", 2.0), ("B", 2.0)], &["its constant 7 is given twice", "'7'", "'B'"]);
    refused(&[("C", 2.0)], &["no specialisation constant 'C'", "7 (B)"]);
}

#[test]
fn bytes_in_either_order_are_a_module_and_others_are_not() {
    let Some(module) = module(&[]) else { return };
    let bytes = |swap: bool| -> Vec<u8> {
        let bytes = |word: &u32| if swap { word.to_be_bytes() } else { word.to_le_bytes() };
        module.words.iter().flat_map(bytes).collect()
    };
    for swap in [false, true] {
        assert_eq!(SpirvModule::read("case", &bytes(swap)).unwrap().words, module.words);
    }
    assert!(SpirvModule::read("case", &bytes(false)[..21]).is_err());
    assert!(SpirvModule::read("case", b"some text").is_err());
}

#[test]
fn buffers_that_stand_as_an_array_are_told_from_one() {
    let source = "#version 450
        layout(local_size_x = 1) in;
        layout(binding = 0) buffer X { float x[]; };
        layout(binding = 1) buffer B { float a[]; } b[4];
        layout(binding = 2) uniform U { vec4 a[2]; } u[2];
        void main() { x[0] = b[1].a[0] + u[1].a[1].x; }";
    let Some(words) = glslang(source, &[]) else { return };
    let module = SpirvModule { name: "case".to_owned(), words };
    let interface = module.interface("main").unwrap();
    assert_eq!(interface.resources.len(), 3);
    assert_eq!(interface.layouts.keys().collect::<Vec<_>>(), [&(0, 0)]);
    assert_eq!(interface.arrays.iter().collect::<Vec<_>>(), [&(0, 1), &(0, 2)]);
}

#[test]
fn a_listing_has_numbers_of_the_types_of_constants() {
    let words = module_of(
        1,
        |b| {
            b.capability(rspirv::spirv::Capability::Int64);
            let float = b.type_float(32, None);
            let [int, long] = [32, 64].map(|width| b.type_int(width, 1));
            b.constant_bit32(float, 0.5_f32.to_bits());
            b.constant_bit32(int, -3_i32 as u32);
            b.constant_bit64(long, -4_i64 as u64);
            b.spec_constant_bit32(float, f32::INFINITY.to_bits());
        },
        |_, ()| {},
    );
    let module = SpirvModule { name: "case".to_owned(), words };
    let listing = module.source().unwrap().unwrap();
    let lines = listing.lines().filter(|line| line.contains("Constant"));
    let numbers: Vec<_> = lines.filter_map(|line| line.split_whitespace().last()).collect();
    assert_eq!(numbers, ["0.5f", "-3i", "-4li", "0x7f800000"]);
}

/// A shuffle of a constant's components, as glslang writes it of `const ivec2 c = ivec2(K, 1).yx;`.
#[test]
fn what_the_disassembler_does_not_take_is_listed_with_numbers() {
    let mut shuffled = (0, 0);
    let mut words = module_of(
        1,
        |b| {
            let int = b.type_int(32, 1);
            let pair = b.type_vector(int, 2);
            let own = b.spec_constant_bit32(int, 7);
            let whole = b.spec_constant_composite(pair, [own, own]);
            let copy = b.spec_constant_composite(pair, [own, own]);
            shuffled = (copy, whole);
        },
        |_, ()| {},
    );
    let (copy, whole) = shuffled;
    let is_copy = |at: &usize| words[*at] == 5 << 16 | 51 && words[at + 2] == copy;
    let at = (5..words.len() - 5).find(is_copy).unwrap();
    let pair = words[at + 1];
    words.splice(at..at + 5, [8 << 16 | 52, pair, copy, 79, whole, whole, 1, 0]);
    validate(&words);
    let module = SpirvModule { name: "case".to_owned(), words };
    let listing = module.source().unwrap().unwrap();
    let line = format!("%{copy} = OpSpecConstantOp  %{pair}  79 {whole} {whole} 1 0\n");
    assert!(listing.contains(&line), "{listing}");
    assert_eq!(listing.lines().last().unwrap().trim(), "OpFunctionEnd");
}

/// Vulkan leaves open what it is, and drivers differ.
#[test]
fn a_constant_remainder_of_a_negative_number_is_refused_where_its_value_is_needed() {
    let source = "#version 450
        layout(local_size_x = 1) in;
        layout(constant_id = 0) const int K = -7;
        layout(binding = 0) buffer X { int x[]; };
        const int REST = K % 3;
        void main() { x[0] = REST; }";
    let Some(words) = glslang(source, &[]) else { return };
    let module = SpirvModule { name: "case".to_owned(), words };
    let refused = module.settled().err().unwrap().to_string();
    assert!(refused.contains("a remainder of a negative number"), "{refused}");
    let given = module.specialized(&[("0".to_owned(), 8.0)].into()).unwrap();
    assert!(given.settled().is_ok());
}

#[test]
fn constants_of_floats_are_converted_and_chosen() {
    let source = "#version 450
        #extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
        layout(local_size_x = 1) in;
        layout(constant_id = 0) const float SLOPE = 0.1;
        layout(constant_id = 1) const bool STEEP = true;
        layout(binding = 0) buffer X { float x[]; };
        void main() {
            const float16_t slope = float16_t(SLOPE);
            const float chosen = STEEP ? SLOPE : 7.0;
            x[0] = float(slope * float16_t(x[0])) + chosen;
        }";
    let Some(words) = glslang(source, &[]) else { return };
    let module = SpirvModule { name: "case".to_owned(), words };
    let given = [("SLOPE".to_owned(), 0.3)].into();
    let words = module.specialized(&given).unwrap().settled().unwrap().words;
    validate(&words);
    let listing = SpirvModule { name: "case".to_owned(), words }.source().unwrap().unwrap();
    // The nearest half is 0.300048828125.
    for number in [" 0.3f", " 0.30004883h"] {
        assert!(listing.lines().any(|line| line.ends_with(number)), "{number}: {listing}");
    }
    assert!(!listing.contains("OpSpecConstantOp"), "{listing}");
}

/// naga declares numbers of 16 bits between stages wherever a shader has any.
#[test]
fn what_is_declared_for_other_stages_is_left_out() {
    let declared = |model: ExecutionModel| {
        let mut builder = Builder::new();
        builder.set_version(1, 3);
        builder.capability(Capability::Shader);
        builder.capability(Capability::StorageInputOutput16);
        builder.memory_model(AddressingModel::Logical, MemoryModel::GLSL450);
        let void = builder.type_void();
        let nothing = builder.type_function(void, []);
        for (name, model) in [("main", ExecutionModel::GLCompute), ("other", model)] {
            let entry = builder.begin_function(void, None, FunctionControl::NONE, nothing).unwrap();
            builder.begin_block(None).unwrap();
            builder.ret().unwrap();
            builder.end_function().unwrap();
            builder.entry_point(model, entry, name, []);
            builder.execution_mode(entry, ExecutionMode::LocalSize, [1, 1, 1]);
        }
        let words = builder.module().assemble();
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        SpirvModule::read("case", &bytes).unwrap().interface("main").unwrap().capabilities
    };
    assert_eq!(declared(ExecutionModel::GLCompute), [Capability::Shader]);
    let all = [Capability::Shader, Capability::StorageInputOutput16];
    assert_eq!(declared(ExecutionModel::Vertex), all);
}
