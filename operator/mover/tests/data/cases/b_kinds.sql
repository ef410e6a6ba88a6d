SET client_min_messages = warning; CREATE SCHEMA k;
-- B3.11
CREATE TYPE k.place AS (x int, y int, "Z z" text COLLATE "C"); CREATE TABLE k.typed OF k.place (PRIMARY KEY (x), y WITH OPTIONS DEFAULT 3 CHECK (y > 0));
INSERT INTO k.typed (x, "Z z") SELECT g, 'z' || g FROM generate_series(1,100) g; CREATE TABLE k.typed_too OF k.place; INSERT INTO k.typed_too VALUES (NULL,NULL,NULL);
-- B3.12
CREATE VIEW k.small AS SELECT * FROM k.typed WHERE x < 10 WITH LOCAL CHECK OPTION; CREATE VIEW k.smaller AS SELECT * FROM k.small WHERE y > 0 WITH CASCADED CHECK OPTION;
CREATE VIEW k.keyed WITH (security_barrier) AS SELECT x, y, count(*) AS n FROM k.typed GROUP BY x; CREATE VIEW k.a_over_keyed AS SELECT sum(n) AS n FROM k.keyed;
CREATE RECURSIVE VIEW k.numbers (n) AS VALUES (1) UNION ALL SELECT n + 1 FROM numbers WHERE n < 5;
CREATE VIEW k.nothing AS SELECT; ALTER VIEW k.small ALTER COLUMN y SET DEFAULT 9; INSERT INTO k.small (x, "Z z") VALUES (0, 'by its view');
-- B3.13
CREATE FOREIGN DATA WRAPPER k_nothing; CREATE SERVER k_far FOREIGN DATA WRAPPER k_nothing OPTIONS (a 'b''c');
CREATE FOREIGN TABLE k.far (id int OPTIONS ("Name" 'i''d') NOT NULL, t text COLLATE "C" DEFAULT 'x', CHECK (id > 0)) SERVER k_far OPTIONS (table_name 'f');
CREATE FOREIGN TABLE k.far_kid (extra int) INHERITS (k.far) SERVER k_far; CREATE VIEW k.of_far AS SELECT id FROM k.far;
CREATE MATERIALIZED VIEW k.far_copy AS SELECT * FROM k.far WITH NO DATA;
-- B2
CREATE TABLE k.parts (k int, v text) PARTITION BY LIST (k); CREATE TABLE k.parts_1 PARTITION OF k.parts FOR VALUES IN (1); CREATE TABLE k.parts_2 PARTITION OF k.parts FOR VALUES IN (2) PARTITION BY LIST (v);
CREATE TABLE k.parts_2_d PARTITION OF k.parts_2 DEFAULT; INSERT INTO k.parts SELECT g % 2 + 1, 'v' || g FROM generate_series(1,500) g;
CREATE INDEX parts_v ON k.parts (v); CREATE INDEX parts_half ON ONLY k.parts (v, k); CREATE INDEX parts_half_1 ON k.parts_1 (v, k); ALTER INDEX k.parts_half ATTACH PARTITION k.parts_half_1;
CREATE UNIQUE INDEX parts_key ON k.parts (k, v); ALTER TABLE k.parts_1 ADD CONSTRAINT parts_1_own UNIQUE (v);
CREATE TABLE k.mixed (k int, v text) PARTITION BY LIST (k); CREATE TABLE k.mixed_1 PARTITION OF k.mixed FOR VALUES IN (1); CREATE FOREIGN TABLE k.mixed_far PARTITION OF k.mixed FOR VALUES IN (2) SERVER k_far;
CREATE INDEX mixed_v ON k.mixed (v); INSERT INTO k.mixed SELECT 1, 'v' || g FROM generate_series(1,300) g;
