//! Suppression files: which findings are known and need not be told, by rule and subject.
