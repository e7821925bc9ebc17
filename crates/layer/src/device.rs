//! Devices from their creation to their end: what each can do, what is below it, and where its counts are kept.

#![expect(
    unsafe_code,
    reason = "handles of Vulkan are pointers, and its functions are called through pointers"
)]

use std::{
    collections::BTreeMap,
    ffi::{CStr, c_void},
    sync::{Arc, Mutex, Once, PoisonError, RwLock},
};

use ash::vk::{self, Handle};
use flopmeter_core::recording;

use crate::{
    claim::Claim,
    copies::{CopyPool, Counters},
    decode::State,
    features::{Request, Support},
    guard::{harmless, lock, lock_soon, panics},
    instance::{self, Instance, key},
    kernel::Abilities,
    link::{DeviceLink, Lookup, Place},
    memory::{Memory, Source},
    queries::Queries,
    saver::{Moment, Saver},
    snapshot,
    tally::{Tally, Target},
    watch::{Marks, Watch},
};

/// A device of the program's.
pub(crate) struct Device {
    pub(crate) handle: vk::Device,
    lookup: Lookup<vk::Device>,
    /// The functions below this layer. Only those of Vulkan 1.0 are there for sure.
    pub(crate) below: ash::Device,
    /// What it has for counting, or why it cannot count.
    pub(crate) abilities: Result<Abilities, String>,
    /// Invocations of a whole subgroup, where that is known.
    pub(crate) subgroup: Option<u32>,
    about: recording::Device,
    pub(crate) tally: Mutex<Tally>,
    pub(crate) counters: Mutex<Memory>,
    /// Where each dispatch is looked at by itself.
    watch: Option<Mutex<Watch>>,
    /// `None` where nothing is to be counted.
    saver: Option<Mutex<Saver>>,
    /// What it says while the last recording has all that was submitted. It is made and withdrawn with the tally locked.
    claim: Option<Claim>,
}

static DEVICES: RwLock<BTreeMap<usize, Arc<Device>>> = RwLock::new(BTreeMap::new());

impl Device {
    /// The device that a handle belongs to, which may be the device itself, a queue or a command buffer.
    ///
    /// # Safety
    /// The handle is a dispatchable one, and alive.
    pub(crate) unsafe fn of(handle: impl Handle) -> Option<Arc<Self>> {
        // SAFETY: as the caller promises.
        let key = unsafe { key(handle) }?;
        DEVICES.read().unwrap_or_else(PoisonError::into_inner).get(&key).cloned()
    }

    /// A function below this layer, by its name.
    pub(crate) fn find(&self, name: &CStr) -> vk::PFN_vkVoidFunction {
        // SAFETY: the device is alive, and the name ends with a zero.
        unsafe { (self.lookup)(self.handle, name.as_ptr()) }
    }

    /// Whether anything is to be counted.
    pub(crate) fn counts(&self) -> bool {
        self.saver.is_some()
    }

    /// Records a dispatch of so many workgroups, with marks around it where it is looked at by itself.
    pub(crate) fn dispatch(
        &self,
        commands: vk::CommandBuffer,
        grid: Option<[u32; 3]>,
        dispatch: impl FnOnce(),
    ) {
        let mut dispatch = Some(dispatch);
        if let Some(watch) = &self.watch {
            harmless(|| {
                let target = lock(&self.tally).target(commands.as_raw(), grid);
                let Some(Target { kernel, grid, counters }) = target else { return };
                let counters = counters.map(|(table, window)| {
                    let (buffer, offset) = lock(&self.counters).buffer(window);
                    Counters { table, buffer, offset }
                });
                lock(watch).around(commands, kernel, grid, counters.as_ref(), || {
                    dispatch.take().into_iter().for_each(|dispatch| dispatch());
                });
            });
        }
        dispatch.into_iter().for_each(|dispatch| dispatch());
    }

    /// Tells what looks at each dispatch, where anything does.
    pub(crate) fn watch(&self, tell: impl FnOnce(&mut Watch)) {
        if let Some(watch) = &self.watch {
            harmless(|| tell(&mut lock(watch)));
        }
    }

