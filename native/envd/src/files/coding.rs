//! gzip and nothing else: what a client accepts, and streams that are packed or unpacked on the way.

use std::io::{self, Write};

use axum::http::HeaderMap;
use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::{GzEncoder, MultiGzDecoder};

/// How a body is coded on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    Identity,
    Gzip,
}

/// The coding to answer in; `None` if the client accepts neither. gzip where the client names it, for who names it wants it.
pub fn accepted(headers: &HeaderMap) -> Option<Coding> {
    let mut gzip = None;
    let mut identity = None;
    let mut any = None;
    for value in headers.get_all(ACCEPT_ENCODING) {
        for choice in value.to_str().unwrap_or_default().split(',') {
            let mut parts = choice.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default().to_ascii_lowercase();
            let wanted = parts
                .find_map(|part| part.strip_prefix("q="))
                .is_none_or(|q| q.parse::<f32>().is_ok_and(|q| q > 0.0));
            match name.as_str() {
                "gzip" | "x-gzip" => gzip = Some(wanted),
                "identity" => identity = Some(wanted),
                "*" => any = Some(wanted),
                _ => {}
            }
        }
    }
    if gzip == Some(true) {
        Some(Coding::Gzip)
    } else if identity.or(any).unwrap_or(true) {
        Some(Coding::Identity)
    } else {
        None
    }
}

/// The coding of a request's body; `Err` is the one that is not known.
pub fn of_body(headers: &HeaderMap) -> Result<Coding, String> {
    let Some(value) = headers.get(CONTENT_ENCODING) else {
        return Ok(Coding::Identity);
    };
    match value
        .to_str()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase()
        .as_str()
    {
        "" | "identity" => Ok(Coding::Identity),
        "gzip" | "x-gzip" => Ok(Coding::Gzip),
        other => Err(other.to_owned()),
    }
}

/// Packs a stream piece by piece.
pub struct Packer(Option<GzEncoder<Vec<u8>>>);

impl Packer {
    /// At the fastest level: the wire is short.
    pub fn new() -> Self {
        Self(Some(GzEncoder::new(Vec::new(), Compression::fast())))
    }

    /// What can be sent after this piece; may be empty.
    pub fn push(&mut self, piece: &[u8]) -> io::Result<Bytes> {
        let Some(encoder) = &mut self.0 else {
            return Ok(Bytes::new());
        };
        encoder.write_all(piece)?;
        Ok(Bytes::from(std::mem::take(encoder.get_mut())))
    }

    /// The rest. Nothing can be pushed after it.
    pub fn finish(&mut self) -> io::Result<Bytes> {
        let Some(encoder) = self.0.take() else {
            return Ok(Bytes::new());
        };
        Ok(Bytes::from(encoder.finish()?))
    }
}

/// Unpacks a stream, in steps: a small piece may hold a huge one, which must not be in memory whole.
pub struct Unpacker {
    decoder: MultiGzDecoder<Vec<u8>>,
}

/// How much packed input is unpacked at once: gzip packs a thousand to one at most, so a step is some megabytes at worst.
const STEP: usize = 4 << 10;

impl Unpacker {
    pub fn new() -> Self {
        Self {
            decoder: MultiGzDecoder::new(Vec::new()),
        }
    }

    /// Unpacks the beginning of `piece`, which is shortened by it.
    pub fn step(&mut self, piece: &mut Bytes) -> io::Result<Bytes> {
        let beginning = piece.split_to(piece.len().min(STEP));
        self.decoder.write_all(&beginning)?;
        Ok(Bytes::from(std::mem::take(self.decoder.get_mut())))
    }

    /// Checks that the stream was whole, and gives what was left.
    pub fn finish(mut self) -> io::Result<Bytes> {
        self.decoder.try_finish()?;
        Ok(Bytes::from(std::mem::take(self.decoder.get_mut())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn for_header(value: &str) -> Option<Coding> {
        accepted(&HeaderMap::from_iter([(
            ACCEPT_ENCODING,
            value.parse().unwrap(),
        )]))
    }

    #[test]
    fn gzip_is_used_when_named_and_identity_unless_refused() {
        assert_eq!(accepted(&HeaderMap::new()), Some(Coding::Identity));
        assert_eq!(for_header("gzip, deflate, br"), Some(Coding::Gzip));
        assert_eq!(for_header("br"), Some(Coding::Identity));
        assert_eq!(for_header("gzip;q=0, *"), Some(Coding::Identity));
        assert_eq!(for_header("gzip;q=0.5"), Some(Coding::Gzip));
        assert_eq!(for_header("br, identity;q=0"), None);
        assert_eq!(for_header("*;q=0"), None);
        assert_eq!(for_header("*;q=0, identity"), Some(Coding::Identity));
    }

    #[test]
    fn what_was_packed_unpacks_to_the_same() {
        let text = b"hello ".repeat(50_000);
        let mut packer = Packer::new();
        let mut packed = packer.push(&text[..100_000]).unwrap().to_vec();
        packed.extend(packer.push(&text[100_000..]).unwrap());
        packed.extend(packer.finish().unwrap());
        assert!(packed.len() < text.len() / 10);

        let mut unpacker = Unpacker::new();
        let mut piece = Bytes::from(packed.clone());
        let mut unpacked = Vec::new();
        while !piece.is_empty() {
            unpacked.extend(unpacker.step(&mut piece).unwrap());
        }
        unpacked.extend(unpacker.finish().unwrap());
        assert_eq!(unpacked, text);

        let mut cut = Unpacker::new();
        let mut half = Bytes::from(packed[..packed.len() / 2].to_vec());
        while !half.is_empty() {
            cut.step(&mut half).unwrap();
        }
        assert!(cut.finish().is_err());
    }
}
