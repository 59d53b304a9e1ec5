//! `X-Metadata-*` headers of an upload: what the client notes on the files.

use axum::http::HeaderMap;

use crate::metadata::{Metadata, PREFIX};
use crate::server::HttpError;

const HEADER_PREFIX: &str = "x-metadata-";

/// The name of an attribute has at most 255 bytes.
const LONGEST_KEY: usize = 255 - PREFIX.len();
/// ext4 keeps a file's attributes in one block.
const MOST: usize = 4096;

/// All of them; of a header that comes twice, the first. Names have small letters, as headers do.
pub fn metadata(headers: &HeaderMap) -> Result<Metadata, HttpError> {
    let mut metadata = Metadata::new();
    let mut size = 0;
    for name in headers.keys() {
        let Some(key) = name.as_str().strip_prefix(HEADER_PREFIX) else {
            continue;
        };
        if key.is_empty() {
            continue;
        }
        if key.len() > LONGEST_KEY {
            let why = format!("{name}: a name has at most {LONGEST_KEY} characters");
            return Err(HttpError::bad_request(why));
        }
        let value = headers.get(name).map(|value| value.as_bytes());
        let value = value.unwrap_or_default();
        if !value.iter().all(|byte| (0x20..=0x7e).contains(byte)) {
            let why = format!("{name}: a value consists of printable ASCII characters");
            return Err(HttpError::bad_request(why));
        }
        size += PREFIX.len() + key.len() + value.len();
        metadata.insert(key.to_owned(), String::from_utf8_lossy(value).into_owned());
    }
    if size > MOST {
        let why = format!("the X-Metadata headers need {size} bytes: {MOST} are kept with a file");
        return Err(HttpError::bad_request(why));
    }
    Ok(metadata)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(given: &[(&'static str, &str)]) -> Result<Metadata, String> {
        let mut headers = HeaderMap::new();
        for (name, value) in given {
            headers.append(*name, value.parse().unwrap());
        }
        metadata(&headers).map_err(|error| error.message)
    }

    #[test]
    fn headers_are_noted_and_what_cannot_be_is_refused() {
        let noted = of(&[
            ("x-metadata-author", "me"),
            ("x-metadata-author", "you"),
            ("x-metadata-", "nobody"),
            ("content-type", "text/plain"),
        ]);
        assert_eq!(noted, Ok([("author".into(), "me".into())].into()));
        assert!(of(&[("x-metadata-a", "é")]).is_err());
        assert!(of(&[("x-metadata-a", "a\tb")]).is_err());
        assert!(of(&[("x-metadata-a", &"x".repeat(MOST - PREFIX.len() - 1))]).is_ok());
        assert!(of(&[("x-metadata-a", &"x".repeat(MOST - PREFIX.len()))]).is_err());
    }
}
