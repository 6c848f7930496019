//! The files with code of a process: of this one, of one whose program was deleted, of one in a `/proc`
//! made by hand.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

use sensor::source::tls::mapped::{network_namespace, of_process};

const PROC: &str = "/proc";

#[test]
fn a_process_maps_its_program_first_and_each_library_once() {
    let own = std::process::id();
    let mapped = of_process(Path::new(PROC), own).expect("this process");
    let program = fs::metadata(std::env::current_exe().expect("a path")).expect("a program");
    assert_eq!((mapped[0].device, mapped[0].inode), (program.dev(), program.ino()));
    assert!(mapped.iter().any(|file| file.name.contains("libc.so") || file.name.contains("libc-")));
    for file in &mapped {
        let metadata = File::open(&file.path).and_then(|file| file.metadata()).expect("it can be opened");
        assert_eq!((metadata.dev(), metadata.ino()), (file.device, file.inode));
        assert!(!file.deleted);
        let same = mapped.iter().filter(|other| (other.device, other.inode) == (file.device, file.inode));
        assert_eq!(same.count(), 1, "{} twice", file.name);
    }
    assert_eq!(network_namespace(Path::new(PROC), own), network_namespace(Path::new(PROC), own));
    assert!(network_namespace(Path::new(PROC), own).is_some());
}

#[test]
fn a_deleted_program_can_be_opened_while_it_runs() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = folder.path().join("a program with spaces");
    fs::copy("/bin/cat", &program).expect("a copy");
    let inode = fs::metadata(&program).expect("it").ino();
    let mut child =
        Command::new(&program).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("a process");
    fs::remove_file(&program).expect("no file");
    let mapped = of_process(Path::new(PROC), child.id());
    let opened =
        mapped.as_ref().ok().map(|mapped| File::open(&mapped[0].path).and_then(|file| file.metadata()));
    // Its input ends with this handle.
    drop(child.stdin.take());
    child.wait().expect("its end");
    let mapped = mapped.expect("its files");
    assert_eq!(opened.expect("a file").expect("open").ino(), inode);
    assert_eq!(mapped[0].inode, inode);
    assert!(mapped[0].deleted && mapped[0].name.ends_with("a program with spaces"), "{:?}", mapped[0]);
    assert!(of_process(Path::new(PROC), child.id()).is_err(), "it is gone");
}

#[test]
fn only_code_of_files_counts_and_a_foreign_root_is_followed() {
    let folder = tempfile::tempdir().expect("a folder");
    let proc = folder.path();
    let process = proc.join("12");
    let root = process.join("root/opt/lib");
    fs::create_dir_all(&root).expect("folders");
    for name in ["a.so", "b c.so", "other.so", "data.so"] {
        fs::write(root.join(name), name).expect("a file");
    }
    let inode = |name: &str| fs::metadata(root.join(name)).expect("a file").ino();
    fs::write(process.join("program"), "x").expect("a file");
    symlink(process.join("program"), process.join("exe")).expect("a link");
    let maps = format!(
        "00400000-00500000 r-xp 00000000 08:01 {a}                  /opt/lib/a.so\n\
         00500000-00600000 r-xp 00100000 08:01 {a}                  /opt/lib/a.so\n\
         7f0000000000-7f0000001000 r-xp 00000000 08:01 {b} /opt/lib/b c.so\n\
         7f0000002000-7f0000003000 r--p 00000000 08:01 {data} /opt/lib/data.so\n\
         7f0000004000-7f0000005000 r-xp 00000000 08:01 1{other} /opt/lib/other.so\n\
         7f0000006000-7f0000007000 r-xp 00000000 08:01 77 /opt/lib/gone.so (deleted)\n\
         7f0000008000-7f0000009000 rwxp 00000000 00:00 0 \n\
         7f000000a000-7f000000b000 r-xp 00000000 00:00 0 [vdso]\n\
         7f000000c000-7f000000d000 rwxs 00000000 00:01 9 /memfd:jit (deleted)\n\
         7f000000e000-7f000000f000 rwxs 00000000 00:05 1 /dev/zero (deleted)\n\
         nonsense\n-  \n",
        a = inode("a.so"),
        b = inode("b c.so"),
        data = inode("data.so"),
        other = inode("other.so"),
    );
    fs::write(process.join("maps"), maps).expect("maps");
    let mapped = of_process(proc, 12).expect("files");
    let names: Vec<&str> = mapped[1..].iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["/opt/lib/a.so", "/opt/lib/b c.so"]);
    assert_eq!(fs::read(&mapped[2].path).expect("bytes"), b"b c.so");
    assert_eq!(network_namespace(proc, 12), None);
}
