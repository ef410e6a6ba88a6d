-- One line per thing that a restore must bring back exactly; equal texts mean equal content, whatever the rows' order.
SELECT 'customers', count(*), sum(hashtextextended(t::text, 1)) FROM shop.customers t;
SELECT 'orders', count(*), sum(hashtextextended(t::text, 1)) FROM shop.orders t;
SELECT 'lines', count(*), sum(hashtextextended(t::text, 1)) FROM shop.lines t;
SELECT 'odd', count(*), sum(hashtextextended(t::text, 1)) FROM "Odd Schéma"."select ""from"" where" t;
SELECT 'best', count(*), sum(hashtextextended(t::text, 1)) FROM shop.best t;
SELECT 'sum of accounts', sum(balance) FROM shop.accounts;
SELECT 'sequences', sequencename, last_value FROM pg_sequences WHERE sequencename IN ('customers_id_seq', 'orders_id_seq', 'invoice') ORDER BY 2;
SELECT 'large object', oid, length(lo_get(oid)), md5(lo_get(oid)), obj_description(oid, 'pg_largeobject') FROM pg_largeobject_metadata ORDER BY oid;
SELECT 'owners', c.relname, r.rolname FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner WHERE c.relnamespace = 'shop'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'S') ORDER BY 2;
SELECT 'indexes', indexdef FROM pg_indexes WHERE schemaname IN ('shop', 'audit') ORDER BY 2;
SELECT 'constraints', conrelid::regclass::text, conname, convalidated, pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace IN ('shop'::regnamespace, 'audit'::regnamespace) ORDER BY 2, 3;
