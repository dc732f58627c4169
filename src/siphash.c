/*
 * siphash.c
 *		SipHash-2-4; see siphash.h.
 *
 * Written from the description in J.-P. Aumasson and D. J. Bernstein, "SipHash: a
 * fast short-input PRF", INDOCRYPT 2012, section 2, with the paper's names.
 */
#include "postgres.h"

#include "port/pg_bswap.h"

#include "siphash.h"

typedef struct State
{
	uint64		v0;
	uint64		v1;
	uint64		v2;
	uint64		v3;
} State;

static inline uint64
rotate(uint64 word, int bits)
{
	return word << bits | word >> (64 - bits);
}

static inline void
sip_round(State *state)
{
	state->v0 += state->v1;
	state->v2 += state->v3;
	state->v1 = rotate(state->v1, 13) ^ state->v0;
	state->v3 = rotate(state->v3, 16) ^ state->v2;
	state->v0 = rotate(state->v0, 32);
	state->v2 += state->v1;
	state->v0 += state->v3;
	state->v1 = rotate(state->v1, 17) ^ state->v2;
	state->v3 = rotate(state->v3, 21) ^ state->v0;
	state->v2 = rotate(state->v2, 32);
}

static inline void
compress(State *state, uint64 word)
{
	state->v3 ^= word;
	sip_round(state);
	sip_round(state);
	state->v0 ^= word;
}

/* Up to 8 bytes, the lowest first. */
static inline uint64
read_word(const uint8 *bytes, size_t count)
{
	uint64		word = 0;

	memcpy(&word, bytes, count);
#ifdef WORDS_BIGENDIAN
	word = pg_bswap64(word);
#endif
	return word;
}

uint64
la_siphash(const LaSipKey *key, const void *data, size_t length)
{
	const uint8 *at = data;
	size_t		left = length;
	State		state = {
		key->words[0] ^ UINT64CONST(0x736f6d6570736575),
		key->words[1] ^ UINT64CONST(0x646f72616e646f6d),
		key->words[0] ^ UINT64CONST(0x6c7967656e657261),
		key->words[1] ^ UINT64CONST(0x7465646279746573),
	};

	for (; left >= sizeof(uint64); left -= sizeof(uint64), at += sizeof(uint64))
		compress(&state, read_word(at, sizeof(uint64)));
	compress(&state, read_word(at, left) | (uint64) length << 56);
	state.v2 ^= 0xff;
	for (int i = 0; i < 4; i++)
		sip_round(&state);
	return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}
