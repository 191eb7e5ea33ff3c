//! A login that a person allows: at another device, by a code, or in a browser.
//!
//! The caller shows the person where to go, opens the browser and listens where it comes back to.
//! This file gives it what it shows, and takes what it hears.

use super::client::Client;
use crate::error::{Error, Result, Status};
use crate::lifecycle::browser::BrowserLogin;
use crate::lifecycle::device::DeviceLogin;
use crate::lifecycle::lifecycle::Lifecycle;
use std::sync::Arc;
use std::time::Duration;

/// A login that a person is asked for. May be used from any thread.
///
/// ```no_run
/// # let client = keyfob::Config::new("oauth2")?.client()?;
/// let login = client.login_begin()?;
/// println!("Go to {} and type {}", login.verification_uri().unwrap(), login.user_code().unwrap());
/// client.login_wait(&login, None)?; // until the person has answered
/// println!("{}", client.token()?.expose());
/// # Ok::<(), keyfob::Error>(())
/// ```
pub struct Login(Kind);

/// Where the person allows it.
enum Kind {
    /// At another device, by a code (RFC 8628).
    Device(DeviceLogin),
    /// In a browser (RFC 8252).
    Browser(BrowserLogin),
}

impl Login {
    /// The login, if it is one at another device.
    fn device(&self) -> Option<&DeviceLogin> {
        match &self.0 {
            Kind::Device(device) => Some(device),
            Kind::Browser(_) => None,
        }
    }

    /// What the person opens: the URL with the code in it where the server gives such, else the one
    /// at which it is typed; or where a browser is sent.
    pub fn url(&self) -> &str {
        match &self.0 {
            Kind::Device(device) => {
                device.verification_uri_complete.as_deref().unwrap_or(&device.verification_uri)
            }
            Kind::Browser(browser) => &browser.url,
        }
    }

    /// Where the code is typed; `None` for a login in a browser.
    pub fn verification_uri(&self) -> Option<&str> {
        self.device().map(|device| device.verification_uri.as_str())
    }

    /// The same with the code in it; `None` where the server gives no such URL.
    pub fn verification_uri_complete(&self) -> Option<&str> {
        self.device()?.verification_uri_complete.as_deref()
    }

    /// What the person types; `None` for a login in a browser.
    pub fn user_code(&self) -> Option<&str> {
        self.device().map(|device| device.user_code.as_str())
    }

    /// How long the code is good; `None` for a login in a browser, of which only the server knows.
    pub fn expires_in(&self) -> Option<Duration> {
        self.device().map(DeviceLogin::expires_in)
    }

    /// How often the server lets itself be asked whether the person has answered.
    pub fn interval(&self) -> Option<Duration> {
        self.device().map(DeviceLogin::interval)
    }

    /// Refuses a client that did not begin this login: its token would be kept for somebody else.
    fn of(&self, lifecycle: &Arc<Lifecycle>) -> Result<()> {
        let own = match &self.0 {
            Kind::Device(device) => device.login.lifecycle(),
            Kind::Browser(browser) => browser.lifecycle(),
        };
        match Arc::ptr_eq(own, lifecycle) {
            true => Ok(()),
            false => Err(wrong("this login was begun with another client")),
        }
    }
}

/// A fault of the caller's.
fn wrong(what: &str) -> Error {
    Error::new(Status::InvalidArgument, what)
}

impl Client {
    /// Begins a login at another device (RFC 8628): gives a URL and a code for a person, who needs
    /// no browser on this machine.
    ///
    /// # Errors
    /// `INVALID_OPTION` where the options are those of another login, `MISSING_OPTION` where the
    /// server has no such login; and whatever keeps from reaching the cloud.
    pub fn login_begin(&self) -> Result<Login> {
        DeviceLogin::begin(self.lifecycle(), &self.call(None)).map(|it| Login(Kind::Device(it)))
    }

    /// Begins a login in a browser (RFC 8252, with PKCE): [`Login::url`] is where it is to go, and
    /// `redirect_uri` where the server sends it back to, such as `http://127.0.0.1:8400/`. Nothing
    /// is opened and nothing listens: that is the caller's.
    ///
    /// # Errors
    /// As [`login_begin`](Client::login_begin), and `INVALID_ARGUMENT` for a `redirect_uri` that is
    /// none.
    pub fn login_begin_browser(&self, redirect_uri: &str) -> Result<Login> {
        let begun = BrowserLogin::begin(self.lifecycle(), redirect_uri, &self.call(None));
        begun.map(|it| Login(Kind::Browser(it)))
    }

    /// Waits until the person has answered, for `limit` at most, or for as long as the code is
    /// good. The server is asked no faster than it says. Then the token is kept as that of any
    /// login.
    ///
    /// # Errors
    /// `TIMEOUT` and `CANCELLED`: the login is as it was; wait again. `LOGIN_DENIED`,
    /// `LOGIN_EXPIRED`: begin another.
    pub fn login_wait(&self, login: &Login, limit: Option<Duration>) -> Result<()> {
        login.of(self.lifecycle())?;
        match &login.0 {
            Kind::Device(device) => {
                // And some for the last answer.
                let while_good = || device.expires_in() + Duration::from_secs(30);
                device.wait(&self.call(Some(limit.unwrap_or_else(while_good))))
            }
            Kind::Browser(_) => Err(wrong(
                "a login in a browser is not waited for: give what it comes back with to login_finish",
            )),
        }
    }

    /// Takes what the browser came back with: the whole URL, its path and query, or the query
    /// alone. `state` and `iss` are checked, the code is traded in, and the token kept as that of
    /// any login.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT`: it is no answer, or not to this login, which goes on waiting for its
    /// own; or a second one. `FOREIGN_ORIGIN`: it is another issuer's. `LOGIN_DENIED`,
    /// `LOGIN_EXPIRED`: begin another login. `TIMEOUT`, `NETWORK` and the like: give the same
    /// answer again.
    pub fn login_finish(&self, login: &Login, answer: &str) -> Result<()> {
        login.of(self.lifecycle())?;
        match &login.0 {
            Kind::Browser(browser) => browser.finish(answer, &self.call(None)),
            Kind::Device(_) => Err(wrong(
                "a login at another device has no answer to take: wait for it with login_wait",
            )),
        }
    }
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match &self.0 {
            Kind::Device(_) => "Login(device)",
            Kind::Browser(_) => "Login(browser)",
        })
    }
}
