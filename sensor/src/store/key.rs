//! The key of one installation: 16 random bytes in `<database>.key`, by which words of paths are
//! hashed before they are shown to be route words. Never in the database, made once, mode 0600.

use std::fs::{self, File, OpenOptions};
use std::hash::Hasher;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use siphasher::sip::SipHasher24;

use super::StoreError;

/// Bytes of an installation's key.
pub const KEY_BYTES: usize = 16;

/// Where the key of that database is kept.
pub fn path_of(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".key");
    PathBuf::from(name)
}

/// The key of that database; `None` if there is none yet.
pub fn read(database: &Path) -> Result<Option<[u8; KEY_BYTES]>, StoreError> {
    let path = path_of(database);
    let mut bytes = Vec::with_capacity(KEY_BYTES);
    // One byte more than a key has, so that a longer file is noticed without being read.
    let read = File::open(&path).and_then(|file| file.take(KEY_BYTES as u64 + 1).read_to_end(&mut bytes));
    match read {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::Key {
            path,
            what: "cannot read the key",
            remedy: "; run as the user that made it",
            source: Some(error),
        }),
        Ok(_) => match bytes.try_into() {
            Ok(key) => Ok(Some(key)),
            Err(_) => Err(StoreError::Key {
                path,
                what: "there are not 16 bytes in the key",
                remedy: "; restore it from a copy, or start a new store",
                source: None,
            }),
        },
    }
}

/// Makes the key of that database, or reads the one that another process made meanwhile.
pub fn create(database: &Path) -> Result<[u8; KEY_BYTES], StoreError> {
    let path = path_of(database);
    let failed = |source: io::Error| match source.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => StoreError::Full { path: path.clone() },
        _ => StoreError::Key {
            path: path.clone(),
            what: "cannot write the key",
            remedy: "; its folder must be writable",
            source: Some(source),
        },
    };
    let mut key = [0; KEY_BYTES];
    File::open("/dev/urandom").and_then(|mut random| random.read_exact(&mut key)).map_err(failed)?;
    // Written aside and linked into place: whoever sees the key sees all of it.
    let mut aside = path.as_os_str().to_owned();
    aside.push(format!(".{}", std::process::id()));
    let aside = PathBuf::from(aside);
    let linked = write_new(&aside, &key).and_then(|()| fs::hard_link(&aside, &path));
    // The key has its own name now; a copy left behind would only be a second name of it.
    let _ = fs::remove_file(&aside);
    match linked {
        Ok(()) => Ok(key),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            read(database)?.ok_or_else(|| failed(io::Error::from(ErrorKind::NotFound)))
        }
        Err(error) => Err(failed(error)),
    }
}

fn write_new(path: &Path, key: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(key)?;
    file.sync_all()
}

/// What the store keeps to notice a wrong key: a keyed hash of a fixed text. 64 bits of a 128-bit
/// key's pseudorandom function tell nothing of the key.
pub fn check(key: &[u8; KEY_BYTES]) -> String {
    let mut hasher = SipHasher24::new_with_key(key);
    hasher.write(b"apicensus key check");
    format!("{:016x}", hasher.finish())
}
