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
            "Akenza." Akenza "akenza" fixed::AKENZA,
            "Adafruit IO." AdafruitIo "adafruit-io" fixed::ADAFRUIT_IO,
            "ChirpStack." ChirpStack "chirpstack" fixed::CHIRPSTACK,
            "Datacake." Datacake "datacake" fixed::DATACAKE,
            "Digi Remote Manager." DigiRm "digi-rm" fixed::DIGI_RM,
            "Golioth." Golioth "golioth" fixed::GOLIOTH,
            "Helium Console." Helium "helium" fixed::HELIUM,
            "iMonnit." Imonnit "imonnit" fixed::IMONNIT,
            "LORIOT." Loriot "loriot" fixed::LORIOT,
            "openHAB." OpenHab "openhab" fixed::OPENHAB,
            "Samsara." Samsara "samsara" fixed::SAMSARA,
            "SolarEdge." SolarEdge "solaredge" fixed::SOLAREDGE,
            "Teltonika RMS." TeltonikaRms "teltonika-rms" fixed::TELTONIKA_RMS,
            "The Things Stack." TheThingsStack "the-things-stack" fixed::THE_THINGS_STACK,
            "Blynk." Blynk "blynk" fixed::BLYNK,
            "Cisco IoT Control Center." CiscoIot "cisco-iot" fixed::CISCO_IOT,
            "Eclipse Ditto." Ditto "ditto" fixed::DITTO,
            "Hologram." Hologram "hologram" fixed::HOLOGRAM,
            "Memfault." Memfault "memfault" fixed::MEMFAULT,
            "Sigfox." Sigfox "sigfox" fixed::SIGFOX,
            "ThingWorx." ThingWorx "thingworx" fixed::THINGWORX,
            "Arduino IoT Cloud." ArduinoIot "arduino-iot" arduino::Arduino,
            "balena." Balena "balena" balena::Balena,
            "ClearBlade." ClearBlade "clearblade" clearblade::ClearBlade,
            "AWS Cognito." Cognito "cognito" cognito::Cognito,
            "Cumulocity." Cumulocity "cumulocity" cumulocity::Cumulocity,
            "EMnify." Emnify "emnify" emnify::Emnify,
            "FIWARE Keyrock." Keyrock "keyrock" keyrock::Keyrock,
            "KORE." Kore "kore" kore::Kore,
            "Losant." Losant "losant" losant::Losant,
            "Milesight Development Platform." Milesight "milesight" milesight::Milesight,
            "Node-RED." NodeRed "node-red" node_red::NodeRed,
            "Particle." Particle "particle" particle::Particle,
            "ThingPark DX." ThingParkDx "thingpark-dx" thingpark::ThingPark,
            "Ubidots." Ubidots "ubidots" ubidots::Ubidots,
            "Verkada." Verkada "verkada" verkada::Verkada,
            "Advantech WISE-PaaS." WisePaas "wise-paas" wise_paas::WisePaas,
            "1NCE." OneNce "1nce" once::OneNce,
            "Mender, for management." Mender "mender" mender::Mender,
            "AirVantage." AirVantage "airvantage" airvantage::AirVantage,
            "Insights Hub." InsightsHub "insights-hub" insights_hub::InsightsHub,
            "Soracom." Soracom "soracom" soracom::Soracom,
            "Telit deviceWISE." DeviceWise "devicewise" devicewise::DeviceWise,
            "Geotab." Geotab "geotab" geotab::Geotab,
            "PocketBase." PocketBase "pocketbase" pocketbase::PocketBase,
            "Supabase." Supabase "supabase" supabase::Supabase,
            "Parse Server." ParseServer "parse-server" parse_server::ParseServer,
            "Directus." Directus "directus" directus::Directus,
            "Home Assistant." HomeAssistant "home-assistant" home_assistant::HomeAssistant,
            "SmartThings." SmartThings "smartthings" refresh_only::SMARTTHINGS,
            "Netatmo." Netatmo "netatmo" refresh_only::NETATMO,
            "Withings." Withings "withings" refresh_only::WITHINGS,
            "Zoho." Zoho "zoho" refresh_only::ZOHO,
            "hawkBit." HawkBit "hawkbit" hawkbit::HawkBit,
            "Fronius Solar.web." Fronius "fronius" fronius::Fronius,
            "Azure IoT Hub." AzureIotHub "azure-iot-hub" azure::IOT_HUB,
            "Azure Device Provisioning." AzureDps "azure-dps" azure::DPS,
            "Azure Event Hubs." AzureEventHubs "azure-event-hubs" azure::EVENT_HUBS,
            "Microsoft Entra." Entra "entra" entra::Entra,
            "Google service accounts." Google "google" google::Google,
            "AWS, by Signature Version 4." Aws "aws" aws::Aws,
            "AWS IoT Core, by a certificate." AwsIot "aws-iot" aws::AwsIot,
            "Tuya." Tuya "tuya" tuya::Tuya,
            "SwitchBot." SwitchBot "switchbot" switchbot::SwitchBot,
            "Aqara." Aqara "aqara" aqara::Aqara,
            "Aliyun API gateway." AliyunApi "aliyun-api" aliyun::AliyunApi,
            "Huawei Cloud IoTDA." HuaweiIotda "huawei-iotda" huawei::HuaweiIotda,
            "Mender, for devices." MenderDevice "mender-device" mender_device::MenderDevice,
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
