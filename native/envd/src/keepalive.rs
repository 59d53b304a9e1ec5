//! Keepalives of streams: what lies between may close a connection on which nothing moves.

use std::time::Duration;

use axum::http::HeaderMap;

/// Seconds between keepalives that the client wishes for.
const INTERVAL_HEADER: &str = "keepalive-ping-interval";

/// How long the line may be silent; `None` where the client asks for no keepalives.
pub fn interval(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u64 = headers
        .get(INTERVAL_HEADER)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()?;
    (seconds > 0).then(|| Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_number_of_seconds_is_an_interval() {
        let told = |value: &str| {
            let headers = [(INTERVAL_HEADER.parse().unwrap(), value.parse().unwrap())];
            interval(&HeaderMap::from_iter(headers))
        };
        assert_eq!(told(" 50 "), Some(Duration::from_secs(50)));
        for none in ["0", "-1", "soon", ""] {
            assert_eq!(told(none), None, "{none}");
        }
        assert_eq!(interval(&HeaderMap::new()), None);
    }
}
