-- Roles and a tablespace that rich.sql speaks of. Run once per server.
CREATE ROLE alice LOGIN;
CREATE ROLE bob;
CREATE ROLE "Role With ""Quotes""";
CREATE ROLE readers;
GRANT readers TO bob;
