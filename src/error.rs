//! What can go wrong: one status per kind of fault, and the error that carries it.
//!
//! Every room uses this file, and it uses none. A status is for programs: it has a number in the
//! C ABI, and says what to do. The message is for the person who reads it at night: which option,
//! which host and path, what to do next. Both must be right where the fault is noticed; nobody
//! above parses a message.
//!
//! ```text
//! CREDENTIALS_REJECTED  POST https://id.example.com/token: ... (401 invalid_grant): ...
//! ```

use std::fmt;
use std::time::Duration;

/// The kind of a failure. The numbers are part of the C ABI: they are never reused, and there are
/// gaps for new ones.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Status {
    /// The call did what it says.
    Ok = 0,
    /// A handle, a string or an out-pointer was NULL where the call needs one.
    NullArgument = 1,
    /// A string was not UTF-8.
    InvalidUtf8 = 2,
    /// An argument has a value the call cannot use.
    InvalidArgument = 3,
    /// The caller's buffer is too small; the length that is needed was written to `*len`.
    BufferTooSmall = 4,
    /// No option has this name.
    UnknownOption = 10,
    /// An option's value is not of its type, or out of its range, or contradicts another option.
    InvalidOption = 11,
    /// The options set do not add up to a login.
    MissingOption = 12,
    /// No built-in provider has this name.
    UnknownProvider = 13,
    /// A provider profile is not valid; the message says where.
    InvalidProfile = 14,
    /// The cloud refused the credentials. No login is sent with them until the hold has passed.
    CredentialsRejected = 20,
    /// The credentials were refused a short time ago; retry-after says when they may be tried again.
    LoginOnHold = 21,
    /// The refresh token is spent or rejected and there are no credentials to log in with.
    LoginRequired = 22,
    /// The person who was asked to log in said no, or the server did.
    LoginDenied = 23,
    /// Nobody logged in while the code was good. Begin another login.
    LoginExpired = 24,
    /// The cloud could not be reached, or the connection broke.
    Network = 30,
    /// The time limit passed.
    Timeout = 31,
    /// No trusted TLS connection could be made.
    Tls = 32,
    /// Plain HTTP to a host that is not this machine, without `allow_http`.
    InsecureUrl = 33,
    /// The URL is on an origin that must not see this provider's credentials.
    ForeignOrigin = 34,
    /// The system gives no random numbers, which TLS, signatures and nonces need; nothing was sent.
    NoRandomness = 35,
    /// The cloud asks for fewer calls (HTTP 429).
    RateLimited = 40,
    /// The cloud failed (HTTP 5xx).
    ServerError = 41,
    /// The cloud answered a token call with a status the provider's profile has no rule for.
    UnexpectedAnswer = 42,
    /// An answer is not what it should be: not JSON, no token, a token with control characters.
    MalformedAnswer = 43,
    /// An answer is larger than `max_token_bytes` or `max_body_bytes`.
    AnswerTooLarge = 44,
    /// The request has to be sent again, and its body was read and cannot be wound back.
    BodyNotRepeatable = 45,
    /// What was downloaded does not have the digest that it should have; it was thrown away.
    DigestMismatch = 46,
    /// The token store cannot be read or written.
    Store = 50,
    /// A file of the caller's cannot be read or written: a body to send, the target of a download.
    File = 51,
    /// Answering would have meant waiting for the network.
    WouldBlock = 60,
    /// The call was cancelled.
    Cancelled = 61,
    /// A fault in keyfob itself, contained. The handle stays usable.
    Panic = 70,
}

impl Status {
    /// Every status, in the order of their numbers.
    pub const ALL: &[Status] = &[
        Status::Ok,
        Status::NullArgument,
        Status::InvalidUtf8,
        Status::InvalidArgument,
        Status::BufferTooSmall,
        Status::UnknownOption,
        Status::InvalidOption,
        Status::MissingOption,
        Status::UnknownProvider,
        Status::InvalidProfile,
        Status::CredentialsRejected,
        Status::LoginOnHold,
        Status::LoginRequired,
        Status::LoginDenied,
        Status::LoginExpired,
        Status::Network,
        Status::Timeout,
        Status::Tls,
        Status::InsecureUrl,
        Status::ForeignOrigin,
        Status::NoRandomness,
        Status::RateLimited,
        Status::ServerError,
        Status::UnexpectedAnswer,
        Status::MalformedAnswer,
        Status::AnswerTooLarge,
        Status::BodyNotRepeatable,
        Status::DigestMismatch,
        Status::Store,
        Status::File,
        Status::WouldBlock,
        Status::Cancelled,
        Status::Panic,
    ];

