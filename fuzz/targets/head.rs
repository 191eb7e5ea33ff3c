#![no_main]
#[path = "../second_opinion.rs"]
mod second_opinion;
libfuzzer_sys::fuzz_target!(|data: &[u8]| second_opinion::head(data));
