//! The options of a profile, found by name.
//!
//! A client is made from a handful of options, and asks for two hundred by name. A process that makes a
//! hundred thousand of them must not look at each of sixty names each time, so the names are hashed
//! once for a profile.

use super::option::Opt;

/// What is put behind a secret option's name to set it by the name of a file.
pub(super) const FILE_SUFFIX: &str = "_file";

/// All options of a profile, in the order they are documented; shared by all clients of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct OptionIndex {
    options: Vec<Opt>,
    /// Where each option stands, at the place that its name has or behind that; [`NOWHERE`] at all
    /// others, which are half of them at least. None where there are no options.
    places: Vec<u16>,
}

/// At a place that no name has.
const NOWHERE: u16 = u16::MAX;

/// The place of a name among so many, a power of two: its ends and its length tell most names apart.
fn place_of(name: &str, places: usize) -> usize {
    let word = |bytes: Option<&[u8; 4]>| bytes.map_or(0, |bytes| u32::from_le_bytes(*bytes));
    let bytes = name.as_bytes();
    let ends = word(bytes.first_chunk()) ^ word(bytes.last_chunk()).rotate_left(11);
    let mixed = ends.wrapping_add(bytes.len() as u32).wrapping_mul(0x9e37_79b1);
    (mixed >> 12) as usize & (places - 1)
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
        let mut places = vec![NOWHERE; (options.len() * 2).next_power_of_two()];
        for (index, option) in (0..NOWHERE).zip(&options) {
            let mut at = place_of(&option.name, places.len());
            while places[at] != NOWHERE {
                at = (at + 1) & (places.len() - 1);
            }
            places[at] = index;
        }
        OptionIndex { options, places }
    }

    fn position(&self, name: &str) -> Option<u16> {
        if self.options.is_empty() {
            return None;
        }
        let mut at = place_of(name, self.places.len());
        loop {
            match self.places[at] {
                NOWHERE => return None,
                index if self[index].name == name => return Some(index),
                _ => at = (at + 1) & (self.places.len() - 1),
            }
        }
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
