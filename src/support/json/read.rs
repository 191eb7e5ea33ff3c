//! A document read into types of ours: each member by its name, none left over, and every refusal
//! says where: `logins.password.steps[0].url: must be a text`.
//!
//! The author of a profile reads these refusals, so a misspelt member must be one. What reads
//! records passes over members that it does not know, because a newer release may have written
//! them.
//!
//! A type lists its members once, and its reader and its schema (`schema`) follow:
//!
//! ```text
//! document! {
//!     /// One step of a login.
//!     struct Step {
//!         /// Where it is sent.
//!         needed url: Template,
//!         /// How long it may take.
//!         other timeout_s: Option<u64>,
//!     }
//! }
//! ```

use super::Value;
use crate::support::ordered::Ordered;
use crate::support::secret::Secret;
use std::fmt::Write;

/// What a document is not, and where: the path, a colon, and what must stand there.
#[derive(Debug)]
pub(crate) struct Misread(pub String);

type Result = std::result::Result<(), Misread>;

/// A type that can be read from JSON.
///
/// It is read in place, over its default, and through `dyn`: one loop reads the members of all
/// types, which keeps the code small. After an error the value is half read and must be dropped.
pub(crate) trait Read {
    /// Reads the value that stands at this place.
    fn read(&mut self, at: &At<'_>) -> Result;
}

/// Reads a whole document into a new value.
pub(crate) fn read<T: Read + Default>(document: &Value) -> std::result::Result<T, Misread> {
    let mut made = T::default();
    made.read(&At { value: document, path: Path::Root })?;
    Ok(made)
}

/// A value, and the path to it for the words of an error.
#[derive(Clone, Copy)]
pub(crate) struct At<'a> {
    pub value: &'a Value,
    path: Path<'a>,
}

/// The way from the root, as a list on the stack: nothing is allocated where nothing is wrong.
#[derive(Clone, Copy)]
enum Path<'a> {
    Root,
    Member(&'a Path<'a>, &'a str),
    Item(&'a Path<'a>, usize),
}

impl Path<'_> {
    /// As a person points at it: `logins.password.steps[0]`.
    fn write(&self, to: &mut String) {
        match self {
            Path::Root => {}
            Path::Member(parent, name) => {
                parent.write(to);
                if !to.is_empty() {
                    to.push('.');
                }
                to.push_str(name);
            }
            Path::Item(parent, index) => {
                parent.write(to);
                let _ = write!(to, "[{index}]");
            }
        }
    }
}

/// A member that a type knows: its name, whether it must be there, and the place it is read into.
pub(crate) struct Member<'a> {
    name: &'static str,
    needed: bool,
    into: &'a mut dyn Read,
}

/// A member that must be there.
pub(crate) fn needed<'a>(name: &'static str, into: &'a mut dyn Read) -> Member<'a> {
    Member { name, needed: true, into }
}

/// A member that may be left out: its place then keeps its default.
pub(crate) fn other<'a>(name: &'static str, into: &'a mut dyn Read) -> Member<'a> {
    Member { name, needed: false, into }
}

impl<'a> At<'a> {
    /// A refusal of the value here. `what` is the rest of the sentence: "must be a text".
    #[cold]
    pub fn wrong(&self, what: &str) -> Misread {
        let mut text = String::new();
        self.path.write(&mut text);
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(what);
        Misread(text)
    }

