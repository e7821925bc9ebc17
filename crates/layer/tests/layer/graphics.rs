//! Graphics beside a kernel that can be counted: they are named where they run.
#![allow(unsafe_code, reason = "a program that uses Vulkan")]

use ash::vk;
use flopmeter_core::op::{Op, OpCounts};
use flopmeter_layer::NAME;

use crate::{
    asks::Asks,
    glsl::{compile, compile_with},
    host::Host,
    process::{Stage, can_play},
    scenes::{ADD, ended},
};

/// Makes a graphics pipeline, binds it or does not, and runs a kernel.
pub fn graphics(bound: bool) -> Vec<u32> {
    let host = Host::open(Asks::Nothing);
    let kernel = host.pipeline(&compile(ADD), &[]);
    let words = compile_with("#version 450\nvoid main() {}", &["-S", "vert"]);
    unsafe {
        let device = &host.device;
        let layout = vk::PipelineLayoutCreateInfo::default();
        let layout = device.create_pipeline_layout(&layout, None).unwrap();
        let subpasses = [vk::SubpassDescription::default()];
        let pass = vk::RenderPassCreateInfo::default().subpasses(&subpasses);
        let pass = device.create_render_pass(&pass, None).unwrap();
        let module = vk::ShaderModuleCreateInfo::default().code(&words);
        let module = device.create_shader_module(&module, None).unwrap();
        let stages = [vk::PipelineShaderStageCreateInfo::default()
            .stage(vk::ShaderStageFlags::VERTEX)
            .module(module)
            .name(c"main")];
        let vertices = vk::PipelineVertexInputStateCreateInfo::default();
        let assembly = vk::PipelineInputAssemblyStateCreateInfo::default();
        let raster = vk::PipelineRasterizationStateCreateInfo::default()
            .rasterizer_discard_enable(true)
            .line_width(1.0);
        let info = vk::GraphicsPipelineCreateInfo::default()
            .stages(&stages)
            .vertex_input_state(&vertices)
            .input_assembly_state(&assembly)
            .rasterization_state(&raster)
            .layout(layout)
            .render_pass(pass);
        let none = vk::PipelineCache::null();
        let pipeline = device.create_graphics_pipelines(none, &[info], None).unwrap()[0];
        host.run(|commands| {
            if bound {
                let point = vk::PipelineBindPoint::GRAPHICS;
                device.cmd_bind_pipeline(commands.commands, point, pipeline);
            }
            commands.bind(kernel).dispatch(1, 1, 1);
        });
        device.destroy_pipeline(pipeline, None);
        device.destroy_shader_module(module, None);
        device.destroy_render_pass(pass, None);
        device.destroy_pipeline_layout(layout, None);
    }
    ended(host, &[kernel])
}

#[test]
fn graphics_are_named_where_they_run() {
    if !can_play() {
        return;
    }
    let named = ["graphics pipelines"];
    for (scene, named) in [("graphics", &named[..]), ("graphics that do not run", &[])] {
        let plain = Stage::new().play(scene, &[]);
        let with_layer = Stage::new().play(scene, &[NAME]);
        assert!(plain.left == with_layer.left, "{scene}: its results differ");
        let [recording] = &with_layer.recordings[..] else { panic!("one device") };
        let refused = recording.not_counted.iter().map(|its| its.what.as_deref().unwrap());
        assert_eq!(refused.collect::<Vec<_>>(), named, "{scene}");
        let counts = recording.kernels.iter().map(|kernel| kernel.cost.ops.floating());
        assert_eq!(counts.collect::<Vec<_>>(), [OpCounts::f32(Op::Add, 32)], "{scene}");
    }
}
