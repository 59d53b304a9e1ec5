//! Signed addresses of `/files`: who has one may read, or write, this one path as this one user, without the token and until the time
//! that is part of it. Made by clients, as E2B's make them:
//!
//! ```text
//! "v1_" + base64 without padding ( SHA-256 ( path ":" read|write ":" username ":" token [ ":" expiration ] ) )
//! ```
//!
//! Path and user name are taken as they are in the query, and are empty where they are not.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::extract::{Query, Request};
use axum::http::Method;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::credentials;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Signed {
    path: String,
    username: String,
    signature: Option<String>,
    /// Seconds since 1970.
    signature_expiration: Option<i64>,
}

/// Whether the request relies on a signature. With a token it does not.
pub fn is_signed(request: &Request) -> bool {
    let names = request.uri().query().unwrap_or_default().split('&');
    let mut names = names.filter_map(|pair| pair.split('=').next());
    !request.headers().contains_key(credentials::TOKEN_HEADER)
        && names.any(|name| name == "signature")
}

/// The error says why the signature opens nothing.
pub fn check(request: &Request, token: &str, now: SystemTime) -> Result<(), &'static str> {
    let operation = match *request.method() {
        Method::GET | Method::HEAD => "read",
        Method::POST => "write",
        _ => return Err("a signature is for reading or writing"),
    };
    let Ok(Query(signed)) = Query::<Signed>::try_from_uri(request.uri()) else {
        return Err("signature_expiration is a time in seconds, and everything is said once");
    };
    let given = signed.signature.as_deref().unwrap_or_default();
    if !credentials::equal(
        given.as_bytes(),
        signed.expected(operation, token).as_bytes(),
    ) {
        return Err("the signature is not one of this path, operation, user and time");
    }
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    match signed.signature_expiration {
        Some(until) if u64::try_from(until).unwrap_or(0) < now.as_secs() => {
            Err("the signature has expired")
        }
        _ => Ok(()),
    }
}

impl Signed {
    fn expected(&self, operation: &str, token: &str) -> String {
        let mut text = format!("{}:{operation}:{}:{token}", self.path, self.username);
        if let Some(until) = self.signature_expiration {
            text += &format!(":{until}");
        }
        format!("v1_{}", STANDARD_NO_PAD.encode(Sha256::digest(text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use std::time::Duration;

    fn checked(method: &str, query: &str, now: u64) -> Result<(), &'static str> {
        let request = Request::builder()
            .method(method)
            .uri(format!("/files?{query}"));
        let now = UNIX_EPOCH + Duration::from_secs(now);
        check(&request.body(Body::empty()).unwrap(), "secret", now)
    }

    /// Made by hand: printf '/tmp/a b:read:user:secret' | openssl dgst -sha256 -binary | base64
    #[test]
    fn a_signature_is_what_e2bs_clients_make_of_path_operation_user_and_token() {
        let signature = "v1_3sbGJfcrZh4j5n5D9y%2FdyvAyjFDwHr3j8gM7LlxB%2FFI";
        let query = format!("path=%2Ftmp%2Fa+b&username=user&signature={signature}");
        assert_eq!(checked("GET", &query, 0), Ok(()));
        assert_eq!(checked("HEAD", &query, 0), Ok(()));
        assert!(checked("POST", &query, 0).is_err());
        assert!(checked("GET", &query.replace("user&", "root&"), 0).is_err());
        assert!(checked("GET", &query.replace("a+b", "a+c"), 0).is_err());
        assert!(checked("GET", &format!("{query}&signature_expiration=99"), 0).is_err());
    }

    /// printf ':write::secret:1000' | openssl dgst -sha256 -binary | base64
    #[test]
    fn it_is_good_until_its_time_which_nobody_can_change() {
        let query =
            "signature=v1_cyJBgegLcxiSHgoHHhR1aj0zga5kOuLNlhso%2Ba4wQ%2Fg&signature_expiration=";
        assert_eq!(checked("POST", &format!("{query}1000"), 1000), Ok(()));
        let late = checked("POST", &format!("{query}1000"), 1001);
        assert_eq!(late, Err("the signature has expired"));
        assert!(checked("POST", &format!("{query}2000"), 1001).is_err());
        assert!(checked("POST", query.trim_end_matches("&signature_expiration="), 0).is_err());
        assert!(checked("POST", &format!("{query}soon"), 0).is_err());
    }
}
