//! The map of the house: as text for a terminal, and as a picture.

use super::sources::Sources;
use super::{ROOMS, floor, room};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::PathBuf;

/// Where the picture is kept.
pub fn picture() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/img/house.svg")
}

/// For each room, how often its files use files of another.
fn arrows(sources: &Sources) -> BTreeMap<(&str, &str), usize> {
    let mut counted = BTreeMap::new();
    for (file, uses) in sources.uses.iter().filter(|(file, _)| floor(file).is_some()) {
        for used in uses.iter().filter(|used| room(used) != room(file)) {
            *counted.entry((room(file), room(used))).or_default() += 1;
        }
    }
    counted
}

/// What a room says of itself: the first sentence of its `mod.rs`.
fn says<'a>(sources: &'a Sources, name: &str) -> &'a str {
    let said = sources.says.get(&format!("{name}/mod")).or_else(|| sources.says.get(name));
    said.map_or("", String::as_str)
}

/// The files of a room, without its `mod.rs`.
fn files<'a>(sources: &'a Sources, name: &str) -> Vec<&'a str> {
    let within = sources.uses.keys().filter(|file| room(file) == name);
    within
        .filter_map(|file| file.split_once('/'))
        .map(|(_, file)| file)
        .filter(|f| *f != "mod")
        .collect()
}

/// Each room with its files, what each of them is, and the rooms that it uses.
pub fn map(sources: &Sources) -> String {
    let arrows = arrows(sources);
    let mut text = String::new();
    for name in ROOMS {
        writeln!(text, "{name}: {}", says(sources, name)).unwrap();
        for file in files(sources, name) {
            writeln!(text, "    {file:<14} {}", sources.says[&format!("{name}/{file}")]).unwrap();
        }
        let uses = ROOMS.iter().filter_map(|other| Some((other, arrows.get(&(name, *other))?)));
        let uses: Vec<String> = uses.map(|(other, times)| format!("{other} ({times})")).collect();
        if !uses.is_empty() {
            writeln!(text, "    → {}", uses.join(", ")).unwrap();
        }
    }
    text
}

/// The page that has the table of rooms, and what stands around it there.
pub const PAGE: &str = "CONTRIBUTING.md";
const BEGIN: &str = "<!-- The rooms, from the sources: `make house`. -->\n";
const END: &str = "<!-- Up to here. -->\n";

/// The page with the table as it should be.
pub fn page_with_table(sources: &Sources, page: &str) -> String {
    let (before, rest) = page.split_once(BEGIN).expect(BEGIN);
    let (_, behind) = rest.split_once(END).expect(END);
    let mut table = String::from("| room | what it is | files |\n|---|---|---|\n");
    for name in ROOMS {
        let files = files(sources, name).into_iter().map(|file| format!("`{file}`"));
        let place = match sources.uses.contains_key(name) {
            true => format!("src/{name}.rs"),
            false => format!("src/{name}/"),
        };
        let files = files.collect::<Vec<_>>().join(" ");
        writeln!(table, "| `{place}` | {} | {files} |", says(sources, name)).unwrap();
    }
    format!("{before}{BEGIN}{table}{END}{behind}")
}

const WIDTH: i32 = 640;
const LEFT: i32 = 20;
const RIGHT: i32 = 460;
const HEIGHT: i32 = 44;
const STEP: i32 = 66;

/// What nearly every room uses; the arrows there are left out of the picture.
const USED_BY_ALL: [&str; 2] = ["support", "error"];

/// The rooms above each other, an arrow from each to the ones it uses. An arrow to the next room is
/// straight; the others go around on the right.
pub fn draw(sources: &Sources) -> String {
    let top = |floor: usize| 20 + STEP * floor as i32;
    let pairs: BTreeSet<(usize, usize)> = arrows(sources)
        .into_keys()
        .filter(|(from, to)| !USED_BY_ALL.contains(to) || floor(from) > floor(to))
        .filter_map(|(from, to)| Some((floor(from)?, floor(to)?)))
        .collect();
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {}\" \
         font-family=\"sans-serif\">\n\
         <!-- Drawn by `make house` from the sources. -->\n\
         <title>The rooms of src/ and which uses which</title>\n\
         <defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" \
         markerHeight=\"7\" orient=\"auto\"><path d=\"M0 0L8 4L0 8z\" fill=\"#456\"/></marker></defs>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
        top(ROOMS.len()) + 4,
    );
    for (n, name) in ROOMS.iter().enumerate() {
        let (y, said) = (top(n), shortened(says(sources, name)));
        writeln!(
            svg,
            "<rect x=\"{LEFT}\" y=\"{y}\" width=\"{}\" height=\"{HEIGHT}\" rx=\"4\" fill=\"#eef3f8\" \
             stroke=\"#456\"/>\n<text x=\"{}\" y=\"{}\" font-size=\"15\" font-weight=\"bold\">{name}</text>\n\
             <text x=\"{}\" y=\"{}\" font-size=\"11\" fill=\"#345\">{said}</text>",
            RIGHT - LEFT, LEFT + 12, y + 18, LEFT + 12, y + 35,
        )
        .unwrap();
    }
    for (from, to) in pairs {
        let (begin, end) = (top(from) + HEIGHT, top(to));
        let line = if to == from + 1 {
            format!("M{0} {begin}L{0} {end}", LEFT + 220)
        } else {
            // What leaves a room stands lower than what arrives, in the order of the other end.
            let (out, into) = (top(from) + 16 + 3 * (to as i32), top(to) + 4 + 3 * (from as i32));
            let far = RIGHT + 22 * (to as i32 - from as i32).abs();
            format!("M{RIGHT} {out}C{far} {out} {far} {into} {RIGHT} {into}")
        };
        let color = if to > from { "#456" } else { "#c22" };
        writeln!(
            svg,
            "<path d=\"{line}\" fill=\"none\" stroke=\"{color}\" marker-end=\"url(#tip)\"/>"
        )
        .unwrap();
    }
    let below = top(ROOMS.len()) - 8;
    writeln!(
        svg,
        "<text x=\"{LEFT}\" y=\"{below}\" font-size=\"11\" fill=\"#345\">Any room may use {}; those \
         arrows are left out.</text>",
        USED_BY_ALL.join(" and "),
    )
    .unwrap();
    svg + "</svg>\n"
}

/// One line of the picture, for SVG.
fn shortened(said: &str) -> String {
    let plain = said.replace(['`', '[', ']'], "");
    let mut line: String = plain.chars().take(78).collect();
    if line.len() < plain.len() {
        line.truncate(line.rfind(' ').unwrap_or(line.len()));
        line += " …";
    }
    line.replace('&', "&amp;").replace('<', "&lt;")
}
