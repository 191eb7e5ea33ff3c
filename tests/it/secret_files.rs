//! Secrets in files, as Kubernetes, Docker and systemd keep them: replaced while the client runs.

use crate::common::World;
use crate::common::directory::Directory;
use keyfob::{Client, Request, Status};
use keyfob_simulator::{Cloud, credentials};
use std::path::PathBuf;
use std::time::Duration;

const CLOUD: Cloud = Cloud::Simacan;

/// A client whose password stands in a file.
struct Gateway {
    world: World,
    client: Client,
    file: PathBuf,
    _directory: Directory,
}

impl Gateway {
    fn with(password: &str) -> Gateway {
        let (world, directory) = (World::new(), Directory::new("secret"));
        std::fs::create_dir_all(&directory.0).unwrap();
        let file = directory.0.join("password");
        std::fs::write(&file, password).unwrap();
        let mut config = world.reach(CLOUD);
        config.set("username", right("username")).unwrap();
        config.set("password_file", file.to_str().unwrap()).unwrap();
        let client = config.client().unwrap();
        Gateway { world, client, file, _directory: directory }
    }

    /// As a volume is updated: by another file under the same name.
    fn rotate(&self, password: &str) {
        let next = self.file.with_extension("next");
        std::fs::write(&next, password).unwrap();
        std::fs::rename(next, &self.file).unwrap();
    }

    fn logins(&self) -> usize {
        self.world.sim.count(CLOUD, "login")
    }
}

fn right(option: &str) -> &'static str {
    let logins = credentials::logins(CLOUD);
    let (_, options) = logins.iter().find(|(name, _)| *name == "password").unwrap();
    options.iter().find(|(name, _)| *name == option).unwrap().1
}

#[test]
fn a_rotated_secret_file_is_read_when_the_old_is_rejected() {
    let gateway = Gateway::with("an old password");
    let rejected = gateway.client.token().unwrap_err();
    assert_eq!(rejected.status(), Status::CredentialsRejected);
    gateway.rotate(right("password"));
    // The hold is about the old one.
    gateway.client.token().unwrap();
    assert_eq!(gateway.logins(), 2);
}

#[test]
fn a_call_that_meets_the_rotation_succeeds_itself() {
    let gateway = Gateway::with(right("password"));
    gateway.client.token().unwrap();
    gateway.world.sim.set_password(CLOUD, "another password");
    gateway.world.sim.revoke_refresh_tokens(CLOUD);
    gateway.world.sim.revoke_access_tokens(CLOUD);
    gateway.rotate("another password");
    let devices = format!("{}{}", gateway.world.sim.api_url(CLOUD), CLOUD.devices_path());
    let answer = gateway.client.send(&Request::new("GET", &devices).unwrap()).unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(gateway.logins(), 3, "one before, one that was rejected, one with the new password");
}

#[test]
fn a_wrong_secret_in_a_file_is_sent_once_a_change() {
    let gateway = Gateway::with("wrong");
    for _ in 0..5 {
        gateway.client.token().unwrap_err();
    }
    assert_eq!(gateway.logins(), 1);
    gateway.rotate("wrong as well");
    for _ in 0..5 {
        gateway.client.token().unwrap_err();
    }
    assert_eq!(gateway.logins(), 2);
    // Nor is a file that is gone for a moment any reason.
    std::fs::remove_file(&gateway.file).unwrap();
    let held = gateway.client.token().unwrap_err();
    assert_eq!(held.status(), Status::LoginOnHold, "{held}");
    assert_eq!(gateway.logins(), 2);
}

#[test]
fn a_secret_that_is_still_good_is_not_read_again() {
    let gateway = Gateway::with(right("password"));
    let token = gateway.client.token().unwrap();
    gateway.rotate("whatever");
    gateway.client.wind(Duration::from_secs(1));
    assert_eq!(gateway.client.token().unwrap().expose(), token.expose());
    assert_eq!(gateway.logins(), 1);
}
