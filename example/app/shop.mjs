#!/usr/bin/env node
// An agent's order, and the permission to pay for it, in one transaction. README.md beside this file says more.
//
//     SHOP_KEY=lk_live_... ./shop.mjs shopper 1 12900 STAPLES

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'

const TRIES = 5
const PAUSE = 50

// Somebody else was faster, or a lock could not be had: the transaction is undone, and the same one may pass now.
const AGAIN = ['40001', '40P01', '55P03']

const REGISTER = "SELECT id, created, token FROM ledger_agents.register_agent($1, 'acme-labs', spending_limit => 50000)"
const NEW_TOKEN = "SELECT token FROM ledger_agents.create_agent_token($1, 'shop')"
const AUTHORIZE = `
  SELECT id, decision, reason, coalesce(max_approvable, 0) AS max_approvable, retry_at, replayed
    FROM ledger_agents.authorize(amount => $1, merchant => $2, idempotency_key => $3)`
const INSERT = `
  INSERT INTO shop.orders (id, merchant, amount, decision, reason, authorization_id)
  VALUES ($1, $2, $3, $4, $5, $6)`

async function connect() {
  // PGHOST, PGUSER and so on say where. Nothing is prepared by name, so that poolers in transaction mode are fine.
  const client = new pg.Client({ connectionTimeoutMillis: 10_000 })
  // The next query tells of a lost connection; but without a listener the program would end.
  client.on('error', () => {})
  await client.connect()
  return client
}

class Shop {
  constructor(client) {
    this.client = client
  }

  // The work, done by whoever the secret belongs to: all or nothing, and all of it where it is tried again.
  async transaction(step, secret, work) {
    for (let attempt = 1; ; attempt++) {
      try {
        this.client ??= await connect()
        await this.client.query('BEGIN')
        await this.client.query('SELECT FROM ledger_agents.authenticate($1)', [secret])
        const result = await work(this.client)
        await this.client.query('COMMIT')
        return result
      } catch (error) {
        // If it was lost at COMMIT, nobody knows whether that was done. The same key finds out.
        const lost = !(await this.rollback())
        const why = lost ? 'connection lost' : error.code ?? error.message
        if (attempt === TRIES || !(lost || AGAIN.includes(why))) {
          console.log(`${step}: failed: ${why} ${error.constraint ?? ''}`.trimEnd())
          throw error
        }
        console.log(`${step}: ${why}, trying again`)
      }
      await sleep(PAUSE * 2 ** attempt * (0.5 + Math.random()))
    }
  }

  // Whether that is possible. If not, there is no connection any more.
  async rollback() {
    try {
      await this.client.query('ROLLBACK')
      return true
    } catch {
      this.client = undefined
      return false
    }
  }

  // The agent's token. It is shown once: if it did not get here, or was lost since, there is a new one.
  async register(key, name) {
    const step = `agent ${name}`
    // A file that only its owner may read stands for a secret store.
    const tokenFile = `${name}.token`
    const agent = await this.transaction(step, key, async (client) => (await client.query(REGISTER, [name])).rows[0])
    if (!agent.created && existsSync(tokenFile)) {
      console.log(`${step}: known`)
      return readFileSync(tokenFile, 'utf8')
    }
    const { token } = agent.created ? agent
      : await this.transaction(step, key, async (client) => (await client.query(NEW_TOKEN, [agent.id])).rows[0])
    writeFileSync(tokenFile, token, { mode: 0o600 })
    console.log(`${step}: ${agent.created ? 'registered' : 'known, new token'}`)
    return token
  }

  async order(token, id, amount, merchant) {
    const answer = await this.transaction(`order ${id}`, token, async (client) => {
      // The key is the order's: however often this is done, it is decided once.
      const { rows: [answer] } = await client.query(AUTHORIZE, [amount, merchant, `order-${id}`])
      // Replayed: an earlier try was committed, and with it the order.
      if (!answer.replayed) {
        await client.query(INSERT, [id, merchant, amount, answer.decision, answer.reason, answer.id])
      }
      return answer
    })
    const before = answer.replayed ? ' (decided before)' : ''
    if (answer.decision === 'approved') {
      console.log(`order ${id}: approved${before}`)
    } else {
      console.log(`order ${id}: declined: ${answer.reason}; ${answer.max_approvable} would pass now, `
        + `${amount} ${when(answer.retry_at)}${before}`)
    }
  }
}

function when(instant) {
  return instant ? `from ${instant.toISOString().slice(0, 16)}Z` : 'never'
}

if (process.argv.length !== 6) throw new Error('usage: shop.mjs AGENT ORDER AMOUNT MERCHANT')
const [agent, id, amount, merchant] = process.argv.slice(2)
const shop = new Shop(await connect())
await shop.order(await shop.register(process.env.SHOP_KEY, agent), id, amount, merchant)
await shop.client.end()