    /// Writes down what is known, if it is time to.
    pub(crate) fn save_at(&self, moment: Moment) {
        harmless(|| {
            if let Some(mut saver) = self.saver.as_ref().map(lock) {
                let mut tally = lock(&self.tally);
                // What the marks of all hold is read now: the process may end without a word.
                if moment == Moment::Waited && tally.ends.all_ended() {
                    self.watch(Watch::collect_all);
                }
                if saver.is_due(moment, tally.news()) {
                    saver.save(tally.news(), || self.snapshot(&mut tally, State::Running));
                }
                self.make_claim(&saver, &tally);
            }
        });
    }

    /// Says whether the last recording has everything, which only the process can say that it is of. What panicked may have
    /// kept something from it, and of what has not ended there may be no marks that were read.
    fn make_claim(&self, saver: &Saver, tally: &Tally) {
        if let Some(claim) = self.claim.as_ref().filter(|_| saver.is_own()) {
            let is_read = self.watch.is_none() || tally.ends.all_ended();
            claim.make(saver.has_all(tally.news()) && is_read && panics().is_empty());
        }
    }

    /// Something is about to be submitted, whatever it is. Whoever has the tally has locked it, so that no claim is made
    /// meanwhile.
    pub(crate) fn withdraw_claim(&self, _locked: &Tally) {
        if let Some(claim) = &self.claim {
            claim.make(false);
        }
    }

    /// Writes down what is known.
    fn save(&self, state: State) {
        if let Some(saver) = &self.saver {
            let (mut saver, mut tally) = (lock(saver), lock(&self.tally));
            saver.save(tally.news(), || self.snapshot(&mut tally, state));
            self.make_claim(&saver, &tally);
        }
    }

    fn snapshot(&self, tally: &mut Tally, state: State) -> recording::Recording {
        let mut watch = self.watch.as_ref().map(lock);
        // What runs has the marks of an earlier run, perhaps.
        if let Some(watch) = watch.as_mut().filter(|_| state != State::Running) {
            watch.collect_all();
        }
        let refused = self.abilities.as_ref().err().map(String::as_str);
        let read = |window, bytes| lock(&self.counters).read(window, bytes);
        match watch.as_deref() {
            Some(watch) if watch.period().is_some() => {
                snapshot::times(tally, watch, &self.about, state)
            }
            watch => snapshot::take(tally, watch, &self.about, refused, state, read),
        }
    }
}

