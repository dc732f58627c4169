/*
 * Rules from a list of merchant categories: no gambling, no cash.
 *
 *		psql -f example/category_rules.sql
 *
 * in the directory above, in a database with the extension, as an operator.
 * Everything is rolled back at the end; take the last lines for your own agent.
 *
 * A rule names categories by their four digits and asks no list whether they
 * exist: lists differ among card networks and grow.  What a code means is
 * looked up once, here, when the rule is written.
 *
 * example/mcc.csv has 981 codes with a short description each: the columns mcc
 * and edited_description of mcc_codes.csv in https://github.com/greggles/mcc-codes
 * (June 2020), which its authors gave to the public domain (Unlicense).
 */
\set ON_ERROR_STOP on
\set QUIET on
\pset footer off
\pset null '-'
BEGIN;

/* Codes are text: 0742 is not 742. */
CREATE TEMP TABLE categories (
	code text COLLATE "C" PRIMARY KEY CHECK (code ~ '^[0-9]{4}$'),
	description text NOT NULL
) ON COMMIT DROP;
\copy categories FROM 'example/mcc.csv' CSV HEADER ENCODING 'UTF8'

/* What is not wanted, by words of the description; \m is the beginning of a word, \M its end. */
CREATE TEMP TABLE unwanted (what text, pattern text) ON COMMIT DROP;
INSERT INTO unwanted VALUES
	('gambling', '\m(betting|gambling|casinos?|lotter(y|ies)|racing|wagers?)\M'),
	('cash', '\m(cash|money orders?|wire transfer|foreign currency|pawn shops?)\M');

/* 3000 to 3999 are single airlines, car rentals and hotels: a hotel with a casino in its name is a hotel. */
CREATE TEMP TABLE blocked ON COMMIT DROP AS
SELECT u.what, c.code, c.description
FROM unwanted AS u JOIN categories AS c ON c.description ~* u.pattern
WHERE c.code NOT BETWEEN '3000' AND '3999';

\echo
\echo 'What the words found. Read it before you use it: a description is not a promise.'
SELECT what, code, description FROM blocked ORDER BY what, code;
SELECT (SELECT count(*) FROM categories) AS codes,
	   count(DISTINCT code) FILTER (WHERE what = 'gambling') AS gambling,
	   count(DISTINCT code) FILTER (WHERE what = 'cash') AS cash
FROM blocked;

/* The rules: an object with the published names, each code once. */
SELECT jsonb_build_object('blockedMccs', jsonb_agg(DISTINCT code ORDER BY code)) AS rules FROM blocked \gset
\echo 'The rules, for the argument policy of register_agent() or the field policy of update_agent():'
\echo :rules

/* An agent with these rules asks for three spends of $20.00: two in the list, and one at a grocer's. */
SELECT id AS agent FROM ledger_agents.register_agent('careful-shopper', 'acme-labs', policy => :'rules') \gset
\echo
\echo 'Three spends:'
SELECT v.merchant, v.mcc, a.decision, a.reason
FROM (VALUES ('Lucky Star Online', '7995'),
			 ('First Street ATM', '6011'),
			 ('Corner Grocer', '5411')) AS v (merchant, mcc),
	ledger_agents.authorize(:'agent', 2000, merchant => v.merchant, mcc => v.mcc) AS a;

ROLLBACK;
