//! Where the inventory is kept.