/// `vkCreateDevice`
///
/// # Safety
/// As Vulkan demands.
pub(crate) unsafe extern "system" fn create(
    physical: vk::PhysicalDevice,
    info: *const vk::DeviceCreateInfo<'_>,
    allocator: *const vk::AllocationCallbacks<'_>,
    out: *mut vk::Device,
) -> vk::Result {
    // SAFETY: the loader calls with a whole structure and a physical device that is alive.
    let (place, instance) =
        unsafe { (Place::<DeviceLink>::find((*info).p_next), Instance::of(physical)) };
    let (Some(place), Some(instance)) = (place, instance) else {
        return vk::Result::ERROR_INITIALIZATION_FAILED;
    };
    let lookup = place.link.instance_lookup;
    // SAFETY: the instance is alive.
    let create = unsafe { lookup(instance.below.handle(), c"vkCreateDevice".as_ptr()) };
    let Some(create) = create else { return vk::Result::ERROR_INITIALIZATION_FAILED };
    // SAFETY: it is the function of that name.
    let create: vk::PFN_vkCreateDevice = unsafe { std::mem::transmute(create) };
    let call = |info: *const vk::DeviceCreateInfo<'_>| {
        place.step();
        // SAFETY: the program's own arguments, but for the structure, which asks for more.
        let result = unsafe { create(physical, info, allocator, out) };
        place.back();
        result
    };
    let folder = instance::folder();
    let takes_times = instance::is_on(crate::TIMES);
    let asked = harmless(|| {
        folder.as_ref().filter(|_| !takes_times).ok_or("nothing is to be counted")?;
        let support = Support::of(&instance, physical)?;
        // SAFETY: the program's structures live until this call returns.
        let request = unsafe { Request::new(info, &support) }?;
        Ok((support, request))
    });
    let asked = asked.unwrap_or_else(|| Err("the layer failed to ask for features".to_owned()));
    let mut enabled = Vec::new();
    let (result, support) = match asked {
        Ok((support, mut request)) => match call(&raw const request.info) {
            vk::Result::SUCCESS => {
                enabled = std::mem::take(&mut request.enabled);
                (vk::Result::SUCCESS, Ok(support))
            }
            refused => {
                drop(request);
                let why = format!("it refused the features that counting needs ({refused:?})");
                (call(info), Err(why))
            }
        },
        Err(why) => (call(info), Err(why)),
    };
    if result != vk::Result::SUCCESS {
        return result;
    }
    // SAFETY: the call succeeded.
    let handle = unsafe { *out };
    let lookup = place.link.device_lookup;
    // SAFETY: the device is alive, and what is found by a name is the function of that name.
    let below = unsafe {
        let found = |name: &CStr| lookup(handle, name.as_ptr());
        let pointer =
            |name: &CStr| std::mem::transmute::<vk::PFN_vkVoidFunction, *const c_void>(found(name));
        ash::Device::load_with(pointer, handle)
    };
    // SAFETY: the physical device is the instance's.
    let types = unsafe { instance.below.get_physical_device_memory_properties(physical) };
    let names = [c"vkGetBufferDeviceAddress", c"vkGetBufferDeviceAddressKHR"];
    // SAFETY: the device is alive.
    let address = names.into_iter().find_map(|name| unsafe { lookup(handle, name.as_ptr()) });
    // SAFETY: both names are those of functions of this type.
    let address = address.map(|found| unsafe {
        std::mem::transmute::<unsafe extern "system" fn(), vk::PFN_vkGetBufferDeviceAddress>(found)
    });
    let takes_own_memory = support.as_ref().is_ok_and(|support| support.takes_own_memory);
    let host = c"vkGetMemoryHostPointerPropertiesEXT".as_ptr();
    // SAFETY: the device is alive.
    let host = unsafe { lookup(handle, host) }.filter(|_| takes_own_memory);
    // SAFETY: the name is that of a function of this type.
    let host = host.map(|found| unsafe {
        std::mem::transmute::<
            unsafe extern "system" fn(),
            vk::PFN_vkGetMemoryHostPointerPropertiesEXT,
        >(found)
    });
    let source = Source { below: below.clone(), types, address, host };
    let each = instance::is_on(crate::EACH);
    let marks = if takes_times {
        let (bits, period) = timestamps(&instance, physical);
        Some(Marks::Times(Queries::new(below.clone(), bits, period).into()))
    } else {
        (each && support.is_ok()).then(|| Marks::Counts(CopyPool::new(source.clone()).into()))
    };
    let watch = marks.filter(|_| folder.is_some()).map(|marks| Mutex::new(Watch::new(marks, each)));
    let saver = folder.map(|folder| Saver::new(&folder));
    let claim = saver.as_ref().and_then(Saver::claim);
    let about = harmless(|| describe(&instance, physical)).unwrap_or_default();
    let device = Arc::new(Device {
        handle,
        lookup,
        below,
        subgroup: support.as_ref().ok().map(|its| its.subgroup).filter(|&n| n > 0),
        abilities: support.map(|support| support.abilities),
        about: recording::Device { enabled, ..about },
        // What one dispatch counted is told from the others by what lies in between, whatever else runs.
        tally: Mutex::new(Tally::new(each)),
        counters: Mutex::new(Memory::new(source)),
        watch,
        saver: saver.map(Mutex::new),
        claim,
    });
    // SAFETY: the device is alive.
    if let Some(key) = unsafe { key(handle) } {
        let mut devices = DEVICES.write().unwrap_or_else(PoisonError::into_inner);
        devices.insert(key, Arc::clone(&device));
    }
    if device.counts() {
        harmless(|| device.save(State::Running));
        write_at_exit();
    }
    result
}

