//! A local WeGroup for demos and tests: the lead endpoint and the identity provider, with faults on demand.

pub mod identity;
