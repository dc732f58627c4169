-- Does a merchant's name match an entry exactly when its words say so?
BEGIN;
SELECT no_plan();

--
-- What a name becomes
--
SELECT is(ledger_agents.normal_merchant(name), want, coalesce(nullif(why, ''), name))
FROM (VALUES
  ('Starbucks', 'starbucks', ''),
  ('STARBUCKS #1234', 'starbucks 1234', ''),
  ('  Blue   Bottle  ', 'blue bottle', ''),
  ('SQ *BLUE BOTTLE', 'sq blue bottle', ''),
  ('AMZN Mktp US*2K4RT81X3', 'amzn mktp us 2k4rt81x3', ''),
  ('McDonald''s', 'mcdonald s', ''),
  ('McDonald’s', 'mcdonald s', 'a curved apostrophe is one, too'),
  ('AT&T', 'at t', ''),
  ('7-ELEVEN', '7 eleven', ''),
  ('7–Eleven', '7 eleven', 'an en dash'),
  ('snake_case', 'snake case', 'an underscore is punctuation'),
  (E'TAB\tNEW\nLINE\rBELL\x07DEL\x7fEND', 'tab new line bell del end', 'control characters'),
  (E'A\u00a0B\u2003C\u3000D\u200bE\u2028F', 'a b c d e f', 'blanks of all widths, one of none'),
  (E'\ufeffStarbucks', 'starbucks', 'a byte order mark'),
  (E'soft\u00adhyphen', 'soft hyphen', ''),
  ('Starbucks® Café™', 'starbucks café', 'signs of trade marks'),
  ('¿Qué? ¡Sí!', 'qué sí', 'Spanish'),
  ('«Élan»', 'élan', 'French'),
  ('Bäckerei SÜß', 'bäckerei süß', 'German'),
  ('ŁÓDŹ', 'łódź', 'Polish'),
  ('ПЯТЁРОЧКА №5', 'пятёрочка 5', 'Russian'),
  (E'ΒΑΡ\u0387ΓΑΜΑ', 'βαρ γαμα', 'a Greek semicolon'),
  ('セブン・イレブン', 'セブン イレブン', 'a Katakana middle dot'),
  ('星巴克（中国）', '星巴克 中国', 'full-width parentheses'),
  ('佐々木、株式会社', '佐々木 株式会社', '々 is a letter, 、 is not'),
  ('ＳＴＡＲ　１２', 'ｓｔａｒ １２', 'full-width letters stay full-width'),
  ('Coffee ☕️ Bar 🍩', 'coffee bar', 'emoji, one with a selector'),
  ('€uro $tore £td', 'uro tore td', 'currencies'),
  ('ª µ º ² ½', 'ª µ º ² ½', 'letters and digits among the signs of Latin-1'),
  (E'cafe\u0301', E'cafe\u0301', 'an accent of its own stays with its letter'),
  ('', '', 'nothing'),
  ('   ', '', 'only blanks'),
  ('*** --- !!!', '', 'only punctuation'),
  ('…—“”', '', 'only punctuation beyond ASCII'),
  (NULL, NULL, 'null'),
  (repeat('A', 255), repeat('a', 255), '255 characters'),
  (repeat('é.', 127) || 'É', rtrim(repeat('é ', 128)), '255 characters, every other one a blank'),
  (repeat('-', 254) || 'X', 'x', '254 of punctuation')) AS v (name, want, why);

