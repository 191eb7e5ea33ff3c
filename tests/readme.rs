//! The README shows the program that is in the repository, and it stays a short one.

const README: &str = include_str!("../README.md");
const FIRST: &str = include_str!("../examples/c/first.c");

#[test]
fn the_program_in_the_readme_is_the_example_that_the_tests_compile() {
    let shown = README.split("```c\n").nth(1).and_then(|rest| rest.split("```").next());
    assert_eq!(shown, Some(FIRST));
    assert!(FIRST.lines().count() <= 20, "{} lines", FIRST.lines().count());
}
