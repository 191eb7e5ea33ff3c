//! Reads from Rust sources which file uses which.
//!
//! Not a compiler: it knows `use` trees, paths that begin with `crate`, `self` or `super`, a parent's
//! own children, and what a module re-exports. Comments, strings and what is compiled for tests
//! alone do not count, nor do `mod` lines and re-exports: they say what is there, not what is used.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The files of a crate, by their names without `src/` and `.rs`, and the files each of them uses.
pub struct Sources {
    pub uses: BTreeMap<String, BTreeSet<String>>,
    /// The first sentence of each file's own documentation.
    pub says: BTreeMap<String, String>,
    /// The strings of each file that are filled in with Debug: `{:?}`, `{name:#?}`.
    pub debugs: BTreeMap<String, Vec<String>>,
    /// The files that are not the same on every system.
    pub ask_for_the_system: BTreeSet<String>,
}

/// A path through modules, from the crate's root.
type Modules = Vec<String>;

/// One file, before its paths are followed.
#[derive(Default)]
struct Module {
    file: String,
    /// What other names stand for here: an import's or a re-export's.
    names: BTreeMap<String, Modules>,
    /// Modules all of whose names are names here: `use client::*`.
    globs: Vec<Modules>,
    /// What is defined here.
    items: BTreeSet<String>,
    /// The paths that count as a use.
    paths: Vec<Modules>,
}

impl Sources {
    /// Of this repository's `src/`.
    pub fn of_the_library() -> Sources {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut files = BTreeMap::new();
        read(&root, &root, &mut files);
        Sources::new(&files)
    }

    /// Of these files: each name, as `http/url.rs`, with its text.
    pub fn new(files: &BTreeMap<String, String>) -> Sources {
        let mut modules: BTreeMap<Modules, Module> = BTreeMap::new();
        let mut says = BTreeMap::new();
        let mut debugs = BTreeMap::new();
        let mut ask_for_the_system = BTreeSet::new();
        for file in files.keys() {
            let module = Module { file: file.replace(".rs", ""), ..Module::default() };
            modules.insert(path_of(file), module);
        }
        for (file, text) in files {
            let here = path_of(file);
            let tokens = without_tests(tokens(text));
            let children: BTreeSet<String> = (modules.keys())
                .filter(|path| path.len() == here.len() + 1 && path.starts_with(&here))
                .map(|path| path[here.len()].clone())
                .collect();
            let module = modules.get_mut(&here).unwrap();
            collect(module, &here, &children, &tokens);
            says.insert(module.file.clone(), first_sentence(text));
            if asks_for_the_system(&tokens) {
                ask_for_the_system.insert(module.file.clone());
            }
            let shown: Vec<_> = tokens.into_iter().filter(|token| shows_debug(token)).collect();
            if !shown.is_empty() {
                debugs.insert(module.file.clone(), shown);
            }
        }
        let mut uses = BTreeMap::new();
        for module in modules.values() {
            let found = module.paths.iter().map(|path| follow(&modules, path, 0));
            let found: BTreeSet<String> = found.filter(|file| *file != module.file).collect();
            uses.insert(module.file.clone(), found);
        }
        Sources { uses, says, debugs, ask_for_the_system }
    }
}

fn read(root: &Path, directory: &Path, files: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read(root, &path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_string();
            files.insert(name, std::fs::read_to_string(&path).unwrap());
        }
    }
}

/// `http/url.rs` is `http::url`, `http/mod.rs` is `http`, `lib.rs` is the root.
fn path_of(file: &str) -> Modules {
    let mut path: Modules = file.trim_end_matches(".rs").split('/').map(str::to_string).collect();
    if path.last().is_some_and(|last| last == "mod") || path == ["lib"] {
        path.pop();
    }
    path
}

fn first_sentence(text: &str) -> String {
    let lines = text.lines().take_while(|line| line.starts_with("//!"));
    let said: Vec<&str> =
        lines.map(|line| line[3..].trim()).take_while(|l| !l.is_empty()).collect();
    let said = said.join(" ");
    said.split_once(". ").map_or(said.trim_end_matches('.'), |(first, _)| first).to_string()
}

/// Whether it is a string with a place that Debug fills.
fn shows_debug(token: &str) -> bool {
    let places = token.split('{').skip(1).filter_map(|rest| rest.split_once('}'));
    token.contains('"')
        && places.map(|(place, _)| place).any(|place| place.contains(':') && place.ends_with('?'))
}

