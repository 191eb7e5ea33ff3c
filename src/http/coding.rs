//! What a body is coded in (RFC 9110 8.4), and whether that was asked for.
//!
//! ```text
//! Accept-Encoding   Content-Encoding   the body
//! gzip              gzip               unpacked, and the answer no longer says that it is packed
//! br                br                 as it came: who asked for it can read it
//! gzip              br                 an error
//! none              gzip               an error
//! any               gzip, gzip         an error, and so is a `Transfer-Encoding` but `chunked`
//! ```
//!
//! RFC 9110 12.5.3 lets a server choose any coding where a request names none. A program that asked
//! for none cannot read one, so it is told, instead of being given bytes that are not what it takes
//! them for.

use super::message::{Fields, Outgoing, Purpose};

/// What becomes of the body of an answer.
pub(super) enum Coding {
    /// It is given as it comes.
    AsItComes,
    /// It is unpacked.
    Gzip,
    /// It is of no use: in this coding, which was not asked for.
    Unasked(String),
}

impl Coding {
    /// By the request, and the status and headers of its answer.
    pub fn of(outgoing: &Outgoing, purpose: Purpose, status: u16, headers: &Fields) -> Coding {
        let has_none = outgoing.method.as_str() == "HEAD"
            || matches!(status, 204 | 304)
            || headers.named("content-length").next() == Some("0");
        // What a token call was answered is judged by what stands in it.
        if has_none || purpose == Purpose::Token {
            return Coding::AsItComes;
        }
        let of = |name| -> Vec<String> {
            let mut all = Vec::new();
            for value in headers.named(name) {
                all.extend(names(if value.is_ascii() { value } else { "?" }));
            }
            all
        };
        let codings = of("content-encoding");
        // Packed for this way alone (RFC 9112 7.2), which is asked for by a header that nobody sets.
        let way = of("transfer-encoding").into_iter().find(|name| name != "chunked");
        let unasked = codings.iter().find(|coding| !is_asked_for(outgoing, coding));
        // Nobody asks for two at once: what is unpacked would be packed still.
        match way.as_ref().or(unasked).or(codings.get(1)) {
            // The status says more than the body, and must be heard: a refusal, or where to go.
            Some(unasked) if (200..300).contains(&status) => Coding::Unasked(shown(unasked)),
            Some(_) => Coding::AsItComes,
            // A range is one of the packed bytes, which cannot be unpacked alone.
            None => match &codings[..] {
                [gzip] if gzip == "gzip" && status != 206 && purpose == Purpose::Request => {
                    Coding::Gzip
                }
                _ => Coding::AsItComes,
            },
        }
    }
}

/// The codings in a header, in small letters; one that changes nothing is none.
fn names(text: &str) -> impl Iterator<Item = String> {
    let names = text.split(',').map(|name| name.trim().to_ascii_lowercase());
    // RFC 9110 8.4.1.3: the older name means the same.
    let names = names.map(|name| if name == "x-gzip" { "gzip".into() } else { name });
    names.filter(|name| !name.is_empty() && name != "identity")
}

/// Whether a request asks for a coding by its `Accept-Encoding` (RFC 9110 12.5.3): by its name, or
/// by `*`, and not with the weight 0.
fn is_asked_for(outgoing: &Outgoing, coding: &str) -> bool {
    let of_name = |(name, _): &&(String, _)| name.eq_ignore_ascii_case("accept-encoding");
    let lines = outgoing.headers.iter().filter(of_name).map(|(_, value)| value.expose());
    let items = lines.flat_map(|line| line.split(','));
    let weighed = items.map(|item| {
        let (name, parameters) = item.split_once(';').unwrap_or((item, ""));
        let weight = parameters.trim().to_ascii_lowercase();
        // `0.000` and the like, by its digits: the tables of a reader of numbers are 12 KB.
        let is_zero = |q: &str| q.starts_with('0') && q.chars().all(|c| c == '0' || c == '.');
        let none = weight.strip_prefix("q=").is_some_and(is_zero);
        (names(name).next().unwrap_or_default(), !none)
    });
    let weighed: Vec<(String, bool)> = weighed.collect();
    let of = |wanted: &str| weighed.iter().find(|(name, _)| name == wanted).map(|(_, yes)| *yes);
    of(coding).or_else(|| of("*")).unwrap_or(false)
}

/// A coding's name in a message: a server may write anything there.
fn shown(coding: &str) -> String {
    /// The longest that is registered has 19 letters.
    const LONGEST: usize = 24;
    match crate::http::headers::is_token(coding) && coding.len() <= LONGEST {
        true => coding.into(),
        false => "with a name that is none".into(),
    }
}