--
-- Which entry it matches: begins with it (strict), overlaps with it (not strict)
--
CREATE TEMP TABLE cases (name text, entry text, begins boolean, overlap boolean, why text);
INSERT INTO cases VALUES
  -- Equal
  ('Starbucks', 'Starbucks', true, true, 'the same'),
  ('STARBUCKS', 'starbucks', true, true, 'case'),
  ('DOORDASH', 'DoorDash', true, true, 'case'),
  ('Door Dash', 'DoorDash', false, false, 'a blank makes two words'),
  ('  Starbucks  ', 'Starbucks', true, true, 'blanks around the name'),
  ('Starbucks', E'\tStarbucks\n', true, true, 'blanks around the entry'),
  ('Blue    Bottle', 'Blue Bottle', true, true, 'a run of blanks'),
  ('Blue-Bottle', 'Blue Bottle', true, true, 'punctuation for a blank'),
  ('*Blue* [Bottle]!', 'blue, bottle', true, true, 'punctuation everywhere'),
  ('BlueBottle', 'Blue Bottle', false, false, 'nothing for a blank'),
  ('1234', '1234', true, true, 'digits only'),
  ('0123', '123', false, false, 'a leading zero counts'),
  (repeat('x', 255), repeat('X', 255), true, true, '255 characters'),
  (repeat('x', 255), repeat('x', 254), false, false, '255 and 254 characters'),
  (repeat('x ', 127) || 'y', 'X', true, true, '128 words'),
  -- The name goes on
  ('STARBUCKS #1234', 'Starbucks', true, true, 'a store number'),
  ('STARBUCKS*1234', 'Starbucks', true, true, 'a store number behind a star'),
  ('STARBUCKS 1234 SEATTLE WA', 'Starbucks', true, true, 'a store number and a place'),
  ('STARBUCKS 1234 SEATTLE WA', 'Starbucks 1234', true, true, 'one store'),
  ('STARBUCKS 12345', 'Starbucks 1234', false, false, 'another store'),
  ('STARBUCKS1234', 'Starbucks', false, false, 'a number without a blank'),
  ('starbucksx', 'starbucks', false, false, 'a longer word'),
  ('starbuck', 'starbucks', false, false, 'a shorter word'),
  ('Amazon.com', 'amazon', true, true, 'a domain begins with its first label'),
  ('amazonia', 'amazon', false, false, 'the beginning of a word'),
  ('Delta Air Lines', 'Delta Air', true, true, 'two words of three'),
  ('Delta Airlines', 'Delta Air', false, false, 'the second word goes on'),
  ('UBER *EATS', 'Uber', true, true, 'a product of the merchant'),
  ('Uberti Guns', 'Uber', false, false, 'a word that begins so'),
  -- The entry is inside
  ('The Starbucks', 'Starbucks', false, true, 'behind a first word'),
  ('SQ *BLUE BOTTLE', 'Blue Bottle', false, true, 'behind the prefix of a processor'),
  ('PAYPAL *STEAM GAMES', 'steam', false, true, 'in the middle'),
  ('Las Vegas Casino', 'casino', false, true, 'at the end'),
  ('CasinoRoyale Las Vegas', 'casino', false, false, 'part of the first word'),
  ('Grand MegaCasino', 'casino', false, false, 'part of the last word'),
  ('Grand MegaCasino Casino', 'casino', false, true, 'part of a word first, then a word'),
  ('MegaCasinos Casino Casinos', 'casino', false, true, 'a word between parts of words'),
  ('Bottle Blue', 'Blue Bottle', false, false, 'another order'),
  ('Blue Glass Bottle', 'Blue Bottle', false, false, 'a word between'),
  ('Blue Blue Bottle', 'Blue Bottle', false, true, 'the first word twice'),
  ('a a b', 'a b', false, true, 'a beginning that is given up'),
  ('ab a b', 'a b', false, true, 'a false beginning'),
  -- The name is inside the entry
  ('Steam', 'Steam Games', false, true, 'the entry says more'),
  ('Games', 'Steam Games', false, true, 'the end of the entry'),
  ('Gam', 'Steam Games', false, false, 'part of a word of the entry'),
  ('Star', 'Starbucks', false, false, 'the beginning of the entry''s word'),
  ('bucks', 'Starbucks', false, false, 'the end of the entry''s word'),
  -- Apostrophes, ampersands, dashes
  ('McDonald''s', 'MCDONALD S', true, true, 'an apostrophe separates'),
  ('McDonald’s', 'McDonald''s', true, true, 'apostrophes of two shapes'),
  ('McDonalds', 'McDonald''s', false, false, 'no apostrophe'),
  ('McDonald''s F1234', 'McDonald''s', true, true, 'an apostrophe and a store number'),
  ('McDonald''s', 'McDonald', true, true, 'the word before the apostrophe'),
  ('AT&T Wireless', 'AT&T', true, true, 'an ampersand'),
  ('ATT Wireless', 'AT&T', false, false, 'no ampersand'),
  ('H & M', 'H&M', true, true, 'blanks around an ampersand'),
  ('7–Eleven', '7-ELEVEN', true, true, 'dashes of two lengths'),
  ('7−Eleven', '7-Eleven', true, true, 'a minus sign'),
  ('Seven-Eleven', '7-Eleven', false, false, 'a digit is not its word'),
  -- Beyond ASCII
  ('CAFÉ NERO', 'Café Nero', true, true, 'case of an accented letter'),
  ('Cafe Nero', 'Café Nero', false, false, 'an accent makes another letter'),
  (E'cafe\u0301', 'cafe', false, false, 'so does an accent of its own'),
  (E'cafe\u0301', E'caf\u00e9', false, false, 'composed or not are different'),
  ('Straße', 'STRASSE', false, false, 'ß is not ss'),
  ('аmаzon', 'amazon', false, false, 'Cyrillic а is not Latin a'),
  ('Аmazon', 'amazon', false, false, 'Cyrillic А is not Latin A'),
  ('ЯНДЕКС ТАКСИ', 'Яндекс', true, true, 'Cyrillic case'),
  ('ΑΒΓ', 'ABΓ', false, false, 'Greek Α and Β are not Latin'),
  ('ＡＭＡＺＯＮ', 'amazon', false, false, 'full-width letters are not ASCII'),
  ('ＡＭＡＺＯＮ', 'ａｍａｚｏｎ', true, true, 'full-width case'),
  ('Starbucks　１２', 'Starbucks', true, true, 'a full-width blank'),
  (E'Blue\u00a0Bottle', 'Blue Bottle', true, true, 'a no-break space'),
  (E'Blue\u2009Bottle', 'Blue Bottle', true, true, 'a thin space'),
  (E'star\u200bbucks', 'starbucks', false, false, 'an invisible blank separates'),
  ('Starbucks®', 'Starbucks', true, true, 'a sign at the end'),
  ('☕ Starbucks', 'Starbucks', true, true, 'an emoji at the beginning'),
  ('星巴克（北京）', '星巴克', true, true, 'full-width parentheses separate'),
  ('星巴克北京', '星巴克', false, false, 'no blank, one word'),
  ('éa', 'é', false, false, 'a word of several bytes goes on'),
  ('aé', 'a', false, false, 'a letter of several bytes goes on'),
  -- Nothing
  ('', '', false, false, 'nothing and nothing'),
  ('Starbucks', '', false, false, 'an empty entry'),
  ('', 'Starbucks', false, false, 'an empty name'),
  ('***', '!!!', false, false, 'punctuation and punctuation'),
  ('Starbucks', '*', false, false, 'no wildcard'),
  ('Starbucks', '%', false, false, 'no pattern'),
  ('   ', 'Starbucks', false, false, 'blanks'),
  ('…', '…', false, false, 'punctuation beyond ASCII');

