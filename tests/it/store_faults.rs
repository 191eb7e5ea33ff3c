//! What can be wrong with a store, and what comes of it: the table of docs/STORE.md, tried.
//!
//! Each fault is met twice: by a client that starts, and by one that has a token in hand, which then
//! runs out. Root may do anything to a file, so faults that are about another user are arranged as
//! root; who is not root is told that they were not tried.

use crate::common::World;
use crate::common::directory::Directory;
use keyfob::{Client, Status};
use keyfob_simulator::{Cloud, Rotation};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

const CLOUD: Cloud = Cloud::Simacan;

/// What a client that starts makes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AtStart {
    /// No client is made: `KEYFOB_STORE`.
    Refused,
    /// The stored token is served, without a word to the cloud.
    Used,
    /// The file is not believed: one login.
    LogsIn,
}

/// What a client that has a token makes of it once the token has run out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AtRenewal {
    /// It refreshes and stores the new token.
    Refreshes,
    /// It knows that it could not store a new refresh token: it keeps the old one and logs in.
    LogsIn,
}

struct Fault {
    /// As docs/STORE.md calls it.
    name: &'static str,
    arrange: fn(&Directory) -> Undo,
    start: AtStart,
    renewal: AtRenewal,
    /// What the error or the status says about it; nothing where all is well.
    told: &'static str,
    needs_root: bool,
}

/// Undoes what outlives the directory.
struct Undo(Option<PathBuf>);

impl Drop for Undo {
    fn drop(&mut self) {
        if let Some(mounted) = &self.0 {
            run("umount", &["-l", mounted.to_str().unwrap()]);
        }
    }
}

fn run(program: &str, arguments: &[&str]) {
    let end = Command::new(program).args(arguments).status().unwrap();
    assert!(end.success(), "{program} {arguments:?}");
}

/// Somebody who is not root.
const NOBODY: u32 = 65534;

fn give_away(path: &Path) {
    std::os::unix::fs::lchown(path, Some(NOBODY), None).unwrap();
}

fn permit(path: &Path, mode: u32) {
    fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
}

/// Puts something else in the place of a file of the store.
fn replace(directory: &Directory, end: &str, with: fn(&Path)) -> Undo {
    let record = directory.record();
    let path = record.with_extension(end);
    if path.symlink_metadata().is_ok() {
        fs::remove_file(&path).unwrap();
    }
    with(&path);
    Undo(None)
}

fn rewrite(directory: &Directory, contents: &[u8]) -> Undo {
    fs::write(directory.record(), contents).unwrap();
    Undo(None)
}

fn mount(directory: &Directory, arguments: &[&[&str]]) -> Undo {
    let path = directory.0.to_str().unwrap();
    for arguments in arguments {
        run("mount", &[arguments, &[path][..]].concat());
    }
    Undo(Some(directory.0.clone()))
}

/// A small file system on the directory, with what was in it, and not a byte left.
fn fill_up(directory: &Directory) -> Undo {
    let files: Vec<(PathBuf, Vec<u8>)> =
        directory.files("").iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect();
    let undo = mount(directory, &[&["-t", "tmpfs", "-o", "size=64k,mode=0700", "tmpfs"]]);
    for (path, contents) in files {
        fs::write(&path, contents).unwrap();
        permit(&path, 0o600);
    }
    let full = fs::write(directory.0.join("other"), vec![0; 1 << 20]);
    assert_eq!(full.unwrap_err().kind(), std::io::ErrorKind::StorageFull);
    undo
}

