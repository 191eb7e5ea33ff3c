//! Power loss at every step of the way: whatever was not made durable may be gone, and what is left
//! is the old state whole or the new.
//!
//! A worker's system calls are replayed on a model of a disk. After each of them the power fails:
//! of the names that changed since the directory was last made durable any may have changed or not,
//! and a file's data that was not made durable may be there, half there, zeroes or nothing. A client
//! is started on every such disk.

use crate::kill::{Act, CLOUD, Stage};
use crate::trace;
use keyfob::{Clock, Status};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What a directory holds: names and bytes.
type Image = BTreeMap<String, Vec<u8>>;

#[derive(Default)]
struct Inode {
    data: Vec<u8>,
    durable: Option<Vec<u8>>,
}

/// Names that come to stand for an inode, or for none, all at once.
type Change = Vec<(String, Option<usize>)>;

/// A directory on a disk.
#[derive(Default)]
struct Disk {
    inodes: Vec<Inode>,
    durable: BTreeMap<String, usize>,
    /// Since the directory was last made durable.
    changes: Vec<Change>,
    /// Open files: their inode, and where the next write goes.
    open: BTreeMap<String, (usize, usize)>,
}

impl Disk {
    fn of(image: &Image) -> Disk {
        let mut disk = Disk::default();
        for (name, data) in image {
            disk.durable.insert(name.clone(), disk.inodes.len());
            disk.inodes.push(Inode { data: data.clone(), durable: Some(data.clone()) });
        }
        disk
    }

    fn names(&self) -> BTreeMap<String, usize> {
        changed(&self.durable, self.changes.iter())
    }

    /// Does what a line of the trace says.
    fn replay(&mut self, line: &str) {
        let (call, result) = line.rsplit_once(" = ").unwrap();
        let (name, arguments) = call.trim_end().split_once('(').unwrap();
        let arguments: Vec<&str> = arguments.trim_end_matches(')').split(", ").collect();
        if result.starts_with("-1") {
            return;
        }
        let fd = |text: &str| text.split('<').next().unwrap().to_string();
        match name {
            "openat" => {
                let file = text(arguments[1]);
                if arguments[2].contains("O_CREAT") && !self.names().contains_key(&file) {
                    self.changes.push(vec![(file.clone(), Some(self.inodes.len()))]);
                    self.inodes.push(Inode::default());
                }
                if let Some(inode) = self.names().get(&file) {
                    self.open.insert(fd(result), (*inode, 0));
                }
            }
            "close" => drop(self.open.remove(&fd(arguments[0]))),
            "write" => {
                let (inode, at) = self.open.get_mut(&fd(arguments[0])).unwrap();
                let written = &bytes(arguments[1])[..result.parse().unwrap()];
                let data = &mut self.inodes[*inode].data;
                data.resize(data.len().max(*at + written.len()), 0);
                data[*at..*at + written.len()].copy_from_slice(written);
                *at += written.len();
            }
            "ftruncate" => {
                let (inode, _) = self.open[&fd(arguments[0])];
                self.inodes[inode].data.resize(arguments[1].parse().unwrap(), 0);
            }
            "fallocate" => {
                let (inode, _) = self.open[&fd(arguments[0])];
                let end: usize = arguments[3].parse().unwrap();
                let data = &mut self.inodes[inode].data;
                data.resize(data.len().max(end), 0);
            }
            "fsync" => match self.open.get(&fd(arguments[0])) {
                Some((inode, _)) => {
                    let inode = &mut self.inodes[*inode];
                    inode.durable = Some(inode.data.clone());
                }
                None => {
                    self.durable = self.names();
                    self.changes.clear();
                }
            },
            "renameat" => {
                let (from, to) = (text(arguments[1]), text(arguments[3]));
                let inode = self.names()[&from];
                self.changes.push(vec![(from, None), (to, Some(inode))]);
            }
            "mkdir" | "fcntl" | "read" | "lseek" => {}
            look if look.contains("stat") || look.contains("access") => {}
            other => panic!("the model knows no {other}: {line}"),
        }
    }

