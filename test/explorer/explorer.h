/*
 * explorer.h
 *		What the parts of the explorer share.
 *
 * A schedule is one small world, an organization of its own, and two to four
 * sessions that take turns in it.  Every choice comes from the schedule's seed
 * and from which sessions wait, so that a seed tells the same story again.
 */
#ifndef EXPLORER_H
#define EXPLORER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libpq-fe.h>

#define MAX_SESSIONS	4
#define MAX_AGENTS		3
#define MAX_CUSTOMERS	2
#define MAX_INTENTS		32
#define MAX_FACTS		512
#define MAX_PREPARED	3
#define MAX_SAVEPOINTS	3
#define MAX_PARAMS		9
#define MAX_BATCH		3
#define ID_LENGTH		40
#define NO_LIMIT		INT64_MAX

/* What can be set; of those that there are several of, the number is added. */
typedef enum Object
{
	ORGANIZATION_STATUS = 0,
	ORGANIZATION_LIMIT = 32,
	CUSTOMER_STATUS = 64,
	CUSTOMER_LIMIT = 96,
	AGENT_STATUS = 128,
	AGENT_LIMIT = 160,
	AGENT_POLICY = 192,
	TOKEN = 224,
	CARD_STATUS = 256,
	POLICY_AMOUNT = 288,
	INTENT = 320,
	CARD_REQUIRED = 352,
} Object;

/* Values of statuses. */
enum
{
	STOPPED = 0, RUNNING = 1
};

/* Values of INTENT. */
enum
{
	OPEN = 0, AGREED = 1, OVER = 2
};

typedef enum FactKind
{
	DECISION, ENTRY, SETTING
} FactKind;

typedef enum Fate
{
	PENDING, COMMITTED, LOST
} Fate;

/* Something that a session was told, and whether it came to stay. */
typedef struct Fact
{
	FactKind	kind;
	Fate		fate;
	int			session;
	int			transaction;
	/* Ticks: since when it may have happened, and when it was told. */
	int			began;
	int			answered;
	int			commit_sent;
	int			commit_done;
	bool		replayed;
	/* Of a decision and an entry. */
	char		id[ID_LENGTH];	/* of the authorization; of an entry that of its hold */
	int			agent;
	int			card;			/* number of the agent that it was issued to, or -1 */
	int			token;			/* number of the agent whose token was used, or -1 */
	int64_t		amount;
	bool		approved;
	bool		increment;
	int			merchant;
	int			intent;
	char		key[8];
	char		reasons[200];
	char		verb;			/* c capture, r reversal, f refund */
	/* Of a setting. */
	int			object;
	int64_t		value;
	bool		unsure;			/* it may have been set by what was told */
} Fact;

typedef enum Verb
{
	AUTHORIZE, AUTHORIZE_AS, AUTHORIZE_MANY, EVALUATE, CAPTURE, REVERSE, REFUND, INCREMENT,
	UPDATE_AGENT, UPDATE_CUSTOMER, UPDATE_ORGANIZATION, UPDATE_POLICY, MAKE_POLICY, REVOKE_TOKEN,
	FREEZE_CARD, UNFREEZE_CARD, MAKE_CARD, DECLARE, APPROVE_INTENT, REJECT_INTENT, CANCEL_INTENT, LOOK,
	PREPARED_VERBS,
	BEGIN = PREPARED_VERBS, SAVEPOINT, ROLLBACK_TO, RELEASE, COMMIT, ROLLBACK, PREPARE,
	COMMIT_PREPARED, ROLLBACK_PREPARED, CANCEL, TERMINATE
} Verb;

/* One request of a step that spends. */
typedef struct Request
{
	int			agent;
	int			card;			/* number of the agent that it was issued to, or -1 */
	int64_t		amount;
	int			merchant;
	int			intent;
	char		key[8];
} Request;

/* What a session does next. */
typedef struct Step
{
	Verb		verb;
	int			nparams;
	const char *params[MAX_PARAMS];
	char		texts[MAX_PARAMS][600];
	char		command[200];	/* of what is no prepared statement */
	char		shown[400];		/* in the transcript */
	/* What its answer will mean. */
	Request		requests[MAX_BATCH];
	int			nrequests;
	int			token;
	int			hold;			/* number of the fact that is settled */
	int			object;			/* -1: sets nothing */
	int64_t		value;
	int			target;			/* number of a prepared transaction or a session */
	int			isolation;
} Step;

