//! What a text is written in, as far as a preprocessor tells languages apart.

/// What a text is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::shader) enum Dialect {
    /// Comments nest, and nothing but this preprocessor knows a directive.
    Wgsl,
    /// Comments do not nest, and the directives that are GLSL's own are left to its reader.
    #[cfg_attr(not(feature = "glsl"), allow(dead_code, reason = "no reader asks for it"))]
    Glsl,
}