/// `vkDestroyDevice`
///
/// # Safety
/// As Vulkan demands.
pub(crate) unsafe extern "system" fn destroy(
    device: vk::Device,
    allocator: *const vk::AllocationCallbacks<'_>,
) {
    // SAFETY: the program hands in a device of its own, or none.
    let found = unsafe { key(device) }
        .and_then(|key| DEVICES.write().unwrap_or_else(PoisonError::into_inner).remove(&key));
    let Some(found) = found else { return };
    harmless(|| {
        found.save(State::Idle);
        lock(&found.counters).free();
        found.watch(Watch::free);
    });
    // SAFETY: the program's own arguments.
    unsafe { (found.below.fp_v1_0().destroy_device)(device, allocator) }
}

/// The bits of timestamps that mean something on all queues that compute, and the nanoseconds of a tick.
fn timestamps(instance: &Instance, physical: vk::PhysicalDevice) -> (u32, f64) {
    // SAFETY: the physical device is the instance's.
    let (queues, properties) = unsafe {
        let below = &instance.below;
        let queues = below.get_physical_device_queue_family_properties(physical);
        (queues, below.get_physical_device_properties(physical))
    };
    let compute = queues.iter().filter(|its| its.queue_flags.contains(vk::QueueFlags::COMPUTE));
    let bits = compute.map(|its| its.timestamp_valid_bits).min().unwrap_or(0);
    (bits, f64::from(properties.limits.timestamp_period))
}

/// What a device says of itself.
fn describe(instance: &Instance, physical: vk::PhysicalDevice) -> recording::Device {
    let text = |text: Result<&CStr, _>| {
        text.map_or_else(|_| String::new(), |text| text.to_string_lossy().into_owned())
    };
    // SAFETY: the physical device is the instance's.
    let properties = unsafe { instance.below.get_physical_device_properties(physical) };
    let version = properties.api_version;
    let mut driver = vk::PhysicalDeviceDriverProperties::default();
    if let Some(function) = instance.find(c"vkGetPhysicalDeviceProperties2") {
        let mut all = vk::PhysicalDeviceProperties2::default().push_next(&mut driver);
        // SAFETY: the function is that of this name, and the structures are whole. A driver that does not know one
        // of them leaves it as it is.
        unsafe {
            let function: vk::PFN_vkGetPhysicalDeviceProperties2 = std::mem::transmute(function);
            function(physical, &mut all);
        }
    }
    let parts = [text(driver.driver_name_as_c_str()), text(driver.driver_info_as_c_str())];
    recording::Device {
        name: text(properties.device_name_as_c_str()),
        driver: parts.join(" ").trim().to_owned(),
        api: format!(
            "Vulkan {}.{}.{}",
            vk::api_version_major(version),
            vk::api_version_minor(version),
            vk::api_version_patch(version)
        ),
        enabled: Vec::new(),
    }
}

/// Has what is known written down when the process ends: few programs destroy their devices before.
fn write_at_exit() {
    extern "C" fn at_exit() {
        harmless(|| {
            let devices = DEVICES.try_read().map(|devices| devices.values().cloned().collect());
            let devices: Vec<Arc<Device>> = devices.unwrap_or_default();
            for device in devices {
                // Other threads may be within the layer, and this one may be by way of a signal.
                let saver = device.saver.as_ref().and_then(lock_soon);
                if let (Some(mut saver), Some(mut tally)) = (saver, lock_soon(&device.tally)) {
                    saver.save(tally.news(), || device.snapshot(&mut tally, State::Ending));
                }
            }
        });
    }

    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: the function takes nothing, unwinds nowhere, and the library stays loaded.
        unsafe { libc::atexit(at_exit) };
    });
}
