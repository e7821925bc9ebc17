//! The buffers of one kernel: made and filled, given their contents back between runs, and what runs leave in
//! them. Knows no kernel beyond what it binds.

use std::collections::BTreeMap;

use super::Countable;
#[cfg(feature = "textures")]
use crate::execute::{Sampler, Texture};
use crate::{
    Error,
    execute::{Allocation, Bound, Executor},
    kernel::{Resource, ResourceKind},
};

/// Buffers on an executor, one for each resource of a kernel.
pub struct Buffers<'a> {
    placed: Vec<Placed<'a>>,
    bound: Vec<Bound>,
}

/// A buffer, and what it holds before each run.
struct Placed<'a> {
    resource: &'a Resource,
    contents: Vec<u8>,
    is_written: bool,
}

/// What a resource of a kernel is bound to before it runs.
#[derive(Clone, Debug, PartialEq)]
pub enum Contents {
    /// A buffer of these bytes, a multiple of four.
    Buffer(Vec<u8>),
    /// A texture, the bytes of its texels, and whether the kernel may write it.
    #[cfg(feature = "textures")]
    Texture(Texture, Vec<u8>, bool),
    /// A sampler.
    #[cfg(feature = "textures")]
    Sampler(Sampler),
}

impl From<Vec<u8>> for Contents {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Buffer(bytes)
    }
}

impl Contents {
    /// Makes what is bound: the bytes that it holds before each run, and whether a kernel may write it.
    fn made(
        self,
        executor: &mut dyn Executor,
        resource: &Resource,
    ) -> Result<(Allocation, Vec<u8>, bool), Error> {
        let writable = ResourceKind::Storage { writable: true };
        match self {
            Self::Buffer(bytes) => {
                let made = executor.allocate(&resource.name, bytes.len() as u64)?;
                Ok((made, bytes, resource.kind == writable))
            }
            #[cfg(feature = "textures")]
            Self::Texture(texture, texels, is_written) => {
                Ok((executor.texture(&resource.name, &texture)?, texels, is_written))
            }
            #[cfg(feature = "textures")]
            Self::Sampler(sampler) => {
                Ok((executor.sampler(&resource.name, sampler)?, Vec::new(), false))
            }
        }
    }
}

impl<'a> Buffers<'a> {
    /// Makes and fills a buffer, or what else is bound, for each resource.
    ///
    /// # Errors
    /// Where the executor has no room.
    pub fn new(
        executor: &mut dyn Executor,
        contents: impl IntoIterator<Item = (&'a Resource, impl Into<Contents>)>,
    ) -> Result<Self, Error> {
        let mut buffers = Self { placed: Vec::new(), bound: Vec::new() };
        for (resource, contents) in contents {
            let (buffer, contents, is_written) = contents.into().made(executor, resource)?;
            let size = contents.len() as u64;
            if size > 0 {
                executor.write(buffer, 0, &contents)?;
            }
            let Resource { group, binding, .. } = *resource;
            buffers.bound.push(Bound { group, binding, buffer, offset: 0, size });
            buffers.placed.push(Placed { resource, contents, is_written });
        }
        Ok(buffers)
    }

    /// Where they are bound, each whole.
    pub fn bound(&self) -> &[Bound] {
        &self.bound
    }

    /// What a kernel binds of them, each whole.
    pub fn bound_to(&self, kernel: &dyn Countable) -> Vec<Bound> {
        let binds = |bound: &&Bound| {
            let mut resources = kernel.resources().iter();
            resources.any(|its| (its.group, its.binding) == (bound.group, bound.binding))
        };
        self.bound.iter().filter(binds).copied().collect()
    }

    /// Bytes of all of them.
    pub fn bytes(&self) -> u64 {
        self.bound.iter().map(|bound| bound.size).sum()
    }

    /// Gives those that a kernel may write their contents back.
    ///
    /// # Errors
    /// Where the executor fails.
    pub fn restore(&self, executor: &mut dyn Executor) -> Result<(), Error> {
        self.written()
            .try_for_each(|(placed, bound)| executor.write(bound.buffer, 0, &placed.contents))
    }

    /// What a buffer holds now; `None` where nothing is bound there.
    ///
    /// # Errors
    /// Where the executor fails.
    pub fn read(
        &self,
        executor: &mut dyn Executor,
        (group, binding): (u32, u32),
    ) -> Result<Option<Vec<u8>>, Error> {
        let mut bound = self.bound.iter();
        let found = bound.find(|bound| (bound.group, bound.binding) == (group, binding));
        found.map(|bound| executor.read(bound.buffer, 0, bound.size)).transpose()
    }

    /// What those that a kernel may write hold now.
    ///
    /// # Errors
    /// Where the executor fails.
    pub fn outputs(&self, executor: &mut dyn Executor) -> Result<Outputs, Error> {
        let outputs = self.written().map(|(placed, bound)| {
            let bytes = executor.read(bound.buffer, 0, bound.size)?;
            Ok((placed.resource.name.clone(), bytes))
        });
        Ok(Outputs(outputs.collect::<Result<_, Error>>()?))
    }

    fn written(&self) -> impl Iterator<Item = (&Placed<'a>, &Bound)> {
        self.placed.iter().zip(&self.bound).filter(|(placed, _)| placed.is_written)
    }
}

/// What a run left in the buffers that its kernel may write, by their names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outputs(pub BTreeMap<String, Vec<u8>>);

impl Outputs {
    /// The first buffer, by name, whose bits another run left otherwise. One NaN is as good as another, since no
    /// language says which of them an operation gives.
    pub fn differing(&self, other: &Self) -> Option<&str> {
        let same = |a: &[u8], b: &[u8]| {
            let float = |word: &[u8; 4]| f32::from_le_bytes(*word);
            let (a_words, b_words) = (a.as_chunks::<4>().0.iter(), b.as_chunks::<4>().0.iter());
            a.len() == b.len()
                && a_words
                    .zip(b_words)
                    .all(|(a, b)| a == b || float(a).is_nan() && float(b).is_nan())
        };
        let mut outputs = self.0.iter();
        let found =
            outputs.find(|(name, bytes)| !other.0.get(*name).is_some_and(|b| same(bytes, b)));
        found.map(|(name, _)| name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bit_more_is_another_output_and_another_nan_is_not() {
        let outputs = |word: u32| {
            Outputs([("x".to_owned(), [1, word].map(u32::to_le_bytes).concat())].into())
        };
        let one = outputs(0x3f80_0000);
        assert_eq!(one.differing(&one), None);
        assert_eq!(one.differing(&outputs(0x3f80_0001)), Some("x"));
        assert_eq!(outputs(0x7fc0_0000).differing(&outputs(0x7fc0_0001)), None);
        assert_eq!(one.differing(&Outputs(BTreeMap::new())), Some("x"));
    }
}
