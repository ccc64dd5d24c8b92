//! The imperative shell: intake and dispatch.

pub mod settings;
