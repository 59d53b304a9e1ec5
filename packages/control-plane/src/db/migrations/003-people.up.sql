-- Teams with admins and invitations, keys that end, sessions that end with a password, limits of teams, the audit log.

alter table users_teams drop constraint users_teams_role_check;
alter table users_teams add constraint users_teams_role_check check (role in ('owner', 'admin', 'member'));

-- Counts the passwords that an account has had: a session that was opened with an earlier one is over.
alter table users add column password_version integer not null default 1 check (password_version > 0);

alter table team_api_keys add column expires_at timestamptz(3);
create index team_api_keys_by_maker on team_api_keys (created_by) where created_by is not null;

-- Names of the keys that sign sessions; the keys themselves are derived from ROOST_SECRET. Without its row a key is worth nothing.
create table session_keys (
  kid text primary key check (kid ~ '^[a-z2-7]{20}$'),
  created_at timestamptz(3) not null default now()
);

-- At most one for each team and email; gone when it was accepted.
create table team_invites (
  id text primary key check (id ~ '^inv-[a-z2-7]{20}$'),
  team_id text not null references teams (id) on delete cascade,
  email text not null check (email = lower(email) and length(email) between 3 and 254),
  role text not null check (role in ('owner', 'admin', 'member')),
  token_hash bytea not null unique check (length(token_hash) = 32),
  created_by text references users (id) on delete cascade,
  created_at timestamptz(3) not null default now(),
  expires_at timestamptz(3) not null,
  constraint team_invites_once unique (team_id, email)
);
create index team_invites_by_maker on team_invites (created_by);

-- What a team may have at most, where it is not what the settings say. Null: as the settings say.
create table team_limits (
  team_id text primary key references teams (id) on delete cascade,
  sandboxes integer check (sandboxes >= 0),
  vcpus integer check (vcpus >= 0),
  memory_mb bigint check (memory_mb >= 0),
  snapshots integer check (snapshots >= 0),
  disk_mb bigint check (disk_mb >= 0)
);

-- What counts against limits, however many have been destroyed.
create index sandboxes_there on sandboxes (team_id) where status <> 'stopped';

-- Who changed what, when, from where. Written before the change, so that none goes unseen: `begun` is one whose end nobody saw.
create table audit_log (
  id text primary key check (id ~ '^evt-[a-z2-7]{20}$'),
  -- Null for what concerns no team, such as a shared host.
  team_id text references teams (id) on delete cascade,
  -- The log outlives whom it tells of: these are no references. `actor` is the email, or the key's name, as it was then.
  user_id text,
  key_id text,
  actor text not null,
  action text not null,
  subject text,
  outcome text not null check (outcome in ('begun', 'done', 'failed')),
  details jsonb not null default '{}' check (jsonb_typeof(details) = 'object'),
  address text,
  request_id text,
  created_at timestamptz(3) not null default now()
);
create index audit_log_by_team on audit_log (team_id, created_at desc, id desc);
create index audit_log_by_age on audit_log (created_at);
