//! The rooms of src/: which uses which, and that the arrows run down only.
//!
//! `make house` prints the map, draws docs/img/house.svg and writes the table in CONTRIBUTING.md.

mod drawing;
mod names;
mod sources;

use sources::Sources;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The rooms, each of which may use those below it. What lies beside them are doors: `lib.rs` and
/// the fuzzers', which use any room and are used by none.
const ROOMS: [&str; 10] = [
    "ffi",
    "client",
    "lifecycle",
    "account",
    "store",
    "provider",
    "model",
    "http",
    "support",
    "error",
];
const DOORS: [&str; 3] = ["lib", "fleet", "fuzzing"];

/// How many files may use each other in a circle.
const LARGEST_CIRCLE: usize = 3;

fn room(file: &str) -> &str {
    file.split('/').next().unwrap()
}

fn floor(file: &str) -> Option<usize> {
    ROOMS.iter().position(|known| *known == room(file))
}

/// The arrows that run up, or to a door.
fn upward(sources: &Sources) -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    for (file, uses) in &sources.uses {
        for used in uses.iter().filter(|_| floor(file).is_some()) {
            if floor(used).is_none_or(|floor_of_used| floor_of_used < floor(file).unwrap()) {
                found.insert((file.clone(), used.clone()));
            }
        }
    }
    found
}

/// The files that use each other, directly or through others: each circle that there is.
fn circles(sources: &Sources) -> Vec<BTreeSet<&str>> {
    let reached: BTreeMap<&str, BTreeSet<&str>> =
        sources.uses.keys().map(|file| (file.as_str(), reach(sources, file))).collect();
    let mut circles: Vec<BTreeSet<&str>> = Vec::new();
    for (file, far) in &reached {
        let back = far.iter().filter(|other| reached[**other].contains(file));
        let circle: BTreeSet<&str> = back.copied().collect();
        if circle.len() > 1 && !circles.contains(&circle) {
            circles.push(circle);
        }
    }
    circles
}

/// What can be reached from a file, arrow by arrow.
fn reach<'a>(sources: &'a Sources, from: &str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut next: Vec<&str> = sources.uses[from].iter().map(String::as_str).collect();
    while let Some(file) = next.pop() {
        if reached.insert(file) {
            next.extend(sources.uses[file].iter().map(String::as_str));
        }
    }
    reached
}

#[test]
fn every_file_is_in_a_room_or_is_a_door() {
    for file in Sources::of_the_library().uses.keys() {
        let known = floor(file).is_some() || DOORS.contains(&file.as_str());
        assert!(known, "src/{file}.rs: the rooms are {ROOMS:?}, the doors {DOORS:?}");
    }
}

/// With it no circle stands between rooms either.
#[test]
fn the_arrows_between_rooms_run_down_only() {
    let found = upward(&Sources::of_the_library());
    assert!(found.is_empty(), "these run up: {found:#?}\nthe rooms, from above: {ROOMS:?}");
}

/// Some processors (MIPS) have none: `support/sync.rs` gives them from elsewhere.
#[test]
fn atomic_numbers_of_64_bits_come_from_one_file() {
    let mut folders = vec![PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            // Every Mac has them.
            if path.ends_with("support/sync.rs") || path.ends_with("os/macos.rs") {
                continue;
            }
            let source = std::fs::read_to_string(&path).unwrap_or_default();
            for line in source.lines().filter(|line| line.contains("std::sync::atomic")) {
                let told = line.contains("AtomicU64") || line.contains("AtomicI64");
                assert!(!told, "{}: crate::support::sync has it: {line}", path.display());
            }
        }
    }
}

#[test]
fn what_differs_by_system_stands_in_os_alone() {
    let mut files = Sources::of_the_library().ask_for_the_system;
    files.retain(|file| !file.starts_with("support/os"));
    assert!(files.is_empty(), "support/os has a file a system: {files:?}");
}

/// In a released library `{:?}` gives the names of types and variants alone (tools/cross), so that
/// no name, key or word for users may be made of it.
#[test]
fn what_debug_shows_is_part_of_no_text() {
    const NAMES_ARE_ENOUGH: [(&str, &str); 2] = [
        ("http/tls_words", "rustls's alerts and faults are names"),
        ("fuzzing", "it is in no release"),
    ];
    let allowed = |file: &str| NAMES_ARE_ENOUGH.iter().any(|(known, _)| *known == file);
    let debugs = Sources::of_the_library().debugs;
    let found: Vec<_> = debugs.iter().filter(|(file, _)| !allowed(file)).collect();
    assert!(found.is_empty(), "a release shows no more of these than names: {found:#?}");
}

#[test]
fn no_more_than_three_files_use_each_other_in_a_circle() {
    let sources = Sources::of_the_library();
    let large: Vec<_> =
        circles(&sources).into_iter().filter(|circle| circle.len() > LARGEST_CIRCLE).collect();
    assert!(large.is_empty(), "{}", told(&sources, &large));
}

/// Circles, with the arrows that make them.
fn told(sources: &Sources, circles: &[BTreeSet<&str>]) -> String {
    let mut text = String::new();
    for circle in circles {
        text += &format!("a circle of {} files:\n", circle.len());
        for file in circle {
            let within = sources.uses[*file].iter().filter(|used| circle.contains(used.as_str()));
            text += &format!("  {file} → {}\n", within.cloned().collect::<Vec<_>>().join(", "));
        }
    }
    text
}

