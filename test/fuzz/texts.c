/*
 * texts.c
 *		Targets: merchants' names, quoted values, instants and durations.
 */
#include "postgres.h"

#include <ctype.h>

#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "errors.h"
#include "fuzz.h"
#include "iso_time.h"
#include "merchant.h"
#include "secret.h"

#define MAX_WORDS 64

/* The words of a text that has only blanks between them. */
static int
split(char *text, char **words)
{
	int			count = 0;

	for (char *word = strtok(text, " "); word != NULL && count < MAX_WORDS; word = strtok(NULL, " "))
		words[count++] = word;
	return count;
}

/* Whether the words are in the others, next to each other, from that place on. */
static bool
stands_at(char **words, int count, char **in, int total, int at)
{
	if (count == 0 || at + count > total)
		return false;
	for (int i = 0; i < count; i++)
		if (strcmp(words[i], in[at + i]) != 0)
			return false;
	return true;
}

/* What a name of ASCII alone becomes. */
static char *
plainly_normal(const char *name)
{
	char	   *text = pstrdup(name);
	char	   *result = palloc0(strlen(name) + 2);
	char	   *words[MAX_WORDS];
	int			count;

	for (char *at = text; *at != '\0'; at++)
		*at = isalnum((unsigned char) *at) ? tolower((unsigned char) *at) : ' ';
	count = split(text, words);
	for (int i = 0; i < count; i++)
	{
		if (i > 0)
			strcat(result, " ");
		strcat(result, words[i]);
	}
	return result;
}

static bool
is_ascii(const char *text)
{
	while (*text != '\0')
		if (*text++ & 0x80)
			return false;
	return true;
}

/* Two names, a line each. */
void
fuzz_merchant(Input *input)
{
	char	   *name;
	char	   *entry;
	char	   *normal[2];
	char	   *words[2][MAX_WORDS];
	int			counts[2];
	bool		overlap = false;

	/* No more words than are compared here. */
	input->left = Min(input->left, 2 * MAX_WORDS);
	name = take_text(input);
	if (name == NULL)
		return;
	entry = strchr(name, '\n');
	if (entry == NULL)
		return;
	*entry++ = '\0';
	normal[0] = la_normal_merchant(name);
	normal[1] = la_normal_merchant(entry);
	for (int i = 0; i < 2; i++)
	{
		const char *given = i == 0 ? name : entry;

		if (strcmp(la_normal_merchant(normal[i]), normal[i]) != 0)
			wrong("normalizing \"%s\" twice is not the same", given);
		if (is_ascii(given) && strcmp(plainly_normal(given), normal[i]) != 0)
			wrong("\"%s\" becomes \"%s\"", given, normal[i]);
		if (normal[i][0] == ' ' || strstr(normal[i], "  ") != NULL || (normal[i][0] != '\0' && normal[i][strlen(normal[i]) - 1] == ' '))
			wrong("\"%s\" has a blank too many", normal[i]);
		counts[i] = split(pstrdup(normal[i]), words[i]);
	}
	if (la_merchant_begins(normal[0], normal[1]) != stands_at(words[1], counts[1], words[0], counts[0], 0))
		wrong("\"%s\" and the beginning \"%s\"", normal[0], normal[1]);
	for (int i = 0; i < MAX_WORDS; i++)
		overlap = overlap || stands_at(words[1], counts[1], words[0], counts[0], i) || stands_at(words[0], counts[0], words[1], counts[1], i);
	if (la_merchant_overlaps(normal[0], normal[1]) != overlap)
		wrong("\"%s\" and \"%s\" overlap", normal[0], normal[1]);
}

