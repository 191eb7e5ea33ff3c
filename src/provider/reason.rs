//! What a cloud says of a fault in its own words: a code for programs, and a sentence for people.
//!
//! Rules speak of the code at the profile's own place alone, so that no other server's habit makes
//! a refusal. The usual places are looked into for messages, and for codes that leave no doubt
//! wherever they stand (`Verdict::by_code`).

use super::pointer::{Pointed, Pointer};
use super::profile::Profile;

/// Where most servers write a code, looked into after the profile's own places.
const CODES: &[&str] = &[
    "/error",
    "/error/code",
    "/code",
    "/errorCode",
    "/error_code",
    "/error/errorCode",
    "/error/type",
    "/errors/0/code",
];

/// Where most servers write a sentence. `/error_description` is of RFC 6749 5.2, `/detail` and
/// `/title` of RFC 9457; the rest is habit.
const SENTENCES: &[&str] = &[
    "/error_description",
    "/message",
    "/error/message",
    "/error/description",
    "/error_message",
    "/errorMessage",
    "/errors/0/message",
    "/error/0/message",
    "/errors/0/detail",
    "/detail",
    "/description",
    "/msg",
    "/cause",
    "/error",
    "/title",
];

/// In characters: the most of a sentence that is looked at. What is shown of it is cut after
/// secrets are taken out, so that half a secret cannot stay at the cut.
const LONGEST: usize = 4096;

/// What a cloud says of a fault, as it says it: nothing is taken out yet.
#[derive(Default)]
pub(super) struct Reason {
    /// The code at the profile's own places, which its rules speak of.
    pub code: Option<String>,
    /// Codes that stand where most servers write them.
    pub other_codes: Vec<String>,
    /// What the cloud says to people, if anything.
    pub sentence: Option<String>,
}

impl Reason {
    /// Looks for both in an answer: at the profile's own places first, then at the usual ones.
    pub fn of(profile: &Profile, status: u16, answer: &Pointed<'_>, body: &[u8]) -> Reason {
        let usual = |places: &[&str]| -> Vec<Pointer> {
            places.iter().filter_map(|place| Pointer::parse(place).ok()).collect()
        };
        let own_sentences = profile.errors.message.0.iter().cloned();
        let mut sentences = own_sentences.chain(usual(SENTENCES));
        let code = code(profile, answer);
        let other_codes = usual(CODES).iter().filter_map(|place| word(answer, place)).collect();
        let is_code = |text: &str| {
            let mut codes = code.iter().chain(&other_codes);
            codes.any(|code: &String| code == text)
        };
        // One word of a success may be a token.
        let may_be_a_word = status >= 400;
        let sentence = |text: &str| {
            let text: String = text.trim().chars().take(LONGEST).collect();
            let is_sentence = text.contains(|c: char| c.is_whitespace() || !c.is_ascii());
            (is_sentence || may_be_a_word && !is_code(&text)).then_some(text)
        };
        let in_json = sentences.find_map(|place| sentence(answer.text(&place)?.as_str()?));
        let sentence = in_json.or_else(|| sentence(plain(answer, body)?));
        Reason { code, other_codes, sentence }
    }

    /// The code to show.
    pub fn shown_code(&self) -> Option<&str> {
        self.code.as_ref().or(self.other_codes.first()).map(String::as_str)
    }

    /// Every word that may be a code of the protocol's: some servers write it into their sentence.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        let is_end = |c: char| !(c.is_ascii_alphanumeric() || c == '_');
        let of_sentence = self.sentence.iter().flat_map(move |text| text.split(is_end));
        self.code.iter().chain(&self.other_codes).map(String::as_str).chain(of_sentence)
    }
}

/// The cloud's own code for a fault, where the profile says that it stands.
pub(crate) fn code(profile: &Profile, answer: &Pointed<'_>) -> Option<String> {
    profile.errors.code.0.iter().find_map(|place| word(answer, place))
}

/// A word, never a sentence: at most 64 letters, digits and `_-.:`, so that a message can quote it.
fn word(answer: &Pointed<'_>, place: &Pointer) -> Option<String> {
    let is_word = |text: &str| {
        (1..=64).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.:".contains(&b))
    };
    let found = answer.word(place)?;
    found.as_str().filter(|text| is_word(text)).map(str::to_string)
}

/// A short body that is a text for people as it is (`text/plain`).
fn plain<'a>(answer: &Pointed<'_>, body: &'a [u8]) -> Option<&'a str> {
    // In bytes: what is longer is a page, and not a sentence.
    const MOST: usize = 500;
    let kind = answer.headers.named("content-type").next();
    let is_text = kind.is_some_and(|kind| kind.starts_with("text/plain"));
    let text = std::str::from_utf8(body).ok().map(str::trim);
    text.filter(|text| is_text && (1..=MOST).contains(&text.len()))
}
