//! Which adapters there are and which one a name means. Opening one is the parent's business.

use flopmeter_core::{device::LLVMPIPE_LEVELS, kernel::CooperativeProduct};
use wgpu::Backends;

use crate::{
    Error,
    execute::{Adapter, Backend, DeviceType, Limits},
};

/// What to install where there is nothing to run on.
const WAY_OUT: &str = "install a Vulkan driver: a GPU's own, or the software adapter \
                       (Debian and Ubuntu: apt-get install mesa-vulkan-drivers)";

/// Every adapter, real GPUs first, each device once. GL is asked only where no other backend has
/// anything: a device that is listed twice is used through Vulkan.
pub(super) fn enumerate() -> Vec<(wgpu::Adapter, Adapter)> {
    let from = |backends| {
        let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle_from_env();
        descriptor.backends &= backends;
        let instance = wgpu::Instance::new(descriptor);
        pollster::block_on(instance.enumerate_adapters(backends))
    };
    let mut adapters = from(Backends::PRIMARY);
    if adapters.is_empty() {
        adapters = from(Backends::GL);
    }
    let mut described: Vec<_> = adapters
        .into_iter()
        .filter(|adapter| {
            adapter
                .get_downlevel_capabilities()
                .flags
                .contains(wgpu::DownlevelFlags::COMPUTE_SHADERS)
        })
        .map(|adapter| {
            let description = describe(&adapter);
            (adapter, description)
        })
        .collect();
    described.sort_by_key(|(_, description)| rank(description.device_type));
    described
}

/// Finds what a user calls `auto`, `gpu`, `software`, or a part of an adapter's name.
pub(super) fn choose(choice: &str) -> Result<(wgpu::Adapter, Adapter), Error> {
    let adapters = enumerate();
    let known: Vec<_> = adapters.iter().map(|(_, a)| format!("'{}'", a.name)).collect();
    let wanted = choice.to_lowercase();
    adapters
        .into_iter()
        .find(|(_, description)| match wanted.as_str() {
            "auto" => true,
            "gpu" => description.device_type != DeviceType::Software,
            "software" => description.device_type == DeviceType::Software,
            // Every name has it, and a variable without a value most likely stands for it.
            "" => false,
            name => description.name.to_lowercase().contains(name),
        })
        .ok_or_else(|| {
            Error::NoAdapter(if known.is_empty() {
                format!("no adapter '{choice}': there is embedded alone; {WAY_OUT}")
            } else {
                format!(
                    "no adapter '{choice}': there is {}, and embedded; {WAY_OUT}",
                    known.join(", ")
                )
            })
        })
}

/// Leave to ask for those of these features that wgpu calls experimental.
pub(super) fn experimental(features: wgpu::Features) -> wgpu::ExperimentalFeatures {
    if !features.contains(wgpu::Features::EXPERIMENTAL_COOPERATIVE_MATRIX) {
        return wgpu::ExperimentalFeatures::disabled();
    }
    #[expect(
        unsafe_code,
        reason = "cooperative matrices are the only such feature that is asked for; only kernels that name them use it, \
                  and those touch memory through loads and stores of whole matrices in buffers that they bind, which the \
                  device's own robustness guards; a crash of its driver would be one of the driver's"
    )]
    unsafe {
        wgpu::ExperimentalFeatures::enabled()
    }
}

/// The cooperative matrices that an adapter multiplies.
pub(super) fn products(adapter: &wgpu::Adapter) -> Vec<CooperativeProduct> {
    let scalar = |ty| match ty {
        wgpu::CooperativeScalarType::F32 => naga::Scalar::F32,
        wgpu::CooperativeScalarType::F16 => naga::Scalar::F16,
        wgpu::CooperativeScalarType::I32 => naga::Scalar::I32,
        wgpu::CooperativeScalarType::U32 => naga::Scalar::U32,
    };
    let properties = adapter.cooperative_matrix_properties().into_iter();
    let product = |its: wgpu::CooperativeMatrixProperties| CooperativeProduct {
        extent: [its.m_size, its.n_size, its.k_size],
        factors: scalar(its.ab_type),
        sum: scalar(its.cr_type),
    };
    properties.map(product).collect()
}

/// Rows and columns of the largest square matrices of halves that an adapter multiplies with sums in single precision.
fn matrix_side(adapter: &wgpu::Adapter) -> Option<u32> {
    let needs = wgpu::Features::SHADER_F16.union(wgpu::Features::EXPERIMENTAL_COOPERATIVE_MATRIX);
    if !adapter.features().contains(needs) {
        return None;
    }
    let products = products(adapter).into_iter();
    let sides = products.filter_map(|CooperativeProduct { extent: [m, n, k], factors, sum }| {
        let is_ours = factors == naga::Scalar::F16 && sum == naga::Scalar::F32;
        (is_ours && m == n && n == k).then_some(m)
    });
    sides.max()
}

fn rank(device_type: DeviceType) -> u8 {
    match device_type {
        DeviceType::Discrete => 0,
        DeviceType::Integrated => 1,
        DeviceType::Virtual => 2,
        DeviceType::Other => 3,
        DeviceType::Software | DeviceType::Embedded => 4,
    }
}

fn describe(adapter: &wgpu::Adapter) -> Adapter {
    let info = adapter.get_info();
    let limits = adapter.limits();
    let device_type = match info.device_type {
        wgpu::DeviceType::DiscreteGpu => DeviceType::Discrete,
        wgpu::DeviceType::IntegratedGpu => DeviceType::Integrated,
        wgpu::DeviceType::VirtualGpu => DeviceType::Virtual,
        wgpu::DeviceType::Cpu => DeviceType::Software,
        wgpu::DeviceType::Other => DeviceType::Other,
    };
    let backend = match info.backend {
        wgpu::Backend::Noop => Backend::Noop,
        wgpu::Backend::Vulkan => Backend::Vulkan,
        wgpu::Backend::Metal => Backend::Metal,
        wgpu::Backend::Dx12 => Backend::Dx12,
        wgpu::Backend::Gl => Backend::Gl,
        wgpu::Backend::BrowserWebGpu => Backend::WebGpu,
    };
    let subgroup_lanes = (adapter.features().contains(wgpu::Features::SUBGROUP)
        && info.subgroup_min_size == info.subgroup_max_size)
        .then_some(info.subgroup_min_size);
    Adapter {
        name: info.name,
        backend,
        device_type,
        driver: format!("{} {}", info.driver, info.driver_info).trim().to_owned(),
        limits: Limits {
            subgroup_lanes,
            matrix_side: subgroup_lanes.and_then(|_| matrix_side(adapter)),
            // SwiftShader's subgroups are vectors as well, but it computes loops for masked lanes too, so a
            // lane that is missing would not be missed there.
            lockstep: info.driver == "llvmpipe",
            // Most software adapters are Mesa's llvmpipe. The rounds of loops that it allows, only trying shows.
            nesting: (device_type == DeviceType::Software).then_some(LLVMPIPE_LEVELS),
            // Mesa's llvmpipe was seen to take the number of workgroups modulo 2^32, and a processor would
            // need hours for so many.
            grid: (device_type == DeviceType::Software).then_some(u32::MAX.into()),
            parallel: matches!(
                device_type,
                DeviceType::Discrete | DeviceType::Integrated | DeviceType::Virtual
            ),
            ..Limits::from(&limits)
        },
    }
}
