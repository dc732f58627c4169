/*
 * merchant.c
 *		Names of merchants; see merchant.h.
 *
 * Only case and what stands between words is leveled.  Letters are not: an
 * accent, a full-width form or a Cyrillic letter that looks like a Latin one
 * makes another name, because a list that guessed would allow too much.
 */
#include "postgres.h"

#include <ctype.h>

#include "catalog/pg_collation.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/formatting.h"

#include "merchant.h"

typedef struct CodeRange
{
	pg_wchar	first;
	pg_wchar	last;
} CodeRange;

static bool separates(const char *character, int length);
static bool contains_words(const char *name, const char *words);

/*
 * What separates words beyond ASCII, in ascending order: punctuation, symbols,
 * blanks, controls and invisible formatting of scripts in wide use.  The gaps
 * are letters, digits and marks.
 */
static const CodeRange separators[] = {
	{0x0080, 0x00A9},			/* controls, no-break space, signs */
	{0x00AB, 0x00B1},			/* up to the letter ª, the digits ²
								 * ³ */
	{0x00B4, 0x00B4},
	{0x00B6, 0x00B8},			/* after the letter µ, up to the digit
								 * ¹ */
	{0x00BB, 0x00BB},			/* after the letter º, up to ¼ ½
								 * ¾ */
	{0x00BF, 0x00BF},
	{0x00D7, 0x00D7},			/* multiplication sign */
	{0x00F7, 0x00F7},			/* division sign */
	{0x02C2, 0x02C5},			/* arrowheads */
	{0x02D2, 0x02DF},			/* free-standing accents */
	{0x037E, 0x037E},			/* Greek question mark */
	{0x0387, 0x0387},			/* Greek semicolon */
	{0x055A, 0x055F},			/* Armenian */
	{0x0589, 0x058A},
	{0x05BE, 0x05BE},			/* Hebrew */
	{0x05F3, 0x05F4},
	{0x0600, 0x060F},			/* Arabic */
	{0x061B, 0x061F},
	{0x066A, 0x066D},
	{0x06D4, 0x06D4},
	{0x0964, 0x0965},			/* dandas of India */
	{0x0E3F, 0x0E3F},			/* baht */
	{0x1680, 0x1680},			/* Ogham blank */
	{0x180E, 0x180E},			/* Mongolian vowel separator */
	{0x2000, 0x206F},			/* blanks, dashes, quotation marks, formatting */
	{0x207A, 0x207E},			/* raised and lowered signs, not digits */
	{0x208A, 0x208E},
	{0x20A0, 0x20CF},			/* currencies */
	{0x2100, 0x2101},			/* signs among letterlike symbols, ™ one
								 * of them */
	{0x2103, 0x2106},
	{0x2108, 0x2109},
	{0x2114, 0x2114},
	{0x2116, 0x2118},
	{0x211E, 0x2123},
	{0x2190, 0x245F},			/* arrows, mathematics, technical */
	{0x2500, 0x2775},			/* boxes, shapes, dingbats, up to the digits */
	{0x2794, 0x2BFF},			/* more arrows, shapes and mathematics */
	{0x2E00, 0x2E2E},			/* more punctuation, up to and after a letter */
	{0x2E30, 0x2E7F},
	{0x3000, 0x3004},			/* Chinese and Japanese, up to the letters
								 * 々〆〇 */
	{0x3008, 0x3020},
	{0x3030, 0x3030},
	{0x303D, 0x303F},
	{0x309B, 0x309C},
	{0x30A0, 0x30A0},
	{0x30FB, 0x30FB},			/* Katakana middle dot */
	{0xFD3E, 0xFD3F},
	{0xFE00, 0xFE19},			/* selectors after emoji, vertical forms */
	{0xFE30, 0xFE6F},			/* small and vertical forms */
	{0xFEFF, 0xFEFF},			/* byte order mark */
	{0xFF00, 0xFF0F},			/* full-width forms but digits and letters */
	{0xFF1A, 0xFF20},
	{0xFF3B, 0xFF40},
	{0xFF5B, 0xFF65},
	{0xFFE0, 0xFFFD},			/* full-width signs, replacement character */
	{0x1F000, 0x1F0FF},			/* tiles and cards */
	{0x1F1E6, 0x1F1FF},			/* flags */
	{0x1F300, 0x1FAFF},			/* emoji */
	{0xE0000, 0xE007F},			/* tags of flags */
};

