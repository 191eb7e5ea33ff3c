//! The README shows the program that is in the repository, and it stays a short one.

const README: &str = include_str!("../../README.md");
const FIRST: &str = include_str!("../../examples/c/first.c");

#[test]
fn the_program_in_the_readme_is_the_tested_example() {
    let shown = README.split("```c\n").nth(1).and_then(|rest| rest.split("```").next());
    assert_eq!(shown, Some(FIRST));
    assert!(FIRST.lines().count() <= 20, "{} lines", FIRST.lines().count());
}
#[test]
fn every_file_that_the_readme_and_contributing_name_exists() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    for text in [README, include_str!("../../CONTRIBUTING.md")] {
        let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for link in links.filter(|link| !link.contains("://")) {
            let file = link.split('#').next().unwrap();
            assert!(root.join(file).exists(), "{link}");
        }
    }
}
