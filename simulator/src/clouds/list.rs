//! How a cloud's device list looks, and how its pages follow each other.

use serde_json::{Value, json};

/// A cloud's device list.
#[derive(Clone)]
pub(crate) struct List {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    /// How a page is asked for and the next one told.
    pub(crate) pages: Pages,
    /// Writes a page down as the cloud does.
    pub(crate) body: fn(&Page) -> Value,
}

impl List {
    pub(crate) const fn get(path: &'static str, pages: Pages, body: fn(&Page) -> Value) -> List {
        List { method: "GET", path, pages, body }
    }

    /// A list that is asked for by a POST, and comes whole.
    pub(crate) const fn post(path: &'static str, body: fn(&Page) -> Value) -> List {
        List { method: "POST", path, pages: Pages::Whole, body }
    }

    /// An array of everything.
    pub(crate) const fn bare(path: &'static str) -> List {
        List::get(path, Pages::Whole, |page| json!(page.items))
    }
}

/// How a page is asked for, and how the answer leads to the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pages {
    /// There is one, which has everything.
    Whole,
    /// By a number in the query, counted from the second value.
    Number(&'static str, usize),
    /// As [`Pages::Number`], and the header `X-Total-Pages` says how many there are.
    Counted(&'static str, usize),
    /// By the number of items before the page.
    Offset(&'static str),
    /// As [`Pages::Number`], and the next page's URL is in the header `Link`.
    Linked(&'static str, usize),
    /// By a word that the page before told.
    Cursor(&'static str),
    /// By the ID of the last item of the page before.
    After(&'static str),
}

/// A page of the list.
pub(crate) struct Page {
    pub(crate) items: Vec<Value>,
    /// What the parameter must be to get the next page, if there is one.
    pub(crate) next: Option<String>,
    /// The next page's URL.
    pub(crate) next_url: Option<String>,
    /// The list's own URL.
    pub(crate) here: String,
    pub(crate) total: usize,
    /// How many pages there are.
    pub(crate) pages: usize,
    /// What the request's query says.
    pub(crate) query: String,
}
