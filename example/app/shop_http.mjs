#!/usr/bin/env node
// An agent's order, and the permission to pay for it, in one transaction, over HTTP: that is one call of the app's own
// function, shop.place_order (place_order.sql). README.md beside this file says more.
//
//     SHOP_KEY=lk_live_... SHOP_URL=http://localhost:3000 ./shop_http.mjs shopper 1 12900 STAPLES
//
// With --plain in front of the arguments it asks without an order of its own.

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { PostgrestClient } from '@supabase/postgrest-js'

const TRIES = 5
const PAUSE = 50

// Somebody else was faster, or a lock could not be had: the transaction is undone, and the same one may pass now.
const AGAIN = ['40001', '40P01', '55P03']

class Shop {
  constructor(url) {
    this.client = new PostgrestClient(url)
  }

  // A call, by whoever the secret belongs to, is a transaction: all or nothing, and all of it where it is tried again.
  async transaction(step, secret, schema, name, body) {
    for (let attempt = 1; ; attempt++) {
      const { data, error, status } = await this.client.schema(schema).rpc(name, body)
        .setHeader('Api-Key', secret)
        .abortSignal(AbortSignal.timeout(30_000))
      if (!error) return data

      // No answer (0), or nobody behind the proxy or PostgREST: nobody knows whether it was done. The same key finds out.
      const lost = [0, 502, 503, 504].includes(status)
      // What is raised has a SQLSTATE, and its stable name in front of the details; what is returned has the name.
      const { code, details, message } = error.error ?? error
      const why = lost ? 'connection lost' : code ?? message
      if (attempt === TRIES || !(lost || AGAIN.includes(why))) {
        console.log(`${step}: failed: ${why} ${/^(\w+):/.exec(details)?.[1] ?? ''}`.trimEnd())
        throw new Error(message)
      }
      console.log(`${step}: ${why}, trying again`)
      await sleep(PAUSE * 2 ** attempt * (0.5 + Math.random()))
    }
  }

  // The agent's token. It is shown once: if it did not get here, or was lost since, there is a new one.
  async register(key, name) {
    const step = `agent ${name}`
    // A file that only its owner may read stands for a secret store.
    const tokenFile = `${name}.token`
    const agent = await this.transaction(step, key, 'ledger_agents_api', 'register_agent',
      { externalId: name, userId: 'acme-labs', name, spendingLimit: 50000 })
    if (!agent.created && existsSync(tokenFile)) {
      console.log(`${step}: known`)
      return readFileSync(tokenFile, 'utf8')
    }
    const { token } = agent.created ? agent
      : await this.transaction(step, key, 'ledger_agents_api', 'create_agent_token', { agentId: agent.id, name: 'shop' })
    writeFileSync(tokenFile, token, { mode: 0o600 })
    console.log(`${step}: ${agent.created ? 'registered' : 'known, new token'}`)
    return token
  }

  async order(token, id, amount, merchant) {
    this.say(id, amount, await this.transaction(`order ${id}`, token, 'shop', 'place_order', { id, amount, merchant }))
  }

  // The same question where the app keeps no row of its own that would have to come and go with the answer.
  async ask(token, id, amount, merchant) {
    this.say(id, amount, await this.transaction(`order ${id}`, token, 'ledger_agents_api', 'authorize',
      // The key is the question's: however often this is done, it is decided once.
      { amount, merchant, idempotencyKey: `ask-${id}` }))
  }

  say(id, amount, { decision, reason, maxApprovable, retryAt, replayed }) {
    const before = replayed ? ' (decided before)' : ''
    if (decision === 'approved') {
      console.log(`order ${id}: approved${before}`)
    } else {
      console.log(`order ${id}: declined: ${reason}; ${maxApprovable ?? 0} would pass now, `
        + `${amount} ${when(retryAt)}${before}`)
    }
  }
}

function when(instant) {
  return instant ? `from ${new Date(instant).toISOString().slice(0, 16)}Z` : 'never'
}

const args = process.argv.slice(2)
const step = args[0] === '--plain' ? 'ask' : 'order'
if (step === 'ask') args.shift()
if (args.length !== 4) throw new Error('usage: shop_http.mjs [--plain] AGENT ORDER AMOUNT MERCHANT')
const [agent, id, amount, merchant] = args
const shop = new Shop(process.env.SHOP_URL)
await shop[step](await shop.register(process.env.SHOP_KEY, agent), id, Number(amount), merchant)
