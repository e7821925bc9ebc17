//! The `flopmeter` program.

fn main() {}
