//! What a person pastes into a shell to try a cloud: the options of keyfob as environment variables,
//! and a command that uses them.

use std::fmt::Write as _;

use crate::clouds::Cloud;
use crate::credentials::oauth2;
use crate::simulator::Simulator;

/// Takes away what was set for another cloud: options of two are refused together.
const UNSET: &str =
    "for name in $(env | sed -n 's/^\\(KEYFOB_[A-Z0-9_]*\\)=.*/\\1/p'); do unset \"$name\"; done\n";

impl Simulator {
    /// The options of keyfob with which a client reaches this cloud and logs in there: by the login of
    /// this name, or by the first that a person would take.
    pub fn options(&self, cloud: Cloud, login: Option<&str>) -> Option<Vec<(String, String)>> {
        let logins = cloud.rules().logins();
        let of_name = |wanted: &str| logins.iter().find(|(name, _)| *name == wanted);
        let (_, credentials) = match login {
            Some(name) => of_name(name)?,
            None => of_name("password").or(of_name("user")).or(logins.first())?,
        };
        let mut options = vec![
            ("ca_file".to_owned(), self.ca_file().display().to_string()),
            ("base_url".to_owned(), self.base_url(cloud)),
            ("allowed_origins".to_owned(), self.api_url(cloud)),
        ];
        // Beside the authority's certificate, in a directory that goes when the simulator does.
        if let Some(directory) = self.ca_file().parent() {
            options.push(("store".to_owned(), format!("file:{}/tokens", directory.display())));
        }
        if cloud == Cloud::OAuth2 {
            let token_url = format!("{}{}", self.base_url(cloud), oauth2::TOKEN_PATH);
            options.push(("token_url".to_owned(), token_url));
        }
        let own = credentials.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        options.extend(own);
        Some(options)
    }

    /// Lines for a POSIX shell: what was set for another cloud goes, this one's options come, and a
    /// request is made with them where there is keyfob.
    pub fn shell_block(&self, cloud: Cloud, login: Option<&str>) -> Option<String> {
        let mut block = String::from(UNSET);
        for (name, value) in self.options(cloud, login)? {
            let _ = writeln!(block, "export KEYFOB_{}={}", name.to_uppercase(), quoted(&value));
        }
        // Who has Python's or Node's package alone has no such program, and options that are set all the same.
        let list = self.first_command(cloud);
        let none =
            "echo 'The options are set; there is no keyfob on the path to list devices with.' >&2";
        let _ = writeln!(block, "if command -v keyfob >/dev/null; then {list}; else {none}; fi");
        Some(block)
    }

    /// The command that lists the cloud's devices.
    pub fn first_command(&self, cloud: Cloud) -> String {
        let method = cloud.devices_method().to_lowercase();
        let url = format!("{}{}", self.api_url(cloud), cloud.devices_path());
        format!("keyfob {method} {} {}", cloud.name(), quoted(&url))
    }
}

/// A word of a POSIX shell that stands for this text.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