    /// The status with this number, if there is one.
    pub fn from_number(number: i32) -> Option<Status> {
        Status::ALL.iter().copied().find(|s| *s as i32 == number)
    }

    /// The name as the C header spells it, without `KEYFOB_`. Ends with a NUL for C's sake.
    pub(crate) const fn c_name(self) -> &'static std::ffi::CStr {
        match self {
            Status::Ok => c"OK",
            Status::NullArgument => c"NULL_ARGUMENT",
            Status::InvalidUtf8 => c"INVALID_UTF8",
            Status::InvalidArgument => c"INVALID_ARGUMENT",
            Status::BufferTooSmall => c"BUFFER_TOO_SMALL",
            Status::UnknownOption => c"UNKNOWN_OPTION",
            Status::InvalidOption => c"INVALID_OPTION",
            Status::MissingOption => c"MISSING_OPTION",
            Status::UnknownProvider => c"UNKNOWN_PROVIDER",
            Status::InvalidProfile => c"INVALID_PROFILE",
            Status::CredentialsRejected => c"CREDENTIALS_REJECTED",
            Status::LoginOnHold => c"LOGIN_ON_HOLD",
            Status::LoginRequired => c"LOGIN_REQUIRED",
            Status::LoginDenied => c"LOGIN_DENIED",
            Status::LoginExpired => c"LOGIN_EXPIRED",
            Status::Network => c"NETWORK",
            Status::Timeout => c"TIMEOUT",
            Status::Tls => c"TLS",
            Status::InsecureUrl => c"INSECURE_URL",
            Status::ForeignOrigin => c"FOREIGN_ORIGIN",
            Status::NoRandomness => c"NO_RANDOMNESS",
            Status::RateLimited => c"RATE_LIMITED",
            Status::ServerError => c"SERVER_ERROR",
            Status::UnexpectedAnswer => c"UNEXPECTED_ANSWER",
            Status::MalformedAnswer => c"MALFORMED_ANSWER",
            Status::AnswerTooLarge => c"ANSWER_TOO_LARGE",
            Status::BodyNotRepeatable => c"BODY_NOT_REPEATABLE",
            Status::DigestMismatch => c"DIGEST_MISMATCH",
            Status::Store => c"STORE",
            Status::File => c"FILE",
            Status::WouldBlock => c"WOULD_BLOCK",
            Status::Cancelled => c"CANCELLED",
            Status::Panic => c"PANIC",
        }
    }

    /// The name as the C header spells it, without `KEYFOB_`: `"CREDENTIALS_REJECTED"`.
    pub fn name(self) -> &'static str {
        self.c_name().to_str().unwrap_or("UNKNOWN")
    }

    /// Whether the same call may succeed later with nothing changed but the time.
    pub fn is_retriable(self) -> bool {
        matches!(
            self,
            Status::Network
                | Status::Timeout
                | Status::RateLimited
                | Status::ServerError
                | Status::WouldBlock
                | Status::Cancelled
        )
    }
}

/// Why a call failed, for the person who reads it and for the program that must decide.
///
/// The message is one line and holds no secret. An error is plain data: it may be cloned and sent
/// to other threads, and several callers that shared one attempt each get a copy.
///
/// ```
/// let error = keyfob::Config::new("no-such-cloud").unwrap_err();
/// assert_eq!(error.status(), keyfob::Status::UnknownProvider);
/// assert!(!error.is_retriable());
/// println!("{error}"); // UNKNOWN_PROVIDER: ... the names there are
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error(Box<Details>); // One word, so that a `Result` moves cheaply where nothing is wrong.

/// What an error knows. In a box, so that a `Result` is small.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Details {
    status: Status,
    message: String,
    /// Of the answer that caused it.
    http_status: Option<u16>,
    /// The cloud's own code. It was a server's choice of text, and was bounded and cleaned
    /// before.
    provider_code: Option<String>,
    /// The cloud's own sentence.
    provider_message: Option<String>,
    /// How long to wait before another try.
    retry_after: Option<Duration>,
}

/// The longest message, in bytes. A longer one is cut and ends in `...`.
const LONGEST_MESSAGE: usize = 900;

