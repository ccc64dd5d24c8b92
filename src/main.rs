//! The `lead-sync` program.

fn main() {}
