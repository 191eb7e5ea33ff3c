//! MQTT: what an MQTT library is given to connect to the cloud's broker.
//!
//! keyfob speaks no MQTT. `keyfob_client_mqtt` fills in the four texts that any MQTT library asks
//! for, from a good token; the functions after it lend them out; `keyfob_mqtt_free` wipes and frees
//! them. Ask anew for each connection, since what was computed holds the time. `keyfob_client_wait`
//! says when there is another token, and so when to connect again.

use super::client::keyfob_client;
use super::convert::{Out, free_handle, handle, into_handle};
use super::error::keyfob_error;
use super::guard::guard;
use super::panics::plain;
use crate::error::Status;
use std::ffi::c_char;
use std::ptr;
use zeroize::Zeroizing;

/// What to connect to an MQTT broker with. Freed with `keyfob_mqtt_free`, which wipes its texts.
/// Any thread may look at it.
pub struct keyfob_mqtt {
    url: CText,
    client_id: CText,
    username: CText,
    password: CText,
}

/// A text with a NUL at its end, wiped when it is dropped.
type CText = Option<Zeroizing<Vec<u8>>>;

/// A text for C. Made at its full size, so that no half of it is left behind where a vector grew.
fn c_text(text: Option<&str>) -> CText {
    text.map(|text| {
        let mut bytes = Zeroizing::new(Vec::with_capacity(text.len() + 1));
        bytes.extend_from_slice(text.as_bytes());
        bytes.push(0);
        bytes
    })
}

/// One of the four texts, lent out; NULL where it is absent, and for NULL.
fn member(mqtt: *const keyfob_mqtt, of: impl FnOnce(&keyfob_mqtt) -> &CText) -> *const c_char {
    // SAFETY: by the header's contract NULL or a handle that was not freed.
    let Some(mqtt) = (unsafe { mqtt.as_ref() }) else { return ptr::null() };
    plain(ptr::null(), || of(mqtt).as_ref().map_or(ptr::null(), |text| text.as_ptr().cast()))
}

/// Gives what an MQTT library connects to the cloud's broker with: URL, client identifier, user
/// name and password (MQTT 3.1.1, 3.1.3), as the provider has them for this login. keyfob does not
/// connect itself. The handle is the caller's, to be freed with `keyfob_mqtt_free`.
///
/// They are computed for this moment, from a good token: ask anew for each connection. When the
/// broker refuses them (CONNACK 4 or 5; reasons 134 and 135 of MQTT 5), call `keyfob_client_renew`
/// once and try again.
///
/// `KEYFOB_INVALID_ARGUMENT` where the provider says nothing of MQTT for this login;
/// `KEYFOB_INSECURE_URL` where the option `mqtt_url` would send the password in the clear; errors
/// as `keyfob_client_token`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_client_mqtt(
    client: *const keyfob_client,
    mqtt: *mut *mut keyfob_mqtt,
    err: *mut *mut keyfob_error,
) -> Status {
    guard(err, || {
        let out = Out::new(mqtt, ptr::null_mut(), "mqtt")?;
        let found = handle(client, "client")?.0.mqtt()?;
        out.set(into_handle(keyfob_mqtt {
            url: c_text(found.url()),
            client_id: c_text(found.client_id()),
            username: c_text(found.username()),
            password: c_text(found.password()),
        }));
        Ok(())
    })
}

/// Where the broker is: `mqtts://host:8883`, or `wss://host/path` for MQTT over WebSocket. NULL
/// where the cloud has no address of its own and the option `mqtt_url` is not set. Borrowed until
/// the handle is freed, as the texts below.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_mqtt_url(mqtt: *const keyfob_mqtt) -> *const c_char {
    member(mqtt, |mqtt| &mqtt.url)
}

/// The client identifier. NULL: any that no other client of the broker has.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_mqtt_client_id(mqtt: *const keyfob_mqtt) -> *const c_char {
    member(mqtt, |mqtt| &mqtt.client_id)
}

/// The user name; NULL: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_mqtt_username(mqtt: *const keyfob_mqtt) -> *const c_char {
    member(mqtt, |mqtt| &mqtt.username)
}

/// The password; NULL: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_mqtt_password(mqtt: *const keyfob_mqtt) -> *const c_char {
    member(mqtt, |mqtt| &mqtt.password)
}

/// Frees the handle and wipes its texts. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_mqtt_free(mqtt: *mut keyfob_mqtt) {
    plain((), || free_handle(mqtt));
}
