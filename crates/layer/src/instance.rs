//! Instances from their creation to their end, and what is below each. Knows no devices.

#![expect(
    unsafe_code,
    reason = "handles of Vulkan are pointers, and its functions are called through pointers"
)]

use std::{
    collections::BTreeMap,
    ffi::{CStr, c_char},
    path::PathBuf,
    sync::{Arc, Mutex},
};

use ash::vk::{self, Handle};
use flopmeter_core::recording::Recording;

use crate::{
    chain::slice,
    guard::{harmless, lock, remember_panics},
    link::{InstanceLink, Lookup, Place},
    saver::Saver,
};

/// An instance of the program's.
pub(crate) struct Instance {
    handle: vk::Instance,
    lookup: Lookup<vk::Instance>,
    pub(crate) below: ash::Instance,
    pub(crate) age: Age,
}

/// What a program asks for of what came after Vulkan 1.0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Age {
    /// Vulkan 1.1 or later.
    New,
    /// To ask devices what 1.0 did not know.
    CanAsk,
    /// Nothing. Loaders answer such questions themselves then, and leave most of them open.
    Old,
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

/// What an instance of Vulkan 1.0 has to have so that its devices may have what counting needs.
const NEEDED: [&CStr; 3] = [
    vk::KHR_GET_PHYSICAL_DEVICE_PROPERTIES2_NAME,
    vk::KHR_DEVICE_GROUP_CREATION_NAME,
    vk::KHR_EXTERNAL_MEMORY_CAPABILITIES_NAME,
];

/// What a program asks for, and the names of the extensions that it asks for and that counting needs.
///
/// # Safety
/// The structure is whole.
unsafe fn asked(info: *const vk::InstanceCreateInfo<'_>) -> (Age, Vec<*const c_char>) {
    // SAFETY: as the caller promises.
    let (version, mut names) = unsafe {
        let version = (*info).p_application_info.as_ref().map_or(0, |about| about.api_version);
        let names = slice((*info).pp_enabled_extension_names, (*info).enabled_extension_count);
        (version, names.to_vec())
    };
    // SAFETY: each is a text that ends with a zero.
    let has = |name: &CStr| names.iter().any(|&its| unsafe { CStr::from_ptr(its) } == name);
    if version >= vk::API_VERSION_1_1 {
        return (Age::New, names);
    }
    let age = if has(NEEDED[0]) { Age::CanAsk } else { Age::Old };
    let more = NEEDED.into_iter().filter(|name| !has(name)).map(CStr::as_ptr);
    names.extend(more.collect::<Vec<_>>());
    (age, names)
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
    let call = |info: *const vk::InstanceCreateInfo<'_>| {
        place.step();
        // SAFETY: the program's own arguments, but for the structure, which may ask for more.
        let result = unsafe { create(info, allocator, out) };
        place.back();
        result
    };
    // SAFETY: as above; the program's structure lives until this call returns.
    let ((age, names), more) = unsafe { (asked(info), *info) };
    let result = if age == Age::New || folder().is_none() {
        call(info)
    } else {
        let more = more.enabled_extension_names(&names);
        match call(&raw const more) {
            vk::Result::ERROR_EXTENSION_NOT_PRESENT => call(info),
            result => result,
        }
    };
    if result == vk::Result::SUCCESS {
        harmless(|| {
            // SAFETY: the call above succeeded.
            let handle = unsafe { *out };
            let entry = ash::StaticFn { get_instance_proc_addr: lookup };
            // SAFETY: the instance is alive, and `lookup` finds the functions below this layer.
            let below = unsafe { ash::Instance::load(&entry, handle) };
            let instance = Instance { handle, lookup, below, age };
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
