-- Which hosts hold the files of a snapshot: only they can make sandboxes from it.
create table template_hosts (
  template_id text not null references templates (id) on delete cascade,
  host_id text not null references hosts (id) on delete cascade,
  created_at timestamptz(3) not null default now(),
  primary key (template_id, host_id)
);
create index template_hosts_by_host on template_hosts (host_id);

create index templates_by_team on templates (team_id, created_at desc, id desc);
create index sandboxes_by_template on sandboxes (template_id) where template_id is not null;
