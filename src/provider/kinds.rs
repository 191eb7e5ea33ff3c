//! What a profile's values are made of, each through the values that it names: so it is known where
//! a name may stand, and what must be computed for each request.
//!
//! Found once, when a profile is parsed. With it a profile is refused that signs a login with a
//! token there is none of, and a client knows without computing anything whether headers can be
//! kept.

use super::computed::Computed;
use super::template::Template;
use crate::support::ordered::Ordered;

/// What a template may name only where a request stands, whose headers it makes.
pub(crate) const REQUEST_NAMES: &[&str] =
    &["method", "path", "target", "sorted_query", "host", "accept", "content_type", "body"];

/// What a text is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Kind {
    /// It cannot do without a token.
    pub token: bool,
    /// The request that it goes with.
    pub request: bool,
    /// That request's body, which then must be at hand.
    pub body: bool,
    /// The time, or a random number.
    pub moment: bool,
    /// What a step has saved of an answer.
    pub learnt: bool,
    /// A secret of the user's, or something that is made of one.
    pub secret: bool,
}

impl Kind {
    /// What a text is made of that is made of both.
    fn and(self, other: Kind) -> Kind {
        Kind {
            token: self.token || other.token,
            request: self.request || other.request,
            body: self.body || other.body,
            moment: self.moment || other.moment,
            learnt: self.learnt || other.learnt,
            secret: self.secret || other.secret,
        }
    }

    /// Whether it is another one for each request.
    pub fn is_new_each_time(self) -> bool {
        self.request || self.moment
    }
}

/// The kind of each value.
#[derive(Clone, Debug, Default)]
pub(crate) struct Kinds {
    /// By the names of the profile's `values`.
    values: Ordered<Kind>,
    /// Names of a request that mean something else in this profile: format 1 had no requests, and a
    /// profile of it may have an option called `path`.
    taken: Vec<String>,
    /// What steps save.
    saved: Vec<String>,
    /// The options that are secret.
    secrets: Vec<String>,
}

impl Kinds {
    /// Finds the kind of each value: what it names itself, then what that is made of, as far as a
    /// chain of values can go.
    pub fn of<'a>(
        values: impl Iterator<Item = (&'a str, Vec<&'a Template>, Vec<&'a Computed>)>,
        taken: Vec<String>,
        saved: Vec<String>,
        secrets: Vec<String>,
    ) -> Kinds {
        let all: Vec<_> = values.collect();
        let mut kinds = Kinds { values: Ordered::default(), taken, saved, secrets };
        for (name, _, computed) in &all {
            let moment = computed.iter().any(|computed| computed.is_of_the_moment());
            kinds.values.0.push((name.to_string(), Kind { moment, ..Kind::default() }));
        }
        loop {
            let before = kinds.values.clone();
            for (index, (_, templates, _)) in all.iter().enumerate() {
                let known = kinds.values.0[index].1;
                let named = templates.iter().map(|template| kinds.of_template(template));
                kinds.values.0[index].1 = named.fold(known, Kind::and);
            }
            if before == kinds.values {
                return kinds;
            }
        }
    }

    /// What a template is made of: all that its names are.
    pub fn of_template(&self, template: &Template) -> Kind {
        let names = template.names().map(|(name, optional)| self.of_name(name, optional));
        names.fold(Kind::default(), Kind::and)
    }

    /// Whether any step gives this name a meaning. Only these names may come from a store.
    pub fn saves(&self, name: &str) -> bool {
        self.saved.iter().any(|saved| saved == name)
    }

    /// What a name stands for. An optional token is none: the same value then serves a login, which
    /// has no token, and a request.
    pub fn of_name(&self, name: &str, optional: bool) -> Kind {
        if let Some(kind) = self.values.get(name) {
            return *kind;
        }
        let token = !optional && matches!(name, "access_token" | "refresh_token");
        let request = REQUEST_NAMES.contains(&name) && !self.taken.iter().any(|t| t == name);
        let body = request && name == "body";
        let secret = self.secrets.iter().any(|secret| secret == name);
        Kind { token, request, body, moment: false, learnt: self.saves(name), secret }
    }
}
