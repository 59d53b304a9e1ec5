drop index sandboxes_by_template;
drop index templates_by_team;
drop table template_hosts;
