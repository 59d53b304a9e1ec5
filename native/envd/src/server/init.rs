//! `POST /init`: who this sandbox is. Called after every boot and every restore; all of it is checked before any of it is done,
//! and users' processes run again last of all, so that none ever sees an old clock or another clone's random numbers.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use buffa_types::google::protobuf::Timestamp;
use serde::Deserialize;

use super::error::HttpError;
use crate::agent::Agent;
use crate::guest::Guest;
use crate::session::Session;

/// What is absent stays as it is.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Told {
    env_vars: Option<BTreeMap<String, String>>,
    /// Empty: none is needed any more.
    access_token: Option<String>,
    timestamp: Option<Timestamp>,
    default_user: Option<String>,
    default_workdir: Option<String>,
    ca_bundle: Option<String>,
    hostname: Option<String>,
    /// Base64.
    entropy: Option<String>,
    machine_id: Option<String>,
}

/// 204 once everything is as told.
pub async fn init(State(agent): State<Arc<Agent>>, body: Bytes) -> Result<StatusCode, HttpError> {
    let told = if body.is_empty() {
        Told::default()
    } else {
        parse(&body)?
    };
    let entropy = told.check()?;
    told.apply_to_session(&agent)?;
    if let Some(guest) = &agent.guest {
        told.apply_to_guest(guest, entropy.as_deref())?;
    }
    if let Some(cgroup) = &agent.cgroup {
        cgroup
            .thaw()
            .map_err(|error| HttpError::internal(format!("cannot thaw the processes: {error}")))?;
    }
    Ok(StatusCode::NO_CONTENT)
}

fn parse(body: &[u8]) -> Result<Told, HttpError> {
    // By way of an object: a list would do for the fields in their order.
    let told = serde_json::from_slice(body)
        .map(serde_json::Value::Object)
        .and_then(serde_json::from_value);
    told.map_err(|error| HttpError::bad_request(format!("the body is not as documented: {error}")))
}

impl Told {
    fn check(&self) -> Result<Option<Vec<u8>>, HttpError> {
        let names = self.env_vars.iter().flatten();
        if names.clone().any(|(name, value)| {
            name.is_empty() || name.contains(['=', '\0']) || value.contains('\0')
        }) {
            return Err(HttpError::bad_request(
                "envVars: a name is empty or contains '=', or something contains NUL",
            ));
        }
        if self
            .hostname
            .as_deref()
            .is_some_and(|name| !is_hostname(name))
        {
            return Err(HttpError::bad_request(
                "hostname: 1 to 64 letters, digits, dots and hyphens",
            ));
        }
        if self
            .machine_id
            .as_deref()
            .is_some_and(|id| id.len() != 32 || !id.bytes().all(|digit| digit.is_ascii_hexdigit()))
        {
            return Err(HttpError::bad_request("machineId: 32 hexadecimal digits"));
        }
        if self
            .default_workdir
            .as_deref()
            .is_some_and(|folder| !folder.starts_with('/') || folder.contains('\0'))
        {
            return Err(HttpError::bad_request("defaultWorkdir: an absolute path"));
        }
        let entropy = self
            .entropy
            .as_ref()
            .map(|text| STANDARD.decode(text))
            .transpose();
        entropy.map_err(|error| HttpError::bad_request(format!("entropy: not base64: {error}")))
    }

    fn apply_to_session(&self, agent: &Agent) -> Result<(), HttpError> {
        let before = agent.session.current();
        let session = Session {
            environment: self
                .env_vars
                .clone()
                .unwrap_or_else(|| before.environment.clone()),
            access_token: told_or(self.access_token.as_ref(), before.access_token.as_ref()),
            default_user: told_or(self.default_user.as_ref(), before.default_user.as_ref()),
            default_folder: told_or(
                self.default_workdir.as_ref(),
                before.default_folder.as_ref(),
            ),
        };
        agent
            .session
            .replace(session)
            .map_err(|error| HttpError::internal(format!("cannot keep the session: {error}")))
    }

    fn apply_to_guest(&self, guest: &Guest, entropy: Option<&[u8]>) -> Result<(), HttpError> {
        let needed = [
            (
                "the clock",
                self.timestamp
                    .as_ref()
                    .map(|time| guest.set_clock(time.seconds, time.nanos)),
            ),
            (
                "the random pool",
                entropy.map(|entropy| guest.stir_random_pool(entropy)),
            ),
            (
                "the host name",
                self.hostname.as_ref().map(|name| guest.set_hostname(name)),
            ),
        ];
        for (what, outcome) in needed {
            if let Some(Err(error)) = outcome {
                return Err(HttpError::internal(format!("cannot set {what}: {error}")));
            }
        }
        self.write_down(guest);
        Ok(())
    }

    /// What goes to the disk may fail with it: a sandbox that filled its disk must still wake, so that somebody can
    /// remove something.
    fn write_down(&self, guest: &Guest) {
        let outcomes = [
            (
                "the host name",
                self.hostname
                    .as_ref()
                    .map(|name| guest.record_hostname(name)),
            ),
            (
                "the machine id",
                self.machine_id
                    .as_ref()
                    .map(|id| guest.record_machine_id(id)),
            ),
            (
                "trusted certificates",
                self.ca_bundle.as_ref().map(|bundle| guest.trust(bundle)),
            ),
        ];
        for (what, outcome) in outcomes {
            if let Some(Err(error)) = outcome {
                eprintln!("envd: write down {what}: {error}");
            }
        }
    }
}

/// Empty means none.
fn told_or(told: Option<&String>, before: Option<&String>) -> Option<String> {
    told.or(before).filter(|text| !text.is_empty()).cloned()
}

fn is_hostname(name: &str) -> bool {
    let fits = (1..=64).contains(&name.len());
    fits && name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.')
}
