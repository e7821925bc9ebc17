//! Everything about a device in one command: its ceilings, and how near the crate's kernels come to them, each beside
//! the others that might run in its place; what counting costs, and of what; how long whole training steps take.
//! The compiled bench needs neither a toolchain nor any file. On a software adapter sizes are smaller.
//!
//! `cargo bench --bench device [-- SECTION... SIZE... FILE.json]`: all sections where none is named; sizes take the
//! place of those of products and attention; what is printed is written to the file as well, as JSON.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints what it found and stops where it cannot go on"
)]

mod attention;
mod ceilings;
mod counting;
mod parts;
mod products;
mod report;
mod steps;
mod streaming;

use std::{error::Error, process::ExitCode, time::Instant};

use flopmeter::{
    execute::{DeviceType, Executor, gpu::Gpu},
    tune::{self, BoundKernel, Effort, Time},
};

use report::Report;

/// What a section is given.
pub struct Device {
    /// Opened once.
    pub gpu: Gpu,
    /// Whether it computes on the host's processors, so that sizes must be small.
    pub is_software: bool,
    /// Sizes that were asked for.
    pub sizes: Vec<u32>,
    /// The measured peak of single precision, in FLOP/s, once [`ceilings`] has run.
    pub peak: Option<f64>,
    /// When it last worked.
    pub worked: Option<Instant>,
}

impl Device {
    /// Times rows of kernels by turns; those of a row run one after the other.
    fn compare(&mut self, rows: &[Vec<BoundKernel>]) -> Result<Vec<Time>, flopmeter::Error> {
        let effort = Effort::thorough(self.gpu.adapter());
        tune::compare(&mut self.gpu, effort, rows, &mut self.worked)
    }

    /// The sizes asked for, or else those that suit the device.
    fn sizes_or(&self, gpu: &[u32], software: &[u32]) -> Vec<u32> {
        match (&self.sizes[..], self.is_software) {
            ([], false) => gpu.to_vec(),
            ([], true) => software.to_vec(),
            (asked, _) => asked.to_vec(),
        }
    }
}

type Section = fn(&mut Device, &mut Report) -> Result<(), Box<dyn Error>>;

/// Every section by the name that an argument gives it, in the order in which they run.
const SECTIONS: &[(&str, Section)] = &[
    ("ceilings", ceilings::run),
    ("products", products::run),
    ("attention", attention::run),
    ("streaming", streaming::run),
    ("counting", counting::run),
    ("steps", steps::run),
];

/// What was asked for.
#[derive(Default)]
struct Asked {
    sections: Vec<(&'static str, Section)>,
    sizes: Vec<u32>,
    file: Option<String>,
}

impl Asked {
    /// Reads arguments.
    ///
    /// # Errors
    /// What may be asked for, where help is wanted or something else is asked for.
    fn of(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut asked = Self::default();
        for argument in arguments {
            if let Some(section) = SECTIONS.iter().find(|(name, _)| *name == argument) {
                asked.sections.push(*section);
            } else if let Ok(size) = argument.parse() {
                asked.sizes.push(size);
            } else if argument.ends_with(".json") {
                asked.file = Some(argument);
            } else if argument == "--help" || argument == "-h" {
                return Err(usage());
            } else if argument != "--bench" {
                // Cargo passes --bench.
                return Err(format!("'{argument}' is no section, size or .json file\n{}", usage()));
            }
        }
        Ok(asked)
    }
}

/// What may be asked for.
fn usage() -> String {
    let names: Vec<&str> = SECTIONS.iter().map(|(name, _)| *name).collect();
    format!(
        "cargo bench --bench device [-- SECTION... SIZE... FILE.json]\n\
         sections: {} (all where none is named)\n\
         sizes:    take the place of those of products and attention, as in 512 4096\n\
         file:     what is printed is written there as well, as JSON",
        names.join(", ")
    )
}

fn main() -> ExitCode {
    let Asked { sections: mut named, sizes, file } = match Asked::of(std::env::args().skip(1)) {
        Ok(asked) => asked,
        Err(usage) => {
            println!("{usage}");
            let helped = std::env::args().any(|argument| argument == "--help" || argument == "-h");
            return if helped { ExitCode::SUCCESS } else { ExitCode::FAILURE };
        }
    };
    if named.is_empty() {
        named = SECTIONS.to_vec();
    }
    let gpu = Gpu::open("auto").unwrap();
    let is_software = gpu.adapter().device_type == DeviceType::Software;
    let mut device = Device { gpu, is_software, sizes, peak: None, worked: None };
    let mut report = Report::new(device.gpu.adapter(), file);
    // A share of the peak needs the peak.
    if named.iter().any(|(name, _)| *name == "products") && named[0].0 != "ceilings" {
        named.insert(0, SECTIONS[0]);
    }
    let start = Instant::now();
    for (name, section) in named {
        let start = Instant::now();
        report.begin(name);
        if let Err(error) = section(&mut device, &mut report) {
            report.failed(&error.to_string());
        }
        device.gpu.clear();
        report.end(start.elapsed().as_secs_f64());
    }
    println!("\n{:.0} s in all", start.elapsed().as_secs_f64());
    ExitCode::SUCCESS
}
