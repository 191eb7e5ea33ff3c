//! Tests are named after the promises they keep, in names that fit on a line.

use std::path::{Path, PathBuf};

const LONGEST: usize = 60;

/// Where tests stand, in any language.
const PLACES: [&str; 6] =
    ["src", "tests", "simulator", "bindings/python/tests", "bindings/node/test", "cli"];

/// What stands before a test's name, and what behind it.
const MARKS: [(&str, &[char]); 6] = [
    ("fn ", &['(', '<']),
    ("def test_", &['(']),
    ("static void ", &['(']),
    ("PROMISE(", &[')']),
    ("test(\"", &['"']),
    ("test(`", &['`']),
];

fn files(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).into_iter().flatten() {
        let path = entry.unwrap().path();
        let extension = path.extension().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && !path.ends_with("node_modules") {
            files(&path, found);
        } else if ["rs", "py", "c", "cpp", "mjs"].contains(&extension.as_str()) {
            found.push(path);
        }
    }
}

#[test]
fn the_name_of_a_test_fits_on_a_line() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    PLACES.iter().for_each(|place| files(&root.join(place), &mut found));
    let mut names = 0;
    for file in found {
        let text = std::fs::read_to_string(&file).unwrap();
        for (before, behind) in MARKS {
            for rest in text.split(before).skip(1) {
                let name = rest.split(behind).next().unwrap();
                let is_one = !name.contains('\n') && !name.is_empty();
                names += usize::from(is_one);
                let length = name.chars().count();
                let shown = file.strip_prefix(root).unwrap().display();
                assert!(!is_one || length <= LONGEST, "{shown}: {length} characters: {name}");
            }
        }
    }
    assert!(names > 500, "{names} names were looked at");
}
