-- Tables that refer to each other, with everything that a table may have, in two schemas.
CREATE SCHEMA shop;
CREATE SCHEMA other;
GRANT USAGE ON SCHEMA shop TO alice, bob;
CREATE TYPE shop.mood AS ENUM ('calm', 'cross');
CREATE DOMAIN shop.amount AS numeric(12, 2) CHECK (VALUE >= 0);
CREATE FUNCTION shop.touch() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN NEW.touched := NEW.touched + 1; RETURN NEW; END $$;
CREATE TABLE shop.customers (id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE shop.orders (
    id bigserial PRIMARY KEY,
    number bigint GENERATED ALWAYS AS IDENTITY (START 500),
    customer int NOT NULL REFERENCES shop.customers,
    amount shop.amount NOT NULL,
    mood shop.mood,
    note text,
    touched int NOT NULL DEFAULT 0);
COMMENT ON TABLE shop.orders IS 'what was bought';
COMMENT ON COLUMN shop.orders.mood IS 'of the customer';
CREATE INDEX orders_by_mood ON shop.orders (mood, id) WHERE mood IS NOT NULL;
CREATE STATISTICS shop.orders_stats ON customer, mood FROM shop.orders;
CREATE TRIGGER touched BEFORE UPDATE ON shop.orders FOR EACH ROW EXECUTE FUNCTION shop.touch();
ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY of_bob ON shop.orders FOR SELECT TO bob USING (customer = 1);
ALTER TABLE shop.orders OWNER TO alice;
GRANT SELECT, UPDATE (note) ON shop.orders TO bob;
CREATE TABLE shop.lines (line int PRIMARY KEY, of_order bigint REFERENCES shop.orders, payload jsonb, secret bytea);
CREATE VIEW shop.cross_orders AS SELECT * FROM shop.orders WHERE mood = 'cross';
CREATE MATERIALIZED VIEW shop.sums AS SELECT customer, sum(amount) AS total FROM shop.orders GROUP BY customer;
CREATE TABLE shop.events (at date NOT NULL, what text) PARTITION BY RANGE (at);
CREATE TABLE shop.events_2025 PARTITION OF shop.events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE shop.events_2026 PARTITION OF shop.events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE INDEX events_by_what ON shop.events (what);
CREATE TABLE other.audit (id int PRIMARY KEY, of_order bigint REFERENCES shop.orders, mood shop.mood);
INSERT INTO shop.customers SELECT g, 'customer ' || g FROM generate_series(1, 100) g;
INSERT INTO shop.orders (customer, amount, mood, note)
    SELECT g % 100 + 1, g, CASE g % 3 WHEN 0 THEN 'calm' WHEN 1 THEN 'cross' END::shop.mood, repeat('note ', g % 50)
    FROM generate_series(1, 5000) g;
INSERT INTO shop.lines SELECT g, g % 5000 + 1, jsonb_build_object('n', g), sha256(convert_to(g::text, 'UTF8')) FROM generate_series(1, 3000) g;
INSERT INTO shop.events SELECT date '2025-01-01' + g % 700, 'event ' || g FROM generate_series(1, 4000) g;
INSERT INTO other.audit SELECT g, g, 'calm' FROM generate_series(1, 10) g;
REFRESH MATERIALIZED VIEW shop.sums;
