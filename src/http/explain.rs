//! Says what went wrong below, and what a person can do about it.
//!
//! The one place in this room that writes for people: the layers below know what broke, and only
//! here is it known for which request and with which options. A message names the method, the
//! host and the path, never the query, which may hold a secret.
//!
//! ```text
//! POST https://id.example.com/token: no connection within 10000 ms (connect_timeout_ms)
//! GET https://api.example.com/x: the proxy gw:3128: no address found for gw: check the name and
//! DNS; check the option proxy
//! ```
//!
//! The status says what a program can do. `Network` and `Timeout` are worth another try; `Tls` is
//! not, until somebody changes something.

use super::broken::Broken;
use super::message::{Outgoing, TransportSettings};
use super::proxy::Proxy;
use super::tls_words;
use crate::error::{Error, Status};
use crate::support::call::Call;
use crate::support::crypto::NO_RANDOMNESS;
use std::time::Duration;

/// The error for what broke: a status, and one line with the request, what happened, and which
/// option to look at.
pub(super) fn explain(
    broken: Broken,
    outgoing: &Outgoing,
    call: &Call,
    settings: &TransportSettings,
    proxy: Option<&Proxy>,
) -> Error {
    let at = format!("{} {}", outgoing.method, outgoing.shown());
    let at_proxy = proxy.map_or(String::new(), |proxy| format!("the proxy {}", proxy.shown()));
    let origin = outgoing.url.origin();
    let (status, what) = match broken {
        Broken::Over => {
            let over = call.remaining().err().unwrap_or_else(|| call.timeout());
            return if over.status() == Status::Timeout { over.about(&at) } else { over };
        }
        Broken::Unsendable(error) => return error.about(&at),
        Broken::AtProxy(inner) if matches!(*inner, Broken::Over) => match call.remaining() {
            Err(error) if error.status() != Status::Timeout => return error,
            _ => (Status::Timeout, format!("{at_proxy}: {}", call.timeout().message())),
        },
        Broken::AtProxy(inner) => {
            let host = proxy.map(|proxy| proxy.origin.host()).unwrap_or_default();
            let (status, what) = in_words(*inner, host, settings.connect_timeout);
            (status, format!("{at_proxy}: {what}; check the option proxy"))
        }
        Broken::ProxyRefused(407) => {
            let what = "wants other credentials: proxy=http://user:password@host:port, or https://… or socks5://…";
            (Status::Network, format!("{at_proxy} {what}"))
        }
        Broken::ProxyRefused(status) => {
            let to = format!("{}:{}", origin.host(), origin.port());
            let what =
                format!("{at_proxy} does not lead to {to} ({status}); check the option proxy");
            (Status::Network, what)
        }
        Broken::SocksRefused(why) => {
            let to = format!("{}:{}", origin.host(), origin.port());
            (Status::Network, format!("{at_proxy} does not lead to {to}: it {why}"))
        }
        Broken::TooLarge { status, most } => {
            let what = format!("{at} answered with more than {most} bytes");
            return Error::new(Status::AnswerTooLarge, what).with_http_status(status);
        }
        Broken::NoRoom { status, bytes } => {
            let what = format!("{at} answered {status}, and there is no memory for {bytes} bytes");
            return Error::new(Status::AnswerTooLarge, what).with_http_status(status);
        }
        Broken::Unasked { status, coding } => {
            let what = format!(
                "{at} answered {status}, and its body is coded ({coding}), which was not asked for; set compress=true, or the header Accept-Encoding"
            );
            return Error::new(Status::MalformedAnswer, what).with_http_status(status);
        }
        broken => in_words(broken, origin.host(), settings.connect_timeout),
    };
    Error::new(status, format!("{at}: {what}"))
}

/// What happened on the way to this host, which may be the proxy's.
pub(super) fn in_words(broken: Broken, host: &str, connect_timeout: Duration) -> (Status, String) {
    let network = |what: String| (Status::Network, what);
    let no_answer =
        |why: &str| (Status::MalformedAnswer, format!("not a valid HTTP answer ({why})"));
    match broken {
        Broken::NoConnection => {
            let ms = connect_timeout.as_millis();
            (Status::Timeout, format!("no connection within {ms} ms (connect_timeout_ms)"))
        }
        Broken::NoAddress => {
            network(format!("no address found for {host}: check the name and DNS"))
        }
        Broken::NoThread(error) => network(format!("no thread to look up {host}: {error}")),
        Broken::NotHere => {
            network(format!("{host} must be this machine, and its address is another's"))
        }
        Broken::Tls(error) => (Status::Tls, tls_words::of(&error)),
        Broken::NoRandomness => (Status::NoRandomness, NO_RANDOMNESS.into()),
        Broken::NoCertificateName => {
            (Status::Tls, format!("{host} cannot be the name in a certificate"))
        }
        Broken::Io(error) => network(error.to_string()),
        Broken::Ended => {
            network("the server closed the connection before the answer was whole".into())
        }
        Broken::Cut => {
            network("the connection was cut before the answer was whole (no close_notify)".into())
        }
        Broken::Unheard => network("nothing of the request was acknowledged".into()),
        Broken::Malformed(why) => no_answer(why),
        Broken::NotHttp(why) => no_answer(&why),
        Broken::CodingCut => network("the gzip body is cut: the answer ends within it".into()),
        Broken::CodingDamaged(why) => {
            (Status::MalformedAnswer, format!("the gzip body is damaged: {why}"))
        }
        Broken::NoMemory(bytes) => {
            let what = format!("there is no memory for an answer of {bytes} bytes and more");
            (Status::AnswerTooLarge, what)
        }
        // `explain` has words for these.
        Broken::Over
        | Broken::AtProxy(_)
        | Broken::ProxyRefused(_)
        | Broken::SocksRefused(_)
        | Broken::TooLarge { .. }
        | Broken::NoRoom { .. }
        | Broken::Unasked { .. }
        | Broken::Unsendable(_) => network("the call is over".into()),
    }
}
