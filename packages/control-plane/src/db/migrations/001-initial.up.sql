-- People, keys, hosts, sandboxes. Ids are made by the server (packages/protocol, ids.ts); times have milliseconds, as in the API.

create table users (
  id text primary key check (id ~ '^usr-[a-z2-7]{20}$'),
  email text not null check (email = lower(email) and length(email) between 3 and 254),
  password_hash text not null,
  -- A platform admin runs shared hosts. Signing up never makes one.
  is_admin boolean not null default false,
  created_at timestamptz(3) not null default now(),
  constraint users_email_taken unique (email)
);

create table teams (
  id text primary key check (id ~ '^team-[a-z2-7]{20}$'),
  name text not null check (length(name) between 1 and 254),
  created_at timestamptz(3) not null default now()
);

create table users_teams (
  user_id text not null references users (id) on delete cascade,
  team_id text not null references teams (id) on delete cascade,
  role text not null check (role in ('owner', 'member')),
  created_at timestamptz(3) not null default now(),
  primary key (user_id, team_id)
);
create index users_teams_by_team on users_teams (team_id);

create table team_api_keys (
  id text primary key check (id ~ '^key-[a-z2-7]{20}$'),
  team_id text not null references teams (id) on delete cascade,
  name text not null check (length(name) between 1 and 100),
  key_hash bytea not null unique check (length(key_hash) = 32),
  key_prefix text not null,
  created_by text references users (id) on delete set null,
  created_at timestamptz(3) not null default now(),
  last_used timestamptz(3)
);
create index team_api_keys_by_team on team_api_keys (team_id, created_at desc, id desc);

