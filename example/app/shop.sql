-- The app's own part of the database. Run once, as a superuser, in a database that has the extension.

-- Who the programs log in as. Of the level api, so that it may do nothing without a key or a token.
-- Give it a password (\password shop_app) or a line of pg_hba.conf.
CREATE ROLE shop_app LOGIN;
SELECT ledger_agents.grant_access('shop_app', 'api');

-- Nobody waits longer than this for a busy agent: then it is 55P03, and tried again.
ALTER ROLE shop_app SET ledger_agents.lock_timeout = '2s';
-- A program that hangs in the middle of a transaction does not keep its agent busy for long.
ALTER ROLE shop_app SET idle_in_transaction_session_timeout = '10s';

CREATE SCHEMA shop;
GRANT USAGE ON SCHEMA shop TO shop_app;

-- Declined orders are kept, too: with them their decisions are, and what came with those (a suspension, an intent that
-- waits for a human); and the customer can be told why. A rollback would forget it all.
CREATE TABLE shop.orders (
	id text PRIMARY KEY,
	merchant text NOT NULL,
	amount bigint NOT NULL,
	decision text NOT NULL CHECK (decision IN ('approved', 'declined')),
	reason text CHECK ((reason IS NOT NULL) = (decision = 'declined')),
	authorization_id uuid NOT NULL UNIQUE
);
GRANT SELECT, INSERT ON shop.orders TO shop_app;
