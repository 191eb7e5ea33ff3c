//! What standards publish of signatures by private keys, computed by profiles: RFC 7515 A.2 (RSA) and A.3
//! (P-256), RFC 8037 A.4 (Ed25519). The keys are those documents' own, in PEM form.

use super::vectors::at;
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_FIXED, UnparsedPublicKey, VerificationAlgorithm,
};

/// RFC 7515 A.2.1, as PKCS#1.
const RSA: &str = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEAofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd/wWJcyQoTbji9k0\nl8W26mPddxHmfHQp+Vaw+4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL+yRT+SFd2lZS+pC\ngNMsD1W/YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb/7OMg0LOL+bSf63kpaSHSX\nndS5z5rexMdbBYUsLA9e+KXBdQOS+UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uD\nZlxvb3qCo5ZwKh9kG4LT6/I5IhlJH7aGhyxXFvUK+DWNmoudF8NAco9/h9iaGNj8\nq2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQIDAQABAoIBABKucaRpzQorw35S\nbEUAVx8dYXUdZOlJcHtiWQ+dC6V8ljxAHj/PLyzTveyI5QO/xkObCyjIL303l2cf\nUhPu2MFaJdjVzqACXuOrLot/eSFvxjvqVidTtAZExqFRJ9mylUVAoLvhowVWmC1O\nn95fZCXxTUtxNEG1Xcc7m0rtzJKs45J+N/V9DP1edYH6USyPSWGp6wuA+KgHRnKK\nVf9GRx80JQY7nVNkL17eHoTWEwga+lwi0FEoW9Y7lDtWXYmKBWhUE+U8PGxlJf8f\n40493HDw1WRQ/aSLoS4QTp3rn7gYgeHEvfJdkkf0UMhlknlo53M09EFPdadQ4TlU\nbjqKc50CgYEA4BzEEOtIpmVdVEZNCqS7baC4crd0pqnRH/5IB3jw3bcxGn6QLvnE\ntfdUdiYrqBdss1l58BQ3KhooKeQTa9AB0Hw/Py5PJdTJNPY8cQn7ouZ2KKDcmnPG\nBY5t7yLc1QlQ5xHdwW1VhvKn+nXqhJTBgIPgtldC+KDV5z+y2XDwGUcCgYEAuQPE\nfgmVtjL0Uyyx88GZFF1fOunH3+7cepKmtH4pxhtCoHqpWmT8YAmZxaewHgHAjLYs\np1ZSe7zFYHj7C6ul7TjeLQeZD/YwD66t62wDmpe/HlB+TnBA+njbglfIsRLtXlnD\nzQkv5dTltRJ11BKBBypeeF6689rjcJIDEz9RWdcCgYAHAp9XcCSrn8wVkMVkKdb7\nDOX4IKjzdahm+ctDAJN4O/y7OW5FKebvUjdAIt2GuoTZ71iTG+7F0F+lP88jtjP4\nU4qe7VHoewl4MKOfXZKTe+YCS1XbNvfgwJ3Ltyl1OH9hWvu2yza7q+d5PCsDzqtm\n27kxuvULVeya+TEdAB1ijQKBgQCH/3r6YrVH/uCWGy6bzV1nGNOdjKc9tmkfOJmN\n54dxdixdpozCQ6U4OxZrsj3FcOhHBsqAHvX2uuYjagqvo3cOj1TRqNocX40omfCC\nMx3bD1yPPf/6TI2XECva/ggqEY2mYzmIiA5LVVmc5nrybr+lssFKneeyxN2Wq93S\n0iJMdQKBgCGHewxzoa1r8ZMD0LETNrToK423K377UCYqXfg5XMclbrjPbEC3YI1Z\nNqMtuhdBJqUnBi6tjKMF+34Xf0CUN8ncuXGO2CAYvO8PdyCixHX52ybaDjy1FtCE\n6yUXjoKNXKvUm7MWGsAYH6f4IegOetN5NvmUMFStCSkh7ixZLkN1\n-----END RSA PRIVATE KEY-----\n";

/// RFC 7515 A.3.1, as SEC1.
const P256: &str = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEII6bEJ5xkJi/mASH3x9dd+nLKWBuvtImO19XwhPfhPSyoAoGCCqGSM49\nAwEHoUQDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEXH8UTNG72b\nfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\n-----END EC PRIVATE KEY-----\n";

/// RFC 8037 A.1, as PKCS#8.
const ED25519: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n";

