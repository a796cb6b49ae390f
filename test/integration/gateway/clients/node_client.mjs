// node-postgres through the gateway, with pg-cursor and pg-copy-streams: statements by name, queries
// queued and pipelined, a cancel by the means it has (undocumented: another client's cancel()).
// A step says `ok NAME` or ends the program; real_clients_test.cpp has what must be kept when it is
// over. The server's address and the password are in libpq's environment variables.

import { once } from 'node:events'
import { createRequire } from 'node:module'
import { Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import assert from 'node:assert/strict'

const require = createRequire(`${process.env.PGKEEL_NODE_CLIENTS}/`)
const { Client } = require('pg')
const Cursor = require('pg-cursor')
const { from: copyFrom, to: copyTo } = require('pg-copy-streams')

process.noDeprecation = true // cancel() reads a property that will go
const transaction = process.env.PGKEEL_POOL === 'transaction'
const size = 3 // of the gateway's pool
const workers = 8
const patience = 60_000

const connect = async (more = {}) => {
  const client = new Client({ ssl: false, ...more })
  await client.connect()
  return client
}
const overTls = { ssl: { rejectUnauthorized: false }, enableChannelBinding: true }
const first = async (client, query, values) => Object.values((await client.query(query, values)).rows[0])[0]
const refused = (state, promise) => assert.rejects(promise, (error) => error.code === state || assert.fail(error))
const until = async (condition) => {
  const end = Date.now() + patience
  while (!(await condition())) assert.ok(Date.now() < end, 'waited in vain')
}
const preparedLike = (client, text) =>
  first(client, 'select count(*)::int from pg_prepared_statements where not from_sql and statement like $1', [`${text}%`])

const steps = {
  async connects_by_scram() {
    const one = await connect()
    assert.equal(await first(one, 'select current_user'), 'app')
    assert.equal(one.connection.stream.encrypted, undefined)
    await one.end()
    await refused('28P01', connect({ password: 'wrong' }))
  },

  async connects_over_tls(main) {
    assert.equal(main.connection.stream.encrypted, true)
    assert.equal(await first(main, 'select session_user'), 'app')
  },

  async simple_query(main) {
    assert.equal(await first(main, 'select 6 * 7'), 42)
    const results = await main.query("select 1 as n; select 'zwölf' as n")
    assert.deepEqual(results.map((result) => result.rows[0].n), [1, 'zwölf'])
    assert.deepEqual((await main.query('')).rows, [])
  },

  async parameters(main) {
    const given = [
      ['int4', 1], ['int8', '1099511627776'], ['float8', 1.5], ['bool', true], ['numeric', '12.50'],
      ['text', "it's 'ü' \\ %"], ['text', null], ['int4[]', [1, 2, 3]], ['bytea', Buffer.from([0, 255, 39, 92])],
      ['jsonb', { a: [1, 'ü'] }], ['timestamptz', new Date(Date.UTC(2024, 1, 29, 1, 2, 3, 4))],
    ]
    for (const [kind, value] of given) assert.deepEqual(await first(main, `select $1::${kind}`, [value]), value)
  },

  async named_statement(main) {
    const text = "insert into kept values ('named_statement', $1) returning n"
    for (let number = 1; number <= 200; ++number) {
      await main.query('begin')
      assert.equal(await first(main, { name: 'keep', text, values: [number] }), number)
      if (number % 10 === 0) assert.equal(await preparedLike(main, text.slice(0, -12)), 1)
      await main.query('commit')
    }
  },

  async shared_statement() {
    const clients = []
    for (let at = 0; at < (transaction ? 5 : size - 1); ++at) clients.push(await connect())
    for (let number = 1; number <= 60; ++number) {
      const at = number % clients.length
      const keep = { name: 'keep', text: "insert into kept values ('shared_statement', $1) returning n", values: [number] }
      const mine = { name: 'mine', text: `select ${at} * 1000 + $1::int`, values: [number] }
      assert.equal(await first(clients[at], keep), number)
      assert.equal(await first(clients[at], mine), at * 1000 + number)
    }
    for (const client of clients) await client.end()
  },

  async copies_in_and_out(main) {
    const rows = Array.from({ length: 20_000 }, (_, at) => `copies_in_and_out\t${at + 1}\n`)
    const put = main.query(copyFrom('copy kept from stdin'))
    await pipeline(Readable.from(rows), put)
    assert.equal(put.rowCount, 20_000)
    const got = []
    const sink = new Writable({ write: (chunk, _, done) => { got.push(chunk); done() } })
    await pipeline(main.query(copyTo("copy (select * from kept where step = 'copies_in_and_out' order by n) to stdout")), sink)
    assert.equal(Buffer.concat(got).toString(), rows.join(''))
    await refused('22P02', pipeline(Readable.from(['x\t1\n', 'x\tone\n']), main.query(copyFrom('copy kept from stdin'))))
    assert.equal(await first(main, "select count(*)::int from kept where step = 'x'"), 0)
  },

  async cancels(main) {
    const other = await connect()
    const asleep = "select count(*)::int from pg_stat_activity where state = 'active' and query = $1"
    for (let round = 0; round < 3; ++round) {
      const text = `select pg_sleep(60${round})` // the one before is shown as active for a moment more
      const ended = refused('57014', main.query(text))
      await until(async () => (await first(other, asleep, [text])) === 1)
      const canceller = new Client({ ssl: false })
      canceller.connection.on('error', () => {}) // the server says nothing and closes
      // Before it closes the next query may be hit as well: a postmaster signals twice.
      const arrived = new Promise((done) => canceller.connection.once('end', done))
      canceller.cancel(main, main.activeQuery)
      await Promise.all([arrived, ended])
    }
    assert.equal(await first(main, "insert into kept values ('cancels', 1) returning n"), 1)
    await other.end()
  },

  async pipelines(main) {
    // Queued, one after the other is answered; then sent at once, each behind a Sync of its own.
    const keep = (client, number) =>
      first(client, { name: 'pipelined', text: "insert into kept values ('pipelines', $1) returning n", values: [number] })
    const queued = Array.from({ length: 50 }, (_, at) => keep(main, at + 1))
    assert.deepEqual(await Promise.all(queued), Array.from({ length: 50 }, (_, at) => at + 1))
    const one = await connect({ pipeline: true })
    const sent = Array.from({ length: 50 }, (_, at) => keep(one, at + 51))
    assert.deepEqual(await Promise.all(sent), Array.from({ length: 50 }, (_, at) => at + 51))
    // An error is of its own query, not of those sent behind it.
    const outcome = await Promise.allSettled([keep(one, 1), first(one, 'select 1 / $1::int', [0]), first(one, 'select 7')])
    assert.deepEqual(outcome.map(({ value, reason }) => value ?? reason.code), ['23505', '22012', 7])
    // A transaction whose parts are on their way at once.
    const parts = ['begin', "insert into kept values ('pipelines', 101)", 'rollback', 'select 8']
    assert.equal((await Promise.all(parts.map((text) => one.query(text)))).at(-1).rowCount, 1)
    await one.end()
  },

  async is_notified(main) {
    const listener = await connect()
    await listener.query('listen news')
    for (let number = 0; number < 3; ++number) {
      const told = once(listener, 'notification')
      await main.query('select pg_notify($1, $2)', ['news', `number ${number}`])
      const [{ channel, payload }] = await told
      assert.deepEqual([channel, payload], ['news', `number ${number}`])
    }
    await listener.end()
  },

  async large_result(main) {
    const cursor = main.query(new Cursor("select n, 'row ' || n as note from generate_series(1, 1000000) n"))
    let count = 0
    for (let rows; (rows = await cursor.read(10_000)).length > 0; )
      for (const { n, note } of rows)
        if (n !== ++count || note !== `row ${count}`) assert.fail(`row ${count} is ${n}, ${note}`)
    assert.equal(count, 1_000_000)
    await cursor.close()
    // Closed long before its end.
    const early = main.query(new Cursor('select n from generate_series(1, 1000000) n'))
    assert.equal((await early.read(100)).length, 100)
    await early.close()
    assert.equal(await first(main, 'select 7'), 7)
  },

  async large_value(main) {
    assert.equal(await first(main, "select repeat('0123456789', 5 * 1024 * 1024)"), '0123456789'.repeat(5 << 20))
    const sent = 'x'.repeat(50 << 20)
    assert.equal(await first(main, "select md5($1::text) = md5(repeat('x', 50 * 1024 * 1024))", [sent]), true)
  },

  async large_objects(main) {
    const written = Buffer.alloc(1 << 20, Buffer.from(Array.from({ length: 256 }, (_, at) => at)))
    const oid = await first(main, 'select lo_from_bytea(0, $1)', [written])
    await main.query('begin')
    const descriptor = await first(main, 'select lo_open($1, 262144)', [oid])
    assert.equal(await first(main, 'select lo_lseek($1, 256, 0)', [descriptor]), 256)
    assert.ok(written.subarray(256).equals(await first(main, 'select loread($1, $2)', [descriptor, written.length])))
    await main.query('commit')
    assert.ok(written.equals(await first(main, 'select lo_get($1)', [oid])))
    assert.equal(await first(main, 'select lo_unlink($1)', [oid]), 1)
  },

  async error_and_rollback(main) {
    const keep = (number) => main.query({ name: 'keeps', text: "insert into kept values ('error_and_rollback', $1)", values: [number] })
    await main.query('begin')
    await keep(1)
    await refused('23505', keep(1))
    await refused('25P02', main.query('select 1'))
    await main.query('rollback')
    await main.query('begin')
    await keep(2)
    await main.query('savepoint here')
    await refused('22012', main.query('select 1 / $1::int', [0]))
    await main.query('rollback to here')
    await main.query('commit')
  },

  async settings_are_kept() {
    const one = await connect({ options: '-c work_mem=5MB' })
    const two = await connect({ statement_timeout: 55_000 })
    await one.query("set work_mem = '9MB'; set application_name = 'mine'; set search_path = pg_catalog")
    for (let round = 0; round < 5; ++round) {
      assert.equal(await first(one, 'show work_mem'), '9MB')
      assert.equal(await first(one, 'show application_name'), 'mine')
      assert.equal(await first(one, 'show search_path'), 'pg_catalog')
      assert.equal(await first(two, 'show work_mem'), '4MB')
      assert.equal(await first(two, 'show statement_timeout'), '55s')
    }
    await one.query('reset all')
    assert.equal(await first(one, 'show work_mem'), '5MB')
    await one.end()
    await two.end()
  },

  async many_at_once() {
    let left = workers
    let everybodyIsIn
    const meeting = new Promise((resolve) => { everybodyIsIn = resolve })
    const work = async (me) => {
      const client = await connect({ application_name: `worker ${me}` })
      if (--left === 0) everybodyIsIn()
      if (transaction) await meeting
      for (let number = me * 1000 + 1; number <= me * 1000 + 25; ++number) {
        await client.query('begin')
        await client.query({ name: 'keep', text: "insert into kept values ('many_at_once', $1)", values: [number] })
        const mine = `select max(n) + ${me} from kept where step = 'many_at_once' and n / 1000 = $1`
        assert.equal(await first(client, { name: 'mine', text: mine, values: [me] }), number + me)
        assert.equal(await first(client, 'show application_name'), `worker ${me}`)
        await client.query('commit')
      }
      await client.end()
    }
    await Promise.all(Array.from({ length: workers }, (_, at) => work(at + 1)))
  },

  async goes_without_its_answer() {
    // The client stops to wait and goes; nobody waits for the answer, so the query ends too.
    const hasty = await connect()
    hasty.on('error', () => {}) // its connection ends below
    const other = await connect()
    await assert.rejects(hasty.query({ text: 'select pg_sleep(599)', query_timeout: 100 }), /Query read timeout/)
    const asleep = "select count(*)::int from pg_stat_activity where state = 'active' and query = 'select pg_sleep(599)'"
    await until(async () => (await first(other, asleep)) === 1)
    hasty.connection.stream.destroy()
    await until(async () => (await first(other, asleep)) === 0)
    await other.end()
  },

  async closes(main) {
    await main.query("begin; insert into kept values ('closes', 1)")
    await main.end()
    const late = await connect()
    assert.equal(await first(late, "select count(*)::int from kept where step = 'closes'"), 0) // not committed
    await late.query("insert into kept values ('closes', 2)")
    await late.end()
  },
}

const main = await connect(overTls)
for (const [name, step] of Object.entries(steps)) {
  try {
    await step(main)
  } catch (error) {
    console.log(`FAILED ${name}\n${error.stack}`)
    process.exit(1)
  }
  console.log(`ok ${name}`)
}
