//! What a token endpoint sees of a fleet that runs keyfob: the bars of docs/FLEET.md, with a tenth of
//! the gateways. The figures are those of a million.

#[allow(dead_code)] // tools/fleet uses the rest
#[path = "../tools/fleet/model.rs"]
mod model;

use model::{FROM, Failure, LIFETIME, Rule, SECONDS, Story, TO, run};

const GATEWAYS: usize = 100_000;
/// What chance alone adds to the highest of many minutes, with as few gateways.
const NOISE: f64 = 1.09;

const FAILURES: [Failure; 4] = [Failure::Bare, Failure::Seconds, Failure::Date, Failure::Silence];

/// Renewals a second of a fleet that is spread evenly.
fn mean() -> f64 {
    1e6 / (LIFETIME.as_secs_f64() - 225.0)
}

#[test]
fn after_a_common_boot_renewals_peak_at_half_above_the_mean() {
    let load = run(GATEWAYS, Rule::Keyfob, Story::CommonBoot);
    let peak = load.peak(60, 600, SECONDS);
    assert!(peak < 1.5 * mean() * NOISE, "{peak:.0} a second");
    let others = run(GATEWAYS, Rule::FixedSkew, Story::CommonBoot).peak(60, 600, SECONDS);
    assert!(others > 10.0 * peak, "what it would be without: {others:.0}");
}

#[test]
fn an_outage_and_its_end_bring_no_more_than_the_bars() {
    for failure in FAILURES {
        let load = run(GATEWAYS, Rule::Keyfob, Story::Outage(failure));
        let most = |what: &str, most: f64, from, to| {
            let peak = load.peak(60, from, to);
            assert!(peak < most, "{failure:?}, {what}: {peak:.0} a second, not {most:.0}");
        };
        most("while it lasts", 20.0 * mean(), FROM, TO);
        most("at its end", 3_500.0, TO, TO + 3600);
        most("an hour later", 1.5 * mean() * NOISE, TO + 3600, SECONDS);
    }
}