#[rustfmt::skip] // a table: one fault a line
const FAULTS: [Fault; 28] = {
    use AtRenewal as R;
    use AtStart as S;
    const fn fault(
        name: &'static str, start: AtStart, renewal: AtRenewal, told: &'static str, arrange: fn(&Directory) -> Undo,
    ) -> Fault {
        Fault { name, arrange, start, renewal, told, needs_root: false }
    }
    const fn as_root(fault: Fault) -> Fault {
        Fault { needs_root: true, ..fault }
    }
    [
        // the directory
        as_root(fault("read-only file system", S::Used, R::LogsIn, "Read-only file system", |d| mount(d, &[&["--bind", d.0.to_str().unwrap()], &["-o", "remount,ro,bind"]]))),
        as_root(fault("full disk", S::Used, R::LogsIn, "No space left on device", fill_up)),
        fault("directory gone", S::LogsIn, R::LogsIn, "the directory cannot be opened: No such file", |d| { fs::remove_dir_all(&d.0).unwrap(); Undo(None) }),
        fault("a file in the directory's place", S::Refused, R::LogsIn, "the directory cannot be ", |d| { fs::remove_dir_all(&d.0).unwrap(); fs::write(&d.0, "").unwrap(); Undo(None) }),
        fault("directory: a link that leads nowhere", S::Refused, R::LogsIn, "it is a symbolic link: what it leads to does not exist", |d| { fs::remove_dir_all(&d.0).unwrap(); symlink("/nowhere/keyfob", &d.0).unwrap(); Undo(None) }),
        fault("directory that others may write to", S::Refused, R::LogsIn, "other users may write to the directory: chmod it 700", |d| { permit(&d.0, 0o770); Undo(None) }),
        as_root(fault("directory of another user", S::Refused, R::LogsIn, "the directory belongs to another user", |d| { give_away(&d.0); Undo(None) })),
        // the file
        fault("truncated", S::LogsIn, R::Refreshes, "is damaged or not a keyfob record", |d| { let all = d.contents().unwrap(); rewrite(d, &all[..all.len() / 2]) }),
        fault("empty", S::LogsIn, R::Refreshes, "is damaged or not a keyfob record", |d| rewrite(d, b"")),
        fault("zeroed", S::LogsIn, R::Refreshes, "is damaged or not a keyfob record", |d| rewrite(d, &[0; 900])),
        fault("another version's", S::LogsIn, R::Refreshes, "was written by another version", |d| rewrite(d, b"{\"keyfob_store\":2,\"records\":[]}")),
        fault("another identity's", S::LogsIn, R::Refreshes, "belongs to another identity", |d| { let text = String::from_utf8(d.contents().unwrap()).unwrap(); rewrite(d, text.replace("\"identity\":\"", "\"identity\":\"0").as_bytes()) }),
        fault("100 MB", S::LogsIn, R::Refreshes, "is too large to be a keyfob record", |d| { fs::File::create(d.record()).unwrap().set_len(100 << 20).unwrap(); Undo(None) }),
        fault("a symbolic link", S::LogsIn, R::Refreshes, "is a symbolic link", |d| replace(d, "json", |p| symlink("/etc/hostname", p).unwrap())),
        fault("a directory", S::LogsIn, R::Refreshes, "is not a file", |d| replace(d, "json", |p| fs::create_dir(p).unwrap())),
        fault("a pipe", S::LogsIn, R::Refreshes, "is not a file", |d| replace(d, "json", |p| run("mkfifo", &[p.to_str().unwrap()]))),
        as_root(fault("another user's", S::LogsIn, R::Refreshes, "belongs to another user", |d| { give_away(&d.record()); Undo(None) })),
        fault("one that others may write to", S::LogsIn, R::Refreshes, "could be written by other users", |d| { permit(&d.record(), 0o660); Undo(None) }),
        fault("one that others may read", S::Used, R::Refreshes, "", |d| { permit(&d.record(), 0o644); Undo(None) }),
        fault("gone", S::LogsIn, R::Refreshes, "", |d| { fs::remove_file(d.record()).unwrap(); Undo(None) }),
        // the lock
        fault("lock: gone", S::Used, R::Refreshes, "", |d| replace(d, "lock", |_| {})),
        fault("lock: a symbolic link", S::Used, R::LogsIn, "the lock file cannot be locked", |d| replace(d, "lock", |p| symlink("/etc/hostname", p).unwrap())),
        fault("lock: a directory", S::Used, R::LogsIn, "the lock file cannot be locked", |d| replace(d, "lock", |p| fs::create_dir(p).unwrap())),
        as_root(fault("lock: another user's", S::Used, R::LogsIn, "the lock file is not a file of this user's", |d| replace(d, "lock", |p| { fs::write(p, "").unwrap(); give_away(p) }))),
        // what is written next
        fault("new file: left by a power cut", S::Used, R::Refreshes, "", |d| replace(d, "new", |p| { fs::write(p, vec![b'x'; 100_000]).unwrap(); permit(p, 0o600) })),
        fault("new file: a symbolic link", S::Used, R::Refreshes, "", |d| replace(d, "new", |p| symlink("victim", p).unwrap())),
        as_root(fault("new file: another user's", S::Used, R::Refreshes, "", |d| replace(d, "new", |p| { fs::write(p, "").unwrap(); give_away(p) }))),
        fault("new file: a directory", S::Used, R::LogsIn, "cannot be written", |d| replace(d, "new", |p| fs::create_dir(p).unwrap())),
    ]
};

