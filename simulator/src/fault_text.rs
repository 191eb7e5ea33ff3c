//! Faults in writing: a stable name for tables, and a JSON form for the control port.

use std::fmt;

use serde_json::{Map, Value, json};

use crate::fault::{Fault, RedirectTo, Stage, TlsFault, WireFault};

impl Fault {
    /// The stable name. [`Fault::from_name`] reads it back, unless it had to leave out an answer's
    /// headers and body or a long value: [`Fault::to_json`] leaves out nothing.
    pub fn name(&self) -> String {
        match self {
            Fault::Reset { at, executed } => cut_name("reset", *at, *executed),
            Fault::Close { at, executed } => cut_name("close", *at, *executed),
            Fault::Stall { at, executed } => cut_name("stall", *at, *executed),
            Fault::Drip { ms } => format!("drip:{ms}"),
            Fault::Delay { ms } => format!("delay:{ms}"),
            Fault::Tls(fault) => format!("tls:{}", fault.name()),
            Fault::Wire(fault) => format!("wire:{}", fault.name()),
            Fault::Redirect { status, to } => format!("redirect:{status}:{}", to.name()),
            Fault::Answer { status, .. } => format!("status:{status}"),
            Fault::Lost { status } => format!("lost:{status}"),
            Fault::Html200 => "html-200".to_owned(),
            Fault::Empty => "empty".to_owned(),
            Fault::Truncated => "truncated".to_owned(),
            Fault::NotObject => "not-object".to_owned(),
            Fault::DeepJson(depth) => format!("deep-json:{depth}"),
            Fault::HugeBody { bytes, chunked } => {
                let framing = if *chunked { "chunked" } else { "content-length" };
                format!("huge-body:{bytes}:{framing}")
            }
            Fault::GzipBomb { bytes } => format!("gzip-bomb:{bytes}"),
            Fault::InvalidUtf8 => "invalid-utf8".to_owned(),
            Fault::Bom => "bom".to_owned(),
            Fault::DuplicateKeys => "duplicate-keys".to_owned(),
            Fault::SetField { pointer, value } => {
                format!("set-field:{pointer}={}", brief(value.to_string()))
            }
            Fault::RawField { pointer, text } => {
                format!("raw-field:{pointer}={}", brief(text.clone()))
            }
            Fault::RemoveField { pointer } => format!("remove-field:{pointer}"),
            Fault::SetHeader { name, value } => {
                format!("set-header:{name}={}", brief(value.clone()))
            }
            Fault::RemoveHeader { name } => format!("remove-header:{name}"),
        }
    }