/// Whether something in it is there on some systems alone: `#[cfg(unix)]`, `cfg!(target_os = …)`.
fn asks_for_the_system(tokens: &[String]) -> bool {
    const ASKED: [&str; 5] = ["unix", "windows", "target_os", "target_family", "target_vendor"];
    let condition = |from: usize| {
        tokens[from..].iter().take_while(|token| !["]", "{", ";"].contains(&token.as_str()))
    };
    let begins = |token: &String| ["cfg", "cfg_attr"].contains(&token.as_str());
    let mut found = tokens.iter().enumerate().filter(|(_, token)| begins(token));
    found.any(|(n, _)| condition(n).any(|token| ASKED.contains(&token.as_str())))
}

/// Identifiers, punctuation and strings in their quotes; `::` is one token, and a character is none.
fn tokens(text: &str) -> Vec<String> {
    let text: Vec<char> = text.chars().collect();
    let at = |n: usize| text.get(n).copied().unwrap_or('\0');
    let mut tokens: Vec<String> = Vec::new();
    let mut n = 0;
    while n < text.len() {
        if let Some(end) = end_of_string(&text, n) {
            tokens.push(text[n..end].iter().collect());
            n = end;
            continue;
        }
        match at(n) {
            '/' if at(n + 1) == '/' => n = end(&text, n, "\n"),
            '/' if at(n + 1) == '*' => n = end(&text, n, "*/"),
            '\'' if at(n + 1) == '\\' => n = end(&text, n + 3, "'"),
            '\'' if at(n + 2) == '\'' => n += 3,
            c if c.is_alphanumeric() || c == '_' => {
                let begun = n;
                while at(n).is_alphanumeric() || at(n) == '_' {
                    n += 1;
                }
                tokens.push(text[begun..n].iter().collect());
            }
            ':' if at(n + 1) == ':' => {
                tokens.push("::".into());
                n += 2;
            }
            c => {
                if !c.is_whitespace() {
                    tokens.push(c.to_string());
                }
                n += 1;
            }
        }
    }
    tokens
}

/// Behind the next occurrence of this.
fn end(text: &[char], from: usize, mark: &str) -> usize {
    let mark: Vec<char> = mark.chars().collect();
    let found = text[from.min(text.len())..].windows(mark.len()).position(|part| part == mark);
    found.map_or(text.len(), |found| from + found + mark.len())
}

/// Behind the string that begins here, if one does: plain, raw, or of bytes.
fn end_of_string(text: &[char], from: usize) -> Option<usize> {
    let begins = |mark: &str| text[from..].iter().copied().take(mark.len()).eq(mark.chars());
    if begins("r\"") {
        return Some(end(text, from + 2, "\""));
    }
    if begins("r#\"") {
        return Some(end(text, from + 3, "\"#"));
    }
    let mut n = from + if begins("b") { 2 } else { 1 };
    if !begins("\"") && !begins("b\"") {
        return None;
    }
    while n < text.len() && text[n] != '"' {
        n += if text[n] == '\\' { 2 } else { 1 };
    }
    Some((n + 1).min(text.len()))
}

/// The tokens without each item under `#[cfg(test)]`.
fn without_tests(tokens: Vec<String>) -> Vec<String> {
    let mark = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut kept = Vec::new();
    let mut n = 0;
    while n < tokens.len() {
        if tokens[n..].len() >= mark.len() && tokens[n..n + mark.len()] == mark {
            n = end_of_item(&tokens, n + mark.len());
        } else {
            kept.push(tokens[n].clone());
            n += 1;
        }
    }
    kept
}

/// Behind the item that begins here: its `;`, or its last brace.
fn end_of_item(tokens: &[String], from: usize) -> usize {
    let mut depth = 0;
    let mut imports = false;
    for (n, token) in tokens.iter().enumerate().skip(from) {
        match token.as_str() {
            "use" if depth == 0 => imports = true,
            "{" | "[" | "(" => depth += 1,
            "]" | ")" => depth -= 1,
            "}" => {
                depth -= 1;
                if depth == 0 && !imports {
                    return n + 1;
                }
            }
            ";" if depth == 0 => return n + 1,
            _ => {}
        }
    }
    tokens.len()
}

