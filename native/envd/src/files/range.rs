//! `Range: bytes=…`, one range of it. Several at once are answered with the whole, as the standard allows.

use axum::http::HeaderMap;
use axum::http::header::RANGE;

/// What to send of a file.
#[derive(Debug, PartialEq, Eq)]
pub enum Wanted {
    Whole,
    /// From `first` on, `length` bytes, at least one.
    Part {
        first: u64,
        length: u64,
    },
    /// Nothing of it is in the file.
    Unsatisfiable,
}

/// What the headers want of a file of this length.
pub fn wanted(headers: &HeaderMap, length: u64) -> Wanted {
    let text = headers.get(RANGE).and_then(|value| value.to_str().ok());
    let Some((first, last)) =
        text.and_then(|text| text.trim().strip_prefix("bytes=")?.split_once('-'))
    else {
        return Wanted::Whole;
    };
    let (first, last) = (first.trim(), last.trim());
    match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) if first <= last => part(first, last, length),
        (Ok(first), Err(_)) if last.is_empty() => part(first, u64::MAX, length),
        // The last so many bytes.
        (Err(_), Ok(0)) if first.is_empty() => Wanted::Unsatisfiable,
        (Err(_), Ok(count)) if first.is_empty() => {
            part(length.saturating_sub(count), u64::MAX, length)
        }
        // What is no range is ignored, as the standard says.
        _ => Wanted::Whole,
    }
}

fn part(first: u64, last: u64, length: u64) -> Wanted {
    if first >= length {
        return Wanted::Unsatisfiable;
    }
    Wanted::Part {
        first,
        length: last.min(length - 1) - first + 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: &str) -> Wanted {
        wanted(
            &HeaderMap::from_iter([(RANGE, value.parse().unwrap())]),
            100,
        )
    }

    #[test]
    fn one_range_is_served_and_what_is_none_is_ignored() {
        assert_eq!(
            of("bytes=0-9"),
            Wanted::Part {
                first: 0,
                length: 10
            }
        );
        assert_eq!(
            of("bytes=90-"),
            Wanted::Part {
                first: 90,
                length: 10
            }
        );
        assert_eq!(
            of("bytes=-5"),
            Wanted::Part {
                first: 95,
                length: 5
            }
        );
        assert_eq!(
            of("bytes=-500"),
            Wanted::Part {
                first: 0,
                length: 100
            }
        );
        assert_eq!(
            of("bytes=50-5000"),
            Wanted::Part {
                first: 50,
                length: 50
            }
        );
        assert_eq!(of("bytes=100-"), Wanted::Unsatisfiable);
        assert_eq!(of("bytes=-0"), Wanted::Unsatisfiable);
        for ignored in [
            "bytes=9-0",
            "bytes=0-1,5-6",
            "lines=1-2",
            "bytes=x-",
            "bytes=-",
        ] {
            assert_eq!(of(ignored), Wanted::Whole, "{ignored}");
        }
        assert_eq!(wanted(&HeaderMap::new(), 0), Wanted::Whole);
    }
}
