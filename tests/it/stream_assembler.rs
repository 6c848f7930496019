//! The assembler alone.
