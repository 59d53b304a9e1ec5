drop table audit_log;
drop index sandboxes_there;
drop table team_limits;
drop table team_invites;
drop table session_keys;

-- A key that was to end must not live for ever.
delete from team_api_keys where expires_at is not null;
drop index team_api_keys_by_maker;
alter table team_api_keys drop column expires_at;

alter table users drop column password_version;

update users_teams set role = 'member' where role = 'admin';
alter table users_teams drop constraint users_teams_role_check;
alter table users_teams add constraint users_teams_role_check check (role in ('owner', 'member'));
