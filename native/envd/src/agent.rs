//! What all routes and services of one server share.

use std::net::IpAddr;
use std::path::PathBuf;

use crate::cgroup::UsersCgroup;
use crate::guest::Guest;
use crate::limits::OpenFiles;
use crate::session::SessionStore;
use crate::users::{Accounts, User};

/// The user of requests that name none, where the image has one of this name.
const USUAL_USER: &str = "user";

/// The state of one server.
#[derive(Debug)]
pub struct Agent {
    /// The only address whose `/init` and `/snapshot/prepare` are taken.
    pub gateway: IpAddr,
    pub session: SessionStore,
    pub accounts: Accounts,
    /// None where there is no cgroup v2: processes then run where the server runs, and nothing is frozen.
    pub cgroup: Option<UsersCgroup>,
    /// What processes get back of the limit that the server raised for itself.
    pub open_files: OpenFiles,
    /// The machine that `/init` may change; none in a test.
    pub guest: Option<Guest>,
}

/// No user of that name.
#[derive(Debug, PartialEq, Eq)]
pub struct UnknownUser(pub String);

impl std::fmt::Display for UnknownUser {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "there is no user {:?} in this sandbox", self.0)
    }
}

impl Agent {
    /// The user that a request names, or the default one.
    pub fn user(&self, named: Option<&str>) -> Result<User, UnknownUser> {
        let session = self.session.current();
        if let Some(name) = named.or(session.default_user.as_deref()) {
            return self
                .accounts
                .user(name)
                .ok_or_else(|| UnknownUser(name.to_owned()));
        }
        let usual = self
            .accounts
            .user(USUAL_USER)
            .or_else(|| self.accounts.user("root"));
        usual.ok_or_else(|| UnknownUser(USUAL_USER.to_owned()))
    }

    /// Where relative paths and processes of this user begin.
    pub fn folder_of(&self, user: &User) -> PathBuf {
        self.session
            .current()
            .default_folder
            .as_ref()
            .map_or_else(|| user.home.clone(), PathBuf::from)
    }
}
