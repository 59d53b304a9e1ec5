//! Users and groups of the guest, read from `/etc/passwd` and `/etc/group`: a static libc has no name services, and an image
//! may have neither file.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use rustix::fs::{Gid, Uid};

/// Who runs a process or owns a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub name: String,
    pub uid: Uid,
    pub gid: Gid,
    pub home: PathBuf,
    pub shell: PathBuf,
}

impl User {
    /// Root, as it is where no file says otherwise.
    fn root() -> Self {
        Self {
            name: "root".into(),
            uid: Uid::ROOT,
            gid: Gid::ROOT,
            home: "/root".into(),
            shell: "/bin/sh".into(),
        }
    }
}

/// The files that name users and groups.
#[derive(Debug, Clone)]
pub struct Accounts {
    passwd: PathBuf,
    group: PathBuf,
}

impl Accounts {
    /// Those of the machine.
    pub fn of_machine() -> Self {
        Self {
            passwd: "/etc/passwd".into(),
            group: "/etc/group".into(),
        }
    }

    /// A user by name. Root exists in every guest.
    pub fn user(&self, name: &str) -> Option<User> {
        self.find_user(|user| user.name == name)
            .or_else(|| (name == "root").then(User::root))
    }

    /// All names, as they are now.
    pub fn names(&self) -> Names {
        let users = read(&self.passwd);
        let groups = read(&self.group);
        // Of several names for one id the first counts, as everywhere.
        let users = users
            .lines()
            .rev()
            .filter_map(parse_user)
            .map(|user| (user.uid.as_raw(), user.name));
        let groups = groups
            .lines()
            .rev()
            .filter_map(parse_group)
            .map(|group| (group.gid.as_raw(), group.name.to_owned()));
        Names {
            users: users.collect(),
            groups: groups.collect(),
        }
    }

    /// All groups of a user: its own first, then those that list it.
    pub fn groups_of(&self, user: &User) -> Vec<Gid> {
        let text = read(&self.group);
        let listed = text
            .lines()
            .filter_map(parse_group)
            .filter(|group| group.members.split(',').any(|name| name == user.name));
        let mut gids = vec![user.gid];
        for group in listed {
            if !gids.contains(&group.gid) {
                gids.push(group.gid);
            }
        }
        gids
    }

    fn find_user(&self, wanted: impl Fn(&User) -> bool) -> Option<User> {
        read(&self.passwd)
            .lines()
            .filter_map(parse_user)
            .find(wanted)
    }
}

/// The names behind ids: read once, asked for each file of a listing.
#[derive(Debug)]
pub struct Names {
    users: HashMap<u32, String>,
    groups: HashMap<u32, String>,
}

impl Names {
    /// The number itself if it has no name.
    pub fn user(&self, uid: u32) -> String {
        self.users
            .get(&uid)
            .cloned()
            .unwrap_or_else(|| uid.to_string())
    }

    /// The number itself if it has no name.
    pub fn group(&self, gid: u32) -> String {
        self.groups
            .get(&gid)
            .cloned()
            .unwrap_or_else(|| gid.to_string())
    }
}

/// A file that is missing or not UTF-8 somewhere still says what can be read of it.
fn read(path: &Path) -> String {
    fs::read(path)
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default()
}

/// `name:password:uid:gid:comment:home:shell`
fn parse_user(line: &str) -> Option<User> {
    let mut fields = line.split(':');
    let name = fields.next().filter(|name| !name.is_empty())?;
    let (uid, gid) = (id(fields.nth(1)?)?, id(fields.next()?)?);
    let home = fields.nth(1).filter(|home| !home.is_empty()).unwrap_or("/");
    let shell = fields
        .next()
        .filter(|shell| !shell.is_empty())
        .unwrap_or("/bin/sh");
    Some(User {
        name: name.to_owned(),
        uid: Uid::from_raw(uid),
        gid: Gid::from_raw(gid),
        home: home.into(),
        shell: shell.into(),
    })
}

struct Group<'a> {
    name: &'a str,
    gid: Gid,
    members: &'a str,
}

/// `name:password:gid:member,member`
fn parse_group(line: &str) -> Option<Group<'_>> {
    let mut fields = line.split(':');
    let name = fields.next().filter(|name| !name.is_empty())?;
    let gid = id(fields.nth(1)?)?;
    Some(Group {
        name,
        gid: Gid::from_raw(gid),
        members: fields.next().unwrap_or_default().trim(),
    })
}

/// All ones means "no change" to the kernel, so it is nobody's id.
fn id(text: &str) -> Option<u32> {
    text.parse().ok().filter(|&id| id != u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accounts(name: &str, passwd: &str, group: &str) -> (Accounts, PathBuf) {
        let folder = std::env::temp_dir().join(format!("envd-users-{name}-{}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        let accounts = Accounts {
            passwd: folder.join("passwd"),
            group: folder.join("group"),
        };
        fs::write(&accounts.passwd, passwd).unwrap();
        fs::write(&accounts.group, group).unwrap();
        (accounts, folder)
    }

    #[test]
    fn a_user_has_its_own_group_and_those_that_list_it() {
        let (accounts, folder) = accounts(
            "groups",
            "# comment\nbroken:line\nroot:x:0:0:root:/root:/bin/bash\nuser:x:1000:1000::/home/user:/bin/bash\n",
            "sudo:x:27:admin,user\nusers:x:100:\nuser:x:1000:user\nuserland:x:5:userx\n",
        );
        let user = accounts.user("user").unwrap();
        assert_eq!(user.home, Path::new("/home/user"));
        let gids: Vec<u32> = accounts
            .groups_of(&user)
            .iter()
            .map(|gid| gid.as_raw())
            .collect();
        assert_eq!(gids, [1000, 27]);
        let names = accounts.names();
        assert_eq!(names.user(1000), "user");
        assert_eq!(names.user(4242), "4242");
        assert_eq!(names.group(27), "sudo");
        assert_eq!(accounts.user("nobody"), None);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn root_exists_without_any_file() {
        let accounts = Accounts {
            passwd: "/no/such/passwd".into(),
            group: "/no/such/group".into(),
        };
        assert_eq!(accounts.user("root").unwrap().uid, Uid::ROOT);
        assert_eq!(accounts.user("user"), None);
    }

    #[test]
    fn ids_that_mean_something_else_to_the_kernel_are_nobodys() {
        assert!(parse_user("evil:x:4294967295:0::/:/bin/sh").is_none());
        assert!(parse_user("evil:x:-1:0::/:/bin/sh").is_none());
    }
}
