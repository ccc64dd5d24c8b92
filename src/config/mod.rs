//! The configuration file: read, checked, all problems at once.
