//! Which entry points of a shader run, and how many workgroups of each. Knows what there is to choose from, and not
//! how a choice is said.

use std::{collections::BTreeMap, sync::Arc};

use super::{BindingKey, ShaderFile};
use crate::{
    Error, KernelError,
    kernel::ResourceKind,
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
}

impl Launched {
    /// Launches `entries` in order, each with its grid, or all of them with one; one entry point runs as often as
    /// there are grids. Without names the only entry point is meant, and the name `all` stands for each.
    ///
    /// # Errors
    /// Those of [`ShaderFile::kernel`]; where there are other numbers of entry points and of grids.
    pub fn new(
        file: &ShaderFile,
        entries: &[String],
        grids: &[[u32; 3]],
        overrides: &BTreeMap<String, f64>,
    ) -> Result<Self, Error> {
        let known = file.entries();
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
        for (name, grid) in steps {
            let at = match found.get(&name) {
                Some(at) => *at,
                None => {
                    kernels.push(file.countable(name, overrides)?);
                    found.insert(name, kernels.len() - 1);
                    kernels.len() - 1
                }
            };
            placed.push((at, grid));
        }
        Ok(Self { kernels, steps: placed })
    }

    /// The buffers that one of the kernels may write.
    pub fn written(&self) -> Vec<BindingKey> {
        let resources = self.kernels.iter().flat_map(|kernel| kernel.resources());
        let writable = ResourceKind::Storage { writable: true };
        let written = resources.filter(|resource| resource.kind == writable);
        let mut keys: Vec<BindingKey> = written.map(|its| (its.group, its.binding)).collect();
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
