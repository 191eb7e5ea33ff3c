//! Links by relation: from `Link` headers (RFC 8288), HATEOAS `links`, and HAL's `_links`.

use crate::support::json::Value;

/// The targets of a `Link` header's links with this relation type.
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

/// Splits at the first comma outside of quotes.
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

pub(crate) fn link_in_body(body: &Value, rel: &str) -> Option<String> {
    let href = |link: &Value| match link {
        Value::Text(href) => Some(href.to_string()),
        Value::Object(_) => Some(link.get("href")?.as_str()?.to_string()),
        Value::Array(links) => Some(links.first()?.get("href")?.as_str()?.to_string()),
        _ => None,
    };
    let of_array = |links: &[Value]| {
        let is_rel = |l: &&Value| {
            l.get("rel").and_then(Value::as_str).is_some_and(|r| r.eq_ignore_ascii_case(rel))
        };
        links.iter().find(is_rel).and_then(href)
    };
    ["links", "_links"].iter().find_map(|field| match body.get(field)? {
        Value::Array(links) => of_array(links),
        links @ Value::Object(_) => links.get(rel).and_then(href),
        _ => None,
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
            let body = crate::support::json::parse(body.as_bytes()).unwrap();
            assert_eq!(link_in_body(&body, "next").as_deref(), Some("/n"), "{}", *body.to_json());
            assert_eq!(link_in_body(&body, "last"), None);
        }
    }
}
