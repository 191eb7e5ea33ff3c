//! A store's directory for a test.

use super::World;
use keyfob::{Client, Config};
use keyfob_simulator::{Cloud, credentials};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Goes when the test ends.
pub struct Directory(pub PathBuf);

impl Directory {
    /// A path of its own, at which nothing is yet.
    pub fn new(name: &str) -> Directory {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let unique = (std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(format!("keyfob-{name}-{}-{}", unique.0, unique.1));
        std::fs::remove_dir_all(&path).ok();
        Directory(path)
    }

    /// The option `store`.
    pub fn option(&self) -> String {
        format!("file:{}", self.0.display())
    }

    /// A config for the cloud's first login, with its store here.
    pub fn config(&self, world: &World, cloud: Cloud) -> Config {
        let mut config = world.config(cloud, credentials::logins(cloud)[0].0);
        config.set("store", &self.option()).unwrap();
        config
    }

    /// A client for the cloud's first login, with its store here.
    pub fn client(&self, world: &World, cloud: Cloud) -> Client {
        self.config(world, cloud).client().unwrap()
    }

    /// The files in it whose names end so.
    pub fn files(&self, end: &str) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(&self.0).into_iter().flatten();
        let paths = entries.map(|entry| entry.unwrap().path());
        paths.filter(|path| path.to_string_lossy().ends_with(end)).collect()
    }

    /// The one record in it.
    pub fn record(&self) -> PathBuf {
        let records = self.files(".json");
        assert_eq!(records.len(), 1, "{records:?}");
        records[0].clone()
    }

    /// What the one record says, if there is one.
    pub fn contents(&self) -> Option<Vec<u8>> {
        self.files(".json").first().map(|record| std::fs::read(record).unwrap())
    }

    /// Makes this directory a copy of that one.
    pub fn copy(&self, from: &Path) {
        std::fs::remove_dir_all(&self.0).ok();
        std::fs::create_dir(&self.0).unwrap();
        std::fs::set_permissions(&self.0, PermissionsExt::from_mode(0o700)).unwrap();
        for entry in std::fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), self.0.join(entry.file_name())).unwrap();
        }
    }
}

/// A target for downloads, in a directory of its own.
pub struct Place {
    pub directory: Directory,
    pub target: PathBuf,
}

impl Place {
    /// At which nothing is yet.
    pub fn new(name: &str) -> Place {
        let directory = Directory::new(name);
        std::fs::create_dir_all(&directory.0).unwrap();
        let target = directory.0.join("firmware.bin");
        Place { directory, target }
    }

    /// What a download keeps beside its target, such as `.part`.
    pub fn beside(&self, ending: &str) -> PathBuf {
        self.directory.0.join(format!("firmware.bin{ending}"))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        std::fs::set_permissions(&self.0, PermissionsExt::from_mode(0o700)).ok();
        std::fs::remove_dir_all(&self.0).ok();
    }
}
