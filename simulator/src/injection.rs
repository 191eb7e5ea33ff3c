//! Which calls a fault strikes, and how often.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use crate::clouds::Cloud;
use crate::fault::Fault;
use crate::lock::lock;

/// A rule: at calls like these, this fault.
///
/// A fault that strikes a connection ([`Fault::strikes_connection`]) comes before any call is
/// known. There `call` picks the origin, as the one where that call is made, and the connections
/// that stand idle there are closed when the rule is added, so that the next call needs a new one.
#[derive(Debug, Clone, PartialEq)]
pub struct Injection {
    /// Only at this cloud; `None` = at each.
    pub cloud: Option<Cloud>,
    /// Only at calls of this name; `None` = at each.
    pub call: Option<String>,
    /// So many calls that match are let through first.
    pub skip: usize,
    /// So many calls are struck; `None` = for ever.
    pub times: Option<usize>,
    /// What happens to them.
    pub fault: Fault,
}

impl Injection {
    /// The fault at every call of every cloud, for ever.
    pub fn new(fault: Fault) -> Injection {
        Injection { cloud: None, call: None, skip: 0, times: None, fault }
    }

    /// The fault at a cloud's calls of that name, for ever.
    pub fn at(cloud: Cloud, call: &str, fault: Fault) -> Injection {
        Injection { cloud: Some(cloud), call: Some(call.to_owned()), ..Injection::new(fault) }
    }

    /// Only so many times.
    #[must_use]
    pub fn times(self, times: usize) -> Injection {
        Injection { times: Some(times), ..self }
    }

    /// Only after so many calls that match.
    #[must_use]
    pub fn skip(self, skip: usize) -> Injection {
        Injection { skip, ..self }
    }

    /// Reads the control port's form: the fault's own JSON, and beside it `cloud`, `call`, `skip`
    /// and `times`.
    ///
    /// # Errors
    /// A sentence on what is wrong with it.
    pub fn from_json(json: &Value) -> Result<Injection, String> {
        const MEMBERS: [&str; 4] = ["cloud", "call", "skip", "times"];
        let count = |member: &str| match json.get(member) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => value
                .as_u64()
                .and_then(|count| usize::try_from(count).ok())
                .map(Some)
                .ok_or_else(|| format!("{member} must be a whole number")),
        };
        let nested = json.get("fault").filter(|fault| fault.is_object());
        // What is not the rule's own belongs to the fault, which knows its members.
        let fault = match (nested, json.as_object()) {
            (Some(nested), Some(order)) => {
                let mut others = order.keys().filter(|name| *name != "fault");
                if let Some(other) = others.find(|name| !MEMBERS.contains(&name.as_str())) {
                    return Err(format!("a rule has no member {other:?}"));
                }
                nested.clone()
            }
            (None, Some(order)) => {
                let mut order = order.clone();
                MEMBERS.iter().for_each(|member| drop(order.remove(*member)));
                Value::Object(order)
            }
            _ => json.clone(),
        };
        Ok(Injection {
            cloud: match json.get("cloud") {
                None | Some(Value::Null) => None,
                Some(name) => {
                    let cloud = name.as_str().and_then(Cloud::from_name);
                    Some(cloud.ok_or_else(|| format!("there is no cloud named {name}"))?)
                }
            },
            call: match json.get("call") {
                None | Some(Value::Null) => None,
                Some(call) => Some(call.as_str().ok_or("call must be text")?.to_owned()),
            },
            skip: count("skip")?.unwrap_or(0),
            times: count("times")?,
            fault: Fault::from_json(&fault)?,
        })
    }

    fn matches(&self, cloud: Cloud, struck: Struck<'_>) -> bool {
        if self.cloud.is_some_and(|only| only != cloud) {
            return false;
        }
        match struck {
            Struck::Call(name) => {
                !self.fault.strikes_connection()
                    && self.call.as_deref().is_none_or(|only| only == name)
            }
            Struck::Connection { is_made_here, tls } => {
                self.fault.strikes_connection()
                    && (tls || !matches!(self.fault, Fault::Tls(_)))
                    && self.call.as_deref().is_none_or(is_made_here)
            }
        }
    }
}

/// What is about to happen: a call, or a connection to an origin where some calls are made.
#[derive(Clone, Copy)]
pub(crate) enum Struck<'a> {
    Call(&'a str),
    Connection { is_made_here: &'a dyn Fn(&str) -> bool, tls: bool },
}

/// The rules in force, in the order they were added.
#[derive(Debug, Default)]
pub(crate) struct Injections {
    rules: Mutex<Vec<Injection>>,
    /// How many there are, so that a call without any takes no lock.
    count: AtomicUsize,
}

impl Injections {
    pub(crate) fn add(&self, rule: Injection) {
        let mut rules = lock(&self.rules);
        rules.push(rule);
        self.count.store(rules.len(), Ordering::SeqCst);
    }

    pub(crate) fn clear(&self) {
        lock(&self.rules).clear();
        self.count.store(0, Ordering::SeqCst);
    }

    /// The fault of the first rule that matches and has times left. A rule that still skips counts
    /// this one and leaves it to the rules after it.
    pub(crate) fn take(&self, cloud: Cloud, struck: Struck<'_>) -> Option<Fault> {
        if self.count.load(Ordering::SeqCst) == 0 {
            return None;
        }
        for rule in lock(&self.rules).iter_mut() {
            if rule.times == Some(0) || !rule.matches(cloud, struck) {
                continue;
            }
            if rule.skip > 0 {
                rule.skip -= 1;
                continue;
            }
            if let Some(times) = &mut rule.times {
                *times -= 1;
            }
            return Some(rule.fault.clone());
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_apply_in_order_each_as_often_as_it_says() {
        let injections = Injections::default();
        injections.add(Injection::at(Cloud::Kii, "login", Fault::Empty).skip(1).times(1));
        injections.add(Injection::new(Fault::Bom).times(2));
        let take = |call| injections.take(Cloud::Kii, Struck::Call(call));
        assert_eq!(take("login"), Some(Fault::Bom));
        assert_eq!(take("login"), Some(Fault::Empty));
        assert_eq!(take("refresh"), Some(Fault::Bom));
        assert_eq!(take("refresh"), None);
    }

    #[test]
    fn a_fault_of_connections_never_strikes_a_call() {
        let injections = Injections::default();
        let fault = Fault::from_name("tls:expired").unwrap();
        injections.add(Injection::at(Cloud::Simacan, "api", fault.clone()));
        assert_eq!(injections.take(Cloud::Simacan, Struck::Call("api")), None);
        let connect = |calls: &[&str], tls| {
            let is_made_here = |call: &str| calls.contains(&call);
            let struck = Struck::Connection { is_made_here: &is_made_here, tls };
            injections.take(Cloud::Simacan, struck)
        };
        assert_eq!(connect(&["login"], true), None);
        assert_eq!(connect(&["api"], false), None);
        assert_eq!(connect(&["api"], true), Some(fault));
    }

    #[test]
    fn a_rule_is_read_from_json() {
        let rule = serde_json::json!({ "cloud": "kii", "call": "refresh", "times": 2, "fault": "reset:before-headers:executed" });
        let fault = Fault::from_name("reset:before-headers:executed").unwrap();
        let expected = Injection::at(Cloud::Kii, "refresh", fault).times(2);
        assert_eq!(Injection::from_json(&rule).unwrap(), expected);
    }
}
