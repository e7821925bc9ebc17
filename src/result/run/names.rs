//! What tells the kernels of a run apart where several have one name, and which of them are those of another run.

use std::collections::{BTreeMap, BTreeSet};

use super::{KernelRow, RunReport};

/// A kernel, and what its device is called.
#[derive(Clone, Copy)]
struct Told<'a> {
    row: &'a KernelRow,
    device: &'a str,
}

impl RunReport {
    /// What each kernel is known by: its name, and behind a name that several have what they differ in.
    pub fn names(&self) -> Vec<String> {
        self.names_beside(self)
    }

    /// The same where kernels of another run are known by the same names if they are the same.
    pub(in crate::result) fn names_beside(&self, other: &Self) -> Vec<String> {
        let (own, others) = (self.by_name(), other.by_name());
        let none = Vec::new();
        let mut seen: BTreeMap<String, u32> = BTreeMap::new();
        let names = self.kernels.iter().map(|row| {
            let [own, others] = [&own, &others].map(|side| side.get(&*row.name).unwrap_or(&none));
            let name = if own.len() <= 1 && others.len() <= 1 {
                row.name.clone()
            } else {
                let device = self.device_name(row);
                let differences = differences(Told { row, device }, [own, others]);
                let said = differences.join(", ");
                if said.is_empty() { row.name.clone() } else { format!("{} ({said})", row.name) }
            };
            let times = seen.entry(name.clone()).or_default();
            *times += 1;
            if *times == 1 { name } else { format!("{name} #{times}") }
        });
        names.collect()
    }

    fn device_name(&self, row: &KernelRow) -> &str {
        self.devices.get(row.device).map_or("", |device| &device.name)
    }

    fn by_name(&self) -> BTreeMap<&str, Vec<Told<'_>>> {
        let mut found: BTreeMap<&str, Vec<Told<'_>>> = BTreeMap::new();
        for row in &self.kernels {
            found.entry(&row.name).or_default().push(Told { row, device: self.device_name(row) });
        }
        found
    }
}

/// What of a kernel is not so of all that have its name in two runs.
fn differences(its: Told<'_>, sides: [&Vec<Told<'_>>; 2]) -> Vec<String> {
    let all = || sides.into_iter().flatten();
    let numbers: BTreeSet<u32> =
        all().flat_map(|other| other.row.spec_constants.keys().copied()).collect();
    let constants = numbers.into_iter().filter_map(|number| {
        let value = its.row.spec_constants.get(&number);
        let differs = all().any(|other| other.row.spec_constants.get(&number) != value);
        let said = value
            .map_or_else(|| format!("{number} not set"), |value| format!("{number} = {value}"));
        differs.then_some(said)
    });
    let constants: Vec<String> = constants.collect();
    let mut said = match &constants[..] {
        [] => Vec::new(),
        [one] => vec![format!("constant {one}")],
        several => vec![format!("constants {}", several.join(", "))],
    };
    if all().any(|other| other.row.entry != its.row.entry) {
        said.push(format!("entry {}", its.row.entry));
    }
    // Two runs may be of two devices, and of a module and what was made of it: only what is in one of them counts.
    let in_one = |differ: fn(Told<'_>, Told<'_>) -> bool| {
        sides.iter().any(|side| {
            side.iter().enumerate().any(|(at, &a)| side[..at].iter().any(|&b| differ(a, b)))
        })
    };
    if in_one(|a, b| a.device != b.device) {
        said.push(format!("on {}", its.device));
    }
    let only_the_module = |a: Told<'_>, b: Told<'_>| {
        let rest = |its: Told<'_>| (its.row.entry.clone(), its.row.spec_constants.clone());
        a.row.module != b.row.module && a.device == b.device && rest(a) == rest(b)
    };
    if in_one(only_the_module) {
        let module = &its.row.module;
        said.push(format!("module {}", module.get(..8).unwrap_or(module)));
    }
    said
}