    /// The text here, or a refusal.
    pub fn text(&self) -> std::result::Result<&'a str, Misread> {
        self.value.as_str().ok_or_else(|| self.wrong("must be a text"))
    }

    /// An item of the array here.
    pub fn item(&'a self, index: usize, value: &'a Value) -> At<'a> {
        At { value, path: Path::Item(&self.path, index) }
    }

    /// The members of an object. One that stands twice is a mistake: whoever wrote it meant one
    /// of the two.
    fn object(&self) -> std::result::Result<&'a [(String, Value)], Misread> {
        let Value::Object(members) = self.value else {
            return Err(self.wrong("must be an object"));
        };
        let mut names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(self.wrong(&format!("`{}` stands twice", pair[0]))),
            None => Ok(members),
        }
    }

    /// A member of the object here.
    fn member(&'a self, name: &'a str, value: &'a Value) -> At<'a> {
        At { value, path: Path::Member(&self.path, name) }
    }

    /// Reads these members, and passes over others: for records, which a newer release may have
    /// written.
    pub fn some_members(&self, known: &mut [Member<'_>]) -> Result {
        let members = self.object()?;
        for Member { name, needed, into } in known {
            match members.iter().find(|(there, _)| there == name) {
                Some((_, value)) => into.read(&self.member(name, value))?,
                None if *needed => return Err(self.wrong(&format!("missing field `{name}`"))),
                None => {}
            }
        }
        Ok(())
    }

    /// Reads these members, and refuses others with a list of those there are: for what people
    /// write.
    pub fn members(&self, known: &mut [Member<'_>]) -> Result {
        for (name, _) in self.object()? {
            if !known.iter().any(|member| member.name == name) {
                let names: Vec<String> = known.iter().map(|m| format!("`{}`", m.name)).collect();
                let names = names.join(", ");
                return Err(self.wrong(&format!("unknown field `{name}`, expected one of {names}")));
            }
        }
        self.some_members(known)
    }
}

/// A type that is read from an object: its members are listed once, each `needed` or `other` (it may
/// be left out, and then stays as it is by default). `as` names a member whose name is no name in Rust.
macro_rules! document {
    ($(#[$about:meta])* $vis:vis struct $type:ident {
        $($(#[doc = $doc:literal])* $need:ident $field:ident $(as $name:literal)?: $kind:ty,)*
    }) => {
        $(#[$about])*
        #[derive(Clone, Debug, Default)]
        $vis struct $type { $($(#[doc = $doc])* pub $field: $kind,)* }

        impl $crate::support::json::read::Read for $type {
            fn read(
                &mut self,
                at: &$crate::support::json::read::At<'_>,
            ) -> std::result::Result<(), $crate::support::json::read::Misread> {
                use $crate::support::json::read::{document, needed, other};
                let _ = (needed, other);
                at.members(&mut [
                    $($need(document!(@name $field $($name)?), &mut self.$field),)*
                ])
            }
        }

        $crate::support::json::read::document! {
            @schema $type
            $($need $crate::support::json::read::document!(@name $field $($name)?), [$($doc)*], $kind;)*
        }
    };
    (@schema $type:ident $($need:ident $name:expr, [$($doc:literal)*], $kind:ty;)*) => {
        #[cfg(test)]
        impl $crate::support::json::schema::Schema for $type {
            fn schema(
                definitions: &mut $crate::support::json::schema::Definitions,
            ) -> $crate::support::json::Value {
                definitions.object(stringify!($type), |definitions| vec![
                    $($crate::support::json::schema::Described {
                        name: $name,
                        doc: concat!($($doc),*).to_string(),
                        kind: <$kind as $crate::support::json::schema::Schema>::schema(definitions),
                        needed: stringify!($need) == "needed",
                    }),*
                ])
            }
        }
    };
    (@name $field:ident) => { stringify!($field) };
    (@name $field:ident $name:literal) => { $name };
}
pub(crate) use document;

impl Read for Value {
    fn read(&mut self, at: &At<'_>) -> Result {
        *self = at.value.clone();
        Ok(())
    }
}

impl Read for bool {
    fn read(&mut self, at: &At<'_>) -> Result {
        let Value::Bool(truth) = at.value else {
            return Err(at.wrong("must be true or false"));
        };
        *self = *truth;
        Ok(())
    }
}

impl Read for String {
    fn read(&mut self, at: &At<'_>) -> Result {
        *self = at.text()?.into();
        Ok(())
    }
}

impl Read for Secret {
    fn read(&mut self, at: &At<'_>) -> Result {
        *self = at.text()?.into();
        Ok(())
    }
}

/// A number must be written without fraction or exponent, and fit the type.
macro_rules! read_integers {
    ($($type:ty)*) => {$(
        impl Read for $type {
            fn read(&mut self, at: &At<'_>) -> Result {
                let number = at.value.as_integer();
                *self = number.ok_or_else(|| at.wrong(concat!("must be a number (", stringify!($type), ")")))?;
                Ok(())
            }
        }
    )*};
}

read_integers!(u8 u16 u32 u64 i32 i64);

/// `null` is as good as leaving the member out.
impl<T: Read + Default> Read for Option<T> {
    fn read(&mut self, at: &At<'_>) -> Result {
        match at.value {
            Value::Null => Ok(()),
            _ => self.get_or_insert_default().read(at),
        }
    }
}

impl<T: Read + Default> Read for Vec<T> {
    fn read(&mut self, at: &At<'_>) -> Result {
        let items = at.value.as_array().ok_or_else(|| at.wrong("must be an array"))?;
        for (index, item) in items.iter().enumerate() {
            let mut made = T::default();
            made.read(&at.item(index, item))?;
            self.push(made);
        }
        Ok(())
    }
}

/// One value, or a list of them: what is one in most profiles need not be written as a list.
#[derive(Clone, Debug)]
pub(crate) struct OneOrMany<T>(pub Vec<T>);

impl<T> Default for OneOrMany<T> {
    fn default() -> Self {
        OneOrMany(Vec::new())
    }
}

impl<T: Read + Default> Read for OneOrMany<T> {
    fn read(&mut self, at: &At<'_>) -> Result {
        if at.value.as_array().is_some() {
            return self.0.read(at);
        }
        let mut one = T::default();
        one.read(at)?;
        self.0.push(one);
        Ok(())
    }
}

impl<T: Read + Default> Read for Ordered<T> {
    fn read(&mut self, at: &At<'_>) -> Result {
        // Names are found by looking at all of them: nobody writes this many by hand.
        const MOST: usize = 500;
        let members = at.object()?;
        if members.len() > MOST {
            return Err(at.wrong(&format!("has more than {MOST} members")));
        }
        for (name, value) in members {
            let mut made = T::default();
            made.read(&at.member(name, value))?;
            self.0.push((name.clone(), made));
        }
        Ok(())
    }
}

/// An array of exactly two.
impl<A: Read, B: Read> Read for (A, B) {
    fn read(&mut self, at: &At<'_>) -> Result {
        let Some([first, second]) = at.value.as_array() else {
            return Err(at.wrong("must be an array of two"));
        };
        self.0.read(&at.item(0, first))?;
        self.1.read(&at.item(1, second))
    }
}
