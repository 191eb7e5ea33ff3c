//! Where the next page is, for clouds that give no link to it: a URL or a cursor in the answer, or
//! the number of the page or of its first item in the request.
//!
//! ```text
//! { "url": "/next" }                                        the answer holds the next URL
//! { "cursor": "/next", "query": "page_token" }              ?page_token=<what stands there>
//! { "query": "page", "pages": "/totalPages" }               ?page=1, as long as there are pages
//! { "query": "$skip", "items": "/d", "offset": true }       ?$skip=20, as long as items came
//! ```

use super::pointer::{Part, Pointed, Pointer};
use crate::http::message::Fields;
use crate::http::url::{Url, query_encode};
use crate::support::json::Value;
use crate::support::json::document::Document;
use crate::support::json::read::{OneOrMany, document};

document! {
    /// One way to the next page.
    pub(crate) struct PageRule {
        /// Where the answer holds its URL.
        other url: Option<Pointer>,
        /// Where the answer holds what the field `query` must be for it.
        other cursor: Option<Pointer>,
        /// The field of the query that says which page is meant.
        other query: Option<String>,
        /// The number of the first page.
        other first: u64,
        /// Where the answer says how many pages there are.
        other pages: Option<Pointer>,
        /// Where the array of the page's items stands: an empty page is the last.
        other items: Option<Pointer>,
        /// Whether the field counts items rather than pages.
        other offset: bool,
    }
}

impl PageRule {
    /// Says what is wrong with a rule that leads nowhere, or in two ways.
    pub fn check(&self) -> Result<(), &'static str> {
        let counts = self.pages.is_some() || self.items.is_some();
        let in_body = |p: &Option<Pointer>| p.as_ref().is_none_or(|p| p.part == Part::Body);
        match (&self.url, &self.cursor, &self.query) {
            (Some(_), None, None) if !counts => Ok(()),
            (None, Some(_), Some(_)) if !counts => Ok(()),
            (None, None, Some(_)) if self.offset && self.items.is_none() => {
                Err("offset counts items: say where they stand")
            }
            (None, None, Some(_)) if counts && in_body(&self.items) => Ok(()),
            _ => Err("has a url, a cursor with query, or a query with pages or items"),
        }
    }
}

/// The URL of the page after this one; `None` where this is the last. The first rule that finds one
/// counts. `url` is the page's own, whose other fields stay; the caller checks where the next one
/// leads.
pub(crate) fn next_page(
    rules: &OneOrMany<PageRule>,
    url: &Url,
    headers: &Fields,
    body: &[u8],
) -> Option<Url> {
    let answer = Pointed { headers, json: Document::of(body) };
    let place = |pointer: &Pointer| answer.value(pointer);
    rules.0.iter().find_map(|rule| {
        if let Some(pointer) = &rule.url {
            return url.join(place(pointer)?.as_str().filter(|text| !text.is_empty())?).ok();
        }
        let field = rule.query.as_deref()?;
        if let Some(pointer) = &rule.cursor {
            let cursor = word(place(pointer)?)?;
            return with(url, field, &cursor);
        }
        let named = url.field(field);
        let known = named.as_deref().map_or(Ok(rule.first), str::parse::<u64>).ok()?;
        let pages = rule.pages.as_ref().map(place);
        let items = rule.items.as_ref().and_then(|pointer| answer.json?.count(&pointer.path));
        let there_is_more = match pages {
            Some(pages) => known.checked_sub(rule.first)?.checked_add(1)? < pages?.whole()? as u64,
            // The answer does not say: a cloud that knows no pages here would give the same for ever.
            None => named.is_some() && items? > 0,
        };
        let step = if rule.offset { items? as u64 } else { 1 };
        let next = there_is_more.then(|| known.checked_add(step)).flatten()?;
        with(url, field, &next.to_string())
    })
}

/// A text with something in it, or a number.
fn word(value: Value) -> Option<String> {
    match value {
        Value::Text(text) if !text.is_empty() => Some(text.to_string()),
        Value::Number(digits) => Some(digits),
        _ => None,
    }
}

/// The same URL with this field in place of what it had.
fn with(url: &Url, field: &str, value: &str) -> Option<Url> {
    let mut pair = String::new();
    query_encode(field, &mut pair);
    pair.push('=');
    query_encode(value, &mut pair);
    url.without_field(field).ok()?.with_query(&pair).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support::json::{parse, read::read};

    fn next(rule: &str, url: &str, body: &str) -> Option<String> {
        let rule: PageRule = read(&parse(rule.as_bytes()).unwrap()).unwrap();
        rule.check().unwrap();
        let headers = Fields::from([("x-total-pages", "3")]);
        let url = Url::parse(url).unwrap();
        let next = next_page(&OneOrMany(vec![rule]), &url, &headers, body.as_bytes())?;
        Some(next.target().to_string())
    }

    #[test]
    fn the_next_page_is_where_the_rule_says() {
        let pages = r#"{"query": "page", "pages": "/totalPages"}"#;
        let from_one = r#"{"query": "page", "first": 1, "pages": "header:X-Total-Pages"}"#;
        let items = r#"{"query": "page", "first": 1, "items": "/data"}"#;
        let offset = r#"{"query": "$skip", "items": "/d", "offset": true}"#;
        let cursor = r#"{"cursor": "/next", "query": "page_token"}"#;
        for (rule, url, body, expected) in [
            (r#"{"url": "/next"}"#, "/a?x=1", r#"{"next": "/b?page=2"}"#, Some("/b?page=2")),
            (r#"{"url": "/next"}"#, "/a", r#"{"next": null}"#, None),
            (cursor, "/a?size=5", r#"{"next": "c/1"}"#, Some("/a?size=5&page_token=c%2F1")),
            (cursor, "/a?page_token=c&x=1", r#"{"next": 7}"#, Some("/a?x=1&page_token=7")),
            (cursor, "/a?page_token=c", r#"{"next": ""}"#, None),
            (pages, "/a", r#"{"totalPages": 2}"#, Some("/a?page=1")),
            (pages, "/a?page=1", r#"{"totalPages": 2}"#, None),
            (from_one, "/a?page=2", "[]", Some("/a?page=3")),
            (from_one, "/a?page=3", "[]", None),
            (items, "/a?page=1", r#"{"data": [1, 2]}"#, Some("/a?page=2")),
            (items, "/a?page=2", r#"{"data": []}"#, None),
            (items, "/a", r#"{"data": [1, 2]}"#, None),
            (offset, "/a?%24skip=40", r#"{"d": [1, 2, 3]}"#, Some("/a?%24skip=43")),
            (offset, "/a?$skip=40", r#"{"d": []}"#, None),
            (pages, "/a?page=x", r#"{"totalPages": 2}"#, None),
        ] {
            let found = next(rule, &format!("https://h{url}"), body);
            assert_eq!(found.as_deref(), expected, "{rule} {url} {body}");
        }
    }
}
