//! What a request's headers say about who asks: the access token, and the user it acts for.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Carries the sandbox's access token.
pub const TOKEN_HEADER: &str = "x-access-token";

/// Whether the headers carry this token.
pub fn has_token(headers: &HeaderMap, token: &str) -> bool {
    headers
        .get(TOKEN_HEADER)
        .is_some_and(|given| equal(given.as_bytes(), token.as_bytes()))
}

/// The user name of HTTP Basic; its password is not looked at: the token is what is asked for.
pub fn user_name(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let name = decoded.split(':').next()?;
    (!name.is_empty()).then(|| name.to_owned())
}

/// Takes the same time wherever the first difference is.
pub fn equal(given: &[u8], wanted: &[u8]) -> bool {
    let differing = given.iter().zip(wanted).fold(0, |differing, (a, b)| {
        std::hint::black_box(differing | (a ^ b))
    });
    given.len() == wanted.len() && differing == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())])
    }

    #[test]
    fn only_the_whole_token_counts() {
        assert!(has_token(&headers(TOKEN_HEADER, "secret"), "secret"));
        for wrong in ["", "secre", "secrets", "Secret"] {
            assert!(
                !has_token(&headers(TOKEN_HEADER, wrong), "secret"),
                "{wrong}"
            );
        }
        assert!(!has_token(&HeaderMap::new(), "secret"));
    }

    #[test]
    fn the_user_is_the_name_of_http_basic() {
        let name = |value| user_name(&headers("authorization", value));
        assert_eq!(name("Basic dXNlcjo="), Some("user".into()));
        assert_eq!(name("basic cm9vdA=="), Some("root".into()));
        assert_eq!(name("Basic Og=="), None);
        assert_eq!(name("Basic ???"), None);
        assert_eq!(name("Bearer dXNlcjo="), None);
    }
}
