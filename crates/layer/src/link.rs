//! The structures by which a loader and its layers find each other, as `vk_layer.h` lays them out. Knows nothing of
//! what is passed along.

#![expect(
    unsafe_code,
    reason = "a loader hands its structures over as a chain of raw pointers, and has them changed in place"
)]

use std::ffi::{c_char, c_void};

use ash::vk;

/// A function of a driver, a layer or a loader that finds others by their name.
pub(crate) type Lookup<Handle> =
    unsafe extern "system" fn(Handle, *const c_char) -> vk::PFN_vkVoidFunction;

/// What a loader and a layer agree on when the layer is loaded.
#[repr(C)]
pub struct Negotiation {
    s_type: i32,
    p_next: *mut c_void,
    pub(crate) version: u32,
    pub(crate) instance_lookup: Option<Lookup<vk::Instance>>,
    pub(crate) device_lookup: Option<Lookup<vk::Device>>,
    pub(crate) physical_device_lookup: Option<Lookup<vk::Instance>>,
}

/// What is below this layer.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct InstanceLink {
    next: *mut Self,
    pub(crate) instance_lookup: Lookup<vk::Instance>,
    physical_device_lookup: Option<Lookup<vk::Instance>>,
}

/// What is below this layer for a device.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct DeviceLink {
    next: *mut Self,
    pub(crate) instance_lookup: Lookup<vk::Instance>,
    pub(crate) device_lookup: Lookup<vk::Device>,
}

/// A structure of the loader in the chain of what an instance or a device is created with.
#[repr(C)]
struct LoaderInfo<Link> {
    s_type: vk::StructureType,
    p_next: *const c_void,
    /// Which of a union's members follows; [`LINK`] where it is a link.
    function: i32,
    link: *mut Link,
}

/// `VK_LAYER_LINK_INFO`
const LINK: i32 = 0;

/// A kind of link, and in which structure of a chain it is found.
pub(crate) trait Link: Copy {
    /// The type of that structure.
    const TYPE: vk::StructureType;

    /// The link of the layer below.
    fn next(&self) -> *mut Self;
}

impl Link for InstanceLink {
    const TYPE: vk::StructureType = vk::StructureType::LOADER_INSTANCE_CREATE_INFO;

    fn next(&self) -> *mut Self {
        self.next
    }
}

impl Link for DeviceLink {
    const TYPE: vk::StructureType = vk::StructureType::LOADER_DEVICE_CREATE_INFO;

    fn next(&self) -> *mut Self {
        self.next
    }
}

/// This layer's place in a chain of layers.
pub(crate) struct Place<L> {
    info: *mut LoaderInfo<L>,
    first: *mut L,
    /// What is below.
    pub(crate) link: L,
}

impl<L: Link> Place<L> {
    /// Finds this layer's place; `None` where the loader did not say it.
    ///
    /// # Safety
    /// `chain` is the `pNext` of what a loader has this layer create something with.
    pub(crate) unsafe fn find(chain: *const c_void) -> Option<Self> {
        let mut at = chain.cast_mut().cast::<LoaderInfo<L>>();
        // SAFETY: every structure of a chain begins with a type and the pointer to the next, which is null for the
        // last; one of this type is the loader's, and its link is this layer's.
        unsafe {
            while !at.is_null() {
                if (*at).s_type == L::TYPE && (*at).function == LINK && !(*at).link.is_null() {
                    let first = (*at).link;
                    return Some(Self { info: at, first, link: *first });
                }
                at = (*at).p_next.cast_mut().cast();
            }
        }
        None
    }

    /// Has the layer below find its own place, as each layer does before it calls on. It may be done again.
    pub(crate) fn step(&self) {
        // SAFETY: the structure is the loader's, lives as long as the call that brought it, and is there to be
        // changed by this layer.
        unsafe { (*self.info).link = self.link.next() }
    }

    /// Puts the structure back as it came, so that the same may be asked for once more.
    pub(crate) fn back(&self) {
        // SAFETY: as above.
        unsafe { (*self.info).link = self.first }
    }
}
