//! The small program in a process of its own, with the layer and without it.

use std::{
    ffi::CStr,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use ash::{Entry, vk};
use flopmeter_core::recording::Recording;
use tempfile::TempDir;

#[cfg(target_os = "linux")]
use crate::claims;
use crate::{glsl, graphics, rare, scenes};

/// Which scene is to be played, in the process that plays it.
const SCENE: &str = "FLOPMETER_TEST_SCENE";
/// Where it leaves what it computed.
const LEFT: &str = "FLOPMETER_TEST_LEFT";

/// The small program, where this process is one.
#[test]
fn play() {
    let Ok(name) = std::env::var(SCENE) else { return };
    let scene = scenes::SCENES.iter().find(|scene| scene.name == name);
    let left = match name.as_str() {
        "two devices" => scenes::two_devices(),
        "endless" => scenes::endless(false),
        "endless by the device" => scenes::endless(true),
        "gone" => scenes::gone(),
        #[cfg(unix)]
        "replaced" => {
            (scenes::SCENES[0].play)();
            let mut command = Command::new(std::env::current_exe().unwrap());
            command.args(std::env::args_os().skip(1)).env(SCENE, scenes::SCENES[0].name);
            panic!("{}", std::os::unix::process::CommandExt::exec(&mut command))
        }
        #[cfg(target_os = "linux")]
        "limited" => rare::limited(),
        #[cfg(target_os = "linux")]
        "left" => claims::left(claims::Last::Waits),
        #[cfg(target_os = "linux")]
        "left idle" => claims::left(claims::Last::Idles),
        #[cfg(target_os = "linux")]
        "left at work" => claims::left(claims::Last::Submits),
        "derivatives" => rare::derivatives(),
        "lined" => rare::lined(),
        "many branches" => rare::branched(100),
        "too many branches" => rare::branched(1100),
        "long" => rare::long(),
        "uncompiled" => rare::uncompiled(),
        "wrong" => scenes::wrong(),
        "pools" => rare::pools(),
        "objects" => rare::objects(),
        "graphics" => graphics::graphics(true),
        "graphics that do not run" => graphics::graphics(false),
        _ => (scene.unwrap().play)(),
    };
    let bytes: Vec<u8> = left.iter().flat_map(|number| number.to_le_bytes()).collect();
    fs::write(std::env::var_os(LEFT).unwrap(), bytes).unwrap();
}

/// A scene that was played.
pub struct Played {
    /// What it computed.
    pub left: Vec<u8>,
    /// What the layer recorded of each device, in the order in which they were opened.
    pub recordings: Vec<Recording>,
    /// What was printed.
    pub said: String,
}

/// Khronos's layer that complains about what Vulkan does not allow.
pub const VALIDATION: &str = "VK_LAYER_KHRONOS_validation";

/// A folder with all that a run needs.
pub struct Stage {
    folder: TempDir,
}

impl Stage {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The program, ready to play a scene with these layers, the first next to the program.
    pub fn command(&self, scene: &str, layers: &[&str]) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "process::play", "--nocapture"]);
        command.env(SCENE, scene).env(LEFT, self.at("left"));
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.env("VK_INSTANCE_LAYERS", layers.join(":"));
        if layers.contains(&flopmeter_layer::NAME) {
            let manifest = serde_json::json!({
                "file_format_version": "1.2.0",
                "layer": {
                    "name": flopmeter_layer::NAME,
                    "type": "GLOBAL",
                    "library_path": library(),
                    "api_version": "1.4.0",
                    "implementation_version": "1",
                    "description": "counts",
                },
            });
            fs::create_dir_all(self.at("recordings")).unwrap();
            fs::write(self.at("layer.json"), manifest.to_string()).unwrap();
            command.env("VK_ADD_LAYER_PATH", self.folder.path());
            command.env(flopmeter_layer::FOLDER, self.at("recordings"));
        }
        command
    }

    /// Plays a scene to its end.
    pub fn play(&self, scene: &str, layers: &[&str]) -> Played {
        self.play_as(scene, self.command(scene, layers))
    }

    /// Plays a scene to its end, with these variables of the layer's switched on.
    pub fn play_with(&self, scene: &str, layers: &[&str], asked: &[&str]) -> Played {
        let mut command = self.command(scene, layers);
        asked.iter().for_each(|variable| {
            command.env(variable, "1");
        });
        self.play_as(scene, command)
    }

    fn play_as(&self, scene: &str, mut command: Command) -> Played {
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{scene}: {}\n{said}", output.status);
        let left = fs::read(self.at("left")).unwrap();
        let said = format!("{}{said}", String::from_utf8_lossy(&output.stdout));
        Played { left, recordings: self.recordings(), said }
    }

    /// What is recorded so far.
    pub fn recordings(&self) -> Vec<Recording> {
        let Ok(files) = fs::read_dir(self.at("recordings")) else { return Vec::new() };
        let mut paths: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
        paths.retain(|path| path.extension().is_some_and(|its| its == "json"));
        paths.sort();
        let read = |path: &PathBuf| -> Recording {
            serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
        };
        paths.iter().map(read).filter(|recording| recording.device.is_some()).collect()
    }

    /// How many recordings could not be written.
    #[cfg(target_os = "linux")]
    pub fn lost(&self) -> usize {
        let files = fs::read_dir(self.at("recordings")).unwrap();
        let paths = files.map(|file| file.unwrap().path());
        paths
            .filter(|path| path.extension().is_some_and(|its| its == flopmeter_layer::LOST))
            .count()
    }
}

/// The layer, which cargo builds beside this executable.
fn library() -> PathBuf {
    let name =
        format!("{}flopmeter_layer{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let library = std::env::current_exe().unwrap().parent().map(|folder| folder.join(name));
    library.filter(|path| Path::exists(path)).unwrap()
}

/// Says that something is left out; a failure where it is required.
#[expect(clippy::print_stdout, reason = "what a test leaves out is said")]
pub fn skipped(name: &str, why: &str) -> bool {
    let variable = format!("FLOPMETER_REQUIRE_{name}");
    let required = std::env::var_os(variable).is_some_and(|value| value == "1");
    assert!(!required, "{name} is required: {why}");
    println!("SKIPPED: {why}");
    false
}

/// Whether there is what the small program needs; says what is missing.
pub fn can_play() -> bool {
    if !glsl::is_here() {
        return skipped("GLSLANG", "there is no glslangValidator");
    }
    match driver() {
        Ok(_) => true,
        Err(why) => skipped("ADAPTER", &format!("there is no Vulkan driver: {why}")),
    }
}

/// The name of the device to run on.
#[allow(unsafe_code, reason = "a program that uses Vulkan")]
fn driver() -> Result<String, String> {
    unsafe {
        let entry = Entry::load().map_err(|error| error.to_string())?;
        let instance = entry.create_instance(&vk::InstanceCreateInfo::default(), None);
        let instance = instance.map_err(|error| error.to_string())?;
        let devices = instance.enumerate_physical_devices().map_err(|error| error.to_string())?;
        let name = |&device| {
            let properties = instance.get_physical_device_properties(device);
            let name: &CStr = properties.device_name_as_c_str().unwrap();
            name.to_string_lossy().into_owned()
        };
        let name = devices.first().map(name).ok_or("no device".to_owned());
        instance.destroy_instance(None);
        name
    }
}
