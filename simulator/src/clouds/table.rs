//! Each cloud's rules, and the origins that they make.

use std::sync::LazyLock;

use super::cloud::{Cloud, Role, every_cloud};
use super::rules::Rules;
use super::{
    airvantage, aliyun, aqara, arduino, aws, azure, balena, clearblade, cognito, cumulocity,
    devicewise, directus, emnify, entra, fixed, fronius, geotab, google, hawkbit, home_assistant,
    huawei, insights_hub, iotconnect, keyrock, kii, kontakt, kore, losant, mender, mender_device,
    milesight, node_red, oauth2, once, parse_server, particle, pocketbase, refresh_only, simacan,
    soracom, supabase, switchbot, thingpark, thingsboard, tuya, ubidots, verkada, wise_paas,
};

macro_rules! rules {
    ($($what:literal $variant:ident $name:literal $module:ident :: $rules:ident,)*) => {
        impl Cloud {
            /// What is particular to this cloud.
            pub(crate) fn rules(self) -> &'static dyn Rules {
                match self {
                    $(Cloud::$variant => &$module::$rules,)*
                }
            }
        }
    };
}
every_cloud!(rules);

/// Every origin. The last belongs to no cloud; its paths begin with the name of the cloud that the
/// client was led away from.
pub(crate) static ORIGINS: LazyLock<Vec<(Cloud, Role)>> = LazyLock::new(|| {
    let of = |cloud: Cloud| cloud.rules().roles().iter().map(move |role| (cloud, *role));
    let elsewhere = (Cloud::Kontakt, Role::Elsewhere);
    Cloud::ALL.into_iter().flat_map(of).chain([elsewhere]).collect()
});
