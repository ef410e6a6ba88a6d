-- Edge values of many types: tables that are read in binary, in text, in pieces, and tables without rows.
CREATE TABLE plain (id bigint PRIMARY KEY, t text, b bytea, n numeric, f float8, r real, ok boolean, u uuid, at timestamptz,
    d date, j jsonb, a int[], ta text[], c char(5), v varchar(9), i interval, tt time, tz timetz, ip inet, o oid, s smallint);
INSERT INTO plain VALUES
 (1, E'tab\t newline\n backslash\\ \\. \\N', '\x00ff0a5c', 'NaN', '-0', 'Infinity', true, gen_random_uuid(), 'infinity', '-infinity',
  '{"a": [1, "\u00e4"]}', '[2:3]={1,NULL}', '{" x",NULL}', 'ab', 'ä€😀', '1 mon -2 days 03:04:05.678', '24:00', '12:00+05:30', '::1/64', 4294967295, -32768),
 (2, '', '', 1e-100, 'NaN', '-Infinity', false, NULL, '0001-01-01 00:00:00+00 BC', '5874897-12-31', 'null', '{}', '{}', '', '', '-1 year', '0:0', '0:0-15', '10.0.0.0/8', 0, 32767),
 (3, NULL, NULL, repeat('9', 130000)::numeric, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
CREATE TYPE mood AS ENUM ('sad', 'it''s ok');
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE TYPE pair AS (a int, b text);
CREATE TABLE odd (m mood, ma mood[], p positive, x xml, money money, r int4range, mr nummultirange, tsv tsvector, c pair, reg regclass, pt point, bits bit(3), vb bit varying);
INSERT INTO odd VALUES ('it''s ok', '{sad}', 5, '<a>b</a>', '-12.34', '[1,5)', '{[1,2],(5,6)}', 'a:1 b:2A', '(1,"x,y")', 'plain', '(1,-0)', '101', '1'), (NULL, NULL, NULL, NULL, NULL, 'empty', '{}', '', '(,)', NULL, NULL, NULL, '');
CREATE TABLE wide (id int, pad char(3000), big text);
ALTER TABLE wide ALTER big SET STORAGE EXTERNAL, ALTER pad SET STORAGE PLAIN;
INSERT INTO wide SELECT g, 'x', repeat(md5(g::text), 60000) FROM generate_series(1, 40) g;
CREATE TABLE many (id int, x text) WITH (fillfactor = 20);
INSERT INTO many SELECT g, md5(g::text) FROM generate_series(1, 200000) g;
DELETE FROM many WHERE id % 7 = 0;
CREATE TABLE only_dead (id int); INSERT INTO only_dead SELECT generate_series(1, 1000); DELETE FROM only_dead;
CREATE TABLE no_columns (); INSERT INTO no_columns DEFAULT VALUES; INSERT INTO no_columns DEFAULT VALUES;
