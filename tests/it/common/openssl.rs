//! Keys and certificates, as people make them.

use super::directory::Directory;
use std::process::{Command, Stdio};

/// What openssl makes of a PEM.
pub fn openssl(arguments: &[&str], directory: &Directory, pem: &str) -> String {
    let (input, output) = (directory.0.join("in"), directory.0.join("out"));
    std::fs::create_dir_all(&directory.0).unwrap();
    let mut made = Command::new("openssl");
    made.args(arguments).args(["-out", output.to_str().unwrap()]);
    if !pem.is_empty() {
        std::fs::write(&input, pem).unwrap();
        made.args(["-in", input.to_str().unwrap()]);
    }
    let made = made.stderr(Stdio::null()).status();
    assert!(made.unwrap().success(), "openssl {arguments:?}");
    std::fs::read_to_string(&output).unwrap()
}
