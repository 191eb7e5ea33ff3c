//! The options of a profile, found by name.
//!
//! A client is made from a handful of options, and asks for forty by name. A process that makes a
//! hundred thousand of them must not look at each of sixty names each time, so the names are hashed
//! once for a profile.

use super::option::Opt;
use crate::support::shelf::hash_of;

/// What is put behind a secret option's name to set it by the name of a file.
pub(super) const FILE_SUFFIX: &str = "_file";

/// All options of a profile, in the order they are documented; shared by all clients of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct OptionIndex {
    options: Vec<Opt>,
    /// The hash of each name and where it stands, in the order of the hashes.
    by_hash: Vec<(u64, u16)>,
}

/// What a name that can be set stands for: an option, by where it stands in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Settable {
    /// The option's own value.
    Itself(u16),
    /// A file with the option's value.
    FileOf(u16),
}

impl std::ops::Deref for OptionIndex {
    type Target = [Opt];

    fn deref(&self) -> &[Opt] {
        &self.options
    }
}

impl std::ops::Index<u16> for OptionIndex {
    type Output = Opt;

    fn index(&self, index: u16) -> &Opt {
        &self.options[usize::from(index)]
    }
}

impl OptionIndex {
    /// A profile has at most some hundred options: its JSON is bounded.
    pub fn new(options: Vec<Opt>) -> OptionIndex {
        let count = u16::try_from(options.len()).unwrap_or(u16::MAX);
        let hash = |index: u16| hash_of(&options[usize::from(index)].name);
        let mut by_hash: Vec<(u64, u16)> = (0..count).map(|index| (hash(index), index)).collect();
        by_hash.sort_unstable();
        OptionIndex { options, by_hash }
    }

    fn position(&self, name: &str) -> Option<u16> {
        let hash = hash_of(name);
        let from = self.by_hash.partition_point(|(of, _)| *of < hash);
        let same = self.by_hash[from..].iter().take_while(|(of, _)| *of == hash);
        same.map(|(_, index)| *index).find(|index| self[*index].name == name)
    }

    /// The option of this name. A `_file` variant is no option of its own.
    pub fn option(&self, name: &str) -> Option<&Opt> {
        self.position(name).map(|index| &self[index])
    }

    /// The option that a name sets. An option called `ca_file` comes before the file of an option
    /// called `ca`.
    pub fn find(&self, name: &str) -> Option<Settable> {
        if let Some(index) = self.position(name) {
            return Some(Settable::Itself(index));
        }
        let stem = self.position(name.strip_suffix(FILE_SUFFIX)?)?;
        self[stem].secret.then_some(Settable::FileOf(stem))
    }

    /// The name that sets it.
    pub fn name(&self, of: Settable) -> String {
        match of {
            Settable::Itself(index) => self[index].name.clone(),
            Settable::FileOf(index) => format!("{}{FILE_SUFFIX}", self[index].name),
        }
    }

    /// Every name that can be set, `_file` variants included.
    pub fn settable_names(&self) -> impl Iterator<Item = String> {
        self.iter().flat_map(|o| {
            let file = o.secret.then(|| format!("{}{FILE_SUFFIX}", o.name));
            std::iter::once(o.name.clone()).chain(file)
        })
    }
}

/// The secret option whose value would stand in the file that an option of this name names.
pub(crate) fn file_of<'a>(table: &'a [Opt], name: &str) -> Option<&'a Opt> {
    let stem = name.strip_suffix(FILE_SUFFIX)?;
    table.iter().find(|o| o.name == stem && o.secret)
}
