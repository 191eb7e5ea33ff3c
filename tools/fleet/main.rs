//! What a token endpoint sees of a million gateways: prints docs/FLEET.md's table, and draws its
//! pictures into docs/img. `make fleet`.

mod model;

use model::{FROM, Failure, Load, Rule, SECONDS, Story, TO, run};
use std::fmt::Write;

const STORIES: [(&str, &str, Story); 6] = [
    ("common-boot", "all boot within a minute", Story::CommonBoot),
    ("rolling-start", "booted one after the other, over an hour", Story::RollingStart),
    ("outage-503", "an hour of 503", Story::Outage(Failure::Bare)),
    ("outage-seconds", "an hour of 503, Retry-After: 120", Story::Outage(Failure::Seconds)),
    ("outage-date", "an hour of 503, Retry-After: its end", Story::Outage(Failure::Date)),
    ("outage-silence", "an hour without an answer", Story::Outage(Failure::Silence)),
];

const RULES: [(&str, &str, Rule); 3] = [
    ("keyfob", "#0b6e4f", Rule::Keyfob),
    ("fixed skew, 30 s between tries", "#c8553d", Rule::FixedSkew),
    ("doubling to 300 s, no jitter", "#7d8ca3", Rule::Doubling),
];

fn main() -> std::io::Result<()> {
    let gateways = std::env::args().nth(1).map_or(1_000_000, |n| n.parse().expect("a number"));
    let pictures = std::env::args().nth(2);
    println!("| what happens | client | meanwhile | at its end | an hour later |");
    println!("|---|---|---|---|---|");
    for (file, what, story) in STORIES {
        let loads = RULES.map(|(_, _, rule)| run(gateways, rule, story));
        for ((name, _, _), load) in RULES.iter().zip(&loads) {
            let [meanwhile, end, later] = match story {
                Story::Outage(_) => [(FROM, TO), (TO, TO + 3600), (TO + 3600, SECONDS)],
                Story::CommonBoot => [(0, 120), (120, 3600), (3600, SECONDS)],
                Story::RollingStart => [(0, 3600), (3600, 7200), (7200, SECONDS)],
            }
            .map(|(from, to)| load.peak(10, from, to));
            println!("| {what} | {name} | {meanwhile:.0} | {end:.0} | {later:.0} |");
        }
        if let Some(directory) = &pictures {
            std::fs::write(format!("{directory}/fleet-{file}.svg"), picture(what, &loads))?;
        }
    }
    Ok(())
}

/// Calls a second over the hours, on a logarithmic scale.
fn picture(title: &str, loads: &[Load; 3]) -> String {
    const WIDTH: f64 = 800.0;
    const HEIGHT: f64 = 300.0;
    const STEP: usize = 30;
    let x = |second: usize| 60.0 + second as f64 / SECONDS as f64 * (WIDTH - 80.0);
    let y = |calls: f64| HEIGHT - 40.0 - calls.max(1.0).log10() / 5.0 * (HEIGHT - 90.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n<title>{title}</title>\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"white\"/>\n\
         <text x=\"60\" y=\"20\" font-size=\"14\">Calls a second: {title}</text>\n"
    );
    for power in 0..=5 {
        let calls = 10f64.powi(power);
        let (at, right) = (y(calls), x(SECONDS));
        writeln!(svg, "<path d=\"M60 {at:.0}H{right:.0}\" stroke=\"#ddd\"/>").ok();
        writeln!(svg, "<text x=\"54\" y=\"{:.0}\" text-anchor=\"end\">{calls}</text>", at + 4.0)
            .ok();
    }
    for hour in 0..=SECONDS / 3600 {
        let at = x(hour * 3600);
        writeln!(svg, "<text x=\"{at:.0}\" y=\"{:.0}\">{hour} h</text>", HEIGHT - 20.0).ok();
    }
    for (place, ((name, colour, _), load)) in RULES.iter().zip(loads).enumerate().rev() {
        let mut path = String::new();
        for second in (0..SECONDS - STEP).step_by(STEP) {
            let letter = if second == 0 { 'M' } else { 'L' };
            let calls = load.mean(second, second + STEP);
            write!(path, "{letter}{:.1} {:.1}", x(second), y(calls)).ok();
        }
        writeln!(
            svg,
            "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\"/>"
        )
        .ok();
        let at = 60.0 + 250.0 * place as f64;
        writeln!(svg, "<text x=\"{at}\" y=\"40\" fill=\"{colour}\">{name}</text>").ok();
    }
    svg.push_str("</svg>\n");
    svg
}
