/*
 * fuzz.c
 *		libFuzzer inside a server that serves nobody else (postgres --single).
 *
 * So what is tested is the code as it runs: the server's own zones, numbers, JSON,
 * errors and memory are around it, and nothing has to be imitated.  Each target
 * compares with a slow way of its own to the same answer.
 */
#include "postgres.h"

#include <regex.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "fuzz.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(fuzz);

extern int	LLVMFuzzerRunDriver(int *argc, char ***argv,
								int (*target) (const uint8 *data, size_t size));

static const struct
{
	const char *name;
	void		(*run) (Input *input);
}			targets[] = {
	{"window", fuzz_window},
	{"amount", fuzz_amount},
	{"merchant", fuzz_merchant},
	{"quoted", fuzz_quoted},
	{"instant", fuzz_instant},
	{"duration", fuzz_duration},
	{"policy", fuzz_policy},
};

static void (*target) (Input *input);
static MemoryContext memory;

static int
try_input(const uint8 *data, size_t size)
{
	Input		input = {data, size};
	MemoryContext caller = MemoryContextSwitchTo(memory);

	PG_TRY();
	{
		target(&input);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(memory);
		wrong("it failed: %s", CopyErrorData()->message);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(caller);
	MemoryContextReset(memory);
	return 0;
}

/*
 * fuzz(target text, arguments text[])
 *		Runs libFuzzer with those arguments; it ends the process.
 */
Datum
fuzz(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	Datum	   *words;
	int			count;
	char	  **arguments;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), TEXTOID, -1, false, TYPALIGN_INT, &words, NULL, &count);
	arguments = palloc0(sizeof(char *) * (count + 2));
	arguments[0] = name;
	for (int i = 0; i < count; i++)
		arguments[i + 1] = TextDatumGetCString(words[i]);
	for (int i = 0; i < lengthof(targets); i++)
		if (strcmp(targets[i].name, name) == 0)
			target = targets[i].run;
	if (target == NULL)
		elog(ERROR, "there is no target \"%s\"", name);
	memory = AllocSetContextCreate(TopMemoryContext, "fuzz", ALLOCSET_DEFAULT_SIZES);
	count++;
	PG_RETURN_INT32(LLVMFuzzerRunDriver(&count, &arguments, try_input));
}

uint8
take_byte(Input *input)
{
	if (input->left == 0)
		return 0;
	input->left--;
	return *input->next++;
}

int64
take_int64(Input *input)
{
	uint64		value = 0;

	for (int i = 0; i < 8; i++)
		value = value << 8 | take_byte(input);
	return (int64) value;
}

char *
take_text(Input *input)
{
	char	   *text = pnstrdup((const char *) input->next, input->left);

	input->left = 0;
	return pg_verify_mbstr(PG_UTF8, text, strlen(text), true) ? text : NULL;
}

void
wrong(const char *format,...)
{
	va_list		args;

	va_start(args, format);
	fputs("WRONG: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	abort();
}

int
sqlstate_of(void (*action) (void *), void *what)
{
	MemoryContext caller = CurrentMemoryContext;
	volatile int sqlstate = 0;

	PG_TRY();
	{
		action(what);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(caller);
		sqlstate = CopyErrorData()->sqlerrcode;
		FlushErrorState();
	}
	PG_END_TRY();
	return sqlstate;
}

bool
matches(const char *text, const char *expression)
{
	/* Compiled once: each call has an expression of its own. */
	static struct
	{
		const char *expression;
		regex_t		compiled;
	}			known[8];
	int			i = 0;

	while (known[i].expression != NULL && known[i].expression != expression)
		i++;
	if (known[i].expression == NULL)
	{
		if (regcomp(&known[i].compiled, expression, REG_EXTENDED | REG_NOSUB) != 0)
			wrong("no expression: %s", expression);
		known[i].expression = expression;
	}
	return regexec(&known[i].compiled, text, 0, NULL, 0) == 0;
}