    /// The fault of that name.
    ///
    /// # Errors
    /// A sentence on what is wrong with the name.
    pub fn from_name(name: &str) -> Result<Fault, String> {
        let (kind, rest) = name.split_once(':').unwrap_or((name, ""));
        let unknown = || format!("there is no fault named {name:?}");
        let number = || rest.parse::<u64>().map_err(|_| format!("{name:?} needs a number"));
        let status = || {
            let parsed = rest.parse::<u16>().ok().filter(|status| (200..=999).contains(status));
            parsed.ok_or_else(|| format!("{name:?} needs a status from 200 to 999"))
        };
        let assigned = || rest.split_once('=').ok_or_else(|| format!("{name:?} needs a '='"));
        Ok(match kind {
            "reset" | "close" | "stall" => {
                let (stage, executed) = match rest.strip_suffix(":executed") {
                    Some(stage) => (stage, true),
                    None => (rest, false),
                };
                let found = Stage::ALL.into_iter().find(|at| at.name() == stage);
                let at = found.ok_or_else(unknown)?;
                match kind {
                    "reset" => Fault::Reset { at, executed },
                    "close" => Fault::Close { at, executed },
                    _ => Fault::Stall { at, executed },
                }
            }
            "drip" => Fault::Drip { ms: number()? },
            "delay" => Fault::Delay { ms: number()? },
            "tls" => {
                let found = TlsFault::ALL.into_iter().find(|fault| fault.name() == rest);
                Fault::Tls(found.ok_or_else(unknown)?)
            }
            "wire" => {
                let found = WireFault::ALL.into_iter().find(|fault| fault.name() == rest);
                Fault::Wire(found.ok_or_else(unknown)?)
            }
            "redirect" => {
                let (status, to) = rest.split_once(':').ok_or_else(unknown)?;
                let found = RedirectTo::ALL.into_iter().find(|target| target.name() == to);
                let statuses = [301, 302, 303, 307, 308].into_iter();
                let mut known = statuses.filter(|known: &u16| known.to_string() == status);
                Fault::Redirect {
                    status: known.next().ok_or_else(unknown)?,
                    to: found.ok_or_else(unknown)?,
                }
            }
            "status" => Fault::status(status()?),
            "lost" => Fault::Lost { status: status()? },
            "html-200" => Fault::Html200,
            "empty" => Fault::Empty,
            "truncated" => Fault::Truncated,
            "not-object" => Fault::NotObject,
            "deep-json" => Fault::DeepJson(usize::try_from(number()?).map_err(|_| unknown())?),
            "huge-body" => {
                let (bytes, framing) = rest.split_once(':').unwrap_or((rest, "content-length"));
                Fault::HugeBody {
                    bytes: bytes.parse().map_err(|_| format!("{name:?} needs a number"))?,
                    chunked: match framing {
                        "chunked" => true,
                        "content-length" => false,
                        _ => return Err(unknown()),
                    },
                }
            }
            "gzip-bomb" => Fault::GzipBomb { bytes: number()? },
            "invalid-utf8" => Fault::InvalidUtf8,
            "bom" => Fault::Bom,
            "duplicate-keys" => Fault::DuplicateKeys,
            "set-field" => {
                let (pointer, text) = assigned()?;
                let value = serde_json::from_str(text);
                Fault::SetField {
                    pointer: pointer.to_owned(),
                    value: value.map_err(|_| format!("{name:?} needs a JSON value after '='"))?,
                }
            }
            "raw-field" => {
                let (pointer, text) = assigned()?;
                Fault::raw_field(pointer, text)
            }
            "remove-field" => Fault::remove_field(rest),
            "set-header" => {
                let (header, value) = assigned()?;
                Fault::SetHeader { name: header.to_owned(), value: value.to_owned() }
            }
            "remove-header" => Fault::RemoveHeader { name: rest.to_owned() },
            _ => return Err(unknown()),
        })
    }

    /// The JSON form: `{"fault": name}`, and beside it what a name has no room for: `headers` and
    /// `body` of an answer, `pointer` with `value` or `text` of a field.
    pub fn to_json(&self) -> Value {
        let mut object = Map::new();
        object.insert("fault".to_owned(), json!(self.name()));
        match self {
            Fault::Answer { headers, body, .. } => {
                object.insert("headers".to_owned(), json!(headers));
                object.insert("body".to_owned(), json!(String::from_utf8_lossy(body)));
            }
            Fault::SetField { pointer, value } => {
                object.insert("fault".to_owned(), json!("set-field"));
                object.insert("pointer".to_owned(), json!(pointer));
                object.insert("value".to_owned(), value.clone());
            }
            Fault::RawField { pointer, text } => {
                object.insert("fault".to_owned(), json!("raw-field"));
                object.insert("pointer".to_owned(), json!(pointer));
                object.insert("text".to_owned(), json!(text));
            }
            Fault::SetHeader { name, value } => {
                object.insert("fault".to_owned(), json!("set-header"));
                object.insert("name".to_owned(), json!(name));
                object.insert("value".to_owned(), json!(value));
            }
            _ => {}
        }
        Value::Object(object)
    }

