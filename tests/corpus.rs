//! What the fuzzers have found worth keeping, run through the same doors in every test run.

use std::path::Path;

#[path = "../fuzz/second_opinion.rs"]
mod second_opinion;

type Door = fn(&[u8]);

const DOORS: [(&str, Door); 10] = [
    ("gzip", keyfob::fuzzing::gzip),
    ("head", second_opinion::head),
    ("json", second_opinion::json),
    ("links", keyfob::fuzzing::links),
    ("options", keyfob::fuzzing::options),
    ("profile", keyfob::fuzzing::profile),
    ("retry_after", keyfob::fuzzing::wait),
    ("template", keyfob::fuzzing::template),
    ("token_answer", keyfob::fuzzing::token_answer),
    ("url", keyfob::fuzzing::url),
];

#[test]
fn everything_in_the_corpus_is_met_as_it_should_be() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    for (target, door) in DOORS {
        let mut run = 0;
        for entry in std::fs::read_dir(fuzz.join("corpus").join(target)).expect(target) {
            let path = entry.unwrap().path();
            println!("{}", path.display());
            door(&std::fs::read(&path).unwrap());
            run += 1;
        }
        assert!(run > 5, "{target} has a corpus");
    }
}

#[test]
fn every_target_of_the_fuzzer_is_run_here_too() {
    let targets = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/targets");
    let mut names: Vec<String> = std::fs::read_dir(targets)
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert_eq!(names, DOORS.map(|(name, _)| name));
}