create table templates (
  id text primary key check (id ~ '^tpl-[a-z2-7]{20}$'),
  name text not null check (name ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
  type text not null check (type in ('base', 'snapshot')),
  -- Base images belong to everyone, snapshots to a team.
  team_id text references teams (id) on delete cascade,
  -- What a snapshot bakes in; null for a base image, which runs with any.
  vcpus integer check (vcpus > 0),
  memory_mb integer check (memory_mb > 0),
  -- Null until a host has told.
  size_bytes bigint check (size_bytes >= 0),
  created_at timestamptz(3) not null default now(),
  constraint templates_owner check ((type = 'base') = (team_id is null)),
  constraint templates_shape check (type = 'base' or (vcpus is not null and memory_mb is not null)),
  constraint templates_name_taken unique nulls not distinct (team_id, name)
);

-- The base image that every install has; the id is the same everywhere.
insert into templates (id, name, type) values ('tpl-minimal2minimal2mini', 'minimal', 'base');

create table hosts (
  id text primary key check (id ~ '^host-[a-z2-7]{20}$'),
  type text not null check (type in ('regular', 'byoc')),
  team_id text references teams (id) on delete cascade,
  provider text check (length(provider) between 1 and 100),
  availability_zone text check (length(availability_zone) between 1 and 100),
  status text not null check (status in ('pending', 'online', 'offline', 'draining', 'unreachable')),
  -- What the machine said of itself when it joined.
  address text,
  arch text,
  cpu_cores integer check (cpu_cores > 0),
  memory_mb integer check (memory_mb > 0),
  disk_gb integer check (disk_gb >= 0),
  vmm_name text,
  vmm_version text,
  vmm_accelerator text,
  disk_driver text,
  -- Its last heartbeat.
  last_heartbeat_at timestamptz(3),
  disk_free_mb bigint check (disk_free_mb >= 0),
  created_by text references users (id) on delete set null,
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now(),
  constraint hosts_owner check ((type = 'byoc') = (team_id is not null)),
  constraint hosts_joined check (
    status = 'pending'
    or (address is not null and arch is not null and cpu_cores is not null and memory_mb is not null and disk_gb is not null
        and vmm_name is not null and disk_driver is not null)
  )
);
create index hosts_by_creation on hosts (created_at desc, id desc);

create table host_tags (
  host_id text not null references hosts (id) on delete cascade,
  tag text not null check (tag ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
  primary key (host_id, tag)
);

-- One-time tokens with which a machine joins.
create table host_tokens (
  id bigint generated always as identity primary key,
  host_id text not null references hosts (id) on delete cascade,
  token_hash bytea not null unique check (length(token_hash) = 32),
  created_by text references users (id) on delete set null,
  created_at timestamptz(3) not null default now(),
  expires_at timestamptz(3) not null,
  used_at timestamptz(3)
);
create index host_tokens_by_host on host_tokens (host_id);

-- Each refresh makes a successor; only the successor's first use revokes what came before it.
create table host_refresh_tokens (
  id bigint generated always as identity primary key,
  host_id text not null references hosts (id) on delete cascade,
  predecessor_id bigint references host_refresh_tokens (id) on delete set null,
  token_hash bytea not null unique check (length(token_hash) = 32),
  created_at timestamptz(3) not null default now(),
  expires_at timestamptz(3) not null,
  first_used_at timestamptz(3),
  revoked_at timestamptz(3),
  revoked_reason text check (revoked_reason in ('superseded', 'voided', 'stolen')),
  constraint host_refresh_tokens_revocation check ((revoked_at is null) = (revoked_reason is null))
);
create index host_refresh_tokens_by_host on host_refresh_tokens (host_id);
create index host_refresh_tokens_by_predecessor on host_refresh_tokens (predecessor_id);

-- One row: the authority that signs hosts' certificates. Its key is encrypted with a key derived from ROOST_SECRET.
create table certificate_authority (
  singleton boolean primary key default true check (singleton),
  certificate_pem text not null,
  encrypted_key bytea not null,
  created_at timestamptz(3) not null default now()
);

create table sandboxes (
  id text primary key check (id ~ '^sb-[a-z2-7]{20}$'),
  team_id text not null references teams (id) on delete restrict,
  status text not null check (
    status in ('pending', 'starting', 'running', 'pausing', 'paused', 'resuming', 'stopping', 'stopped', 'missing', 'error')
  ),
  -- The name stays when the template goes.
  template text not null,
  template_id text references templates (id) on delete set null,
  vcpus integer not null check (vcpus > 0),
  memory_mb integer not null check (memory_mb > 0),
  timeout_sec integer not null check (timeout_sec >= 0),
  internet boolean not null,
  metadata jsonb not null default '{}' check (jsonb_typeof(metadata) = 'object'),
  -- A host cannot go while it has sandboxes; stopped ones are let go of first.
  host_id text references hosts (id) on delete restrict,
  guest_ip text,
  error text,
  created_at timestamptz(3) not null default now(),
  started_at timestamptz(3),
  last_active_at timestamptz(3),
  -- When the state last changed.
  last_updated timestamptz(3) not null default now(),
  constraint sandboxes_host check (host_id is not null or status in ('pending', 'stopped'))
);
create index sandboxes_by_team on sandboxes (team_id, created_at desc, id desc);
create index sandboxes_by_host on sandboxes (host_id) where host_id is not null;
create index sandboxes_by_metadata on sandboxes using gin (metadata jsonb_path_ops);

-- First answers to requests with an Idempotency-Key, kept for a day.
create table idempotency_keys (
  team_id text not null references teams (id) on delete cascade,
  key text not null check (length(key) between 1 and 255),
  route text not null,
  body_hash bytea not null check (length(body_hash) = 32),
  -- The id of the thing that the first request makes, chosen before it is made.
  subject_id text not null,
  -- Null while the first request is under way.
  status integer,
  answer jsonb,
  created_at timestamptz(3) not null default now(),
  started_at timestamptz(3) not null default now(),
  primary key (team_id, key),
  constraint idempotency_keys_answer check ((status is null) = (answer is null))
);
create index idempotency_keys_by_age on idempotency_keys (created_at);
