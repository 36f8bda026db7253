#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| opendental_cdc_fuzz::check("follow", bytes));
