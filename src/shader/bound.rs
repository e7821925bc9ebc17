//! What each binding of some kernels is bound to: which kernels use it, what fills it, and how its numbers lie. Knows no
//! executor beyond its limits.

use std::{collections::BTreeMap, hash::Hasher as _, path::Path};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{BufferFill, Leeway, fill::MemberFill, tensor};
#[cfg(feature = "textures")]
use super::{
    fill::{TextureSize, spelled},
    texture,
};
#[cfg(feature = "textures")]
use crate::execute::{DeclaredTexture, Sampler, Texture};
use crate::{
    Error, KernelError, Remedy,
    execute::Limits,
    kernel::{Layout, Resource, ResourceKind},
    observe::{Contents, Countable, KernelLaunch},
};

/// A binding: group and number within it.
pub type BindingKey = (u32, u32);

/// What a resource of a kernel was bound to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Binding {
    /// Its group.
    pub group: u32,
    /// Its number within the group.
    pub binding: u32,
    /// What the kernel calls it.
    pub name: String,
    /// Bytes of the buffer or the texture; 0 of a sampler.
    pub bytes: u64,
    /// What filled it, as the user said it; `None` where nothing was bound, and it holds zeros.
    pub fill: Option<String>,
    /// Its members that were left zeros, where others were filled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub zeros: Vec<String>,
    /// The 64-bit FNV-1a hash of the bytes that it held before the run, in hexadecimal, where a file filled it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contents: Option<String>,
}

/// A binding, and the kernels that use it.
pub(super) struct Used<'a> {
    pub(super) key: BindingKey,
    /// Whose kernel fills it: the first that may write it, else the first that uses it.
    kernel: &'a dyn Countable,
    pub(super) resource: &'a Resource,
    /// What else stands there in other kernels.
    others: Vec<(&'a dyn Countable, &'a Resource)>,
}

/// Every binding that one of the launches uses, in order.
pub(super) fn used<'a>(launches: &[KernelLaunch<'a>]) -> Vec<Used<'a>> {
    let mut found: BTreeMap<BindingKey, Vec<(&dyn Countable, &Resource)>> = BTreeMap::new();
    for launch in launches {
        for resource in launch.kernel.resources() {
            let users = found.entry((resource.group, resource.binding)).or_default();
            users.push((launch.kernel, resource));
        }
    }
    let used = found.into_iter().map(|(key, mut users)| {
        let writes =
            |(kernel, resource): &(&dyn Countable, &Resource)| is_written(*kernel, resource);
        let first = users.iter().position(writes).unwrap_or(0);
        let (kernel, resource) = users.remove(first);
        Used { key, kernel, resource, others: users }
    });
    used.collect()
}

/// Whether a kernel may write a resource.
pub(super) fn is_written(kernel: &dyn Countable, resource: &Resource) -> bool {
    match resource.kind {
        ResourceKind::Uniform { .. } => false,
        ResourceKind::Storage { writable } => writable,
        #[cfg(feature = "textures")]
        ResourceKind::Opaque => kernel.declared(resource).is_some_and(texture::is_stored),
        #[cfg(not(feature = "textures"))]
        ResourceKind::Opaque => kernel.layout(resource).is_some(),
    }
}

/// What a binding is bound to.
pub(super) struct Filled {
    pub(super) bound: Binding,
    pub(super) contents: Contents,
    /// How the numbers in it lie; `None` of a sampler.
    pub(super) layout: Option<Layout>,
}

/// What a binding is bound to, and its contents.
pub(super) fn filled(
    used: &Used<'_>,
    fill: Option<&BufferFill>,
    limits: &Limits,
) -> Result<Filled, Error> {
    #[cfg(feature = "textures")]
    if let Some(declared) = used.kernel.declared(used.resource) {
        match declared {
            naga::TypeInner::Sampler { comparison } => return used.sampler(*comparison, fill),
            naga::TypeInner::Image { .. } => return used.texture(fill, limits),
            _ => {}
        }
    }
    used.buffer(fill, limits)
}