/// Notes what one file defines, imports, re-exports and uses.
fn collect(module: &mut Module, here: &Modules, children: &BTreeSet<String>, tokens: &[String]) {
    const DEFINES: [&str; 9] =
        ["fn", "struct", "enum", "union", "trait", "type", "const", "static", "mod"];
    let mut n = 0;
    while n < tokens.len() {
        let before = n.checked_sub(1).map_or("", |n| tokens[n].as_str());
        let token = tokens[n].as_str();
        if token == "use" {
            let is_shown = matches!(before, "pub" | ")");
            let mut leaves = Vec::new();
            n = use_tree(tokens, n + 1, &[], &mut leaves);
            for (path, name) in leaves {
                let Some(path) = absolute(here, children, &path) else { continue };
                match name.as_str() {
                    "*" => module.globs.push(path.clone()),
                    name => drop(module.names.insert(name.to_string(), path.clone())),
                }
                if !is_shown {
                    module.paths.push(path);
                }
            }
            continue;
        }
        if DEFINES.contains(&before) {
            module.items.insert(token.to_string());
        }
        if before == "!" && n > 1 && tokens[n - 2] == "macro_rules" {
            module.items.insert(token.to_string());
        }
        // `pub(in crate::http)` says who may, and `a::b` is looked at where it begins.
        let begins = before != "::" && before != "." && !(before == "in" && tokens[n - 2] == "(");
        if begins && tokens.get(n + 1).is_some_and(|next| next == "::") {
            let mut path = vec![token.to_string()];
            while tokens.get(n + 1).is_some_and(|next| next == "::")
                && tokens.get(n + 2).is_some_and(|name| is_name(name))
            {
                path.push(tokens[n + 2].clone());
                n += 2;
            }
            module.paths.extend(absolute(here, children, &path));
        }
        n += 1;
    }
}

fn is_name(token: &str) -> bool {
    token.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// Reads one branch of a `use`; gives where it ends, and its leaves with the names they get.
fn use_tree(
    tokens: &[String],
    from: usize,
    stem: &[String],
    leaves: &mut Vec<(Modules, String)>,
) -> usize {
    let mut path = stem.to_vec();
    let mut n = from;
    let mut alias = None;
    loop {
        match tokens.get(n).map_or(";", String::as_str) {
            "::" => n += 1,
            "{" => {
                n += 1;
                while tokens[n] != "}" {
                    n = use_tree(tokens, n, &path, leaves);
                    if tokens[n] == "," {
                        n += 1;
                    }
                }
                return n + 1;
            }
            "," | "}" | ";" => break,
            "as" => {
                alias = Some(tokens[n + 1].clone());
                n += 2;
            }
            name => {
                path.push(name.to_string());
                n += 1;
            }
        }
    }
    let mut name = path.last().cloned().unwrap_or_default();
    if name == "self" && path.len() > 1 || name == "*" {
        path.pop();
    }
    if name == "self" {
        name = path.last().cloned().unwrap_or_default();
    }
    leaves.push((path, alias.unwrap_or(name)));
    n
}

/// A path from the root, if it is one within the crate.
fn absolute(here: &Modules, children: &BTreeSet<String>, path: &[String]) -> Option<Modules> {
    let mut base = here.clone();
    let mut rest = path;
    match path.first()?.as_str() {
        "crate" => base.clear(),
        "self" => {}
        "super" => drop(base.pop()),
        child if children.contains(child) => return Some([base, path.to_vec()].concat()),
        _ => return None,
    }
    rest = &rest[1..];
    while rest.first().is_some_and(|next| next == "super") {
        base.pop();
        rest = &rest[1..];
    }
    (!rest.is_empty()).then(|| [base, rest.to_vec()].concat())
}

/// The file in which what this path names is defined.
fn follow(modules: &BTreeMap<Modules, Module>, path: &[String], turns: usize) -> String {
    let mut at: Modules = Vec::new();
    for (n, name) in path.iter().enumerate() {
        let below = [at.clone(), vec![name.clone()]].concat();
        if modules.contains_key(&below) {
            at = below;
            continue;
        }
        let module = &modules[&at];
        let named = module.names.get(name).filter(|_| !module.items.contains(name));
        let globbed = || module.globs.iter().find(|glob| defines(modules, glob, name));
        let target = named.cloned().or_else(|| {
            let from = globbed().filter(|_| !module.items.contains(name))?;
            Some([from.clone(), vec![name.clone()]].concat())
        });
        let Some(target) = target.filter(|_| turns < 8) else { break };
        return follow(modules, &[&target, &path[n + 1..]].concat(), turns + 1);
    }
    modules[&at].file.clone()
}

fn defines(modules: &BTreeMap<Modules, Module>, module: &Modules, name: &str) -> bool {
    modules.get(module).is_some_and(|module| module.items.contains(name))
}
