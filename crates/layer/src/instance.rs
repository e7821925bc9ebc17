//! Instances from their creation to their end, and what is below each. Knows no devices.

#![expect(
    unsafe_code,
    reason = "handles of Vulkan are pointers, and its functions are called through pointers"
)]

use std::{
    collections::BTreeMap,
    ffi::CStr,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use ash::vk::{self, Handle};
use flopmeter_core::recording::Recording;

use crate::{
    guard::{harmless, lock, remember_panics},
    link::{InstanceLink, Lookup, Place},
    saver::Saver,
};

/// An instance of the program's.
pub(crate) struct Instance {
    handle: vk::Instance,
    lookup: Lookup<vk::Instance>,
    pub(crate) below: ash::Instance,
}

static INSTANCES: Mutex<BTreeMap<usize, Arc<Instance>>> = Mutex::new(BTreeMap::new());

impl Instance {
    /// The instance that a handle belongs to, which may be the instance itself or a physical device of it.
    ///
    /// # Safety
    /// The handle is a dispatchable one, and alive.
    pub(crate) unsafe fn of(handle: impl Handle) -> Option<Arc<Self>> {
        // SAFETY: as the caller promises.
        let key = unsafe { key(handle) }?;
        lock(&INSTANCES).get(&key).cloned()
    }

    /// A function below this layer, by its name.
    pub(crate) fn find(&self, name: &CStr) -> vk::PFN_vkVoidFunction {
        // SAFETY: the instance is alive, and the name ends with a zero.
        unsafe { (self.lookup)(self.handle, name.as_ptr()) }
    }
}

/// What the loader tells objects apart by: the pointer with which a dispatchable object begins. It is the same for
/// an instance and its physical devices, and for a device, its queues and its command buffers.
///
/// # Safety
/// The handle is a dispatchable one, and alive.
pub(crate) unsafe fn key(handle: impl Handle) -> Option<usize> {
    let object = std::ptr::with_exposed_provenance::<usize>(handle.as_raw() as usize);
    // SAFETY: the object that a dispatchable handle points to begins with the pointer of the loader's.
    (!object.is_null()).then(|| unsafe { object.read() })
}

/// Where recordings go; `None` where nothing is to be counted.
pub(crate) fn folder() -> Option<PathBuf> {
    std::env::var_os(crate::FOLDER).filter(|folder| !folder.is_empty()).map(PathBuf::from)
}

/// Whether an environment variable of the layer's is 1.
pub(crate) fn is_on(variable: &str) -> bool {
    std::env::var_os(variable).is_some_and(|value| value == "1")
}

/// `vkCreateInstance`
///
/// # Safety
/// As Vulkan demands.
pub(crate) unsafe extern "system" fn create(
    info: *const vk::InstanceCreateInfo<'_>,
    allocator: *const vk::AllocationCallbacks<'_>,
    out: *mut vk::Instance,
) -> vk::Result {
    // SAFETY: the loader calls with a whole structure.
    let Some(place) = (unsafe { Place::<InstanceLink>::find((*info).p_next) }) else {
        return vk::Result::ERROR_INITIALIZATION_FAILED;
    };
    let lookup = place.link.instance_lookup;
    // SAFETY: without an instance, the loader and every layer know this function.
    let create = unsafe { lookup(vk::Instance::null(), c"vkCreateInstance".as_ptr()) };
    let Some(create) = create else { return vk::Result::ERROR_INITIALIZATION_FAILED };
    // SAFETY: it is the function of that name.
    let create: vk::PFN_vkCreateInstance = unsafe { std::mem::transmute(create) };
    place.step();
    // SAFETY: the program's own arguments.
    let result = unsafe { create(info, allocator, out) };
    if result == vk::Result::SUCCESS {
        harmless(|| {
            // SAFETY: the call above succeeded.
            let handle = unsafe { *out };
            let entry = ash::StaticFn { get_instance_proc_addr: lookup };
            // SAFETY: the instance is alive, and `lookup` finds the functions below this layer.
            let below = unsafe { ash::Instance::load(&entry, handle) };
            let instance = Instance { handle, lookup, below };
            // SAFETY: as above.
            if let Some(key) = unsafe { key(handle) } {
                lock(&INSTANCES).insert(key, Arc::new(instance));
            }
            if let Some(folder) = folder() {
                remember_panics();
                let process = std::process::id();
                let opened = || Recording { process, finished: true, ..Recording::default() };
                Saver::new(&folder).save(0, opened);
            }
        });
    }
    result
}

/// `vkDestroyInstance`
///
/// # Safety
/// As Vulkan demands.
pub(crate) unsafe extern "system" fn destroy(
    instance: vk::Instance,
    allocator: *const vk::AllocationCallbacks<'_>,
) {
    // SAFETY: the program hands in an instance of its own, or none.
    let found = unsafe { key(instance) }.and_then(|key| lock(&INSTANCES).remove(&key));
    if let Some(found) = found {
        // SAFETY: the program's own arguments.
        unsafe { (found.below.fp_v1_0().destroy_instance)(instance, allocator) }
    }
}
