//! Links by relation: from `Link` headers (RFC 8288), HATEOAS `links`, and HAL's `_links`.
//!
//! ```text
//! Link: <https://api/items?page=2>; rel="next"          link_header
//! {"links": [{"rel": "next", "href": "/items?page=2"}]}   link_in_body
//! {"links": {"next": "/items?page=2"}}
//! {"_links": {"next": {"href": "/items?page=2"}}}
//! ```
//!
//! What is found is a reference as the cloud wrote it. Whoever follows it joins it to the URL of
//! the answer, and asks whether the token may go there.

use crate::support::json::document::Document;

/// The targets of a `Link` header's links with this relation type, in their order. Types are
/// compared without regard to case (RFC 8288 2.1.1); what is no link is passed over.
pub(crate) fn link_header(header: &str, rel: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = header;
    while let Some(open) = rest.find('<') {
        let Some((target, after)) = rest[open + 1..].split_once('>') else { break };
        let (parameters, next) = until_comma(after);
        let has_rel = parameters.split(';').any(|parameter| {
            let Some((name, value)) = parameter.split_once('=') else { return false };
            let mut types = value.trim().trim_matches('"').split_ascii_whitespace();
            name.trim().eq_ignore_ascii_case("rel") && types.any(|t| t.eq_ignore_ascii_case(rel))
        });
        if has_rel {
            found.push(target.trim().to_string());
        }
        rest = next;
    }
    found
}

/// Splits at the first comma outside of quotes: a title may have one.
fn until_comma(text: &str) -> (&str, &str) {
    let mut quoted = false;
    for (at, c) in text.char_indices() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => return (&text[..at], &text[at + 1..]),
            _ => {}
        }
    }
    (text, "")
}

/// The target of the link with this relation. It is looked for at the beginning of the body alone,
/// and where it stands: a body of any size and shape costs no memory.
pub(crate) fn link_in_body(body: &[u8], rel: &str) -> Option<String> {
    // In bytes. A cloud that writes links writes them once a page; what comes after a megabyte is data.
    const BEGINNING: usize = 1 << 20;
    let body = Document::beginning_of(&body[..body.len().min(BEGINNING)])?;
    let href = |link: Document| {
        let object = if link.is_object() { Some(link) } else { link.entries().next() };
        link.as_text().or_else(|| object?.member("href")?.as_text())
    };
    let has_rel = |link: &Document| {
        let found = link.member("rel").and_then(|found| found.as_text());
        found.is_some_and(|found| found.eq_ignore_ascii_case(rel))
    };
    ["links", "_links"].iter().find_map(|field| {
        let links = body.member(field)?;
        let link =
            if links.is_object() { links.member(rel) } else { links.entries().find(has_rel) };
        link.and_then(href)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_in_headers_as_rfc_8288_writes_them() {
        let header = r#"</a>; rel="prev", <b?x=1,2>; title="a, b"; rel="next last", <c>; REL=up"#;
        assert_eq!(link_header(header, "next"), ["b?x=1,2"]);
        assert_eq!(link_header(header, "LAST"), ["b?x=1,2"]);
        assert_eq!(link_header(header, "up"), ["c"]);
        assert!(link_header(header, "first").is_empty());
        assert!(link_header("<unclosed; rel=next", "next").is_empty());
    }

    #[test]
    fn links_are_found_in_bodies_of_each_form() {
        for body in [
            r#"{"links": [{"rel": "self", "href": "/s"}, {"rel": "next", "href": "/n"}]}"#,
            r#"{"links": {"next": "/n"}}"#,
            r#"{"_links": {"next": {"href": "/n"}}}"#,
            r#"{"_links": {"next": [{"href": "/n"}]}}"#,
        ] {
            assert_eq!(link_in_body(body.as_bytes(), "next").as_deref(), Some("/n"), "{body}");
            assert_eq!(link_in_body(body.as_bytes(), "last"), None);
        }
    }

    #[test]
    fn links_are_looked_for_in_the_first_megabyte_alone() {
        let padded = |before: usize| {
            let padding = "x".repeat(before);
            format!(r#"{{"data": "{padding}", "links": {{"next": "/n"}}}}"#)
        };
        let near = padded(1_000_000);
        assert_eq!(link_in_body(near.as_bytes(), "next").as_deref(), Some("/n"));
        assert_eq!(link_in_body(&near.as_bytes()[..near.len() - 1], "next").as_deref(), Some("/n"));
        assert_eq!(link_in_body(padded(1 << 20).as_bytes(), "next"), None);
        let deep = format!(r#"{{"links": {}"#, "[".repeat(1 << 20));
        assert_eq!(link_in_body(deep.as_bytes(), "next"), None);
    }
}