fn can_be_tried(fault: &Fault) -> bool {
    let possible = !fault.needs_root || rustix::process::geteuid().is_root();
    if !possible {
        println!("not tried, it takes root: {}", fault.name);
    }
    possible
}

/// A cloud that revokes the family on reuse, and a store with a token in it.
fn stage() -> (World, Directory, Client, String) {
    let (world, directory) = (World::new(), Directory::new("fault"));
    world.sim.set_rotation(CLOUD, Rotation::RevokeFamilyOnReuse);
    let client = directory.client(&world, CLOUD);
    let token = client.token().unwrap().expose().to_string();
    world.sim.clear_journal();
    (world, directory, client, token)
}

fn fault_of(client: &Client) -> String {
    let status: Value = serde_json::from_str(&client.status_json()).unwrap();
    status["store"]["fault"]["message"].as_str().unwrap_or_default().to_string()
}

#[test]
fn a_starting_client_does_with_each_fault_as_the_table_says() {
    for fault in FAULTS.iter().filter(|fault| can_be_tried(fault)) {
        let name = fault.name;
        let (world, directory, first, token) = stage();
        drop(first);
        let _undo = (fault.arrange)(&directory);
        let client = directory.config(&world, CLOUD).client();
        let (client, expected): (_, &[&str]) = match fault.start {
            AtStart::Refused => {
                let error = client.unwrap_err();
                assert_eq!(error.status(), Status::Store, "{name}: {error}");
                assert!(error.message().contains(fault.told), "{name}: {error}");
                continue;
            }
            AtStart::Used => (client.unwrap(), &[]),
            AtStart::LogsIn => (client.unwrap(), &["login"]),
        };
        // What can be told now is told now; some faults show when something is to be written.
        let told = fault_of(&client);
        assert!(told.is_empty() || told.contains(fault.told), "{name}: {told}");
        let served = client.token().unwrap();
        assert_eq!(served.expose() == token, fault.start == AtStart::Used, "{name}");
        assert_eq!(client.token().unwrap(), served, "{name}");
        assert_eq!(world.token_calls(CLOUD), expected, "{name}");
    }
}

