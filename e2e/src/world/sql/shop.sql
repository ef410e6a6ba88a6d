-- A small shop: several schemas, keys of all kinds, views, large objects, odd names. :orders says how large.
CREATE SCHEMA shop;
CREATE SCHEMA audit;
CREATE SCHEMA "Odd Schéma";
CREATE ROLE shop_owner NOLOGIN;
ALTER SCHEMA shop OWNER TO shop_owner;

CREATE DOMAIN shop.email AS text CHECK (VALUE ~ '^[^@]+@[^@]+$');
CREATE TYPE shop.state AS ENUM ('new', 'paid', 'sent', 'returned');

CREATE TABLE shop.customers (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    mail shop.email NOT NULL UNIQUE,
    since timestamptz NOT NULL DEFAULT '2020-01-01T00:00:00Z',
    tags text[] NOT NULL DEFAULT '{}'
);
CREATE TABLE shop.orders (
    id bigserial PRIMARY KEY,
    customer bigint NOT NULL REFERENCES shop.customers,
    state shop.state NOT NULL DEFAULT 'new',
    total numeric(12, 2) NOT NULL CHECK (total >= 0),
    note text,
    details jsonb,
    total_with_tax numeric(14, 4) GENERATED ALWAYS AS (total * 1.19) STORED
);
CREATE TABLE shop.lines (
    "order" bigint NOT NULL REFERENCES shop.orders,
    line int NOT NULL,
    article text NOT NULL,
    amount int NOT NULL,
    PRIMARY KEY ("order", line)
) PARTITION BY HASH ("order");
CREATE TABLE shop.lines_0 PARTITION OF shop.lines FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE shop.lines_1 PARTITION OF shop.lines FOR VALUES WITH (MODULUS 2, REMAINDER 1);
-- Money moves between accounts while backups run: whatever the instant, the sum is the same.
CREATE TABLE shop.accounts (id int PRIMARY KEY, balance bigint NOT NULL);
CREATE TABLE audit.events (id bigserial PRIMARY KEY, at timestamptz NOT NULL DEFAULT now(), what bytea, remark text);
CREATE TABLE "Odd Schéma"."select ""from"" where" (" x" int, "ünïcode" text);
CREATE TABLE audit.nothing ();

INSERT INTO shop.customers (name, mail, tags)
    SELECT 'Customer ' || i, 'customer' || i || '@example.org', ARRAY['t' || i % 7, 'n' || i % 13]
    FROM generate_series(1, greatest(:orders / 20, 10)) AS i;
INSERT INTO shop.orders (customer, state, total, note, details)
    SELECT 1 + i % greatest(:orders / 20, 10), (ARRAY['new', 'paid', 'sent']::shop.state[])[1 + i % 3], (i % 99991) / 100.0,
           CASE WHEN i % 5 > 0 THEN repeat(md5(i::text), 2 + i % 6) END,
           jsonb_build_object('number', i, 'code', md5((i * 7)::text), 'gift', i % 11 = 0)
    FROM generate_series(1, :orders) AS i;
INSERT INTO shop.lines
    SELECT i, n, 'article ' || (i * n) % 5003, 1 + (i + n) % 9 FROM generate_series(1, :orders) AS i, generate_series(1, 2) AS n;
INSERT INTO shop.accounts SELECT i, 1000 FROM generate_series(1, 100) AS i;
INSERT INTO audit.events (at, what, remark)
    SELECT '2026-01-01'::timestamptz + i * interval '1 minute', decode(md5(i::text), 'hex'), 'line one' || E'\n\tline "two" \\ ' || i
    FROM generate_series(1, greatest(:orders / 10, 50)) AS i;
INSERT INTO "Odd Schéma"."select ""from"" where" VALUES (1, 'grün'), (2, NULL), (3, E'a\\N\tb');

CREATE INDEX ON shop.orders (customer);
CREATE INDEX orders_details ON shop.orders USING gin (details jsonb_path_ops);
CREATE VIEW shop.turnover AS SELECT customer, sum(total) AS total FROM shop.orders GROUP BY customer;
CREATE MATERIALIZED VIEW shop.best AS SELECT * FROM shop.turnover ORDER BY total DESC, customer LIMIT 10;
CREATE FUNCTION shop.touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.note := coalesce(NEW.note, ''); RETURN NEW; END $$;
CREATE TRIGGER touch BEFORE UPDATE ON shop.orders FOR EACH ROW EXECUTE FUNCTION shop.touch();
CREATE SEQUENCE shop.invoice START 1000 INCREMENT 10 CYCLE MAXVALUE 999999;
SELECT setval('shop.invoice', 4210, true);
ALTER TABLE shop.orders OWNER TO shop_owner;
GRANT SELECT ON shop.customers TO shop_owner;
COMMENT ON TABLE shop.orders IS 'What was ordered; it''s the heart of the shop';

SELECT lo_from_bytea(70001, convert_to(repeat('a large object of some length; ', 40000), 'UTF8'));
SELECT lo_from_bytea(70002, ''::bytea);
SELECT lo_create(70003), lo_put(70003, 5000, '\xdeadbeef');
COMMENT ON LARGE OBJECT 70001 IS 'the catalogue''s cover';
ANALYZE;