    /// Reads [`Fault::to_json`]'s form, or a bare name. An answer's `headers` may be an object or a
    /// list of pairs, and its `body` text or an object.
    ///
    /// # Errors
    /// A sentence on what is wrong with it.
    pub fn from_json(json: &Value) -> Result<Fault, String> {
        let name = json.as_str().or_else(|| json["fault"].as_str());
        let name = name.ok_or("a fault is a name, or an object with the name under \"fault\"")?;
        let text = |member: &str| {
            let found = json[member].as_str().map(str::to_owned);
            found.ok_or_else(|| format!("{name} needs text under {member:?}"))
        };
        let members: &[&str] = match name.split(':').next().unwrap_or(name) {
            "set-field" if name == "set-field" => &["fault", "pointer", "value"],
            "raw-field" if name == "raw-field" => &["fault", "pointer", "text"],
            "set-header" if name == "set-header" => &["fault", "name", "value"],
            "status" => &["fault", "headers", "body"],
            _ => &["fault"],
        };
        let mut given = json.as_object().into_iter().flat_map(Map::keys);
        if let Some(other) = given.find(|given| !members.contains(&given.as_str())) {
            return Err(format!("the fault {name} has no member {other:?}"));
        }
        match name {
            "set-field" => Ok(Fault::SetField {
                pointer: text("pointer")?,
                value: json.get("value").cloned().ok_or("set-field needs a \"value\"")?,
            }),
            "raw-field" => Ok(Fault::RawField { pointer: text("pointer")?, text: text("text")? }),
            "set-header" => Ok(Fault::SetHeader { name: text("name")?, value: text("value")? }),
            _ => {
                let mut fault = Fault::from_name(name)?;
                if let Fault::Answer { headers, body, .. } = &mut fault {
                    if let Some(given) = json.get("headers") {
                        *headers = header_pairs(given)?;
                    }
                    match json.get("body") {
                        Some(Value::String(text)) => *body = text.clone().into_bytes(),
                        Some(other) => *body = other.to_string().into_bytes(),
                        None => {}
                    }
                }
                Ok(fault)
            }
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.name())
    }
}

fn cut_name(kind: &str, at: Stage, executed: bool) -> String {
    let executed = if executed { ":executed" } else { "" };
    format!("{kind}:{}{executed}", at.name())
}

/// A name goes into tables: a megabyte of token does not.
fn brief(text: String) -> String {
    if text.len() <= 40 { text } else { format!("({} bytes)", text.len()) }
}

fn header_pairs(given: &Value) -> Result<Vec<(String, String)>, String> {
    let wrong = || "headers are an object of strings, or a list of pairs of strings".to_owned();
    let text = |value: &Value| value.as_str().map(str::to_owned).ok_or_else(wrong);
    match given {
        Value::Object(members) => {
            members.iter().map(|(name, value)| Ok((name.clone(), text(value)?))).collect()
        }
        Value::Array(pairs) => {
            pairs.iter().map(|pair| Ok((text(&pair[0])?, text(&pair[1])?))).collect()
        }
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_read_back_from_its_name_and_its_json() {
        for fault in Fault::catalogue() {
            assert_eq!(Fault::from_name(&fault.name()).unwrap(), fault);
            assert_eq!(Fault::from_json(&fault.to_json()).unwrap(), fault);
        }
    }

    #[test]
    fn no_two_faults_of_the_catalogue_share_a_name() {
        let mut names: Vec<String> = Fault::catalogue().iter().map(Fault::name).collect();
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn what_a_name_has_no_room_for_is_in_the_json() {
        let token = Value::String("x".repeat(1 << 20));
        for fault in [
            Fault::set_field("/access_token", token),
            Fault::raw_field("/expires_in", "1e300"),
            Fault::answer(429, &[("Retry-After", "7")], ""),
            Fault::SetHeader { name: "Date".into(), value: "yesterday".into() },
        ] {
            assert!(fault.name().len() < 80);
            assert_eq!(Fault::from_json(&fault.to_json()).unwrap(), fault);
        }
        let named = Fault::from_name("set-field:/expires_in=\"3600\"").unwrap();
        assert_eq!(named, Fault::set_field("/expires_in", json!("3600")));
    }

    #[test]
    fn a_wrong_name_is_told() {
        for name in [
            "",
            "reset",
            "reset:later",
            "tls:",
            "status:99",
            "status:x",
            "redirect:305:same",
            "set-field:/a",
        ] {
            assert!(Fault::from_name(name).is_err(), "{name:?} was taken");
        }
    }
}
