/*
 * Names of merchants: when does one match an entry of a list.
 */

/* IMMUTABLE as lower() is: it depends on the database's collation and nothing else. */
CREATE FUNCTION ledger_agents.normal_merchant(merchant text) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'la_normal_merchant_text';
COMMENT ON FUNCTION ledger_agents.normal_merchant IS
'The name as rules compare it: case folded like lower() in this database, each run of punctuation, symbols, blanks and control characters one blank, none at the ends. Empty if it has no letter and no digit. Accents, full-width forms and other scripts stay as they are. Beyond ASCII punctuation is known in databases with the encoding UTF8; in others it counts as letters. Null for a null. No errors.';

CREATE FUNCTION ledger_agents.merchant_matches(
	merchant text,
	entry text,
	strict boolean DEFAULT true)
RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'la_merchant_matches';
COMMENT ON FUNCTION ledger_agents.merchant_matches IS
'Whether a merchant matches an entry of a rule, both normalized by normal_merchant(). Strict, as for allowed merchants and the first merchant of a lock: the name is the entry or begins with its words. Not strict, as for blocked merchants, hints and intents: the words of one are in the other, whole and consecutive. A name or an entry without a letter or digit matches nothing. Null if an argument is null. No errors.';
