//! Which clouds there are: one line each, in the order in which their ports are opened.

/// Hands the table to another macro: documentation, variant, name, module, rules.
macro_rules! every_cloud {
    ($then:ident) => {
        $then! {
            "Kontakt.io, Kio Cloud." Kontakt "kontakt" kontakt::Kontakt,
            "Avnet IoTConnect." IotConnect "iotconnect" iotconnect::IotConnect,
            "Kii Cloud." Kii "kii" kii::Kii,
            "Simacan's Auth API and a target API." Simacan "simacan" simacan::Simacan,
            "A plain OAuth 2.0 authorization server with a resource of its own." OAuth2 "oauth2" oauth2::OAuth2,
            "ThingsBoard." ThingsBoard "thingsboard" thingsboard::ThingsBoard,
        }
    };
}
pub(super) use every_cloud;

macro_rules! declare {
    ($($what:literal $variant:ident $name:literal $module:ident :: $rules:ident,)*) => {
        /// A cloud that is simulated.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Cloud {
            $(#[doc = $what] $variant,)*
        }

        impl Cloud {
            /// All of them, in the order in which their ports are opened.
            pub const ALL: [Cloud; [$($name),*].len()] = [$(Cloud::$variant),*];

            /// The name used at the control port and on the command line.
            pub fn name(self) -> &'static str {
                match self {
                    $(Cloud::$variant => $name,)*
                }
            }
        }
    };
}
every_cloud!(declare);

impl Cloud {
    /// The cloud of that name.
    pub fn from_name(name: &str) -> Option<Cloud> {
        Cloud::ALL.into_iter().find(|cloud| cloud.name() == name)
    }

    pub(crate) fn index(self) -> usize {
        self as usize
    }
}

/// What an origin is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Role {
    /// The token calls, and the API where it has no origin of its own.
    Auth,
    /// The API of a cloud that keeps it elsewhere.
    Api,
    /// IoTConnect's discovery.
    Discovery,
    /// No cloud's: where a redirect leads that must not be followed.
    Elsewhere,
}

impl Role {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Role::Auth => "auth",
            Role::Api => "api",
            Role::Discovery => "discovery",
            Role::Elsewhere => "elsewhere",
        }
    }
}
