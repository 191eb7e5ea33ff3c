//! Names the shared library for the loader, packs what is built in (profiles, root certificates), and writes the C header when asked to.

use std::fmt::Write;
use std::path::{Path, PathBuf};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let os = std::env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    if os == "linux" {
        // rustc sets no SONAME; without one, programs would depend on the file they were linked to.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libkeyfob.so.0");
        // A name look-up may outlive the call that began it, so the code must stay mapped. macOS never
        // unmaps a library with thread-local values, and on Windows support/os asks for it.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
    if os == "macos" {
        // Programs find it beside themselves, or where they were told to look (-rpath).
        println!("cargo:rustc-cdylib-link-arg=-Wl,-install_name,@rpath/libkeyfob.0.dylib");
    }
    catalogue();
    roots();
    #[cfg(feature = "headers")]
    headers::write();
}

/// How many profiles are packed together. One is unpacked with its neighbours, whose words it shares: two
/// groups are 2,300 bytes less than four, and a group unpacks into 56 KB, once for each profile of a
/// process.
const TOGETHER: usize = 39;

/// Writes what `src/provider/registry.rs` includes: the names of the built-in profiles, and the
/// profiles themselves in that order, a line each without the blanks that are for people, packed.
fn catalogue() {
    let folder = Path::new("src/provider/catalogue");
    println!("cargo:rerun-if-changed={}", folder.display());
    let files = std::fs::read_dir(folder).expect("the catalogue");
    let mut files: Vec<PathBuf> = files.map(|file| file.expect("a profile").path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    files.sort_by_key(|file| file.file_stem().map(std::ffi::OsStr::to_owned));
    let (mut names, mut profiles) = (Vec::new(), Vec::new());
    for file in &files {
        println!("cargo:rerun-if-changed={}", file.display());
        names.push(file.file_stem().and_then(|name| name.to_str()).expect("a name"));
        profiles.push(minified(&std::fs::read_to_string(file).expect("UTF-8")));
    }
    let mut code = format!("const TOGETHER: usize = {TOGETHER};\n");
    writeln!(code, "const HOW_MANY: usize = {};", names.len()).expect("memory");
    writeln!(code, "static NAMES: &str = {:?};", names.join("\n")).expect("memory");
    code.push_str("static PACKED: &[(usize, &[u8])] = &[\n");
    for profiles in profiles.chunks(TOGETHER) {
        let text = profiles.join("\n");
        let packed = miniz_oxide::deflate::compress_to_vec(text.as_bytes(), 10);
        writeln!(code, "    ({}, &{packed:?}),", text.len()).expect("memory");
    }
    code.push_str("];\n");
    let out = std::env::var_os("OUT_DIR").expect("set by cargo");
    std::fs::write(Path::new(&out).join("catalogue.rs"), code).expect("can be written");
}

/// Writes what `src/http/roots.rs` includes, and says how it is read: Mozilla's root certificates.
fn roots() {
    let mut packed = Vec::new();
    for root in webpki_roots::TLS_SERVER_ROOTS {
        let constraints = root.name_constraints.as_deref().unwrap_or_default();
        for field in [root.subject.as_ref(), root.subject_public_key_info.as_ref(), constraints] {
            let length = u16::try_from(field.len()).expect("no field is that long");
            packed.extend(length.to_le_bytes());
            packed.extend(field);
        }
    }
    let out = std::env::var_os("OUT_DIR").expect("set by cargo");
    std::fs::write(Path::new(&out).join("roots"), packed).expect("can be written");
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
    use std::path::{Path, PathBuf};

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
        let header = grouped(&header, &groups(&root.join("src/ffi")));
        let path = std::env::var_os("KEYFOB_HEADER").map(PathBuf::from);
        let path = path.unwrap_or_else(|| root.join("include/keyfob.h"));
        std::fs::write(&path, header).expect("the header can be written");
    }

    /// One file of src/ffi: a group of the header.
    struct Group {
        /// The file's `//!` comment. The header's reader is its first reader.
        about: Vec<String>,
        /// The words of its code, among them the names of what it exports.
        words: Vec<String>,
    }

    /// The files of src/ffi, in the order in which its mod.rs has them.
    fn groups(folder: &Path) -> Vec<Group> {
        let read = |name: &str| std::fs::read_to_string(folder.join(name)).expect(name);
        let order = read("mod.rs");
        let names = order.lines().filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';'));
        let group = |name: &str| {
            let source = read(&format!("{name}.rs"));
            let about = source.lines().map_while(|line| line.strip_prefix("//!"));
            let code = source.lines().filter(|line| !line.trim_start().starts_with("//"));
            // What a function takes stands on a line of its own; what it is named, in its first.
            let exports = code.filter(|line| line.starts_with("pub "));
            let words = exports.flat_map(|line| line.split(|c: char| !is_of_a_name(c)));
            Group {
                about: about.map(|line| line.trim().to_string()).collect(),
                words: words.map(str::to_string).collect(),
            }
        };
        names.map(group).collect()
    }

    fn is_of_a_name(c: char) -> bool {
        c.is_ascii_alphanumeric() || c == '_'
    }

    /// cbindgen puts all types before all functions. Here each type stands with the functions that
    /// use it, behind what the group's file says of itself. The handles stay in front, since a
    /// function may take handles of several groups.
    fn grouped(header: &str, groups: &[Group]) -> String {
        const BEGIN: &str = "#ifdef __cplusplus\nextern \"C\" {\n#endif // __cplusplus\n\n";
        let end = header.rfind("#ifdef __cplusplus").expect("the end of extern C");
        let (body, tail) = header.split_at(end);
        let body = body.replace(BEGIN, "");
        let (head, items) = body.split_once("\n/**\n").expect("documented items");
        let mut rest: Vec<&str> = items.split("\n/**\n").map(str::trim_end).collect();
        let foreign = rest.iter().find(|item| item.contains("\n\n"));
        assert!(foreign.is_none(), "exclude in cbindgen.toml what is not documented: {foreign:?}");
        let mut take = |is_meant: &dyn Fn(&str) -> bool| {
            let (taken, left) = rest.iter().partition::<Vec<&str>, _>(|item| is_meant(item));
            rest = left;
            taken.iter().map(|item| format!("/**\n{item}\n\n")).collect::<String>()
        };
        let mut text = format!("{}\n\n{BEGIN}", head.trim_end());
        let handles = ["The handles. The group of each says how it is made, used and freed."];
        text += &paragraph(&handles.map(String::from));
        text += &take(&|item| code(item).starts_with("typedef struct"));
        for group in groups {
            let items = take(&|item| group.words.iter().any(|word| word == name(code(item))));
            if !items.is_empty() {
                text += &(paragraph(&group.about) + &items);
            }
        }
        assert!(rest.is_empty(), "no file of src/ffi exports {rest:?}");
        text + tail
    }

    /// A comment that heads a group.
    fn paragraph(lines: &[String]) -> String {
        let rule = "-".repeat(96);
        let lines = lines.iter().map(|line| format!(" * {line}").trim_end().to_string() + "\n");
        format!("/* {rule}\n{} * {rule} */\n\n", lines.collect::<String>())
    }

    /// An item without the comment that stands before it.
    fn code(item: &str) -> &str {
        item.split_once(" */\n").expect("a comment").1
    }

    /// What an item declares.
    fn name(code: &str) -> &str {
        let at = match code {
            _ if code.starts_with("#define ") => "#define ".len(),
            _ if code.starts_with("enum ") => "enum ".len(),
            _ if code.starts_with("typedef ") => code.find("(*").expect("a function's type") + 2,
            _ => {
                let open = code.find('(').expect("a function");
                code[..open].rfind(|c| !is_of_a_name(c)).map_or(0, |at| at + 1)
            }
        };
        code[at..].split(|c: char| !is_of_a_name(c)).next().unwrap_or_default()
    }
}
