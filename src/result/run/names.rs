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
        let mut telling: BTreeMap<&str, BTreeSet<u32>> = BTreeMap::new();
        let mut seen: BTreeMap<String, u32> = BTreeMap::new();
        let names = self.kernels.iter().map(|row| {
            let [own, others] = [&own, &others].map(|side| side.get(&*row.name).unwrap_or(&none));
            let name = if own.len() <= 1 && others.len() <= 1 {
                row.name.clone()
            } else {
                let device = self.device_name(row);
                let numbers = telling.entry(&*row.name).or_insert_with(|| constants([own, others]));
                let differences = differences(Told { row, device }, [own, others], numbers);
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

/// The constants that tell kernels of two runs apart: those that are left where, from the last on, each is left out that
/// the others make up for.
fn constants(sides: [&Vec<Told<'_>>; 2]) -> BTreeSet<u32> {
    let rows: Vec<_> = sides.into_iter().flatten().map(|told| &told.row.spec_constants).collect();
    let kinds = |numbers: &BTreeSet<u32>| {
        let values = rows.iter().map(|row| numbers.iter().map(|number| row.get(number)).collect());
        values.collect::<BTreeSet<Vec<_>>>().len()
    };
    let all: BTreeSet<u32> = rows.iter().flat_map(|row| row.keys().copied()).collect();
    let mut kept = all.clone();
    for number in all.iter().rev() {
        kept.remove(number);
        if kinds(&kept) < kinds(&all) {
            kept.insert(*number);
        }
    }
    kept
}

/// What of a kernel is not so of all that have its name in two runs. These constants tell them apart.
fn differences(
    its: Told<'_>,
    sides: [&Vec<Told<'_>>; 2],
    constants: &BTreeSet<u32>,
) -> Vec<String> {
    let all = || sides.into_iter().flatten();
    let (mut said, mut numbered) = (Vec::new(), Vec::new());
    for number in constants {
        let value = its.row.spec_constants.get(number);
        let value = value.map_or_else(|| "not set".to_owned(), |value| format!("= {value}"));
        // A report of an older version has no names, modules may call one number otherwise, and one may call two alike.
        let all_named = || all().flat_map(|other| &other.row.constant_names);
        let names = all_named().filter_map(|(its, name)| (its == number).then_some(name));
        let names: BTreeSet<&String> = names.collect();
        let is_its_alone = |name: &String| all_named().all(|(its, at)| at != name || its == number);
        match names.first() {
            Some(name) if names.len() == 1 && is_its_alone(name) => {
                said.push(format!("{name} {value}"));
            }
            _ => numbered.push(format!("{number} {value}")),
        }
    }
    match &numbered[..] {
        [] => {}
        [one] => said.push(format!("constant {one}")),
        several => said.push(format!("constants {}", several.join(", "))),
    }
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
