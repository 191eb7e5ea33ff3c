#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| keyfob::fuzzing::gzip(data));
