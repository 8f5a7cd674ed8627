// What a program with the official TypeScript client does with the host:
//   node check.mjs legacy|auto HOST CONFIG CWD
// Modules are taken from $NODE_MODULES. The last line of output says what was agreed on.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';

const require = createRequire(`${process.env.NODE_MODULES}/`);
const { Client } = require('@modelcontextprotocol/client');
const { StdioClientTransport } = require('@modelcontextprotocol/client/stdio');

const [mode, host, config, cwd] = process.argv.slice(2);
const client = new Client({ name: 'check-ts', version: '1' }, { versionNegotiation: { mode } });
// What this client does not pass on by itself: how the test finds the processes.
const env = { ...process.env };
await client.connect(new StdioClientTransport({ command: host, args: ['--config', config, 'serve'], env }));
assert.equal(client.getServerVersion().name, 'pointsman');
assert.ok(client.getInstructions().length > 0);

const { tools } = await client.listTools();
assert.equal(tools.length, 12);
for (const tool of tools) {
  assert.ok(tool.outputSchema && tool.annotations && tool.description, tool.name);
  assert.ok(JSON.stringify(tool).length < 16_384, tool.name);
}

const progress = [];
async function call(name, args, options) {
  const result = await client.callTool({ name, arguments: args }, options);
  assert.ok(!result.isError, `${name}: ${JSON.stringify(result.content)}`);
  assert.deepEqual(JSON.parse(result.content[0].text), result.structuredContent);
  return result.structuredContent;
}

// A prompt of one command in each line: see tests/agent/agent.sh.
const run = await call('spawn_run', {
  backend: 'script', role: 'worker', cwd, session_mode: 'new', prompt: 'say hello\nbig 20000\n',
});
assert.equal(run.status, 'queued');
const waited = await call('wait_for_runs', { run_ids: [run.run_id], mode: 'all' },
  { onprogress: (p) => progress.push(p), resetTimeoutOnProgress: true });
assert.ok(waited.done);
assert.equal(waited.still_running, 0);

const record = await call('get_run', { run_id: run.run_id });
assert.equal(record.status, 'completed');

const events = [];
for (let more = true; more;) {
  const page = await call('poll_events', { run_id: run.run_id, after_seq: events.length, wait_ms: 0 });
  events.push(...page.events);
  more = page.truncated;
}
events.forEach((event, i) => assert.equal(event.seq, i + 1));
assert.equal(events.at(-1).type, 'run_completed');

let moved = 0;
for (const event of events) {
  for (const pointer of Object.keys(event.data.artifact_refs ?? {})) {
    let value = '', page;
    do {
      page = await call('get_event_artifact', {
        run_id: run.run_id, seq: event.seq, field_path: pointer, offset: Buffer.byteLength(value),
      });
      value += page.content;
    } while (page.has_more);
    assert.equal(Buffer.byteLength(value), page.total_bytes);
    moved += 1;
  }
}
assert.ok(moved > 0, 'something was large enough to be moved out of its event');

const wrong = await client.callTool({ name: 'get_run', arguments: { run_id: 'nobody' } });
assert.ok(wrong.isError);
assert.match(wrong.content[0].text, /Unknown run_id/);

// The client goes while an agent works and a call waits.
const stays = await call('spawn_run', { backend: 'script', role: 'worker', cwd, session_mode: 'new', prompt: 'stay' });
await call('poll_events', { run_id: stays.run_id, after_seq: 0 });
const revision = client.getNegotiatedProtocolVersion?.() ?? null;
const began = Date.now();
await client.close();
assert.ok(Date.now() - began < 2000, 'the host ends by itself, before it is told by a signal');
console.log(JSON.stringify({ revision, events: events.length, moved }));