SELECT cmp_ok(count(*), '>=', 60::bigint, 'there are enough cases') FROM cases;
SELECT is(ledger_agents.merchant_matches(name, entry), begins, why || ': begins')
FROM cases ORDER BY why COLLATE "C", name COLLATE "C", entry COLLATE "C";
SELECT is(ledger_agents.merchant_matches(name, entry, strict => false), overlap, why || ': overlaps')
FROM cases ORDER BY why COLLATE "C", name COLLATE "C", entry COLLATE "C";
SELECT is(ledger_agents.merchant_matches(merchant, entry, strict), NULL, 'null in, null out')
FROM (VALUES (NULL, 'a', true), ('a', NULL, true), ('a', 'a', NULL)) AS v (merchant, entry, strict);

--
-- What holds for all names: every three of these, in a row
--
CREATE TEMP TABLE names AS
WITH parts (part) AS (VALUES
  (''), (' '), ('A'), ('b'), ('ab'), ('É'), ('-'), ('''S'), ('#1'), ('Σ'), (E'\u0301'), ('İ'), ('ſ'), ('K'), ('а'), ('々'), ('。'), ('🍩'))
SELECT DISTINCT a.part || b.part || c.part AS name FROM parts a, parts b, parts c;

SELECT is_empty($$
  SELECT name FROM names
  WHERE ledger_agents.normal_merchant(ledger_agents.normal_merchant(name)) <> ledger_agents.normal_merchant(name)
  $$, 'normalizing twice changes nothing');
SELECT is_empty($$
  SELECT name FROM names WHERE ledger_agents.normal_merchant(name) ~ '^ |  | $|[[:upper:]]'
  $$, 'no blank at the ends, no two in a row, no upper case');
SELECT is_empty($$
  SELECT name FROM names
  WHERE ledger_agents.merchant_matches(name, name) <> (ledger_agents.normal_merchant(name) <> '')
     OR ledger_agents.merchant_matches(name, name, false) <> (ledger_agents.normal_merchant(name) <> '')
  $$, 'a name with a word in it matches itself');
SELECT is_empty($$
  SELECT name FROM names
  WHERE ledger_agents.normal_merchant('-- ' || replace(name, ' ', ' ... ') || '!') <> ledger_agents.normal_merchant(name)
  $$, 'punctuation makes no difference');

-- Every pair of the plain ones against the definition, word by word.
CREATE TEMP TABLE pairs AS
WITH plain AS (
  SELECT DISTINCT ON (normal) normal, string_to_array(normal, ' ') AS words
  FROM names, ledger_agents.normal_merchant(name) AS normal
  WHERE name !~ '[^ Ab#1''S-]'
)
SELECT a.normal AS a, b.normal AS b,
       cardinality(b.words) > 0 AND a.words[:cardinality(b.words)] = b.words AS begins,
       EXISTS (SELECT FROM generate_subscripts(a.words, 1) AS i
               WHERE cardinality(b.words) > 0 AND a.words[i:i + cardinality(b.words) - 1] = b.words) AS contains
FROM plain a, plain b;

SELECT cmp_ok(count(*) FILTER (WHERE begins), '>', 100::bigint, 'there are pairs that match') FROM pairs;
SELECT is_empty($$
  SELECT a, b FROM pairs WHERE ledger_agents.merchant_matches(a, b) <> begins
  $$, 'begins: the first words are the entry''s');
SELECT is_empty($$
  SELECT p.a, p.b FROM pairs p JOIN pairs q ON (q.a, q.b) = (p.b, p.a)
  WHERE ledger_agents.merchant_matches(p.a, p.b, false) <> (p.contains OR q.contains)
  $$, 'overlaps: the words of one are consecutive words of the other, whichever comes first');

-- One character between two letters either separates them or stays.
CREATE TEMP TABLE characters AS
SELECT c, ledger_agents.normal_merchant('a' || c || 'b') AS between
FROM generate_series(1, 131071) AS n, LATERAL (SELECT chr(n)) AS x (c)
WHERE n NOT BETWEEN 55296 AND 57343;
SELECT is_empty($$
  SELECT to_hex(ascii(c)) FROM characters WHERE between NOT IN ('a b', 'a' || lower(c) || 'b')
  $$, 'each character separates or stays');
SELECT is_empty($$
  SELECT to_hex(ascii(c)) FROM characters WHERE between = 'a b' AND lower(c) <> upper(c)
  $$, 'a letter with a case never separates');
SELECT is_empty($$
  SELECT to_hex(ascii(c)) FROM characters WHERE c ~ '^[\u0001-\u007f]$' AND (between = 'a b') <> (c ~ '[^A-Za-z0-9]')
  $$, 'of ASCII, letters and digits stay');

SELECT * FROM finish();
ROLLBACK;
