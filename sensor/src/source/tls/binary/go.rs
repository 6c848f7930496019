//! A Go program -> probes of `crypto/tls`. The runtime needs the table of functions for its stack traces
//! (`pclntab`), so that it is there in stripped programs too; its forms are those of Go 1.16, 1.18 and
//! 1.20 (`internal/abi` and `debug/gosym` of Go's source). Go's stacks move: a call's end is seen by
//! probes on the return instructions, never by a uretprobe.

mod build;
mod table;

use super::bytes::{Bytes, Fault};
use super::elf::Elf;
use super::{Binary, Function, Library, Moment, Obstacle, Probe, code};
use crate::limits::GO_FUNCTION_BYTES_MAX;

/// The functions as the table names them.
const FUNCTIONS: &[(&str, Function)] = &[
    ("crypto/tls.(*Conn).Read", Function::GoRead),
    ("crypto/tls.(*Conn).Write", Function::GoWrite),
    ("crypto/tls.(*Conn).Close", Function::GoClose),
];

/// Adds what a Go program offers; anything else stays as it is.
pub(super) fn read(elf: &Elf, bytes: &mut Bytes, binary: &mut Binary) -> Result<(), Obstacle> {
    let Some(form) = table::find(elf, bytes)? else { return Ok(()) };
    let version = match build::version(elf, bytes) {
        // Only named so; the table says what is needed.
        Err(Fault::Malformed) => None,
        other => other?,
    };
    let table = match form {
        table::Form::Known(table) => table,
        table::Form::Unknown | table::Form::Old => {
            if !table::is_named(elf, bytes)? {
                return Ok(());
            }
            binary.library = binary.library.or(Some(Library::Go));
            binary.version = version;
            let old = matches!(form, table::Form::Old);
            return Err(if old { Obstacle::GoTooOld } else { Obstacle::GoTableUnknown });
        }
    };
    let functions = table.functions(elf, bytes)?;
    if functions.is_empty() {
        return Ok(());
    }
    let old = matches!(version.as_deref().map(build::minor), Some(Some(minor)) if minor < 17);
    binary.library = binary.library.or(Some(Library::Go));
    binary.version = version;
    if old {
        return Err(Obstacle::GoTooOld);
    }
    let mut probes = Vec::new();
    for found in functions {
        let entry = elf.code_offset(found.start)?;
        let length = found.end.checked_sub(found.start).filter(|&length| length <= GO_FUNCTION_BYTES_MAX);
        let mut instructions = vec![0; length.ok_or(Obstacle::GoCodeUnknown)? as usize];
        bytes.read(entry, &mut instructions)?;
        let returns = code::returns(&instructions).ok_or(Obstacle::GoCodeUnknown)?;
        let probe = |moment, offset| Probe { function: found.function, moment, offset };
        probes.push(probe(Moment::Entry, entry + code::body(&instructions)));
        // Nothing is known by the end of a close.
        if found.function != Function::GoClose {
            probes.extend(returns.into_iter().map(|at| probe(Moment::Exit, entry + at)));
        }
    }
    binary.library = Some(Library::Go);
    binary.probes.append(&mut probes);
    Ok(())
}
