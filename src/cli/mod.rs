//! The commands: one file each. They print; they know no business rule.