impl Used<'_> {
    fn problem(&self, problem: String) -> Error {
        KernelError::Kernel { kernel: self.kernel.name().to_owned(), problem }.into()
    }

    /// The error of a binding that cannot be bound to what was said.
    fn refused(&self, said: &BufferFill, what: &str) -> Error {
        let (name, (group, binding)) = (&self.resource.name, self.key);
        self.problem(format!("'{name}' cannot be {group}.{binding}={said:#}: {what}"))
    }

    /// The error of a binding that cannot be filled, with the reason.
    fn unbindable(&self, why: &str) -> Error {
        let (name, (group, binding)) = (&self.resource.name, self.key);
        self.problem(format!("'{name}' at {group}.{binding} {why}"))
    }

    fn bound(&self, bytes: u64, fill: Option<String>) -> Binding {
        let (group, binding) = self.key;
        let name = self.resource.name.clone();
        Binding { group, binding, name, bytes, fill, zeros: Vec::new(), contents: None }
    }

    /// A buffer, a multiple of four bytes.
    fn buffer(&self, fill: Option<&BufferFill>, limits: &Limits) -> Result<Filled, Error> {
        let layout = |kernel: &dyn Countable, resource: &Resource| {
            kernel.layout(resource).ok_or_else(|| {
                self.unbindable(if kernel.is_array(resource) {
                    "is an array of buffers or textures, or shares its binding with another variable, and a binding is \
                     bound to one: have it be one that holds the contents of all, or give each a binding of its own"
                } else {
                    "is no buffer of numbers, no sampler and no texture that can be bound: have it read a storage \
                     buffer instead, and give storage textures of GLSL and SPIR-V a format"
                })
            })
        };
        let own = layout(self.kernel, self.resource)?;
        let zeros = BufferFill::Zeros(own.least_scalars());
        let said = match fill {
            Some(fill) => fill,
            None if own.is_runtime_sized() => {
                let (group, binding) = self.key;
                let (kernel, name) = (self.kernel.name(), &self.resource.name);
                return Err(Error::Refused {
                    problem: format!("kernel '{kernel}': '{name}' has no fixed size"),
                    remedy: Remedy::Contents { group, binding },
                });
            }
            None => &zeros,
        };
        let refused = |what: String| self.refused(said, &what);
        let mut bytes = said.bytes(&own, limits.binding_bytes).map_err(refused)?;
        for (kernel, resource) in &self.others {
            let entry = kernel.entry();
            let fits = layout(*kernel, resource)?.fits(bytes.len() as u64);
            fits.map_err(|what| refused(format!("as '{}' of '{entry}' {what}", resource.name)))?;
        }
        if own.is_runtime_sized() && !bytes.len().is_multiple_of(4) {
            return Err(refused(format!(
                "{} bytes, and what would fill them up would be an element: give it so many that their bytes are a multiple \
                 of 4",
                bytes.len()
            )));
        }
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        let zeros = said.left_out(&own).into_iter().map(str::to_owned).collect();
        let bound = self.bound(bytes.len() as u64, fill.map(BufferFill::to_string));
        let contents = (!said.files().is_empty()).then(|| hash(&bytes));
        let bound = Binding { zeros, contents, ..bound };
        Ok(Filled { bound, contents: Contents::Buffer(bytes), layout: Some(own) })
    }
}

#[cfg(feature = "textures")]
impl Used<'_> {
    /// The kernels that use it, and what it is called there.
    fn users(&self) -> impl Iterator<Item = (&dyn Countable, &Resource)> {
        std::iter::once((self.kernel, self.resource)).chain(self.others.iter().copied())
    }

    fn texture(&self, fill: Option<&BufferFill>, limits: &Limits) -> Result<Filled, Error> {
        let mut declared = Vec::new();
        for (kernel, resource) in self.users() {
            let inner = kernel.declared(resource).ok_or_else(|| {
                self.unbindable(&format!("is no texture in '{}'", kernel.entry()))
            })?;
            let known = DeclaredTexture::of(inner);
            declared.push(known.map_err(|what| self.unbindable(&format!("is {what}")))?);
        }
        let (group, binding) = self.key;
        let said = fill.ok_or_else(|| {
            let (kernel, name) = (self.kernel.name(), &self.resource.name);
            let problem = format!("kernel '{kernel}': '{name}' is a texture and has no fixed size");
            Error::Refused { problem, remedy: Remedy::Texture { group, binding } }
        })?;
        let BufferFill::Texture(size, fill) = said else {
            return Err(
                self.refused(said, "it is a texture: say texture:WIDTHxHEIGHT[:FORMAT][:SPEC]")
            );
        };
        let refused = |what: String| self.refused(said, &what);
        let texture = texture::made(size, &declared).map_err(refused)?;
        if texture.bytes() > limits.buffer_bytes {
            let most = limits.buffer_bytes;
            let bytes = texture.bytes();
            return Err(refused(format!("its {bytes} bytes are more than the {most} of a buffer")));
        }
        let texels = texture::texels(fill, &texture).map_err(refused)?;
        let is_written = self.users().any(|(kernel, resource)| is_written(kernel, resource));
        let size = TextureSize { format: Some(texture.format), ..size.clone() };
        let spelled = BufferFill::Texture(size, fill.clone()).to_string();
        let hash = (!said.files().is_empty()).then(|| hash(&texels));
        Ok(Filled {
            bound: Binding { contents: hash, ..self.bound(texture.bytes(), Some(spelled)) },
            contents: Contents::Texture(texture, texels, is_written),
            layout: Some(texture::layout(&texture)),
        })
    }

    fn sampler(&self, is_comparison: bool, fill: Option<&BufferFill>) -> Result<Filled, Error> {
        if is_comparison {
            return Err(self.unbindable("is a comparison sampler: compare what a sampler gives"));
        }
        let sampler = match fill {
            None => Sampler::default(),
            Some(BufferFill::Sampler(sampler)) => *sampler,
            Some(said) => {
                let what = "it is a sampler: say sampler, sampler:linear or sampler:nearest:repeat";
                return Err(self.refused(said, what));
            }
        };
        let samples =
            |(kernel, resource): (&dyn Countable, &Resource)| kernel.samples_integers(resource);
        if sampler.linear && self.users().any(samples) {
            let what =
                "it reads a texture of integers, which cannot be weighed: say sampler:nearest";
            return Err(self.refused(fill.unwrap_or(&BufferFill::Sampler(sampler)), what));
        }
        Ok(Filled {
            bound: self.bound(0, Some(spelled(sampler))),
            contents: Contents::Sampler(sampler),
            layout: None,
        })
    }
}

