//! Names the shared library for the loader, puts the built-in profiles in order, and writes the C header when asked to.

use std::fmt::Write;
use std::path::{Path, PathBuf};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let os = std::env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    if os == "linux" {
        // rustc sets no SONAME; without one, programs would depend on the file they were linked to.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libkeyfob.so.0");
        // A name look-up may outlive the call that began it, so the code must stay mapped.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
    catalogue();
    #[cfg(feature = "headers")]
    headers::write();
}

/// Writes what `src/provider/registry.rs` includes: every built-in profile with its name, without the
/// blanks that are for people.
fn catalogue() {
    let folder = Path::new("src/provider/catalogue");
    println!("cargo:rerun-if-changed={}", folder.display());
    let files = std::fs::read_dir(folder).expect("the catalogue");
    let mut files: Vec<PathBuf> = files.map(|file| file.expect("a profile").path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    files.sort_by_key(|file| file.file_stem().map(std::ffi::OsStr::to_owned));
    let mut code = format!("static CATALOGUE: [(&str, &str); {}] = [\n", files.len());
    for file in files {
        println!("cargo:rerun-if-changed={}", file.display());
        let name = file.file_stem().and_then(|name| name.to_str()).expect("a name");
        let text = std::fs::read_to_string(&file).expect("UTF-8");
        writeln!(code, "    ({name:?}, {:?}),", minified(&text)).expect("memory");
    }
    code.push_str("];\n");
    let out = std::env::var_os("OUT_DIR").expect("set by cargo");
    std::fs::write(Path::new(&out).join("catalogue.rs"), code).expect("can be written");
}

/// JSON without the blanks between its texts.
fn minified(json: &str) -> String {
    let (mut in_text, mut escaped) = (false, false);
    let keep = |c: &char| {
        let kept = in_text || !c.is_ascii_whitespace();
        if !escaped && *c == '"' {
            in_text = !in_text;
        }
        escaped = in_text && !escaped && *c == '\\';
        kept
    };
    json.chars().filter(keep).collect()
}

#[cfg(feature = "headers")]
mod headers {
    use std::path::PathBuf;

    /// Writes include/keyfob.h, or what KEYFOB_HEADER names in its place, from the doc comments and
    /// signatures in src/ffi.
    pub fn write() {
        println!("cargo:rerun-if-env-changed=KEYFOB_HEADER");
        println!("cargo:rerun-if-changed=src");
        println!("cargo:rerun-if-changed=cbindgen.toml");
        let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").expect("set by cargo"));
        let config =
            cbindgen::Config::from_file(root.join("cbindgen.toml")).expect("cbindgen.toml");
        let bindings = cbindgen::generate_with_config(&root, config).expect("src/ffi");
        let mut header = Vec::new();
        bindings.write(&mut header);
        // cbindgen names constants after their type; the contract names them after the library.
        let header = String::from_utf8(header).expect("UTF-8").replace("KEYFOB_STATUS_", "KEYFOB_");
        let path = std::env::var_os("KEYFOB_HEADER").map(PathBuf::from);
        let path = path.unwrap_or_else(|| root.join("include/keyfob.h"));
        std::fs::write(&path, header).expect("the header can be written");
    }
}