/*
 * ledger_agents.normal_merchant(merchant text) returns text
 *
 * What la_normal_merchant() makes of the name.
 */
PG_FUNCTION_INFO_V1(la_normal_merchant_text);
Datum
la_normal_merchant_text(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));

	PG_RETURN_TEXT_P(cstring_to_text(la_normal_merchant(name)));
}

/*
 * ledger_agents.merchant_matches(merchant text, entry text, strict boolean)
 *		returns boolean
 *
 * The comparison of lists of what is allowed (strict), or of lists of what is
 * blocked.  Both names may be given as they came.
 */
PG_FUNCTION_INFO_V1(la_merchant_matches);
Datum
la_merchant_matches(PG_FUNCTION_ARGS)
{
	char	   *name = la_normal_merchant(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	char	   *entry = la_normal_merchant(text_to_cstring(PG_GETARG_TEXT_PP(1)));
	bool		strict = PG_GETARG_BOOL(2);

	PG_RETURN_BOOL(strict ? la_merchant_begins(name, entry) : la_merchant_overlaps(name, entry));
}

/*
 * Separators go before the case is folded: some rules for folding look at the
 * punctuation around a letter, and it is to make no difference.
 */
char *
la_normal_merchant(const char *name)
{
	bool		is_utf8 = GetDatabaseEncoding() == PG_UTF8;
	char	   *words = palloc(strlen(name) + 1);
	char	   *end = words;
	char	   *folded;
	bool		new_word = false;
	int			length;

	for (const char *next = name; *next != '\0'; next += length)
	{
		length = is_utf8 ? pg_utf_mblen((const unsigned char *) next) : 1;
		if (separates(next, length))
		{
			new_word = true;
			continue;
		}
		if (new_word && end > words)
			*end++ = ' ';
		new_word = false;
		memcpy(end, next, length);
		end += length;
	}
	folded = str_tolower(words, end - words, DEFAULT_COLLATION_OID);
	pfree(words);
	return folded;
}

/*
 * In other encodings than UTF8 a byte above 127 is taken for a letter or a part
 * of one; no encoding of a server has ASCII inside a longer character.
 */
static bool
separates(const char *character, int length)
{
	pg_wchar	code;

	if (!IS_HIGHBIT_SET(*character))
		return isalnum((unsigned char) *character) == 0;
	if (length == 1)
		return false;
	code = utf8_to_unicode((const unsigned char *) character);
	for (int i = 0; i < lengthof(separators) && separators[i].first <= code; i++)
		if (code <= separators[i].last)
			return true;
	return false;
}

bool
la_merchant_begins(const char *normal_name, const char *normal_entry)
{
	size_t		length = strlen(normal_entry);

	return length > 0 &&
		strncmp(normal_name, normal_entry, length) == 0 &&
		(normal_name[length] == '\0' || normal_name[length] == ' '
#if LA_MUTANT == 276
		 || true
#endif
		);
}

bool
la_merchant_overlaps(const char *a, const char *b)
{
	return contains_words(a, b) || contains_words(b, a);
}

/* Does one of the name's words begin these? */
static bool
contains_words(const char *name, const char *words)
{
	while (!la_merchant_begins(name, words))
	{
		/* SQL may give names of any length. */
		CHECK_FOR_INTERRUPTS();
		name = strchr(name, ' ');
		if (name == NULL)
			return false;
		name++;
	}
	return true;
}
