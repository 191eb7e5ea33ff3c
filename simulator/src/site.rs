//! One cloud's memory: its accounts and their locks, its tokens, and the things created there.

use std::collections::{HashMap, HashSet};

use crate::clouds::person::People;
use crate::tokens::{Habits, Vault};

/// Wrong passwords in a row that lock an account, and for how long.
pub(crate) const LOCK_AFTER: usize = 5;
pub(crate) const LOCK_MS: i64 = 30 * 60 * 1000;

/// Why a login is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    Wrong,
    Locked,
}

impl Refused {
    pub(crate) fn why(self) -> &'static str {
        match self {
            Refused::Wrong => "the name or the password is wrong",
            Refused::Locked => "the account is locked after too many wrong passwords",
        }
    }
}

#[derive(Debug, Default)]
struct Row {
    wrong: usize,
    locked_until_ms: i64,
}

#[derive(Debug)]
pub(crate) struct Site {
    secrets: HashMap<String, String>,
    rows: HashMap<String, Row>,
    pub(crate) logins_failed: usize,
    pub(crate) vault: Vault,
    pub(crate) things: HashSet<String>,
    /// Words that are good once, and what for.
    pub(crate) one_time: HashMap<String, String>,
    /// Clients that people are asked about.
    pub(crate) people: People,
    /// IoTConnect's basic tokens and when each ends.
    pub(crate) basic_tokens: HashMap<String, i64>,
}

impl Site {
    pub(crate) fn new(habits: Habits, secrets: &[(&str, &str)]) -> Site {
        let secrets = secrets.iter();
        Site {
            secrets: secrets
                .map(|(name, secret)| ((*name).to_owned(), (*secret).to_owned()))
                .collect(),
            rows: HashMap::new(),
            logins_failed: 0,
            vault: Vault::new(habits),
            things: HashSet::new(),
            one_time: HashMap::new(),
            people: People::default(),
            basic_tokens: HashMap::new(),
        }
    }

    pub(crate) fn set_secret(&mut self, principal: &str, secret: &str) {
        self.secrets.insert(principal.to_owned(), secret.to_owned());
    }

    /// What opens a principal.
    pub(crate) fn secret(&self, principal: &str) -> Option<&str> {
        self.secrets.get(principal).map(String::as_str)
    }

    /// Judges a login. A wrong one is counted; enough of them in a row lock the account, and then
    /// even the right secret is refused.
    pub(crate) fn login(
        &mut self,
        principal: &str,
        secret: &str,
        now_ms: i64,
    ) -> Result<(), Refused> {
        let right = self.secrets.get(principal).is_some_and(|known| known == secret);
        let row = self.rows.entry(principal.to_owned()).or_default();
        if row.locked_until_ms > now_ms {
            self.logins_failed += 1;
            return Err(Refused::Locked);
        }
        if right {
            row.wrong = 0;
            return Ok(());
        }
        self.logins_failed += 1;
        row.wrong += 1;
        if row.wrong >= LOCK_AFTER {
            row.wrong = 0;
            row.locked_until_ms = now_ms.saturating_add(LOCK_MS);
        }
        Err(Refused::Wrong)
    }

    /// Some account is locked now.
    pub(crate) fn locked(&self, now_ms: i64) -> bool {
        self.rows.values().any(|row| row.locked_until_ms > now_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokens::{Form, Rotation};

    #[test]
    fn five_wrong_passwords_in_a_row_lock_for_half_an_hour() {
        let habits = Habits {
            form: Form::Opaque,
            access: None,
            refresh: None,
            rotation: Rotation::Keep,
            refresh_ends_access: false,
        };
        let mut site = Site::new(habits, &[("someone", "right")]);
        for _ in 0..4 {
            assert_eq!(site.login("someone", "wrong", 0), Err(Refused::Wrong));
        }
        assert_eq!(site.login("someone", "right", 0), Ok(()));
        for _ in 0..5 {
            assert_eq!(site.login("someone", "wrong", 0), Err(Refused::Wrong));
        }
        assert!(site.locked(0));
        assert_eq!(site.login("someone", "right", LOCK_MS - 1), Err(Refused::Locked));
        assert_eq!(site.login("someone", "right", LOCK_MS), Ok(()));
        assert_eq!(site.logins_failed, 10);
    }
}