#[test]
fn the_picture_of_the_house_is_what_the_sources_say() {
    let drawn = std::fs::read_to_string(drawing::picture()).unwrap_or_default();
    assert!(drawn == drawing::draw(&Sources::of_the_library()), "run `make house`");
}

fn page() -> (PathBuf, String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(drawing::PAGE);
    let text = std::fs::read_to_string(&path).unwrap();
    (path, text)
}

#[test]
fn the_map_in_contributing_names_every_module() {
    let page = page().1;
    let should = drawing::page_with_table(&Sources::of_the_library(), &page);
    assert!(page == should, "{}: run `make house`", drawing::PAGE);
}

#[test]
#[ignore = "prints the map, writes the picture and the table: `make house`"]
fn draw() {
    let sources = Sources::of_the_library();
    let (path, text) = page();
    std::fs::write(path, drawing::page_with_table(&sources, &text)).unwrap();
    println!("{}", drawing::map(&sources));
    print!("{}", told(&sources, &circles(&sources)));
    for (file, used) in upward(&sources) {
        println!("runs up: {file} → {used}");
    }
    std::fs::write(drawing::picture(), drawing::draw(&sources)).unwrap();
}

/// A library of a few lines.
fn small(files: &[(&str, &str)]) -> Sources {
    let named = |(name, text): &(&str, &str)| (name.to_string(), text.to_string());
    Sources::new(&files.iter().map(named).collect())
}

fn used<'a>(sources: &'a Sources, file: &str) -> Vec<&'a str> {
    sources.uses[file].iter().map(String::as_str).collect()
}

#[test]
fn imports_paths_and_reexports_lead_to_the_file_that_defines() {
    let sources = small(&[
        ("lib.rs", "mod http; mod store; mod error; mod ffi; pub use error::Error;"),
        ("error.rs", "pub struct Error;"),
        ("http/mod.rs", "//! The transport. And more.\npub mod url; mod tcp; pub use tcp::Socket;"),
        (
            "http/url.rs",
            "use super::tcp::{self, Socket as S}; impl Url { fn f() -> crate::Error {} }",
        ),
        ("http/tcp.rs", "pub struct Socket; pub fn open() {}"),
        ("store/mod.rs", "mod file; pub struct Kept; fn f() { file::open(); }"),
        ("store/file.rs", "use crate::{error, http::{Socket, url::*}}; fn f(k: super::Kept) {}"),
        ("ffi/mod.rs", "mod client; pub use client::*;"),
        ("ffi/client.rs", "pub fn call() {}"),
        ("fuzzing.rs", "use crate::ffi::call;"),
    ]);
    assert_eq!(used(&sources, "lib"), [] as [&str; 0], "a re-export is no use");
    assert_eq!(used(&sources, "http/url"), ["error", "http/tcp"]);
    assert_eq!(used(&sources, "store/mod"), ["store/file"]);
    assert_eq!(used(&sources, "store/file"), ["error", "http/tcp", "http/url", "store/mod"]);
    assert_eq!(used(&sources, "fuzzing"), ["ffi/client"], "a glob is followed to what defines it");
    assert_eq!(sources.says["http/mod"], "The transport");
    assert_eq!(circles(&sources), [BTreeSet::from(["store/file", "store/mod"])]);
    assert!(upward(&sources).is_empty());
}

#[test]
fn each_way_to_show_debug_is_found() {
    let text = r##"
        // {:?}
        const QUOTES: (char, char) = ('"', '\'');
        fn f() { format!("{:?}"); format!(r#"{a:#?} {}"#); format!(r"{0:02x?}"); b"{b:?}"; }
        fn g() { format!("{a} {b:>2}"); let _ = "\"{:?} {\\"; a::b(r"?}", c?); }
        #[cfg(test)]
        mod tests { fn t() { format!("{:?}"); } }
    "##;
    let debugs = &small(&[("lib.rs", text)]).debugs["lib"];
    let all = ["\"{:?}\"", "r#\"{a:#?} {}\"#", "r\"{0:02x?}\"", "b\"{b:?}\"", r#""\"{:?} {\\""#];
    assert_eq!(debugs, &all);
}

#[test]
fn comments_strings_and_tests_are_no_use_and_a_door_is_not_used() {
    let text = r##"
        // crate::store::a
        /* crate::store::b */
        pub(in crate::store) const A: &str = "crate::store::c \" crate::store::d";
        const B: (&str, char) = (r#"crate::store::e"#, '"');
        #[cfg(test)]
        use crate::store::f;
        #[cfg(test)]
        mod tests { use crate::store::g; fn t() { crate::store::h(); } }
        fn real() { crate::model::it(); std::store::x(); crate::open() }
    "##;
    let sources = small(&[
        ("lib.rs", "fn open() {}"),
        ("store.rs", "use crate::model;"),
        ("model.rs", ""),
        ("http.rs", text),
    ]);
    assert_eq!(used(&sources, "http"), ["lib", "model"]);
    let upward: Vec<_> = upward(&sources).into_iter().map(|(_, used)| used).collect();
    assert_eq!(upward, ["lib", "model"]);
}
