//! Another Rust static library in the same program: threads, collections, and a panic of its own.

use std::collections::HashMap;

/// How many of the neighbour's own things work: 3 where all do.
#[unsafe(no_mangle)]
pub extern "C" fn neighbour_works() -> i32 {
    let map: HashMap<String, usize> = ["a", "bb"].iter().map(|s| (s.to_string(), s.len())).collect();
    let collection = map["bb"] == 2;
    let thread = std::thread::spawn(|| 7).join().is_ok_and(|seven| seven == 7);
    std::panic::set_hook(Box::new(|_| {}));
    let panic = std::panic::catch_unwind(|| panic!("{}", "contained")).is_err();
    i32::from(collection) + i32::from(thread) + i32::from(panic)
}
