//! A test in a process of its own: what would disturb the tests beside it belongs into a child.
//!
//! The child is this program again, told to run one test. Two forms are in use: a test marked
//! `#[ignore]` that only its parent runs, and a test that runs itself and finds by a variable that
//! it is the child.

use std::process::{Command, Output};

/// The command that runs this test function, and nothing else, in a new process.
pub fn alone<F: Fn()>(test: F) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(only(test));
    command
}

/// What this program is told so that it runs this test function and nothing else.
pub fn only<F: Fn()>(_: F) -> [String; 5] {
    // `program::module::function`; the test harness leaves out the first part.
    let (_program, test) = std::any::type_name::<F>().split_once("::").expect("a function's path");
    [test, "--exact", "--include-ignored", "--nocapture", "--test-threads=1"].map(str::to_string)
}

/// What a child that ran one test and passed it said.
///
/// # Panics
///
/// Where the test failed, or was not found: a harness that runs no test says that all is well.
pub fn passed(output: Output) -> String {
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}{complained}", output.status);
    assert!(said.contains(" 1 passed;"), "no such test: {said}");
    said
}
