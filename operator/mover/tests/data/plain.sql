-- One of nearly everything that PostgreSQL 13 knows.
CREATE SCHEMA app;
CREATE TYPE app.mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN app.positive AS integer CHECK (VALUE > 0);
CREATE TYPE app.pair AS (a integer, b text);
CREATE SEQUENCE app.numbers START 5 INCREMENT 3; SELECT nextval('app.numbers'), nextval('app.numbers');
CREATE TABLE app.people (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL UNIQUE, feels app.mood,
  age app.positive, twin app.pair, upper_name text GENERATED ALWAYS AS (upper(name)) STORED, seen timestamptz DEFAULT '2026-01-01 00:00Z');
INSERT INTO app.people (name, feels, age, twin) SELECT 'p' || g, (enum_range(NULL::app.mood))[1 + g % 3], g, ROW(g, 'x,"' || g)::app.pair
  FROM generate_series(1, 5000) g;
CREATE TABLE app.letters (id bigint PRIMARY KEY, person integer REFERENCES app.people DEFERRABLE, body text, tags text[], extra jsonb);
INSERT INTO app.letters SELECT g, 1 + g % 5000, repeat(md5(g::text), 30), ARRAY['a', NULL, 'b,"c'], jsonb_build_object('n', g) FROM generate_series(1, 20000) g;
CREATE INDEX letters_body ON app.letters (lower(substr(body, 1, 10))) WHERE id % 2 = 0;
CREATE STATISTICS app.related ON id, person FROM app.letters;
CREATE TABLE app.days (at date NOT NULL, n integer) PARTITION BY RANGE (at);
CREATE TABLE app.days_1 PARTITION OF app.days FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE app.days_d PARTITION OF app.days DEFAULT;
INSERT INTO app.days SELECT date '2026-01-15' + g, g FROM generate_series(1, 60) g;
CREATE TABLE app.parent (i integer); CREATE TABLE app.child (j integer) INHERITS (app.parent);
INSERT INTO app.parent VALUES (1); INSERT INTO app.child VALUES (2, 3);
CREATE TABLE app.nothing (); INSERT INTO app.nothing DEFAULT VALUES;
CREATE UNLOGGED TABLE app.fleeting AS SELECT generate_series(1, 10) AS i;
CREATE VIEW app.sad AS SELECT name FROM app.people WHERE feels = 'sad';
CREATE MATERIALIZED VIEW app.moods AS SELECT feels, count(*) FROM app.people GROUP BY 1;
CREATE FUNCTION app.twice(i integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT i * 2';
CREATE FUNCTION app.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER touched BEFORE UPDATE ON app.people FOR EACH ROW EXECUTE FUNCTION app.touch();
ALTER TABLE app.letters ENABLE ROW LEVEL SECURITY; CREATE POLICY mine ON app.letters USING (person = 1);
COMMENT ON TABLE app.people IS 'with "quotes" and ''more''';
SELECT lo_from_bytea(4711, decode(repeat('ab', 5000), 'hex')); COMMENT ON LARGE OBJECT 4711 IS 'a large one';
CREATE PUBLICATION news FOR TABLE app.people;