    /// All that may be there when the power comes back.
    fn images(&self) -> BTreeSet<Image> {
        let mut images = BTreeSet::new();
        for some in 0..1 << self.changes.len() {
            let done = self.changes.iter().enumerate().filter(|(n, _)| some >> n & 1 == 1);
            let names = changed(&self.durable, done.map(|(_, change)| change));
            let mut partial = BTreeSet::from([Image::new()]);
            for (name, inode) in names {
                let variants = self.inodes[inode].variants();
                let with = |image: &Image, data: &Vec<u8>| {
                    let mut image = image.clone();
                    image.insert(name.clone(), data.clone());
                    image
                };
                let next = partial.iter().flat_map(|i| variants.iter().map(|d| with(i, d)));
                partial = next.collect();
            }
            images.extend(partial);
        }
        images
    }
}

fn changed<'a>(
    names: &BTreeMap<String, usize>,
    changes: impl Iterator<Item = &'a Change>,
) -> BTreeMap<String, usize> {
    let mut names = names.clone();
    for (name, inode) in changes.flatten() {
        match inode {
            Some(inode) => names.insert(name.clone(), *inode),
            None => names.remove(name),
        };
    }
    names
}

impl Inode {
    fn variants(&self) -> Vec<Vec<u8>> {
        match &self.durable {
            Some(durable) if *durable == self.data => vec![durable.clone()],
            before => vec![
                before.clone().unwrap_or_default(),
                self.data.clone(),
                self.data[..self.data.len() / 2].to_vec(),
                vec![0; self.data.len()],
            ],
        }
    }
}

/// The bytes of a string argument: all of them are written `\x..`.
fn bytes(argument: &str) -> Vec<u8> {
    let digits = argument.trim_matches('"').split("\\x").skip(1);
    digits.map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect()
}

fn text(argument: &str) -> String {
    String::from_utf8(bytes(argument)).unwrap()
}

fn image_of(stage: &Stage) -> Image {
    let paths = stage.directory.files("").into_iter();
    let name = |path: &std::path::Path| path.file_name().unwrap().to_str().unwrap().to_string();
    paths.map(|path| (name(&path), std::fs::read(&path).unwrap())).collect()
}

/// Starts a client on this disk: whether it finds the new state.
fn finds_new(stage: &Stage, image: &Image, wound: u64, new: &str) -> bool {
    std::fs::remove_dir_all(&stage.directory.0).ok();
    let config = stage.directory.config(&stage.world, CLOUD);
    // An empty directory is as good as none.
    drop(config.client());
    for (name, data) in image {
        use std::os::unix::fs::PermissionsExt;
        let path = stage.directory.0.join(name);
        std::fs::write(&path, data).unwrap();
        std::fs::set_permissions(path, PermissionsExt::from_mode(0o600)).unwrap();
    }
    let mut config = config;
    let clock = Clock::manual();
    clock.wind(Duration::from_secs(wound));
    config.set_clock(clock);
    let client = config.client().unwrap();
    let status: serde_json::Value = serde_json::from_str(&client.status_json()).unwrap();
    assert!(status["store"]["fault"].is_null(), "{status}");
    match client.try_token() {
        Ok(token) => {
            assert_eq!(token.expose(), new, "neither the old token nor the new");
            assert_eq!(status["has_refresh_token"], true);
            true
        }
        Err(error) => {
            assert_eq!(error.status(), Status::WouldBlock, "{error}");
            assert_eq!(status["has_refresh_token"], stage.act == Act::Refresh, "{status}");
            false
        }
    }
}

#[test]
fn when_the_power_fails_the_old_state_is_left_or_the_new() {
    if !trace::permitted() {
        return;
    }
    let mut stage = Stage::new();
    for (act, wound) in [(Act::Login, 0), (Act::Refresh, 3601)] {
        let stem = stage.stem(act);
        let job = stage.set(act);
        let before = image_of(&stage);
        let (trace, said) = stage.watched(job, &stem).trace();
        let token = said[0].strip_prefix("token ").unwrap().to_string();

        let mut disk = Disk::of(&before);
        let mut found = BTreeMap::<bool, usize>::new();
        let mut tried = BTreeSet::new();
        for line in &trace {
            disk.replay(line);
            for image in disk.images().difference(&tried.clone()) {
                *found.entry(finds_new(&stage, image, wound, &token)).or_default() += 1;
                tried.insert(image.clone());
            }
        }
        println!(
            "{act:?}: the power failed after each of {} calls; of {} disks {} had the old state \
             and {} the new",
            trace.len(),
            tried.len(),
            found[&false],
            found[&true]
        );
        // The token was handed out after the last of these calls.
        for image in disk.images() {
            assert!(finds_new(&stage, &image, wound, &token), "a token that was not durable");
        }
    }
}
