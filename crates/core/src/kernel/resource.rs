//! What a kernel binds, as plain data: where, by which name and as what. How that is found is told elsewhere.

/// One resource that an entry point uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// The variable's name in the source.
    pub name: String,
    /// Bind group.
    pub group: u32,
    /// Binding within the group.
    pub binding: u32,
    /// What is bound there.
    pub kind: ResourceKind,
}

/// What kind of resource a kernel wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResourceKind {
    /// A uniform block of `size` bytes with named scalar members.
    Uniform {
        /// Bytes.
        size: u32,
        /// Each scalar member.
        members: Vec<Member>,
    },
    /// A storage buffer.
    Storage {
        /// Whether the kernel may write it.
        writable: bool,
    },
    /// A texture, sampler or acceleration structure.
    Opaque,
}

/// A scalar member of a uniform block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Name in the struct.
    pub name: String,
    /// Byte offset.
    pub offset: u32,
    /// Whether it is an `f32`; otherwise it is a `u32`.
    pub float: bool,
}