/// Whether a character changes how the line around it reads: it breaks the line, turns its
/// direction, or is not seen at all. Servers put such characters into what messages quote; a log
/// must not show what was not written.
pub(crate) fn misleads(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

impl Error {
    /// An error with a message, which is made fit for one line of a log.
    pub(crate) fn new(status: Status, message: impl Into<String>) -> Error {
        Error::of(status, message.into())
    }

    /// Not generic, and cold: the code for what goes wrong stands once, out of the way of what
    /// goes right.
    #[cold]
    fn of(status: Status, mut message: String) -> Error {
        if message.len() > LONGEST_MESSAGE {
            // It quotes something: a path, a URL. A log should not have to hold a megabyte of it.
            let end = (0..=LONGEST_MESSAGE).rev().find(|at| message.is_char_boundary(*at));
            message.truncate(end.unwrap_or(0));
            message.push_str("...");
        }
        if message.contains(misleads) {
            message = message.replace(misleads, " ");
        }
        Error(Box::new(Details {
            status,
            message,
            http_status: None,
            provider_code: None,
            provider_message: None,
            retry_after: None,
        }))
    }

    /// The same error, its message put behind what it is about: `ca_file: no such file`.
    pub(crate) fn about(self, what: &str) -> Error {
        let told = Error::of(self.0.status, format!("{what}: {}", self.0.message));
        Error(Box::new(Details { message: told.0.message, ..*self.0 }))
    }

    /// The same error, with one more thing that its reader should know.
    pub(crate) fn and(self, what: &str) -> Error {
        let told = Error::of(self.0.status, format!("{}; {what}", self.0.message));
        Error(Box::new(Details { message: told.0.message, ..*self.0 }))
    }

    /// The same error, with the status of the answer that caused it.
    pub(crate) fn with_http_status(mut self, status: u16) -> Error {
        self.0.http_status = Some(status);
        self
    }

    /// The same error, with the cloud's own code, if it gave one.
    pub(crate) fn with_provider_code(mut self, code: Option<String>) -> Error {
        self.0.provider_code = code;
        self
    }

    /// The same error, with the cloud's own sentence, cut to 200 characters. Secrets must have
    /// been taken out before.
    pub(crate) fn with_provider_message(mut self, message: Option<String>) -> Error {
        const LONGEST: usize = 200;
        let clean = |text: String| text.replace(misleads, " ").chars().take(LONGEST).collect();
        self.0.provider_message = message.map(clean);
        self
    }

    /// The same error, with how long to wait, where that is known.
    pub(crate) fn with_retry_after(mut self, wait: Option<Duration>) -> Error {
        self.0.retry_after = wait;
        self
    }

    /// The kind of failure.
    pub fn status(&self) -> Status {
        self.0.status
    }

    /// One line that says what happened and what to do about it.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The HTTP status of the answer that caused this, if an answer did.
    pub fn http_status(&self) -> Option<u16> {
        self.0.http_status
    }

    /// The cloud's own code for the fault, such as `invalid_grant` or `WRONG_TOKEN`.
    pub fn provider_code(&self) -> Option<&str> {
        self.0.provider_code.as_deref()
    }

    /// The cloud's own sentence about the fault, such as `Session not active`: at most 200 characters,
    /// on one line, without secrets.
    pub fn provider_message(&self) -> Option<&str> {
        self.0.provider_message.as_deref()
    }

    /// How long to wait before another try, where the cloud or a hold says so.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Whether the same call may succeed later with nothing changed but the time.
    pub fn is_retriable(&self) -> bool {
        self.0.status.is_retriable()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.status().name(), self.message())
    }
}

impl std::error::Error for Error {}

/// What the calls of this crate return.
pub type Result<T> = std::result::Result<T, Error>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_character_in_a_message_changes_how_its_line_reads() {
        let odd = "\u{2028}\u{2029}\u{202e}\u{2066}\u{200b}\u{200d}\u{feff}\u{ad}\u{e0041}\u{1b}\r";
        let error = Error::new(Status::Network, format!("a{odd}b é漢"));
        let blanks = " ".repeat(odd.chars().count());
        assert_eq!(error.message(), format!("a{blanks}b é漢"));
    }

    #[test]
    fn a_message_is_one_line_and_not_long() {
        let error = Error::new(Status::Store, format!("a\n{}", "€".repeat(10_000)));
        assert!(!error.message().contains('\n'));
        assert!(error.message().starts_with("a €") && error.message().ends_with("€..."));
        assert!(error.message().len() < 1000);
    }
}
