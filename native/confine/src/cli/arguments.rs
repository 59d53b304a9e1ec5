//! The command line of `roost-confine`, checked.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use confine::Result;
use confine::mounts::CAREFUL;
use rustix::mount::MountAttrFlags;

use crate::usage;

/// What is to be run, and how.
#[derive(Debug)]
pub struct Arguments {
    pub uid: u32,
    pub gid: u32,
    pub user_name: Option<String>,
    pub binds: Vec<Bind>,
    pub hidden: Vec<PathBuf>,
    pub chdir: Option<PathBuf>,
    pub parent: Option<i32>,
    pub program: OsString,
    pub rest: Vec<OsString>,
}

/// `--bind` or `--bind-ro`.
#[derive(Debug)]
pub struct Bind {
    pub source: PathBuf,
    pub target: PathBuf,
    pub attributes: MountAttrFlags,
}

impl Arguments {
    /// `words` are those after the program's own name.
    pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Self> {
        let mut words = words.into_iter();
        let (mut uid, mut gid, mut user_name, mut chdir, mut parent) =
            (None, None, None, None, None);
        let (mut binds, mut hidden) = (Vec::new(), Vec::new());
        loop {
            let option = words
                .next()
                .ok_or_else(|| usage("there is no -- before the command"))?;
            if option == "--" {
                break;
            }
            let option = option
                .into_string()
                .map_err(|option| usage(format!("unknown option {}", option.display())))?;
            let value = words
                .next()
                .ok_or_else(|| usage(format!("{option} lacks its value")))?;
            match option.as_str() {
                "--uid" => uid = Some(number(&option, &value)?),
                "--gid" => gid = Some(number(&option, &value)?),
                "--user-name" => user_name = Some(name(&value)?),
                "--bind" => binds.push(bind(&value, CAREFUL)?),
                "--bind-ro" => {
                    binds.push(bind(&value, CAREFUL | MountAttrFlags::MOUNT_ATTR_RDONLY)?)
                }
                "--hide" => hidden.push(absolute(&option, &value)?),
                "--chdir" => chdir = Some(absolute(&option, &value)?),
                "--parent" => parent = Some(number(&option, &value)?),
                _ => return Err(usage(format!("unknown option {option}"))),
            }
        }
        Ok(Self {
            uid: uid.ok_or_else(|| usage("--uid is missing"))?,
            gid: gid.ok_or_else(|| usage("--gid is missing"))?,
            user_name,
            binds,
            hidden,
            chdir,
            parent,
            program: words
                .next()
                .ok_or_else(|| usage("there is no command after --"))?,
            rest: words.collect(),
        })
    }
}

fn number<T: std::str::FromStr>(option: &str, value: &OsStr) -> Result<T> {
    let number = value.to_str().and_then(|text| text.parse().ok());
    number.ok_or_else(|| {
        usage(format!(
            "{option} must be a number, not {}",
            value.display()
        ))
    })
}

/// What passwd(5) can hold, and nothing that could end its field or line.
fn name(value: &OsStr) -> Result<String> {
    let fits = |name: &&str| {
        let bytes = name.as_bytes();
        (1..=32).contains(&bytes.len())
            && bytes
                .iter()
                .all(|&c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_' || c == b'-')
            && !bytes[0].is_ascii_digit()
            && bytes[0] != b'-'
    };
    value
        .to_str()
        .filter(fits)
        .map(str::to_owned)
        .ok_or_else(|| {
            usage(format!(
                "--user-name must be up to 32 of a-z, 0-9, _ and -, a letter first, not {}",
                value.display()
            ))
        })
}

fn absolute(option: &str, value: &OsStr) -> Result<PathBuf> {
    let path = Path::new(value);
    if path.is_absolute() {
        Ok(path.into())
    } else {
        Err(usage(format!(
            "{option} needs an absolute path, not {}",
            value.display()
        )))
    }
}

/// Both paths are absolute, so that the colon between them is the one before a slash. Where there
/// are several of these, no guess is made.
fn bind(value: &OsStr, attributes: MountAttrFlags) -> Result<Bind> {
    let bytes = value.as_bytes();
    let mut colons = (0..bytes.len()).filter(|&at| bytes[at..].starts_with(b":/"));
    match (colons.next(), colons.next()) {
        (Some(colon), None) if bytes[0] == b'/' => Ok(Bind {
            source: OsStr::from_bytes(&bytes[..colon]).into(),
            target: OsStr::from_bytes(&bytes[colon + 1..]).into(),
            attributes,
        }),
        _ => Err(usage(format!(
            "a bind is two absolute paths with a colon between, not {}",
            value.display()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Arguments> {
        Arguments::parse(line.split(' ').map(OsString::from))
    }

    fn problem(line: &str) -> String {
        parse(line).expect_err(line).to_string()
    }

    #[test]
    fn a_full_command_line_is_understood() {
        let arguments = parse(
            "--uid 7 --gid 8 --user-name pg --bind /a:/b --bind-ro /c:d:/e --hide /root \
             --chdir /b --parent 9 -- prog --uid 0",
        )
        .unwrap();
        assert_eq!(
            (arguments.uid, arguments.gid, arguments.parent),
            (7, 8, Some(9))
        );
        assert_eq!(arguments.user_name.as_deref(), Some("pg"));
        assert_eq!(arguments.binds[0].source, Path::new("/a"));
        assert!(
            !arguments.binds[0]
                .attributes
                .contains(MountAttrFlags::MOUNT_ATTR_RDONLY)
        );
        assert_eq!(
            (
                arguments.binds[1].source.as_path(),
                arguments.binds[1].target.as_path()
            ),
            (Path::new("/c:d"), Path::new("/e"))
        );
        assert!(
            arguments.binds[1]
                .attributes
                .contains(MountAttrFlags::MOUNT_ATTR_RDONLY)
        );
        assert_eq!(arguments.hidden, [Path::new("/root")]);
        assert_eq!(arguments.program, "prog");
        assert_eq!(arguments.rest, ["--uid", "0"]);
    }

    #[test]
    fn what_is_missing_or_malformed_is_named() {
        assert!(problem("--gid 8 -- prog").starts_with("--uid is missing"));
        assert!(problem("--uid 7 -- prog").starts_with("--gid is missing"));
        assert!(problem("--uid 7 --gid 8 --").starts_with("there is no command after --"));
        assert!(problem("--uid 7 --gid 8").starts_with("there is no -- before the command"));
        assert!(problem("--uid x --gid 8 -- prog").starts_with("--uid must be a number, not x"));
        assert!(problem("--uid -1 --gid 8 -- prog").starts_with("--uid must be a number, not -1"));
        assert!(problem("--wat 7 -- prog").starts_with("unknown option --wat"));
        assert!(problem("--bind a:/b -- prog").starts_with("a bind is two absolute paths"));
        assert!(problem("--bind /a:/b:/c -- prog").starts_with("a bind is two absolute paths"));
        assert!(problem("--hide relative -- prog").starts_with("--hide needs an absolute path"));
        assert!(problem("--user-name a:b -- prog").starts_with("--user-name must be"));
        assert!(problem("--user-name 1a -- prog").starts_with("--user-name must be"));
    }
}
