//! Files of certificates, keys and passwords as people have them.

use crate::common::World;
use crate::common::asked::whole_request;
use crate::common::certificate::{AnyCertificate, asking, of_this_machine};
use crate::common::directory::Directory;
use crate::common::openssl::openssl;
use keyfob::{Config, Status};
use keyfob_simulator::Cloud;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::io::Write;
use std::net::TcpListener;
use std::sync::mpsc;

const CLOUD: Cloud = Cloud::Kontakt;

/// A server that issues a token to whoever shows it a certificate. Gives its port, and each
/// certificate that it is shown.
fn pinning(certificate: &str, key: &str) -> (u16, mpsc::Receiver<Vec<u8>>) {
    let config = asking(certificate, key, AnyCertificate { mandatory: true });
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (shows, shown) = mpsc::channel();
    std::thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            let connection = rustls::ServerConnection::new(config.clone()).unwrap();
            let mut stream = rustls::StreamOwned::new(connection, socket);
            whole_request(&mut stream);
            let first = stream.conn.peer_certificates().and_then(|chain| chain.first());
            shows.send(first.map(|der| der.to_vec()).unwrap_or_default()).ok();
            let body = r#"{"access_token":"a-token","expires_in":3600}"#;
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
            let _ = stream.write_all((head + body).as_bytes()).and_then(|()| stream.flush());
        }
    });
    (port, shown)
}

/// A file beside the others.
fn file(directory: &Directory, name: &str, text: impl AsRef<[u8]>) -> String {
    std::fs::create_dir_all(&directory.0).unwrap();
    let path = directory.0.join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().into()
}

fn ec_key(directory: &Directory) -> String {
    openssl(&["ecparam", "-name", "prime256v1", "-genkey", "-noout"], directory, "")
}

#[test]
fn a_client_certificate_of_x_509_version_1_is_shown() {
    let directory = Directory::new("v1");
    let (server, server_key) = of_this_machine(&directory);
    for kind in ["ec", "rsa"] {
        let key = match kind {
            "ec" => ec_key(&directory),
            _ => openssl(&["genpkey", "-algorithm", "RSA"], &directory, ""),
        };
        let key_file = file(&directory, "client.key", &key);
        let request =
            openssl(&["req", "-new", "-key", &key_file, "-subj", "/CN=gateway"], &directory, "");
        let sign = ["x509", "-req", "-signkey", &key_file, "-days", "9"];
        let certificate = openssl(&sign, &directory, &request);
        let read = openssl(&["x509", "-noout", "-text"], &directory, &certificate);
        assert!(read.contains("Version: 1 "), "what openssl makes without extensions: {read}");
        let (port, shown) = pinning(&server, &server_key);
        let mut config = Config::new("oauth2").unwrap();
        for (option, value) in [
            ("token_url", format!("https://127.0.0.1:{port}/token")),
            ("ca_file", file(&directory, "ca.pem", &server)),
            ("client_cert_file", file(&directory, "client.pem", &certificate)),
            ("client_key_file", key_file),
            ("client_id", "gateway".into()),
            ("client_secret", "s".into()),
        ] {
            config.set(option, &value).unwrap();
        }
        assert_eq!(config.client().unwrap().token().unwrap().expose(), "a-token", "{kind}");
        let der = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
        assert_eq!(shown.recv().unwrap(), der.to_vec(), "{kind}");

        // Another's key is told before anything is sent.
        config.set("client_key_file", &file(&directory, "other.key", ec_key(&directory))).unwrap();
        let error = config.client().unwrap_err();
        assert_eq!(error.status(), Status::InvalidOption);
        assert!(error.message().contains("does not belong to client_key_file"), "{error}");
    }
}

#[test]
fn an_encrypted_key_file_is_called_that() {
    let (world, directory) = (World::new(), Directory::new("encrypted"));
    let plain = std::fs::read_to_string(world.sim.client_key_file()).unwrap();
    let encrypted = ["pkcs8", "-topk8", "-passout", "pass:secret-word"];
    let rsa = openssl(&["genpkey", "-algorithm", "RSA"], &directory, "");
    let older = ["rsa", "-aes128", "-traditional", "-passout", "pass:secret-word"];
    for pem in [openssl(&encrypted, &directory, &plain), openssl(&older, &directory, &rsa)] {
        assert!(pem.contains("ENCRYPTED"));
        let mut config = world.config(CLOUD, "password");
        config.set("client_cert_file", world.sim.client_cert_file().to_str().unwrap()).unwrap();
        let path = file(&directory, "client.key", &pem);
        config.set("client_key_file", &path).unwrap();
        let error = config.client().unwrap_err();
        assert_eq!(error.status(), Status::InvalidOption);
        let begins = format!("client_key_file: {path}: the key is encrypted; ");
        assert!(error.message().starts_with(&begins), "{error}");
        assert!(error.message().contains("openssl pkey"), "what to do: {error}");
    }
}

#[test]
fn of_a_bundle_the_certificate_that_is_no_good_is_named() {
    let (world, directory) = (World::new(), Directory::new("bundle"));
    let good = std::fs::read_to_string(world.sim.ca_file()).unwrap();
    let bad = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let torn = "-----BEGIN CERTIFICATE-----\nA?A\n-----END CERTIFICATE-----\n";
    for (bundle, which) in [
        (format!("{good}{bad}{good}"), "certificate 2 of 3 "),
        (format!("{good}{good}{bad}"), "certificate 3 of 3 "),
        (format!("{good}{torn}{good}"), "certificate 2 "),
    ] {
        let mut config = world.config(CLOUD, "password");
        let path = file(&directory, "ca.pem", bundle);
        config.set("ca_file", &path).unwrap();
        let error = config.client().unwrap_err();
        assert_eq!(error.status(), Status::InvalidOption);
        assert!(error.message().starts_with(&format!("ca_file: {path}: {which}")), "{error}");
    }
    // What stands between them is for people.
    let mut config = world.config(CLOUD, "password");
    let noted = format!("# our own\r\n{}\n# again\n{good}", good.replace('\n', "\r\n"));
    config.set("ca_file", &file(&directory, "ca.pem", noted)).unwrap();
    config.client().unwrap().token().unwrap();
}

#[test]
fn a_password_file_loses_its_byte_order_mark_and_nothing_else() {
    let directory = Directory::new("mark");
    for (kept, logs_in) in [
        ("\u{feff}correct horse", true),
        ("\u{feff}correct horse\r\n", true),
        ("correct horse\u{feff}", false),
        ("\u{feff}\u{feff}correct horse", false),
        (" correct horse", false),
    ] {
        let world = World::new();
        let options = world.config(CLOUD, "password");
        let mut config = world.reach(CLOUD);
        config.set("username", &options.get("username").unwrap().unwrap()).unwrap();
        config.set("password_file", &file(&directory, "password", kept)).unwrap();
        world.sim.set_password(CLOUD, "correct horse");
        let outcome = config.client().unwrap().token();
        assert_eq!(outcome.is_ok(), logs_in, "{kept:?}: {outcome:?}");
    }
}
