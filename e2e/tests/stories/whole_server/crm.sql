CREATE SCHEMA sales AUTHORIZATION crm_owner;
CREATE SCHEMA notes AUTHORIZATION crm_owner;
SET ROLE crm_owner;
CREATE TABLE sales.deals (id int PRIMARY KEY, worth numeric NOT NULL);
INSERT INTO sales.deals SELECT i, i * 1.5 FROM generate_series(1, 500) AS i;
CREATE TABLE notes.calls (id int PRIMARY KEY, said text);
INSERT INTO notes.calls SELECT i, repeat('x', i % 50) FROM generate_series(1, 300) AS i;
GRANT SELECT ON sales.deals TO crm_reader;
