//! `--name value` pairs, and behind `--` a command line.

use std::collections::HashMap;
use std::path::Path;
use std::str::FromStr;

use crate::Result;

/// As they were given.
pub struct Arguments {
    values: HashMap<String, String>,
    /// What stands behind `--`.
    pub rest: Vec<String>,
}

impl Arguments {
    /// Takes them apart.
    pub fn parse(mut words: impl Iterator<Item = String>) -> Result<Self> {
        let mut values = HashMap::new();
        while let Some(word) = words.next() {
            if word == "--" {
                break;
            }
            let name = word
                .strip_prefix("--")
                .ok_or_else(|| format!("not an option: {word}"))?;
            let value = words
                .next()
                .ok_or_else(|| format!("--{name} needs a value"))?;
            values.insert(name.to_owned(), value);
        }
        Ok(Self {
            values,
            rest: words.collect(),
        })
    }

    /// None if it was not given.
    pub fn optional(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// What must be there.
    pub fn text(&self, name: &str) -> Result<&str> {
        self.optional(name)
            .ok_or_else(|| format!("--{name} is missing").into())
    }

    /// The same, as a path.
    pub fn path(&self, name: &str) -> Result<&Path> {
        self.text(name).map(Path::new)
    }

    /// The same, as a number.
    pub fn number<T: FromStr>(&self, name: &str) -> Result<T> {
        self.text(name)?
            .parse()
            .map_err(|_| format!("--{name} is no number").into())
    }
}