#[test]
fn a_token_in_hand_is_kept_and_no_refresh_token_wasted() {
    for fault in FAULTS.iter().filter(|fault| can_be_tried(fault)) {
        let name = fault.name;
        let (world, directory, client, token) = stage();
        let _undo = (fault.arrange)(&directory);
        assert_eq!(client.token().unwrap().expose(), token, "{name}");
        assert!(world.token_calls(CLOUD).is_empty(), "{name}");
        world.wind(3601);
        let next = client.token().unwrap();
        assert_ne!(next.expose(), token, "{name}");
        assert_eq!(client.token().unwrap(), next, "{name}");
        let told = fault_of(&client);
        match fault.renewal {
            AtRenewal::Refreshes => {
                assert_eq!(world.token_calls(CLOUD), ["refresh"], "{name}");
                assert_eq!(told, "", "{name}: all is well again");
                let found = directory.client(&world, CLOUD).token().unwrap();
                assert_eq!(found, next, "{name}: stored");
                let record = fs::symlink_metadata(directory.record()).unwrap();
                assert_eq!(record.permissions().mode() & 0o777, 0o600, "{name}");
            }
            AtRenewal::LogsIn => {
                assert_eq!(world.token_calls(CLOUD), ["login"], "{name}");
                assert!(told.contains(fault.told) && !told.is_empty(), "{name}: {told}");
            }
        }
        assert_eq!(world.sim.reuse_count(CLOUD), 0, "{name}");
        assert!(!directory.0.join("victim").exists(), "{name}: written through a link");
    }
}

#[test]
fn what_is_not_believed_is_set_aside_at_the_next_save() {
    for fault in FAULTS.iter().filter(|fault| can_be_tried(fault)) {
        let believed = fault.told.is_empty() || fault.renewal == AtRenewal::LogsIn;
        let (world, directory, client, _) = stage();
        let _undo = (fault.arrange)(&directory);
        world.wind(3601);
        client.token().unwrap();
        let aside = directory.files(".json.damaged").len();
        assert_eq!(aside, usize::from(!believed), "{}", fault.name);
    }
}

#[test]
fn without_a_login_a_store_that_cannot_be_written_is_an_error() {
    let (world, elsewhere, client, _) = stage();
    drop(client);
    let stored: Value = serde_json::from_slice(&elsewhere.contents().unwrap()).unwrap();
    let seed = stored["record"]["refresh_token"].as_str().unwrap();
    let directory = Directory::new("fault-seed");
    let mut config = world.reach(CLOUD);
    config.set("refresh_token", seed).unwrap();
    config.set("store", &directory.option()).unwrap();
    let client = config.client().unwrap();
    fs::remove_dir_all(&directory.0).unwrap();
    let error = client.token().unwrap_err();
    assert_eq!(error.status(), Status::Store, "{error}");
    assert_eq!(world.sim.count(CLOUD, "refresh"), 0, "the only way in was spent");
    fs::create_dir(&directory.0).unwrap();
    permit(&directory.0, 0o700);
    client.token().unwrap();
}

#[test]
fn another_users_process_is_refused_and_changes_nothing() {
    if !rustix::process::geteuid().is_root() {
        println!("not tried, it takes root");
        return;
    }
    unsafe extern "C" {
        fn setfsuid(user: u32) -> i32;
    }
    let (world, directory, client, token) = stage();
    let before = directory.contents();
    let config = directory.config(&world, CLOUD);
    let error = std::thread::scope(|scope| {
        let as_nobody = || {
            // SAFETY: it takes a number, and is about this thread alone.
            unsafe { setfsuid(NOBODY) };
            config.client().unwrap_err()
        };
        scope.spawn(as_nobody).join().unwrap()
    });
    assert_eq!(error.status(), Status::Store);
    assert!(error.message().contains("Permission denied"), "{error}");
    assert_eq!(directory.contents(), before);
    assert_eq!(client.token().unwrap().expose(), token);
}

#[test]
fn the_table_of_the_documentation_has_every_fault() {
    let page = fs::read_to_string("docs/STORE.md").unwrap();
    for fault in &FAULTS {
        let start = match fault.start {
            AtStart::Refused => "refused",
            AtStart::Used => "used",
            AtStart::LogsIn => "logs in",
        };
        let renewal = match fault.renewal {
            AtRenewal::Refreshes => "refreshes",
            AtRenewal::LogsIn => "logs in",
        };
        let row = format!("| {} | {start} | {renewal} |", fault.name);
        assert!(page.contains(&row), "docs/STORE.md lacks: {row}");
    }
}
