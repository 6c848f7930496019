//! Why a connection with TLS was not read: name of the reason -> what it means, and what to do. Stores of
//! a newer version may hold names that this one does not know.

/// What that reason means; what can be done is part of it.
pub(super) fn meaning(name: &str) -> &'static str {
    MEANINGS
        .iter()
        .find(|(known, _)| *known == name)
        .map_or("a reason that this version does not know", |row| row.1)
}

const MEANINGS: &[(&str, &str)] = &[
    ("no-probe", "no TLS library that is known is in the program: run the sensor where TLS is taken off"),
    ("attached-late", "it began before its library had its probes: later connections are read"),
    ("not-attributed", "the library has probes, but no call into it was seen to belong to the connection"),
    ("process-unknown", "the process was gone before it could be looked at"),
    ("switched-off", "TLS is not read: --no-tls, or a kernel before 5.15"),
    ("still-open", "it had not ended when the run did, and nothing was read of it by then"),
    ("no-keys", "it is in a capture file, which holds no keys: run the sensor where the traffic is"),
    ("too-many-files", "more programs and libraries on this host than are kept: narrow the scope"),
    ("probe-refused", "the kernel refused a probe in the library; run with -v to see which"),
    (
        "no-symbols",
        "a TLS library is linked in and stripped of its symbols: use a build with symbols, or a shared one",
    ),
    ("unsupported-library", "its TLS library has no functions that probes can read at (Java, NSS, rustls)"),
    ("foreign-architecture", "the program is built for another architecture"),
    ("malformed", "the program or a library of it is damaged or cut on the disk"),
    ("too-large", "it takes too much reading to find the functions of its TLS library"),
    ("unreadable", "the system refuses to read the program or a library of it: run as root"),
    ("go-too-old", "built with Go before 1.17: build it with a newer one"),
    ("go-table-unknown", "built with a Go that is newer than this sensor knows"),
    ("go-code-unknown", "the instructions of its TLS functions cannot be followed"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::unread;

    #[test]
    fn every_reason_has_a_meaning() {
        let reasons = [
            unread::NO_PROBE,
            unread::ATTACHED_LATE,
            unread::NOT_ATTRIBUTED,
            unread::PROCESS_UNKNOWN,
            unread::SWITCHED_OFF,
            unread::STILL_OPEN,
            unread::NO_KEYS,
        ];
        for reason in reasons {
            assert!(MEANINGS.iter().any(|(known, _)| *known == reason), "{reason}");
        }
    }
}
