//! Which entry points of a shader run, and how many workgroups of each. Knows what there is to choose from, and not
//! how a choice is said.

use std::{collections::BTreeMap, sync::Arc};

use super::{BindingKey, Immediate, ShaderFile, bound::is_written};
use crate::{
    Error, KernelError,
    observe::{Countable, KernelLaunch},
};

/// What stands for every entry point, in the order of the file.
const ALL: &str = "all";

/// Kernels of one shader, and how many workgroups run of which, in order.
#[derive(Clone, Debug)]
pub struct Launched {
    kernels: Vec<Arc<dyn Countable>>,
    /// The place of a kernel in `kernels`, and workgroups.
    steps: Vec<(usize, [u32; 3])>,
    /// What was set, by the shader's names.
    overrides: BTreeMap<String, f64>,
    /// The numbers of those that have one.
    override_numbers: BTreeMap<String, u32>,
    /// The values of those that nobody sets, where they are numbers.
    override_defaults: BTreeMap<String, f64>,
    /// The members of the kernels' immediate data, each once.
    immediates: Vec<Immediate>,
}

impl Launched {
    /// Launches `entries` in order, each with its grid, or all of them with one; one entry point runs as often as
    /// there are grids. Without names the only entry point is meant, and the name `all` stands for each.
    ///
    /// # Errors
    /// Those of [`ShaderFile::countable`]; where none of the kernels has an immediate that is given; where there are other numbers of entry points and of grids.
    pub fn new(
        file: &ShaderFile,
        entries: &[String],
        grids: &[[u32; 3]],
        overrides: &BTreeMap<String, f64>,
        immediates: &BTreeMap<String, String>,
    ) -> Result<Self, Error> {
        let known = file.entries()?;
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        let mut names: Vec<Option<&str>> = Vec::new();
        for entry in entries {
            if entry == ALL && !known.contains(&ALL) {
                names.extend(known.iter().map(|name| Some(*name)));
            } else {
                names.push(Some(entry));
            }
        }
        if names.is_empty() {
            names.push(None);
        }
        let steps: Vec<(Option<&str>, [u32; 3])> = match (&names[..], grids) {
            (names, &[grid]) => names.iter().map(|name| (*name, grid)).collect(),
            (&[name], grids) => grids.iter().map(|grid| (name, *grid)).collect(),
            (names, grids) if names.len() == grids.len() => {
                names.iter().copied().zip(grids.iter().copied()).collect()
            }
            (names, grids) => {
                let problem = format!(
                    "{} entry points and {} dispatches do not go together: as many of one as of the other, or \
                     one dispatch for all entry points",
                    names.len(),
                    grids.len()
                );
                return Err(
                    KernelError::Kernel { kernel: file.shader().to_owned(), problem }.into()
                );
            }
        };
        let mut kernels: Vec<Arc<dyn Countable>> = Vec::new();
        let mut found: BTreeMap<Option<&str>, usize> = BTreeMap::new();
        let mut placed = Vec::new();
        let mut had: Vec<Immediate> = Vec::new();
        for (name, grid) in steps {
            let at = match found.get(&name) {
                Some(at) => *at,
                None => {
                    let (kernel, members) = file.countable(name, overrides, immediates)?;
                    kernels.push(kernel);
                    for member in members {
                        if !had.contains(&member) {
                            had.push(member);
                        }
                    }
                    found.insert(name, kernels.len() - 1);
                    kernels.len() - 1
                }
            };
            placed.push((at, grid));
        }
        for name in immediates.keys() {
            if !had.iter().any(|member| member.is_called(name)) {
                let names: Vec<&str> = had.iter().map(|member| member.name.as_str()).collect();
                let has = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
                let problem = format!("no immediate '{name}': what runs has {has}");
                return Err(
                    KernelError::Kernel { kernel: file.shader().to_owned(), problem }.into()
                );
            }
        }
        let mut set = BTreeMap::new();
        let mut override_numbers = BTreeMap::new();
        for (said, value) in overrides {
            let (name, number) = file.called(said)?;
            override_numbers.extend(number.map(|number| (name.clone(), number)));
            set.insert(name, *value);
        }
        Ok(Self {
            kernels,
            steps: placed,
            overrides: set,
            override_numbers,
            override_defaults: file.override_defaults()?,
            immediates: had,
        })
    }

    /// The overrides that were set, by the names that the shader has for them.
    pub fn overrides(&self) -> &BTreeMap<String, f64> {
        &self.overrides
    }

    /// The numbers by which they may be called, too, of those that have one.
    pub fn override_numbers(&self) -> &BTreeMap<String, u32> {
        &self.override_numbers
    }

    /// The values that overrides of the shader have where nobody sets them, where these are numbers.
    pub fn override_defaults(&self) -> &BTreeMap<String, f64> {
        &self.override_defaults
    }

    /// The members of the immediate data of the kernels, and what each holds.
    pub fn immediates(&self) -> &[Immediate] {
        &self.immediates
    }

    /// Whether one of the kernels has cooperative matrices, which few adapters have.
    #[cfg(feature = "gpu")]
    pub fn has_cooperative_matrices(&self) -> bool {
        self.kernels.iter().any(|kernel| kernel.has_cooperative_matrices())
    }

    /// The buffers and textures that one of the kernels may write.
    pub fn written(&self) -> Vec<BindingKey> {
        let resources = self.kernels.iter().flat_map(|kernel| {
            kernel.resources().iter().map(move |resource| (&**kernel, resource))
        });
        let written = resources.filter(|(kernel, resource)| is_written(*kernel, resource));
        let mut keys: Vec<BindingKey> = written.map(|(_, its)| (its.group, its.binding)).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// The launches, in order.
    pub fn launches(&self) -> Vec<KernelLaunch<'_>> {
        let steps = self.steps.iter();
        steps.map(|&(kernel, grid)| KernelLaunch { kernel: &*self.kernels[kernel], grid }).collect()
    }
}
