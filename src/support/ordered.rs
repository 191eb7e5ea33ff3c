//! Names and what they stand for, in the order they were written.
//!
//! Order matters: forms are sent as a profile has them. A profile or form has a dozen names,
//! which are found faster by looking at each than by a tree. And `BTreeMap` is compiled anew for
//! each type of value, which would be a good part of a small library.

/// Pairs of a name and a value. Each name stands once, as long as pairs are added by `insert`;
/// who fills the vector itself answers for that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ordered<T>(pub Vec<(String, T)>);

impl<T> Default for Ordered<T> {
    fn default() -> Self {
        Ordered(Vec::new())
    }
}

impl<T> Ordered<T> {
    pub fn get(&self, name: &str) -> Option<&T> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    pub fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Puts a value in the place of the name's earlier one, or at the end.
    pub fn insert(&mut self, name: &str, value: T) {
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name.into(), value)),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    pub fn names(&self) -> impl Iterator<Item = &String> {
        self.0.iter().map(|(name, _)| name)
    }
}
