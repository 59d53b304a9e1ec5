//! The name of a layer.

use std::fmt;
use std::str::FromStr;

/// 16 random bytes, not all zero; in text 32 hexadecimal digits in lower case. The layer's file is
/// `<id>.layer`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LayerId([u8; 16]);

/// A text that names no layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoLayerId;

impl LayerId {
    /// None if they are all zero, which stands for "no layer".
    pub fn from_bytes(bytes: [u8; 16]) -> Option<Self> {
        (bytes != [0; 16]).then_some(Self(bytes))
    }

    /// The bytes as they stand in a map.
    pub fn to_bytes(self) -> [u8; 16] {
        self.0
    }

    /// The name of its file.
    pub fn file_name(self) -> String {
        format!("{self}.layer")
    }
}

impl fmt::Display for LayerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for LayerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LayerId({self})")
    }
}

impl FromStr for LayerId {
    type Err = NoLayerId;

    fn from_str(text: &str) -> Result<Self, NoLayerId> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() != 32 || !text.bytes().all(is_digit) {
            return Err(NoLayerId);
        }
        let number = u128::from_str_radix(text, 16).map_err(|_| NoLayerId)?;
        Self::from_bytes(number.to_be_bytes()).ok_or(NoLayerId)
    }
}

impl fmt::Display for NoLayerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a layer id is 32 hexadecimal digits, not all zero")
    }
}

impl std::error::Error for NoLayerId {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_bytes_are_two_ways_to_write_the_same() {
        let bytes = *b"\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\xfe\xff";
        let id = LayerId::from_bytes(bytes).unwrap();
        assert_eq!(id.to_string(), "000102030405060708090a0b0c0dfeff");
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.file_name(), "000102030405060708090a0b0c0dfeff.layer");
    }

    #[test]
    fn what_is_not_exactly_an_id_is_refused() {
        for text in [
            "",
            "../../../../../../../etc/password",
            "000102030405060708090a0b0c0dfef",
            "000102030405060708090a0b0c0dfeff0",
            "000102030405060708090A0b0c0dfeff",
            "+00102030405060708090a0b0c0dfeff",
            "00000000000000000000000000000000",
        ] {
            assert_eq!(text.parse::<LayerId>(), Err(NoLayerId), "{text}");
        }
        assert_eq!(LayerId::from_bytes([0; 16]), None);
    }
}