/* Of what may be a secret nothing is shown but the part that is for showing. */
void
fuzz_quoted(Input *input)
{
	static const char *const secrets[] = {"at_live_", "at_test_", "lk_live_", "lk_test_"};
	char	   *value = take_text(input);
	char	   *shown;
	size_t		same;
	LaSecret	secret;

	if (value == NULL)
		return;
	shown = la_quoted(value);
	same = strlen(shown);
	/* Dots at the end may be its own: whether it was cut cannot be seen then, and it may have been. */
	if (same >= 3 && strcmp(shown + same - 3, "...") == 0)
		same -= 3;
	if (strncmp(shown, value, same) != 0 || (shown[same] == '\0' && value[same] != '\0'))
		wrong("\"%s\" is quoted as \"%s\"", value, shown);
	if (same > LA_MAX_QUOTED)
		wrong("\"%s\" is cut to \"%s\"", value, shown);
	for (size_t at = 0; at < same; at++)
		for (int i = 0; i < lengthof(secrets); i++)
			if (pg_strncasecmp(value + at, secrets[i], strlen(secrets[i])) == 0 && same > at + LA_TOKEN_PREFIX)
				wrong("\"%s\" tells too much as \"%s\"", value, shown);
	if (!pg_verify_mbstr(PG_UTF8, shown, strlen(shown), true))
		wrong("a character is cut");
	if (la_read_secret(value, &secret) && (strcmp(secret.text, value) != 0 || strncmp(secret.prefix, value, strlen(secret.prefix)) != 0 || strlen(secret.prefix) > LA_TOKEN_PREFIX))
		wrong("the secret \"%s\" is read as \"%s\"", value, secret.text);
}

static void
read_timestamptz(void *what)
{
	Datum	   *datum = what;

	*datum = DirectFunctionCall3(timestamptz_in, *datum, ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
}

/* By an expression for the form, and the server's reader for the value. */
void
fuzz_instant(Input *input)
{
	char	   *text = take_text(input);
	TimestampTz instant;
	Datum		datum = CStringGetDatum(text);
	bool		is_one;
	bool		read;

	if (text == NULL)
		return;
	is_one = matches(text, "^[0-9]{4}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\\.[0-9]{1,6})?)?(Z|[+-](0[0-9]|1[0-5]):[0-5][0-9])$") &&
		strncmp(text, "0000", 4) != 0 && sqlstate_of(read_timestamptz, &datum) == 0;
	read = la_read_instant(text, &instant);
	if (read != is_one || (read && instant != DatumGetTimestampTz(datum)))
		wrong("\"%s\" is %s", text, read ? timestamptz_to_str(instant) : "nothing");
}

static void
read_interval(void *what)
{
	Datum	   *datum = what;

	*datum = DirectFunctionCall3(interval_in, *datum, ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
}

/* The same, and what it is written as must be read as the same. */
void
fuzz_duration(Input *input)
{
	char	   *text = take_text(input);
	Interval	duration;
	Interval	again;
	Datum		datum = CStringGetDatum(text);
	bool		is_one;
	bool		read;

	if (text == NULL)
		return;
	is_one = matches(text, "^P([0-9]{1,10}Y)?([0-9]{1,10}M)?([0-9]{1,10}W)?([0-9]{1,10}D)?(T([0-9]{1,10}H)?([0-9]{1,10}M)?([0-9]{1,10}(\\.[0-9]{1,6})?S)?)?$") &&
		!matches(text, "^P$|T$");
	read = la_read_duration(text, &duration);
	if (read && !is_one)
		wrong("\"%s\" is no duration", text);
	if (!is_one)
		return;
	if (sqlstate_of(read_interval, &datum) != 0)
	{
		if (read)
			wrong("\"%s\" is too long", text);
		return;
	}
	/* The server reads seconds as a double, which has not all digits of so many. */
	if (!read || duration.month != DatumGetIntervalP(datum)->month || duration.day != DatumGetIntervalP(datum)->day ||
		llabs(duration.time - DatumGetIntervalP(datum)->time) > (duration.time / USECS_PER_SEC > 1000000000 ? 1 : 0))
		wrong("\"%s\" is %d months, %d days, " INT64_FORMAT " us", text, duration.month, duration.day, duration.time);
	if (!la_read_duration(la_duration_text(&duration), &again) || memcmp(&duration, &again, sizeof(Interval)) != 0)
		wrong("\"%s\" becomes \"%s\"", text, la_duration_text(&duration));
}
