//! Which known name a misspelt one may have meant, for "did you mean …?".

/// The known name that the fewest changed letters lead to, unless so many differ that the two only
/// look alike: two, and one more for every five letters.
///
/// ```text
/// pasword  -> password
/// timeout  -> timeout_ms
/// zzz      -> nothing
/// ```
pub(crate) fn nearest<'a>(known: impl Iterator<Item = &'a str>, name: &str) -> Option<&'a str> {
    let (changes, near) = known.map(|known| (distance(known, name), known)).min()?;
    (changes <= 2 + name.len() / 5).then_some(near)
}

/// Levenshtein distance: how many letters to add, remove or change.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let cost = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = cost.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_name_is_near_when_few_letters_differ() {
        let near = |name| super::nearest(["password", "timeout_ms"].into_iter(), name);
        assert_eq!(near("pasword"), Some("password"));
        assert_eq!(near("timeout"), Some("timeout_ms"));
        assert_eq!(near("zzz"), None);
    }
}
