SELECT 'deals', count(*), sum(hashtextextended(t::text, 1)) FROM sales.deals t;
SELECT 'calls', count(*), sum(hashtextextended(t::text, 1)) FROM notes.calls t;
SELECT 'database', pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database();
SELECT 'owners', c.relname, pg_get_userbyid(c.relowner), c.relacl FROM pg_class c WHERE c.relname IN ('deals', 'calls') ORDER BY 2;
