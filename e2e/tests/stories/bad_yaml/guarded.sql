CREATE TABLE ledger (id int PRIMARY KEY, amount numeric);
ALTER TABLE ledger ENABLE ROW LEVEL SECURITY;
GRANT SELECT ON ledger TO auditor;