typedef struct Session
{
	PGconn	   *conn;
	int			number;
	int			pid;
	bool		prepared[PREPARED_VERBS];
	bool		busy;
	bool		waits;			/* for a lock, when all came to rest */
	bool		canceled;
	Step		step;			/* the last one that was sent */
	int			sent;
	int			began;
	/* The transaction that is open. */
	bool		open;
	bool		failed;
	int			isolation;		/* 0 read committed, 1 repeatable read, 2 serializable */
	int			transaction;
	int			calls;
	int			token;
	bool		known;			/* the token was told, to the end of the transaction */
	bool		changed;		/* configuration, so that others may have to wait for it */
	int			nsavepoints;
	int			marks[MAX_SAVEPOINTS];
} Session;

typedef struct Prepared
{
	bool		used;
	bool		changed;
	int			transaction;
	char		name[64];
} Prepared;

typedef struct Agent
{
	char		id[ID_LENGTH];
	char		token[120];
	char		token_id[ID_LENGTH];
	char		card[ID_LENGTH];	/* empty: none */
	char		action[8];		/* on_limit_exceeded */
	int			customer;
	bool		single;
	bool		locks_merchant;
	int64_t		card_limit;
	bool		requires_approval;
	bool		per_transaction;
	bool		may_get_card;
} Agent;

typedef struct World
{
	uint64_t	seed;
	char		organization[64];
	int			nagents;
	int			ncustomers;
	int			nsessions;
	Agent		agents[MAX_AGENTS];
	bool		has_policy;
	bool		has_approval;
	bool		has_single;
	bool		prepares;
	char		policy[ID_LENGTH];
	int			nintents;
	struct
	{
		char		id[ID_LENGTH];
		int			agent;
		int			card;
		int64_t		amount;
		int			merchant;
	}			intents[MAX_INTENTS];
	int			tick;
	int			late_tick;		/* of the answers of those who have waited */
	int			ntransactions;
	int			nkeys;
	int			nfacts;
	Fact		facts[MAX_FACTS];
	Prepared	prepared[MAX_PREPARED];
	Session		sessions[MAX_SESSIONS];
	char		violation[1000];	/* the first one; empty: none */
} World;

/* An approval is not judged by amount below this, where agents need approval. */
#define APPROVE_FROM	40

/* explorer.c: the one world at a time, and the session that looks on. */
extern World world;
extern PGconn *control;
extern int64_t now_micros(void);
extern void violate(const char *format,...) __attribute__((format(printf, 1, 2)));
extern void note(const char *format,...) __attribute__((format(printf, 1, 2)));
extern void die(const char *format,...) __attribute__((format(printf, 1, 2)));
extern uint64_t setting(const char *name, uint64_t otherwise);
extern int	pick(int n);
extern bool chance(int percent);

/* session.c: connections, and who waits. */
extern PGconn *open_connection(int number);
extern void connect_session(Session *session);
extern void send_step(Session *session);
extern void tick_on(void);
extern void come_to_rest(void);
extern void terminate_session(Session *session);
extern void cancel_session(Session *session);

/* world.c */
extern void make_world(void);

/* step.c: what comes next. */
extern bool choose_step(Session *session);
extern void finish_step(Session *session);

/* verb.c: what an answer means. */
extern const char *const statements[PREPARED_VERBS];
extern void take_answer(Session *session, PGresult *result);
extern const char *verb_name(Verb verb);

/* fact.c: what was told, and what came to stay. */
extern Fact *new_fact(Session *session, FactKind kind);
extern void set_fact(Session *session, int object, int64_t value, bool unsure);
extern void settle_facts(int transaction, int from, Fate fate, int commit_sent);
extern void range_of(const Fact *decision, int object, int64_t *least, int64_t *most);
extern int64_t last_value(int object);
extern bool may_be(const Fact *decision, int object, int64_t value);

/* row.c: what is stored in the end. */
typedef struct Row
{
	char		kind;			/* d decision, c r f i e entry, k counter */
	char		id[ID_LENGTH];
	struct Row *hold;			/* of an entry and an increment */
	const Fact *fact;			/* of a decision: its answer */
	int			agent;
	char		at[40];
	int64_t		number;
	int64_t		amount;
	bool		approved;
	bool		increment;
	int			card;
	char		merchant[32];
	char		key[8];
	int64_t		agent_spent;
	int64_t		counted;
	int64_t		captured;
	int64_t		reversed;
	int64_t		refunded;
	int64_t		added;
	int64_t		released;
	/* Of a hold, by its entries. */
	int64_t		total;
	int64_t		sums[128];		/* by kind of entry */
	int64_t		all_added;
	int64_t		all_released;
} Row;

extern Row	rows[];
extern int	nrows;
extern void read_rows(void);
extern void match_answers(void);

/* oracle.c: whether it was right. */
extern void judge_schedule(void);

#endif