/// What is signed in RFC 7515 A.2.1.
const SIGNED: &str = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

/// What a value comes to, of a text and a key in PEM form.
fn of(value: &str, key: &str, text: &str) -> String {
    let values = format!(r#"{{ "v": {value} }}"#);
    at(1_700_000_000, &values, &[("private", key), ("text", text)], "v")
}

fn sign(key: &str, text: &str) -> String {
    of(r#"{ "sign": "{text}", "key": "{private}", "as": "base64url" }"#, key, text)
}

fn public(key: &str) -> String {
    of(r#"{ "public_key": "{private}" }"#, key, "unused")
}

/// The public key itself, which stands at the end of its SubjectPublicKeyInfo.
fn point(key: &str, length: usize) -> Vec<u8> {
    let pem = public(key);
    let lines: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let der = BASE64_STANDARD.decode(lines).unwrap();
    der[der.len() - length..].to_vec()
}

fn is_good(
    algorithm: &'static dyn VerificationAlgorithm,
    key: &[u8],
    text: &str,
    sig: &str,
) -> bool {
    let signature = BASE64_URL_SAFE_NO_PAD.decode(sig).unwrap();
    UnparsedPublicKey::new(algorithm, key).verify(text.as_bytes(), &signature).is_ok()
}

#[test]
fn an_rsa_key_signs_as_rfc_7515_says() {
    let expected = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
    assert_eq!(sign(RSA, SIGNED), expected);
}

#[test]
fn an_ed25519_key_signs_as_rfc_8037_says() {
    let text = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
    let expected =
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    assert_eq!(sign(ED25519, text), expected);
}

#[test]
fn a_p256_key_signs_in_both_forms_of_its_two_numbers() {
    let key = point(P256, 65);
    // As Mender takes it: ASN.1. The numbers differ each time, so it is verified and not compared.
    assert!(is_good(&ECDSA_P256_SHA256_ASN1, &key, SIGNED, &sign(P256, SIGNED)));
    // As a JWT carries it: side by side. Short numbers are rare, so many are made.
    for _ in 0..300 {
        let jwt = of(r#"{ "jwt": { "text": "{text}" }, "key": "{private}" }"#, P256, "x");
        let (signed, signature) = jwt.rsplit_once('.').unwrap();
        assert_eq!(BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap().len(), 64);
        assert!(is_good(&ECDSA_P256_SHA256_FIXED, &key, signed, signature));
    }
}

#[test]
fn a_public_key_is_as_openssl_writes_it() {
    for (key, expected) in [
        (
            RSA,
            "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAofgWCuLjybRlzo0tZWJj\nNiuSfb4p4fAkd/wWJcyQoTbji9k0l8W26mPddxHmfHQp+Vaw+4qPCJrcS2mJPMEz\nP1Pt0Bm4d4QlL+yRT+SFd2lZS+pCgNMsD1W/YpRPEwOWvG6b32690r2jZ47soMZo\n9wGzjb/7OMg0LOL+bSf63kpaSHSXndS5z5rexMdbBYUsLA9e+KXBdQOS+UTo7WTB\nEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6/I5IhlJH7aGhyxX\nFvUK+DWNmoudF8NAco9/h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXp\noQIDAQAB\n-----END PUBLIC KEY-----\n",
        ),
        (
            P256,
            "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV7\n6e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\n-----END PUBLIC KEY-----\n",
        ),
        (
            ED25519,
            "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n",
        ),
    ] {
        assert_eq!(public(key), expected);
    }
}

#[test]
fn a_jwt_says_how_its_key_signs() {
    for (key, alg, header) in [
        (RSA, "", r#"{"alg":"RS256","typ":"JWT"}"#),
        (RSA, r#""alg": "PS256","#, r#"{"alg":"PS256","typ":"JWT"}"#),
        (P256, "", r#"{"alg":"ES256","typ":"JWT"}"#),
        (ED25519, "", r#"{"alg":"EdDSA","typ":"JWT"}"#),
        ("a secret", r#""alg": "HS256","#, r#"{"alg":"HS256","typ":"JWT"}"#),
    ] {
        let value = format!(r#"{{ "jwt": {{ "a": "{{text}}" }}, {alg} "key": "{{private}}" }}"#);
        let jwt = of(&value, key, "x");
        assert!(jwt.starts_with(&(BASE64_URL_SAFE_NO_PAD.encode(header) + ".")), "{jwt}");
    }
}
