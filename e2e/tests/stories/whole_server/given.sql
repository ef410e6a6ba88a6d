-- Beside the shop: a database with an owner who logs in, one that patterns leave out, and one that nobody can read.
CREATE ROLE crm_reader;
CREATE ROLE crm_owner LOGIN PASSWORD 'known to no human' IN ROLE crm_reader;
CREATE DATABASE crm OWNER crm_owner;
CREATE DATABASE scratch_1;
CREATE DATABASE sealed ALLOW_CONNECTIONS false;
