// Runs the suite in the folder argv[2] against the address argv[3], and prints what
// came of each test as JSON. With "revised" as argv[4] those tests expect what the
// suite's repository has them expect today: what is published is of before RFC 9111.
import { createRequire } from 'module'

const [suite, address, mode] = process.argv.slice(2)
const fetch = createRequire(suite + '/package.json')('node-fetch')
const { runTests, getResults } = await import(suite + '/client/runner.mjs')
const { determineTestResult } = await import(suite + '/lib/display.mjs')
const suites = (await import(suite + '/tests/index.mjs')).default
const all = new Map(suites.flatMap(s => s.tests.map(t => [t.id, t])))

function revise () {
  // RFC 9111, section 5.1: the first of several values counts, and what is no number
  // of seconds is ignored.
  for (const what of ['nonnumeric', 'negative', 'float', 'prefix-twoline', 'dup-0', 'dup-0-twoline', 'dup-old']) {
    all.get('age-parse-' + what).requests[1].expected_type = 'cached'
  }
  for (const what of ['parameter', 'numeric-parameter']) {
    all.get('age-parse-' + what).kind = 'check'
  }
  // What a 304 says of these fields updates them; what it does to others is asked and
  // not required (RFC 9111, section 3.2).
  const updated = ['Test-Header', 'X-Test-Header', 'Content-Foo', 'X-Content-Foo', 'Cache-Control', 'Content-Length']
  for (const [id, test] of all) {
    const [, name] = id.split('304-etag-update-response-')
    if (name && !updated.includes(name)) test.kind = 'check'
  }
  // A proxy whose origin hangs up says so itself: no response counts requests then.
  for (const what of ['must-revalidate', 'proxy-revalidate', 'no-cache', 's-maxage=2']) {
    const request = all.get('stale-close-' + what).requests[1]
    delete request.expected_type
    Object.assign(request, { expected_status: 502, check_body: false, expected_response_headers_missing: ['Server-Request-Count'] })
  }
}

if (mode === 'revised') revise()
await runTests(suites, fetch, false, address)
const results = getResults()
const counted = []
for (const test of all.values()) {
  if (test.browser_only) continue
  const symbol = determineTestResult(suites, test.id, results)[2]
  counted.push({
    id: test.id,
    kind: test.kind || 'required',
    passed: symbol === '✅' || symbol === 'Y',
    why: symbol === '⚪️' ? 'a test that it depends on fails' : String(results[test.id]?.[1] ?? '')
  })
}
console.log(JSON.stringify(counted))