impl BufferFill {
    /// The files that fill some of it, which may hold other numbers another time.
    pub fn files(&self) -> Vec<&Path> {
        fn of_member(member: &MemberFill) -> Vec<&Path> {
            match member {
                MemberFill::Whole(_) => Vec::new(),
                MemberFill::Said(said) => said.files(),
            }
        }
        match self {
            Self::File(path) => {
                vec![tensor::named(path).map_or(path.as_path(), |(file, _)| file)]
            }
            Self::Members(members) => {
                members.iter().flat_map(|(_, member)| of_member(member)).collect()
            }
            #[cfg(feature = "textures")]
            Self::Texture(_, member) => of_member(member),
            #[cfg(feature = "textures")]
            Self::Sampler(_) => Vec::new(),
            Self::Zeros(_) | Self::Iota(_) | Self::Random { .. } | Self::Values(_) => Vec::new(),
        }
    }
}

/// What bytes are told apart by.
fn hash(bytes: &[u8]) -> String {
    let mut hasher = fnv::FnvHasher::default();
    hasher.write(bytes);
    format!("{:016x}", hasher.finish())
}

/// What is to be made of the bytes that a run leaves.
#[derive(Default)]
pub(super) struct Left {
    #[cfg(feature = "textures")]
    textures: BTreeMap<BindingKey, Texture>,
    /// Whether a sampler weighs texels.
    #[cfg(feature = "textures")]
    is_filtered: bool,
}

#[cfg(not(feature = "textures"))]
impl Left {
    pub(super) fn of(_: &[(&Resource, Contents)]) -> Self {
        Self::default()
    }

    pub(super) fn leeway(&self, _: BindingKey) -> Leeway {
        Leeway::ARITHMETIC
    }

    pub(super) fn in_bytes(&self, _: BindingKey) -> Option<Layout> {
        None
    }

    pub(super) fn numbers(&self, _: BindingKey, bytes: Vec<u8>) -> Vec<u8> {
        bytes
    }
}

#[cfg(feature = "textures")]
impl Left {
    pub(super) fn of(contents: &[(&Resource, Contents)]) -> Self {
        let mut left = Self::default();
        for (resource, contents) in contents {
            match contents {
                Contents::Buffer(_) => {}
                Contents::Texture(texture, ..) => {
                    left.textures.insert((resource.group, resource.binding), *texture);
                }
                Contents::Sampler(sampler) => left.is_filtered |= sampler.linear,
            }
        }
        left
    }

    /// How far apart what executors leave in a binding may be.
    pub(super) fn leeway(&self, key: BindingKey) -> Leeway {
        let own = self.textures.get(&key).map_or(Leeway::ARITHMETIC, texture::leeway);
        if self.is_filtered { Leeway { of_norm: texture::FILTERED, ..own } } else { own }
    }

    /// How the numbers of a binding lie in a file that has a byte for each, where there may be one.
    pub(super) fn in_bytes(&self, key: BindingKey) -> Option<Layout> {
        texture::stored(self.textures.get(&key)?)
    }

    /// The numbers of what a binding held.
    pub(super) fn numbers(&self, key: BindingKey, bytes: Vec<u8>) -> Vec<u8> {
        match self.textures.get(&key) {
            Some(texture) => texture::numbers(texture, bytes),
            None => bytes,
        }
    }
}
