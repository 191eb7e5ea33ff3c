//! A fleet of gateways at one token endpoint, second by second.
//!
//! Each gateway has one token of an hour and renews it in the background. When it does so is the
//! client's rule: keyfob's, which is asked of the library itself, or that of others for comparison.

use std::time::Duration;

/// What the gateways run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    Keyfob,
    /// Renews a fixed time before the end, and tries again each half minute.
    FixedSkew,
    /// The same, with waits that double to five minutes. No jitter.
    Doubling,
}

/// What happens to the fleet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Story {
    /// All boot within a minute and log in.
    CommonBoot,
    /// They boot one after the other, over an hour.
    RollingStart,
    /// They have run for long when the endpoint fails for an hour.
    Outage(Failure),
}

/// How the endpoint fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// 503 without a word of when.
    Bare,
    /// 503 with `Retry-After: 120`.
    Seconds,
    /// 503 with `Retry-After:` the moment at which the outage ends.
    Date,
    /// No answer within 30 seconds.
    Silence,
}

pub const LIFETIME: Duration = Duration::from_secs(3600);
/// The outage, in seconds from the beginning.
pub const FROM: usize = 4 * 3600;
pub const TO: usize = 5 * 3600;
/// How long it is looked at.
pub const SECONDS: usize = 9 * 3600;
const ASKED: Duration = Duration::from_secs(120);
const SKEW: Duration = Duration::from_secs(300);
const TIMEOUT: Duration = Duration::from_secs(30);

/// How often the endpoint was called in each second.
pub struct Load {
    pub calls: Vec<u32>,
    pub gateways: usize,
}

impl Load {
    /// The most calls a second, in the mean of so many seconds, for a fleet of a million.
    pub fn peak(&self, over: usize, from: usize, to: usize) -> f64 {
        let sums = self.calls[from..to].windows(over).map(|some| some.iter().sum::<u32>());
        f64::from(sums.max().unwrap_or(0)) / over as f64 * self.scale()
    }

    /// The calls a second in the mean of all that time, for a fleet of a million.
    pub fn mean(&self, from: usize, to: usize) -> f64 {
        let sum: u64 = self.calls[from..to].iter().map(|n| u64::from(*n)).sum();
        sum as f64 / (to - from) as f64 * self.scale()
    }

    pub fn scale(&self) -> f64 {
        1e6 / self.gateways as f64
    }
}

/// One of them. Times are milliseconds from the beginning, and may lie before it.
struct Gateway {
    issued: i64,
    out_of_turn: bool,
    failures: u8,
    bound: Duration,
    places: [f64; 2],
}

impl Gateway {
    fn due(&self, rule: Rule) -> i64 {
        let after = match rule {
            Rule::Keyfob => keyfob::fleet::renewal_after(LIFETIME, self.places, self.out_of_turn),
            Rule::FixedSkew | Rule::Doubling => LIFETIME - SKEW,
        };
        self.issued + millis(after)
    }

    fn left(&self, now: i64) -> Duration {
        let left = self.issued + millis(LIFETIME) - now;
        Duration::from_millis(u64::try_from(left).unwrap_or(0))
    }

    /// The endpoint failed; gives how long the gateway waits.
    fn fail(&mut self, rule: Rule, asked: Option<Duration>, now: i64, chance: f64) -> Duration {
        self.failures = self.failures.saturating_add(1);
        match rule {
            Rule::Keyfob => {
                let left = self.left(now);
                self.bound = keyfob::fleet::bound(self.bound, left);
                keyfob::fleet::pause(asked, self.bound, left, chance)
            }
            Rule::FixedSkew => asked.unwrap_or(Duration::from_secs(30)),
            Rule::Doubling => {
                let doubled = Duration::from_secs(1 << (self.failures - 1).min(9));
                asked.unwrap_or(doubled.min(Duration::from_secs(300)))
            }
        }
    }

    fn succeed(&mut self, rule: Rule, now: i64) {
        let in_turn = self.failures == 0 && self.due(rule) <= now && !self.left(now).is_zero();
        *self = Gateway {
            issued: now,
            out_of_turn: !in_turn,
            failures: 0,
            bound: Duration::ZERO,
            places: self.places,
        };
    }
}

fn millis(duration: Duration) -> i64 {
    duration.as_millis() as i64
}

/// Chance that comes out the same each time (SplitMix64).
struct Chance(u64);

impl Chance {
    fn draw(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// What is to happen, by the second.
struct Agenda(Vec<Vec<(u16, u32)>>);

impl Agenda {
    fn add(&mut self, at: i64, gateway: usize) {
        let (second, rest) = (at.div_euclid(1000), at.rem_euclid(1000));
        if let Some(events) = usize::try_from(second).ok().and_then(|at| self.0.get_mut(at)) {
            events.push((rest as u16, gateway as u32));
        }
    }
}

/// Lets the fleet live through the story.
pub fn run(gateways: usize, rule: Rule, story: Story) -> Load {
    let mut chance = Chance(15);
    let mut agenda = Agenda(vec![Vec::new(); SECONDS]);
    let mut fleet = Vec::with_capacity(gateways);
    for number in 0..gateways {
        let places = [chance.draw(), chance.draw()];
        let mut gateway =
            Gateway { issued: 0, out_of_turn: true, failures: 0, bound: Duration::ZERO, places };
        let first = match story {
            // The first call of these is their login.
            Story::CommonBoot => (chance.draw() * 60_000.0) as i64,
            Story::RollingStart => (chance.draw() * 3_600_000.0) as i64,
            Story::Outage(_) => {
                gateway.out_of_turn = false;
                let life = gateway.due(rule);
                let passed = (chance.draw() * life as f64) as i64;
                gateway.issued = -passed;
                life - passed
            }
        };
        if !matches!(story, Story::Outage(_)) {
            gateway.issued = first - millis(LIFETIME);
        }
        agenda.add(first, number);
        fleet.push(gateway);
    }
    let mut calls = vec![0; SECONDS];
    let count = |calls: &mut Vec<u32>, at: i64| {
        if let Some(second) = calls.get_mut(usize::try_from(at / 1000).unwrap_or(SECONDS)) {
            *second += 1;
        }
    };
    for second in 0..SECONDS {
        let mut next = 0;
        while let Some((rest, number)) = agenda.0[second].get(next).copied() {
            next += 1;
            let now = second as i64 * 1000 + i64::from(rest);
            let gateway = &mut fleet[number as usize];
            count(&mut calls, now);
            let failure = match story {
                Story::Outage(failure) if (FROM..TO).contains(&second) => failure,
                _ => {
                    gateway.succeed(rule, now);
                    agenda.add(gateway.due(rule), number as usize);
                    continue;
                }
            };
            let mut at = now;
            if rule == Rule::Keyfob && failure == Failure::Bare && gateway.failures == 0 {
                for attempt in 1..=2 {
                    at += millis(keyfob::fleet::inside_a_call(attempt, chance.draw()));
                    count(&mut calls, at);
                }
            }
            let asked = match failure {
                Failure::Bare => None,
                Failure::Silence => {
                    at += millis(TIMEOUT);
                    None
                }
                Failure::Seconds => Some(ASKED),
                // In whole seconds, as HTTP has it.
                Failure::Date => Some(Duration::from_secs((TO - second) as u64)),
            };
            let wait = gateway.fail(rule, asked, at, chance.draw());
            agenda.add(at + millis(wait).max(1), number as usize);
        }
        agenda.0[second] = Vec::new();
    }
    Load { calls, gateways }
}
