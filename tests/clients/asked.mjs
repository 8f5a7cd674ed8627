// A program with the official TypeScript client, whose person is asked about what its runs want:
//   node asked.mjs legacy|auto NAME MANNER CWD HOST ARGS…
// Modules are taken from $NODE_MODULES. Every line of output is JSON: what was asked, what was left open, how it ended.
//
// MANNER is what comes of a question: allow, deny, decline, cancel, error, misfit; late (a yes
// after somebody else has answered), slow (a yes after a while), gone (the client dies); none (it cannot be asked). Those
// that leave a question open say so once, when a wait has come back to it.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';

const require = createRequire(`${process.env.NODE_MODULES}/`);
const { Client } = require('@modelcontextprotocol/client');
const { StdioClientTransport } = require('@modelcontextprotocol/client/stdio');

const [mode, name, manner, cwd, host, ...args] = process.argv.slice(2);
const say = (what) => console.log(JSON.stringify(what));
const over = (status) => ['completed', 'failed', 'cancelled', 'rejected'].includes(status);

const capabilities = manner === 'none' ? {} : { elicitation: { form: {} } };
const client = new Client({ name, version: '1' }, { capabilities, versionNegotiation: { mode } });
let run, late;
const lateness = new Promise((resolve) => { late = resolve; });
if (manner !== 'none') {
  client.setRequestHandler('elicitation/create', async ({ params }, context) => {
    say({ asked: params.message, form: params.requestedSchema });
    const yes = { action: 'accept', content: { answer: 'allow' } };
    switch (manner) {
      case 'allow': return yes;
      case 'deny': return { action: 'accept', content: { answer: 'deny', feedback: 'not today' } };
      case 'decline': return { action: 'decline' };
      case 'cancel': return { action: 'cancel' };
      case 'misfit': return { action: 'accept', content: { answer: 'certainly' } };
      case 'error': throw new Error('this client has no window');
      case 'slow': await sleep(3000); break;
      case 'late': {
        let record;
        do { await sleep(50); record = await call('get_run', { run_id: run.run_id }); } while (!over(record.status));
        late();
        break;
      }
      case 'gone': process.exit(3);
    }
    say({ taken_back: context.mcpReq.signal.aborted });
    return yes;
  });
}

async function call(tool, args) {
  const result = await client.callTool({ name: tool, arguments: args });
  assert.ok(!result.isError, `${tool}: ${JSON.stringify(result.content)}`);
  return result.structuredContent;
}

const env = { ...process.env };
await client.connect(new StdioClientTransport({ command: host, args, env, stderr: 'inherit' }));
run = await call('spawn_run', {
  backend: 'script', role: 'worker', cwd, session_mode: 'new', prompt: 'say hello\n', access: 'full',
});
assert.equal(run.status, 'approval_required');
let cursor, status = run.status;
let told = !['cancel', 'error', 'misfit', 'slow', 'none'].includes(manner);
while (!over(status)) {
  let waited;
  try {
    waited = await call('wait_for_runs', { run_ids: [run.run_id], mode: 'all', cursor, wait_ms: 1000 });
  } catch (error) {
    if (manner !== 'error') throw error;
    continue;
  }
  cursor = waited.next_cursor;
  const record = await call('get_run', { run_id: run.run_id });
  status = record.status;
  if (over(status)) {
    say({ revision: client.getNegotiatedProtocolVersion(), status, message: record.error?.message ?? null });
  } else if (!told) {
    // The person of this client has had their chance, or none.
    told = true;
    say({ left: status, how: record.waiting_for?.how });
  }
  await sleep(20);
}
// A late yes is still said before this client goes.
if (manner === 'late') await lateness;
await client.close();
